//! What goes wrong. Every fault comes from the plan, has an end, and may overlap with any other;
//! one that makes no sense at its moment is counted as skipped.

use super::{
    event::{Happening, Process},
    scenario::PlannedFault,
    streams::Client,
    world::World,
};
use crate::engine::Chance;
use proto::model::Duration;
use std::{
    fmt::{self, Display},
    str::FromStr,
};

/// Streams of chance from this one on belong to planned faults.
const FAULT_STREAMS: u64 = 1_000;

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A master's process dies.
    CrashMaster,
    /// The leader's process dies.
    CrashLeader,
    /// A master dies and comes back with an empty disk.
    WipeMaster,
    /// Every master dies at once.
    PowerCut,
    /// A master is stopped for a while, and goes on.
    PauseMaster,
    /// The leader is stopped for a while.
    PauseLeader,
    /// One direction of one link carries nothing.
    CutLink,
    /// One master hears and is heard by no other.
    PartitionMaster,
    /// One direction of one link is slow.
    SlowLink,
    /// A master's disk is slow.
    SlowDisk,
    /// An agent's process dies.
    CrashAgent,
    /// An agent's process dies in the middle of a step's effects.
    CrashAgentInStep,
    /// An agent's host starts anew.
    RebootAgent,
    /// An agent's host and journal are lost.
    LoseJournal,
    /// An agent reaches nobody.
    IsolateAgent,
    /// An agent reaches nobody for so long that it is removed.
    IsolateAgentLong,
    /// A framework reaches nobody.
    IsolateFramework,
    /// A framework's process is replaced while the old one still holds its stream.
    ReplaceFramework,
    /// A connection is reset.
    ResetConnection,
}

/// All kinds.
pub const KINDS: [Kind; 19] = [
    Kind::CrashMaster,
    Kind::CrashLeader,
    Kind::WipeMaster,
    Kind::PowerCut,
    Kind::PauseMaster,
    Kind::PauseLeader,
    Kind::CutLink,
    Kind::PartitionMaster,
    Kind::SlowLink,
    Kind::SlowDisk,
    Kind::CrashAgent,
    Kind::CrashAgentInStep,
    Kind::RebootAgent,
    Kind::LoseJournal,
    Kind::IsolateAgent,
    Kind::IsolateAgentLong,
    Kind::IsolateFramework,
    Kind::ReplaceFramework,
    Kind::ResetConnection,
];

impl Display for Kind {
    /// `crash-leader`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, letter) in format!("{self:?}").char_indices() {
            if letter.is_uppercase() && index > 0 {
                write!(f, "-")?;
            }
            write!(f, "{}", letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = KINDS.iter().find(|kind| kind.to_string() == text);
        named.copied().ok_or_else(|| format!("there is no fault called \"{text}\""))
    }
}

/// The end of a fault.
#[derive(Debug)]
pub(crate) enum Undo {
    Links(Vec<(usize, usize)>),
    SlowLink(usize, usize),
    SlowDisk(usize),
    Isolated(Client),
}

impl World {
    /// A planned fault happens.
    pub(crate) fn fault(&mut self, planned: PlannedFault) {
        if self.healed {
            return;
        }
        self.chance.faults =
            Chance::new(self.options.seed, FAULT_STREAMS.wrapping_add(planned.draw));
        match self.inject(planned.kind) {
            Some(()) => *self.kinds.entry(planned.kind).or_default() += 1,
            None => self.skipped += 1,
        }
    }

