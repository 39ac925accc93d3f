//! What is always so of volumes between two steps.

use crate::{
    agent::Agent,
    journal::{TaskRow, VolumeStage},
    volumes::users::volumes_of,
};
use proto::model::{TaskKey, VolumeKey, limits};
use std::collections::{BTreeMap, BTreeSet};

/// The live tasks of each volume, by their rows.
fn users(agent: &Agent) -> BTreeMap<VolumeKey, Vec<&TaskRow>> {
    let mut users: BTreeMap<VolumeKey, Vec<&TaskRow>> = BTreeMap::new();
    for row in agent.tasks().filter(|row| row.is_live()) {
        volumes_of(row).for_each(|key| users.entry(key).or_default().push(row));
    }
    users
}

pub(super) fn users_are_known(agent: &Agent) -> Result<(), String> {
    let users = users(agent);
    for (key, rows) in &users {
        let known: BTreeSet<&TaskKey> = agent.tasks.users.of(key).collect();
        let live: BTreeSet<&TaskKey> = rows.iter().map(|row| &row.key).collect();
        if known != live {
            return Err(format!("{key} is used by {live:?}, known are {known:?}"));
        }
        if agent.volume(key).is_none() {
            return Err(format!("{key} has no row, and is used by {live:?}"));
        }
    }
    match agent.tasks.users.volumes().find(|key| !users.contains_key(key)) {
        Some(key) => Err(format!("{key} is used by nobody")),
        None => Ok(()),
    }
}

pub(super) fn exclusive_have_one(agent: &Agent) -> Result<(), String> {
    for (key, rows) in users(agent) {
        let is_shared = agent.volume(&key).is_some_and(|row| row.shared);
        let mut pairs = rows.windows(2);
        let strange = |pair: &[&TaskRow]| match (pair[0].group(), pair[1].group()) {
            (Some(one), Some(other)) => one != other,
            _ => true,
        };
        if !is_shared && pairs.any(strange) {
            return Err(format!("{key} is for one, and {} tasks use it", rows.len()));
        }
    }
    Ok(())
}

/// What is to be deleted waits for its users, or for its time, or is being deleted.
pub(super) fn deletions_go_on(agent: &Agent) -> Result<(), String> {
    let users = users(agent);
    for row in agent.volumes() {
        let key = &row.key;
        let is_wanted = row.stage == VolumeStage::Destroying;
        let ways = [
            users.contains_key(key) && is_wanted,
            agent.volumes.waits_for_retry(key),
            agent.volumes.is_being_deleted(key),
        ];
        if ways.into_iter().filter(|way| *way).count() != usize::from(is_wanted) {
            return Err(format!("{key} is {:?}, its ways are {ways:?}", row.stage));
        }
    }
    Ok(())
}

pub(super) fn rows_are_whole(agent: &Agent) -> Result<(), String> {
    for row in agent.volumes() {
        let is_missing = agent.is_volume_missing(&row.key);
        let whole = match row.stage {
            VolumeStage::Making => row.failed.is_none() && !is_missing,
            VolumeStage::Failed => row.failed.is_some() && !is_missing,
            VolumeStage::Shrinking { to } => row.failed.is_none() && to < row.size,
            VolumeStage::Ready => true,
            VolumeStage::Destroying => !is_missing,
        };
        if !whole || row.version == 0 {
            return Err(format!("{row:?}, missing: {is_missing}"));
        }
    }
    match agent.volumes().len() > limits::VOLUMES_PER_AGENT_MAX {
        true => Err(format!("{} volumes", agent.volumes().len())),
        false => Ok(()),
    }
}
