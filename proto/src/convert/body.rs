//! The first belief: that bytes are the message which a call takes.
//!
//! Whatever else may be wrong with a message is said of its fields; what is no message has none, so
//! that the field which is named is the whole body.

use crate::model::Refusal;
use prost::{Message, bytes::Buf};

/// Names the whole of what was sent.
pub const BODY: &str = "body";

/// What prost puts in front of every error; we say it in our own words.
const PREFIX: &str = "failed to decode Protobuf message: ";

/// Decodes a request.
pub fn read_body<M: Message + Default>(body: impl Buf) -> Result<M, Refusal> {
    M::decode(body).map_err(|error| {
        let text = error.to_string();
        let place = text.strip_prefix(PREFIX).unwrap_or(&text);
        let problem = format!(
            "is not the message that this call takes ({place}); encode it as the schemas of \
             bourse.v1 say"
        );
        Refusal::invalid(BODY, problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Reason, wire::v1};

    fn refusal(bytes: &[u8]) -> Refusal {
        let refusal = read_body::<v1::KillRequest>(bytes).unwrap_err();
        assert_eq!((refusal.reason, &*refusal.field), (Reason::InvalidField, BODY));
        refusal
    }

    #[test]
    fn what_is_no_message_is_refused_and_says_where() {
        let session = v1::FrameworkSession { framework_id: "framework-1".to_owned(), epoch: 7 };
        let kill = v1::KillRequest {
            session: Some(session),
            task_id: "t".to_owned(),
            ..v1::KillRequest::default()
        };
        let bytes = kill.encode_to_vec();
        assert_eq!(read_body(bytes.as_slice()), Ok(kill));
        let truncated = refusal(&bytes[..bytes.len() - 1]).message;
        assert!(truncated.contains("task_id"), "{truncated}");
        // Field 2, the task id, as a number.
        let mistyped = refusal(&[0x10, 1]).message;
        assert!(mistyped.contains("task_id") && mistyped.contains("wire type"), "{mistyped}");
        // No text: it is to be UTF-8.
        let garbled = refusal(&[0x12, 2, 0xc3, 0x28]).message;
        assert!(garbled.contains("task_id") && garbled.contains("UTF-8"), "{garbled}");
        assert!(!truncated.contains("Protobuf"), "said once: {truncated}");
    }
}
