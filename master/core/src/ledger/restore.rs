//! A ledger from the records of a dump. Nothing is believed: parts are read as from a socket, the
//! order is checked, sums and indexes are computed anew, and the whole must keep every invariant.

use super::{
    Agent, AgentState, Drain, Framework, FrameworkState, Kill, Ledger, LogVersion, Pools,
    Preempted, Size, SizeChange, Stamp, Table, Task, Window,
    codec_commands::{read_each, read_id, read_optional_id, required},
    codec_groups::{read_group, read_membership},
    codec_members::read_member,
    codec_once::read_answer,
    codec_preemption::read_preempted,
    codec_reservations::read_reservation,
    codec_roles::read_role,
    codec_volumes::read_volume_row,
    derive::derive,
    frameworks::AcceptOutcome,
    invariants::{self, Broken},
};
use prost::Message as _;
use proto::convert::{
    agent::read_agent_info,
    agent_life::{read_drain_plan, read_selector},
    framework::read_framework_info,
    operation::read_operation_result,
    resources::read_resources,
    status::{read_reason, read_state, read_status},
    task::read_task_info,
};
use proto::model::{
    Duration, Instant, OperationResult, Refusal, Resources, StatusReason, TaskKey, TaskState,
    WallTime, resize::check_resize,
};
use proto::wire::log::v1::{
    self,
    record::{self as wire, Record as Kind},
};
use std::{collections::BTreeMap, sync::Arc};

/// Why records are not a ledger.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RestoreError {
    /// Not protobuf, or of another schema.
    #[error("record {record} is not protobuf")]
    Protobuf {
        /// Which, from 0.
        record: u64,
        /// What is wrong.
        #[source]
        source: prost::DecodeError,
    },
    /// A record of a kind that this software does not know.
    #[error("record {record} is of an unknown kind")]
    Kind {
        /// Which, from 0.
        record: u64,
    },
    /// Not the header first, or rows that are not in order.
    #[error("record {record} is out of order")]
    Order {
        /// Which, from 0.
        record: u64,
    },
    /// A record's part is not what it must be.
    #[error("record {record} is malformed")]
    Field {
        /// Which, from 0.
        record: u64,
        /// What is wrong.
        #[source]
        source: Refusal,
    },
    /// There is no header.
    #[error("there are no records")]
    Empty,
    /// Each record is well, and all together are not.
    #[error("the records contradict each other")]
    Broken(#[source] Broken),
}

/// Takes records one by one.
#[derive(Debug, Default)]
pub struct Restore {
    ledger: Option<Ledger>,
    records: u64,
}

impl Restore {
    /// Before the first record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next record. After an error the restore is to be dropped.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let record = self.records;
        self.records += 1;
        let wire = v1::Record::decode(bytes);
        let wire = wire.map_err(|source| RestoreError::Protobuf { record, source })?;
        let kind = wire.record.ok_or(RestoreError::Kind { record })?;
        let field = |source| RestoreError::Field { record, source };
        let in_order = match (kind, &mut self.ledger) {
            (Kind::Header(header), ledger @ None) => {
                *ledger = Some(read_header(&header).map_err(field)?);
                true
            }
            (Kind::Member(member), Some(ledger)) => {
                let member = read_member(member).map_err(field)?;
                let rows = &mut ledger.members.rows;
                let node = member.info.node;
                let behind = rows.last_key_value().is_none_or(|(last, _)| *last < node);
                rows.insert(node, member);
                let rest = ledger.roles.rows.is_empty() && ledger.agents.is_empty();
                behind && rest && ledger.frameworks.is_empty()
            }
            (Kind::Role(role), Some(ledger)) => {
                let (role, row) = read_role(role).map_err(field)?;
                let first_of_kind = ledger.agents.is_empty() && ledger.frameworks.is_empty();
                append(&mut ledger.roles.rows, role, row) && first_of_kind
            }
            (Kind::Agent(agent), Some(ledger)) => {
                let agent = read_agent(agent).map_err(field)?;
                let id = agent.info.id.clone();
                let first_of_kind = ledger.frameworks.is_empty() && ledger.tasks.is_empty();
                append(&mut ledger.agents, id, agent) && first_of_kind
            }
            (Kind::Framework(framework), Some(ledger)) => {
                let framework = read_framework(framework).map_err(field)?;
                append(&mut ledger.frameworks, framework.id, framework) && ledger.tasks.is_empty()
            }
            (Kind::Task(task), Some(ledger)) => {
                let task = read_task(task).map_err(field)?;
                let rest = ledger.windows.is_empty() && ledger.groups.is_empty();
                append(&mut ledger.tasks, task.key.clone(), task) && rest
            }
            (Kind::Window(window), Some(ledger)) => {
                let window = read_window(window).map_err(field)?;
                let first_of_kind = ledger.reservations.is_empty() && ledger.groups.is_empty();
                append(&mut ledger.windows, window.id, window) && first_of_kind
            }
            (Kind::Reservation(row), Some(ledger)) => {
                let row = read_reservation(row).map_err(field)?;
                append(&mut ledger.reservations, row.id, row) && ledger.groups.is_empty()
            }
            (Kind::Group(group), Some(ledger)) => {
                let group = read_group(group).map_err(field)?;
                append(&mut ledger.groups, group.key.clone(), group) && ledger.volumes.is_empty()
            }
            (Kind::Volume(row), Some(ledger)) => {
                let row = read_volume_row(row).map_err(field)?;
                append(&mut ledger.volumes, row.info.id, row) && ledger.operator_answers.is_empty()
            }
            (Kind::OperatorAnswer(answer), Some(ledger)) => {
                ledger.restore_answer(read_answer(answer).map_err(field)?)
            }
            (Kind::Header(_), Some(_)) | (_, None) => false,
        };
        in_order.then_some(()).ok_or(RestoreError::Order { record })
    }

    /// After the last record: the ledger, whole.
    pub fn finish(self) -> Result<Ledger, RestoreError> {
        let mut ledger = self.ledger.ok_or(RestoreError::Empty)?;
        let derived = derive(&ledger).map_err(RestoreError::Broken)?;
        ledger.index = derived.index;
        ledger.roles.allocated = derived.roles;
        ledger.roles.reserved = derived.reserved;
        for (id, (used, refinements)) in derived.reservations {
            // Of one that there is not, the invariants tell.
            if let Some(row) = ledger.reservations.get_mut(&id) {
                (row.used, row.refinements) = (used, refinements);
            }
        }
        for (id, disk) in derived.volume_disk {
            if let Some(row) = ledger.reservations.get_mut(&id) {
                row.volumes = disk;
            }
        }
        for (id, users) in ledger.index.volume_tasks.iter() {
            let row = ledger.volumes.get_mut(id).expect("derived from a row");
            row.info.task_count = users.len() as u64;
        }
        for (id, pools) in derived.pools {
            if let Some(agent) = ledger.agents.get_mut(&id) {
                agent.pools = pools;
            }
        }
        for (id, allocated) in derived.allocated {
            ledger.agents.get_mut(&id).expect("derived from a row").allocated = allocated;
        }
        for (id, tasks) in derived.frameworks {
            let framework = ledger.frameworks.get_mut(&id).expect("derived from a row");
            framework.allocated = tasks.allocated;
            framework.pending_acknowledgements = tasks.pending_acknowledgements;
            framework.task_count = tasks.task_count;
            framework.ended = tasks.ended;
        }
        match invariants::check(&ledger).into_iter().next() {
            None => Ok(ledger),
            Some(broken) => Err(RestoreError::Broken(broken)),
        }
    }
}

