//! The loop: messages on their way, turns of the master, tasks that run.

use super::{
    agents::{self, Agents},
    frameworks::Framework,
    master::LoneMaster,
    plan::{ClusterPlan, FrameworksPlan, Planned, seconds},
    results::Results,
    shares::Shares,
};
use crate::records::Recorder;
use bourse_sdk::session::{Answer, Effect as Act, Failure, Input as Heard, SendId};
use master_core::{
    Effect, Input,
    input::{CallId, OperatorCall, StreamId},
    outbox::Answer as MasterAnswer,
};
use proto::model::{
    Duration, FrameworkId, Instant, Milli, Operation, Order, Resources, Role, SchedulerCall,
    SchedulerEvent, TaskKey, TaskState,
};
use simulator::engine::{Chance, Queue, Time};
use std::collections::BTreeMap;

/// Something that happens.
#[derive(Debug)]
pub(super) enum Happening {
    /// The master takes what has arrived.
    Turn,
    /// Its clock.
    Tick,
    /// Something arrives at the master.
    ToMaster(Box<Input>),
    ToAgent(usize, Box<Order>),
    ToFramework(usize, Box<Heard>),
    /// A framework looks at the time.
    Wake(usize),
    /// A task comes to a state.
    Task(Box<TaskKey>, TaskState),
}

#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) plan: &'a ClusterPlan,
    /// Of the groups of the batch framework.
    pub(super) groups: Vec<&'a FrameworksPlan>,
    pub(super) queue: Queue<Happening>,
    master: LoneMaster,
    pub(super) agents: Agents,
    pub(super) frameworks: Vec<Framework>,
    chance: Chance,
    pub(super) results: Results,
    /// Judges shares, where the plan says so.
    pub(super) shares: Option<Shares>,
    /// What has arrived at the master since its last turn.
    inbox: Vec<Input>,
    /// Whose streams they are.
    streams: BTreeMap<StreamId, Client>,
    next_stream: u64,
    /// Whose frameworks they are, by the master's ids.
    pub(super) owners: BTreeMap<FrameworkId, usize>,
    /// Who waits for which answer.
    calls: BTreeMap<CallId, (usize, SendId)>,
    next_call: u64,
    pub(super) ended: usize,
    pub(super) until: Time,
    pub(super) recorder: &'a mut Recorder,
}

#[derive(Debug, Clone, Copy)]
enum Client {
    Agent(usize),
    Framework(usize),
}

impl<'a> World<'a> {
    pub(super) fn new(
        plan: &'a ClusterPlan,
        planned: Vec<Planned>,
        weights: BTreeMap<Role, Milli>,
        each: &Resources,
        seed: u64,
        recorder: &'a mut Recorder,
    ) -> Self {
        let chance = Chance::of(seed, "workload", 0);
        let offer_timeout = plan.offer_timeout_s.map(Duration::from_seconds);
        let mut seeds = Chance::of(seed, "frameworks", 0);
        let frameworks: Vec<_> =
            planned.into_iter().map(|planned| Framework::new(planned, seeds.number())).collect();
        let groups = || frameworks.iter().map(|it| it.group).collect();
        let count = plan.agents.count as usize;
        let shares = plan.shares_from_s.map(|_| Shares::new(each, count, groups()));
        let mut world = Self {
            plan,
            groups: plan.frameworks.values().collect(),
            queue: Queue::new(),
            master: LoneMaster::new(weights, offer_timeout, plan.placement.0, seed),
            agents: Agents::default(),
            frameworks,
            chance,
            shares,
            results: Results::new(plan.agents, plan.names().count()),
            inbox: Vec::new(),
            streams: BTreeMap::new(),
            next_stream: 1,
            owners: BTreeMap::new(),
            calls: BTreeMap::new(),
            next_call: 1,
            ended: 0,
            until: Time::seconds(plan.until_s),
            recorder,
        };
        for number in 0..plan.agents.count as usize {
            let stream = world.open(Client::Agent(number));
            let message = world.agents.register(number, each.clone());
            let principal = agents::principal(number);
            let input = Input::AgentMessage { stream, principal, message };
            let at = seconds(plan.agents.start_s);
            world.queue.at(at, Happening::ToMaster(Box::new(input)));
        }
        world.queue.at(TICK, Happening::Tick);
        for framework in 0..world.frameworks.len() {
            world.wake(framework, world.frameworks[framework].starts);
        }
        world
    }

