//! Without isolation: ending everything the task left behind.
//!
//! The supervisor is a subreaper, so whatever outlives its parents becomes our child. Kill all
//! children, reap them, and look again, until there are none: the children of the killed are ours
//! then.

use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};

use crate::cgroups::Group;
use crate::sys::reap;

const FIRST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Returns when no process of the container is left, however long that takes.
pub(super) fn destroy(group: Option<&Group>) {
    let mut pause = FIRST_PAUSE;
    loop {
        match reap() {
            Err(Errno::ECHILD) => return,
            Ok(Some(_)) => continue,
            Ok(None) | Err(_) => {}
        }
        if let Some(group) = group {
            group.kill();
        }
        for child in children() {
            let _ = kill(child, Signal::SIGKILL);
        }
        sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Our children as the kernel lists them; where it does not, all processes that name us as parent.
fn children() -> Vec<Pid> {
    let own = getpid();
    match std::fs::read_to_string(format!("/proc/self/task/{own}/children")) {
        Ok(text) => text.split_ascii_whitespace().filter_map(parse).collect(),
        Err(_) => children_by_search(own),
    }
}

fn children_by_search(own: Pid) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| parse(entry.file_name().to_str()?))
        .filter(|pid| parent(*pid) == Some(own))
        .collect()
}

fn parent(pid: Pid) -> Option<Pid> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse(status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim())
}

fn parse(text: &str) -> Option<Pid> {
    text.parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn both_ways_of_finding_children_agree() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        // Several threads run tests here, so only the search over the whole process is sure to see
        // it.
        let found = children_by_search(getpid());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.contains(&pid), "{found:?}");
        assert!(!children_by_search(getpid()).contains(&pid));
    }
}
