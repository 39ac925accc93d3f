//! Which tasks give way: examples worked by hand, and against an oracle that tries every set.

use master_core::{
    allocator::{Amounts, Share},
    preemption::choice::{Candidate, Problem, Purse, ShareBound},
};
use proptest::prelude::*;
use proto::model::{
    FrameworkId, Instant, Milli, Priority, ResourceName, Resources, TaskId, TaskKey,
};

fn key(number: usize) -> TaskKey {
    let task = TaskId::new(&format!("t{number}")).expect("an id");
    TaskKey { framework: FrameworkId(1), task }
}

/// A task that was launched at a time, with CPUs and memory.
fn task(number: usize, priority: u32, launched: u64, cpus: i64, mem: i64) -> Candidate {
    let takes = Amounts::of(&Resources::cpus_mem(cpus, 0));
    Candidate {
        key: key(number),
        priority: Priority::new(priority).expect("a priority"),
        launched: Instant(launched),
        gives: vec![cpus as u128, mem as u128],
        takes,
        purses: vec![],
        revocable: false,
    }
}

fn chosen(problem: &Problem) -> Option<Vec<usize>> {
    problem.choose().map(|choice| choice.victims)
}

#[test]
fn the_lowest_priority_gives_way_first_however_many_that_takes() {
    let candidates =
        vec![task(0, 2, 50, 4, 0), task(1, 1, 10, 1, 0), task(2, 1, 20, 1, 0), task(3, 0, 5, 1, 0)];
    let problem = |cpus| Problem {
        needs: vec![cpus, 0],
        candidates: candidates.clone(),
        ..Problem::default()
    };
    assert_eq!(chosen(&problem(0)), Some(vec![]), "nothing is needed");
    assert_eq!(chosen(&problem(1)), Some(vec![3]));
    assert_eq!(chosen(&problem(2)), Some(vec![2, 3]), "the younger of the two of priority 1");
    assert_eq!(chosen(&problem(3)), Some(vec![1, 2, 3]));
    // One of priority 2 is enough by itself: then nobody else needs to go.
    assert_eq!(chosen(&problem(4)), Some(vec![0]));
    assert_eq!(chosen(&problem(8)), None);
}

#[test]
fn what_is_revocable_gives_way_first_whatever_its_priority() {
    let mut candidates = vec![task(0, 0, 50, 1, 0), task(1, 9, 10, 1, 0), task(2, 8, 10, 1, 0)];
    candidates[1].revocable = true;
    candidates[2].revocable = true;
    let problem = |cpus| Problem {
        needs: vec![cpus, 0],
        candidates: candidates.clone(),
        ..Problem::default()
    };
    assert_eq!(chosen(&problem(1)), Some(vec![2]), "of these the lower priority");
    assert_eq!(chosen(&problem(2)), Some(vec![1, 2]));
    assert_eq!(chosen(&problem(3)), Some(vec![0, 1, 2]));
}

#[test]
fn fewest_and_youngest() {
    let candidates = vec![task(0, 1, 90, 1, 1), task(1, 1, 80, 1, 1), task(2, 1, 10, 2, 2)];
    let problem = |cpus, mem| Problem {
        needs: vec![cpus, mem],
        candidates: candidates.clone(),
        ..Problem::default()
    };
    assert_eq!(chosen(&problem(2, 1)), Some(vec![2]), "one old task rather than two young ones");
    assert_eq!(chosen(&problem(1, 1)), Some(vec![0]), "the youngest that does");
    assert_eq!(chosen(&problem(3, 3)), Some(vec![0, 2]));
}

