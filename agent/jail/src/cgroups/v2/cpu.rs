//! Processor time in version 2: `cpu.weight` always, `cpu.max` on demand.

use std::path::Path;

use crate::cgroups::v1::cpu::{quota_us, shares};
use crate::cgroups::{CgroupError, Controller, ControllerName, Usage, files};
use crate::plan::Limits;

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
        files::write(dir, "cpu.weight", &weight(shares(milli)).to_string())?;
        if limits.cpu_quota {
            files::write(dir, "cpu.max", &format!("{} 100000", quota_us(milli)))?;
        }
        Ok(())
    }

    /// Every version 2 cgroup counts, with or without the controller; see [`super::cpuacct`].
    fn stats(&self, _dir: &Path, _usage: &mut Usage) -> Result<(), CgroupError> {
        Ok(())
    }
}

/// Shares (2 to 262 144) to weight (1 to 10 000), linearly, as crun and runc did for years:
/// `1 + ((shares - 2) * 9999) / 262142` (runc, libcontainer/cgroups/utils.go,
/// ConvertCPUSharesToCgroupV2Value; crun.1.md, section "cgroup v2"). A whole processor becomes 39,
/// not the default 100: what counts is that containers keep their proportions among themselves.
fn weight(shares: u64) -> u64 {
    1 + ((shares - 2) * 9999) / 262_142
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::files::fake;

    #[test]
    fn weight_spans_its_range() {
        assert_eq!([2, 1024, 2048, 262_144].map(weight), [1, 39, 79, 10_000]);
    }

    #[test]
    fn files_are_written() {
        let dir = fake::cgroup(&[("cpu.weight", ""), ("cpu.max", "")]);
        let limits = Limits { cpu_milli: Some(2000), ..Limits::default() };
        Cpu.apply(dir.path(), &limits).unwrap();
        assert_eq!(fake::text(dir.path(), "cpu.weight"), "79");
        assert_eq!(fake::text(dir.path(), "cpu.max"), "");
        Cpu.apply(dir.path(), &Limits { cpu_quota: true, ..limits }).unwrap();
        assert_eq!(fake::text(dir.path(), "cpu.max"), "200000 100000");
    }
}
