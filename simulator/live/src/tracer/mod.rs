//! `strace` as a tool of harm: it counts the calls of a process that change files, and then has one
//! of them fail, or the process die in it.
//!
//! Calls are counted by kind and thread: the third `fdatasync` is the third of whichever thread
//! comes to its third first. The tracer is a process of its own that never is the parent of what it
//! traces, so that ends and signals are those of an untraced process.

mod launch;

use crate::home::Home;
use anyhow::Context as _;
pub use launch::{OfLaunch, of_supervisor};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Calls after which something else is on the disk.
pub const CHANGES: &[&str] = &[
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "mkdir",
    "mkdirat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
];
/// Those that need room.
pub const GROWS: &[&str] =
    &["write", "pwrite64", "ftruncate", "fallocate", "mkdir", "mkdirat", "rename", "renameat"];
/// Those that say what is durable.
pub const SYNCS: &[&str] = &["fsync", "fdatasync"];

/// What is done to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The process is killed in it.
    Kill,
    /// It fails: an error of the disk.
    Broken,
    /// It fails: no room.
    Full,
}

/// One call that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injection {
    /// Its kind.
    pub call: &'static str,
    /// Which of its kind, from 1.
    pub number: usize,
    /// What happens.
    pub harm: Harm,
}

/// What a process did to its data directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many calls of each kind the busiest thread made.
    pub calls: BTreeMap<&'static str, usize>,
    /// Files that were written with plain `write`, below the data directory.
    pub written: BTreeSet<PathBuf>,
}

/// Traces one process.
#[derive(Debug, Clone)]
pub struct Tracer {
    trace: PathBuf,
    data_dir: PathBuf,
}

impl Harm {
    /// As the tracer calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Kill => "signal=KILL",
            Self::Broken => "error=EIO",
            Self::Full => "error=ENOSPC",
        }
    }

    /// What a process must say that stops for it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Kill => "",
            Self::Broken => "Input/output error",
            Self::Full => "No space left on device",
        }
    }
}

impl std::fmt::Display for Injection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {} number {}", self.harm.word(), self.call, self.number)
    }
}

/// Whether there is a tracer, and it may trace.
pub fn check() -> anyhow::Result<()> {
    let mut command = Command::new("strace");
    command.args(["-qq", "-o", "/dev/null", "-e", "trace=none", "true"]);
    let output = command.stdin(Stdio::null()).output();
    let output = output.context("this needs strace: install the package of that name")?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    anyhow::ensure!(output.status.success(), "strace may not trace here: {}", text.trim());
    Ok(())
}

impl Tracer {
    /// For a process with this data directory; the trace is written below the home.
    pub fn new(home: &Home, data_dir: &Path) -> Self {
        Self { trace: home.path().join("tmp/trace"), data_dir: data_dir.to_owned() }
    }

    /// Words before the program that is to be traced from its start.
    pub fn launcher(&self, injection: Option<Injection>, seen: &Seen) -> Vec<String> {
        let mut words = vec!["strace".to_owned(), "-D".to_owned()];
        words.extend(self.options(injection, seen));
        words
    }

    /// A command that traces a process from now on.
    pub fn attach(&self, pid: u32, injection: Option<Injection>, seen: &Seen) -> Command {
        let mut command = Command::new("strace");
        command.args(self.options(injection, seen)).args(["-p", &pid.to_string()]);
        command
    }

    fn options(&self, injection: Option<Injection>, seen: &Seen) -> Vec<String> {
        // Threads are followed, other programs are not.
        let mut options: Vec<String> =
            ["-f", "-b", "execve", "-y", "-qq", "-e", "signal=none"].map(str::to_owned).to_vec();
        options.extend(["-o".to_owned(), self.trace.display().to_string()]);
        options.extend(["-e".to_owned(), format!("trace={}", CHANGES.join(","))]);
        let Some(injection) = injection else { return options };
        // Much else is written to: sockets, logs, wake-ups.
        if injection.call == "write" {
            let files = seen.written.iter().map(|file| self.data_dir.join(file));
            options.extend(files.flat_map(|file| ["-P".to_owned(), file.display().to_string()]));
        }
        let Injection { call, number, harm } = injection;
        options.extend(["-e".to_owned(), format!("inject={call}:{}:when={number}", harm.word())]);
        options
    }

