//! A request's body, checked while it comes: is it made of messages that its call takes?
//!
//! ```text
//!  flag ─ length, 4 bytes ─ message │ flag ─ length ─ message │ …
//! ```
//!
//! Only what announces a message is looked at, so that one which is too large is refused before a
//! byte of it is kept. The library behind this has the same checks, and answers in its own words;
//! these come first and answer in ours. What is in a message is not looked at here.

use http_body::Frame;
use proto::{
    codec::unread,
    convert::body::BODY,
    model::{Reason, Refusal},
};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tonic::{Status, body::Body, codegen::Bytes};

/// In front of every message: one byte that says whether it is compressed, and its length.
const HEADER_BYTES: usize = 5;

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Messages {
    /// Encoded size of one.
    pub bytes_max: usize,
    /// Any number of them; otherwise exactly one.
    pub streamed: bool,
}

/// Passes on what is in order, and ends with a typed refusal where it is not.
#[derive(Debug)]
pub(crate) struct CheckedBody {
    /// Nothing once the body has ended or was refused.
    inner: Option<Body>,
    announced: Announced,
    /// What comes after the messages that were in order.
    refusal: Option<Refusal>,
}

/// Where in the sequence of messages we are.
#[derive(Debug)]
struct Announced {
    takes: Messages,
    place: Place,
    any: bool,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Header { bytes: [u8; HEADER_BYTES], count: usize },
    Message { length: usize, missing: usize },
}

const BETWEEN: Place = Place::Header { bytes: [0; HEADER_BYTES], count: 0 };

impl CheckedBody {
    pub(crate) fn new(inner: Body, takes: Messages) -> Self {
        let announced = Announced { takes, place: BETWEEN, any: false };
        Self { inner: Some(inner), announced, refusal: None }
    }

    fn refuse(&mut self, refusal: Refusal) -> Option<Result<Frame<Bytes>, Status>> {
        self.inner = None;
        Some(Err(unread(refusal)))
    }

    fn check(&mut self, frame: Frame<Bytes>) -> Option<Result<Frame<Bytes>, Status>> {
        let mut data = match frame.into_data() {
            Ok(data) => data,
            // Trailers: no message comes after them.
            Err(trailers) => {
                return match self.announced.end() {
                    Ok(()) => Some(Ok(trailers)),
                    Err(refusal) => self.refuse(refusal),
                };
            }
        };
        match self.announced.read(&data) {
            Ok(()) => {}
            Err((0, refusal)) => return self.refuse(refusal),
            // The messages before it have been sent in good order, and a stream wants them.
            Err((sound, refusal)) => {
                data.truncate(sound);
                self.refusal = Some(refusal);
            }
        }
        Some(Ok(Frame::data(data)))
    }
}

impl http_body::Body for CheckedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Some(refusal) = this.refusal.take() {
            return Poll::Ready(this.refuse(refusal));
        }
        let Some(inner) = &mut this.inner else {
            return Poll::Ready(None);
        };
        Poll::Ready(match ready!(Pin::new(inner).poll_frame(context)) {
            Some(Ok(frame)) => this.check(frame),
            Some(Err(status)) => Some(Err(status)),
            None => match this.announced.end() {
                Ok(()) => None,
                Err(refusal) => this.refuse(refusal),
            },
        })
    }
}

impl Announced {
    /// Goes through some bytes; otherwise, how many of them are in order, and what is wrong then.
    fn read(&mut self, chunk: &[u8]) -> Result<(), (usize, Refusal)> {
        let (mut at, mut sound) = (0, 0);
        while at < chunk.len() {
            match &mut self.place {
                Place::Header { bytes, count } => {
                    bytes[*count] = chunk[at];
                    *count += 1;
                    at += 1;
                    if *count == HEADER_BYTES {
                        let bytes = *bytes;
                        self.place = self.open(bytes).map_err(|refusal| (sound, refusal))?;
                    }
                }
                Place::Message { missing, .. } => {
                    let part = (*missing).min(chunk.len() - at);
                    *missing -= part;
                    at += part;
                    if *missing == 0 {
                        self.place = BETWEEN;
                    }
                }
            }
            if matches!(self.place, Place::Header { count: 0, .. }) {
                sound = at;
            }
        }
        Ok(())
    }

