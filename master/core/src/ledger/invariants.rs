//! What must be true of a ledger between any two commands, under the names that the reliability
//! plan gives: A1 G1 G2 G3 P1 P2 T1 T4 T5 T6 U2 U3 V1 V2 V3 C5 H4, and `index` for what is kept
//! beside the rows.
//!
//! Tests check after every command, restores once; it costs as much as reading everything. It
//! trusts no row and never panics.

use super::{
    Agent, AgentState, Framework, Group, Ledger, RoleConfig, SizeChange, Standing, Task, Volume,
    Window,
    derive::{Derived, OfFramework, derive},
    role_tree,
};
use proto::model::{
    AgentId, FrameworkId, GroupKey, Resources, StatusReason, TaskKey, TaskState, VolumeRef,
    VolumeState, WindowId, limits,
    resize::{check_resize, larger},
    task_group::Part,
};
use std::fmt;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its name.
    pub name: &'static str,
    /// Where and how.
    pub detail: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.detail)
    }
}

impl std::error::Error for Broken {}

/// Findings so far.
#[derive(Default)]
struct Findings(Vec<Broken>);

impl Findings {
    fn expect(&mut self, holds: bool, name: &'static str, detail: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Broken { name, detail: detail() });
        }
    }
}

/// Everything that does not hold; empty when all is well.
pub fn check(ledger: &Ledger) -> Vec<Broken> {
    let mut findings = Findings::default();
    check_bounds(ledger, &mut findings);
    check_members(ledger, &mut findings);
    check_roles(ledger, &mut findings);
    match derive(ledger) {
        Err(broken) => findings.0.push(broken),
        Ok(derived) => {
            for (id, agent) in ledger.agents.iter() {
                check_agent(ledger, id, agent, &derived, &mut findings);
            }
            for (id, framework) in ledger.frameworks.iter() {
                check_framework(ledger, *id, framework, &derived, &mut findings);
            }
            let same = ledger.index == derived.index;
            findings.expect(same, "index", || "an index differs from the rows".to_owned());
            check_reservations(ledger, &derived, &mut findings);
            check_volumes(ledger, &derived, &mut findings);
            let same = ledger.roles.allocated == derived.roles;
            findings.expect(same, "A5", || "a role's sum differs from its tasks".to_owned());
        }
    }
    for (id, window) in ledger.windows.iter() {
        check_window(ledger, *id, window, &mut findings);
    }
    for (key, task) in ledger.tasks.iter() {
        check_identity(ledger, key, task, &mut findings);
        check_life(ledger, task, &mut findings);
        check_updates(ledger, task, &mut findings);
        check_size(task, &mut findings);
        check_member(ledger, task, &mut findings);
    }
    for (key, group) in ledger.groups.iter() {
        check_group(ledger, key, group, &mut findings);
    }
    findings.0
}

/// R1: only what lives changes its size, to one that it can have, and holds the larger of both.
fn check_size(task: &Task, findings: &mut Findings) {
    let Some(SizeChange { from, to }) = task.size_change() else { return };
    let can = check_resize(from, to).is_ok();
    let holds = larger(from, to).is_ok_and(|held| held == task.info.resources);
    let holds_all = can && holds && !task.is_terminal();
    findings.expect(holds_all, "R1", || {
        format!("{} goes from {from} to {to} and holds {}", task.key, task.info.resources)
    });
}

/// G1: a group and its tasks know each other.
fn check_member(ledger: &Ledger, task: &Task, findings: &mut Findings) {
    let Some(key) = task.group() else { return };
    let known = ledger.groups.get(&key).is_some_and(|group| {
        let own = (task.key.task.clone(), task.part().expect("it has a group"));
        (&group.agent, &group.role) == (&task.info.agent, &task.role)
            && group.members.contains(&own)
    });
    findings.expect(known, "G1", || format!("{} is not of the group {key}", task.key));
    let shares = task.member.as_ref().is_some_and(|member| member.share.is_some());
    let is_init = task.part() == Some(Part::Init);
    findings.expect(shares == is_init, "G1", || format!("{} holds another's share", task.key));
}

