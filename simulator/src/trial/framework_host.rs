//! A scripted scheduler: it wants a number of tasks to finish, follows the leader, acknowledges
//! what it hears, and now and then does something odd. It never gives up a call without knowing its
//! outcome.

use super::{
    event::Happening,
    framework_calls::Asked,
    reservations::reserved_role,
    streams::{Client, Down, Up},
    world::World,
};
use master_core::input::StreamId;
use proto::model::{
    AgentId, Duration, FrameworkId, FrameworkInfo, Instant, InverseOfferId, Milli, Offer, OfferId,
    Operation, Reason, Refusal, RequestId, Resize, ResourceName, Resources, Role, SchedulerCall,
    SchedulerEvent, Session, SharedAgent, StatusReason, Subscribe, TaskId, TaskKey, TaskState,
    TaskStatus, Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// A stream that says nothing for this long is dead.
const SILENCE_MAX: Duration = Duration(7_000);

/// A task as its framework knows it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) state: TaskState,
    pub(crate) agent: AgentId,
    /// The last update that was seen, and the last that is acknowledged for sure.
    pub(crate) seen: u64,
    pub(crate) acknowledged: u64,
    /// What it was launched with; empty for one that was only heard of.
    pub(crate) size: Resources,
}

/// One scheduler.
#[derive(Debug)]
pub(crate) struct FrameworkHost {
    pub(crate) name: String,
    pub(crate) id: Option<FrameworkId>,
    pub(crate) session: Option<Session>,
    pub(crate) stream: Option<StreamId>,
    /// Which of its lives as a framework; grows when it had to start anew.
    pub(crate) incarnation: u64,
    /// Grows with every stream.
    pub(crate) generation: u64,
    pub(crate) leader: usize,
    pub(crate) finished: usize,
    pub(crate) tasks: BTreeMap<TaskId, Known>,
    /// Tasks of accepts that were refused: they may never be heard of.
    pub(crate) refused: BTreeSet<TaskId>,
    pub(crate) offers: BTreeMap<OfferId, Offer>,
    /// What is free, where its role is shared.
    pub(crate) shown: BTreeMap<AgentId, SharedAgent>,
    /// Agents that it was asked to leave, by inverse offer.
    pub(crate) asked: BTreeMap<InverseOfferId, AgentId>,
    pub(crate) suppressed: bool,
    pub(crate) next_number: u64,
    heard: Instant,
}

impl FrameworkHost {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            name: format!("framework-{index}"),
            id: None,
            session: None,
            stream: None,
            incarnation: 1,
            generation: 0,
            leader: index,
            finished: 0,
            tasks: BTreeMap::new(),
            refused: BTreeSet::new(),
            offers: BTreeMap::new(),
            shown: BTreeMap::new(),
            asked: BTreeMap::new(),
            suppressed: false,
            next_number: 0,
            heard: Instant(0),
        }
    }

    /// Tasks that may still finish.
    pub(crate) fn under_way(&self) -> usize {
        self.tasks.values().filter(|task| !task.state.is_terminal()).count()
    }

    /// Updates that were seen and not acknowledged for sure.
    pub(crate) fn unacknowledged(&self) -> Vec<(TaskId, u64)> {
        let open = self.tasks.iter().filter(|(_, task)| task.seen > task.acknowledged);
        open.map(|(id, task)| (id.clone(), task.seen)).collect()
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn subscribe(&self) -> Subscribe {
        let request = format!("{}-subscribes-{:04}", self.name, self.incarnation);
        Subscribe {
            info: FrameworkInfo {
                name: self.name.clone(),
                // Every other one is in a role that resources are reserved for.
                roles: vec![match self.name.bytes().next_back() {
                    Some(digit) if digit % 2 == 1 => reserved_role(),
                    _ => Role::any(),
                }],
                failover_timeout: Duration(match self.name.ends_with('0') {
                    true => 2_000,
                    false => 60_000,
                }),
                labels: vec![],
                disruption_budget: None,
                offer_terms: Vec::new(),
            },
            framework: self.id,
            request: RequestId::new(&request).expect("an id"),
            suppressed: vec![],
        }
    }

    /// The cluster has ended this framework: everything begins anew, but for what has finished.
    fn start_anew(&mut self) {
        self.incarnation += 1;
        self.id = None;
        self.session = None;
        self.tasks.clear();
        self.offers.clear();
        self.shown.clear();
        self.refused.clear();
        self.suppressed = false;
    }
}

