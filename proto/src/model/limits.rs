//! Every bound on sizes and counts, in one place, with the relations between them.
//!
//! A bound is there to keep one party from using up what belongs to all. Each says why it has its
//! value; a call that would exceed one is refused with `LIMIT_EXCEEDED` and the bound's name.

use super::{resources::Milli, time::Duration};

/// Longest id. Two ids, a separator and a suffix must fit into a file name (255 bytes).
pub const ID_BYTES_MAX: usize = 128;
const _: () = assert!(ID_BYTES_MAX < 255);

/// Longest free text (a task's name, a status message, a label's value).
pub const TEXT_BYTES_MAX: usize = 1_024;

/// Longest host name: DNS allows no more.
pub const HOSTNAME_BYTES_MAX: usize = 255;

/// Longest `host:port`.
pub const ADDRESS_BYTES_MAX: usize = HOSTNAME_BYTES_MAX + ":65535".len();

/// How long a master keeps a question about who leads when it has no news. An election is over
/// within this, mostly: so one question finds the next leader, and finds it at once.
pub const LEADER_NEWS_WAIT: Duration = Duration::from_seconds(1);

/// Longest account name; useradd allows no more.
pub const USER_BYTES_MAX: usize = 32;

/// Shortest request id: shorter ones are not unique by chance alone.
pub const REQUEST_ID_BYTES_MIN: usize = 16;

/// Longest request id; the ledger remembers many.
pub const REQUEST_ID_BYTES_MAX: usize = 64;
const _: () = assert!(REQUEST_ID_BYTES_MAX <= ID_BYTES_MAX);

/// Largest amount of a scalar resource, in thousandths: 10^12 units. Nine thousand of them add up
/// within an `i64`; every sum is checked all the same, and shares multiply in `i128`.
pub const MILLI_MAX: i64 = 1_000_000_000_000_000;

/// Resources that one agent, offer or task may name.
pub const RESOURCES_MAX: usize = 32;

/// Ranges in one range resource; more is a sign of fragmentation gone wrong.
pub const RANGES_MAX: usize = 1_024;

/// Items in one set resource.
pub const SET_ITEMS_MAX: usize = 1_024;

/// Devices in one resource; a host has a few, and the largest machines some dozens.
pub const DEVICES_MAX: usize = 256;

/// Attributes of one agent.
pub const ATTRIBUTES_MAX: usize = 64;

/// Labels of one task or framework.
pub const LABELS_MAX: usize = 64;

/// Arguments of a command; Linux allows far more, people do not need it.
pub const ARGUMENTS_MAX: usize = 1_024;

/// All arguments and the environment together. Linux gives a new program 128 KiB for one string and
/// a quarter of the stack for all; 64 KiB fits everywhere.
pub const COMMAND_BYTES_MAX: usize = 64 * 1_024;

/// Environment variables of a command.
pub const ENVIRONMENT_MAX: usize = 1_024;

/// Tasks in one accept, all of its operations together.
pub const TASKS_PER_ACCEPT_MAX: usize = 1_000;

/// Tasks in one task group. A pod has a handful; each is looked at whenever one of them changes.
pub const TASKS_PER_GROUP_MAX: usize = 64;
const _: () = assert!(TASKS_PER_GROUP_MAX <= TASKS_PER_ACCEPT_MAX);

/// Operations in one accept: each is checked against what those before it did.
pub const OPERATIONS_PER_ACCEPT_MAX: usize = 100;

/// Reservations of one agent: a registration and an offer look at each.
pub const RESERVATIONS_PER_AGENT_MAX: usize = 1_000;

/// Reservations in one cluster.
pub const RESERVATIONS_MAX: usize = 200_000;

/// Reservations that one task takes from: as many as it may name resources.
pub const RESERVED_PARTS_MAX: usize = RESOURCES_MAX;

/// Smallest volume, MiB of `disk`: less is not worth a directory of its own.
pub const VOLUME_SIZE_MIN: Milli = Milli(1_000);

/// Volumes of one agent: a registration names each.
pub const VOLUMES_PER_AGENT_MAX: usize = 1_000;

/// Volumes in one cluster.
pub const VOLUMES_MAX: usize = 200_000;

/// Bytes of an image's name: a registry's host (255 at most), a repository (255), a tag.
pub const IMAGE_NAME_BYTES_MAX: usize = 512;

/// Volumes that one task uses: each is mounted before it begins.
pub const VOLUMES_PER_TASK_MAX: usize = 16;