    /// `None` when the fault makes no sense now.
    fn inject(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::CrashMaster => {
                let host = self.any_master()?;
                self.crash_and_restart(host)
            }
            Kind::CrashLeader => {
                let host = self.any_leader()?;
                self.crash_and_restart(host)
            }
            Kind::WipeMaster => {
                let host = self.any_master()?;
                self.wipe(host)
            }
            Kind::PowerCut => {
                for host in 0..self.masters.len() {
                    self.crash_and_restart(host);
                }
                Some(())
            }
            Kind::PauseMaster => {
                let host = self.any_master()?;
                self.pause(host)
            }
            Kind::PauseLeader => {
                let host = self.any_leader()?;
                self.pause(host)
            }
            Kind::CutLink => {
                let (from, to) = self.any_link()?;
                self.sometimes.note("link cut one way");
                self.cut(vec![(from, to)]);
                Some(())
            }
            Kind::PartitionMaster => {
                let host = self.chance.faults.index(self.masters.len());
                let others = (0..self.masters.len()).filter(|other| *other != host);
                self.cut(others.flat_map(|other| [(host, other), (other, host)]).collect());
                Some(())
            }
            Kind::SlowLink => {
                let (from, to) = self.any_link()?;
                let wait = self.chance.faults.time(500, 5_000);
                self.network.slow.insert((from, to));
                self.undo_after(wait, Undo::SlowLink(from, to));
                Some(())
            }
            Kind::SlowDisk => {
                let host = self.chance.faults.index(self.masters.len());
                let wait = self.chance.faults.time(500, 5_000);
                self.masters[host].slow_disk = true;
                self.undo_after(wait, Undo::SlowDisk(host));
                Some(())
            }
            _ => self.inject_at_clients(kind),
        }
    }

    fn inject_at_clients(&mut self, kind: Kind) -> Option<()> {
        let restart = self.chance.faults.time(100, 6_000);
        let framework = self.chance.faults.index(self.frameworks.len());
        match kind {
            Kind::CrashAgent => {
                let agent = self.any_agent()?;
                self.crash_agent(agent, restart);
            }
            Kind::CrashAgentInStep => {
                let agent = self.any_agent()?;
                self.agents[agent].dies_in_step = true;
            }
            Kind::RebootAgent => {
                let agent = self.any_agent()?;
                self.sometimes.note("agent rebooted");
                self.crash_agent(agent, restart);
                self.agents[agent].reboot();
                self.boot_disk(agent);
            }
            Kind::LoseJournal => {
                let agent = self.any_agent()?;
                self.sometimes.note("agent lost its journal");
                self.crash_agent(agent, restart);
                self.agents[agent].lose_journal();
            }
            Kind::IsolateAgent => {
                let agent = self.any_agent()?;
                let wait = self.chance.faults.time(500, 14_000);
                self.isolate(Client::Agent(agent), wait);
            }
            Kind::IsolateAgentLong => {
                let agent = self.any_agent()?;
                let wait = self.chance.faults.time(25_000, 40_000);
                self.isolate(Client::Agent(agent), wait);
            }
            Kind::IsolateFramework => {
                let wait = self.chance.faults.time(500, 25_000);
                self.isolate(Client::Framework(framework), wait);
            }
            Kind::ReplaceFramework => {
                self.frameworks[framework].session?;
                self.subscribe_framework(framework);
            }
            Kind::ResetConnection => {
                let streams = self.connections.streams();
                let stream = *self.chance.faults.pick(&streams)?;
                self.reset(stream);
            }
            masters => unreachable!("{masters:?} is injected elsewhere"),
        }
        Some(())
    }

    fn any_master(&mut self) -> Option<usize> {
        let up: Vec<usize> =
            (0..self.masters.len()).filter(|host| self.masters[*host].is_up()).collect();
        self.chance.faults.pick(&up).copied()
    }

    fn any_leader(&mut self) -> Option<usize> {
        let serving = self.serving();
        self.chance.faults.pick(&serving).copied()
    }

    fn any_agent(&mut self) -> Option<usize> {
        let up: Vec<usize> =
            (0..self.agents.len()).filter(|agent| self.agents[*agent].agent.is_some()).collect();
        self.chance.faults.pick(&up).copied()
    }

    fn any_link(&mut self) -> Option<(usize, usize)> {
        let hosts = self.masters.len();
        let others = (hosts > 1).then_some(hosts - 1)?;
        let from = self.chance.faults.index(hosts);
        let step = 1 + self.chance.faults.index(others);
        Some((from, (from + step) % hosts))
    }

    fn crash_and_restart(&mut self, host: usize) -> Option<()> {
        if !self.masters[host].is_up() {
            return None;
        }
        self.crash_master(host);
        let wait = self.chance.faults.time(100, 8_000);
        self.queue.after(wait, Happening::MasterStart(host));
        Some(())
    }

    /// A lost disk is a lost member until it has caught up: one at a time, and not before the
    /// cluster has a past.
    fn wipe(&mut self, host: usize) -> Option<()> {
        let others = (0..self.masters.len()).filter(|other| *other != host);
        let mut sound = others.map(|other| &self.masters[other]);
        if !sound.all(|other| other.disk.durable.voter && !other.rejoining) {
            return None;
        }
        if self.masters[host].rejoining || self.oracles.one_leader.newest().is_none() {
            return None;
        }
        self.crash_and_restart(host)?;
        self.masters[host].disk.wipe();
        self.masters[host].rejoining = true;
        self.oracles.monotone.wiped(self.masters[host].node);
        Some(())
    }

    fn pause(&mut self, host: usize) -> Option<()> {
        let machine = &mut self.masters[host];
        if machine.paused || !machine.is_up() {
            return None;
        }
        machine.paused = true;
        let process: Process = machine.process(host);
        self.sometimes.note("master paused");
        let wait = self.chance.faults.time(100, 6_000);
        self.queue.after(wait, Happening::MasterResume(process));
        Some(())
    }

    fn cut(&mut self, links: Vec<(usize, usize)>) {
        for (from, to) in &links {
            self.network.block(*from, *to);
        }
        let wait = self.chance.faults.time(300, 8_000);
        self.undo_after(wait, Undo::Links(links));
    }

    fn isolate(&mut self, client: Client, wait: Duration) {
        self.network.isolate(client);
        self.undo_after(wait, Undo::Isolated(client));
    }

    /// A fault ends.
    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Links(links) => {
                for (from, to) in links {
                    self.network.unblock(from, to);
                }
            }
            Undo::SlowLink(from, to) => drop(self.network.slow.remove(&(from, to))),
            Undo::SlowDisk(host) => self.masters[host].slow_disk = false,
            Undo::Isolated(client) => self.network.rejoin(client),
        }
    }
}
