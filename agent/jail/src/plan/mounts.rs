//! Directories of the host that a task finds in its sandbox.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::validate::{check_path, check_range};
use super::{Isolation, Plan, PlanError};

/// More than a task can ask for; less than what makes a launch slow.
const MAX_MOUNTS: usize = 256;
/// The sandbox is in front of it, and the kernel takes 4095 bytes of both.
const MAX_PATH_BYTES: usize = 1024;
/// What the jail itself keeps in the sandbox.
const RESERVED: [&str; 2] = ["stdout", "stderr"];

/// One directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Of the host; its last part must be no link.
    pub source: PathBuf,
    /// Where the task finds it: plain parts below the sandbox, the first none of `stdout`,
    /// `stderr`. No mount may lie in another.
    pub path: PathBuf,
    /// The task may change nothing in it. Needs [`Isolation::Full`].
    #[serde(default)]
    pub read_only: bool,
}

impl Plan {
    pub(super) fn check_mounts(&self) -> Result<(), PlanError> {
        check_range("mounts", self.mounts.len() as i128, 0, MAX_MOUNTS as i128)?;
        for (index, mount) in self.mounts.iter().enumerate() {
            check_path("mounts.source", &mount.source)?;
            for own in [&self.sandbox_dir, &self.runtime_dir] {
                // The records could be forged, or the sandbox would be in itself.
                if overlap(&mount.source, own) {
                    return Err(PlanError::MountSource { path: mount.source.clone() });
                }
            }
            if !is_place(&mount.path) {
                return Err(PlanError::MountPath { path: mount.path.clone() });
            }
            if self.mounts[..index].iter().any(|before| overlap(&before.path, &mount.path)) {
                return Err(PlanError::MountsOverlap { path: mount.path.clone() });
            }
            if mount.read_only && self.isolation == Isolation::None {
                return Err(PlanError::ReadOnlyMount { path: mount.path.clone() });
            }
        }
        Ok(())
    }
}

/// Whether one is the other, or lies in it.
fn overlap(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

fn is_place(path: &Path) -> bool {
    let text = path.as_os_str().as_encoded_bytes();
    // The raw text is looked at because `components` quietly drops what is too much.
    let plain = |part: &[u8]| !matches!(part, b"" | b"." | b"..");
    let first = path.components().next();
    !text.contains(&0)
        && text.len() <= MAX_PATH_BYTES
        && text.split(|byte| *byte == b'/').all(plain)
        && matches!(first, Some(Component::Normal(name)) if RESERVED.iter().all(|own| name != *own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_a_sandbox() {
        for good in ["data", "a/b/c", "x/stdout", "stdout.d", "...", ".hidden", "a b/ä"] {
            assert!(is_place(Path::new(good)), "{good}");
        }
        let (long, zero) = ("x".repeat(MAX_PATH_BYTES + 1), "a\0b");
        for bad in [
            "",
            ".",
            "..",
            "/",
            "/data",
            "data/",
            "a//b",
            "a/./b",
            "./a",
            "a/..",
            "../a",
            "a/../../b",
            "stdout",
            "stderr",
            "stdout/x",
            "stderr/x",
            &long,
            zero,
        ] {
            assert!(!is_place(Path::new(bad)), "{bad}");
        }
    }

    #[test]
    fn names_that_only_begin_alike_do_not_overlap() {
        assert!(overlap(Path::new("a"), Path::new("a")));
        assert!(overlap(Path::new("a"), Path::new("a/b")));
        assert!(overlap(Path::new("a/b"), Path::new("a")));
        assert!(!overlap(Path::new("a"), Path::new("ab")));
        assert!(!overlap(Path::new("a/b"), Path::new("a/c")));
    }
}
