//! What happens to agents: steps of the real core, the effects that come out of them, and crashes
//! between and within steps.

use super::{
    agent_host::{Container, host_of_address},
    event::Happening,
    faults::AS_ANOTHER,
    leader_questions::Asker,
    streams::{Client, Down, Up},
    world::World,
};
use agent_core::{Agent, Effect, Input, Observation, Outbox, invariants};
use proto::model::{AgentCall, Duration, Order, Reason, TaskKey, TaskState};

impl World {
    pub(crate) fn start_agent(&mut self, agent: usize) {
        let host = &mut self.agents[agent];
        if host.agent.is_some() {
            return;
        }
        let at = self.queue.now();
        host.begin(at);
        let observed = host.containers.iter().map(|(container, state)| {
            let observation = match state {
                Container::Exited(report) => Observation::Exited(report.clone()),
                Container::Running => Observation::Running,
                // Its supervisor is there and will say what became of it.
                Container::Starting => Observation::Running,
            };
            (container.clone(), observation)
        });
        let observed = observed.collect();
        let found = host.disk.directories.clone();
        let config = host.config(self.chance.agents.number());
        let journal = host.journal();
        if journal.rows.iter().any(|row| row.is_live()) {
            self.sometimes.note("agent restarted with tasks");
        }
        let mut outbox = Outbox::new();
        let now = host.clock.shows(at);
        let recovered = Agent::recover(config, journal, observed, found, now, &mut outbox);
        let core = recovered.expect("its own journal");
        host.disk.is_known_to(&core);
        host.agent = Some(core);
        self.agent_stepped(agent, outbox);
    }

    pub(crate) fn wake_agent(&mut self, agent: usize, life: u64) {
        let host = &mut self.agents[agent];
        // It was asked for again since, for an earlier time.
        if host.life == life && host.wake_at.is_some_and(|at| at <= self.queue.now()) {
            host.wake_at = None;
            self.step_agent(agent, Input::Tick);
        }
    }

    pub(crate) fn step_agent(&mut self, agent: usize, input: Input) {
        let at = self.queue.now();
        let host = &mut self.agents[agent];
        let now = host.clock.shows(at);
        let Some(core) = &mut host.agent else { return };
        self.trace.note(at.0, 100 + agent, &input);
        let mut outbox = Outbox::new();
        core.step(now, input, &mut outbox);
        if let Err(broken) = invariants::check(core) {
            panic!("{}: {broken}", host.id);
        }
        self.agent_stepped(agent, outbox);
    }

    fn agent_stepped(&mut self, agent: usize, mut outbox: Outbox) {
        let effects = outbox.drain();
        let at = self.queue.now();
        let dies = !effects.is_empty() && std::mem::take(&mut self.agents[agent].dies_in_step);
        let executed = match dies {
            true => self.chance.faults.index(effects.len() + 1),
            false => effects.len(),
        };
        for effect in effects.into_iter().take(executed) {
            self.trace.note(at.0, 100 + agent, &effect);
            self.agent_acts(agent, effect);
        }
        if dies {
            let wait = self.chance.faults.time(100, 4_000);
            return self.crash_agent(agent, wait);
        }
        let host = &mut self.agents[agent];
        let Some(due) = host.agent.as_ref().and_then(Agent::deadline) else { return };
        let due = host.clock.world_time(due).max(at + Duration(1));
        if host.wake_at.is_none_or(|wake| due < wake) {
            host.wake_at = Some(due);
            let life = host.life;
            self.queue.at(due, Happening::AgentWake { agent, life });
        }
    }

