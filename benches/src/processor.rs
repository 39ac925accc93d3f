//! Processor time: unlike time on the wall it says the same on a busy machine.

use std::{collections::BTreeMap, fs, time::Duration};

use nix::sys::resource::{UsageWho, getrusage};

/// Time on a processor, user and system, of all threads of this process so far.
pub fn of_process() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("every process has usage");
    let time = |value: nix::sys::time::TimeVal| {
        let micros = value.tv_sec() * 1_000_000 + value.tv_usec();
        Duration::from_micros(u64::try_from(micros).expect("time does not run backwards"))
    };
    time(usage.user_time()) + time(usage.system_time())
}

/// Time on a processor of the living threads of this process so far, summed by name.
pub fn of_threads() -> BTreeMap<String, Duration> {
    of_threads_in("/proc/self/task")
}

/// The same of another process.
pub fn of_threads_of(pid: u32) -> BTreeMap<String, Duration> {
    of_threads_in(&format!("/proc/{pid}/task"))
}

fn of_threads_in(folder: &str) -> BTreeMap<String, Duration> {
    let mut times = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // A thread may end between being listed and being read.
        let Ok(name) = fs::read_to_string(entry.path().join("comm")) else { continue };
        let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
        let nanoseconds = text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let sum: &mut Duration = times.entry(name.trim().to_owned()).or_default();
        *sum += Duration::from_nanos(nanoseconds);
    }
    times
}

/// What the threads whose names begin so have used between two readings.
pub fn between(
    before: &BTreeMap<String, Duration>,
    after: &BTreeMap<String, Duration>,
    names: &[&str],
) -> Duration {
    let named = |times: &BTreeMap<String, Duration>| -> Duration {
        let wanted = times.iter().filter(|(name, _)| names.iter().any(|n| name.starts_with(n)));
        wanted.map(|(_, time)| *time).sum()
    };
    named(after).saturating_sub(named(before))
}
