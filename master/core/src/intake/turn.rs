//! What intake and dispatch work with during one turn: the truth to read, the leader's volatile
//! state to change, commands to propose, effects to emit.

use crate::{
    Config, Ledger,
    allocator::{Bidder, Bundle, Claim, filters::Refused},
    dispatch::history::History,
    input::{CallId, Now, StreamId},
    ledger::Command,
    master::{
        figures::Figures,
        leadership::{Leadership, Timer},
    },
    offers::{AcceptId, Returned},
    outbox::{Answer, Effect, Outbox},
};
use proto::model::{
    AgentId, DeclineFilter, DeclineReason, Duration, FrameworkId, Instant, Order, Reason, Refusal,
    RequestId, Resources, Role, SchedulerEvent, Session, TaskKey, TaskState, limits,
};
use std::collections::BTreeMap;

/// One turn of a serving leader.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    pub(crate) now: Now,
    /// On the cluster's own clock.
    pub(crate) time: Instant,
    pub(crate) config: &'a Config,
    pub(crate) ledger: &'a Ledger,
    pub(crate) leader: &'a mut Leadership,
    pub(crate) history: &'a History,
    pub(crate) figures: &'a mut Figures,
    pub(crate) commands: &'a mut Vec<(Command, Waiter)>,
    pub(crate) outbox: &'a mut Outbox,
}

/// Who waits for a command's outcome, and with what in hand.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// Nobody.
    Nobody,
    /// A call that is answered with `Done`.
    Call(CallId),
    /// A call about an agent's reservations.
    Reservations { call: CallId, agent: AgentId },
    /// A framework's stream.
    Subscribe { stream: StreamId, suppressed: Vec<Role> },
    /// An accept: its offers stay held until the outcome is known.
    Accept(AcceptWaiter),
    /// A piece of a demand that tasks give way to: kept for it once they do.
    Preempt(Vec<Claim>),
    /// An agent's stream.
    Register { stream: StreamId, agent: AgentId },
    /// An agent's update.
    Update { stream: StreamId, agent: AgentId, key: TaskKey, sequence: u64, state: TaskState },
}

/// An accept under way.
#[derive(Debug)]
pub(crate) struct AcceptWaiter {
    pub(crate) call: CallId,
    pub(crate) session: Session,
    pub(crate) request: Option<RequestId>,
    /// What the book holds for it, until the outcome is known.
    pub(crate) accepting: Option<AcceptId>,
    /// What the book held for it, afterwards.
    pub(crate) returned: Vec<Returned>,
    pub(crate) role: Role,
    /// What the tasks leave of the offers, per agent, and for how long that is not wanted.
    pub(crate) left: BTreeMap<AgentId, Resources>,
    pub(crate) refuse: DeclineFilter,
}

