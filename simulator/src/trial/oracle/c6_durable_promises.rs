//! C6: what a message promises is on the sender's disk when it leaves.

use crate::trial::disk::Durable;
use raft::eraftpb::{Message, MessageType};

/// Judges each message for itself.
#[derive(Debug, Default)]
pub(crate) struct DurablePromises;

impl DurablePromises {
    pub(crate) fn sent(&self, message: &Message, disk: &Durable) {
        let (term, vote) = (disk.hard_state.term, disk.hard_state.vote);
        // A disk that has left the term keeps its promises of it, too.
        let voted = |whom| term > message.term || (term, vote) == (message.term, whom);
        let kept = match message.get_msg_type() {
            // What it had in the term, the leader of a later one may have taken from it since.
            MessageType::MsgAppendResponse if !message.reject => {
                term > message.term || message.index <= disk.last()
            }
            MessageType::MsgRequestVoteResponse if !message.reject => voted(message.to),
            MessageType::MsgRequestVote => voted(message.from),
            // To ask who would vote promises nothing.
            MessageType::MsgRequestPreVote | MessageType::MsgRequestPreVoteResponse => true,
            // To speak in a term is to have been in it.
            _ => term >= message.term,
        };
        assert!(
            kept,
            "C6: {message:?} leaves while the disk has term {term}, vote {vote}, last {}",
            disk.last()
        );
    }
}
