//! For tests that feed bytes: what services and peers read of a request, without a connection.
//!
//! Each door leads to the very reader that a service calls; nothing is checked here.

use crate::peers::frames::read_messages;
pub use crate::serve::readers::{OPERATOR_CALLS, Reader};
use proto::{
    convert::body::read_body,
    model::{NodeId, Refusal},
    wire::v1,
};
use raft::eraftpb::Message;

/// The raft messages of an encoded frame that member 2 has sent to member 1.
///
/// # Errors
/// Names what no peer may send.
pub fn read_peer_frame(bytes: &[u8]) -> Result<Vec<Message>, Refusal> {
    let frame: v1::PeerFrame = read_body(bytes)?;
    read_messages(&frame, NodeId(2), NodeId(1))
}