/// Puts a row behind all others; false when it does not belong there.
fn append<K: Ord + Clone, V>(table: &mut Table<K, V>, key: K, row: V) -> bool {
    let behind = table.last_key().is_none_or(|last| *last < key);
    table.insert(key, row);
    behind
}

fn read_header(header: &wire::Header) -> Result<Ledger, Refusal> {
    let mut ledger = Ledger::new(read_id("cluster_id", &header.cluster_id)?);
    ledger.applied = Stamp {
        index: header.applied_index,
        term: header.applied_term,
        time: Instant(header.time_ms),
        wall: WallTime::default(),
    };
    ledger.next_framework = header.next_framework;
    ledger.next_window = header.next_window.max(1);
    ledger.next_reservation = header.next_reservation.max(1);
    ledger.next_volume = header.next_volume.max(1);
    ledger.members.version = header.members_version;
    ledger.members.last_node = header.last_node;
    ledger.members.incarnation = header.incarnation;
    ledger.version = LogVersion::from_number(header.log_version);
    if !ledger.version.is_known() {
        let problem = format!(
            "is {}; this software reads up to {}: it is older than the cluster",
            ledger.version,
            LogVersion::CURRENT
        );
        return Err(Refusal::invalid("log_version", problem));
    }
    Ok(ledger)
}

fn read_agent(agent: wire::Agent) -> Result<Agent, Refusal> {
    let info = required("agent", agent.agent)?;
    Ok(Agent {
        info: Arc::new(read_agent_info(info).map_err(|refusal| refusal.under("agent"))?),
        incarnation: agent.incarnation,
        state: match agent.state {
            1 => AgentState::Registered,
            2 => AgentState::Unreachable,
            3 => AgentState::Removed,
            _ => return Err(Refusal::invalid("state", "is not an agent's state")),
        },
        changed: Instant(agent.changed_ms),
        deactivated: agent.deactivated,
        drain: agent.drain.map(read_drain).transpose().map_err(|no| no.under("drain"))?,
        allocated: Resources::new(),
        pools: Pools::default(),
    })
}

fn read_drain(drain: wire::Drain) -> Result<Drain, Refusal> {
    Ok(Drain {
        since: Instant(drain.since_ms),
        deadline: Instant(drain.deadline_ms),
        max_grace: drain.max_grace_period_ms.map(Duration),
        mark_gone: drain.mark_gone,
        killed: Instant(drain.killed_ms),
        window: read_optional_id("window_id", &drain.window_id)?,
    })
}

