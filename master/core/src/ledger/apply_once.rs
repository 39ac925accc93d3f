//! What an operator asks under a request id is done once: whoever repeats it, under this leader or
//! the next, gets the answer of the first time.
//!
//! The last answers are remembered, of all operators together. An id belongs to one call of one
//! operator; a digest of the call tells a repetition from another call under the same id, which is
//! a mistake and refused. Calls of which nothing was done are not remembered: a repetition of these
//! is judged anew, as that of an accept is.

use super::{
    Applied, Command, Event, Ledger, ReservationChange, Stamp, VolumeChange,
    codec_commands::write_command,
};
use prost::Message as _;
use proto::model::{OperationResult, Refusal, RequestId, limits};
use std::{collections::VecDeque, sync::Arc};
use xxhash_rust::xxh3::xxh3_64;

/// A change that operators may ask for under a request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorChange {
    /// Of reservations.
    Reservations(ReservationChange),
    /// Of volumes.
    Volumes(VolumeChange),
}

/// Under which id who asked for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The operator: the id in the certificate.
    pub owner: String,
    /// Chosen by the operator.
    pub request: RequestId,
    /// Of the call, as the leader has worked it out: no replica does it again, and perhaps
    /// otherwise.
    pub digest: u64,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OperatorAnswer {
    pub(super) asked: Asked,
    /// Done, or the id of what was made.
    pub(super) result: OperationResult,
}

/// The last answers, the oldest in front.
pub(super) type OperatorAnswers = VecDeque<Arc<OperatorAnswer>>;

impl OperatorChange {
    /// The command of who gives no request id.
    pub fn into_command(self) -> Command {
        match self {
            Self::Reservations(change) => Command::ChangeReservations(change),
            Self::Volumes(change) => Command::ChangeVolumes(change),
        }
    }

    /// The command of who does.
    pub fn once(self, owner: &str, request: RequestId) -> Command {
        let bytes = write_command(&self.clone().into_command()).encode_to_vec();
        let asked = Asked { owner: owner.to_owned(), request, digest: xxh3_64(&bytes) };
        Command::ChangeOnce { asked, change: self }
    }
}

impl Ledger {
    /// What was answered to this call before, while that is remembered.
    ///
    /// # Errors
    /// When the id was used for another call.
    pub fn answer_to_operator(&self, asked: &Asked) -> Result<Option<&OperationResult>, Refusal> {
        let is_of = |answer: &&Arc<OperatorAnswer>| {
            (&answer.asked.request, &answer.asked.owner) == (&asked.request, &asked.owner)
        };
        match self.operator_answers.iter().rev().find(is_of) {
            Some(before) if before.asked.digest != asked.digest => {
                let problem = "was given to another call before; each call needs one of its own";
                Err(Refusal::invalid("request_id", problem))
            }
            before => Ok(before.map(|answer| &answer.result)),
        }
    }

    /// An operator says something, perhaps not for the first time.
    pub(super) fn change_once(
        &mut self,
        now: Stamp,
        asked: &Asked,
        change: &OperatorChange,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        if let Some(result) = self.answer_to_operator(asked)? {
            return Ok(Applied::AnsweredBefore(vec![result.clone()]));
        }
        let applied = match change {
            OperatorChange::Reservations(change) => self.change_reservations(now, change, events),
            OperatorChange::Volumes(change) => self.change_volumes(now, change, events),
        }?;
        let result = match &applied {
            Applied::Reserved(reservation) => OperationResult::Reserved(*reservation),
            Applied::VolumeCreating(volume) => OperationResult::VolumeCreating(*volume),
            Applied::Done => OperationResult::Done,
            other => unreachable!("{other:?} is not of reservations or volumes"),
        };
        while self.operator_answers.len() >= limits::OPERATOR_ANSWERS_MAX {
            self.operator_answers.pop_front();
        }
        let answer = OperatorAnswer { asked: asked.clone(), result };
        self.operator_answers.push_back(Arc::new(answer));
        Ok(applied)
    }

    /// Takes the next answer of a dump; whether it may stand there.
    pub(super) fn restore_answer(&mut self, answer: OperatorAnswer) -> bool {
        let is_first = matches!(self.answer_to_operator(&answer.asked), Ok(None));
        self.operator_answers.push_back(Arc::new(answer));
        is_first && self.operator_answers.len() <= limits::OPERATOR_ANSWERS_MAX
    }
}
