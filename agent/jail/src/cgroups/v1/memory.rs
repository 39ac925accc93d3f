//! Memory in version 1: one limit for memory, the same for memory and swap together.

use std::path::Path;

use crate::cgroups::{CgroupError, Controller, ControllerName, Usage, files};
use crate::plan::Limits;

#[derive(Debug)]
pub(in crate::cgroups) struct Memory;

impl Controller for Memory {
    fn name(&self) -> ControllerName {
        ControllerName::Memory
    }

    /// Always, for the peak.
    fn wanted(&self, _limits: &Limits, _unified: bool) -> bool {
        true
    }

    fn apply(&self, dir: &Path, limits: &Limits) -> Result<(), CgroupError> {
        let Some(bytes) = limits.memory_bytes else { return Ok(()) };
        // In this order: the kernel wants the sum of memory and swap never below memory.
        files::write(dir, "memory.limit_in_bytes", &bytes.to_string())?;
        files::write_if_there(dir, "memory.memsw.limit_in_bytes", &bytes.to_string())
    }

    /// The kernel tries to get back what is above the limit, and refuses one that it cannot keep.
    fn change(&self, dir: &Path, limits: &Limits) -> Result<(), CgroupError> {
        let Some(bytes) = limits.memory_bytes else { return Ok(()) };
        let (memory, both) = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes");
        let old = files::number(dir, memory)?.unwrap_or(u64::MAX);
        let value = bytes.to_string();
        // The sum of memory and swap may at no time be below memory.
        let changed = if bytes > old {
            files::write_if_there(dir, both, &value)
                .and_then(|()| files::write(dir, memory, &value))
        } else {
            files::write(dir, memory, &value)
                .and_then(|()| files::write_if_there(dir, both, &value))
        };
        changed.map_err(|error| match error.errno() {
            Some(libc::EBUSY) => {
                let held = files::number(dir, "memory.usage_in_bytes").ok().flatten();
                CgroupError::InUse { held_bytes: held.unwrap_or(old), limit_bytes: bytes }
            }
            _ => error,
        })
    }

    fn stats(&self, dir: &Path, usage: &mut Usage) -> Result<(), CgroupError> {
        usage.memory_bytes = files::number(dir, "memory.usage_in_bytes")?;
        usage.memory_peak_bytes = files::number(dir, "memory.max_usage_in_bytes")?;
        usage.memory_limit_bytes = files::number(dir, "memory.limit_in_bytes")?;
        usage.oom_kills = files::keyed(dir, "memory.oom_control", "oom_kill")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::files::fake;

    #[test]
    fn swap_is_bounded_where_the_kernel_can() {
        let limits = Limits { memory_bytes: Some(4096), ..Limits::default() };
        let plain = fake::cgroup(&[("memory.limit_in_bytes", "")]);
        Memory.apply(plain.path(), &limits).unwrap();
        let files = [("memory.limit_in_bytes", ""), ("memory.memsw.limit_in_bytes", "")];
        let swap = fake::cgroup(&files);
        Memory.apply(swap.path(), &limits).unwrap();
        assert_eq!(files.map(|(name, _)| fake::text(swap.path(), name)), ["4096", "4096"]);
    }

    #[test]
    fn counters() {
        let dir = fake::cgroup(&[
            ("memory.usage_in_bytes", "5\n"),
            ("memory.max_usage_in_bytes", "9\n"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
        ]);
        let mut usage = Usage::default();
        Memory.stats(dir.path(), &mut usage).unwrap();
        let expected = Usage {
            memory_bytes: Some(5),
            memory_peak_bytes: Some(9),
            oom_kills: Some(3),
            ..Usage::default()
        };
        assert_eq!(usage, expected);
    }
}
