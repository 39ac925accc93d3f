//! Who reads, and what they are shown: operators everything, a framework's owner what is its own.
//!
//! What belongs to others is as unknown to a framework as what never was, so that no answer tells
//! the two apart. The table of calls in front of the services lets frameworks make these calls
//! only; here it is said again, next to what the answers show.

use crate::{Ledger, input::OperatorCall};
use proto::{
    model::{FrameworkId, Principal, Reason, Refusal, principal::PrincipalKind},
    wire::v1,
};

/// Who reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Sees everything.
    Operator,
    /// Sees the tasks of the frameworks that this principal owns.
    Owner(String),
}

impl Viewer {
    /// Who makes this call, if they may.
    pub(crate) fn admit(principal: &Principal, request: &OperatorCall) -> Result<Self, Refusal> {
        use OperatorCall::{GetAgent, GetTask, ListGroups, ListTasks, ListVolumes, Why};
        match (principal.kind, request) {
            (PrincipalKind::Operator, _) => Ok(Self::Operator),
            // One that joins asks who is there.
            (PrincipalKind::Master, OperatorCall::GetCluster) => Ok(Self::Operator),
            (
                PrincipalKind::Framework,
                GetAgent(_)
                | GetTask { .. }
                | ListTasks { .. }
                | ListGroups { .. }
                | ListVolumes { .. }
                | Why(_),
            ) => Ok(Self::Owner(principal.id.clone())),
            (kind, _) => {
                let message = format!("a certificate for {} may not ask this", kind.as_str());
                Err(Refusal::new(Reason::NotAuthorized, message))
            }
        }
    }

    /// Whether everything is shown.
    pub(super) fn sees_all(&self) -> bool {
        *self == Self::Operator
    }

    /// A task as it is shown: to whom it gives way is not its framework's business.
    pub(super) fn shown(&self, task: v1::TaskSummary) -> v1::TaskSummary {
        let mut task = task;
        if let Some(preemption) = task.preemption.as_mut().filter(|_| !self.sees_all()) {
            preemption.for_framework_id.clear();
            preemption.for_demand_id.clear();
        }
        task
    }

    /// Whether this framework's rows are shown.
    pub(super) fn sees(&self, ledger: &Ledger, framework: FrameworkId) -> bool {
        match self {
            Self::Operator => true,
            Self::Owner(owner) => {
                ledger.framework(framework).is_some_and(|row| row.principal == *owner)
            }
        }
    }
}
