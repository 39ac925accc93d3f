//! A party of the cluster, running or not: its flags, its folder, its addresses.

use crate::{home::Home, lossy_disk::LossyDisk, process::Process};
use anyhow::Context as _;
use std::{fs, net::SocketAddr, path::PathBuf, process::Command};

/// The last lines of a log are what matters when something went wrong.
const LOG_LINES: usize = 15;

/// A master or an agent.
#[derive(Debug)]
pub struct Node {
    name: String,
    kind: &'static str,
    process: Option<Process>,
    /// What it is told, as `--name=value`.
    pub flags: Vec<String>,
    /// Words before the program, such as a tracer's.
    pub launcher: Vec<String>,
    /// Log, journal, sandboxes.
    pub data_dir: PathBuf,
    /// What the data directory is on, if it is a disk of ours.
    pub disk: Option<LossyDisk>,
    /// Where it serves.
    pub api: SocketAddr,
    /// Where other masters call; unused by agents.
    pub peer: SocketAddr,
    /// Where its metrics are.
    pub metrics: SocketAddr,
    /// Where others are told that it serves and that other masters call: a proxy, if there is one.
    pub told: Told,
}

/// Addresses under which others know a party.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// Where it serves.
    pub api: SocketAddr,
    /// Where other masters call.
    pub peer: SocketAddr,
}

impl Node {
    /// One that has not been started: `kind` is the command, `name` its folder and log, `addresses`
    /// where it serves, where other masters call, and where its metrics are.
    pub fn new(home: &Home, kind: &'static str, name: &str, addresses: [SocketAddr; 3]) -> Self {
        let [api, peer, metrics] = addresses;
        Self {
            name: name.to_owned(),
            kind,
            process: None,
            flags: Vec::new(),
            launcher: Vec::new(),
            data_dir: home.path().join(name),
            disk: None,
            api,
            peer,
            metrics,
            told: Told { api, peer },
        }
    }

    /// Puts its data directory on a disk of ours, and leaves it to the node to make it.
    pub fn put_on_disk(&mut self) -> anyhow::Result<()> {
        self.disk = Some(LossyDisk::mount(&self.data_dir)?);
        self.data_dir.push("new/data");
        Ok(())
    }

    /// Starts it; it may take a while until it serves.
    pub fn start(&mut self, home: &Home) -> anyhow::Result<()> {
        anyhow::ensure!(self.process.is_none(), "{} runs already", self.name);
        let mut command = match self.launcher.split_first() {
            None => home.bourse(),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                home.clean(&mut command);
                command.args(rest).arg(home.bourse().get_program());
                command
            }
        };
        command.arg(self.kind).arg(format!("--data-dir={}", self.data_dir.display()));
        command.args(&self.flags);
        self.process = Some(Process::start(command, &home.log(&self.name))?);
        Ok(())
    }

    /// Its process.
    pub fn process(&self) -> anyhow::Result<&Process> {
        self.process.as_ref().with_context(|| format!("{} does not run", self.name))
    }

    /// Its process, which is the caller's business from now on.
    pub fn take(&mut self) -> anyhow::Result<Process> {
        self.process.take().with_context(|| format!("{} does not run", self.name))
    }

    /// It is gone at once, and so is what it has not synced.
    pub fn cut_power(&mut self) -> anyhow::Result<()> {
        self.take()?.kill()?;
        self.disk.as_mut().context("it is on a disk of ours")?.cut_power()
    }

    /// Whether its process is there; one that ended by itself is forgotten.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.ended().is_none())
    }

    /// The end of its log.
    pub fn log_end(&self, home: &Home) -> String {
        let bytes = fs::read(home.log(&self.name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let launches = crate::cluster::LAUNCH_LINE;
        let lines = text.lines().filter(|line| !line.contains(launches));
        let lines: Vec<&str> = lines.collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        format!("=== {}\n{}\n", self.name, last.join("\n"))
    }
}
