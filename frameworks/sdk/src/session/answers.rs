//! What calls were answered with, and what a failure says about the connection.

use super::requests::Outcome;
use super::{Answer, ClientSession, ConnectionId, Effect, Ended, Failure, Purpose, SendId};
use crate::model::{Instant, Reason};
use crate::scheduler::Event;

/// What becomes of a call of the session's own.
enum OwnOutcome {
    Done,
    /// It would be refused again.
    Refused,
    /// To be sent again after a pause.
    Again,
}

impl ClientSession {
    pub(super) fn answered(
        &mut self,
        now: Instant,
        send: SendId,
        answer: Result<Answer, Failure>,
        effects: &mut Vec<Effect>,
    ) {
        let Some((connection, purpose)) = self.sends.remove(&send) else { return };
        if answer != Err(Failure::Broken) {
            self.link.answered(now);
        }
        match purpose {
            Purpose::Call(id) => {
                // From now on it subscribes as what the cluster knows it to be.
                if let (Ok(_), Some(info)) = (&answer, self.requests.description(id)) {
                    self.settings.info = info.clone();
                    // With other roles it begins anew, also with what it wants.
                    self.restate();
                }
                let pace = (self.settings.backoff, &mut self.jitter);
                let outcome = self.requests.answered(now, (id, send), answer, pace);
                self.act(now, connection, outcome, effects);
            }
            Purpose::Acknowledge(batch) => {
                self.acknowledging -= 1;
                match self.own_answer(now, connection, answer, effects) {
                    OwnOutcome::Done => {}
                    OwnOutcome::Refused => self.updates.refused(batch),
                    OwnOutcome::Again => self.updates.put_back(batch),
                }
            }
            Purpose::Check(tasks) => match self.own_answer(now, connection, answer, effects) {
                OwnOutcome::Done | OwnOutcome::Refused => {}
                OwnOutcome::Again => self.checks.push_back(tasks),
            },
            Purpose::Restate(role) => {
                self.restating -= 1;
                if let OwnOutcome::Again = self.own_answer(now, connection, answer, effects)
                    && !self.requests.is_stating(&role)
                {
                    self.restates.insert(role);
                }
            }
        }
    }

    /// What an answer to the scheduler's call says about other things.
    pub(super) fn note_answer(&mut self, event: &Event) {
        match event {
            Event::Accepted { call, tasks, .. } => {
                self.updates.launched(tasks);
                self.stated.answered(*call, tasks);
            }
            Event::Refused { call, .. } => self.stated.answered(*call, &[]),
            _ => {}
        }
    }

    /// The answer to a call that the session made by itself.
    fn own_answer(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        answer: Result<Answer, Failure>,
        effects: &mut Vec<Effect>,
    ) -> OwnOutcome {
        let refusal = match answer {
            Ok(_) => {
                self.own_attempts = 0;
                return OwnOutcome::Done;
            }
            Err(Failure::Refused(refusal)) => Some(refusal),
            Err(Failure::Broken) => None,
        };
        let reason = refusal.as_ref().map_or(Reason::OutcomeUnknown, |refusal| refusal.reason);
        match (reason, refusal) {
            (Reason::NotReady | Reason::Overloaded | Reason::OutcomeUnknown, refusal) => {
                let asked = refusal.and_then(|refusal| refusal.retry_after).unwrap_or_default();
                let pause = self.jitter.pause(self.settings.backoff, self.own_attempts);
                self.own_attempts = self.own_attempts.saturating_add(1);
                self.own_pause = Some(now + pause.max(asked));
                OwnOutcome::Again
            }
            (reason, Some(refusal)) if is_about_link(reason) => {
                // Dropped, not put back: a new connection brings up again what is needed.
                self.stale(now, connection, Failure::Refused(refusal), effects);
                OwnOutcome::Done
            }
            _ => OwnOutcome::Refused,
        }
    }

    fn act(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        outcome: Option<Outcome>,
        effects: &mut Vec<Effect>,
    ) {
        match outcome {
            None | Some(Outcome::Retry) => {}
            Some(Outcome::Answered(event)) => {
                self.note_answer(&event);
                self.events.push_back(event);
            }
            Some(Outcome::TornDown) => self.end(Ended::TornDown, effects),
            Some(Outcome::Probe(task)) => self.checks.push_back(vec![task]),
            Some(Outcome::LinkStale(refusal)) => {
                self.stale(now, connection, Failure::Refused(refusal), effects);
            }
        }
    }

    /// A call failed in a way that says something about its connection.
    fn stale(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        failure: Failure,
        effects: &mut Vec<Effect>,
    ) {
        if self.link.connection() == Some(connection) {
            self.lost(now, connection, failure, effects);
        }
    }

    pub(super) fn lost(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        failure: Failure,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Disconnect(connection));
        let was_up = self.link.up().is_some();
        if let Err(refusal) = self.link.lost(now, failure, &mut self.jitter) {
            let is_gone =
                matches!(refusal.reason, Reason::FrameworkRemoved | Reason::FrameworkUnknown);
            let ended = match is_gone && self.requests.teardown() {
                true => Ended::TornDown,
                false => Ended::Refused(refusal),
            };
            self.ended = Some(ended);
            return;
        }
        if was_up {
            self.forget_connection();
        }
    }

    pub(super) fn forget_connection(&mut self) {
        // What is still on the way is answered to nobody: every call is sent again.
        let sends = std::mem::take(&mut self.sends).into_values();
        let unanswered = sends.filter_map(|(_, purpose)| match purpose {
            Purpose::Acknowledge(batch) => Some(batch),
            Purpose::Call(_) | Purpose::Check(_) | Purpose::Restate(_) => None,
        });
        self.updates.disconnected(unanswered.collect());
        self.checks.clear();
        self.restates.clear();
        self.stated.disconnected();
        (self.acknowledging, self.restating) = (0, 0);
        let answered = self.requests.disconnected();
        if self.has_subscribed {
            self.events.push_back(Event::Disconnected);
        }
        self.events.extend(answered);
    }

    pub(super) fn end(&mut self, ended: Ended, effects: &mut Vec<Effect>) {
        if let Some(connection) = self.link.connection() {
            effects.push(Effect::Disconnect(connection));
        }
        self.ended = Some(ended);
    }
}

/// Whether a refusal is about the subscription rather than about the call.
pub(super) fn is_about_link(reason: Reason) -> bool {
    matches!(reason, Reason::NotLeader | Reason::NotSubscribed | Reason::FrameworkFenced)
}
