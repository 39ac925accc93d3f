//! The number of processes and threads: what stops a fork bomb.

use std::path::Path;

use crate::cgroups::{CgroupError, Controller, ControllerName, Usage, files};
use crate::plan::Limits;

#[derive(Debug)]
pub(in crate::cgroups) struct Pids;

impl Controller for Pids {
    fn name(&self) -> ControllerName {
        ControllerName::Pids
    }

    fn wanted(&self, limits: &Limits, _unified: bool) -> bool {
        limits.pids_max.is_some()
    }

    fn apply(&self, dir: &Path, limits: &Limits) -> Result<(), CgroupError> {
        let Some(count) = limits.pids_max else { return Ok(()) };
        files::write(dir, "pids.max", &count.to_string())
    }

    fn stats(&self, dir: &Path, usage: &mut Usage) -> Result<(), CgroupError> {
        usage.pids = files::number(dir, "pids.current")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::files::fake;

    #[test]
    fn written_and_counted() {
        let dir = fake::cgroup(&[("pids.max", ""), ("pids.current", "4\n")]);
        let limits = Limits { pids_max: Some(64), ..Limits::default() };
        Pids.apply(dir.path(), &limits).unwrap();
        assert_eq!(fake::text(dir.path(), "pids.max"), "64");
        let mut usage = Usage::default();
        Pids.stats(dir.path(), &mut usage).unwrap();
        assert_eq!(usage.pids, Some(4));
    }
}