    fn agent_acts(&mut self, agent: usize, effect: Effect) {
        match effect {
            Effect::Journal(records) => {
                self.watch_journal(agent, &records);
                self.agents[agent].write(records);
            }
            Effect::StartContainer { container, key, task, .. } => {
                self.note_turn(agent, &key);
                self.start_container(agent, container, &key, &task);
            }
            // It tells of itself; there is nothing to do for a kernel that calls back.
            Effect::AdoptContainer { .. } => {}
            Effect::ResizeContainer { container, version, .. } => {
                let (boot, wait) = (self.agents[agent].boot, self.chance.agents.time(5, 600));
                let resized = Happening::ContainerResized { agent, boot, container, version };
                self.queue.after(wait, resized);
            }
            Effect::StopContainer { container, grace_period } => {
                self.stop_container(agent, container, grace_period);
            }
            Effect::RemoveContainer { container } => {
                self.agents[agent].containers.remove(&container);
                self.agents[agent].disk.close(&container);
            }
            Effect::MakeVolume { .. }
            | Effect::ShrinkVolume { .. }
            | Effect::DeleteVolume { .. } => self.begin_volume_work(agent, &effect),
            Effect::Connect { session, leader } => self.agent_connects(agent, session, leader),
            Effect::Disconnect { session } => {
                if let Some((_, stream)) =
                    self.agents[agent].stream.take_if(|(mine, _)| *mine == session)
                {
                    self.up(stream, Up::Closed);
                }
            }
            Effect::FindLeader { question, .. } => {
                let (life, to) = (self.agents[agent].life, self.other_master(agent, question));
                self.find_leader(Asker::Agent { agent, life }, question, to);
            }
            Effect::Send { session, call } => {
                let is_registration = matches!(call, AgentCall::Register { .. });
                if is_registration && self.agents[agent].unconfirmed_ends() > 0 {
                    self.sometimes.note("agent returned with an unconfirmed end");
                }
                if let Some((mine, stream)) = self.agents[agent].stream
                    && mine == session
                {
                    self.up(stream, Up::Agent(Box::new(call)));
                }
            }
            Effect::Abandon(_) => {
                // An operator sees it, and gives the machine to the cluster again.
                self.sometimes.note("agent given up and enrolled anew");
                let running = self.agents[agent].running();
                assert_eq!(running, 0, "an agent is abandoned with its last container ended");
                let wait = self.chance.agents.time(500, 3_000);
                self.agent_ends(agent);
                self.agents[agent].lose_journal();
                self.agents[agent].starting = true;
                self.queue.after(wait, Happening::AgentStart(agent));
            }
        }
    }

    fn agent_connects(&mut self, agent: usize, session: u64, leader: Option<String>) {
        let host = &mut self.agents[agent];
        host.next_host += 1;
        let next = host.next_host % self.masters.len();
        let to = leader.as_deref().and_then(host_of_address).unwrap_or(next);
        let stream = self.open(Client::Agent(agent), session, to);
        self.agents[agent].stream = Some((session, stream));
    }

    /// Something arrived on a stream that the agent opened.
    pub(crate) fn agent_hears(&mut self, agent: usize, session: u64, down: Down) {
        if session == AS_ANOTHER {
            return self.heard_as_another(&down);
        }
        let current = self.agents[agent].stream.is_some_and(|(mine, _)| mine == session);
        if !current {
            return;
        }
        let input = match down {
            Down::Opened => Input::Connected { session },
            Down::Closed => {
                self.agents[agent].stream = None;
                Input::Disconnected { session }
            }
            Down::Agent { term, order } => {
                self.note_order(agent, &order);
                Input::Order { session, term, order: *order }
            }
            other => panic!("an agent cannot hear {other:?}"),
        };
        self.step_agent(agent, input);
    }

    /// Who it is, its certificate says.
    fn heard_as_another(&mut self, down: &Down) {
        if let Down::Agent { order, .. } = down {
            assert!(matches!(**order, Order::Refused(_)), "I5: an agent that lies hears {order:?}");
            self.sometimes.note("agent refused as another");
        }
    }

    fn note_order(&mut self, agent: usize, order: &Order) {
        let Some(core) = &self.agents[agent].agent else { return };
        let answers = matches!(order, Order::Registered { .. } | Order::Refused(_));
        assert!(
            core.is_registered() || answers,
            "before its registration an agent hears {order:?}"
        );
        match order {
            Order::Launch { framework, task, .. } => {
                let key = TaskKey { framework: *framework, task: task.id.clone() };
                if core.task(&key).is_some() {
                    self.sometimes.note("duplicate launch");
                }
            }
            Order::Refused(refusal) => {
                let is_passing = matches!(
                    refusal.reason,
                    Reason::NotLeader
                        | Reason::NotReady
                        | Reason::OutcomeUnknown
                        | Reason::Overloaded
                        | Reason::AgentUnreachable
                        | Reason::AgentRemoved
                        | Reason::AgentFenced
                );
                // Whoever speaks of another's tasks is told that it may not.
                let is_earned =
                    self.agents[agent].has_lied && refusal.reason == Reason::NotAuthorized;
                assert!(is_passing || is_earned, "an honest agent is refused with {refusal:?}");
            }
            _ => {}
        }
    }

    /// The process dies; journal and containers stay.
    pub(crate) fn crash_agent(&mut self, agent: usize, restart_after: Duration) {
        self.agent_ends(agent);
        self.agents[agent].starting = true;
        self.queue.after(restart_after, Happening::AgentStart(agent));
    }

    fn agent_ends(&mut self, agent: usize) {
        self.agents[agent].agent = None;
        self.agents[agent].stream = None;
        self.agents[agent].dies_in_step = false;
        self.client_died(Client::Agent(agent));
    }

    /// Notes an agent that came back from being unreachable with a task that still runs.
    pub(crate) fn note_return(&mut self, before: Option<TaskState>, now: TaskState) {
        if before == Some(TaskState::Unreachable) && !now.is_terminal() {
            self.sometimes.note("agent back with its tasks");
        }
    }
}