    /// An operator says something before anything else happens.
    pub(super) fn operate(&mut self, request: OperatorCall) {
        let principal = format!("spiffe://{}/operator/study", super::master::cluster());
        let principal = principal.parse().expect("a principal");
        // Nobody waits for the answer.
        let input = Input::OperatorCall { call: CallId(0), principal, request };
        self.queue.at(Time::ZERO, Happening::ToMaster(Box::new(input)));
    }

    /// Until a moment, or until all jobs are done.
    pub(super) fn go_on(&mut self, until: Option<Time>) {
        let until = until.map_or(self.until, |until| until.min(self.until));
        while self.ended < self.frameworks.len()
            && let Some(happening) = self.queue.next_before(until)
        {
            self.results.events += 1;
            match happening {
                Happening::Turn => self.turn(),
                Happening::Tick => {
                    self.arrive(Input::Tick);
                    self.queue.after(TICK, Happening::Tick);
                }
                Happening::ToMaster(input) => {
                    self.called(&input);
                    self.arrive(*input);
                }
                Happening::ToAgent(agent, order) => self.order(agent, *order),
                Happening::ToFramework(framework, heard) => self.hear(framework, heard),
                Happening::Wake(framework) => self.woken(framework),
                Happening::Task(key, state) => self.task(*key, state),
            }
        }
    }

    /// A framework looks at the time, once it has decided.
    fn woken(&mut self, framework: usize) {
        let now = self.queue.now();
        let it = &mut self.frameworks[framework];
        // It may have been asked for an earlier time since.
        if it.wake_at.take_if(|at| *at <= now).is_some() {
            match it.busy_until > now {
                true => self.wake(framework, self.frameworks[framework].busy_until),
                false => self.step(framework, None),
            }
        }
    }

    /// A call arrives: an answer to offers holds them no longer.
    fn called(&mut self, input: &Input) {
        if let (Some(shares), Input::FrameworkCall { call, session, request, .. }) =
            (&mut self.shares, input)
            && let Some(framework) = self.owners.get(&session.framework)
        {
            shares.hears(*framework, *call, request);
        }
        if let Input::FrameworkCall { request, .. } = input
            && let SchedulerCall::Accept { offers, .. } | SchedulerCall::Decline { offers, .. } =
                request
        {
            self.results.over(self.queue.now(), offers);
        }
    }

    fn open(&mut self, client: Client) -> StreamId {
        let stream = StreamId(self.next_stream);
        self.next_stream += 1;
        self.streams.insert(stream, client);
        stream
    }

    fn network(&self) -> Time {
        Time::milliseconds(self.plan.network_ms)
    }

    /// Something is there for the master's next turn.
    fn arrive(&mut self, input: Input) {
        if self.inbox.is_empty() {
            // Whatever arrives at the same moment is part of it.
            self.queue.after(Time::ZERO, Happening::Turn);
        }
        self.inbox.push(input);
    }

    fn turn(&mut self) {
        let inputs = std::mem::take(&mut self.inbox);
        let effects = self.master.turn(self.queue.now(), inputs);
        for effect in effects {
            match effect {
                Effect::Persist(persist) => {
                    let wait = Time::milliseconds(self.plan.commit_ms);
                    let input = Input::Persisted(persist.number);
                    self.queue.after(wait, Happening::ToMaster(Box::new(input)));
                }
                Effect::Reply { call, answer } => self.reply(call, answer),
                Effect::ToFramework { stream, event } => self.tell(stream, event),
                Effect::ToAgent { stream, order, .. } => {
                    if let Some(Client::Agent(agent)) = self.streams.get(&stream) {
                        let order = Happening::ToAgent(*agent, Box::new(order));
                        self.queue.after(self.network(), order);
                    }
                }
                Effect::TellWhenRead(stream) => self.read(stream),
                Effect::Close(stream) => {
                    self.streams.remove(&stream);
                }
                _ => {}
            }
        }
        let from = self.plan.shares_from_s.map(seconds);
        let is_judged = from.is_some_and(|from| from <= self.queue.now());
        self.shares.iter_mut().for_each(|shares| shares.turned(is_judged));
    }

