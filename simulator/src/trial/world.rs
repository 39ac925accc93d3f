//! The whole of a trial's world, and the loop that lets it happen.

use super::{
    Options, Report, Scenario, Sometimes,
    agenda::Agenda,
    agent_host::AgentHost,
    attempt,
    event::{Happening, Process},
    faults::{Kind, Undo},
    framework_calls::Calls,
    framework_host::FrameworkHost,
    master_host::MasterHost,
    network::Network,
    operators::OperatorHost,
    oracle::Oracles,
    scenario::PlannedFault,
    sdk_host::SdkHost,
    streams::{Client, Connections},
    trace::{Trace, Watch},
};
use crate::engine::Chance;
use bourse_sdk::session::Input;
use proto::model::{
    ClusterId, Duration, FrameworkId, Instant, NodeId, Principal, principal::PrincipalKind,
};
use std::collections::BTreeMap;

/// Chance, by purpose; links have their own.
#[derive(Debug)]
pub(crate) struct Chances {
    pub(crate) masters: Chance,
    pub(crate) agents: Chance,
    pub(crate) frameworks: Chance,
    pub(crate) faults: Chance,
    pub(crate) volumes: Chance,
    /// Which costly checks are made; decides nothing.
    pub(crate) oracles: Chance,
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) cluster: ClusterId,
    pub(crate) queue: Agenda<Happening>,
    pub(crate) chance: Chances,
    pub(crate) masters: Vec<MasterHost>,
    pub(crate) agents: Vec<AgentHost>,
    pub(crate) frameworks: Vec<FrameworkHost>,
    pub(crate) sdks: Vec<SdkHost>,
    pub(crate) operator: OperatorHost,
    pub(crate) network: Network,
    pub(crate) connections: Connections,
    pub(crate) calls: Calls,
    pub(crate) oracles: Oracles,
    pub(crate) sometimes: Sometimes,
    pub(crate) trace: Trace,
    /// Faults are over.
    pub(crate) healed: bool,
    /// Still to come, by time.
    plan: Vec<PlannedFault>,
    /// Faults injected.
    pub(crate) kinds: BTreeMap<Kind, u64>,
    pub(crate) skipped: u64,
    events: u64,
    pub(crate) healed_after: Duration,
    /// It did not come right, and could not.
    pub(crate) excused: bool,
}

impl World {
    pub(crate) fn new(scenario: &Scenario, watch: Watch) -> Self {
        let options = scenario.options.clone();
        let chance = |purpose| Chance::new(options.seed, purpose);
        let (loss, duplicate) = (options.loss_per_mille, options.duplicate_per_mille);
        let machines = options.masters + options.spare_masters;
        let masters = (1..=machines as u64).map(|node| {
            let mut host = MasterHost::new(NodeId(node));
            host.absent = node > options.masters as u64;
            host.old = options.old_masters;
            host
        });
        let mut agents_chance = chance(3);
        let agents = (0..options.agents).map(|index| AgentHost::new(index, &mut agents_chance));
        let frameworks = (0..options.frameworks).map(FrameworkHost::new);
        let mut seeds = chance(8);
        let sdks = (0..options.sdk_frameworks).map(|index| {
            let instances = options.tasks_per_framework / 3;
            SdkHost::new(index, options.masters, instances, seeds.number())
        });
        Self {
            cluster: ClusterId::new("trial").expect("an id"),
            queue: Agenda::new(),
            masters: masters.collect(),
            agents: agents.collect(),
            frameworks: frameworks.collect(),
            sdks: sdks.collect(),
            operator: OperatorHost::default(),
            network: Network::new(chance(1), loss, duplicate),
            connections: Connections::default(),
            calls: Calls::default(),
            oracles: Oracles::default(),
            sometimes: Sometimes::default(),
            trace: Trace::new(watch),
            healed: false,
            plan: scenario.faults.clone(),
            kinds: BTreeMap::new(),
            skipped: 0,
            events: 0,
            healed_after: Duration(0),
            excused: false,
            chance: Chances {
                masters: chance(2),
                agents: agents_chance,
                frameworks: chance(4),
                faults: chance(5),
                oracles: chance(6),
                volumes: chance(7),
            },
            options,
        }
    }

    /// Phase one: everything starts, and faults come until their time is over.
    pub(crate) fn endure(&mut self) {
        for host in 0..self.masters.len() {
            let at = self.chance.masters.time(0, 1_500);
            self.queue.after(at, Happening::MasterStart(host));
        }
        for agent in 0..self.agents.len() {
            let at = self.chance.agents.time(0, 4_000);
            self.queue.after(at, Happening::AgentStart(agent));
        }
        for framework in 0..self.frameworks.len() {
            let at = self.chance.frameworks.time(0, 4_000);
            self.queue.after(at, Happening::FrameworkWake(framework));
        }
        for sdk in 0..self.sdks.len() {
            self.step_sdk(sdk, Vec::new());
        }
        self.queue.after(Duration(2_000), Happening::OperatorWake);
        for planned in std::mem::take(&mut self.plan) {
            self.queue.at(Instant(planned.at_ms), Happening::Fault(planned));
        }
        let end = Instant(self.options.faults_for_ms);
        while let Some(happening) = self.queue.next_before(end) {
            self.perform(happening);
        }
    }

