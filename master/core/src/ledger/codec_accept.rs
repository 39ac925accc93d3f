//! Accepts to wire and back. One launch, all or none, is written as before there were operations.

use super::{
    Command, Proposed,
    codec_commands::{read_each, read_id, read_optional_id, read_session, required},
};
use proto::convert::{
    operation::{read_operation, write_operation},
    refusal::{read_refusal, write_refusal},
    task::{read_task_info, write_task_info},
};
use proto::model::{Operation, Refusal, RequestId, Role, Session};
use proto::wire::log::v1::command::{
    self as wire, Command as Kind, proposed_operation::Proposed as ProposedKind,
};

pub(super) fn write_accept(
    (session, role): (Session, &Role),
    request: Option<&RequestId>,
    operations: &[Proposed],
    (partial, revocable): (bool, bool),
) -> Kind {
    let (tasks, operations) = match operations {
        [Ok(Operation::Launch { tasks })] if !partial => (tasks.as_slice(), &[][..]),
        operations => (&[][..], operations),
    };
    Kind::Accept(wire::Accept {
        framework_id: session.framework.to_string(),
        epoch: session.epoch,
        role: role.to_string(),
        request_id: request.map(RequestId::to_string).unwrap_or_default(),
        tasks: tasks.iter().map(write_task_info).collect(),
        operations: operations.iter().map(write_proposed).collect(),
        partial,
        revocable,
    })
}

pub(super) fn read_accept(accept: wire::Accept) -> Result<Command, Refusal> {
    let operations = match accept.operations.is_empty() {
        // The short form is all or none.
        true if accept.partial => return Err(Refusal::invalid("operations", "is empty")),
        true => {
            let tasks = read_each("tasks", accept.tasks, read_task_info)?;
            vec![Ok(Operation::Launch { tasks })]
        }
        false => read_each("operations", accept.operations, read_proposed)?,
    };
    Ok(Command::Accept {
        session: read_session(&accept.framework_id, accept.epoch)?,
        role: read_id("role", &accept.role)?,
        request: read_optional_id("request_id", &accept.request_id)?,
        operations,
        partial: accept.partial,
        revocable: accept.revocable,
    })
}

fn write_proposed(proposed: &Proposed) -> wire::ProposedOperation {
    let kind = match proposed {
        Ok(operation) => ProposedKind::Operation(write_operation(operation)),
        Err(refusal) => ProposedKind::Refused(write_refusal(refusal)),
    };
    wire::ProposedOperation { proposed: Some(kind) }
}

fn read_proposed(proposed: wire::ProposedOperation) -> Result<Proposed, Refusal> {
    Ok(match required("proposed", proposed.proposed)? {
        ProposedKind::Operation(operation) => Ok(read_operation(operation)?),
        ProposedKind::Refused(refusal) => Err(read_refusal(refusal)),
    })
}