    /// What was sent to a framework is read once it has decided.
    fn read(&mut self, stream: StreamId) {
        let Some(Client::Framework(framework)) = self.streams.get(&stream) else { return };
        let at = self.frameworks[*framework].busy_until.max(self.queue.now()) + self.network();
        self.queue.at(at, Happening::ToMaster(Box::new(Input::StreamRead(stream))));
    }

    fn reply(&mut self, call: CallId, answer: Result<MasterAnswer, proto::model::Refusal>) {
        self.shares.iter_mut().for_each(|shares| shares.answers(call, &answer));
        let Some((framework, send)) = self.calls.remove(&call) else { return };
        let answer = match answer {
            Ok(MasterAnswer::Accepted(results)) => Ok(Answer::Accepted(results)),
            Ok(MasterAnswer::Reconciling(count)) => Ok(Answer::Reconciling(count)),
            Ok(_) => Ok(Answer::Done),
            Err(refusal) => {
                self.results.refused += 1;
                Err(Failure::Refused(refusal))
            }
        };
        let heard = Box::new(Heard::Answered(send, answer));
        self.queue.after(self.network(), Happening::ToFramework(framework, heard));
    }

    fn tell(&mut self, stream: StreamId, event: SchedulerEvent) {
        let Some(Client::Framework(framework)) = self.streams.get(&stream).copied() else { return };
        let connection = self.frameworks[framework].stream.filter(|(_, mine)| *mine == stream);
        let Some((connection, _)) = connection else { return };
        self.shares.iter_mut().for_each(|shares| shares.says(framework, &event));
        match &event {
            SchedulerEvent::Offers(offers) => {
                self.results.offered(self.queue.now(), offers);
                let arrives = self.queue.now() + self.network();
                self.frameworks[framework].first_offer.get_or_insert(arrives);
            }
            SchedulerEvent::Rescind(offers) => self.results.over(self.queue.now(), offers),
            SchedulerEvent::Subscribed { session, .. } => {
                self.owners.insert(session.framework, framework);
            }
            _ => {}
        }
        let heard = Box::new(Heard::Event(connection, event));
        self.queue.after(self.network(), Happening::ToFramework(framework, heard));
    }

    fn order(&mut self, agent: usize, order: Order) {
        match order {
            Order::Launch { framework, task, .. } => {
                let key = TaskKey { framework, task: task.id.clone() };
                if self.agents.launch(self.queue.now(), agent, key.clone(), &task.resources) {
                    let group = self.owners.get(&framework).map(|it| self.frameworks[*it].group);
                    self.results.launched(self.queue.now(), agent, group, &task);
                    let wait = Time::milliseconds(self.plan.start_ms);
                    self.queue.after(wait, Happening::Task(Box::new(key), TaskState::Running));
                }
            }
            Order::Kill { key, .. } => self.task(key, TaskState::Killed),
            _ => {}
        }
    }

    /// A task comes to a state, unless it is gone.
    fn task(&mut self, key: TaskKey, state: TaskState) {
        let now = self.queue.now();
        let Some((it, message)) = self.agents.update(now, &key, state) else { return };
        let (stream, principal) = (StreamId(it.agent as u64 + 1), agents::principal(it.agent));
        let input = Input::AgentMessage { stream, principal, message };
        self.queue.after(self.network(), Happening::ToMaster(Box::new(input)));
        let runs = state == TaskState::Running;
        if runs || it.since.is_some() {
            self.results.runs(now, it.takes.0, runs);
        }
        let Some(framework) = self.owners.get(&key.framework) else { return };
        let framework = &self.frameworks[*framework];
        if !runs {
            return self.record(&key, &it, Some((now, state)));
        }
        let time = match framework.jobs() {
            Some(jobs) => jobs.run_time(&key.task),
            None => Some(self.run_time(self.groups[framework.group])),
        };
        if let Some(time) = time {
            self.queue.after(time, Happening::Task(Box::new(key), TaskState::Finished));
        }
    }

