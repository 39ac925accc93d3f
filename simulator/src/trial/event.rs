//! Everything that can happen in a trial's world. What concerns a process carries its life: what
//! was meant for a process that has died since does not reach its successor.

use super::{
    agent_volumes::VolumeWork,
    disk::Dump,
    faults::Undo,
    leader_questions::{Asker, LeaderQuestion},
    scenario::PlannedFault,
    streams::{Down, Up},
};
use agent_core::{ContainerId, Ending};
use bourse_sdk::session::{Failure, SendId};
use master_core::{
    Input,
    input::{CallId, StreamId},
    outbox::Answer,
};
use proto::model::{Leadership, OfferId, Refusal, VolumeKey};
use raft::eraftpb::Message;

/// One life of one master's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    /// Index of the host.
    pub(crate) host: usize,
    /// Which of its lives.
    pub(crate) life: u64,
}

/// What happens to a master's process.
#[derive(Debug)]
pub(crate) enum MasterEvent {
    Tick,
    Turn,
    Input(Box<Input>),
    /// Some of what was to be written is on disk.
    DiskWritten,
    SnapshotWritten,
    /// A streamed snapshot is complete.
    SnapshotArrived {
        message: Message,
        dump: Dump,
    },
    /// A call of a framework or an operator.
    Call(CallId),
    /// A client asks who leads.
    FindLeader(LeaderQuestion),
    /// Something on a stream.
    Up {
        stream: StreamId,
        up: Up,
    },
}

/// One thing that happens.
#[derive(Debug)]
pub(crate) enum Happening {
    Master(Process, MasterEvent),
    MasterStart(usize),
    MasterResume(Process),
    /// Something from a master on a stream.
    Down {
        stream: StreamId,
        down: Down,
    },
    /// The answer to a call.
    Reply {
        call: CallId,
        answer: Result<Answer, Refusal>,
    },
    /// What a master says that was asked who leads.
    LeaderFound {
        asker: Asker,
        question: u64,
        answer: Leadership,
    },
    AgentStart(usize),
    AgentWake {
        agent: usize,
        life: u64,
    },
    ContainerStarts {
        agent: usize,
        boot: u64,
        container: ContainerId,
    },
    /// The limits of a container were changed.
    ContainerResized {
        agent: usize,
        boot: u64,
        container: ContainerId,
        version: u64,
    },
    ContainerEnds {
        agent: usize,
        boot: u64,
        container: ContainerId,
        ending: Ending,
        asked: bool,
    },
    /// What a process wanted of a volume's directory is done, or is not.
    VolumeDone {
        agent: usize,
        life: u64,
        key: VolumeKey,
        version: u64,
        work: VolumeWork,
        fails: bool,
    },
    FrameworkWake(usize),
    /// A framework has made up its mind about offers.
    FrameworkDecides {
        framework: usize,
        generation: u64,
        offers: Vec<OfferId>,
    },
    OperatorWake,
    SdkStart(usize),
    SdkWake(usize),
    /// An answer, or that there will be none.
    SdkAnswer {
        sdk: usize,
        send: SendId,
        answer: Result<bourse_sdk::session::Answer, Failure>,
    },
    /// A call of a scheduler's has no answer yet.
    SdkGivesUp(CallId),
    Fault(PlannedFault),
    Undo(Undo),
}
