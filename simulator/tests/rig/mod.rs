//! Campaigns inside the test run: on all processors, with every failure told.

use simulator::trial::{Campaign, Preset, Summary};

/// Tries the first seeds of a size, and finds nothing wrong.
pub(crate) fn hold_promises(preset: Preset, seeds: u64) -> Summary {
    let seeds = match std::env::var("BOURSE_TRIAL_SEEDS") {
        Ok(text) => text.parse().expect("BOURSE_TRIAL_SEEDS is a number"),
        Err(_) => seeds,
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let summary = Campaign { preset, seeds: 1..=seeds, jobs }.run(|_, _| {});
    for (seed, failure) in &summary.failures {
        println!(
            "seed {seed}, at {} ms: {}\n  at {}",
            failure.at_ms, failure.message, failure.place
        );
    }
    assert!(summary.failures.is_empty(), "{} of {seeds} seeds failed", summary.failures.len());
    summary
}
