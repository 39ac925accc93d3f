//! Requests, from bytes to what is believed.
//!
//! Whatever arrives is read or refused. What was read is read again after it was written: reading
//! leaves nothing half checked. What is refused says why, and does not hand the caller's own bytes
//! back in bulk.

use super::{kind_of, one_of_each, part};
use crate::{schema::Inventor, situation::met, wire};
use master::testing::{OPERATOR_CALLS, read_peer_frame};
use prost::Message;
use proto::{
    convert::{agent, body::read_body, calls, offer, orders, refusal, status, task, volume, watch},
    model::Refusal,
    wire::v1,
};
use raft::eraftpb::{self, MessageType};
use std::fmt::Debug;

/// What a refusal may say at most: a sentence and a quotation that was cut.
const REFUSAL_BYTES_MAX: usize = 2_048;

fn check_refusal(kind: usize, refused: &Refusal) {
    assert!(!refused.message.is_empty(), "a refusal says why");
    let length = refused.message.len() + refused.field.len();
    assert!(length <= REFUSAL_BYTES_MAX, "a refusal of {length} bytes: {refused:?}");
    assert_eq!(refusal::read_refusal(refusal::write_refusal(refused)), *refused);
    let field: String = refused.field.chars().filter(|c| !c.is_ascii_digit()).collect();
    met((kind, format!("{:?}", refused.reason), field));
}

/// Reads; what is believed is written and read again.
fn believe<W, M>(
    kind: usize,
    bytes: &[u8],
    read: impl Fn(W) -> Result<M, Refusal>,
    write: impl Fn(&M) -> W,
) where
    W: Message + Default,
    M: PartialEq + Debug,
{
    match read_body(bytes).and_then(&read) {
        Ok(model) => {
            met((kind, "believed"));
            let written = write(&model).encode_to_vec();
            let again = read_body(written.as_slice()).and_then(read);
            assert_eq!(again, Ok(model));
        }
        Err(refused) => check_refusal(kind, &refused),
    }
}

const FRAMEWORK_CALLS: &[&str] = &[
    "bourse.v1.SubscribeRequest",
    "bourse.v1.AcceptRequest",
    "bourse.v1.DeclineRequest",
    "bourse.v1.KillRequest",
    "bourse.v1.AcknowledgeRequest",
    "bourse.v1.ReconcileRequest",
    "bourse.v1.SuppressRequest",
    "bourse.v1.ReviveRequest",
    "bourse.v1.ClearFiltersRequest",
    "bourse.v1.AnswerInverseOffersRequest",
    "bourse.v1.TeardownRequest",
    "bourse.v1.UpdateFrameworkRequest",
    "bourse.v1.StateDemandRequest",
    "bourse.v1.Event",
    "bourse.v1.Offer",
];

pub(super) fn framework_calls() -> Vec<Vec<u8>> {
    one_of_each(FRAMEWORK_CALLS, 12)
}

/// Calls of schedulers, and what schedulers hear.
pub(super) fn framework_call(bytes: &[u8]) {
    for (number, said) in wire::parts(bytes) {
        let kind = kind_of(number, FRAMEWORK_CALLS.len());
        macro_rules! call {
            ($variant:ident, $read:ident) => {
                believe(kind, said, calls::$read, |(session, call)| {
                    match calls::write_call(*session, call.clone()) {
                        calls::WireCall::$variant(request) => request,
                        other => panic!("another call than was read: {other:?}"),
                    }
                })
            };
        }
        match kind {
            0 => believe(kind, said, calls::read_subscribe, calls::write_subscribe),
            1 => call!(Accept, read_accept),
            2 => call!(Decline, read_decline),
            3 => call!(Kill, read_kill),
            4 => call!(Acknowledge, read_acknowledge),
            5 => call!(Reconcile, read_reconcile),
            6 => call!(Suppress, read_suppress),
            7 => call!(Revive, read_revive),
            8 => call!(ClearFilters, read_clear_filters),
            9 => call!(AnswerInverseOffers, read_answer_inverse_offers),
            10 => call!(Teardown, read_teardown),
            11 => call!(UpdateFramework, read_update_framework),
            12 => call!(StateDemand, read_state_demand),
            13 => believe(kind, said, calls::read_event, calls::write_event),
            _ => believe(kind, said, offer::read_offer, offer::write_offer),
        }
    }
}

const AGENT_MESSAGES: &[&str] = &[
    "bourse.v1.AgentMessage",
    "bourse.v1.MasterMessage",
    "bourse.v1.AgentInfo",
    "bourse.v1.TaskStatus",
    "bourse.v1.TaskInfo",
    "bourse.v1.Volume",
];