#[test]
fn budgets_guarantees_and_shares_bind() {
    let mut candidates = vec![task(0, 1, 90, 1, 0), task(1, 1, 80, 1, 0), task(2, 2, 70, 1, 0)];
    candidates[0].purses = vec![0];
    candidates[1].purses = vec![0];
    let bound =
        |purse| Problem { needs: vec![2, 0], candidates: candidates.clone(), purses: vec![purse] };
    assert_eq!(chosen(&bound(Purse::Tasks(2))), Some(vec![0, 1]));
    assert_eq!(chosen(&bound(Purse::Tasks(1))), Some(vec![0, 2]));
    assert_eq!(chosen(&bound(Purse::Tasks(0))), None);
    let spare = |milli| Purse::Amounts(vec![(ResourceName::CPUS, milli)]);
    assert_eq!(chosen(&bound(spare(1))), Some(vec![0, 2]), "the role keeps its guarantee");
    let totals = Amounts::of(&Resources::cpus_mem(10, 0));
    let of =
        |cpus| Share::dominant(&totals, Milli(1_000), &Amounts::of(&Resources::cpus_mem(cpus, 0)));
    let share = |least| {
        Purse::Share(Box::new(ShareBound {
            totals: Amounts::of(&Resources::cpus_mem(10, 0)),
            weight: Milli(1_000),
            used: Amounts::of(&Resources::cpus_mem(5, 0)),
            least,
        }))
    };
    assert_eq!(chosen(&bound(share(of(3)))), Some(vec![0, 1]));
    assert_eq!(chosen(&bound(share(of(4)))), Some(vec![0, 2]), "it stays the larger");
}

/// Tries every set.
fn oracle(problem: &Problem) -> Option<Vec<usize>> {
    let count = problem.candidates.len();
    let sets = (0u32..1 << count).map(|bits| -> Vec<usize> {
        (0..count).filter(|index| bits & (1 << index) != 0).collect()
    });
    let allowed = sets.filter(|set| {
        let mut purses = problem.purses.clone();
        let within = set.iter().all(|index| {
            let task = &problem.candidates[*index];
            task.purses.iter().all(|purse| purses[*purse].take(&task.takes))
        });
        let enough = problem.needs.iter().enumerate().all(|(need, missing)| {
            set.iter().map(|index| problem.candidates[*index].gives[need]).sum::<u128>() >= *missing
        });
        within && enough
    });
    allowed.min_by_key(|set| {
        let tasks = || set.iter().map(|index| &problem.candidates[*index]);
        let of = |(revocable, priority): (bool, u8)| {
            let is_one =
                |task: &&Candidate| (task.revocable, task.priority.get()) == (revocable, priority);
            tasks().filter(is_one).count()
        };
        // What is revocable comes last, whatever its priority.
        let kinds = [false, true].into_iter();
        let places = kinds.flat_map(|kind| (0..=9).rev().map(move |priority| (kind, priority)));
        let counts: Vec<usize> = places.map(of).collect();
        let mut launched: Vec<u64> = tasks().map(|task| task.launched.0).collect();
        launched.sort_unstable();
        // The oldest is to be as young as can be, then the next.
        let ages: Vec<u64> = launched.iter().map(|at| u64::MAX - at).collect();
        let mut keys: Vec<TaskKey> = tasks().map(|task| task.key.clone()).collect();
        keys.sort();
        (counts, ages, keys)
    })
}

fn problem() -> impl Strategy<Value = Problem> {
    let one = (0..3u32, 0..4u64, 1..4i64, 0..4i64, prop::collection::vec(any::<bool>(), 4));
    let purses = (0..4u32, 0..8u128, 0..6u128);
    (prop::collection::vec(one, 0..10), 0..9u128, 0..9u128, purses).prop_map(
        |(list, cpus, mem, (tasks, spare, least))| {
            let candidate = |(number, (priority, launched, cpus, mem, of))| {
                let of: Vec<bool> = of;
                let mut task = task(number, priority, launched, cpus, mem);
                task.purses = (0..3).filter(|purse| of[*purse]).collect();
                task.revocable = of[3];
                task
            };
            let used = list.iter().map(|(_, _, cpus, ..)| *cpus).sum();
            Problem {
                needs: vec![cpus, mem],
                candidates: list.into_iter().enumerate().map(candidate).collect(),
                purses: vec![
                    Purse::Tasks(tasks),
                    Purse::Amounts(vec![(ResourceName::CPUS, spare)]),
                    Purse::Share(Box::new(ShareBound {
                        totals: Amounts::of(&Resources::cpus_mem(40, 0)),
                        weight: Milli(1_000),
                        used: Amounts::of(&Resources::cpus_mem(used, 0)),
                        least: Share::new(least, 40_000),
                    })),
                ],
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_finds_a_cheaper_set(problem in problem()) {
        prop_assert_eq!(chosen(&problem), oracle(&problem));
    }
}