/// Bytes of the path at which a task sees a volume: with the sandbox's own it stays well below what
/// the kernel takes (4,096).
pub const VOLUME_PATH_BYTES_MAX: usize = 1_024;

/// Bytes of one name in such a path: what file systems take.
pub const FILE_NAME_BYTES_MAX: usize = 255;

/// Offers in one accept or decline.
pub const OFFERS_PER_CALL_MAX: usize = 1_000;

/// Acknowledgements in one call.
pub const ACKNOWLEDGEMENTS_PER_CALL_MAX: usize = 10_000;

/// Tasks named in one explicit reconciliation.
pub const RECONCILE_TASKS_MAX: usize = 10_000;

/// Roles of one framework.
pub const FRAMEWORK_ROLES_MAX: usize = 16;

/// Components of a role's path. What a task uses is summed for each of them, and a share is
/// compared at each of them, so that the depth is a factor of both.
pub const ROLE_DEPTH_MAX: usize = 8;

/// The highest priority. Ten bands are more than the five in which large clusters are run (free,
/// best effort, batch, production, monitoring), and one digit to write.
pub const PRIORITY_MAX: u8 = 9;

/// Levels of fault domains: room, row, rack and what is around them. Each is looked at for every
/// piece that is spread.
pub const DOMAIN_LEVELS_MAX: usize = 8;

/// Groups of a role's offer terms. Each is looked at for every plain offer in the role.
pub const OFFER_GROUPS_MAX: usize = 32;

/// Alternatives of what an offer must hold at least.
pub const OFFER_SIZES_MAX: usize = 8;

/// Roles with a weight or a quota of their own. A change of quota looks at all of them.
pub const ROLES_CONFIGURED_MAX: usize = 10_000;

/// Tasks known on one agent, terminal ones with unacknowledged updates included.
pub const TASKS_PER_AGENT_MAX: usize = 10_000;

/// Agents in one cluster, removed ones that are still remembered included.
pub const AGENTS_MAX: usize = 100_000;

/// Frameworks in one cluster, removed ones that are still remembered included.
pub const FRAMEWORKS_MAX: usize = 10_000;

/// Removed frameworks and agents that are remembered; the oldest is forgotten first.
pub const REMOVED_REMEMBERED_MAX: usize = 1_000;

/// Tasks known in one cluster.
pub const TASKS_MAX: usize = 2_000_000;

/// Ended and acknowledged tasks that are remembered per framework, so that listings can show them
/// and their ids are not used again; the oldest is forgotten first.
pub const ENDED_TASKS_PER_FRAMEWORK_MAX: usize = 1_000;

/// Ended tasks that are remembered per removed framework, so that listings still show them after a
/// job; the oldest is forgotten first, and all with their framework. Little of what a cluster knows
/// may be of what is gone.
pub const ENDED_TASKS_PER_REMOVED_FRAMEWORK_MAX: usize = 100;
const _: () =
    assert!(REMOVED_REMEMBERED_MAX * ENDED_TASKS_PER_REMOVED_FRAMEWORK_MAX <= TASKS_MAX / 10);

/// Unacknowledged updates per task. Past it an agent's update waits at the agent.
pub const PENDING_UPDATES_PER_TASK_MAX: usize = 32;

/// Answers to accepts that are remembered per framework for retries.
pub const ACCEPT_OUTCOMES_PER_FRAMEWORK_MAX: usize = 64;

/// Answers to operators' calls that are remembered for retries, of all operators together. People
/// and their scripts repeat within minutes; this is a call a second for a quarter of an hour.
pub const OPERATOR_ANSWERS_MAX: usize = 1_024;

/// Decline filters per framework and role; the one that ends first makes room.
pub const FILTERS_PER_FRAMEWORK_MAX: usize = 100_000;

/// Demands of which no agent could hold a piece, as the allocator remembers them; then it forgets
/// all, and looks again.
pub const HOPELESS_DEMANDS_MAX: usize = 1_024;

/// Longest refusal of an offer; Mesos cuts at the same 365 days.
pub const REFUSE_MAX: Duration = Duration::from_seconds(365 * 24 * 3_600);

/// How long declined resources are kept back when a call does not say; Mesos' default.
pub const REFUSE_DEFAULT: Duration = Duration::from_seconds(5);

/// How long an offer may be kept and handed back unused at no charge: the time that what is
/// declined stays away by default. Thinking that takes so long costs others no more than a decline.
pub const HOLD_FREE: Duration = REFUSE_DEFAULT;

