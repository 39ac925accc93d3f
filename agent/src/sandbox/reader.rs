//! Who reads a sandbox, and whether it is theirs to read.
//!
//! | caller | may read |
//! |---|---|
//! | an operator | every sandbox |
//! | a framework | sandboxes whose owner is the id in its certificate |
//! | an agent, a master | none |
//! | anybody, where nobody has certificates | every sandbox |
//!
//! What a caller may not read is refused in the words for what is not there.

use super::tree::Sandbox;
use edge::identity::Caller;
use proto::model::{Reason, Refusal, principal::PrincipalKind};
use tonic::Extensions;

/// Who reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reader {
    /// Reads everything.
    Operator,
    /// Reads what the bearer of this id owns.
    Owner(String),
    /// Reads nothing.
    Nobody,
}

impl Reader {
    /// The caller whom the gate has let in.
    pub(super) fn of(extensions: &Extensions) -> Self {
        match extensions.get::<Caller>().expect("no service is reached around the gate") {
            // Without certificates there is nothing to tell an owner by.
            Caller::Anybody => Self::Operator,
            Caller::Known(principal) => match principal.kind {
                PrincipalKind::Operator => Self::Operator,
                PrincipalKind::Framework => Self::Owner(principal.id.clone()),
                // The table keeps them out already.
                PrincipalKind::Agent | PrincipalKind::Master => Self::Nobody,
            },
        }
    }

    pub(super) fn may_read(&self, sandbox: &Sandbox) -> bool {
        match self {
            Self::Operator => true,
            Self::Owner(id) => sandbox.owner().is_some_and(|owner| owner.as_str() == id),
            Self::Nobody => false,
        }
    }

    /// What is said of a sandbox that is not there, or not this reader's.
    pub(super) fn unknown(&self) -> Refusal {
        let message = match self {
            Self::Operator => "this agent has no sandbox of that task, or has removed it",
            Self::Owner(_) | Self::Nobody => {
                "this agent has no sandbox of that task that is yours, or has removed it"
            }
        };
        Refusal::new(Reason::TaskUnknown, message).at("task_id")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tree::SandboxTree, *};
    use agent_core::ContainerId;
    use proto::model::{FrameworkId, TaskKey};
    use std::sync::Arc;

    fn reader(caller: Option<&str>) -> Reader {
        let known = |who| Caller::Known(Arc::new(format!("spiffe://test/{who}").parse().unwrap()));
        let mut extensions = Extensions::new();
        extensions.insert(caller.map_or(Caller::Anybody, known));
        Reader::of(&extensions)
    }

    #[test]
    fn each_reads_what_the_table_says() {
        let place = tempfile::tempdir().unwrap();
        let tree = SandboxTree::new(place.path());
        let sandbox = |task: &str, owner: Option<&str>| {
            let key = TaskKey { framework: FrameworkId(1), task: task.parse().unwrap() };
            let owner = owner.map(|owner| owner.parse().unwrap());
            tree.create(&key, &ContainerId::new(task).unwrap(), owner.as_ref()).unwrap();
            tree.latest(&key).unwrap().unwrap()
        };
        let (owned, nobodys) = (sandbox("owned", Some("nightly")), sandbox("nobodys", None));
        for (caller, reads_owned, reads_nobodys) in [
            (Some("operator/ann"), true, true),
            (Some("operator/nightly"), true, true),
            (Some("framework/nightly"), true, false),
            (Some("framework/nightly2"), false, false),
            (Some("framework/night"), false, false),
            (Some("framework/NIGHTLY"), false, false),
            (Some("agent/nightly"), false, false),
            (Some("master/nightly"), false, false),
            (None, true, true),
        ] {
            let reader = reader(caller);
            assert_eq!(reader.may_read(&owned), reads_owned, "{caller:?}");
            assert_eq!(reader.may_read(&nobodys), reads_nobodys, "{caller:?}");
        }
    }
}
