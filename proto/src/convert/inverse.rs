//! Inverse offers and the answers to them.

use super::{
    form::{self, Read},
    text,
};
use crate::model::{
    Duration, InverseAnswer, InverseOffer, InverseOfferId, Refusal, SchedulerCall, Session, TaskId,
    limits,
};
use crate::wire::v1::{self, answer_inverse_offers_request::Answer};

/// Reads what is asked of a framework.
pub(super) fn read_inverse_offer(offer: v1::InverseOffer) -> Read<InverseOffer> {
    Ok(InverseOffer {
        id: form::id("inverse_offer_id", &offer.inverse_offer_id)?,
        agent: form::id("agent_id", &offer.agent_id)?,
        tasks: form::ids::<TaskId>("task_ids", offer.task_ids, usize::MAX)?,
        begins_in: Duration(offer.begins_in_ms),
        deadline: Duration(offer.deadline_ms),
        ends_tasks: offer.ends_tasks,
        window: form::optional_id("window_id", &offer.window_id)?,
        comment: text::read_line("comment", offer.comment)?,
        agent_goes: offer.agent_goes,
    })
}

/// Writes what is asked of a framework.
pub(super) fn write_inverse_offer(offer: &InverseOffer) -> v1::InverseOffer {
    v1::InverseOffer {
        inverse_offer_id: offer.id.to_string(),
        agent_id: offer.agent.to_string(),
        task_ids: offer.tasks.iter().map(ToString::to_string).collect(),
        begins_in_ms: offer.begins_in.as_ms(),
        deadline_ms: offer.deadline.as_ms(),
        ends_tasks: offer.ends_tasks,
        window_id: offer.window.map(|window| window.to_string()).unwrap_or_default(),
        comment: offer.comment.clone(),
        agent_goes: offer.agent_goes,
    }
}

/// Reads an answer.
pub fn read_answer_inverse_offers(
    request: v1::AnswerInverseOffersRequest,
) -> Result<(Session, SchedulerCall), Refusal> {
    let session = super::calls::read_session(request.session)?;
    let (field, limit) = ("inverse_offer_ids", limits::OFFERS_PER_CALL_MAX);
    let texts = form::some(field, request.inverse_offer_ids)?;
    let offers = form::distinct_ids(field, texts, limit)?;
    let answer = match form::required("answer", request.answer)? {
        Answer::Accept(v1::AcceptInverse {}) => InverseAnswer::Accept,
        Answer::Decline(v1::DeclineInverse { message }) => {
            InverseAnswer::Decline { message: text::read_line("decline.message", message)? }
        }
    };
    Ok((session, SchedulerCall::AnswerInverse { offers, answer }))
}

/// Writes an answer.
pub(super) fn write_answer_inverse_offers(
    session: Option<v1::FrameworkSession>,
    offers: &[InverseOfferId],
    answer: InverseAnswer,
) -> v1::AnswerInverseOffersRequest {
    let answer = match answer {
        InverseAnswer::Accept => Answer::Accept(v1::AcceptInverse {}),
        InverseAnswer::Decline { message } => Answer::Decline(v1::DeclineInverse { message }),
    };
    let inverse_offer_ids = offers.iter().map(ToString::to_string).collect();
    v1::AnswerInverseOffersRequest { session, inverse_offer_ids, answer: Some(answer) }
}