/// For how long a framework stands behind all others at most, whatever it kept: ten times as long
/// as an offer lasts by default. Whoever has mended its ways is not to wait for hours.
pub const HOLD_MAX: Duration = Duration::from_seconds(600);

/// Shortest time that is left for an answer to those who have let offers lapse. A healthy framework
/// answers in milliseconds; a second leaves it time for a pause.
pub const OFFER_TIMEOUT_LEAST: Duration = Duration::from_seconds(1);

/// Lapses in a row after which the time for an answer is halved no more: 60 s are 1 s then.
pub const HOLD_LAPSES_MAX: u32 = 6;

/// Resources that one decline may name as too few; more than agents have kinds of.
pub const DECLINE_LACKING_MAX: usize = 16;

/// What a decline says to people, kept once per framework and role: a sentence or two.
pub const DECLINE_MESSAGE_BYTES_MAX: usize = 256;

/// Longest failover timeout: one year.
pub const FAILOVER_TIMEOUT_MAX: Duration = Duration::from_seconds(365 * 24 * 3_600);

/// Longest grace period between TERM and KILL.
pub const GRACE_PERIOD_MAX: Duration = Duration::from_seconds(3_600);

/// Grace period of a task that does not say; Mesos' default.
pub const GRACE_PERIOD_DEFAULT: Duration = Duration::from_seconds(3);

/// Longest notice before a task is ended for others: somebody waits for its place meanwhile.
pub const PREEMPTION_NOTICE_MAX: Duration = Duration::from_seconds(600);

/// Further signals between the first one and KILL; a supervisor keeps them all.
pub const KILL_STEPS_MAX: usize = 8;

/// Longest text that names a signal.
pub const SIGNAL_BYTES_MAX: usize = 16;

/// Longest time that a task can be given to complete. Who wants more wants no end.
pub const COMPLETION_TIME_MAX: Duration = Duration::from_seconds(365 * 24 * 3_600);

/// Tasks that may give way at once for one piece or gang: as many as an accept can launch, so that
/// the command fits an entry.
pub const PREEMPTION_TASKS_MAX: usize = TASKS_PER_ACCEPT_MAX;

/// Longest time that a drain respects budgets: a month.
pub const DRAIN_DEADLINE_MAX: Duration = Duration::from_seconds(30 * 24 * 3_600);

/// A drain's deadline when nothing is said: long enough for a framework to move what it has, and
/// short enough that nobody's budget of zero keeps a machine for a day.
pub const DRAIN_DEADLINE_DEFAULT: Duration = Duration::from_seconds(3_600);

/// Longest maintenance window, and the furthest into the future that one may begin.
pub const WINDOW_MAX: Duration = Duration::from_seconds(365 * 24 * 3_600);

/// Maintenance windows that have not ended: each is compared with agents that come back.
pub const WINDOWS_MAX: usize = 1_000;

/// Conditions of one selector.
pub const SELECTOR_CONDITIONS_MAX: usize = 16;

/// Encoded size of one message from a framework or an operator.
pub const CALL_BYTES_MAX: usize = 4 * 1_024 * 1_024;

/// Encoded size of one message from an agent: a registration names all its tasks.
pub const AGENT_MESSAGE_BYTES_MAX: usize = 8 * 1_024 * 1_024;
const _: () = assert!(TASKS_PER_AGENT_MAX * (2 * ID_BYTES_MAX + 64) < AGENT_MESSAGE_BYTES_MAX);

/// Encoded size of one command. An accept becomes one command, so that it must fit a call.
pub const COMMAND_ENCODED_BYTES_MAX: usize = 2 * CALL_BYTES_MAX;

/// Commands in one log entry.
pub const COMMANDS_PER_BATCH_MAX: usize = 4_096;

/// Bytes after which a batch is closed even if more commands wait.
pub const BATCH_BYTES: usize = 1_024 * 1_024;

/// Commands proposed and not yet applied; past it calls are refused with `OVERLOADED`.
pub const PROPOSALS_IN_FLIGHT_MAX: usize = 65_536;
const _: () = assert!(PROPOSALS_IN_FLIGHT_MAX >= COMMANDS_PER_BATCH_MAX);

/// Messages that wait for one receiver; past it the receiver loses its connection.
pub const OUTBOUND_MESSAGES_MAX: usize = 16_384;

