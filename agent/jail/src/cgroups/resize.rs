//! Other limits for a container that runs: all of them, or the old ones.
//!
//! Memory goes first, as it alone can be refused: what a container holds it may not give back.

use super::group::Group;
use super::{CgroupError, ControllerName, Layout};
use crate::plan::Limits;

/// Changes the limits of a running container from `old` to `new`; after an error the old ones are
/// in force. One without cgroups has no limits, which is no error. Which controllers it has was
/// decided when it was launched: a limit for which there is none is left out.
pub fn resize(
    layout: &Layout,
    parent: &str,
    id: &str,
    old: &Limits,
    new: &Limits,
) -> Result<(), CgroupError> {
    // How many processes it may have is no part of its size.
    let [old, new] = [old, new].map(|limits| Limits { pids_max: None, ..*limits });
    let group = Group::existing(layout, parent, id);
    let memory = |name| name == ControllerName::Memory;
    let changed = group.change(&new, memory);
    let changed = changed.and_then(|()| group.change(&new, |name| !memory(name)));
    if changed.is_err() {
        // They were in force a moment ago, so that this can only fail with the container's end.
        let _ = group.change(&old, memory);
        let _ = group.change(&old, |name| !memory(name));
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::{Hierarchy, Version};
    use std::path::{Path, PathBuf};

    /// Plain directories that stand for a version 2 tree with one container in it.
    fn container(files: &[(&str, &str)]) -> (tempfile::TempDir, Layout, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().to_owned();
        let dir = base.join("bourse/agent/c");
        std::fs::create_dir_all(&dir).unwrap();
        for (name, text) in files {
            std::fs::write(dir.join(name), text).unwrap();
        }
        let hierarchy = Hierarchy { version: Version::V2, base: base.clone() };
        let names = [ControllerName::Cpu, ControllerName::Memory];
        let controllers = names.into_iter().map(|name| (name, hierarchy.clone())).collect();
        (root, Layout { controllers, unified: Some(base) }, dir)
    }

    fn limits(cpu_milli: u64, memory_bytes: u64) -> Limits {
        Limits {
            cpu_milli: Some(cpu_milli),
            cpu_quota: true,
            memory_bytes: Some(memory_bytes),
            pids_max: None,
        }
    }

    fn texts(dir: &Path) -> [String; 3] {
        ["cpu.weight", "cpu.max", "memory.max"]
            .map(|name| std::fs::read_to_string(dir.join(name)).unwrap())
    }

    /// A plain file keeps the end of what was longer.
    fn has_no_high(dir: &Path) -> bool {
        std::fs::read_to_string(dir.join("memory.high")).unwrap().starts_with("max")
    }

    const FILES: [(&str, &str); 5] = [
        ("cpu.weight", "39"),
        ("cpu.max", "100000 100000"),
        ("memory.max", "4096"),
        ("memory.current", "2048\n"),
        ("memory.high", "max"),
    ];

    #[test]
    fn all_limits_change() {
        let (_root, layout, dir) = container(&FILES);
        resize(&layout, "agent", "c", &limits(1_000, 4_096), &limits(2_000, 8_192)).unwrap();
        assert_eq!(texts(&dir), ["79", "200000 100000", "8192"]);
        resize(&layout, "agent", "c", &limits(2_000, 8_192), &limits(1_500, 2_048)).unwrap();
        assert_eq!(texts(&dir), ["59", "150000 100000", "2048"]);
        assert!(has_no_high(&dir));
    }

    #[test]
    fn memory_in_use_is_not_taken_away() {
        let (_root, layout, dir) = container(&FILES);
        let error = resize(&layout, "agent", "c", &limits(1_000, 4_096), &limits(2_000, 2_047));
        let error = error.unwrap_err();
        let expected =
            matches!(error, CgroupError::InUse { held_bytes: 2_048, limit_bytes: 2_047 });
        assert!(expected, "{error}");
        assert_eq!(texts(&dir), ["39", "100000 100000", "4096"]);
        assert!(has_no_high(&dir));
    }

    #[test]
    fn what_fails_later_takes_back_what_came_before() {
        let (_root, layout, dir) = container(&FILES);
        // Readable but never writable, for root too.
        std::fs::remove_file(dir.join("cpu.max")).unwrap();
        std::os::unix::fs::symlink("/proc/version", dir.join("cpu.max")).unwrap();
        let wanted = limits(2_000, 8_192);
        let error = resize(&layout, "agent", "c", &limits(1_000, 4_096), &wanted).unwrap_err();
        assert!(matches!(error, CgroupError::Write { .. }), "{error}");
        assert_eq!(std::fs::read_to_string(dir.join("memory.max")).unwrap(), "4096");
        assert_eq!(std::fs::read_to_string(dir.join("cpu.weight")).unwrap(), "39");
    }

    #[test]
    fn what_is_not_there_has_no_limits() {
        let (_root, layout, dir) = container(&FILES);
        std::fs::remove_dir_all(dir).unwrap();
        resize(&layout, "agent", "c", &limits(1, 4_096), &limits(2, 4_096)).unwrap();
    }
}
