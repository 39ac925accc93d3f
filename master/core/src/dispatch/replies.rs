//! Answers to whoever waited for a command.

use crate::{
    input::StreamId,
    intake::{Turn, Waiter, turn::AcceptWaiter},
    ledger::{Applied, Command, Task},
    offers::Returned,
    outbox::Answer,
};
use proto::model::{
    AgentId, DeclineReason, OperationResult, Order, Reason, Refusal, Role, SchedulerEvent, Session,
    TaskKey, TaskState, limits,
};
use std::collections::{BTreeMap, BTreeSet};

impl Turn<'_> {
    /// The command's outcome is known (or, in a refusal, that it never will be).
    pub(crate) fn answer(&mut self, mut waiter: Waiter, outcome: Result<Applied, Refusal>) {
        self.settle(&mut waiter);
        match waiter {
            Waiter::Nobody => {}
            Waiter::Call(call) => self.reply(call, outcome.map(answer_of)),
            Waiter::Reservations { call, agent } => {
                self.reservations_changed(&agent);
                self.reply(call, outcome.map(answer_of));
            }
            Waiter::Subscribe { stream, suppressed } => match outcome {
                Ok(applied) => self.subscribed(stream, applied, &suppressed),
                Err(refusal) => self.refuse_framework(stream, refusal),
            },
            Waiter::Accept(waiter) => self.accepted(waiter, outcome),
            Waiter::Preempt(claims) => self.preempted(&claims, &outcome),
            Waiter::Register { stream, agent } => match outcome {
                Ok(_) => self.registered(stream, &agent),
                Err(refusal) => self.refuse_agent(stream, refusal),
            },
            Waiter::Update { stream, agent, key, sequence, state } => {
                if let Err(refusal) = outcome {
                    self.update_refused(stream, &agent, key, (sequence, state), refusal);
                }
            }
        }
    }

    fn subscribed(&mut self, stream: StreamId, applied: Applied, suppressed: &[Role]) {
        let Applied::Subscribed { framework, epoch } = applied else {
            unreachable!("a subscription is answered with a subscription")
        };
        let session = Session { framework, epoch };
        let returned = self.leader.book.rescind_framework(framework);
        for offer in &returned {
            self.release(offer);
        }
        if let Some((_, older)) = self.leader.sessions.framework(framework) {
            let message = format!("instance {epoch} of {framework} has subscribed");
            self.refuse_framework(older, Refusal::new(Reason::FrameworkFenced, message));
        }
        if self.leader.sessions.party(stream).is_none() {
            // The stream ended while the command was on its way.
            self.leader.demand.unsubscribed(framework);
            self.forget_shared(framework);
            self.propose(Command::DisconnectFramework(session), Waiter::Nobody);
            return;
        }
        self.leader.sessions.subscribed(stream, session);
        let heartbeat_interval = self.config.heartbeat_interval;
        let (cluster, term) = (self.config.cluster.clone(), self.leader.term);
        self.tell_framework(
            stream,
            SchedulerEvent::Subscribed { session, heartbeat_interval, cluster, term },
        );
        self.tell_masters(stream);
        let ledger = self.ledger;
        for task in ledger.tasks_of_framework(framework) {
            for status in &task.pending {
                self.tell_framework(stream, SchedulerEvent::Update(status.clone()));
            }
        }
        self.repeat_notices(framework);
        self.repeat_preemptions(framework);
        let row = ledger.framework(framework).expect("just subscribed");
        self.leader.framework_settled(framework);
        self.leader.demand.set_subscribed(framework, &row.info.roles, suppressed);
        self.leader.demand.set_terms(framework, &row.info.offer_terms);
        // What an earlier stream was shown is not known on this one.
        self.leader.shared.remove(framework);
        self.settle_offer_modes(framework, &row.info.roles);
    }

    fn accepted(&mut self, waiter: AcceptWaiter, outcome: Result<Applied, Refusal>) {
        let AcceptWaiter { call, session, request, returned, role, left, refuse, .. } = waiter;
        let framework = session.framework;
        let answer = outcome.map(|applied| match applied {
            Applied::Accepted { results, .. } => (results, true),
            Applied::AnsweredBefore(results) => (results, false),
            other => unreachable!("an accept is answered with its results, not {other:?}"),
        });
        let results = answer.as_ref().map_or(&[][..], |(results, _)| results.as_slice());
        let refused = results.iter().filter_map(OperationResult::refusal);
        let refused = refused.chain(answer.as_ref().err()).map(|refusal| refusal.reason);
        let refused: BTreeSet<Reason> = refused.collect();
        let is_commit = returned.first().is_some_and(|offer| offer.is_commit);
        if is_commit && refused.contains(&Reason::ResourcesTaken) {
            self.count_late_conflict(framework, &role);
        }
        if !is_commit && refused.contains(&Reason::QuotaExceeded) {
            // Offered again at once, the same would be refused again at once.
            let time = refuse.time.max(limits::REFUSE_DEFAULT);
            for offer in &returned {
                let all = offer.all();
                let what = (&offer.agent, all.as_ref());
                self.refuse(framework, &role, what, (time, DeclineReason::QuotaExceeded));
            }
        }
        match &answer {
            Ok((results, true)) => self.hand_back_accepted(&returned, results),
            _ => self.hand_back_accepted(&returned, &[]),
        }
        let mut calls = vec![call];
        if let Some(request) = request {
            calls.extend(self.leader.accepts.remove(&(framework, request)).unwrap_or_default());
        }
        if answer.is_ok() {
            self.charge_unused(&returned, &left);
            for (agent, left) in &left {
                self.refuse(framework, &role, (agent, left), (refuse.time, refuse.reason));
            }
        }
        let results = answer.map(|(results, _)| results);
        for refusal in results.iter().flatten().filter_map(OperationResult::refusal) {
            self.figures.refused(refusal.reason);
        }
        for call in calls {
            self.reply(call, results.clone().map(Answer::Accepted));
        }
    }

    /// Hands an accept's offers back, each with the tasks that were launched on its agent.
    fn hand_back_accepted(&mut self, returned: &[Returned], results: &[OperationResult]) {
        let (mut launched, mut groups) = (BTreeMap::<AgentId, u32>::new(), BTreeSet::new());
        if let Some(Returned { framework, .. }) = returned.first() {
            for task in results.iter().flat_map(OperationResult::tasks) {
                let key = TaskKey { framework: *framework, task: task.clone() };
                // A task group is one piece of what was wanted.
                let counts = |task: &&Task| task.group().is_none_or(|key| groups.insert(key));
                if let Some(task) = self.ledger.task(&key).filter(counts) {
                    *launched.entry(task.info.agent.clone()).or_default() += 1;
                }
            }
        }
        for offer in returned {
            let left = launched.entry(offer.agent.clone()).or_default();
            let wanted: u32 = offer.pieces.iter().map(|(_, count)| count).sum();
            let used = wanted.min(*left);
            *left -= used;
            self.hand_back(offer, used);
        }
    }

    fn registered(&mut self, stream: StreamId, agent: &AgentId) {
        if !self.leader.sessions.registered(stream, agent) {
            return;
        }
        self.leader.detector.heard(agent.clone(), self.now.monotonic);
        let heartbeat_interval = self.config.heartbeat_interval;
        let cluster = self.config.cluster.clone();
        self.tell_agent(stream, Order::Registered { heartbeat_interval, cluster });
        self.tell_masters(stream);
        self.repeat_orders(agent);
    }

    /// An honest agent's refused update is late, early or about something forgotten; the rest is
    /// told off and loses its stream.
    fn update_refused(
        &mut self,
        stream: StreamId,
        agent: &AgentId,
        key: TaskKey,
        (sequence, state): (u64, TaskState),
        refusal: Refusal,
    ) {
        match refusal.reason {
            // Sent again by the agent, in order or later.
            Reason::SequenceUnknown | Reason::Overloaded => {}
            Reason::TaskUnknown => {
                if let Some(orders) = self.leader.sessions.orders(agent) {
                    if !state.is_terminal() {
                        let reason = proto::model::StatusReason::AgentReregistered;
                        let key = key.clone();
                        self.tell_agent(orders, Order::Kill { key, grace_period: None, reason });
                    }
                    self.tell_agent(orders, Order::Committed { key, sequence });
                }
            }
            _ => self.refuse_agent(stream, refusal),
        }
    }
}

pub(crate) fn answer_of(applied: Applied) -> Answer {
    match applied {
        Applied::AnsweredBefore(results) => match results.as_slice() {
            [OperationResult::Reserved(reservation)] => Answer::Reserved(*reservation),
            [OperationResult::VolumeCreating(volume)] => Answer::VolumeCreating(*volume),
            _ => Answer::Done,
        },
        Applied::Scheduled(window) => Answer::Scheduled(window),
        Applied::Reserved(reservation) => Answer::Reserved(reservation),
        Applied::VolumeCreating(volume) => Answer::VolumeCreating(volume),
        _ => Answer::Done,
    }
}