    /// How long a task runs: the mean and the sum of twelve numbers below one, less six, times the
    /// deviation, which is as good as a normal distribution and the same on every machine.
    fn run_time(&mut self, plan: &FrameworksPlan) -> Time {
        let thousandths: u64 = (0..12).map(|_| self.chance.below(1_000)).sum();
        let normal = (thousandths as f64 - 5_994.0) / 1_000.0;
        seconds((plan.run_s + normal * plan.run_deviation_s).max(1e-3))
    }

    /// A framework that decides hears nothing until it has.
    fn hear(&mut self, framework: usize, heard: Box<Heard>) {
        let busy_until = self.frameworks[framework].busy_until;
        match busy_until > self.queue.now() {
            true => self.queue.at(busy_until, Happening::ToFramework(framework, heard)),
            false => self.step(framework, Some(*heard)),
        }
    }

    fn now(&self) -> Instant {
        Instant(self.queue.now().0 / Time::milliseconds(1).0)
    }

    fn step(&mut self, framework: usize, heard: Option<Heard>) {
        let now = self.now();
        let was_over = self.frameworks[framework].is_over();
        let acts = self.frameworks[framework].step(now, heard);
        let takes = self.frameworks[framework].take_time();
        self.is_busy(framework, takes);
        acts.into_iter().for_each(|act| self.act(framework, act));
        let it = &self.frameworks[framework];
        if it.is_over() && !was_over {
            self.ended += 1;
            self.results.ended(self.queue.now(), it);
        } else if let Some(deadline) = it.deadline() {
            let at = Time::milliseconds(deadline.0).max(self.queue.now() + Time::milliseconds(1));
            self.wake(framework, at);
        }
    }

    fn wake(&mut self, framework: usize, at: Time) {
        let it = &mut self.frameworks[framework];
        if it.wake_at.is_none_or(|wake| at < wake) {
            it.wake_at = Some(at);
            self.queue.at(at, Happening::Wake(framework));
        }
    }

    fn act(&mut self, framework: usize, act: Act) {
        match act {
            Act::Connect { connection, subscribe, .. } => {
                let stream = self.open(Client::Framework(framework));
                let it = &mut self.frameworks[framework];
                it.stream = Some((connection, stream));
                let principal = it.principal.clone();
                let input = Input::FrameworkSubscribe { stream, principal, subscribe };
                self.queue.after(self.network(), Happening::ToMaster(Box::new(input)));
            }
            Act::Disconnect(_) => {
                if let Some((_, stream)) = self.frameworks[framework].stream.take() {
                    let closed = Happening::ToMaster(Box::new(Input::StreamClosed(stream)));
                    self.queue.after(self.network(), closed);
                }
            }
            // The one master leads for ever.
            Act::FindLeader { .. } => {}
            Act::Send { send, identity: session, call: request, .. } => {
                let takes = self.decision(framework, &request);
                self.is_busy(framework, takes);
                let it = &self.frameworks[framework];
                let (at, principal) = (it.busy_until, it.principal.clone());
                let call = CallId(self.next_call);
                self.next_call += 1;
                self.calls.insert(call, (framework, send));
                let input = Input::FrameworkCall { call, principal, session, request };
                self.queue.at(at + self.network(), Happening::ToMaster(Box::new(input)));
            }
        }
    }

    /// It decides for so long, beyond what it is deciding about already.
    fn is_busy(&mut self, framework: usize, takes: Time) {
        let it = &mut self.frameworks[framework];
        it.busy_until = it.busy_until.max(self.queue.now()) + takes;
        it.busy += takes;
    }

    /// How long the batch framework takes to decide what a call says.
    fn decision(&self, framework: usize, call: &SchedulerCall) -> Time {
        let SchedulerCall::Accept { operations, .. } = call else { return Time::ZERO };
        let Some(plan) = self.groups.get(self.frameworks[framework].group) else {
            return Time::ZERO;
        };
        let tasks = |operation: &Operation| match operation {
            Operation::Launch { tasks } => tasks.len() as u64,
            _ => 0,
        };
        let count = operations.iter().map(tasks).sum();
        seconds(plan.decide_s) + seconds(plan.decide_task_s).times(count)
    }
}

/// The master's ticks, as often as on a cluster.
const TICK: Time = Time::milliseconds(100);