impl World {
    /// The framework looks at how things stand, and acts.
    pub(crate) fn wake_framework(&mut self, framework: usize) {
        let again = self.chance.frameworks.time(250, 700);
        self.queue.after(again, Happening::FrameworkWake(framework));
        let now = self.queue.now();
        let host = &self.frameworks[framework];
        if let Some(stream) = host.stream
            && now.since(host.heard) > SILENCE_MAX
        {
            self.up(stream, Up::Closed);
            self.stream_lost(framework);
        }
        if self.frameworks[framework].stream.is_none() {
            self.subscribe_framework(framework);
            return;
        }
        if self.frameworks[framework].session.is_none() {
            return;
        }
        self.retry_calls(framework);
        self.acknowledge(framework);
        self.act_at_random(framework);
        self.wish_at_random(framework);
        self.commit_at_random(framework);
    }

    /// Opens a stream; an older one, if there is one, is left for the master to end.
    pub(crate) fn subscribe_framework(&mut self, framework: usize) {
        let now = self.queue.now();
        let masters = self.masters.len();
        let host = &mut self.frameworks[framework];
        host.generation += 1;
        host.heard = now;
        host.session = None;
        host.offers.clear();
        host.shown.clear();
        host.suppressed = false;
        let (generation, to) = (host.generation, host.leader % masters);
        // Until it is told better, it asks the next one.
        host.leader = (to + 1) % masters;
        let subscribe = host.subscribe();
        let stream = self.open(Client::Framework(framework), generation, to);
        self.frameworks[framework].stream = Some(stream);
        self.up(stream, Up::Subscribe(Box::new(subscribe)));
    }

    fn stream_lost(&mut self, framework: usize) {
        let host = &mut self.frameworks[framework];
        host.stream = None;
        host.session = None;
        host.offers.clear();
        host.shown.clear();
    }

    /// Another part of what a task was launched with, and no offers: it shrinks, or is refused for
    /// having shrunk before.
    fn resize_at_random(&mut self, framework: usize, running: &[TaskId]) {
        let Some(task) = self.chance.frameworks.pick(running).cloned() else { return };
        let size = &self.frameworks[framework].tasks[&task].size;
        let quarters = self.chance.frameworks.time(1, 4).0 as i64;
        let part = |(name, value): (&ResourceName, &Value)| match value {
            Value::Scalar(Milli(milli)) if *name == ResourceName::CPUS => {
                (name.clone(), Value::Scalar(Milli((milli * quarters / 4).max(1))))
            }
            value => (name.clone(), value.clone()),
        };
        let resources =
            Resources::from_entries(size.iter().map(part)).expect("no more than it was");
        if resources.is_empty() {
            return;
        }
        let operations = vec![Operation::Resize(Resize { task, resources })];
        let (offers, refuse) = (Vec::new(), Duration(0).into());
        let accept =
            SchedulerCall::Accept { offers, operations, partial: false, refuse, request: None };
        self.call(framework, accept);
    }

