//! The servers' codec: a body that is no message is refused like every other bad input.
//!
//! Clients keep the library's own. An answer that cannot be read is no refusal: the call may have
//! been done, and the library's status, `INTERNAL`, says no more than that.
//!
//! Such a refusal is made before any service of ours sees the call, so that none can count it. The
//! status carries it as its source, by which the gate in front of the services knows it.

use crate::{
    convert::{body::read_body, refusal::to_status},
    model::Refusal,
};
use prost::Message;
use std::{error::Error as _, marker::PhantomData, sync::Arc};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::ProstEncoder;

/// Reads requests, writes answers.
#[derive(Debug)]
pub struct RequestCodec<Answer, Request>(PhantomData<(Answer, Request)>);

/// Reads requests of one kind.
#[derive(Debug)]
pub struct RequestDecoder<Request>(PhantomData<Request>);

/// The status of a request that no service has seen.
pub fn unread(refusal: Refusal) -> Status {
    let mut status = to_status(&refusal);
    status.set_source(Arc::new(refusal));
    status
}

/// What [`unread`] was made of; none for statuses that services make.
pub fn unread_refusal(status: &Status) -> Option<&Refusal> {
    // On its way through a body it may be wrapped, in a status that says the same.
    let mut source = status.source();
    while let Some(error) = source {
        if let Some(refusal) = error.downcast_ref() {
            return Some(refusal);
        }
        source = error.source();
    }
    None
}

impl<Answer, Request> Default for RequestCodec<Answer, Request> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Answer, Request> Codec for RequestCodec<Answer, Request>
where
    Answer: Message + 'static,
    Request: Message + Default + 'static,
{
    type Encode = Answer;
    type Decode = Request;
    type Encoder = ProstEncoder<Answer>;
    type Decoder = RequestDecoder<Request>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        RequestDecoder(PhantomData)
    }
}

impl<Request: Message + Default> Decoder for RequestDecoder<Request> {
    type Item = Request;
    type Error = Status;

    fn decode(&mut self, body: &mut DecodeBuf<'_>) -> Result<Option<Request>, Status> {
        read_body(body).map(Some).map_err(unread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{convert::refusal::from_status, model::Reason};
    use tonic::Code;

    #[derive(Debug, thiserror::Error)]
    #[error("wrapped")]
    struct Wrapped(#[source] Status);

    #[test]
    fn what_nobody_has_read_is_told_from_what_a_service_refused() {
        let refusal = Refusal::invalid("body", "is odd");
        let status = unread(refusal.clone());
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(from_status(&status), refusal);
        assert_eq!(unread_refusal(&status), Some(&refusal));
        assert_eq!(unread_refusal(&to_status(&refusal)), None);
        let wrapped = Status::from_error(Box::new(Wrapped(status)));
        assert_eq!(from_status(&wrapped), refusal);
        assert_eq!(unread_refusal(&wrapped), Some(&refusal));
        let limit = unread(Refusal::new(Reason::LimitExceeded, "is long"));
        assert_eq!(limit.code(), Code::ResourceExhausted);
    }
}
