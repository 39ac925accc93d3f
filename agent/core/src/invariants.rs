//! What is always so between two steps: named checks, for tests and the simulator.
//!
//! The names are those of the project's list of invariants, as far as one agent can see them. They
//! are recomputed from the rows alone, on purpose without the indexes that the agent itself uses.

mod volumes;

use crate::{agent::Agent, journal::TaskRow};
use proto::model::{GroupKey, Resources, TaskState, limits, task_group::Part};
use std::collections::{BTreeMap, BTreeSet};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {what}")]
pub struct Broken {
    /// The invariant's name.
    pub name: &'static str,
    /// What was found.
    pub what: String,
}

type Check = fn(&Agent) -> Result<(), String>;

/// All checks, by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("A1 promised is the sum of live tasks", promised_is_the_sum),
    ("T3 a container belongs to one task", containers_are_distinct),
    ("T4 rows are in states that agents give", states_are_ours),
    ("T7 what lives has an intent with a container", live_has_container),
    ("G1 groups begin in order", groups_begin_in_order),
    ("G2 what runs of a group fits what it holds", groups_hold_enough),
    ("G4 nothing is due in a group", groups_are_settled),
    ("R1 sizes only go forward", sizes_go_forward),
    ("K1 what may run only for so long is watched", completions_are_watched),
    ("U2 pending updates are the last ones, without gaps", pending_is_gapless),
    ("U4 what is pending will be sent", pending_is_delivered),
    ("V9 who uses a volume is known", volumes::users_are_known),
    ("V8 what is for one has one user", volumes::exclusive_have_one),
    ("V10 what is to be deleted will be", volumes::deletions_go_on),
    ("V11 volumes are whole", volumes::rows_are_whole),
    ("limits hold", limits_hold),
];

/// Runs every check; the first that fails is the answer.
pub fn check(agent: &Agent) -> Result<(), Broken> {
    for (name, check) in CHECKS {
        check(agent).map_err(|what| Broken { name, what })?;
    }
    Ok(())
}

fn promised_is_the_sum(agent: &Agent) -> Result<(), String> {
    let mut sum = Resources::new();
    for row in agent.tasks().filter(|row| row.is_live()) {
        if row.task.is_none() {
            return Err(format!("{} has no description", row.key));
        }
        let held = row.held().map_err(|error| format!("{}: {error}", row.key))?;
        sum = sum.checked_add(&held).map_err(|error| format!("{}: {error}", row.key))?;
    }
    match sum == *agent.promised() {
        true => Ok(()),
        false => Err(format!("the sum is {sum}, promised is {}", agent.promised())),
    }
}

fn containers_are_distinct(agent: &Agent) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let twice = agent
        .tasks()
        .filter_map(|row| row.container.as_ref())
        .find(|container| !seen.insert(*container));
    twice.map_or(Ok(()), |container| Err(format!("{container} belongs to two tasks")))
}

fn states_are_ours(agent: &Agent) -> Result<(), String> {
    use TaskState::{Killing, Running, Staging};
    for row in agent.tasks() {
        let ours = matches!(row.state, Staging | Running | Killing) || row.state.is_terminal();
        if !ours || (row.state == Killing) != (row.kill.is_some() && row.is_live()) {
            return Err(format!("{} is {} with kill {:?}", row.key, row.state, row.kill));
        }
        let states: Vec<TaskState> = row.pending.iter().map(|status| status.state).collect();
        if states.windows(2).any(|pair| pair[0].is_terminal()) {
            return Err(format!("{} has updates after its end: {states:?}", row.key));
        }
    }
    Ok(())
}

fn live_has_container(agent: &Agent) -> Result<(), String> {
    let waits = |row: &TaskRow| row.membership.is_some();
    let bare = agent.tasks().find(|row| row.is_live() && row.container.is_none() && !waits(row));
    bare.map_or(Ok(()), |row| Err(format!("{} has none", row.key)))
}

fn groups(agent: &Agent) -> BTreeMap<GroupKey, Vec<&TaskRow>> {
    let mut groups: BTreeMap<GroupKey, Vec<&TaskRow>> = BTreeMap::new();
    for row in agent.tasks() {
        if let Some(group) = row.group() {
            groups.entry(group).or_default().push(row);
        }
    }
    groups
}

