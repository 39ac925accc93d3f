//! What this host has, for settings that nobody gave.
//!
//! The margins are Mesos': of the memory one GiB is left to the host, of the disk five, and of less
//! than twice as much, half. Ports 31000 to 32000 lie below Linux' range for outgoing connections.

use super::{Problem, resources_from_text};
use proto::model::Resources;
use std::path::Path;

const MEMORY_MARGIN_MIB: u64 = 1_024;
const DISK_MARGIN_MIB: u64 = 5 * 1_024;

/// A look at the host; what could not be seen is 0.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    cpus: usize,
    memory_mib: u64,
    disk_mib: u64,
}

impl Host {
    /// Looks at this host and at the disk that holds, or would hold, a directory.
    pub(super) fn look(data_dir: &Path) -> Self {
        let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let disk = data_dir.ancestors().find_map(|dir| rustix::fs::statvfs(dir).ok());
        let disk = disk.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        Self {
            name: name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned()),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory_total_mib(&meminfo).unwrap_or(0),
            disk_mib: disk >> 20,
        }
    }

    pub(super) fn resources(&self) -> Result<Resources, Problem> {
        let memory = less(self.memory_mib, MEMORY_MARGIN_MIB);
        let disk = less(self.disk_mib, DISK_MARGIN_MIB);
        let cpus = self.cpus;
        resources_from_text(&format!("cpus:{cpus};mem:{memory};disk:{disk};ports:[31000-32000]"))
    }
}

/// What is left to give: all but the margin, but never less than half.
fn less(total: u64, margin: u64) -> u64 {
    total.saturating_sub(margin).max(total / 2)
}

fn memory_total_mib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_never_more_than_half() {
        assert_eq!(less(16_384, 1_024), 15_360);
        assert_eq!(less(1_500, 1_024), 750);
        assert_eq!(less(0, 1_024), 0);
        assert_eq!(memory_total_mib("MemTotal:       16384 kB\n"), Some(16));
        assert_eq!(memory_total_mib("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn this_host_has_something() {
        let resources = Host::look(Path::new("/tmp/does/not/exist")).resources().expect("valid");
        assert!(resources.scalar(&proto::model::ResourceName::CPUS).0 >= 1_000);
        assert!(resources.scalar(&proto::model::ResourceName::MEM).0 > 0);
    }
}
