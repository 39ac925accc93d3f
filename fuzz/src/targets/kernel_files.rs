//! What the kernel writes for us to read, and what it would never write.

use super::scratch;
use crate::situation::{met, met_error};
use jail::{
    cgroups::{self, Base, ControllerName, Hierarchy, Layout, Version},
    process::parse_stat,
};
use std::{fs, path::Path};

pub(super) fn proc_stat_seeds() -> Vec<Vec<u8>> {
    let plain = b"4711 (sleep) S 1 4711 4711 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 99 1 2 3\n";
    let odd = b"1 (a) b) (c \n) Z 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 18446744073709551615 4\n";
    vec![plain.to_vec(), odd.to_vec()]
}

/// A line is read or not; a name between the parentheses changes nothing of what is read.
pub(super) fn proc_stat(bytes: &[u8]) {
    let read = parse_stat(bytes);
    met((read.is_some(), read.map(|stat| stat.state)));
    let Some(stat) = read else { return };
    let close = bytes.iter().rposition(|byte| *byte == b')').expect("read behind it");
    for name in [&b""[..], b") R 1 2 (", b"\xff\n"] {
        let other = [b"1 (", name, &bytes[close..]].concat();
        assert_eq!(parse_stat(&other), Some(stat));
    }
}

const MOUNTS: &str = "\
25 1 0:22 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate
31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
32 25 0:28 /docker/1\\0402 /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory
33 25 0:29 / /sys/fs/cgroup/pids rw optional:1 - cgroup cgroup rw,pids
";
const MEMBERSHIP: &str = "\
9:memory:/docker/1 2/inner
4:cpu,cpuacct:/user.slice
3:pids:/
0::/system.slice/bourse.service
";
/// Between the two files of an input.
const NEXT: &str = "=====\n";

pub(super) fn mountinfo_seeds() -> Vec<Vec<u8>> {
    let join = |mounts: &str, membership: &str| [mounts, NEXT, membership].concat().into_bytes();
    vec![join(MOUNTS, MEMBERSHIP), join(MOUNTS, "0::/\n")]
}

/// Both files are read or a line is named; what was found is below a mount point that is there.
pub(super) fn mountinfo(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (mounts, membership) = text.split_once(NEXT).unwrap_or((&text, MEMBERSHIP));
    for base in [Base::Own, Base::Root] {
        match cgroups::parse_layout(mounts, membership, base) {
            Ok(layout) => {
                met((
                    layout.unified.is_some(),
                    layout.controllers.keys().collect::<Vec<_>>().len(),
                ));
                for hierarchy in layout.controllers.values() {
                    assert_eq!(hierarchy.version, Version::V1);
                }
                let again = cgroups::parse_layout(mounts, membership, base);
                assert_eq!(again.expect("the same texts"), layout);
            }
            Err(error) => {
                met_error("refused", &error);
                assert!(!error.to_string().is_empty());
            }
        }
    }
}

/// The counters that are read of a container, of both versions.
const FILES: &[&str] = &[
    "memory.peak",
    "memory.current",
    "memory.max",
    "memory.events",
    "cpu.stat",
    "pids.current",
    "pids.max",
    "pids.events",
    "memory.max_usage_in_bytes",
    "memory.limit_in_bytes",
    "memory.oom_control",
    "cpuacct.usage",
];

pub(super) fn cgroup_seeds() -> Vec<Vec<u8>> {
    let numbers = FILES.map_to(|name| format!("{name}=4096\n"));
    let keyed = "memory.events=low 0|high 0|max 3|oom 1|oom_kill 1\n\
                 cpu.stat=usage_usec 1500|user_usec 700|system_usec 800|nr_throttled 2\n\
                 memory.oom_control=oom_kill_disable 0|under_oom 0|oom_kill 2\n\
                 pids.events=max 4\nmemory.max=max\n";
    vec![numbers.into_bytes(), keyed.as_bytes().to_vec()]
}

trait MapTo {
    fn map_to(&self, text: impl Fn(&str) -> String) -> String;
}

impl MapTo for &[&str] {
    fn map_to(&self, text: impl Fn(&str) -> String) -> String {
        self.iter().map(|name| text(name)).collect()
    }
}

/// Lines `FILE=CONTENT` become files (`|` stands for the end of a line); they are read as a
/// container's counters, or one of them is named.
pub(super) fn cgroup_files(bytes: &[u8]) {
    let root = scratch();
    for (version, folder) in [(Version::V1, "one"), (Version::V2, "two")] {
        let base = root.path().join(folder);
        let group = base.join("bourse/fuzz/c1");
        fs::create_dir_all(&group).expect("a folder for a test");
        bytes.split(|byte| *byte == b'\n').for_each(|line| write_line(&group, line));
        let hierarchy = || Hierarchy { version, base: base.clone() };
        let controllers = ControllerName::ALL.into_iter().map(|name| (name, hierarchy())).collect();
        let layout = Layout { controllers, unified: None };
        match cgroups::usage(&layout, "fuzz", "c1") {
            Ok(usage) => met((folder, format!("{usage:?}").matches("Some").count())),
            Err(error) => {
                met_error(folder, &error);
                assert!(!error.to_string().is_empty());
            }
        }
    }
}

fn write_line(group: &Path, line: &[u8]) {
    let Some(at) = line.iter().position(|byte| *byte == b'=') else { return };
    let (name, content) = (&line[..at], &line[at + 1..]);
    let Some(name) = FILES.iter().find(|known| known.as_bytes() == name) else { return };
    let content: Vec<u8> =
        content.iter().map(|byte| if *byte == b'|' { b'\n' } else { *byte }).collect();
    fs::write(group.join(name), content).expect("a file for a test");
}