pub(super) fn agent_messages() -> Vec<Vec<u8>> {
    one_of_each(AGENT_MESSAGES, 24)
}

/// What agents say, and what they are told.
pub(super) fn agent_message(bytes: &[u8]) {
    for (number, said) in wire::parts(bytes) {
        let kind = kind_of(number, AGENT_MESSAGES.len());
        let write_order = |(term, order): &(u64, _)| orders::write_master_message(*term, order);
        match kind {
            0 => believe(kind, said, orders::read_agent_message, orders::write_agent_message),
            1 => believe(kind, said, orders::read_master_message, write_order),
            2 => believe(kind, said, agent::read_agent_info, agent::write_agent_info),
            3 => believe(kind, said, status::read_status, status::write_status),
            4 => believe(kind, said, task::read_task_info, task::write_task_info),
            _ => believe(kind, said, volume::read_volume, volume::write_volume),
        }
    }
}

pub(super) fn operator_calls() -> Vec<Vec<u8>> {
    let names: Vec<String> =
        OPERATOR_CALLS.iter().map(|(name, _)| format!("bourse.v1.{name}")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("bourse.v1.WatchFilter");
    one_of_each(&names, 8)
}

/// Calls of operators, as the service reads them.
pub(super) fn operator_call(bytes: &[u8]) {
    for (number, said) in wire::parts(bytes) {
        let kind = kind_of(number, OPERATOR_CALLS.len() + 1);
        let Some((_, read)) = OPERATOR_CALLS.get(kind) else {
            believe(kind, said, watch::read_watch_filter, watch::write_watch_filter);
            continue;
        };
        match read(said) {
            Ok(call) => {
                met((kind, "believed"));
                // What the decoder does not know of the bytes changes nothing.
                let mut more = said.to_vec();
                more.extend(wire::write(&[wire::varint(1_000, 7)]));
                assert_eq!(read(&more), Ok(call));
            }
            Err(refused) => check_refusal(kind, &refused),
        }
    }
}

const PEER_MESSAGES: [MessageType; 8] = [
    MessageType::MsgAppend,
    MessageType::MsgAppendResponse,
    MessageType::MsgRequestVote,
    MessageType::MsgRequestVoteResponse,
    MessageType::MsgHeartbeat,
    MessageType::MsgSnapshot,
    MessageType::MsgPropose,
    MessageType::MsgReadIndex,
];

pub(super) fn peers() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for (index, kind) in PEER_MESSAGES.into_iter().enumerate() {
        let mut message = eraftpb::Message { from: 2, to: 1, term: 3, ..Default::default() };
        message.set_msg_type(kind);
        message.index = 5;
        let entry =
            eraftpb::Entry { index: 6, term: 3, data: vec![1, 2].into(), ..Default::default() };
        message.entries = vec![entry].into();
        let bytes = protobuf_bytes(&message);
        let frame = v1::PeerFrame {
            cluster_id: "fuzz".to_owned(),
            from: 2,
            to: 1,
            messages: vec![bytes; 1 + index % 2],
            ..Default::default()
        };
        inputs.push(wire::write(&[part(0, frame.encode_to_vec())]));
    }
    for seed in 0..20 {
        let mut inventor = Inventor::new(seed);
        inputs.push(wire::write(&[part(1, inventor.message("bourse.v1.SnapshotPart"))]));
        inputs.push(wire::write(&[part(0, inventor.message("bourse.v1.PeerFrame"))]));
    }
    inputs
}

fn protobuf_bytes(message: &eraftpb::Message) -> Vec<u8> {
    use protobuf::Message as _;
    message.write_to_bytes().expect("a message without required fields")
}

/// Frames of another master: what comes through is from it, for us, and of a kind that is sent.
pub(super) fn peer(bytes: &[u8]) {
    for (number, said) in wire::parts(bytes) {
        if kind_of(number, 2) == 1 {
            let Ok(read) = v1::SnapshotPart::decode(said) else { continue };
            assert_eq!(v1::SnapshotPart::decode(read.encode_to_vec().as_slice()), Ok(read));
            continue;
        }
        match read_peer_frame(said) {
            Ok(messages) => {
                for message in messages {
                    assert_eq!((message.from, message.to), (2, 1));
                    let kind = message.get_msg_type();
                    assert!(!matches!(kind, MessageType::MsgHup | MessageType::MsgPropose));
                    met(("believed", kind as i32));
                }
            }
            Err(refused) => check_refusal(0, &refused),
        }
    }
}
