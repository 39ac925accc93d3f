//! Which tasks are typical of a load, as the FGD study has it (Weng et al., ATC'23): the most
//! popular requests, without their memory, that together are a part of all tasks.

use super::load::Load;
use master_core::placement::TypicalTask;
use proto::model::ResourceName;
use std::{cmp::Reverse, collections::BTreeMap};

/// The most popular requests that together cover so many percent of the tasks, with how many tasks
/// there are of each.
pub(super) fn of(load: &Load, percent: u32) -> Vec<TypicalTask> {
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for task in &load.tasks {
        let request = load.requests.get(*task);
        let mut shape = request.shape.clone();
        shape.set(&ResourceName::MEM, 0);
        *counts.entry((shape, request.models)).or_default() += 1;
    }
    let mut popular: Vec<_> = counts.into_iter().collect();
    popular.sort_by_key(|(_, count)| Reverse(*count));
    let enough = load.tasks.len() as u64 * u64::from(percent);
    let mut covered = 0;
    let needed = popular.into_iter().take_while(|(_, count)| {
        let is_needed = covered * 100 < enough;
        covered += count;
        is_needed
    });
    needed.map(|((shape, models), count)| TypicalTask { shape, models, count }).collect()
}
