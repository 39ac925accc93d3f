//! Processor time in version 1: `cpu.shares` always, a CFS quota on demand.

use std::path::Path;

use crate::cgroups::{CgroupError, Controller, ControllerName, Usage, files};
use crate::plan::Limits;

const PERIOD_US: u64 = 100_000;
/// The kernel refuses less.
const MIN_QUOTA_US: u64 = 1_000;

#[derive(Debug)]
pub(in crate::cgroups) struct Cpu;

impl Controller for Cpu {
    fn name(&self) -> ControllerName {
        ControllerName::Cpu
    }

    fn wanted(&self, limits: &Limits, _unified: bool) -> bool {
        limits.cpu_milli.is_some()
    }

    fn apply(&self, dir: &Path, limits: &Limits) -> Result<(), CgroupError> {
        let Some(milli) = limits.cpu_milli else { return Ok(()) };
        files::write(dir, "cpu.shares", &shares(milli).to_string())?;
        if limits.cpu_quota {
            files::write(dir, "cpu.cfs_period_us", &PERIOD_US.to_string())?;
            files::write(dir, "cpu.cfs_quota_us", &quota_us(milli).to_string())?;
        }
        Ok(())
    }

    fn stats(&self, _dir: &Path, _usage: &mut Usage) -> Result<(), CgroupError> {
        Ok(())
    }
}

/// A whole processor is 1024 shares, the kernel's default for a group; 2 is its minimum and 262 144
/// its maximum (`kernel/sched/sched.h`, MIN_SHARES and MAX_SHARES).
pub(in crate::cgroups) fn shares(milli: u64) -> u64 {
    (milli * 1024 / 1000).clamp(2, 262_144)
}

/// What a group may use in each period of 100 ms.
pub(in crate::cgroups) fn quota_us(milli: u64) -> u64 {
    (milli * PERIOD_US / 1000).max(MIN_QUOTA_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::files::fake;

    #[test]
    fn shares_follow_the_processor_part() {
        assert_eq!([1, 2, 100, 1000, 2500].map(shares), [2, 2, 102, 1024, 2560]);
        assert_eq!(shares(1_000_000_000), 262_144);
    }

    #[test]
    fn the_quota_is_written_only_on_demand() {
        let names = ["cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"];
        let dir = fake::cgroup(&names.map(|name| (name, "")));
        let limits = Limits { cpu_milli: Some(1500), ..Limits::default() };
        Cpu.apply(dir.path(), &limits).unwrap();
        assert_eq!(names.map(|name| fake::text(dir.path(), name)), ["1536", "", ""]);
        Cpu.apply(dir.path(), &Limits { cpu_quota: true, ..limits }).unwrap();
        assert_eq!(names.map(|name| fake::text(dir.path(), name)), ["1536", "100000", "150000"]);
        assert_eq!(quota_us(1), 1000, "the kernel's minimum");
    }
}
