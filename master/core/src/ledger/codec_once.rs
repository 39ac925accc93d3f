//! What operators ask under a request id, and what they were answered, to wire and back.

use super::{
    Asked, Command, OperatorChange,
    apply_once::OperatorAnswer,
    codec_commands::{read_command, read_id, required, write_command},
};
use proto::convert::operation::{read_operation_result, write_operation_result};
use proto::model::{OperationResult, Refusal};
use proto::wire::log::v1::{
    command::{self as wire, Command as Kind},
    record,
};

pub(super) fn write_once(asked: &Asked, change: &OperatorChange) -> Kind {
    let command = write_command(&change.clone().into_command());
    Kind::ChangeOnce(Box::new(wire::ChangeOnce {
        owner: asked.owner.clone(),
        request_id: asked.request.to_string(),
        call_digest: asked.digest,
        change: Some(Box::new(command)),
    }))
}

pub(super) fn read_once(once: wire::ChangeOnce) -> Result<Command, Refusal> {
    let kind = required("change", once.change)?.command;
    let change = match required("change", kind)? {
        // Looked at before it is read: one inside the other has no end.
        Kind::ChangeOnce(_) => return Err(not_asked()),
        kind => read_command(kind).map_err(|refusal| refusal.under("change"))?,
    };
    let asked = read_asked(once.owner, &once.request_id, once.call_digest)?;
    match change {
        Command::ChangeReservations(change) => {
            Ok(Command::ChangeOnce { asked, change: OperatorChange::Reservations(change) })
        }
        Command::ChangeVolumes(change) => {
            Ok(Command::ChangeOnce { asked, change: OperatorChange::Volumes(change) })
        }
        _ => Err(not_asked()),
    }
}

pub(super) fn write_answer(answer: &OperatorAnswer) -> record::OperatorAnswer {
    record::OperatorAnswer {
        owner: answer.asked.owner.clone(),
        request_id: answer.asked.request.to_string(),
        call_digest: answer.asked.digest,
        result: Some(write_operation_result(&answer.result)),
    }
}

pub(super) fn read_answer(answer: record::OperatorAnswer) -> Result<OperatorAnswer, Refusal> {
    let result = read_operation_result(required("result", answer.result)?);
    let result = result.map_err(|refusal| refusal.under("result"))?;
    match result {
        OperationResult::Reserved(_)
        | OperationResult::VolumeCreating(_)
        | OperationResult::Done => {}
        OperationResult::Launched { .. }
        | OperationResult::Resizing
        | OperationResult::Refused(_) => {
            return Err(Refusal::invalid("result", "is no answer to an operator"));
        }
    }
    let asked = read_asked(answer.owner, &answer.request_id, answer.call_digest)?;
    Ok(OperatorAnswer { asked, result })
}

fn read_asked(owner: String, request: &str, digest: u64) -> Result<Asked, Refusal> {
    Ok(Asked { owner, request: read_id("request_id", request)?, digest })
}

fn not_asked() -> Refusal {
    Refusal::invalid("change", "is not asked under a request id")
}
