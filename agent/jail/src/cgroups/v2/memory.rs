//! Memory in version 2: `memory.max` without any swap on top, and the group dies as a whole.

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
        files::write(dir, "memory.max", &bytes.to_string())?;
        files::write_if_there(dir, "memory.swap.max", "0")?;
        // Half a container is of no use to anybody. Init is exempt by its score of -1000.
        files::write_if_there(dir, "memory.oom.group", "1")
    }

    /// The kernel takes any `memory.max` and kills for it. So what is held is looked at first,
    /// while `memory.high` keeps it from growing; what is not given back by then is kept.
    fn change(&self, dir: &Path, limits: &Limits) -> Result<(), CgroupError> {
        let Some(limit_bytes) = limits.memory_bytes else { return Ok(()) };
        let held = || files::number(dir, "memory.current");
        files::write_if_there(dir, "memory.high", &limit_bytes.to_string())?;
        if let Some(excess) = held()?.and_then(|held| held.checked_sub(limit_bytes))
            && excess > 0
        {
            // It may get back less, which the next look shows; an older kernel has no such file.
            let _ = files::write_if_there(dir, "memory.reclaim", &excess.to_string());
        }
        let changed = match held()? {
            Some(held_bytes) if held_bytes > limit_bytes => {
                Err(CgroupError::InUse { held_bytes, limit_bytes })
            }
            _ => files::write(dir, "memory.max", &limit_bytes.to_string()),
        };
        files::write_if_there(dir, "memory.high", "max")?;
        changed
    }

    fn stats(&self, dir: &Path, usage: &mut Usage) -> Result<(), CgroupError> {
        usage.memory_bytes = files::number(dir, "memory.current")?;
        usage.memory_peak_bytes = files::number(dir, "memory.peak")?;
        // A word where there is no limit.
        let limit = files::read(dir, "memory.max").ok();
        usage.memory_limit_bytes = limit.and_then(|text| text.trim().parse().ok());
        usage.oom_kills = files::keyed(dir, "memory.events", "oom_kill")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::files::fake;

    #[test]
    fn no_swap_on_top() {
        let files = [("memory.max", ""), ("memory.swap.max", ""), ("memory.oom.group", "")];
        let dir = fake::cgroup(&files);
        let limits = Limits { memory_bytes: Some(1 << 30), ..Limits::default() };
        Memory.apply(dir.path(), &limits).unwrap();
        let texts = files.map(|(name, _)| fake::text(dir.path(), name));
        assert_eq!(texts, ["1073741824", "0", "1"]);
    }

    #[test]
    fn the_peak_is_optional() {
        let dir = fake::cgroup(&[
            ("memory.current", "5\n"),
            ("memory.events", "low 0\noom 2\noom_kill 1\noom_group_kill 1\n"),
        ]);
        let mut usage = Usage::default();
        Memory.stats(dir.path(), &mut usage).unwrap();
        let expected = Usage { memory_bytes: Some(5), oom_kills: Some(1), ..Usage::default() };
        assert_eq!(usage, expected, "memory.peak came with Linux 5.19");
    }
}