/// Frames that wait for one peer; past it the oldest is dropped, raft repeats itself.
pub const PEER_MESSAGES_MAX: usize = 4_096;

/// Inputs that wait for the core; past it the shell stops reading from sockets.
pub const INPUTS_MAX: usize = 16_384;

/// Images that one agent pulls at once; other tasks wait for their turn.
pub const IMAGE_PULLS_AT_ONCE: usize = 3;

/// Masters that vote. More make every commit slower and bear no more failures than anybody plans
/// for.
pub const VOTERS_MAX: usize = 7;

/// Masters, those included that are on their way in or out: one of each at a time.
pub const MASTERS_MAX: usize = VOTERS_MAX + 1;

/// Addresses of masters that a client keeps in mind.
pub const MASTER_ADDRESSES_MAX: usize = 64;
const _: () = assert!(MASTERS_MAX < MASTER_ADDRESSES_MAX);

/// Encoded size of one frame between masters.
pub const PEER_FRAME_BYTES_MAX: usize = 16 * 1_024 * 1_024;
const _: () = assert!(PEER_FRAME_BYTES_MAX > COMMAND_ENCODED_BYTES_MAX + BATCH_BYTES);

/// One part of a streamed snapshot, well under gRPC's usual 4 MiB.
pub const SNAPSHOT_CHUNK_BYTES: usize = 512 * 1_024;

/// Reads that have become possible and wait for a thread that answers them. Each keeps the state
/// that it is to be answered from, of which a busy cluster copies what it changes.
pub const READS_WAITING_MAX: usize = 1_024;

/// Rows on one page of a listing.
pub const PAGE_ROWS_MAX: u32 = 1_000;

/// Rows on a page when the call does not say.
pub const PAGE_ROWS_DEFAULT: u32 = 100;

/// Facts kept for watchers that resume.
pub const EVENTS_KEPT_MAX: usize = 65_536;

/// Facts that a watcher which is behind is sent at once: a millisecond's work or two, so that
/// nobody notices who catches up.
pub const WATCH_CATCH_UP_FACTS: usize = 1_024;
const _: () = assert!(WATCH_CATCH_UP_FACTS < OUTBOUND_MESSAGES_MAX);

/// Agents in one part of what is shown of a shared role: a part is sent when the one before has
/// been read, so that a large one is late and a small one costs a turn.
pub const SHARED_AGENTS_PER_MESSAGE_MAX: usize = 512;

/// Watchers of the event stream at one time.
pub const WATCHERS_MAX: usize = 256;

/// Open connections on one listener: one for each agent and framework that there may be, and some
/// for operators. The host's limit of open files is usually lower and then bounds it.
pub const CONNECTIONS_MAX: usize = 131_072;
const _: () = assert!(CONNECTIONS_MAX >= AGENTS_MAX + FRAMEWORKS_MAX + WATCHERS_MAX);

/// Piece of a file that an agent sends at once.
pub const FILE_CHUNK_BYTES: usize = 64 * 1_024;

/// Entries of a framework's demand in one role.
pub const DEMANDS_MAX: usize = 1_000;

/// Pieces of one entry of a demand.
pub const DEMAND_PIECES_MAX: u32 = 100_000;

/// Constraints of one entry of a demand.
pub const CONSTRAINTS_MAX: usize = 32;

/// Values that a constraint compares with.
pub const CONSTRAINT_VALUES_MAX: usize = 64;

/// Longest wait for a gang: a day. Whoever would wait longer states it again.
pub const GANG_TIMEOUT_MAX: Duration = Duration::from_seconds(24 * 3_600);

/// Demands that are remembered after they ended, so that it can still be asked why they were not
/// served; the oldest makes room.
pub const PAST_DEMANDS_MAX: usize = 1_000;

/// For how long they are: as long as it takes somebody to see an alert and ask.
pub const PAST_DEMANDS_KEPT: Duration = Duration::from_seconds(3_600);

/// Standings in one answer to why somebody gets nothing.
pub const STANDINGS_MAX: usize = 100;

/// Election timeouts (of one second, as released) for which a leader's disk may lack what a quorum
/// of others holds before leadership is handed over. A change of leader costs everybody half a
/// second and a new registration: it must not be had for one late write.
pub const SLOW_DISK_ELECTION_TIMEOUTS: u64 = 3;

/// How many times as long as the others such a disk must take. Disks that are all alike differ by
/// a factor of up to two, since a write may wait for one that is under way: there nobody moves.
pub const SLOW_DISK_RATIO: u64 = 3;
