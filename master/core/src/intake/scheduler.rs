//! What frameworks ask.

use super::{Turn, Waiter, accept::Accept, commit::Commit};
use crate::{
    allocator::stated::Outcome,
    input::{CallId, StreamId},
    ledger::{Command, FrameworkState},
    outbox::Answer,
    reads,
};
use proto::{
    model::{
        AgentId, DeclineFilter, DeclineReason, FrameworkId, GroupKey, InverseAnswer,
        InverseOfferId, OfferId, Principal, Reason, Refusal, Role, SchedulerCall, SchedulerEvent,
        Session, StatedDemand, StatusReason, StatusSource, Subscribe, TaskId, TaskKey, TaskState,
        TaskStatus,
    },
    planted::{self, Bug},
};
use std::collections::BTreeMap;

impl Turn<'_> {
    pub(crate) fn subscribe(
        &mut self,
        stream: StreamId,
        principal: &Principal,
        subscribe: Subscribe,
    ) {
        if let Err(refusal) = self.within_rate(principal) {
            return self.refuse_framework(stream, refusal);
        }
        self.leader.sessions.subscribing(stream);
        let Subscribe { info, framework, request, suppressed } = subscribe;
        let principal = principal.id.clone();
        let command = Command::SubscribeFramework { info, framework, principal, request };
        self.propose(command, Waiter::Subscribe { stream, suppressed });
    }

    pub(crate) fn scheduler_call(
        &mut self,
        call: CallId,
        principal: &Principal,
        session: Session,
        request: SchedulerCall,
    ) {
        let within_rate = self.within_rate(principal);
        if let Err(refusal) = within_rate.and_then(|()| self.check_session(principal, session)) {
            self.reply(call, Err(refusal));
            return;
        }
        match request {
            answer @ (SchedulerCall::Accept { .. } | SchedulerCall::Decline { .. }) => {
                self.answer_offers(call, session, answer);
            }
            SchedulerCall::Commit { role, operations, partial, detection, decided_on, request } => {
                let commit = Commit { role, operations, partial, detection, decided_on, request };
                self.commit(call, session, commit);
            }
            SchedulerCall::Kill { task, grace_period } => {
                let key = TaskKey { framework: session.framework, task };
                self.kill_task(call, key, grace_period, StatusReason::KilledByFramework);
            }
            SchedulerCall::KillGroup { group, grace_period } => {
                let key = GroupKey { framework: session.framework, group };
                self.kill_group(call, &key, grace_period, StatusReason::KilledByFramework);
            }
            SchedulerCall::Acknowledge { acknowledgements } => {
                match self.check_tasks(session.framework, &acknowledgements) {
                    Ok(()) => {
                        let command = Command::Acknowledge { session, acknowledgements };
                        if planted::is(Bug::AcknowledgedEarly) {
                            self.reply(call, Ok(Answer::Done));
                            return self.propose(command, Waiter::Nobody);
                        }
                        self.propose(command, Waiter::Call(call));
                    }
                    Err(refusal) => self.reply(call, Err(refusal)),
                }
            }
            SchedulerCall::Reconcile { tasks } => self.reconcile(call, session, &tasks),
            SchedulerCall::Suppress { roles } => {
                self.suppress(call, session.framework, &roles, true);
            }
            SchedulerCall::Revive { roles } => {
                self.suppress(call, session.framework, &roles, false);
            }
            SchedulerCall::ClearFilters { roles } => {
                let cleared = self.leader.demand.clear_filters(session.framework, &roles);
                self.reply(call, cleared.map(|()| Answer::Done));
            }
            SchedulerCall::AnswerInverse { offers, answer } => {
                self.answer_inverse(call, session.framework, &offers, &answer);
            }
            SchedulerCall::UpdateFramework { info } => {
                let command = Command::UpdateFramework { session, info };
                self.propose(command, Waiter::Call(call));
            }
            SchedulerCall::StateDemand { role, demands } => {
                let stated = self.state_demand(session.framework, &role, demands);
                self.reply(call, stated.map(|()| Answer::Done));
            }
            SchedulerCall::Teardown => {
                let command = Command::RemoveFramework { session, expired: false };
                self.propose(command, Waiter::Call(call));
            }
        }
    }

    /// A framework uses offers or hands them back: it is there, even if it is late.
    fn answer_offers(&mut self, call: CallId, session: Session, answer: SchedulerCall) {
        self.leader.demand.holds_mut().answered(session.framework, self.now.monotonic);
        match answer {
            SchedulerCall::Accept { offers, operations, partial, refuse, request } => {
                let accept = Accept { offers, operations, partial, refuse, request };
                self.accept(call, session, accept);
            }
            SchedulerCall::Decline { offers, refuse } => {
                let declined = self.decline(session.framework, &offers, &refuse);
                self.reply(call, declined.map(|()| Answer::Done));
            }
            other => unreachable!("{other:?} answers no offers"),
        }
    }

    /// A framework wants no offers in some of its roles, nor to be shown them; or does again.
    fn suppress(&mut self, call: CallId, framework: FrameworkId, roles: &[Role], suppressed: bool) {
        let done = match suppressed {
            true => self.leader.demand.suppress(framework, roles),
            false => self.leader.demand.revive(framework, roles),
        };
        if done.is_ok() {
            self.suppress_shared(framework, roles, suppressed);
        }
        self.reply(call, done.map(|()| Answer::Done));
    }

    /// Whether a framework will be gone from agents by the deadlines.
    fn answer_inverse(
        &mut self,
        call: CallId,
        framework: FrameworkId,
        offers: &[InverseOfferId],
        answer: &InverseAnswer,
    ) {
        let answered = self.leader.inverse.answer(framework, offers, answer);
        if answered.is_ok() {
            self.figures.inverse_answered(answer, offers.len() as u64);
        }
        self.reply(call, answered.map(|()| Answer::Done));
    }

    /// What a framework wants from now on; `None` is whatever it is its turn for.
    fn state_demand(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        demands: Option<Vec<StatedDemand>>,
    ) -> Result<(), Refusal> {
        let now = self.now.monotonic;
        for (index, demand) in demands.iter().flatten().enumerate() {
            let allowed = self.ledger.roles().check_priority(role, demand.priority);
            allowed.map_err(|refusal| refusal.under(&format!("demands[{index}]")))?;
        }
        match demands {
            Some(demands) => self.leader.demand.state(framework, role, demands, now),
            None => self.leader.demand.unstate(framework, role),
        }
    }

    /// What is stated no longer is remembered; gangs that did not come together in time are told to
    /// their frameworks.
    pub(crate) fn note_ended_demands(&mut self) {
        let now = self.now.monotonic;
        for ended in self.leader.demand.take_ended() {
            let given_up = ended.outcome == Outcome::GivenUp;
            let standing =
                given_up.then(|| reads::demand_standing(self.ledger, self.leader, &ended));
            let waited = now.since(ended.entry.since());
            self.leader.past.keep(self.time, waited, &ended, standing);
            if given_up {
                let session = self.leader.sessions.framework(ended.bidder.framework);
                let (_, stream) = session.expect("only those with a stream want anything");
                let (role, demand) = (ended.bidder.role, ended.entry.id().clone());
                self.tell_framework(stream, SchedulerEvent::DemandFailed { role, demand });
            }
        }
    }

    /// Whether the caller has asked less than it may; otherwise it learns when to come back.
    fn within_rate(&mut self, principal: &Principal) -> Result<(), Refusal> {
        self.leader.rate_limits.take(&principal.id, self.now.monotonic).map_err(|wait| {
            let message = format!("{principal} asks more than it may; try again in {wait}");
            Refusal::new(Reason::Overloaded, message).retry_after(wait)
        })
    }

    /// Whether the caller owns the framework and is its newest instance.
    fn check_session(&self, principal: &Principal, session: Session) -> Result<(), Refusal> {
        let unknown = || {
            let message = format!("no framework {} of yours", session.framework);
            Refusal::new(Reason::FrameworkUnknown, message).at("session.framework_id")
        };
        let framework = self.ledger.framework(session.framework).ok_or_else(unknown)?;
        // Whether another's framework exists is nobody's business.
        if framework.principal != principal.id {
            return Err(unknown());
        }
        if framework.state == FrameworkState::Removed {
            let message =
                format!("{} was removed; subscribe as a new framework", session.framework);
            return Err(Refusal::new(Reason::FrameworkRemoved, message).at("session.framework_id"));
        }
        if session.epoch != framework.epoch {
            let newest = framework.epoch;
            let message = format!("instance {} was replaced by instance {newest}", session.epoch);
            return Err(Refusal::new(Reason::FrameworkFenced, message).at("session.epoch"));
        }
        match self.leader.sessions.framework(session.framework) {
            Some((epoch, _)) if epoch == session.epoch => Ok(()),
            _ => Err(Refusal::new(Reason::NotSubscribed, "subscribe first").at("session")),
        }
    }

    /// Whether there is such a task; what is nobody's, or another's, need not go through the log.
    pub(super) fn check_task(&self, key: &TaskKey, field: &str) -> Result<(), Refusal> {
        match self.ledger.task(key) {
            Some(_) => Ok(()),
            None => {
                let message = format!("there is no task {key}");
                Err(Refusal::new(Reason::TaskUnknown, message).at(field))
            }
        }
    }

    fn check_tasks(
        &self,
        framework: FrameworkId,
        acknowledgements: &[(TaskId, u64)],
    ) -> Result<(), Refusal> {
        for (index, (task, _)) in acknowledgements.iter().enumerate() {
            let key = TaskKey { framework, task: task.clone() };
            self.check_task(&key, &format!("acknowledgements[{index}].task_id"))?;
        }
        Ok(())
    }

    pub(super) fn decline(
        &mut self,
        framework: FrameworkId,
        offers: &[OfferId],
        refuse: &DeclineFilter,
    ) -> Result<(), Refusal> {
        let returned = self.leader.book.decline(framework, offers)?;
        self.figures.declined(refuse.reason, returned.len() as u64);
        self.charge_kept(returned.iter());
        for offer in &returned {
            if !planted::is(Bug::DeclinedStaysHeld) {
                self.release(offer);
            }
            let all = offer.all();
            let what = (&offer.agent, all.as_ref());
            self.refuse(framework, &offer.role, what, (refuse.time, refuse.reason));
            if !refuse.message.is_empty() {
                self.leader.demand.say(framework, &offer.role, &refuse.message);
            }
        }
        Ok(())
    }

    /// Statuses as the ledger has them, sent at once and without a sequence number.
    fn reconcile(&mut self, call: CallId, session: Session, tasks: &[TaskId]) {
        let Some((_, stream)) = self.leader.sessions.framework(session.framework) else { return };
        let wall = self.now.wall;
        let answer_for = |status: &TaskStatus| TaskStatus {
            source: StatusSource::Master,
            reason: StatusReason::Reconciliation,
            sequence: 0,
            ..status.clone()
        };
        let statuses: Vec<TaskStatus> = if tasks.is_empty() {
            let live = self.ledger.tasks_of_framework(session.framework);
            live.filter(|task| !task.status.state.is_terminal())
                .map(|task| answer_for(&task.status))
                .collect()
        } else {
            let status = |task: &TaskId| {
                let key = TaskKey { framework: session.framework, task: task.clone() };
                match self.ledger.task(&key) {
                    Some(row) => answer_for(&row.status),
                    None => unknown_task(task.clone(), wall),
                }
            };
            tasks.iter().map(status).collect()
        };
        let count = statuses.len() as u64;
        for status in statuses {
            self.tell_framework(stream, SchedulerEvent::Update(status));
        }
        self.reply(call, Ok(Answer::Reconciling(count)));
    }

    /// A framework's stream ended: its failover timeout starts with the committed fact.
    pub(crate) fn framework_stream_closed(&mut self, session: Session) {
        let returned = self.leader.book.rescind_framework(session.framework);
        for offer in &returned {
            self.release(offer);
        }
        self.leader.demand.unsubscribed(session.framework);
        self.forget_shared(session.framework);
        self.propose(Command::DisconnectFramework(session), Waiter::Nobody);
    }

    /// Offers that nobody answered in time.
    pub(crate) fn expire_offers(&mut self) {
        let expired = self.leader.book.expire(self.now.monotonic);
        self.rescind(&expired);
        let refused = self.charge_lapsed(&expired);
        for offer in &expired {
            // Whoever does not answer must not be asked again at once while others wait.
            let all = offer.all();
            let what = (&offer.agent, all.as_ref());
            let refuse = (refused[&offer.framework], DeclineReason::NotAnswered);
            self.refuse(offer.framework, &offer.role, what, refuse);
        }
    }

    /// Tells the holders that these offers are void, and frees what they held.
    pub(crate) fn rescind(&mut self, returned: &[crate::offers::Returned]) {
        self.figures.offers_rescinded += returned.len() as u64;
        let mut by_framework: BTreeMap<FrameworkId, Vec<OfferId>> = BTreeMap::new();
        for offer in returned {
            self.release(offer);
            by_framework.entry(offer.framework).or_default().push(offer.offer);
        }
        for (framework, offers) in by_framework {
            if let Some((_, stream)) = self.leader.sessions.framework(framework) {
                self.tell_framework(stream, SchedulerEvent::Rescind(offers));
            }
        }
    }
}

fn unknown_task(task: TaskId, at: proto::model::WallTime) -> TaskStatus {
    TaskStatus {
        task,
        // Nobody's; the wire has an empty agent id for it.
        agent: AgentId::new("unknown").expect("a valid id"),
        state: TaskState::Unknown,
        source: StatusSource::Master,
        reason: StatusReason::Reconciliation,
        message: "the master has no record of this task".to_owned(),
        exit_code: None,
        signal: None,
        memory_peak_bytes: None,
        at,
        sequence: 0,
    }
}