    /// What was seen since the tracer was started last.
    pub fn seen(&self) -> anyhow::Result<Seen> {
        Ok(Seen::of(&self.text()?, &self.data_dir))
    }

    /// What the process went on to do to a file after a call on it had failed to make it durable.
    pub fn after_failed_sync(&self) -> anyhow::Result<Option<String>> {
        Ok(after_failed_sync(&self.text()?))
    }

    /// Whether a call was made to fail.
    pub fn has_failed_one(&self) -> anyhow::Result<bool> {
        Ok(self.text()?.contains("(INJECTED)"))
    }

    fn text(&self) -> anyhow::Result<String> {
        fs::read_to_string(&self.trace).context("there is no trace")
    }
}

impl Seen {
    fn of(trace: &str, data_dir: &Path) -> Self {
        let mut seen = Self::default();
        let mut by_thread: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let place = format!("{}/", data_dir.display());
        for (thread, call, rest) in trace.lines().filter_map(call) {
            let Some(call) = CHANGES.iter().find(|known| **known == call) else { continue };
            let path = rest.split_once(&place).and_then(|(_, rest)| rest.split(['>', '"']).next());
            if *call == "write" {
                let Some(path) = path else { continue };
                seen.written.insert(path.into());
            }
            let count = by_thread.entry((thread, call)).or_default();
            *count += 1;
            let most = seen.calls.entry(call).or_default();
            *most = (*most).max(*count);
        }
        seen
    }
}

/// Thread, name and the rest of a line that begins a call.
fn call(line: &str) -> Option<(&str, &str, &str)> {
    let (thread, rest) = line.split_once(' ')?;
    let (name, rest) = rest.trim_start().split_once('(')?;
    Some((thread, name, rest))
}

fn after_failed_sync(trace: &str) -> Option<String> {
    let mut lines = trace.lines();
    let failed = lines.by_ref().find(|line| line.contains("(INJECTED)"))?;
    let (_, name, rest) = call(failed)?;
    if !SYNCS.contains(&name) {
        return None;
    }
    let file = rest.split_once('<')?.1.split_once('>')?.0;
    let again = |line: &&str| {
        let Some((_, name, rest)) = call(line) else { return false };
        ["pwrite64", "write", "fsync", "fdatasync"].contains(&name)
            && rest.split_once('<').is_some_and(|(_, path)| path.starts_with(&format!("{file}>")))
    };
    lines.find(again).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "\
        10 mkdir(\"/h/master-1\", 0700) = 0\n\
        10 write(12</h/master-1/lock>, \"1307\", 4) = 4\n\
        10 write(7<anon_inode:[eventfd]>, \"1\", 8) = 8\n\
        11 fdatasync(13</h/master-1/log.redb> <unfinished ...>\n\
        11 <... fdatasync resumed>) = 0\n\
        12 fdatasync(13</h/master-1/log.redb>) = 0\n\
        11 fdatasync(13</h/master-1/log.redb>) = -1 EIO (Input/output error) (INJECTED)\n";

    #[test]
    fn calls_are_counted_by_thread() {
        let seen = Seen::of(TRACE, Path::new("/h/master-1"));
        let calls = [("fdatasync", 2), ("mkdir", 1), ("write", 1)];
        assert_eq!(seen.calls, calls.into_iter().collect());
        assert_eq!(seen.written, [PathBuf::from("lock")].into_iter().collect());
    }

    #[test]
    fn a_failed_sync_is_not_tried_again() {
        assert_eq!(after_failed_sync(TRACE), None);
        let other = "11 pwrite64(14</h/master-1/acknowledged>, \"\", 512, 0) = 512\n";
        assert_eq!(after_failed_sync(&format!("{TRACE}{other}")), None);
        let again = "12 fdatasync(13</h/master-1/log.redb>) = 0\n";
        let found = after_failed_sync(&format!("{TRACE}{other}{again}"));
        assert_eq!(found.as_deref(), Some(again.trim_end()));
    }
}
