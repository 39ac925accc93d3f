//! Counting processor time in version 1. Used only where no version 2 tree counts it for nothing.

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
        !unified
    }

    fn apply(&self, _dir: &Path, _limits: &Limits) -> Result<(), CgroupError> {
        Ok(())
    }

    fn stats(&self, dir: &Path, usage: &mut Usage) -> Result<(), CgroupError> {
        let nanoseconds = files::number(dir, "cpuacct.usage")?;
        usage.cpu_time_us = usage.cpu_time_us.or(nanoseconds.map(|time_ns| time_ns / 1000));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::files::fake;

    #[test]
    fn nanoseconds_become_microseconds_and_do_not_overrule() {
        let dir = fake::cgroup(&[("cpuacct.usage", "1999\n")]);
        let mut usage = Usage::default();
        Cpuacct.stats(dir.path(), &mut usage).unwrap();
        assert_eq!(usage.cpu_time_us, Some(1));
        usage.cpu_time_us = Some(7);
        Cpuacct.stats(dir.path(), &mut usage).unwrap();
        assert_eq!(usage.cpu_time_us, Some(7));
    }
}
