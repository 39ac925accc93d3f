//! Counting processor time in version 2, where it is no controller but part of every cgroup.

use std::path::Path;

use crate::cgroups::{CgroupError, Controller, ControllerName, Usage, files};
use crate::plan::Limits;

#[derive(Debug)]
pub(in crate::cgroups) struct Cpuacct;

impl Controller for Cpuacct {
    fn name(&self) -> ControllerName {
        ControllerName::Cpuacct
    }

    fn wanted(&self, _limits: &Limits, unified: bool) -> bool {
        unified
    }

    fn apply(&self, _dir: &Path, _limits: &Limits) -> Result<(), CgroupError> {
        Ok(())
    }

    fn stats(&self, dir: &Path, usage: &mut Usage) -> Result<(), CgroupError> {
        usage.cpu_time_us = files::keyed(dir, "cpu.stat", "usage_usec")?.or(usage.cpu_time_us);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::files::fake;

    #[test]
    fn the_sum_is_read() {
        let dir = fake::cgroup(&[("cpu.stat", "usage_usec 12\nuser_usec 7\nsystem_usec 5\n")]);
        let mut usage = Usage::default();
        Cpuacct.stats(dir.path(), &mut usage).unwrap();
        assert_eq!(usage.cpu_time_us, Some(12));
    }
}
