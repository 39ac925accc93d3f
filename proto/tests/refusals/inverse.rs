//! Inverse offers, and the answers to them.

use super::{accept, check, texts};
use proto::{
    convert::calls::{read_answer_inverse_offers, read_event},
    model::Reason::{InvalidField as Invalid, LimitExceeded as Limit},
    wire::v1::{
        self, AcceptInverse, DeclineInverse, answer_inverse_offers_request::Answer, event::Event,
        event::agent_notice::Notice,
    },
};

fn decline(message: &str) -> Option<Answer> {
    Some(Answer::Decline(DeclineInverse { message: message.to_owned() }))
}

#[test]
fn answers() {
    let session = v1::FrameworkSession { framework_id: "framework-1".to_owned(), epoch: 1 };
    let good = v1::AnswerInverseOffersRequest {
        session: Some(session),
        inverse_offer_ids: vec!["inverse-3-1".to_owned()],
        answer: decline("its disks are here"),
    };
    check(
        &good,
        read_answer_inverse_offers,
        &[
            (|a| a.session = None, "session", Invalid),
            (|a| a.inverse_offer_ids.clear(), "inverse_offer_ids", Invalid),
            (|a| a.inverse_offer_ids[0].push('x'), "inverse_offer_ids[0]", Invalid),
            (
                |a| a.inverse_offer_ids = vec!["offer-3-1".to_owned()],
                "inverse_offer_ids[0]",
                Invalid,
            ),
            (
                |a| a.inverse_offer_ids.push("inverse-3-1".to_owned()),
                "inverse_offer_ids[1]",
                Invalid,
            ),
            (
                |a| a.inverse_offer_ids = texts(1_001, |n| format!("inverse-3-{n}")),
                "inverse_offer_ids",
                Limit,
            ),
            (|a| a.answer = None, "answer", Invalid),
            (|a| a.answer = decline("two\nlines"), "decline.message", Invalid),
            (|a| a.answer = decline(&"x".repeat(5_000)), "decline.message", Limit),
        ],
    );
    accept(
        &good,
        read_answer_inverse_offers,
        &[|a| a.answer = Some(Answer::Accept(AcceptInverse {})), |a| a.answer = decline("")],
    );
}

/// As a framework reads it.
#[test]
fn notices_with_inverse_offers() {
    let offer = v1::InverseOffer {
        inverse_offer_id: "inverse-3-1".to_owned(),
        agent_id: "a".to_owned(),
        task_ids: vec!["t".to_owned()],
        window_id: "window-4".to_owned(),
        comment: "new disks".to_owned(),
        ..v1::InverseOffer::default()
    };
    let good = v1::event::AgentNotice {
        agent_ids: vec!["a".to_owned()],
        notice: Some(Notice::Available(v1::event::Available {})),
        inverse_offers: vec![offer],
        rescinded_inverse_offer_ids: vec!["inverse-3-2".to_owned()],
    };
    let read = |it| read_event(v1::Event { event: Some(Event::AgentNotice(it)) });
    check(
        &good,
        read,
        &[
            (
                |n| n.inverse_offers[0].inverse_offer_id.clear(),
                "agent_notice.inverse_offers[0].inverse_offer_id",
                Invalid,
            ),
            (
                |n| n.inverse_offers[0].agent_id.clear(),
                "agent_notice.inverse_offers[0].agent_id",
                Invalid,
            ),
            (
                |n| n.inverse_offers[0].task_ids.push("a b".to_owned()),
                "agent_notice.inverse_offers[0].task_ids[1]",
                Invalid,
            ),
            (
                |n| n.inverse_offers[0].window_id.push('x'),
                "agent_notice.inverse_offers[0].window_id",
                Invalid,
            ),
            (
                |n| n.inverse_offers[0].comment.push('\n'),
                "agent_notice.inverse_offers[0].comment",
                Invalid,
            ),
            (
                |n| n.rescinded_inverse_offer_ids[0].push('x'),
                "agent_notice.rescinded_inverse_offer_ids[0]",
                Invalid,
            ),
        ],
    );
    accept(&good, read, &[|n| n.inverse_offers[0].window_id.clear(), |n| n.inverse_offers.clear()]);
}
