//! Which task is on which machine: by lot, among those where the limits of all have room.

use super::used::{Amount, UsedTasks};
use simulator::engine::Chance;
use std::{cmp::Reverse, collections::BinaryHeap};

/// Tasks by machine, each list by when they begin; those that fitted nowhere are in none.
pub(super) fn assign(
    list: &UsedTasks,
    machines: u32,
    capacity: Amount,
    seed: u64,
) -> Vec<Vec<usize>> {
    let mut chance = Chance::of(seed, "machines", 0);
    let mut free = vec![capacity; machines as usize];
    let mut tasks_of = vec![Vec::new(); machines as usize];
    let mut ends: BinaryHeap<Reverse<(u64, usize, Amount)>> = BinaryHeap::new();
    for (number, task) in list.tasks.iter().enumerate() {
        while let Some(Reverse((end, machine, limit))) = ends.peek().copied() {
            if end > task.first {
                break;
            }
            ends.pop();
            free[machine] += limit;
        }
        let fits = |machine: &usize| free[*machine] >= task.limit;
        let fitting: Vec<usize> = (0..free.len()).filter(fits).collect();
        if let Some(machine) = chance.pick(&fitting).copied() {
            free[machine] -= task.limit;
            ends.push(Reverse((task.end(), machine, task.limit)));
            tasks_of[machine].push(number);
        }
    }
    tasks_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overcommit::used::UsedTask;

    #[test]
    fn limits_have_room_at_every_time() {
        let task = |number: u64| UsedTask {
            first: number / 3,
            limit: 1 + number % 4,
            used: vec![1; 1 + number as usize % 7],
        };
        let list = UsedTasks { tasks: (0..200).map(task).collect(), without_use: 0 };
        let tasks_of = assign(&list, 5, 6, 1);
        let placed: usize = tasks_of.iter().map(Vec::len).sum();
        assert!((150..200).contains(&placed), "{placed}: some fit nowhere");
        for interval in 0..80 {
            for tasks in &tasks_of {
                let here = tasks.iter().map(|number| &list.tasks[*number]);
                let here = here.filter(|it| it.first <= interval && it.end() > interval);
                assert!(here.map(|task| task.limit).sum::<u64>() <= 6);
            }
        }
        assert_eq!(tasks_of, assign(&list, 5, 6, 1));
        assert_ne!(tasks_of, assign(&list, 5, 6, 2));
    }
}