/// G1, and G2: what is the matter with a group is the end of one of its tasks.
fn check_group(ledger: &Ledger, key: &GroupKey, group: &Group, findings: &mut Findings) {
    findings.expect(*key == group.key, "index", || format!("group {key} under another id"));
    let tasks: Vec<(TaskKey, Option<&Task>)> =
        group.tasks().map(|task| (task.clone(), ledger.tasks.get(&task))).collect();
    let mut rows = tasks.iter().filter_map(|(_, row)| *row);
    let some = rows.clone().next().is_some();
    let own = rows.all(|task| task.group().as_ref() == Some(key));
    findings.expect(own && some, "G1", || format!("group {key} has no tasks"));
    let failed = group.failed.as_ref().is_none_or(|(task, state)| {
        let failed = tasks.iter().find(|(own, _)| own.task == *task);
        failed.is_some_and(|(_, row)| row.is_none_or(|row| row.state() == *state))
    });
    findings.expect(failed, "G2", || format!("group {key} failed for {:?}", group.failed));
    let whole = group.members.len() <= limits::TASKS_PER_GROUP_MAX;
    findings.expect(whole, "H4", || format!("group {key} has {} tasks", group.members.len()));
    // Whoever ends a part of a group ends all of it (what was preempted is to end as one).
    let live: Vec<&Task> =
        tasks.iter().filter_map(|(_, row)| *row).filter(|task| !task.is_terminal()).collect();
    let some = live.iter().filter(|task| task.is_ending()).count();
    findings.expect(some == 0 || some == live.len(), "G3", || {
        format!("group {key}: {some} of {} tasks are being ended", live.len())
    });
}

fn check_bounds(ledger: &Ledger, findings: &mut Findings) {
    let bounds = [
        ("agents", ledger.agents.len(), limits::AGENTS_MAX),
        ("frameworks", ledger.frameworks.len(), limits::FRAMEWORKS_MAX),
        ("tasks", ledger.tasks.len(), limits::TASKS_MAX),
        ("roles", ledger.roles.rows.len(), limits::ROLES_CONFIGURED_MAX),
        ("windows", ledger.windows.len(), limits::WINDOWS_MAX),
        ("reservations", ledger.reservations.len(), limits::RESERVATIONS_MAX),
        ("volumes", ledger.volumes.len(), limits::VOLUMES_MAX),
        ("tombstones", ledger.index.removed_agents.len(), limits::REMOVED_REMEMBERED_MAX),
        ("ended", ledger.index.removed_frameworks.len(), limits::REMOVED_REMEMBERED_MAX),
    ];
    for (what, count, limit) in bounds {
        findings.expect(count <= limit, "H4", || format!("{count} {what}, more than {limit}"));
    }
}

/// M1: who the masters are makes sense, and can be changed again.
fn check_members(ledger: &Ledger, findings: &mut Findings) {
    let members = &ledger.members;
    if members.version == 0 {
        findings.expect(members.rows.is_empty(), "M1", || "members before any".to_owned());
        return;
    }
    let count = |standing| members.of(standing).count();
    let (voters, learners, leaving) =
        (count(Standing::Voter), count(Standing::Learner), count(Standing::Leaving));
    findings.expect(voters > 0, "M1", || "nobody votes".to_owned());
    // A cluster may be founded with any number; it only grows within the limit.
    let one = learners + leaving <= 1;
    findings.expect(one, "M1", || format!("{learners} learn and {leaving} leave at once"));
    for member in members.iter() {
        let node = member.info.node;
        let used = (1..=members.last_node).contains(&node.0);
        findings.expect(used, "M1", || format!("member {node} is above all ids ever used"));
        let replaced = member.replaces.is_none_or(|old| {
            member.standing == Standing::Learner && members.rows.contains_key(&old)
        });
        findings.expect(replaced, "M1", || format!("member {node} replaces nobody"));
    }
}

/// A5, as far as one moment shows it (a limit may be lowered below what is used): each row says
/// something, and no quota contradicts another.
fn check_roles(ledger: &Ledger, findings: &mut Findings) {
    for (role, row) in ledger.roles.iter() {
        findings.expect(*row != RoleConfig::default(), "A5", || format!("{role} has an empty row"));
        let weight = row.weight.is_none_or(|weight| weight.0 > 0 && weight.is_amount());
        findings.expect(weight, "A5", || format!("role {role} weighs {:?}", row.weight));
    }
    let quotas = ledger.roles.quotas().collect();
    if let Err(contradiction) = role_tree::promised(&quotas) {
        findings.expect(false, "A5", || contradiction.to_string());
    }
}

