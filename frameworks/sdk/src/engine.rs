//! A scheduler and its session, joined: still pure.
//!
//! The driver gives it what came from the network and does what it asks; the simulator does the
//! same in virtual time. Inputs come in batches: acknowledgements of a whole batch leave in one
//! call.

use crate::model::{FrameworkId, Instant};
use crate::scheduler::{Calls, Event, Scheduler};
use crate::session::{Acknowledgement, ClientSession, Effect, Ended, Input, SessionSettings};

/// Runs one scheduler.
#[derive(Debug)]
pub struct Engine {
    session: ClientSession,
    calls: Calls,
}

impl Engine {
    /// An engine that has not connected yet; a first [`Engine::step`] without inputs starts it.
    pub fn new(settings: SessionSettings) -> Self {
        Self { session: ClientSession::new(settings), calls: Calls::default() }
    }

    /// Takes in what happened, lets the scheduler decide, and says what to do.
    pub fn step<S: Scheduler>(
        &mut self,
        now: Instant,
        inputs: impl IntoIterator<Item = Input>,
        scheduler: &mut S,
        effects: &mut Vec<Effect>,
    ) {
        for input in inputs {
            self.session.input(now, input, effects);
            self.deliver(now, scheduler);
        }
        if self.session.ended().is_none() && self.calls.take_due_alarm(now) {
            scheduler.handle(now, Event::Woken, &mut self.calls);
            self.take_calls(now);
            self.deliver(now, scheduler);
        }
        self.session.flush(now, effects);
        // Giving a connection up in the flush is news too.
        self.deliver(now, scheduler);
    }

    fn deliver<S: Scheduler>(&mut self, now: Instant, scheduler: &mut S) {
        while let Some(event) = self.session.next_event() {
            let update = match &event {
                Event::Update(status) if status.sequence > 0 => {
                    Some((status.task.clone(), status.sequence))
                }
                _ => None,
            };
            scheduler.handle(now, event, &mut self.calls);
            if let Some((task, sequence)) = update
                && self.session.acknowledgement() == Acknowledgement::Automatic
            {
                self.session.handled(&task, sequence);
            }
            self.take_calls(now);
        }
    }

    fn take_calls(&mut self, now: Instant) {
        for (task, sequence) in self.calls.take_acknowledgements() {
            self.session.handled(&task, sequence);
        }
        for (id, call) in self.calls.take() {
            self.session.ask(now, id, call);
        }
        if self.calls.is_done() {
            self.session.drain(now);
        }
    }

    /// When to step again even if nothing happens until then.
    pub fn deadline(&self) -> Option<Instant> {
        let session = self.session.deadline()?;
        Some(self.calls.alarm().map_or(session, |alarm| alarm.min(session)))
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<&Ended> {
        self.session.ended()
    }

    /// Whether the cluster has ever answered.
    pub fn has_subscribed(&self) -> bool {
        self.session.has_subscribed()
    }

    /// The framework's id, once it has one.
    pub fn framework(&self) -> Option<FrameworkId> {
        self.session.framework()
    }
}
