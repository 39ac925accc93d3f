//! What goes wrong. Every fault comes from the plan, has an end, and may overlap with any other;
//! one that makes no sense at its moment is counted as skipped.

mod clients;
mod clocks;
mod hostile;
mod links;
mod masters;

pub(crate) use hostile::AS_ANOTHER;

use super::{clock::EXACT, scenario::PlannedFault, streams::Client, world::World};
use crate::engine::Chance;
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
    /// So many masters lose their disks that those left are no majority.
    LoseDisks,
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
    /// A scheduler on the SDK dies, and its job begins anew elsewhere.
    KillScheduler,
    /// Another process subscribes as a scheduler's framework, and ends it.
    TakeOverScheduler,
    /// A connection is reset.
    ResetConnection,
    /// The leader hears and is heard by no other master.
    PartitionLeader,
    /// Whoever leads is cut off for a second, again and again.
    FlapLeader,
    /// Two masters do not hear each other, and both hear the others.
    CutTriangle,
    /// A link carries nothing for a second, again and again.
    FlapLink,
    /// An agent reaches nobody for a second, again and again.
    FlapAgent,
    /// A master's disk refuses a write: the process ends.
    FailDisk,
    /// A master's disk refuses all writes for a while.
    FillDisk,
    /// Half of the agents reach nobody.
    IsolateRack,
    /// All connections of clients to one master are reset.
    ResetAll,
    /// A master's wall clock jumps by up to a day.
    StepClock,
    /// The clock of a master or an agent is too fast or too slow by up to a tenth.
    DriftClock,
    /// All machines stand still for a while.
    Freeze,
    /// A master gets today's software.
    UpgradeMaster,
    /// A master gets the software of before, as long as the log holds nothing newer.
    DowngradeMaster,
    /// A framework acts in another's name, on another's tasks and offers.
    MeddleFramework,
    /// A framework asks as fast as it can.
    FloodMaster,
    /// An agent tells of tasks that were never its own, anew of what is over, and as another agent.
    LieAsAgent,
    /// An agent comes back and claims more than any machine has.
    BoastAsAgent,
    /// A client does not read what it is sent for a while.
    StallReader,
}

/// What a kind of fault harms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Masters,
    Links,
    Clients,
    Clocks,
    Manners,
}

/// All kinds.
pub const KINDS: [Kind; 41] = [
    Kind::CrashMaster,
    Kind::CrashLeader,
    Kind::WipeMaster,
    Kind::LoseDisks,
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
    Kind::KillScheduler,
    Kind::TakeOverScheduler,
    Kind::ResetConnection,
    Kind::PartitionLeader,
    Kind::FlapLeader,
    Kind::CutTriangle,
    Kind::FlapLink,
    Kind::FlapAgent,
    Kind::FailDisk,
    Kind::FillDisk,
    Kind::IsolateRack,
    Kind::ResetAll,
    Kind::StepClock,
    Kind::DriftClock,
    Kind::Freeze,
    Kind::UpgradeMaster,
    Kind::DowngradeMaster,
    Kind::MeddleFramework,
    Kind::FloodMaster,
    Kind::LieAsAgent,
    Kind::BoastAsAgent,
    Kind::StallReader,
];

impl Kind {
    fn place(self) -> Place {
        match self {
            Self::CrashMaster
            | Self::CrashLeader
            | Self::WipeMaster
            | Self::LoseDisks
            | Self::PowerCut
            | Self::PauseMaster
            | Self::PauseLeader
            | Self::SlowDisk
            | Self::FailDisk
            | Self::FillDisk
            | Self::UpgradeMaster
            | Self::DowngradeMaster => Place::Masters,
            Self::CutLink
            | Self::PartitionMaster
            | Self::PartitionLeader
            | Self::FlapLeader
            | Self::CutTriangle
            | Self::FlapLink
            | Self::SlowLink => Place::Links,
            Self::CrashAgent
            | Self::CrashAgentInStep
            | Self::RebootAgent
            | Self::LoseJournal
            | Self::IsolateAgent
            | Self::IsolateAgentLong
            | Self::IsolateRack
            | Self::FlapAgent
            | Self::IsolateFramework
            | Self::ReplaceFramework
            | Self::KillScheduler
            | Self::TakeOverScheduler
            | Self::ResetConnection
            | Self::ResetAll => Place::Clients,
            Self::StepClock | Self::DriftClock | Self::Freeze => Place::Clocks,
            Self::MeddleFramework
            | Self::FloodMaster
            | Self::LieAsAgent
            | Self::BoastAsAgent
            | Self::StallReader => Place::Manners,
        }
    }
}

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

/// The end of a fault, or its next part.
#[derive(Debug)]
pub(crate) enum Undo {
    Links(Vec<(usize, usize)>),
    SlowLink(usize, usize),
    SlowDisk(usize),
    FullDisk(usize),
    Isolated(Client),
    Flap(Flap),
    DriftOfMaster(usize),
    DriftOfAgent(usize),
}

/// What comes and goes, and how often still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flap {
    of: FlapOf,
    left: u64,
}

#[derive(Debug, Clone, Copy)]
enum FlapOf {
    Leader,
    Link(usize, usize),
    Agent(usize),
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
        match kind.place() {
            Place::Masters => self.harm_masters(kind),
            Place::Links => self.harm_links(kind),
            Place::Clients => self.harm_clients(kind),
            Place::Clocks => self.harm_clocks(kind),
            Place::Manners => self.misbehave(kind),
        }
    }

    /// A fault ends, or goes on.
    pub(crate) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Links(links) => {
                for (from, to) in links {
                    self.network.unblock(from, to);
                }
            }
            Undo::SlowLink(from, to) => drop(self.network.slow.remove(&(from, to))),
            Undo::SlowDisk(host) => self.masters[host].slow_disk = false,
            Undo::FullDisk(host) => self.masters[host].failing = None,
            Undo::Isolated(client) => self.network.rejoin(client),
            Undo::Flap(flap) => self.flap(flap),
            Undo::DriftOfMaster(host) => self.drift_master(host, EXACT),
            Undo::DriftOfAgent(agent) => self.drift_agent(agent, EXACT),
        }
    }
}
