//! The folder below which everything of an exercise lives, and what is left of it on this host.
//!
//! The environment of each process names the folder, so that whatever is left afterwards, processes
//! included, can be found.

use crate::{cgroups, guard::Guard, network::namespaces, patience::within, witness};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// The kernel ends processes and mounts when it can.
pub(crate) const CLEAN_WITHIN: Duration = Duration::from_secs(20);

/// A folder of its own.
#[derive(Debug)]
pub struct Home {
    folder: Option<tempfile::TempDir>,
    path: PathBuf,
    program: PathBuf,
    /// Goes last: it has nothing to do if all went well.
    _guard: Guard,
}

impl Home {
    /// A new one, for this `bourse`.
    pub fn new(program: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bourse-trial-").tempdir()?;
        let path = folder.path().canonicalize()?;
        let program = program.canonicalize()?;
        let guard = Guard::start(&program, &path)?;
        for name in ["tmp", "data", "logs", witness::FOLDER] {
            fs::create_dir(path.join(name))?;
        }
        Ok(Self { folder: Some(folder), path, program, _guard: guard })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log of one party.
    pub fn log(&self, name: &str) -> PathBuf {
        self.path.join("logs").join(format!("{name}.log"))
    }

    /// The program in a clean environment: it knows of no cluster, and all its files go below here.
    pub fn bourse(&self) -> Command {
        let mut command = Command::new(&self.program);
        self.clean(&mut command);
        command
    }

    /// Gives any command such an environment.
    pub fn clean(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BOURSE_") {
                command.env_remove(name);
            }
        }
        command
            .env("XDG_DATA_HOME", self.path.join("data"))
            .env("TMPDIR", self.path.join("tmp"))
            .env("NO_COLOR", "1")
            .current_dir(&self.path)
            .stdin(Stdio::null());
    }

    /// Everything of the exercise that is still on this host, besides files.
    pub fn leftovers(&self) -> Vec<String> {
        left_of(&self.path)
    }

    /// Nothing may be left; the folder goes.
    pub fn close(mut self) -> anyhow::Result<()> {
        let mut left = Vec::new();
        let clean = within(CLEAN_WITHIN, "nothing is left behind", || {
            left = self.leftovers();
            left.is_empty().then_some(())
        });
        anyhow::ensure!(clean.is_ok(), "left behind: {left:#?}");
        self.folder.take().map_or(Ok(()), tempfile::TempDir::close)?;
        Ok(())
    }
}

impl Drop for Home {
    /// A second chance after a failure: whoever succeeded has closed it.
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Everything on this host that has to do with a folder, besides files.
pub(crate) fn left_of(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = processes(folder)
        .into_iter()
        .map(|(pid, command)| format!("process {pid}: {command}"))
        .collect();
    found.extend(mounts(folder).iter().map(|at| format!("mount {}", at.display())));
    // A network namespace is there as long as a process is, or an interface leads to it.
    found.extend(namespaces::interfaces().iter().map(|name| format!("interface {name}")));
    found.extend(cgroups_of(folder).iter().map(|at| format!("cgroup {}", at.display())));
    found
}

/// Ends and removes whatever has to do with a folder, but for its files.
pub(crate) fn remove(folder: &Path) {
    while let found @ [_, ..] = &processes(folder)[..] {
        for (pid, _) in found {
            // It may have ended by itself.
            let _ = Pid::from_raw(*pid).map(|pid| kill_process(pid, Signal::KILL));
        }
        std::thread::yield_now();
    }
    cgroups_of(folder).iter().for_each(|cgroup| cgroups::remove(cgroup));
    for place in mounts(folder) {
        let _ = rustix::mount::unmount(place, rustix::mount::UnmountFlags::DETACH);
    }
}

fn cgroups_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    cgroups::of_agents(&entries.map(|entry| entry.path()).collect::<Vec<_>>())
}

/// Places below a folder where something is mounted.
pub fn mounts(folder: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let places = text.lines().filter_map(|line| line.split(' ').nth(4));
    places.map(PathBuf::from).filter(|place| place.starts_with(folder)).collect()
}

/// Processes of one task of an agent whose data directory is below a folder, by their environment.
pub(crate) fn processes_of_task(folder: &Path, task: &str) -> Vec<u32> {
    let (task, folder) = (format!("BOURSE_TASK_ID={task}"), folder.as_os_str().as_bytes());
    let sandbox = [b"BOURSE_SANDBOX=", folder].concat();
    let is_of_task = |pid: &u32| {
        let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let has = |wanted: &dyn Fn(&[u8]) -> bool| variables.split(|byte| *byte == 0).any(wanted);
        has(&|variable| variable == task.as_bytes()) && has(&|it| it.starts_with(&sandbox))
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(is_of_task).collect()
}

/// Processes that have to do with a folder, by command line, environment, what they have open, or
/// where they are; never this one.
pub fn processes(folder: &Path) -> Vec<(i32, String)> {
    let name = folder.as_os_str().as_bytes();
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let mut found = Vec::new();
    for pid in pids.filter(|pid| *pid != own) {
        let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let command = read("cmdline");
        let mentions = |text: &[u8]| text.windows(name.len()).any(|window| window == name);
        let opens = || {
            let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            let open = open.map(|entry| entry.path());
            let is_at = ["cwd", "root"].map(|link| PathBuf::from(format!("/proc/{pid}/{link}")));
            open.chain(is_at)
                .filter_map(|link| fs::read_link(link).ok())
                .any(|path| path.starts_with(folder))
        };
        if mentions(&command) || mentions(&read("environ")) || opens() {
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            found.push((pid, command));
        }
    }
    found
}
