//! A refusal as a gRPC status and back; the table is in [`super::refusal`].
//!
//! Both travel in HTTP/2 headers, which peers bound (16 KiB is usual), so that texts are cut to
//! fit.

use super::{
    form::is_address,
    refusal::{read_refusal_reason, with_reason, write_refusal},
    text,
};
use crate::model::{Reason, Refusal, limits};
use crate::wire::v1;
use prost::Message;
use tonic::{Code, Status};

/// Names the detail among those of other services.
const TYPE_URL: &str = "type.googleapis.com/bourse.v1.Refusal";

/// `google.rpc.Status`, which rich error tooling looks for in the details.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// A refusal as a status, with the whole of it in the details.
pub fn to_status(refusal: &Refusal) -> Status {
    let code = code_of(refusal.reason);
    let refusal = fitted(refusal.clone());
    let message = text::fit(&refusal.to_string());
    let detail = prost_types::Any {
        type_url: TYPE_URL.to_owned(),
        value: write_refusal(&refusal).encode_to_vec(),
    };
    let rich = RpcStatus { code: code.into(), message: message.clone(), details: vec![detail] };
    Status::with_details(code, message, rich.encode_to_vec().into())
}

/// What a status means; any status, of whoever made it.
///
/// Without readable details, or with a reason that this version does not know, the code decides:
/// `UNAVAILABLE` is [`Reason::NotReady`]; `RESOURCE_EXHAUSTED`, `UNAUTHENTICATED` and
/// `PERMISSION_DENIED` mean what they do above; codes by which the same call will not do better are
/// [`Reason::InvalidField`]; after all others it may have happened, [`Reason::OutcomeUnknown`].
/// Texts are made fit for a terminal, and a leader's address that is none is dropped.
pub fn from_status(status: &Status) -> Refusal {
    let by_code = reason_of(status.code());
    let refusal = match read_detail(status.details()) {
        Some(detail) => {
            let reason = read_refusal_reason(detail.reason).unwrap_or(by_code);
            with_reason(detail, reason)
        }
        None => Refusal::new(by_code, status.message()),
    };
    fitted(refusal)
}

fn read_detail(details: &[u8]) -> Option<v1::Refusal> {
    let rich = RpcStatus::decode(details).ok()?;
    let detail = rich.details.into_iter().find(|detail| detail.type_url == TYPE_URL)?;
    v1::Refusal::decode(detail.value.as_slice()).ok()
}

fn fitted(refusal: Refusal) -> Refusal {
    let address_fits =
        |address: &String| address.len() <= limits::ADDRESS_BYTES_MAX && is_address(address);
    Refusal {
        reason: refusal.reason,
        field: text::fit(&refusal.field),
        message: text::fit(&refusal.message),
        leader_address: refusal.leader_address.filter(address_fits),
        retry_after: refusal.retry_after,
    }
}

fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::InvalidField => Code::InvalidArgument,
        Reason::LimitExceeded | Reason::QuotaExceeded | Reason::CapacityExceeded => {
            Code::ResourceExhausted
        }
        Reason::NotLeader | Reason::NotReady | Reason::Overloaded => Code::Unavailable,
        Reason::OutcomeUnknown => Code::Unknown,
        Reason::Unauthenticated => Code::Unauthenticated,
        Reason::NotAuthorized => Code::PermissionDenied,
        Reason::FrameworkUnknown
        | Reason::TaskUnknown
        | Reason::SequenceUnknown
        | Reason::AgentUnknown
        | Reason::MemberUnknown
        | Reason::GroupUnknown
        | Reason::WindowUnknown
        | Reason::ReservationUnknown
        | Reason::VolumeUnknown => Code::NotFound,
        Reason::TaskExists | Reason::GroupExists | Reason::MemberExists | Reason::VolumeExists => {
            Code::AlreadyExists
        }
        Reason::ResourcesTaken | Reason::Conflict => Code::Aborted,
        Reason::SequenceExpired => Code::OutOfRange,
        Reason::FrameworkRemoved
        | Reason::FrameworkFenced
        | Reason::NotSubscribed
        | Reason::OfferInvalid
        | Reason::ResourcesNotOffered
        | Reason::AgentUnreachable
        | Reason::AgentRemoved
        | Reason::AgentDeactivated
        | Reason::AgentFenced
        | Reason::TransitionIllegal
        | Reason::ClusterMismatch
        | Reason::MemberRemoved
        | Reason::MembershipChanging
        | Reason::MembershipUnsafe
        | Reason::VersionTooLow
        | Reason::ResizeUnderWay
        | Reason::TaskNotRunning
        | Reason::ReservationInUse
        | Reason::VolumeInUse
        | Reason::VolumeDestroying
        | Reason::VolumeChanging
        | Reason::VolumeBroken => Code::FailedPrecondition,
    }
}

/// A status that no master made: a library's, a proxy's, the transport's.
fn reason_of(code: Code) -> Reason {
    match code {
        // Nobody was there, or nobody had time.
        Code::Unavailable => Reason::NotReady,
        Code::ResourceExhausted => Reason::LimitExceeded,
        Code::Unauthenticated => Reason::Unauthenticated,
        Code::PermissionDenied => Reason::NotAuthorized,
        // The same call will not do better. `OUT_OF_RANGE` is also tonic's for too large a message.
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented => Reason::InvalidField,
        // It may have been done before it broke; "ok" is no answer to come with an error.
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::Internal
        | Code::DataLoss => Reason::OutcomeUnknown,
    }
}
