//! What comes on the stream: who we are now, offers, news of tasks.

use super::{ClientSession, Effect, Failure};
use crate::model::{
    self, ClusterId, Duration, Instant, OfferId, SchedulerEvent, TaskId, TaskState, TaskStatus,
    limits,
};
use crate::scheduler::Event;

impl ClientSession {
    pub(super) fn event(&mut self, now: Instant, event: SchedulerEvent, effects: &mut Vec<Effect>) {
        self.link.heard(now);
        match event {
            SchedulerEvent::Subscribed { session, heartbeat_interval, cluster, term } => {
                self.subscribed(now, session, heartbeat_interval, (cluster, term));
            }
            SchedulerEvent::Error(refusal) => {
                let connection = self.link.connection().expect("it spoke on the connection");
                self.lost(now, connection, Failure::Refused(refusal), effects);
            }
            // Whatever comes before the subscription is confirmed is not for this instance.
            _ if self.link.up().is_none() => {}
            SchedulerEvent::Offers(offers) => {
                self.stated.offered(&offers);
                self.events.push_back(Event::Offers(offers));
            }
            SchedulerEvent::Rescind(offers) => self.rescinded(offers),
            SchedulerEvent::Update(status) => self.updated(status),
            SchedulerEvent::Failure { agent, removed } => {
                self.events.push_back(Event::AgentLost { agent, is_removed: removed });
            }
            SchedulerEvent::AgentNotice { agents, notice, inverse_offers, rescinded } => {
                let event = Event::AgentNotice { agents, notice, inverse_offers, rescinded };
                self.events.push_back(event);
            }
            SchedulerEvent::DemandFailed { role, demand } => {
                self.stated.failed(&role, &demand);
                self.events.push_back(Event::DemandFailed { role, demand });
            }
            SchedulerEvent::SharedState(state) => self.events.push_back(Event::SharedState(state)),
            SchedulerEvent::PreemptionNotice(notice) => {
                self.events.push_back(Event::PreemptionNotice(notice));
            }
            SchedulerEvent::VolumeUpdate(volume) => {
                self.events.push_back(Event::VolumeUpdate(volume));
            }
            SchedulerEvent::Heartbeat => self.updates.caught_up(),
            SchedulerEvent::Masters(masters) => self.link.learn(&masters),
        }
    }

    fn rescinded(&mut self, offers: Vec<OfferId>) {
        self.stated.over(&offers);
        if !offers.is_empty() {
            self.events.push_back(Event::Rescinded(offers));
        }
    }

    fn subscribed(
        &mut self,
        now: Instant,
        identity: model::Session,
        heartbeat_interval: Duration,
        (cluster, term): (ClusterId, u64),
    ) {
        let leader = (cluster.clone(), term);
        self.link.subscribed(now, identity, leader, heartbeat_interval, &mut self.jitter);
        let was_known = self.framework.replace(identity.framework).is_some();
        let is_first = !std::mem::replace(&mut self.has_subscribed, true);
        let framework = identity.framework;
        self.events.push_back(Event::Subscribed { framework, cluster, is_first });
        let live = self.updates.begin_check();
        match is_first {
            // Taken over from another process: let the cluster tell what there is.
            true if was_known => self.checks.push_back(Vec::new()),
            true => {}
            false => {
                self.restate();
                let chunks = live.chunks(limits::RECONCILE_TASKS_MAX);
                self.checks.extend(chunks.map(<[TaskId]>::to_vec));
                let probes = self.requests.probes();
                let chunks = probes.chunks(limits::RECONCILE_TASKS_MAX);
                self.checks.extend(chunks.map(<[TaskId]>::to_vec));
            }
        }
    }

    /// Has the cluster told again what is wanted, unless the scheduler is about to.
    pub(super) fn restate(&mut self) {
        let roles = self.stated.roles().filter(|role| !self.requests.is_stating(role));
        self.restates = roles.cloned().collect();
    }

    fn updated(&mut self, status: TaskStatus) {
        if let Some(event) = self.requests.heard_of(&status) {
            self.note_answer(&event);
            self.events.push_back(event);
            // That was the answer to a probe; the scheduler never had the task.
            if status.state == TaskState::Unknown {
                return;
            }
        } else if status.state == TaskState::Unknown && self.requests.is_launching(&status.task) {
            return;
        }
        if self.updates.take(&status) {
            self.events.push_back(Event::Update(status));
        }
    }
}
