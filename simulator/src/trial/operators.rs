//! An operator: reads, kills a task now and then, drains agents and plans their maintenance, and
//! watches, resuming where the watch broke off.

use super::{
    event::Happening,
    framework_calls::Asked,
    reservations::give_up,
    streams::{Client, Down, Up},
    volumes::to_destroy,
    world::World,
};
use master_core::{
    input::{AgentFilter, FrameworkFilter, OperatorCall, Page, StreamId},
    ledger::Reservation,
    outbox::Answer,
};
use proto::{
    model::{AgentDirective, DrainPlan, Duration, Milli, Reason, Refusal, TaskKey, WindowPlan},
    wire::v1::{StatusReason, cluster_event::Event},
};

/// Who watches, and what was seen last.
#[derive(Debug, Default)]
pub(crate) struct OperatorHost {
    stream: Option<StreamId>,
    last: Option<u64>,
    streams: u64,
}

impl World {
    pub(crate) fn wake_operator(&mut self) {
        let again = self.chance.frameworks.time(700, 2_500);
        self.queue.after(again, Happening::OperatorWake);
        let to = self.serving().first().copied().unwrap_or(0);
        if self.operator.stream.is_none() {
            self.operator.streams += 1;
            let stream = self.open(Client::Operator, self.operator.streams, to);
            self.operator.stream = Some(stream);
            self.up(stream, Up::Watch(self.operator.last));
        }
        // One of two who think that they lead must not answer.
        let leaders = self.serving();
        for leader in leaders.iter().filter(|_| leaders.len() > 1) {
            self.ask(Asked::Operator(OperatorCall::GetCluster), *leader, 1);
        }
        let page = Page { size: 2, after: None };
        if self.options.spare_masters > 0 && !self.healed {
            self.change_masters(to);
        }
        let request = match self.chance.frameworks.below(9) {
            _ if self.healed && self.amends(to).is_some() => self.amends(to).expect("just seen"),
            0 => OperatorCall::GetCluster,
            1 => OperatorCall::ListAgents { page, filter: AgentFilter::default() },
            2 => OperatorCall::ListOffers(page),
            3 if !self.healed => match self.any_task() {
                Some(key) => OperatorCall::KillTask { key, grace_period: None },
                None => OperatorCall::ListRoles(page),
            },
            4 | 5 if !self.healed => self.directive(),
            6 if !self.healed && self.options.role_changes => self.role_change(),
            7 if !self.healed => self.reservation(to),
            _ => OperatorCall::ListFrameworks { page, filter: FrameworkFilter::default() },
        };
        self.ask(Asked::Operator(request), to, 1);
        let about_volumes = if self.options.volumes && !self.healed { 3 } else { 0 };
        for _ in 0..about_volumes {
            let request = self.volume_call(to);
            self.ask(Asked::Operator(request), to, 1);
        }
    }

    /// Something about an agent, drawn.
    fn directive(&mut self) -> OperatorCall {
        let index = self.chance.frameworks.index(self.agents.len());
        let agent = self.agents[index].id.clone();
        let plan = DrainPlan {
            deadline: self.chance.frameworks.time(0, 10_000),
            max_grace: Some(Duration(500)),
            mark_gone: self.chance.frameworks.below(12) == 0,
        };
        let directive = match self.chance.frameworks.below(8) {
            0..=2 => AgentDirective::Drain(plan),
            3 => AgentDirective::CancelDrain,
            4 => AgentDirective::Deactivate,
            5 | 6 => AgentDirective::Reactivate,
            _ => {
                let drain = DrainPlan { mark_gone: false, ..plan };
                return OperatorCall::ScheduleMaintenance(WindowPlan {
                    selector: format!("id={agent}").parse().expect("a selector"),
                    starts_in: self.chance.frameworks.time(0, 5_000),
                    duration: self.chance.frameworks.time(1_000, 10_000),
                    drain: (self.chance.frameworks.below(2) == 0).then_some(drain),
                    comment: String::new(),
                });
            }
        };
        OperatorCall::DirectAgent { agent, directive }
    }

    /// What has to be said so that every agent takes tasks again and no limit is in the way.
    fn amends(&self, leader: usize) -> Option<OperatorCall> {
        let ledger = self.masters[leader].master.as_ref()?.ledger();
        if let Some(volume) = to_destroy(ledger) {
            return Some(OperatorCall::DestroyVolume(volume));
        }
        let mut reservations = ledger.reservations().iter();
        let is_free = |row: &Reservation| row.used.is_empty() && row.volumes == Milli(0);
        if let Some((id, _)) = reservations.find(|(_, row)| is_free(row)) {
            return Some(OperatorCall::Unreserve(give_up(*id)));
        }
        if let Some(window) = ledger.windows().next() {
            return Some(OperatorCall::CancelMaintenance(window.id));
        }
        if let Some((role, _)) = ledger.roles().quotas().next() {
            return Some(OperatorCall::RemoveQuota(role.clone()));
        }
        ledger.agents().iter().find_map(|(id, row)| {
            let directive = match (&row.drain, row.deactivated) {
                (Some(_), _) => AgentDirective::CancelDrain,
                (None, true) => AgentDirective::Reactivate,
                (None, false) => return None,
            };
            Some(OperatorCall::DirectAgent { agent: id.clone(), directive })
        })
    }