fn check_agent(
    ledger: &Ledger,
    id: &AgentId,
    agent: &Agent,
    derived: &Derived,
    findings: &mut Findings,
) {
    let nothing = Resources::new();
    let sum = derived.allocated.get(id).unwrap_or(&nothing);
    let (kept, total) = (&agent.allocated, &agent.info.resources);
    findings.expect(*id == agent.info.id, "index", || format!("agent {id} under another id"));
    findings.expect(sum == kept, "A1", || {
        format!("agent {id}: sum of live tasks {sum} = kept {kept} ≤ total {total}: the first =")
    });
    findings.expect(total.contains(kept), "A1", || {
        format!("agent {id}: sum of live tasks {sum} = kept {kept} ≤ total {total}: the ≤")
    });
    let gone = agent.state == AgentState::Removed;
    findings.expect(!gone || kept.is_empty(), "T6", || format!("tasks on removed agent {id}"));
    let directed = agent.deactivated || agent.drain.is_some();
    findings.expect(!gone || !directed, "A6", || format!("removed agent {id} has a directive"));
    if let Some(drain) = &agent.drain {
        let soon = drain.since <= drain.killed && drain.killed <= ledger.applied.time;
        findings.expect(soon, "C5", || format!("agent {id} drains in the future"));
        let begun = |id| ledger.window(id).is_some_and(|window| window.started);
        let known = drain.window.is_none_or(begun);
        findings.expect(known, "A6", || format!("agent {id} drains for a window that is not"));
    }
    let now = ledger.applied.time;
    findings.expect(agent.changed <= now, "C5", || format!("agent {id} changed in the future"));
    let open = ledger.open_tasks_of_agent(id);
    let limit = limits::TASKS_PER_AGENT_MAX;
    findings.expect(open <= limit, "H4", || format!("agent {id} has {open} tasks"));
}

/// A1 in every pool, and what is kept beside the rows of reservations.
fn check_reservations(ledger: &Ledger, derived: &Derived, findings: &mut Findings) {
    let same = ledger.roles.reserved == derived.reserved;
    findings.expect(same, "A5", || "a role's sum differs from its reservations".to_owned());
    for (id, agent) in ledger.agents.iter() {
        let pools = derived.pools.get(id).cloned().unwrap_or_default();
        findings.expect(pools == agent.pools, "A1", || format!("agent {id}: pools differ"));
        let fits = pools.unreserved(&agent.info.resources, &agent.allocated).is_some();
        let gone = agent.state == AgentState::Removed;
        findings.expect(fits || gone, "A1", || format!("agent {id}: a pool is used twice"));
        let reservations = ledger.reservations_of_agent(id).count();
        let bounded = reservations <= limits::RESERVATIONS_PER_AGENT_MAX;
        findings.expect(bounded, "H4", || format!("agent {id}: {reservations} reservations"));
    }
    let nothing = (Resources::new(), 0);
    for (id, row) in ledger.reservations.iter() {
        let known = row.id == *id && id.0 > 0 && id.0 < ledger.next_reservation;
        findings.expect(known, "C5", || format!("{id} was never given out"));
        let counted = derived.reservations.get(id).unwrap_or(&nothing);
        let same = (&row.used, row.refinements) == (&counted.0, counted.1);
        findings.expect(same, "index", || format!("{id}: a count differs from its tasks"));
        let fits = row.holds_all();
        findings.expect(fits, "A1", || format!("{id}: {} used of {}", row.used, row.resources));
        let there = ledger.agents.get(&row.agent);
        let there = there.is_some_and(|agent| agent.state != AgentState::Removed);
        findings.expect(there, "T6", || format!("{id} is of no agent"));
        let something = !row.resources.is_empty() || row.refinements > 0;
        findings.expect(something, "A1", || format!("{id} holds nothing"));
        let below = row.parent.is_none_or(|parent| {
            ledger.reservations.get(&parent).is_some_and(|parent| {
                parent.agent == row.agent
                    && parent.id < row.id
                    && row.role != parent.role
                    && row.role.is_within(&parent.role)
            })
        });
        findings.expect(below, "A4", || format!("{id} refines what it cannot"));
    }
    for id in derived.reservations.keys() {
        let known = ledger.reservations.contains_key(id);
        findings.expect(known, "T6", || format!("a task or a refinement names {id}"));
    }
}

