//! Refusals as gRPC statuses: they come back whole, and any other status means something too.

use crate::strategies::messages;
use proptest::{collection, prelude::*};
use prost::Message;
use proto::{
    convert::refusal::{from_status, to_status, write_refusal},
    model::{Reason, Refusal, limits},
    wire::v1,
};
use tonic::{Code, Status};

/// `google.rpc.Status`, declared once more: the test of the format does not use what it tests.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

const TYPE_URL: &str = "type.googleapis.com/bourse.v1.Refusal";

fn with_detail(code: Code, type_url: &str, value: Vec<u8>) -> Status {
    let detail = prost_types::Any { type_url: type_url.to_owned(), value };
    let other =
        prost_types::Any { type_url: "type.googleapis.com/other".to_owned(), value: vec![9] };
    let rich =
        RpcStatus { code: code.into(), message: "rich".to_owned(), details: vec![other, detail] };
    Status::with_details(code, "plain", rich.encode_to_vec().into())
}

proptest! {
    #[test]
    fn refusals_survive(refusal in messages::refusal()) {
        prop_assert_eq!(from_status(&to_status(&refusal)), refusal);
    }

    /// Headers are bounded by peers: whatever a refusal says, its status fits.
    #[test]
    fn statuses_fit_into_headers(
        field in messages::foreign_text(),
        message in messages::foreign_text(),
        leader in messages::foreign_text(),
    ) {
        let mut refusal = Refusal::new(Reason::NotLeader, message).at(field);
        refusal.leader_address = Some(leader);
        let mut headers = http_headers(&to_status(&refusal));
        headers.sort();
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value + 32).sum();
        prop_assert!(bytes < 16 * 1_024, "{bytes} bytes of headers");
    }

    #[test]
    fn foreign_texts_are_made_fit(message in messages::foreign_text()) {
        let refusal = from_status(&Status::new(Code::Internal, message));
        prop_assert!(refusal.message.len() <= limits::TEXT_BYTES_MAX);
        let harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
        prop_assert!(refusal.message.chars().all(harmless));
    }

    #[test]
    fn any_details_are_survived(
        code in 0..20_i32,
        bytes in collection::vec(any::<u8>(), 0..200),
    ) {
        let code = Code::from(code);
        let by_code = from_status(&Status::new(code, "plain")).reason;
        let outer = Status::with_details(code, "plain", bytes.clone().into());
        from_status(&outer);
        let inner = from_status(&with_detail(code, "type.googleapis.com/x", bytes));
        prop_assert_eq!(inner.reason, by_code);
    }
}

/// Names and lengths of the headers that a status becomes.
fn http_headers(status: &Status) -> Vec<(String, usize)> {
    let mut headers = tonic::codegen::http::HeaderMap::new();
    status.add_header(&mut headers).expect("a status is a valid header");
    headers.iter().map(|(name, value)| (name.to_string(), value.len())).collect()
}

#[test]
fn details_are_what_rich_error_tooling_reads() {
    let refusal = Refusal::invalid("tasks[0].name", "is odd");
    let status = to_status(&refusal);
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.message(), "tasks[0].name: is odd");
    let rich = RpcStatus::decode(status.details()).expect("google.rpc.Status");
    assert_eq!(rich.code, i32::from(Code::InvalidArgument));
    assert_eq!(rich.message, status.message());
    assert_eq!(rich.details.len(), 1);
    assert_eq!(rich.details[0].type_url, TYPE_URL);
    let detail = v1::Refusal::decode(rich.details[0].value.as_slice()).expect("a refusal");
    assert_eq!(detail, write_refusal(&refusal));
}

/// The table in the documentation of `convert::refusal`.
#[test]
fn codes_are_exactly_the_table() {
    let code_of = |reason| match reason {
        Reason::InvalidField => Code::InvalidArgument,
        Reason::LimitExceeded => Code::ResourceExhausted,
        Reason::NotLeader | Reason::NotReady | Reason::Overloaded => Code::Unavailable,
        Reason::OutcomeUnknown => Code::Unknown,
        Reason::Unauthenticated => Code::Unauthenticated,
        Reason::NotAuthorized => Code::PermissionDenied,
        Reason::FrameworkUnknown | Reason::TaskUnknown => Code::NotFound,
        Reason::SequenceUnknown | Reason::AgentUnknown => Code::NotFound,
        Reason::WindowUnknown | Reason::MemberUnknown => Code::NotFound,
        Reason::ReservationUnknown | Reason::GroupUnknown => Code::NotFound,
        Reason::VolumeUnknown => Code::NotFound,
        Reason::TaskExists | Reason::GroupExists | Reason::MemberExists => Code::AlreadyExists,
        Reason::VolumeExists => Code::AlreadyExists,
        Reason::ResourcesTaken | Reason::Conflict => Code::Aborted,
        Reason::SequenceExpired => Code::OutOfRange,
        Reason::QuotaExceeded | Reason::CapacityExceeded => Code::ResourceExhausted,
        _ => Code::FailedPrecondition,
    };
    for reason in messages::REASONS {
        let status = to_status(&Refusal::new(reason, "no"));
        assert_eq!(status.code(), code_of(reason), "{reason:?}");
    }
}

#[test]
fn foreign_statuses_have_a_meaning() {
    let table = [
        (Code::Ok, Reason::OutcomeUnknown),
        (Code::Cancelled, Reason::OutcomeUnknown),
        (Code::Unknown, Reason::OutcomeUnknown),
        (Code::InvalidArgument, Reason::InvalidField),
        (Code::DeadlineExceeded, Reason::OutcomeUnknown),
        (Code::NotFound, Reason::InvalidField),
        (Code::AlreadyExists, Reason::InvalidField),
        (Code::PermissionDenied, Reason::NotAuthorized),
        (Code::ResourceExhausted, Reason::LimitExceeded),
        (Code::FailedPrecondition, Reason::InvalidField),
        (Code::Aborted, Reason::OutcomeUnknown),
        (Code::OutOfRange, Reason::InvalidField),
        (Code::Unimplemented, Reason::InvalidField),
        (Code::Internal, Reason::OutcomeUnknown),
        (Code::Unavailable, Reason::NotReady),
        (Code::DataLoss, Reason::OutcomeUnknown),
        (Code::Unauthenticated, Reason::Unauthenticated),
    ];
    for (code, reason) in table {
        let expected = Refusal::new(reason, "text");
        assert_eq!(from_status(&Status::new(code, "text")), expected, "{code:?}");
    }
}

/// A newer server's reason: its code still says what kind of no it is.
#[test]
fn unknown_reasons_are_read_by_their_code() {
    let detail = v1::Refusal { reason: 999, message: "new".to_owned(), ..Default::default() };
    let status = with_detail(Code::Unavailable, TYPE_URL, detail.encode_to_vec());
    assert_eq!(from_status(&status), Refusal::new(Reason::NotReady, "new"));

    // A known one wins over the code, and comes after a detail of somebody else.
    let detail = write_refusal(&Refusal::new(Reason::NotLeader, "there"));
    let detail = v1::Refusal { leader_address: "not an address".to_owned(), ..detail };
    let status = with_detail(Code::Internal, TYPE_URL, detail.encode_to_vec());
    assert_eq!(from_status(&status), Refusal::new(Reason::NotLeader, "there"));
}
