//! The calls of one launch: those of a container's supervisor, from its start to its end, and of
//! its container, up to the task's own program.

use super::{Injection, call};
use std::collections::{BTreeMap, BTreeSet};

/// Calls that make something, or tell somebody.
const CALLS: &[&str] = &[
    "openat",
    "write",
    "fsync",
    "mkdir",
    "rmdir",
    "renameat",
    "unlinkat",
    "socketpair",
    "pipe2",
    "signalfd4",
    "clone",
    "clone3",
    "unshare",
    "mount",
    "sendto",
    "recvfrom",
    "setsid",
    "fchdir",
    "dup2",
    "close_range",
    "wait4",
    "execve",
    "exit_group",
];

/// What a launch calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfLaunch {
    /// How many calls of each kind the busiest of its processes made.
    pub calls: BTreeMap<&'static str, usize>,
    /// Whether the supervisor has ended.
    pub is_whole: bool,
}

/// The tracer's words for a supervisor, without those that say which and where to.
pub fn of_supervisor(injection: Option<Injection>) -> String {
    let mut words = format!("strace -f -y -qq -e signal=none -e trace={}", CALLS.join(","));
    if let Some(Injection { call, number, harm }) = injection {
        words += &format!(" -e inject={call}:{}:when={number}", harm.word());
    }
    words
}

impl OfLaunch {
    /// Reads the trace of a supervisor that was traced shortly before its program began.
    pub fn of(trace: &str) -> Self {
        let mut launch = Self::default();
        let supervisor = trace.split(' ').next().unwrap_or_default();
        let mut began = BTreeSet::new();
        let mut by_process: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (process, name, _) in trace.lines().filter_map(call) {
            let is_supervisor = process == supervisor;
            // Until then the supervisor is another program; after it, the task is.
            if is_supervisor == began.contains(process)
                && let Some(name) = CALLS.iter().find(|known| **known == name)
            {
                let count = by_process.entry((process, name)).or_default();
                *count += 1;
                let most = launch.calls.entry(name).or_default();
                *most = (*most).max(*count);
            }
            if name == "execve" {
                began.insert(process);
            }
            launch.is_whole |= is_supervisor && name == "exit_group";
        }
        launch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_is_what_neither_the_wrapper_nor_the_task_does() {
        let trace = "\
            10 wait4(-1, 0x7fff, WNOHANG, NULL) = -1 ECHILD\n\
            10 execve(\"/bourse\", [\"/bourse\", \"jail\"], 0x1 /* 1 var */) = 0\n\
            10 mkdir(\"/sys/fs/cgroup/cpu/bourse/agent-1/c1\", 0777) = 0\n\
            10 clone3({flags=CLONE_NEWPID}, 88) = 11\n\
            11 write(7</sys/fs/cgroup/cpu/tasks>, \"0\", 1) = 1\n\
            11 execve(\"/usr/bin/sh\", [\"sh\"], 0x1 /* 5 vars */) = 0\n\
            11 write(1</stdout>, \"hi\", 2) = 2\n\
            10 write(3<pipe:[209491]>, \"{}\", 2) = 2\n\
            10 write(3</exit.json>, \"{}\", 2) = 2\n";
        let launch = OfLaunch::of(trace);
        let calls = [("clone3", 1), ("execve", 1), ("mkdir", 1), ("write", 2)];
        assert_eq!(launch.calls, calls.into_iter().collect());
        assert!(!launch.is_whole);
        assert!(OfLaunch::of(&format!("{trace}10 exit_group(0) = ?\n")).is_whole);
    }
}
