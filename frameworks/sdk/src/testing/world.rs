//! What happens between framework, master and agents: messages with a latency, ticks, faults.

use super::agent::ModelAgent;
use super::{AGENT_RETRY, Fault, Happening, LATENCY, TestCluster, open_master, principal};
use crate::model::{
    AgentCall, AgentId, Duration, Instant, Order, Refusal, TaskInfo, TaskKey, WallTime,
};
use crate::session::{Answer, Effect, Failure, Input};
use master_core::Now;
use master_core::input::{CallId, Input as MasterInput, StreamId};
use master_core::outbox::{Answer as MasterAnswer, Effect as MasterEffect, Outbox, Persist};

impl TestCluster {
    pub(super) fn happen(&mut self, after: Duration, happening: Happening) {
        self.counter += 1;
        self.happenings.insert((self.now + after, self.counter), happening);
    }

    /// Goes on to the next thing that happens, at the latest to `until`; what the framework hears.
    pub(super) fn advance(&mut self, until: Instant) -> Vec<Input> {
        let agents = self.agents.values().filter_map(ModelAgent::deadline).min();
        let first = self.happenings.first_key_value().map(|((at, _), _)| *at);
        let next = [first, agents, Some(self.next_tick)].into_iter().flatten().min();
        self.now = next.map_or(until, |next| next.min(until)).max(self.now);
        let mut inputs = Vec::new();
        while let Some(entry) = self.happenings.first_entry()
            && entry.key().0 <= self.now
        {
            match entry.remove() {
                Happening::ToFramework(input) => inputs.push(input),
                other => inputs.extend(self.happened(other)),
            }
        }
        let ids: Vec<AgentId> = self.agents.keys().cloned().collect();
        for id in ids {
            let agent = self.agents.get_mut(&id).expect("listed above");
            let calls = agent.pass(self.now);
            self.send_from_agent(&id, calls);
        }
        if self.next_tick <= self.now {
            self.next_tick = self.now + self.config.tick;
            self.step_master(MasterInput::Tick);
        }
        inputs
    }

    fn happened(&mut self, happening: Happening) -> Option<Input> {
        match happening {
            Happening::ToFramework(input) => return Some(input),
            Happening::ToMaster(input) => self.step_master(*input),
            Happening::ToAgent(id, stream, order) => self.tell_agent(&id, stream, order),
            Happening::ConnectAgent(id) => self.connect_agent(&id),
            Happening::Fault(Fault::RequestStop) => return Some(Input::StopRequested),
            Happening::Fault(Fault::RestartMaster) => self.restart_master(),
            Happening::Fault(Fault::CutFramework) => {
                if let Some((_, stream)) = self.framework_stream {
                    self.step_master(MasterInput::StreamClosed(stream));
                    self.framework_closed(stream);
                }
            }
            Happening::Fault(Fault::CutAgent(name)) => {
                let id = AgentId::new(&name).expect("an agent's name is an id");
                if let Some(stream) = self.agent_streams.remove(&id) {
                    self.step_master(MasterInput::StreamClosed(stream));
                }
                self.cut.insert(id);
            }
            Happening::Fault(Fault::HealAgent(name)) => {
                let id = AgentId::new(&name).expect("an agent's name is an id");
                self.cut.remove(&id);
                self.happen(Duration(0), Happening::ConnectAgent(id));
            }
        }
        None
    }

    fn restart_master(&mut self) {
        self.master = open_master(self.config.clone(), self.disk.clone(), self.now);
        if let Some((_, stream)) = self.framework_stream {
            self.framework_closed(stream);
        }
        for (_, send) in std::mem::take(&mut self.calls) {
            self.send_to_framework(Input::Answered(send, Err(Failure::Broken)));
        }
        for (id, _) in std::mem::take(&mut self.agent_streams) {
            self.happen(AGENT_RETRY, Happening::ConnectAgent(id));
        }
        // What was on its way to the old process is lost with it.
        self.happenings.retain(|_, happening| !matches!(happening, Happening::ToMaster(_)));
    }

    fn send_to_framework(&mut self, input: Input) {
        self.happen(LATENCY, Happening::ToFramework(input));
    }

    fn send_to_master(&mut self, input: MasterInput) {
        self.happen(LATENCY, Happening::ToMaster(Box::new(input)));
    }

    fn framework_closed(&mut self, stream: StreamId) {
        if let Some((connection, _)) = self.framework_stream.take_if(|(_, open)| *open == stream) {
            self.send_to_framework(Input::Ended(connection, Failure::Broken));
        }
    }