impl Turn<'_> {
    /// Queues a command for this turn's log entry; when too much is in flight, refuses it.
    pub(crate) fn propose(&mut self, command: Command, waiter: Waiter) {
        let in_flight = self.leader.proposals.commands() + self.commands.len();
        if in_flight >= limits::PROPOSALS_IN_FLIGHT_MAX {
            let refusal = Refusal::new(Reason::Overloaded, "too many calls are in flight")
                .retry_after(Duration(100));
            self.try_later(&command);
            self.answer(waiter, Err(refusal));
            return;
        }
        match self.ledger.check_version(&command) {
            Ok(()) => self.commands.push((command, waiter)),
            Err(refusal) => self.answer(waiter, Err(refusal)),
        }
    }

    /// What time, or an agent, has brought and nobody else would ask for again.
    pub(crate) fn try_later(&mut self, command: &Command) {
        let timer = match command {
            Command::RaiseVersion(_) => {
                self.leader.raising = None;
                return;
            }
            Command::DisconnectFramework(session) => Timer::FrameworkReturn(session.framework),
            Command::RemoveFramework { session, expired: true } => {
                Timer::FrameworkExpiry(session.framework)
            }
            Command::RemoveAgent { agent, .. } => Timer::AgentRemoval(agent.clone()),
            Command::AdvanceDrain { agent } => Timer::Drain(agent.clone()),
            Command::TurnWindow(window) => Timer::Window(*window),
            Command::EndPreempted { .. } => Timer::Preempted,
            Command::RecordVolume { agent, .. } => Timer::Volumes(agent.clone()),
            _ => return,
        };
        self.leader.timers.set(timer, self.now.monotonic + self.config.tick);
    }

    /// An offer is over without a task.
    pub(crate) fn release(&mut self, offer: &Returned) {
        self.free_up(offer);
        self.hand_back(offer, 0);
    }

    /// An offer is over in which so many tasks were launched: the rest of what was wanted still is.
    pub(crate) fn hand_back(&mut self, offer: &Returned, launched: u32) {
        let leader = &mut *self.leader;
        if let Some(place) = leader.view.place(&offer.agent) {
            let Returned { framework, role, pieces, .. } = offer;
            leader.demand.returned(*framework, role, place, pieces, launched);
        }
    }

    /// What an offer held is free again.
    fn free_up(&mut self, offer: &Returned) {
        let Returned { agent, role, framework, resources, .. } = offer;
        if !resources.is_empty() {
            match offer.revocable {
                true => {
                    let bidder = Bidder { framework: *framework, role: role.clone() };
                    self.leader.view.release_revocable(agent, bidder, resources);
                }
                false => self.leader.view.release(agent, role, *framework, resources),
            }
        }
        self.leader.reserved.release(agent, &offer.reserved);
        if !offer.is_commit {
            self.watch_offer_ended(offer);
        }
    }

    /// An accept's offers end before its tasks are counted, or both would hold the same resources.
    pub(crate) fn settle(&mut self, waiter: &mut Waiter) {
        if let Waiter::Accept(accept) = waiter
            && let Some(id) = accept.accepting.take()
        {
            accept.returned = self.leader.book.end_accept(id);
            for offer in &accept.returned {
                self.free_up(offer);
            }
        }
    }

    /// Resources that a framework does not want again for a while. At least for a tick, as Mesos
    /// stretches filters to an allocation interval: otherwise a framework with the lowest share
    /// that declines everything at once would be asked for ever, and nobody else.
    pub(crate) fn refuse(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        (agent, resources): (&AgentId, &Resources),
        (time, reason): (Duration, DeclineReason),
    ) {
        if !resources.is_empty() {
            let until = self.now.monotonic + time.max(self.config.tick);
            let leader = &mut *self.leader;
            // An agent that is gone is refused by itself.
            let Some(place) = leader.view.place(agent) else { return };
            let free = leader.view.free_at(place);
            let bundle = match *free == *resources {
                true => free.clone(),
                false => Bundle::new(resources.clone()),
            };
            let refused = Refused { bundle, until, reason };
            leader.demand.refuse(framework, role, place, refused);
        }
    }

    pub(crate) fn reply(&mut self, call: CallId, answer: Result<Answer, Refusal>) {
        if let Err(refusal) = &answer {
            self.figures.refused(refusal.reason);
        }
        self.outbox.reply(call, answer);
    }

    pub(crate) fn tell_agent(&mut self, stream: StreamId, order: Order) {
        let term = self.leader.term;
        self.outbox.push(Effect::ToAgent { stream, order, term });
    }

    pub(crate) fn tell_framework(&mut self, stream: StreamId, event: SchedulerEvent) {
        self.outbox.push(Effect::ToFramework { stream, event });
    }

    /// Ends an agent's stream with a reason.
    pub(crate) fn refuse_agent(&mut self, stream: StreamId, refusal: Refusal) {
        self.figures.refused(refusal.reason);
        self.leader.sessions.remove(stream);
        self.tell_agent(stream, Order::Refused(refusal));
        self.outbox.push(Effect::Close(stream));
    }

    /// Ends a framework's stream with a reason; what it held is free again.
    pub(crate) fn refuse_framework(&mut self, stream: StreamId, refusal: Refusal) {
        self.figures.refused(refusal.reason);
        self.leader.sessions.remove(stream);
        self.tell_framework(stream, SchedulerEvent::Error(refusal));
        self.outbox.push(Effect::Close(stream));
    }
}