/// V3: who uses a volume may: tasks of its agent, for its role or one below; of one that is not
/// shared, one task or one group; of one that is being destroyed, none.
fn check_users(ledger: &Ledger, row: &Volume, findings: &mut Findings) {
    let info = &row.info;
    let users = || ledger.users_of_volume(info.id).filter_map(|key| ledger.tasks.get(key));
    let counted = ledger.users_of_volume(info.id).count() as u64 == info.task_count;
    findings.expect(counted, "V3", || format!("{}: its users are counted wrongly", info.id));
    let used = info.state != VolumeState::Destroying || info.task_count == 0;
    findings.expect(used, "V3", || format!("{} is destroyed in use", info.id));
    for task in users() {
        let own = task.info.volumes.iter().filter(|it| it.volume == VolumeRef::Known(info.id));
        let own = own.map(|mount| mount.incarnation).collect::<Vec<_>>() == [info.incarnation];
        let may = own && task.info.agent == info.agent && task.role.is_within(&info.role);
        findings.expect(may, "V3", || format!("task {} may not use {}", task.key, info.id));
    }
    let group = users().next().and_then(Task::group);
    let is_one =
        info.task_count <= 1 || (group.is_some() && users().all(|task| task.group() == group));
    findings.expect(info.shared || is_one, "V3", || format!("{} is used by several", info.id));
}

/// V1: a volume is of a reservation that holds it. V2: one that changes its size holds the larger
/// of both.
fn check_volumes(ledger: &Ledger, derived: &Derived, findings: &mut Findings) {
    for (id, row) in ledger.reservations.iter() {
        let disk = derived.volume_disk.get(id).copied().unwrap_or_default();
        findings.expect(disk == row.volumes, "V1", || format!("{id}: its volumes take {disk:?}"));
    }
    for (id, row) in ledger.volumes.iter() {
        let info = &row.info;
        let known = info.id == *id && id.0 > 0 && id.0 < ledger.next_volume;
        findings.expect(known, "C5", || format!("{id} was never given out"));
        let of = ledger.reservations.get(&info.reservation);
        let of = of.is_some_and(|of| (&of.agent, &of.role) == (&info.agent, &info.role));
        findings.expect(of, "V1", || format!("{id} is of no reservation"));
        let state = info.state != VolumeState::Gone && info.version > 0;
        findings.expect(state, "V1", || format!("{id} is {} and has a row", info.state));
        let sizes = match (info.state, row.resize_from, info.resizing_to) {
            (VolumeState::Resizing, Some(from), Some(to)) => {
                from != to && info.size == from.max(to) && from.min(to) >= limits::VOLUME_SIZE_MIN
            }
            (state, None, None) => state != VolumeState::Resizing,
            _ => false,
        };
        let sizes = sizes && info.size >= limits::VOLUME_SIZE_MIN;
        findings.expect(sizes, "V2", || format!("{id} has not the size that it should"));
        check_users(ledger, row, findings);
    }
    let bounded = |count: usize| count <= limits::VOLUMES_PER_AGENT_MAX;
    for (id, names) in ledger.index.agent_volumes.iter() {
        let count = names.len();
        findings.expect(bounded(count), "H4", || format!("agent {id}: {count} volumes"));
    }
}

fn check_window(ledger: &Ledger, id: WindowId, window: &Window, findings: &mut Findings) {
    findings.expect(id == window.id, "index", || format!("{id} under another id"));
    let known = id.0 > 0 && id.0 < ledger.next_window;
    findings.expect(known, "C5", || format!("{id} was never given out"));
    let begun = !window.started || window.start <= ledger.applied.time;
    findings.expect(begun && window.start < window.end, "C5", || format!("{id} is upside down"));
}

fn check_framework(
    ledger: &Ledger,
    id: FrameworkId,
    framework: &Framework,
    derived: &Derived,
    findings: &mut Findings,
) {
    let nothing = OfFramework::default();
    let tasks = derived.frameworks.get(&id).unwrap_or(&nothing);
    let kept = &framework.allocated;
    findings.expect(tasks.allocated == *kept, "T5", || {
        format!("{id}: sum of live tasks {:?} = kept {kept:?}", tasks.allocated)
    });
    let counts = tasks.pending_acknowledgements == framework.pending_acknowledgements
        && tasks.task_count == framework.task_count
        && tasks.ended == framework.ended;
    findings.expect(counts, "index", || format!("{id}: a count differs from its tasks"));
    findings.expect(id == framework.id, "index", || format!("{id} under another id"));
    let known = id.0 > 0 && id.0 < ledger.next_framework;
    findings.expect(known, "C5", || format!("{id} was never given out"));
    findings.expect(framework.epoch > 0, "C5", || format!("{id} never subscribed"));
    let now = ledger.applied.time;
    findings.expect(framework.changed <= now, "C5", || format!("{id} changed in the future"));
    let (ended, outcomes) = (framework.ended.len(), framework.accept_outcomes.len());
    let bounded = ended <= framework.ended_tasks_max()
        && outcomes <= limits::ACCEPT_OUTCOMES_PER_FRAMEWORK_MAX;
    findings.expect(bounded, "H4", || format!("{id}: {ended} ended, {outcomes} answers"));
}

