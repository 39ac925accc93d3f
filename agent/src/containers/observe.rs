//! What an earlier life of the agent left: one look at every runtime directory.
//!
//! The records are the jail's; that a supervisor runs is believed only if process number, start
//! time and boot agree.

use super::reports::exit_report;
use agent_core::{ContainerId, Observation};
use jail::records::{read_exit, read_jail};
use std::{collections::BTreeMap, io, path::Path};

/// Looks at every container of which there is a trace; blocks.
pub(crate) fn observe(
    run_dir: &Path,
    boot_id: &str,
) -> io::Result<BTreeMap<ContainerId, Observation>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(run_dir)? {
        let name = entry?.file_name();
        let container = name.to_str().and_then(|name| ContainerId::new(name).ok());
        let Some(container) = container else {
            tracing::warn!(?name, "something that is no container is in the runtime directory");
            continue;
        };
        let observation = look(&run_dir.join(&name), boot_id);
        found.insert(container, observation);
    }
    Ok(found)
}

fn look(runtime: &Path, boot_id: &str) -> Observation {
    if let Some(observation) = look_for_end(runtime) {
        return observation;
    }
    let record = read_jail(runtime).unwrap_or_else(|error| {
        tracing::warn!(%error, "a supervisor's record cannot be read");
        None
    });
    let runs = record.filter(|record| record.boot_id == boot_id).is_some_and(|record| {
        record.supervisor().is_running().unwrap_or_else(|error| {
            tracing::warn!(%error, "a supervisor cannot be looked at");
            false
        })
    });
    match runs {
        true => Observation::Running,
        // It may have ended between the two looks.
        false => look_for_end(runtime).unwrap_or(Observation::Nothing),
    }
}

fn look_for_end(runtime: &Path) -> Option<Observation> {
    let record = read_exit(runtime).unwrap_or_else(|error| {
        tracing::warn!(%error, "an exit record cannot be read");
        None
    });
    record.map(|record| Observation::Exited(exit_report(record)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jail::{ExitRecord, JailRecord, Outcome, process::ProcessId};

    fn write(runtime: &Path, name: &str, record: &impl serde::Serialize) {
        std::fs::create_dir_all(runtime).unwrap();
        std::fs::write(runtime.join(name), serde_json::to_vec(record).unwrap()).unwrap();
    }

    /// This very process stands for a supervisor.
    fn record(boot_id: &str, start_later: u64) -> JailRecord {
        let own = i32::try_from(std::process::id()).unwrap();
        let id = ProcessId::of(own).unwrap().unwrap();
        JailRecord {
            container_id: "c".to_owned(),
            pid: id.pid,
            start_time: id.start_time + start_later,
            boot_id: boot_id.to_owned(),
            container_pid: id.pid,
        }
    }

    #[test]
    fn only_this_very_process_of_this_boot_counts_as_running() {
        let place = tempfile::tempdir().unwrap();
        write(&place.path().join("runs"), "jail.json", &record("now", 0));
        write(&place.path().join("other-boot"), "jail.json", &record("then", 0));
        write(&place.path().join("other-process"), "jail.json", &record("now", 1));
        let exit = ExitRecord {
            outcome: Outcome::Exited { code: 3 },
            killed_by_request: false,
            memory_peak_bytes: None,
            cpu_time_us: None,
            started_unix_ms: 0,
            finished_unix_ms: 0,
        };
        write(&place.path().join("ended"), "jail.json", &record("now", 0));
        write(&place.path().join("ended"), "exit.json", &exit);
        std::fs::create_dir(place.path().join("empty")).unwrap();
        write(&place.path().join("torn"), "jail.json", &"x");
        let found = observe(place.path(), "now").unwrap();
        let of = |name: &str| found[&ContainerId::new(name).unwrap()].clone();
        assert_eq!(of("runs"), Observation::Running);
        assert_eq!(of("ended"), Observation::Exited(exit_report(exit)));
        for name in ["other-boot", "other-process", "empty", "torn"] {
            assert_eq!(of(name), Observation::Nothing, "{name}");
        }
    }
}
