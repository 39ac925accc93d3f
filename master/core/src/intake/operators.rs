//! What operators ask: reads wait for a read-index, kills are commands, watches are streams.

use super::{Turn, Waiter};
use crate::{
    input::{CallId, OperatorCall, StreamId},
    ledger::Command,
    outbox::Effect,
};
use proto::model::{Reason, Refusal, StatusReason, limits};

impl Turn<'_> {
    pub(crate) fn operator_call(&mut self, call: CallId, request: OperatorCall) {
        match request {
            OperatorCall::KillTask { key, grace_period } => {
                if let Err(refusal) = self.check_task(&key, "task_id") {
                    return self.reply(call, Err(refusal));
                }
                let reason = StatusReason::KilledByOperator;
                self.propose(Command::KillTask { key, grace_period, reason }, Waiter::Call(call));
            }
            read => {
                if self.leader.reads.len() >= limits::PROPOSALS_IN_FLIGHT_MAX {
                    let refusal = Refusal::new(Reason::Overloaded, "too many reads are waiting");
                    return self.reply(call, Err(refusal));
                }
                self.leader.reads.push(call, read);
            }
        }
    }

    pub(crate) fn operator_watch(&mut self, stream: StreamId, after: Option<u64>) {
        let refusal = if self.leader.sessions.watcher_count() >= limits::WATCHERS_MAX {
            let count = limits::WATCHERS_MAX + 1;
            Some(Refusal::limit("watchers", count, limits::WATCHERS_MAX))
        } else if after.is_some_and(|after| !self.history.reaches(after)) {
            let message = "events after this number are no longer held; list again, then watch";
            Some(Refusal::new(Reason::SequenceExpired, message).at("after_sequence"))
        } else {
            None
        };
        match refusal {
            Some(refusal) => {
                self.outbox.push(Effect::ToWatcher { stream, event: Err(refusal) });
                self.outbox.push(Effect::Close(stream));
            }
            None => self.start_watch(stream, after),
        }
    }
}