    fn act_at_random(&mut self, framework: usize) {
        let host = &self.frameworks[framework];
        let running: Vec<TaskId> = host
            .tasks
            .iter()
            .filter(|(_, task)| !task.state.is_terminal())
            .map(|(id, _)| id.clone())
            .collect();
        let kill = !self.healed && self.chance.frameworks.per_mille(25);
        if kill && let Some(task) = self.chance.frameworks.pick(&running).cloned() {
            let grace_period = self.chance.frameworks.per_mille(300).then_some(Duration(1_000));
            self.call(framework, SchedulerCall::Kill { task, grace_period });
        }
        if !self.healed && self.chance.frameworks.per_mille(60) {
            self.resize_at_random(framework, &running);
        }
        if !self.healed && self.chance.frameworks.per_mille(5) {
            self.call(framework, SchedulerCall::Teardown);
        }
        if self.chance.frameworks.per_mille(40) {
            let explicit = self.chance.frameworks.per_mille(500);
            let mut tasks = if explicit { running } else { Vec::new() };
            if explicit {
                tasks.push(TaskId::new("never-heard-of").expect("an id"));
            }
            self.call(framework, SchedulerCall::Reconcile { tasks });
        }
        let suppressed = self.frameworks[framework].suppressed;
        if suppressed && (self.healed || self.chance.frameworks.per_mille(200)) {
            self.frameworks[framework].suppressed = false;
            self.call(framework, SchedulerCall::Revive { roles: vec![] });
        } else if !suppressed && !self.healed && self.chance.frameworks.per_mille(10) {
            self.frameworks[framework].suppressed = true;
            self.call(framework, SchedulerCall::Suppress { roles: vec![] });
        } else if self.chance.frameworks.per_mille(if self.healed { 100 } else { 10 }) {
            // Calls overtake each other: an older SUPPRESS may have come last.
            self.call(framework, SchedulerCall::Revive { roles: vec![] });
        } else if self.chance.frameworks.per_mille(10) {
            self.call(framework, SchedulerCall::ClearFilters { roles: vec![] });
        }
    }

    /// A process that does not know yet that it was replaced.
    pub(crate) fn older_instance_acts(&mut self, framework: usize, session: Session) {
        let host = &self.frameworks[framework];
        let acknowledgements = host.unacknowledged();
        let to = host.stream.and_then(|stream| self.connections.get(stream));
        if let Some(to) = to.filter(|_| !acknowledgements.is_empty()) {
            let to = to.process.host;
            let request = SchedulerCall::Acknowledge { acknowledgements };
            self.ask(Asked::Framework { framework, session, request }, to, 1);
        }
    }

    /// Something arrived on one of the framework's streams.
    pub(crate) fn framework_hears(&mut self, framework: usize, stream: StreamId, down: Down) {
        let current = self.frameworks[framework].stream == Some(stream);
        match down {
            Down::Opened => {}
            Down::Closed if current => self.stream_lost(framework),
            Down::Closed => {}
            Down::Framework(event) => self.framework_event(framework, current, *event),
            other => panic!("a framework cannot hear {other:?}"),
        }
    }

    fn framework_event(&mut self, framework: usize, current: bool, event: SchedulerEvent) {
        if let SchedulerEvent::Error(refusal) = &event
            && refusal.reason == Reason::FrameworkFenced
        {
            self.sometimes.note("framework fenced");
        }
        // The process behind an older stream is gone.
        if !current {
            return;
        }
        self.frameworks[framework].heard = self.queue.now();
        match event {
            SchedulerEvent::Subscribed { session, .. } => self.subscribed(framework, session),
            SchedulerEvent::Offers(offers) => self.consider(framework, offers),
            SchedulerEvent::Rescind(offers) => {
                for offer in offers {
                    self.frameworks[framework].offers.remove(&offer);
                }
                self.sometimes.note("offer expired");
            }
            SchedulerEvent::Update(status) => self.updated(framework, &status),
            SchedulerEvent::SharedState(state) => self.frameworks[framework].shown(state),
            SchedulerEvent::AgentNotice { inverse_offers, rescinded, .. } => {
                self.asked_to_leave(framework, &inverse_offers, &rescinded);
            }
            SchedulerEvent::Failure { .. }
            | SchedulerEvent::DemandFailed { .. }
            | SchedulerEvent::PreemptionNotice(_)
            | SchedulerEvent::VolumeUpdate(_)
            | SchedulerEvent::Masters(_)
            | SchedulerEvent::Heartbeat => {}
            SchedulerEvent::Error(refusal) => self.framework_refused(framework, &refusal),
        }
    }

    fn subscribed(&mut self, framework: usize, session: Session) {
        let host = &mut self.frameworks[framework];
        if host.id.is_some() {
            self.sometimes.note("framework came back");
        }
        assert!(host.id.is_none_or(|id| id == session.framework), "a framework keeps its id");
        host.id = Some(session.framework);
        host.session = Some(session);
        let to = host.stream.and_then(|stream| self.connections.get(stream));
        host.leader = to.map_or(host.leader, |connection| connection.process.host);
        self.oracles.completeness.framework_subscribed(session.framework);
    }