/// T1, and who a task belongs to.
fn check_identity(ledger: &Ledger, key: &TaskKey, task: &Task, findings: &mut Findings) {
    let of_this_task = |status: &proto::model::TaskStatus| {
        status.task == task.info.id && status.agent == task.info.agent
    };
    let own = task.key == *key
        && key.task == task.info.id
        && of_this_task(&task.status)
        && task.pending.iter().all(of_this_task);
    findings.expect(own, "T1", || format!("task {key} has a part of another task"));
    let agent = ledger.agents.get(&task.info.agent);
    let there = agent.is_some_and(|agent| agent.state != AgentState::Removed);
    findings.expect(task.is_terminal() || there, "T6", || format!("task {key} lives nowhere"));
    let taken = task.info.resources.is_empty();
    findings.expect(!taken, "A1", || format!("task {key} takes nothing"));
}

/// T4, as far as one moment shows it: apply asserts every step.
fn check_life(ledger: &Ledger, task: &Task, findings: &mut Findings) {
    let (key, state) = (&task.key, task.state());
    findings.expect(state != TaskState::Unknown, "T4", || format!("task {key} is {state}"));
    let now = ledger.applied.time;
    let before = task.state_before_unreachable;
    let remembered = match before {
        None => state != TaskState::Unreachable,
        Some(before) => state == TaskState::Unreachable && before.may_become(state),
    };
    findings.expect(remembered, "T4", || format!("task {key} is {state}, was {before:?}"));
    let reason = task.kill.map(|kill| kill.reason);
    use StatusReason::{
        AgentDraining, FrameworkRemoved, KilledByFramework, KilledByOperator, Preempted,
    };
    let sound = matches!(
        reason,
        None | Some(
            AgentDraining | FrameworkRemoved | KilledByFramework | KilledByOperator | Preempted
        )
    );
    findings.expect(sound, "T4", || format!("task {key} is killed because of {reason:?}"));
    let way = task.preempted.as_deref();
    let lower = way.is_none_or(|to| task.info.revocable || task.info.priority < to.priority);
    findings.expect(lower, "P1", || format!("task {key} gives way to what is not above it"));
    let told = reason != Some(Preempted) || way.is_some_and(|to| to.deadline <= now);
    findings.expect(told, "P2", || format!("task {key} is ended before its notice is over"));
    let framework = ledger.frameworks.get(&key.framework);
    let removed = framework.is_some_and(Framework::is_removed);
    findings.expect(!removed || task.is_terminal() || task.kill.is_some(), "T6", || {
        format!("task {key} of a removed framework is {state} and not being ended")
    });
    let begun = task.launched <= now && task.changed <= now;
    findings.expect(begun, "C5", || format!("task {key} changed in the future"));
}

/// U2 and U3: what waits is the last numbers, without gaps.
fn check_updates(ledger: &Ledger, task: &Task, findings: &mut Findings) {
    let key = &task.key;
    let (waiting, last) = (task.pending.len(), task.sequence);
    let adjacent = task
        .pending
        .windows(2)
        .all(|pair| pair[0].sequence.checked_add(1) == Some(pair[1].sequence));
    let first = task.pending.first().is_none_or(|first| first.sequence > 0);
    let ends = task.pending.last().is_none_or(|status| status.sequence == last);
    findings.expect(adjacent && first && ends, "U2", || {
        let numbers: Vec<_> = task.pending.iter().map(|status| status.sequence).collect();
        format!("task {key}: updates {numbers:?} wait, the last is {last}")
    });
    let full = waiting == limits::PENDING_UPDATES_PER_TASK_MAX;
    findings.expect(full || waiting < limits::PENDING_UPDATES_PER_TASK_MAX, "H4", || {
        format!("task {key}: {waiting} updates wait")
    });
    let numbered = match task.is_withheld() {
        true => full,
        false => task.status.sequence == last,
    };
    findings.expect(numbered, "U2", || {
        format!("task {key}: its status has number {}, {waiting} wait", task.status.sequence)
    });
    let news = task.pending.last().filter(|update| update.sequence == task.status.sequence);
    let latest =
        task.state() == TaskState::Staging || news.is_none_or(|update| *update == task.status);
    findings.expect(latest, "U2", || format!("task {key}: the last update is not its status"));
    let removed = ledger.frameworks.get(&key.framework).is_some_and(Framework::is_removed);
    findings.expect(!removed || waiting == 0, "U3", || {
        format!("task {key}: {waiting} updates wait for a removed framework")
    });
}
