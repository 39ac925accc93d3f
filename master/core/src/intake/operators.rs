//! What operators ask: reads wait for a read-index, everything else is a command.

use super::{Turn, Waiter};
use crate::{
    input::{CallId, OperatorCall},
    ledger::Command,
    reads::{Read, Viewer},
};
use proto::model::{FrameworkId, Principal, Reason, Refusal, Session, StatusReason, limits};

impl Turn<'_> {
    pub(crate) fn operator_call(
        &mut self,
        call: CallId,
        principal: &Principal,
        request: OperatorCall,
    ) {
        let viewer = match Viewer::admit(principal, &request) {
            Ok(viewer) => viewer,
            Err(refusal) => return self.reply(call, Err(refusal)),
        };
        match request {
            OperatorCall::KillTask { key, grace_period } => {
                self.kill_task(call, key, grace_period, StatusReason::KilledByOperator);
            }
            OperatorCall::KillGroup { key, grace_period } => {
                self.kill_group(call, &key, grace_period, StatusReason::KilledByOperator);
            }
            OperatorCall::DirectAgent { agent, directive } => {
                let command = Command::DirectAgent { agent, directive };
                self.propose(command, Waiter::Call(call));
            }
            OperatorCall::TeardownFramework(framework) => self.teardown(call, framework),
            OperatorCall::ScheduleMaintenance(plan) => {
                self.propose(Command::ScheduleWindow(plan), Waiter::Call(call));
            }
            OperatorCall::CancelMaintenance(window) => {
                self.propose(Command::CancelWindow(window), Waiter::Call(call));
            }
            OperatorCall::SetWeight { role, weight } => {
                self.propose(Command::SetWeight { role, weight }, Waiter::Call(call));
            }
            OperatorCall::SetQuota { role, quota, force } => {
                // The same check as when it is applied: a mistake need not go through the log.
                match self.ledger.check_quota(&role, &quota, force) {
                    Ok(()) => {
                        let command = Command::SetQuota { role, quota, force };
                        self.propose(command, Waiter::Call(call));
                    }
                    Err(refusal) => self.reply(call, Err(refusal)),
                }
            }
            OperatorCall::ConfigureRole { role, change } => {
                self.propose(Command::ConfigureRole { role, change }, Waiter::Call(call));
            }
            OperatorCall::Once { request, call: asked } => {
                self.change(call, &principal.id, *asked, Some(request));
            }
            OperatorCall::Reserve(_)
            | OperatorCall::Unreserve(_)
            | OperatorCall::MoveReservation { .. }
            | OperatorCall::CreateVolume(_)
            | OperatorCall::GrowVolume(_)
            | OperatorCall::ShrinkVolume(_)
            | OperatorCall::DestroyVolume(_) => self.change(call, &principal.id, request, None),
            OperatorCall::RemoveQuota(role) => {
                self.propose(Command::RemoveQuota { role }, Waiter::Call(call));
            }
            request => {
                if self.leader.reads.len() >= limits::PROPOSALS_IN_FLIGHT_MAX {
                    let refusal = Refusal::new(Reason::Overloaded, "too many reads are waiting");
                    return self.reply(call, Err(refusal));
                }
                self.leader.reads.push(Read { call, viewer, request });
            }
        }
    }

    /// Ends a framework as of its newest instance.
    fn teardown(&mut self, call: CallId, framework: FrameworkId) {
        let Some(row) = self.ledger.framework(framework) else {
            let message = format!("there is no {framework}");
            let refusal = Refusal::new(Reason::FrameworkUnknown, message).at("framework_id");
            return self.reply(call, Err(refusal));
        };
        let session = Session { framework, epoch: row.epoch };
        let command = Command::RemoveFramework { session, expired: false };
        self.propose(command, Waiter::Call(call));
    }
}