    fn any_task(&mut self) -> Option<TaskKey> {
        let known = self.frameworks.iter().filter_map(|host| Some((host.id?, &host.tasks)));
        let keys = known.flat_map(|(framework, tasks)| {
            tasks.keys().map(move |task| TaskKey { framework, task: task.clone() })
        });
        let keys: Vec<_> = keys.collect();
        self.chance.frameworks.pick(&keys).cloned()
    }

    pub(crate) fn operator_answered(&mut self, answer: Result<Answer, Refusal>) {
        match answer {
            Ok(Answer::Read(_)) => self.sometimes.note("read answered"),
            Ok(_) => {}
            Err(refusal) if refusal.reason == Reason::CapacityExceeded => {
                self.sometimes.note("quota refused");
            }
            // A volume has another size by now, so that it would become smaller by growing.
            Err(refusal) if refusal.reason == Reason::InvalidField && refusal.field == "size" => {}
            Err(refusal) => assert!(
                matches!(
                    refusal.reason,
                    Reason::NotLeader
                        | Reason::NotReady
                        | Reason::OutcomeUnknown
                        | Reason::TaskUnknown
                        // What is directed has changed meanwhile, or was never so.
                        | Reason::AgentUnknown
                        | Reason::AgentRemoved
                        | Reason::TransitionIllegal
                        | Reason::WindowUnknown
                        | Reason::ResourcesTaken
                        | Reason::AgentUnreachable
                        | Reason::ReservationUnknown
                        | Reason::ReservationInUse
                        | Reason::VolumeExists
                        | Reason::VolumeUnknown
                        | Reason::VolumeInUse
                        | Reason::VolumeChanging
                        | Reason::VolumeDestroying
                        | Reason::VolumeBroken
                        | Reason::VersionTooLow
                        | Reason::Overloaded
                        // Another change is under way, or was made twice.
                        | Reason::MemberExists
                        | Reason::MemberRemoved
                        | Reason::MemberUnknown
                        | Reason::MembershipChanging
                        | Reason::MembershipUnsafe
                ),
                "an operator was refused with {refusal:?}"
            ),
        }
    }

    fn notice_directed(&mut self, event: Option<&Event>) {
        match event {
            Some(Event::AgentChanged(row))
                if row.drain.as_ref().is_some_and(|drain| drain.tasks_left == 0) =>
            {
                self.sometimes.note("agent drained");
            }
            Some(Event::ReservationChanged(_)) => self.sometimes.note("reserved"),
            Some(Event::ReservationEnded(_)) => self.sometimes.note("reservation given up"),
            Some(Event::WindowChanged(window)) if window.started => {
                self.sometimes.note("maintenance begun");
            }
            Some(Event::TaskChanged(task)) => {
                let reason = task.status.as_ref().map(|status| status.reason());
                match reason {
                    Some(StatusReason::ReasonAgentDraining) => {
                        self.sometimes.note("task ended by a drain");
                    }
                    Some(StatusReason::ReasonMaxCompletionTime) => {
                        self.sometimes.note("task ended when its time was over");
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    pub(crate) fn operator_hears(&mut self, stream: StreamId, down: Down) {
        if self.operator.stream != Some(stream) {
            return;
        }
        match down {
            Down::Opened => {}
            Down::Closed => self.operator.stream = None,
            Down::Watcher(event) => match event {
                Ok(event) => {
                    let last = self.operator.last.unwrap_or(0);
                    let number = event.sequence;
                    assert!(number >= last, "a watch goes back from {last} to {number}");
                    if matches!(event.event, Some(Event::Started(_))) && last > 0 {
                        self.sometimes.note("watch resumed");
                    }
                    self.watch_shown(event.event.as_ref(), self.operator.last.is_some());
                    self.operator.last = Some(number);
                    self.notice_directed(event.event.as_ref());
                }
                Err(refusal) => match refusal.reason {
                    Reason::SequenceExpired => self.operator.last = None,
                    Reason::NotLeader | Reason::NotReady => {}
                    _ => panic!("a watch ended with {refusal:?}"),
                },
            },
            other => panic!("an operator cannot hear {other:?}"),
        }
    }
}