    /// The next thing happens.
    pub(crate) fn happen(&mut self) {
        if let Some(happening) = self.queue.next_event() {
            self.perform(happening);
        }
    }

    fn perform(&mut self, happening: Happening) {
        self.events += 1;
        attempt::it_is(self.queue.now().0);
        match happening {
            Happening::Master(process, event) => self.master_happens(process, event),
            Happening::MasterStart(host) => self.start_master(host),
            Happening::MasterResume(process) => self.resume_master(process),
            Happening::Down { stream, down } => self.down_arrives(stream, down),
            Happening::Reply { call, answer } => self.reply_arrives(call, answer),
            Happening::LeaderFound { asker, question, answer } => {
                self.leader_found(asker, question, answer);
            }
            Happening::AgentStart(agent) => self.start_agent(agent),
            Happening::AgentWake { agent, life } => self.wake_agent(agent, life),
            Happening::ContainerStarts { agent, boot, container } => {
                self.container_starts(agent, boot, container);
            }
            Happening::ContainerResized { agent, boot, container, version } => {
                self.container_resized(agent, boot, container, version);
            }
            Happening::ContainerEnds { agent, boot, container, ending, asked } => {
                self.container_ends(agent, boot, &container, ending, asked);
            }
            Happening::VolumeDone { agent, life, key, version, work, fails } => {
                self.volume_done((agent, life), (key, version), work, fails);
            }
            Happening::FrameworkWake(framework) => self.wake_framework(framework),
            Happening::FrameworkDecides { framework, generation, offers } => {
                self.framework_decides(framework, generation, offers);
            }
            Happening::SdkStart(sdk) => self.step_sdk(sdk, Vec::new()),
            Happening::SdkWake(sdk) => self.wake_sdk(sdk),
            Happening::SdkAnswer { sdk, send, answer } => {
                self.step_sdk(sdk, vec![Input::Answered(send, answer)]);
            }
            Happening::SdkGivesUp(call) => self.sdk_gives_up(call),
            Happening::OperatorWake => self.wake_operator(),
            Happening::Fault(planned) => self.fault(planned),
            Happening::Undo(undo) => self.undo(undo),
        }
    }

    /// A paused master goes on: first with what waited for it, in order.
    pub(crate) fn resume_master(&mut self, process: Process) {
        let host = &mut self.masters[process.host];
        if host.life != process.life || !host.paused {
            return;
        }
        host.paused = false;
        for waited in std::mem::take(&mut host.deferred) {
            self.queue.after(Duration(0), waited);
        }
    }

    /// Who a client is, by its certificate.
    pub(crate) fn principal(&self, client: Client) -> Principal {
        let (kind, id) = match client {
            Client::Agent(agent) => (PrincipalKind::Agent, self.agents[agent].id.to_string()),
            Client::Framework(framework) => {
                (PrincipalKind::Framework, self.frameworks[framework].name.clone())
            }
            Client::Sdk(sdk) => (PrincipalKind::Framework, self.sdks[sdk].name.clone()),
            Client::Operator => (PrincipalKind::Operator, "ann".to_owned()),
        };
        Principal { cluster: self.cluster.clone(), kind, id }
    }

    /// The framework at the far end of a stream, as far as it knows itself.
    pub(crate) fn stream_framework(
        &self,
        stream: master_core::input::StreamId,
    ) -> Option<FrameworkId> {
        match self.connections.get(stream)?.client {
            Client::Framework(framework) => self.frameworks[framework].id,
            Client::Sdk(sdk) => self.sdks[sdk].framework(),
            Client::Agent(_) | Client::Operator => None,
        }
    }

    /// Hosts that serve, by their own belief.
    pub(crate) fn serving(&self) -> Vec<usize> {
        (0..self.masters.len()).filter(|host| self.masters[*host].is_serving()).collect()
    }

    pub(crate) fn report(self) -> Report {
        let member_changes = self.serving().first().map_or(0, |leader| {
            let master = self.masters[*leader].master.as_ref().expect("it serves");
            master.ledger().members().version()
        });
        Report {
            sometimes: self.sometimes,
            kinds: self.kinds,
            message_faults: self.network.faults,
            virtual_ms: self.queue.now().0,
            skipped: self.skipped,
            excused: self.excused,
            events: self.events,
            healed_after_ms: self.healed_after.0,
            digests_compared: self.oracles.digests.compared(),
            member_changes,
            trace: self.trace.fingerprint(),
        }
    }

    /// Something that ends a fault.
    pub(crate) fn undo_after(&mut self, wait: Duration, undo: Undo) {
        self.queue.after(wait, Happening::Undo(undo));
    }
}
