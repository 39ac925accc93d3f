//! What frameworks say of what they do not take.

use super::{accept, check, texts};
use proto::{
    convert::calls::*,
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit},
    wire::v1::{self, DeclineReason},
};

fn filters(decline: &mut v1::DeclineRequest) -> &mut v1::Filters {
    decline.filters.as_mut().expect("it has some")
}

#[test]
fn reasons_of_declines() {
    let good = v1::DeclineRequest {
        session: Some(v1::FrameworkSession { framework_id: "framework-1".to_owned(), epoch: 1 }),
        offer_ids: vec!["offer-1-1".to_owned()],
        filters: Some(v1::Filters {
            refuse_ms: Some(1),
            reason: DeclineReason::DeclineNotEnough.into(),
            lacking: vec!["mem".to_owned(), "licences".to_owned()],
            message: "x".repeat(256),
        }),
    };
    check(
        &good,
        read_decline,
        &[
            (|d| filters(d).reason = 8, "filters.reason", Invalid),
            (
                |d| filters(d).set_reason(DeclineReason::DeclineNotAnswered),
                "filters.reason",
                Invalid,
            ),
            (
                |d| filters(d).set_reason(DeclineReason::DeclineQuotaExceeded),
                "filters.reason",
                Invalid,
            ),
            (|d| filters(d).set_reason(DeclineReason::DeclineBusy), "filters.lacking", Invalid),
            (|d| filters(d).lacking[1] = "two words".to_owned(), "filters.lacking[1]", Invalid),
            (|d| filters(d).lacking = texts(17, |n| format!("r{n}")), "filters.lacking", Limit),
            (|d| filters(d).message.push('x'), "filters.message", Limit),
            (|d| filters(d).message = "two\nlines".to_owned(), "filters.message", Invalid),
        ],
    );
    accept(
        &good,
        read_decline,
        &[
            |d| filters(d).lacking.clear(),
            |d| d.filters = None,
            |d| *filters(d) = v1::Filters::default(),
        ],
    );
}
