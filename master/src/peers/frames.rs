//! Which frames are believed: from whom, to whom, and which raft messages may be in them.

use super::roster::Roster;
use crate::serve::gateway::Gateway;
use edge::identity::Caller;
use proto::{
    convert::masters::read_node_id,
    model::{NodeId, Principal, Reason, Refusal, limits, principal::PrincipalKind},
    wire::v1,
};
use protobuf::Message as _;
use raft::eraftpb::{Message, MessageType};

/// What a frame or a snapshot's header says of its sender and of whom it is for.
#[derive(Debug)]
pub(super) struct Said<'a> {
    cluster: &'a str,
    from: u64,
    to: u64,
    incarnation: u64,
}

impl<'a> Said<'a> {
    pub(super) fn of_frame(frame: &'a v1::PeerFrame) -> Self {
        let (from, to, incarnation) = (frame.from, frame.to, frame.incarnation);
        Self { cluster: &frame.cluster_id, from, to, incarnation }
    }

    pub(super) fn of_header(header: &'a v1::SnapshotHeader) -> Self {
        let (from, to, incarnation) = (header.from, header.to, header.incarnation);
        Self { cluster: &header.cluster_id, from, to, incarnation }
    }
}

/// The sender of a frame or a snapshot, checked against its certificate. Whether it is a member is
/// not asked, but for the removed: it may have been added by an entry that is not applied here yet.
pub(super) fn read_sender(
    gateway: &Gateway,
    roster: &Roster,
    caller: &Caller,
    said: &Said<'_>,
) -> Result<NodeId, Refusal> {
    if said.cluster != gateway.cluster.as_str() {
        let shown = proto::convert::text::fit(said.cluster);
        let message = format!("this is cluster {}, not {shown:?}", gateway.cluster);
        return Err(Refusal::new(Reason::ClusterMismatch, message).at("cluster_id"));
    }
    if said.to != gateway.node.0 {
        let message = format!("this is member {}, not {}", gateway.node, said.to);
        return Err(Refusal::invalid("to", message));
    }
    let (from, text) = (NodeId(said.from), said.from.to_string());
    if from == gateway.node || read_node_id("from", said.from).is_err() {
        let message = format!("{from} is no other member of this cluster");
        return Err(Refusal::new(Reason::NotAuthorized, message).at("from"));
    }
    let principal: Principal = caller.or_claimed(PrincipalKind::Master, &text, &gateway.cluster);
    if principal.id != text {
        let message = format!("the certificate is for master {}, not for {from}", principal.id);
        return Err(Refusal::new(Reason::NotAuthorized, message).at("from"));
    }
    roster.admit(from, said.incarnation)?;
    Ok(from)
}

/// Whether this can be dialled; a member that knows none of its own says nothing.
pub(super) fn is_peer_address(text: &str) -> bool {
    text.len() <= limits::ADDRESS_BYTES_MAX
        && edge::settings::call_address(text, 1).is_ok_and(|address| address == text)
}

/// A raft message that a peer may send; `snapshot` says whether it announces one.
pub(super) fn read_message(
    bytes: &[u8],
    from: NodeId,
    to: NodeId,
    snapshot: bool,
) -> Result<Message, Refusal> {
    let message = Message::parse_from_bytes(bytes)
        .map_err(|_| Refusal::invalid("", "is not a raft message"))?;
    if (message.from, message.to) != (from.0, to.0) {
        return Err(Refusal::invalid("", "names another sender or receiver than its frame"));
    }
    let kind = message.get_msg_type();
    if is_local(kind) || (kind == MessageType::MsgSnapshot) != snapshot {
        return Err(Refusal::invalid("", format!("{kind:?} may not come this way")));
    }
    Ok(message)
}

/// Messages that a raft node sends to itself only, and proposals: those go through a leader's
/// calls.
fn is_local(kind: MessageType) -> bool {
    use MessageType::{MsgBeat, MsgCheckQuorum, MsgHup, MsgPropose, MsgSnapStatus, MsgUnreachable};
    matches!(kind, MsgHup | MsgBeat | MsgUnreachable | MsgSnapStatus | MsgCheckQuorum | MsgPropose)
}

/// Reads all messages of a frame.
pub(crate) fn read_messages(
    frame: &v1::PeerFrame,
    from: NodeId,
    to: NodeId,
) -> Result<Vec<Message>, Refusal> {
    let place = |index: usize| format!("messages[{index}]");
    let messages = frame.messages.iter().enumerate();
    messages
        .map(|(index, bytes)| {
            read_message(bytes, from, to, false).map_err(|refusal| refusal.under(&place(index)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbox::Inbox;
    use proto::model::ClusterId;
    use std::sync::Arc;

    fn gateway() -> Gateway {
        Gateway::new(Arc::new(Inbox::new()), ClusterId::new("c").unwrap(), NodeId(1))
    }

    fn master(id: &str) -> Caller {
        Caller::Known(Arc::new(format!("spiffe://c/master/{id}").parse().unwrap()))
    }

    fn sender(caller: &Caller, cluster: &str, from: u64, to: u64) -> Result<NodeId, Refusal> {
        let said = Said { cluster, from, to, incarnation: 0 };
        read_sender(&gateway(), &Roster::default(), caller, &said)
    }

    fn refused(caller: &Caller, cluster: &str, from: u64, to: u64) -> (Reason, String) {
        let refusal = sender(caller, cluster, from, to).unwrap_err();
        (refusal.reason, refusal.field)
    }

    #[test]
    fn a_sender_must_be_who_its_certificate_names() {
        assert_eq!(sender(&master("2"), "c", 2, 1), Ok(NodeId(2)));
        assert_eq!(sender(&master("9"), "c", 9, 1), Ok(NodeId(9)), "it may just have been added");
        assert_eq!(sender(&Caller::Anybody, "c", 3, 1), Ok(NodeId(3)), "the claim is all there is");
        assert_eq!(refused(&master("3"), "c", 2, 1), (Reason::NotAuthorized, "from".into()));
        assert_eq!(refused(&master("0"), "c", 0, 1), (Reason::NotAuthorized, "from".into()));
        assert_eq!(refused(&master("1"), "c", 1, 1), (Reason::NotAuthorized, "from".into()));
        assert_eq!(refused(&master("2"), "c", 2, 3), (Reason::InvalidField, "to".into()));
        assert_eq!(
            refused(&master("2"), "d", 2, 1),
            (Reason::ClusterMismatch, "cluster_id".into())
        );
    }

    #[test]
    fn messages_to_oneself_and_foreign_messages_are_refused() {
        let read = |from: u64, kind: MessageType, snapshot: bool| {
            let mut message = Message::default();
            (message.from, message.to) = (from, 1);
            message.set_msg_type(kind);
            let bytes = message.write_to_bytes().unwrap();
            read_message(&bytes, NodeId(2), NodeId(1), snapshot).map(|_| ())
        };
        assert!(read(2, MessageType::MsgAppend, false).is_ok());
        assert!(read(2, MessageType::MsgSnapshot, true).is_ok());
        assert!(read(3, MessageType::MsgAppend, false).is_err(), "another sender");
        assert!(read(2, MessageType::MsgHup, false).is_err(), "local");
        assert!(read(2, MessageType::MsgSnapshot, false).is_err(), "without its stream");
        assert!(read(2, MessageType::MsgAppend, true).is_err(), "announces nothing");
        assert!(read_message(&[0xff; 9], NodeId(2), NodeId(1), false).is_err());
    }
}