fn read_window(window: wire::Window) -> Result<Window, Refusal> {
    let drain = window.drain.map(read_drain_plan).transpose();
    Ok(Window {
        id: read_id("window_id", &window.window_id)?,
        selector: read_selector("selector", &window.selector)?,
        start: Instant(window.start_ms),
        end: Instant(window.end_ms),
        started: window.started,
        drain: drain.map_err(|no| no.under("drain"))?,
        comment: window.comment,
    })
}

fn read_framework(framework: wire::Framework) -> Result<Framework, Refusal> {
    let info = required("info", framework.info)?;
    let outcomes = read_each("accept_outcomes", framework.accept_outcomes, read_outcome)?;
    Ok(Framework {
        id: read_id("framework_id", &framework.framework_id)?,
        info: read_framework_info(info).map_err(|refusal| refusal.under("info"))?,
        principal: framework.principal,
        request: read_id("request_id", &framework.request_id)?,
        epoch: framework.epoch,
        state: match framework.state {
            1 => FrameworkState::Subscribed,
            2 => FrameworkState::Disconnected,
            3 => FrameworkState::Removed,
            _ => return Err(Refusal::invalid("state", "is not a framework's state")),
        },
        changed: Instant(framework.disconnected_ms),
        allocated: BTreeMap::new(),
        pending_acknowledgements: 0,
        task_count: 0,
        accept_outcomes: outcomes.into_iter().map(Arc::new).collect(),
        ended: Table::new(),
    })
}

fn read_outcome(outcome: wire::AcceptOutcome) -> Result<AcceptOutcome, Refusal> {
    let request = read_id("request_id", &outcome.request_id)?;
    let results = match outcome.results.is_empty() {
        true => {
            let tasks = read_each("task_ids", outcome.task_ids, |text| read_id("", &text))?;
            vec![OperationResult::Launched { tasks }]
        }
        false => read_each("results", outcome.results, read_operation_result)?,
    };
    Ok(AcceptOutcome { request, results })
}

fn read_task(task: wire::Task) -> Result<Task, Refusal> {
    let info = read_task_info(required("info", task.info)?);
    let info = info.map_err(|refusal| refusal.under("info"))?;
    let status = read_status(required("status", task.status)?);
    let status = status.map_err(|refusal| refusal.under("status"))?;
    let pending = read_each("pending", task.pending, read_status)?;
    let sequence = match status.sequence {
        0 => pending.last().map_or(0, |last| last.sequence),
        sequence => sequence,
    };
    Ok(Task {
        key: TaskKey {
            framework: read_id("framework_id", &task.framework_id)?,
            task: info.id.clone(),
        },
        info,
        role: read_id("role", &task.role)?,
        status,
        pending,
        agent_sequence: task.agent_sequence,
        sequence,
        kill: read_kill(task.kill_reason, task.kill_grace_period_ms)?,
        launched: Instant(task.launched_ms),
        preempted: read_preempted_at(task.preempted)?,
        changed: Instant(task.changed_ms),
        state_before_unreachable: read_state_before(task.state_before_unreachable)?,
        size: read_size(task.size_version, task.resize_from, task.resize_to)?,
        member: read_membership(&task.group_id, task.group_part, task.group_share)?,
    })
}

fn read_preempted_at(row: Option<wire::Preempted>) -> Result<Option<Box<Preempted>>, Refusal> {
    let read = |row| read_preempted(&row).map_err(|refusal| refusal.under("preempted"));
    Ok(row.map(read).transpose()?.map(Box::new))
}

/// Every kill has a reason, so that none means no kill.
fn read_kill(reason: i32, grace_period_ms: Option<u64>) -> Result<Option<Kill>, Refusal> {
    let read = read_reason(reason).map_err(|refusal| refusal.under("kill_reason"))?;
    match (read, grace_period_ms) {
        (StatusReason::None, None) => Ok(None),
        (StatusReason::None, Some(_)) => {
            Err(Refusal::invalid("kill_grace_period_ms", "is there without a reason"))
        }
        (reason, ms) => Ok(Some(Kill { grace_period: ms.map(Duration), reason })),
    }
}

/// A task without resources there is none, so that empty means no change.
fn read_size(
    version: u64,
    from: Vec<proto::wire::v1::Resource>,
    to: Vec<proto::wire::v1::Resource>,
) -> Result<Option<Box<Size>>, Refusal> {
    let from = read_resources(from).map_err(|refusal| refusal.under("resize_from"))?;
    let to = read_resources(to).map_err(|refusal| refusal.under("resize_to"))?;
    match (version, from.is_empty() && to.is_empty()) {
        (0, true) => Ok(None),
        (0, false) => Err(Refusal::invalid("size_version", "is zero in the midst of a change")),
        (version, true) => Ok(Some(Box::new(Size { version, change: None }))),
        (version, false) => {
            check_resize(&from, &to).map_err(|error| Refusal::invalid("resize_to", error))?;
            Ok(Some(Box::new(Size { version, change: Some(SizeChange { from, to }) })))
        }
    }
}

fn read_state_before(state: i32) -> Result<Option<TaskState>, Refusal> {
    let read = || read_state(state).map_err(|refusal| refusal.under("state_before_unreachable"));
    (state != 0).then(read).transpose()
}
