//! Faults of agents and frameworks, and of their connections.

use super::{FlapOf, Kind, Undo};
use crate::trial::{streams::Client, world::World};
use master_core::input::StreamId;
use proto::model::Duration;

impl World {
    pub(super) fn harm_clients(&mut self, kind: Kind) -> Option<()> {
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
            Kind::IsolateRack => self.isolate_rack()?,
            Kind::FlapAgent => {
                let agent = self.any_agent()?;
                self.begin_to_flap(FlapOf::Agent(agent))?;
            }
            Kind::IsolateFramework => {
                let wait = self.chance.faults.time(500, 25_000);
                self.isolate(Client::Framework(framework), wait);
            }
            Kind::ReplaceFramework => {
                let session = self.frameworks[framework].session?;
                self.subscribe_framework(framework);
                self.older_instance_acts(framework, session);
            }
            Kind::KillScheduler => self.kill_scheduler()?,
            Kind::TakeOverScheduler => self.take_over()?,
            Kind::ResetConnection => {
                let streams = self.connections.streams();
                let stream = *self.chance.faults.pick(&streams)?;
                self.reset(stream);
            }
            Kind::ResetAll => self.reset_all()?,
            other => unreachable!("{other:?} harms no client"),
        }
        Some(())
    }

    pub(super) fn any_agent(&mut self) -> Option<usize> {
        let up: Vec<usize> =
            (0..self.agents.len()).filter(|agent| self.agents[*agent].agent.is_some()).collect();
        self.chance.faults.pick(&up).copied()
    }

    pub(super) fn isolate(&mut self, client: Client, wait: Duration) {
        self.network.isolate(client);
        self.undo_after(wait, Undo::Isolated(client));
    }

    /// Every other agent, all at once and for as long.
    fn isolate_rack(&mut self) -> Option<()> {
        let (first, count) = (self.chance.faults.index(2), self.agents.len());
        let wait = self.chance.faults.time(5_000, 25_000);
        (count > 1).then_some(())?;
        for agent in (first..count).step_by(2) {
            self.isolate(Client::Agent(agent), wait);
        }
        Some(())
    }

    /// Everybody comes back to whoever served them.
    fn reset_all(&mut self) -> Option<()> {
        let host = self.any_leader()?;
        let is_its_own = |stream: &StreamId| {
            let connection = self.connections.get(*stream);
            connection.is_some_and(|connection| connection.process.host == host)
        };
        let streams: Vec<StreamId> =
            self.connections.streams().into_iter().filter(is_its_own).collect();
        (streams.len() > 1).then_some(())?;
        streams.into_iter().for_each(|stream| self.reset(stream));
        Some(())
    }
}
