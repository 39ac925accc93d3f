//! Every target, for a moment. `BOURSE_FUZZ_SECONDS=60 cargo test --release -p fuzz` runs each for
//! so long, from another seed each time, or from that in `BOURSE_FUZZ_SEED`.
//!
//! Without, the seed is always the same, so that the ordinary run finds the same every time.

#![forbid(unsafe_code)]

use fuzz::{
    drive::{Bound, Summary, drive, regressions_of},
    targets::TARGETS,
};
use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    time::{Duration, Instant, UNIX_EPOCH},
};

/// Of the ordinary run.
const SEED: u64 = 1;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}")))
}

fn seed_of_now() -> u64 {
    let since = UNIX_EPOCH.elapsed().expect("after 1970");
    u64::from(since.subsec_nanos()) ^ since.as_secs()
}

fn run(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("listed below");
    if target.needs_root && !nix::unistd::geteuid().is_root() {
        assert!(env::var_os("BOURSE_TEST_STRICT").is_none(), "{name} needs root");
        return println!("SKIPPED {name}: needs root");
    }
    let seconds = number("BOURSE_FUZZ_SECONDS");
    let (bound, seed) = match seconds {
        Some(seconds) => (Bound::Time(Duration::from_secs(seconds)), seed_of_now()),
        None => (Bound::Executions(target.executions), SEED),
    };
    let seed = number("BOURSE_FUZZ_SEED").unwrap_or(seed);
    eprintln!("{name}: seed {seed}");
    let began = Instant::now();
    let Summary { executions, situations, pool } = drive(target, bound, seed);
    let ms = began.elapsed().as_millis();
    println!("{name}: {executions} executions in {ms} ms, {situations} situations, {pool} kept");
    assert!(situations >= target.situations_min, "{name} met only {situations} situations");
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )*

        /// Names of all tests.
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

targets!(
    decode_framework_call
    decode_agent_message
    decode_operator_call
    decode_peer
    ledger_commands
    master_inputs
    agent_inputs
    journal_recover
    snapshot_open
    wal_recover
    resources_arithmetic
    cgroup_files
    mountinfo
    proc_stat
    jail_plan
    config_and_flags
    trace_text
    trace_parquet
    trace_own
    unpack_archive
    path_lookup
    peer_messages
);

#[test]
fn every_target_is_run() {
    let targets: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(NAMES.iter().copied().collect::<BTreeSet<_>>(), targets);
}

/// A folder that is called otherwise would never be run.
#[test]
fn regressions_belong_to_targets() {
    let folders: BTreeSet<_> = TARGETS.iter().map(regressions_of).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    for folder in fs::read_dir(root).into_iter().flatten() {
        let folder = folder.expect("a folder of the repository").path();
        assert!(folders.contains(&folder), "{} is of no target", folder.display());
    }
}