    fn open(&mut self, [flag, length @ ..]: [u8; HEADER_BYTES]) -> Result<Place, Refusal> {
        let Messages { bytes_max, streamed } = self.takes;
        if flag != 0 {
            let problem = match flag {
                1 => "is compressed, which is not understood here; send it as it is".to_owned(),
                _ => format!("begins with {flag}, where 0 announces a message"),
            };
            return Err(Refusal::invalid(BODY, problem));
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > bytes_max {
            let problem = format!(
                "is a message of {length} bytes, more than the limit of {bytes_max} bytes; send \
                 less at once"
            );
            return Err(Refusal::new(Reason::LimitExceeded, problem).at(BODY));
        }
        if self.any && !streamed {
            return Err(Refusal::invalid(BODY, "has a second message; this call takes one"));
        }
        self.any = true;
        Ok(if length == 0 { BETWEEN } else { Place::Message { length, missing: length } })
    }

    fn end(&self) -> Result<(), Refusal> {
        let problem = match self.place {
            Place::Header { count: 0, .. } if self.any || self.takes.streamed => return Ok(()),
            Place::Header { count: 0, .. } => "is empty; this call takes a message".to_owned(),
            Place::Header { count, .. } => {
                format!("ends after {count} of the {HEADER_BYTES} bytes that announce a message")
            }
            Place::Message { length, missing } => {
                format!("ends after {} of {length} bytes of a message", length - missing)
            }
        };
        Err(Refusal::invalid(BODY, problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::{BodyExt as _, StreamBody};
    use proto::{codec::unread_refusal, model::Reason::InvalidField};
    use std::convert::Infallible;
    use tonic::codegen::http::HeaderMap;

    const ONE: Messages = Messages { bytes_max: 300, streamed: false };
    const MANY: Messages = Messages { bytes_max: 300, streamed: true };

    fn message(length: usize) -> Vec<u8> {
        announced(0, u32::try_from(length).unwrap(), length)
    }

    fn announced(flag: u8, length: u32, sent: usize) -> Vec<u8> {
        [&[flag][..], &length.to_be_bytes(), &vec![7; sent]].concat()
    }

    fn data(bytes: &[u8]) -> Frame<Bytes> {
        Frame::data(Bytes::copy_from_slice(bytes))
    }

    /// What comes through, and the refusal at the end.
    async fn through(frames: Vec<Frame<Bytes>>, takes: Messages) -> (Vec<u8>, Option<Refusal>) {
        let frames = stream::iter(frames.into_iter().map(Ok::<_, Infallible>));
        let mut body = CheckedBody::new(Body::new(StreamBody::new(frames)), takes);
        let (mut passed, mut refusal) = (Vec::new(), None);
        while let Some(frame) = body.frame().await {
            assert_eq!(refusal, None, "nothing comes after a refusal");
            match frame {
                Ok(frame) => passed.extend(frame.into_data().unwrap_or_default()),
                Err(status) => refusal = Some(unread_refusal(&status).unwrap().clone()),
            }
        }
        (passed, refusal)
    }

    #[tokio::test]
    async fn sound_bodies_pass_whole_however_they_are_cut() {
        let bytes = [message(3), message(0), message(300), message(1)].concat();
        for cut in 0..=bytes.len() {
            let frames = vec![data(&bytes[..cut]), data(&bytes[cut..])];
            assert_eq!(through(frames, MANY).await, (bytes.clone(), None), "cut at {cut}");
        }
        let single = bytes.iter().map(|byte| data(&[*byte])).collect();
        assert_eq!(through(single, MANY).await, (bytes.clone(), None));
        assert_eq!(through(vec![data(&message(9))], ONE).await, (message(9), None));
        assert_eq!(through(vec![data(&message(0))], ONE).await, (message(0), None));
        assert_eq!(through(Vec::new(), MANY).await, (Vec::new(), None));
        let with_trailers = vec![data(&message(9)), Frame::trailers(HeaderMap::new())];
        assert_eq!(through(with_trailers, ONE).await, (message(9), None));
    }

    /// Whatever is wrong, however it is cut: what was in order comes first, then one refusal.
    #[tokio::test]
    async fn the_first_fault_ends_the_body() {
        use Reason::LimitExceeded;
        let sound = [message(3), message(0)].concat();
        let faults = [
            (announced(0, 301, 301), LimitExceeded, "301 bytes, more than the limit of 300 bytes"),
            (announced(0, u32::MAX, 0), LimitExceeded, "4294967295"),
            (announced(1, 2, 2), InvalidField, "compressed"),
            (announced(9, 2, 2), InvalidField, "begins with 9"),
        ];
        for (fault, reason, text) in faults {
            let bytes = [sound.clone(), fault].concat();
            for cut in 0..=bytes.len() {
                let frames = vec![data(&bytes[..cut]), data(&bytes[cut..])];
                let (passed, refusal) = through(frames, MANY).await;
                let refusal = refusal.unwrap_or_else(|| panic!("{text}: cut at {cut}"));
                assert_eq!((refusal.reason, &*refusal.field), (reason, BODY));
                assert!(refusal.message.contains(text), "{text}: {refusal}");
                // At most the beginning of what announces the fault has gone through.
                assert!(passed.starts_with(&sound), "{text}: cut at {cut}");
                assert!(passed.len() < sound.len() + HEADER_BYTES, "{text}: cut at {cut}");
            }
        }
    }

    #[tokio::test]
    async fn an_end_at_the_wrong_place_is_refused() {
        let two = [message(1), message(1)].concat();
        let cases = [
            (Vec::new(), ONE, "is empty"),
            (vec![0, 0], ONE, "2 of the 5 bytes"),
            (announced(0, 9, 4), ONE, "4 of 9 bytes"),
            (announced(0, 9, 0), MANY, "0 of 9 bytes"),
            (two, ONE, "second message"),
        ];
        for (bytes, takes, text) in cases {
            for trailers in [false, true] {
                let mut frames = vec![data(&bytes)];
                frames.extend(trailers.then(|| Frame::trailers(HeaderMap::new())));
                let refusal = through(frames, takes).await.1.expect(text);
                assert_eq!((refusal.reason, &*refusal.field), (InvalidField, BODY));
                assert!(refusal.message.contains(text), "{text}: {refusal}");
            }
        }
    }
}