fn groups_begin_in_order(agent: &Agent) -> Result<(), String> {
    for (group, rows) in groups(agent) {
        let init = |row: &&&TaskRow| row.part() == Some(Part::Init) && row.is_live();
        let running = rows.iter().filter(init).filter(|row| row.container.is_some()).count();
        let later = rows.iter().filter(|row| row.part() != Some(Part::Init));
        let begun = later.filter(|row| row.is_live() && row.container.is_some()).count();
        if running > 1 || (begun > 0 && rows.iter().any(|row| init(&row))) {
            return Err(format!("{group}: {running} init tasks and {begun} others run"));
        }
    }
    Ok(())
}

fn groups_hold_enough(agent: &Agent) -> Result<(), String> {
    for (group, rows) in groups(agent) {
        let (mut held, mut used) = (Resources::new(), Resources::new());
        for row in rows.iter().filter(|row| row.is_live()) {
            let has = row.held().map_err(|error| error.to_string())?;
            held = held.checked_add(&has).map_err(|error| error.to_string())?;
            let uses = match (&row.container, &row.task) {
                (Some(_), Some(task)) if row.part() == Some(Part::Init) => task.resources.clone(),
                (Some(_), _) => has,
                (None, _) => Resources::new(),
            };
            used = used.checked_add(&uses).map_err(|error| error.to_string())?;
        }
        if !held.contains(&used) {
            return Err(format!("{group} holds {held} and uses {used}"));
        }
    }
    Ok(())
}

fn groups_are_settled(agent: &Agent) -> Result<(), String> {
    for (group, rows) in groups(agent) {
        let moves = rows.iter().any(|row| row.is_live() && row.container.is_some());
        if !moves && rows.iter().any(|row| row.is_live()) {
            return Err(format!("{group} waits for nothing"));
        }
    }
    Ok(())
}

fn sizes_go_forward(agent: &Agent) -> Result<(), String> {
    let backward = |row: &&TaskRow| {
        row.resizing.as_ref().is_some_and(|resizing| resizing.version <= row.size_version)
    };
    match agent.tasks().find(backward) {
        None => Ok(()),
        Some(row) => {
            Err(format!("{} is at size {}: {:?}", row.key, row.size_version, row.resizing))
        }
    }
}

fn completions_are_watched(agent: &Agent) -> Result<(), String> {
    for row in agent.tasks() {
        let is_limited = row.task.as_ref().is_some_and(|task| task.max_completion_time.is_some());
        let is_wanted = is_limited && row.state == TaskState::Running;
        if is_wanted != agent.tasks.completions.holds(&row.key) {
            return Err(format!("{} is {}, limited: {is_limited}", row.key, row.state));
        }
        if is_wanted && row.started_after_boot.is_none() {
            return Err(format!("nobody knows since when {} runs", row.key));
        }
    }
    Ok(())
}

fn pending_is_gapless(agent: &Agent) -> Result<(), String> {
    for row in agent.tasks() {
        let numbers: Vec<u64> = row.pending.iter().map(|status| status.sequence).collect();
        let first = (row.sequence + 1).saturating_sub(numbers.len() as u64);
        let expected: Vec<u64> = (first..=row.sequence).collect();
        if numbers != expected {
            return Err(format!("{} at {} has {numbers:?}", row.key, row.sequence));
        }
    }
    Ok(())
}

fn pending_is_delivered(agent: &Agent) -> Result<(), String> {
    for row in agent.tasks() {
        if row.pending.is_empty() == agent.delivery.holds(&row.key) {
            let count = row.pending.len();
            return Err(format!("{} has {count} pending updates, not in step", row.key));
        }
        if row.pending.is_empty() && !row.is_live() {
            return Err(format!("{} should be forgotten", row.key));
        }
    }
    Ok(())
}

fn limits_hold(agent: &Agent) -> Result<(), String> {
    let rows = agent.tasks().len();
    if rows > limits::TASKS_PER_AGENT_MAX {
        return Err(format!("{rows} rows"));
    }
    let under_way = agent.delivery.under_way();
    if under_way > agent.config.updates_in_flight_max {
        return Err(format!("{under_way} tasks have updates under way"));
    }
    match agent.tasks().find(|row| row.pending.len() > limits::PENDING_UPDATES_PER_TASK_MAX) {
        None => Ok(()),
        Some(row) => Err(format!("{} has {} pending updates", row.key, row.pending.len())),
    }
}
