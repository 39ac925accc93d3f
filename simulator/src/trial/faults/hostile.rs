//! Clients that do what no honest one does: in another's name, too fast, untrue, or not reading.

use super::Kind;
use crate::trial::{
    framework_calls::Asked,
    streams::{Client, Up},
    world::World,
};
use master_core::input::StreamId;
use proto::model::{
    AgentCall, Duration, OfferId, SchedulerCall, Session, StatusReason, StatusSource, TaskId,
    TaskState, TaskStatus, WallTime,
};

/// More than a framework may ask at once.
const FLOOD: usize = 400;

/// The number of a connection on which an agent says that it is another.
pub(crate) const AS_ANOTHER: u64 = u64::MAX;

impl World {
    pub(super) fn misbehave(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::MeddleFramework => self.meddle(),
            Kind::FloodMaster => self.flood(),
            Kind::LieAsAgent => self.lie(),
            Kind::BoastAsAgent => {
                let agent = self.any_agent()?;
                let boasts = &mut self.agents[agent].boasts;
                (!std::mem::replace(boasts, true)).then_some(())?;
                self.sometimes.note("agent boasted");
                let restart = self.chance.faults.time(100, 6_000);
                self.crash_agent(agent, restart);
                Some(())
            }
            Kind::StallReader => {
                let streams = self.connections.streams();
                let stream = *self.chance.faults.pick(&streams)?;
                let wait = self.chance.faults.time(500, 12_000);
                self.stall(stream, wait);
                Some(())
            }
            other => unreachable!("{other:?} is no matter of manners"),
        }
    }

    /// Two frameworks that are subscribed: who meddles, and with whom.
    fn any_two(&mut self) -> Option<((usize, Session), (usize, Session))> {
        let subscribed: Vec<(usize, Session)> = (0..self.frameworks.len())
            .filter_map(|framework| Some((framework, self.frameworks[framework].session?)))
            .collect();
        let who = *self.chance.faults.pick(&subscribed)?;
        let others: Vec<_> = subscribed.into_iter().filter(|(other, _)| *other != who.0).collect();
        Some((who, *self.chance.faults.pick(&others)?))
    }

    fn meddle(&mut self) -> Option<()> {
        let ((who, own), (whose, theirs)) = self.any_two()?;
        let host = &self.frameworks[whose];
        let tasks: Vec<TaskId> = host.tasks.keys().cloned().collect();
        let offers: Vec<OfferId> = host.offers.keys().copied().collect();
        let task = self.chance.faults.pick(&tasks).cloned();
        let kill = |task| SchedulerCall::Kill { task, grace_period: None };
        let mut calls = vec![(theirs, SchedulerCall::Teardown)];
        calls.push((theirs, SchedulerCall::Suppress { roles: Vec::new() }));
        if let Some(task) = task {
            let acknowledgements = vec![(task.clone(), 1)];
            calls.push((theirs, kill(task.clone())));
            calls.push((own, kill(task)));
            calls.push((own, SchedulerCall::Acknowledge { acknowledgements }));
        }
        if let Some(offer) = self.chance.faults.pick(&offers).copied() {
            let (operations, refuse) = (Vec::new(), Duration(0).into());
            let offers = vec![offer];
            calls.push((own, SchedulerCall::Decline { offers: offers.clone(), refuse }));
            let refuse = Duration(0).into();
            let request = None;
            let accept =
                SchedulerCall::Accept { offers, operations, partial: false, refuse, request };
            calls.push((own, accept));
        }
        for (session, request) in calls {
            self.ask_badly(who, session, request, true);
        }
        Some(())
    }

    fn flood(&mut self) -> Option<()> {
        let subscribed: Vec<(usize, Session)> = (0..self.frameworks.len())
            .filter_map(|framework| Some((framework, self.frameworks[framework].session?)))
            .collect();
        let (who, session) = *self.chance.faults.pick(&subscribed)?;
        for number in 0..FLOOD {
            let request = match number % 2 {
                0 => SchedulerCall::Revive { roles: Vec::new() },
                _ => SchedulerCall::Reconcile { tasks: Vec::new() },
            };
            self.ask_badly(who, session, request, false);
        }
        Some(())
    }

    fn ask_badly(
        &mut self,
        who: usize,
        session: Session,
        request: SchedulerCall,
        is_foreign: bool,
    ) {
        let to = self.frameworks[who].leader % self.masters.len();
        self.ask(Asked::Hostile { who, session, request, is_foreign }, to, 1);
    }

    fn lie(&mut self) -> Option<()> {
        let agent = self.any_agent()?;
        let (_, stream) = self.agents[agent].stream?;
        if !self.agents[agent].agent.as_ref()?.is_registered() {
            return None;
        }
        self.agents[agent].has_lied = true;
        self.lie_of_tasks(agent, stream);
        self.lie_of_oneself(agent, stream)
    }

    /// Of a task that nobody has, of one that another has, and once more, and otherwise, of the
    /// first news of its own.
    fn lie_of_tasks(&mut self, agent: usize, stream: StreamId) {
        let status = |task: TaskId, state, sequence| TaskStatus {
            task,
            agent: self.agents[agent].id.clone(),
            state,
            source: StatusSource::Agent,
            reason: StatusReason::None,
            message: String::new(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: WallTime(0),
            sequence,
        };
        let mut lies = Vec::new();
        for host in &self.frameworks {
            let Some(framework) = host.id else { continue };
            let never = TaskId::new("task-never-given").expect("an id");
            lies.push((framework, status(never, TaskState::Running, 1)));
            // What the ledger has already: whatever is said of it now is late.
            let known = host
                .tasks
                .iter()
                .find(|(_, task)| task.agent == self.agents[agent].id && task.acknowledged > 0);
            if let Some((task, _)) = known {
                lies.push((framework, status(task.clone(), TaskState::Failed, 1)));
            }
            let others = host.tasks.iter().find(|(_, task)| task.agent != self.agents[agent].id);
            if let Some((task, known)) = others {
                let next = known.acknowledged + 1;
                lies.push((framework, status(task.clone(), TaskState::Failed, next)));
            }
        }
        for (framework, status) in lies {
            self.up(stream, Up::Agent(Box::new(AgentCall::Update { framework, status })));
        }
    }

    /// On a second connection it registers as another agent.
    fn lie_of_oneself(&mut self, agent: usize, stream: StreamId) -> Option<()> {
        let others: Vec<usize> = (0..self.agents.len()).filter(|other| *other != agent).collect();
        let other = *self.chance.faults.pick(&others)?;
        let host = self.connections.get(stream)?.process.host;
        let info = self.agents[other].config(0).info;
        let register =
            AgentCall::Register { info, incarnation: 1, tasks: Vec::new(), volumes: Vec::new() };
        let lying = self.open(Client::Agent(agent), AS_ANOTHER, host);
        self.up(lying, Up::Agent(Box::new(register)));
        Some(())
    }
}
