//! The model of Lublin and Feitelson: its shares and its daily cycle.

use crate::near;
use std::num::NonZeroU32;
use traces::{
    generate::lublin,
    model::{Arrival, Names},
};

const JOBS: u64 = 50_000;

fn jobs(processors: u32, seed: u64) -> Vec<Arrival> {
    let processors = NonZeroU32::new(processors).unwrap();
    lublin(processors, JOBS, seed, Names::new()).collect::<Result<_, _>>().unwrap()
}

#[test]
fn sizes_have_the_shares_of_the_model() {
    let found = jobs(256, 1);
    let share = |of: &dyn Fn(&Arrival) -> bool| {
        found.iter().filter(|job| of(job)).count() as f64 / JOBS as f64
    };
    // Serial ones, and with them the others that come to one processor by rounding: none.
    near(share(&|job| job.tasks == 1), 0.244, 0.05);
    let is_power = |job: &Arrival| job.tasks > 1 && job.tasks.is_power_of_two();
    assert!(share(&is_power) > 0.57, "{}", share(&is_power));
    // The second uniform distribution is from 5.5 to 8.
    near(share(&|job| job.tasks > 45), (1.0 - 0.244) * 0.14, 0.08);
    assert!(found.iter().all(|job| job.tasks <= 256 && job.gang == (job.tasks > 1)));
    assert!(jobs(1, 1).iter().all(|job| job.tasks == 1));
}

#[test]
fn times_have_a_daily_cycle_and_runs_two_peaks() {
    let found = jobs(256, 2);
    assert!(found.is_sorted_by_key(|job| job.submit_ns));
    let hour = |job: &Arrival| job.submit_ns / 3_600_000_000_000 % 24;
    let count = |from, to| found.iter().filter(|job| (from..to).contains(&hour(job))).count();
    assert!(count(12, 16) > 5 * count(3, 7), "{} {}", count(12, 16), count(3, 7));
    let short = found.iter().filter(|job| job.duration_ns < Some(600_000_000_000)).count();
    let share = short as f64 / JOBS as f64;
    assert!((0.5..0.85).contains(&share), "{share}");
    // exp(312 · 0.03) s is where the second peak lies.
    let long = |ns: u64| (6_000_000_000_000..24_000_000_000_000).contains(&ns);
    let peak = found.iter().filter(|job| job.duration_ns.is_some_and(long)).count();
    assert!(peak as f64 / JOBS as f64 > 0.2, "{peak}");
}

#[test]
fn a_seed_decides_it() {
    assert_eq!(jobs(64, 3)[..100], jobs(64, 3)[..100]);
    assert_ne!(jobs(64, 3)[..100], jobs(64, 4)[..100]);
}