    fn framework_refused(&mut self, framework: usize, refusal: &Refusal) {
        match refusal.reason {
            Reason::FrameworkRemoved => {
                self.sometimes.note("framework removed");
                self.begin_anew(framework);
            }
            Reason::NotLeader => self.follow(framework, refusal),
            Reason::NotReady
            | Reason::FrameworkFenced
            | Reason::Overloaded
            | Reason::OutcomeUnknown => {}
            _ => panic!("a framework's stream ended with {refusal:?}"),
        }
    }

    /// The framework has ended, by its own wish or not.
    pub(crate) fn begin_anew(&mut self, framework: usize) {
        if let Some(stream) = self.frameworks[framework].stream {
            self.up(stream, Up::Closed);
        }
        self.stream_lost(framework);
        self.calls.forget_framework(framework);
        self.frameworks[framework].start_anew();
    }

    /// Asks whom it was told to ask.
    pub(crate) fn follow(&mut self, framework: usize, refusal: &Refusal) {
        let named = refusal.leader_address.as_deref();
        if let Some(host) = named.and_then(super::agent_host::host_of_address) {
            self.frameworks[framework].leader = host;
        }
    }

    fn updated(&mut self, framework: usize, status: &TaskStatus) {
        let host = &self.frameworks[framework];
        let id = host.id.expect("updates follow the subscription");
        if status.reason == StatusReason::Reconciliation {
            self.sometimes.note("reconciliation answered");
            return;
        }
        assert!(
            !host.refused.contains(&status.task),
            "T2: {} runs, though its accept was refused",
            status.task
        );
        self.watch_gone(&TaskKey { framework: id, task: status.task.clone() }, status);
        if status.reason == StatusReason::Preempted {
            self.sometimes.note("task gave way");
        }
        if status.reason == StatusReason::GroupEnded {
            self.sometimes.note("task ended with its group");
        }
        if self.oracles.updates.received(id, status) {
            self.sometimes.note("update repeated");
        }
        let (agent, state) = (status.agent.clone(), TaskState::Staging);
        let size = Resources::new();
        let fresh = Known { state, agent, seen: 0, acknowledged: 0, size };
        let host = &mut self.frameworks[framework];
        let task = host.tasks.entry(status.task.clone()).or_insert(fresh);
        assert_eq!(task.agent, status.agent, "I5: a task stays on its agent");
        let before = task.state;
        // Without a number it is news, too, but may be late.
        if status.sequence > task.seen {
            task.seen = status.sequence;
            task.state = status.state;
        }
        if status.state == TaskState::Finished && before != TaskState::Finished {
            let now = task.state;
            host.finished += usize::from(now == TaskState::Finished);
        }
        self.note_return(Some(before), status.state);
    }

    fn acknowledge(&mut self, framework: usize) {
        if !self.chance.frameworks.per_mille(if self.healed { 1_000 } else { 600 }) {
            return;
        }
        let under_way = self.calls.acknowledging(framework);
        let mut open = self.frameworks[framework].unacknowledged();
        open.retain(|(task, _)| !under_way.contains(task));
        if open.is_empty() {
            return;
        }
        let together = self.chance.frameworks.per_mille(700);
        if together {
            let acknowledgements = open;
            self.call(framework, SchedulerCall::Acknowledge { acknowledgements });
        } else {
            for acknowledgement in open {
                let acknowledgements = vec![acknowledgement];
                self.call(framework, SchedulerCall::Acknowledge { acknowledgements });
            }
        }
    }

    /// Thinks about offers for a while, sometimes for longer than they last.
    fn consider(&mut self, framework: usize, offers: Vec<Offer>) {
        let last = match self.chance.frameworks.below(12) {
            0 if !self.healed => 6_000,
            _ => 300,
        };
        let wait = self.chance.frameworks.time(0, last);
        let ids = offers.iter().map(|offer| offer.id).collect();
        let host = &mut self.frameworks[framework];
        host.offers.extend(offers.into_iter().map(|offer| (offer.id, offer)));
        let generation = host.generation;
        self.queue.after(wait, Happening::FrameworkDecides { framework, generation, offers: ids });
    }
}
