//! Each step of a workload: what it changes, what it leaves, and that a seed decides it.

#![forbid(unsafe_code)]

mod drawn;
mod moved;
mod scaled;
mod written;

use traces::{
    Arrivals,
    model::{Arrival, Names},
    transform::{Transform, apply},
};

/// Steps as a study writes them.
fn steps(text: &str) -> Vec<Transform> {
    #[derive(serde::Deserialize)]
    struct Study {
        steps: Vec<Transform>,
    }
    toml::from_str::<Study>(&format!("steps = [{text}]")).unwrap().steps
}

/// A hundred jobs, one each second; every tenth has a second part.
fn list() -> Vec<Arrival> {
    let mut list = Vec::new();
    for job in 0..100 {
        let mut part = Arrival::new(job);
        part.submit_ns = job * 1_000_000_000;
        part.deadline_ns = Some(part.submit_ns + 7);
        part.duration_ns = Some(100);
        part.each.0 = [1_500, 2_048, 0, 0, 0];
        part.more = job % 10 == 0;
        list.push(part.clone());
        if part.more {
            list.push(Arrival { more: false, tasks: 2, ..part });
        }
    }
    list
}

/// What steps make of a list under a seed.
fn changed(text: &str, seed: u64, list: Vec<Arrival>) -> Vec<Arrival> {
    let arrivals = Arrivals::of(list, Names::new());
    apply(&steps(text), seed, arrivals).collect::<Result<_, _>>().unwrap()
}

/// Ids of jobs, one for each arrival.
fn ids(list: &[Arrival]) -> Vec<u64> {
    list.iter().map(|part| part.job).collect()
}

/// Asserts that no part is without the other parts of its job.
fn assert_whole(list: &[Arrival]) {
    for pair in list.windows(2).filter(|pair| pair[0].more) {
        assert_eq!(pair[0].job, pair[1].job);
    }
    assert!(list.last().is_none_or(|part| !part.more));
}