    pub(super) fn framework_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { connection, subscribe, .. } => {
                self.counter += 1;
                let stream = StreamId(self.counter);
                self.framework_stream = Some((connection, stream));
                let principal = principal("framework/test");
                self.send_to_master(MasterInput::FrameworkSubscribe {
                    stream,
                    principal,
                    subscribe,
                });
            }
            // There is no other master.
            Effect::FindLeader { .. } => {}
            Effect::Disconnect(connection) => {
                let open = self.framework_stream.take_if(|(open, _)| *open == connection);
                if let Some((_, stream)) = open {
                    self.send_to_master(MasterInput::StreamClosed(stream));
                }
            }
            Effect::Send { send, identity, call, .. } => {
                self.counter += 1;
                let id = CallId(self.counter);
                self.calls.insert(id, send);
                let (principal, session) = (principal("framework/test"), identity);
                let request = call;
                self.send_to_master(MasterInput::FrameworkCall {
                    call: id,
                    principal,
                    session,
                    request,
                });
            }
        }
    }

    fn connect_agent(&mut self, id: &AgentId) {
        if self.cut.contains(id) || self.agent_streams.contains_key(id) {
            return;
        }
        self.counter += 1;
        self.agent_streams.insert(id.clone(), StreamId(self.counter));
        let agent = self.agents.get_mut(id).expect("only agents that exist connect");
        let registration = agent.register();
        self.send_from_agent(&id.clone(), vec![registration]);
    }

    fn send_from_agent(&mut self, id: &AgentId, calls: Vec<AgentCall>) {
        let Some(stream) = self.agent_streams.get(id).copied() else { return };
        for message in calls {
            let principal = principal(&format!("agent/{id}"));
            self.send_to_master(MasterInput::AgentMessage { stream, principal, message });
        }
    }

    fn tell_agent(&mut self, id: &AgentId, stream: StreamId, order: Order) {
        // Of a stream that is gone.
        if self.agent_streams.get(id) != Some(&stream) {
            return;
        }
        let launches = &mut self.launches;
        let behave = &mut self.behave;
        let framework = match &order {
            Order::Launch { framework, .. } => Some(*framework),
            _ => None,
        };
        let mut counted = |task: &TaskInfo| {
            let framework = framework.expect("only a launch asks how a task behaves");
            let key = TaskKey { framework, task: task.id.clone() };
            *launches.entry(key).or_default() += 1;
            behave(task)
        };
        let agent = self.agents.get_mut(id).expect("its stream is open");
        let calls = agent.order(self.now, order, &mut counted);
        self.send_from_agent(id, calls);
    }

    /// One turn of the master, and everything that follows until it is quiet.
    fn step_master(&mut self, input: MasterInput) {
        let now = Now { monotonic: self.now, wall: WallTime(self.now.0) };
        let mut outbox = Outbox::default();
        self.master.step(now, input, &mut outbox);
        self.master.flush(now, &mut outbox);
        while !outbox.is_empty() {
            let mut persisted = None;
            for effect in outbox.drain().collect::<Vec<_>>() {
                if let MasterEffect::Persist(persist) = effect {
                    persisted = Some(persist.number);
                    self.write(persist);
                } else {
                    self.master_effect(effect);
                }
            }
            if let Some(number) = persisted {
                self.master.step(now, MasterInput::Persisted(number), &mut outbox);
                self.master.flush(now, &mut outbox);
            }
        }
    }

    /// A disk that never fails.
    fn write(&mut self, persist: Persist) {
        if let Some(first) = persist.entries.first() {
            let kept = self.disk.entries.partition_point(|entry| entry.index < first.index);
            self.disk.entries.truncate(kept);
        }
        self.disk.entries.extend(persist.entries);
        if let Some(hard_state) = persist.hard_state {
            self.disk.hard_state = hard_state;
        }
        self.disk.voter |= persist.voter;
    }

    fn master_effect(&mut self, effect: MasterEffect) {
        match effect.answered() {
            MasterEffect::Reply { call, answer } => {
                if let Some(send) = self.calls.remove(&call) {
                    self.send_to_framework(Input::Answered(send, read_answer(answer)));
                }
            }
            MasterEffect::ToFramework { stream, event } => {
                if let Some((connection, open)) = self.framework_stream
                    && open == stream
                {
                    self.send_to_framework(Input::Event(connection, event));
                }
            }
            MasterEffect::ToAgent { stream, order, .. } => {
                if let Some(id) = self.agent_of(stream) {
                    self.happen(LATENCY, Happening::ToAgent(id, stream, order));
                }
            }
            MasterEffect::Close(stream) => {
                if let Some(id) = self.agent_of(stream) {
                    self.agent_streams.remove(&id);
                    self.happen(AGENT_RETRY, Happening::ConnectAgent(id));
                }
                self.framework_closed(stream);
            }
            // There are no other members and no watchers, and the log is never compacted.
            _ => {}
        }
    }

    fn agent_of(&self, stream: StreamId) -> Option<AgentId> {
        let mut streams = self.agent_streams.iter();
        streams.find(|(_, open)| **open == stream).map(|(id, _)| id.clone())
    }
}

fn read_answer(answer: Result<MasterAnswer, Refusal>) -> Result<Answer, Failure> {
    match answer {
        Ok(MasterAnswer::Reconciling(count)) => Ok(Answer::Reconciling(count)),
        Ok(_) => Ok(Answer::Done),
        Err(refusal) => Err(Failure::Refused(refusal)),
    }
}
