//! Hostile bytes: whatever arrives is refused or read, and never panics.
//!
//! The `fuzz_*` functions take any bytes, as fuzzers call them. Here they get random bytes, valid
//! encodings, and valid encodings with damage. Beyond not panicking they demand that what was
//! believed once is believed again after it was written: reading leaves nothing half checked.

use crate::strategies::{self, messages};
use proptest::{collection, prelude::*, sample::Index};
use prost::Message;
use proto::{
    convert::{
        agent, body::read_body, calls, masters, offer, operation, orders, quota, refusal,
        reservation, role_settings, status, task, volume, watch,
    },
    model::{Reason, Refusal},
    wire::{DESCRIPTORS, journal, log, v1},
};
use std::{collections::BTreeSet, fmt::Debug};

/// Decodes; what is no message is refused as a whole, with words that a status can carry.
fn decode<W: Message + Default>(bytes: &[u8]) -> Option<W> {
    match read_body(bytes) {
        Ok(message) => Some(message),
        Err(refusal) => {
            assert_eq!((refusal.reason, &*refusal.field), (Reason::InvalidField, "body"));
            assert!(W::decode(bytes).is_err(), "refused for nothing");
            #[cfg(feature = "grpc")]
            assert_eq!(refusal::from_status(&proto::codec::unread(refusal.clone())), refusal);
            None
        }
    }
}

/// Decodes, and if that goes well encodes and decodes again.
fn survive<W: Message + Default + PartialEq + Debug>(bytes: &[u8]) {
    let Some(message) = decode::<W>(bytes) else { return };
    let written = message.encode_to_vec();
    assert_eq!(W::decode(written.as_slice()), Ok(message));
}

/// Decodes, reads, and if that was believed writes and reads again.
fn believe<W, M>(bytes: &[u8], read: impl Fn(W) -> Result<M, Refusal>, write: impl Fn(&M) -> W)
where
    W: Message + Default,
    M: PartialEq + Debug,
{
    let Some(message) = decode(bytes) else { return };
    match read(message) {
        Ok(model) => {
            let written = write(&model).encode_to_vec();
            let again = read(W::decode(written.as_slice()).expect("what was just encoded"));
            assert_eq!(again, Ok(model));
        }
        Err(refusal) => assert!(!refusal.message.is_empty(), "a refusal says why"),
    }
}

/// The requests of the `Scheduler` service.
pub(crate) fn fuzz_scheduler_calls(bytes: &[u8]) {
    believe(bytes, calls::read_subscribe, calls::write_subscribe);
    macro_rules! call {
        ($variant:ident, $read:ident) => {
            believe(bytes, calls::$read, |(session, call)| {
                match calls::write_call(*session, call.clone()) {
                    calls::WireCall::$variant(request) => request,
                    other => panic!("another call than was read: {other:?}"),
                }
            });
        };
    }
    call!(Accept, read_accept);
    call!(Decline, read_decline);
    call!(Kill, read_kill);
    call!(Acknowledge, read_acknowledge);
    call!(Reconcile, read_reconcile);
    call!(Suppress, read_suppress);
    call!(Revive, read_revive);
    call!(ClearFilters, read_clear_filters);
    call!(AnswerInverseOffers, read_answer_inverse_offers);
    call!(Teardown, read_teardown);
    call!(StateDemand, read_state_demand);
}

/// What frameworks hear.
pub(crate) fn fuzz_scheduler_events(bytes: &[u8]) {
    believe(bytes, calls::read_event, calls::write_event);
    believe(bytes, offer::read_offer, offer::write_offer);
    believe(bytes, masters::read_leadership, masters::write_leadership);
}

/// What watchers want to hear.
pub(crate) fn fuzz_watch_filters(bytes: &[u8]) {
    believe(bytes, watch::read_watch_filter, watch::write_watch_filter);
}

/// What operators say of roles.
pub(crate) fn fuzz_quotas(bytes: &[u8]) {
    believe(bytes, quota::read_quota, quota::write_quota);
    believe(bytes, role_settings::read_change, role_settings::write_change);
}

/// What operators and accepts say of reservations.
pub(crate) fn fuzz_reservations(bytes: &[u8]) {
    let (read, write) = (reservation::read_reservation_plan, reservation::write_reservation_plan);
    believe(bytes, read, write);
    believe(bytes, reservation::read_unreserve, reservation::write_unreserve);
    let write = |(from, role): &(_, _)| reservation::write_move(*from, role);
    believe(bytes, reservation::read_move, write);
    believe(bytes, operation::read_operation, operation::write_operation);
    believe(bytes, operation::read_operation_result, operation::write_operation_result);
}

/// What operators and accepts say of volumes.
pub(crate) fn fuzz_volumes(bytes: &[u8]) {
    believe(bytes, volume::read_volume_plan, volume::write_volume_plan);
    let write = |resize: &_| volume::write_volume_resize(*resize);
    believe(bytes, volume::read_volume_resize, write);
    believe(bytes, volume::read_volume_destroy, |volume| volume::write_volume_destroy(*volume));
    believe(bytes, volume::read_volume, volume::write_volume);
}

/// What agents say.
pub(crate) fn fuzz_agent_messages(bytes: &[u8]) {
    believe(bytes, orders::read_agent_message, orders::write_agent_message);
    believe(bytes, agent::read_agent_info, agent::write_agent_info);
    believe(bytes, status::read_status, status::write_status);
}

/// What agents are told.
pub(crate) fn fuzz_master_messages(bytes: &[u8]) {
    let write = |(term, order): &(u64, _)| orders::write_master_message(*term, order);
    believe(bytes, orders::read_master_message, write);
    believe(bytes, task::read_task_info, task::write_task_info);
}

/// One kind of request and its bytes' reader.
type Request = (&'static str, fn(&[u8]));

macro_rules! requests {
    ($($name:ident)*) => { &[$((stringify!($name), survive::<v1::$name>)),*] };
}

/// What all calls of all services take; the fields of many are read by who answers them.
const REQUESTS: &[Request] = requests!(
    SubscribeRequest
    AcceptRequest
    DeclineRequest
    KillRequest
    AcknowledgeRequest
    ReconcileRequest
    SuppressRequest
    ReviveRequest
    ClearFiltersRequest
    AnswerInverseOffersRequest
    TeardownRequest
    UpdateFrameworkRequest
    StateDemandRequest
    AgentMessage
    FindLeaderRequest
    GetClusterRequest
    GetAgentRequest
    ListAgentsRequest
    GetFrameworkRequest
    ListFrameworksRequest
    GetTaskRequest
    ListTasksRequest
    ListGroupsRequest
    ListOffersRequest
    ListRolesRequest
    SetWeightRequest
    SetQuotaRequest
    RemoveQuotaRequest
    ConfigureRoleRequest
    OperatorKillTaskRequest
    SetWeightRequest
    SetQuotaRequest
    RemoveQuotaRequest
    DrainAgentRequest
    CancelDrainRequest
    DeactivateAgentRequest
    ReactivateAgentRequest
    DeclareAgentGoneRequest
    TeardownFrameworkRequest
    ScheduleMaintenanceRequest
    ListMaintenanceRequest
    CancelMaintenanceRequest
    WatchRequest
    AddMasterRequest
    RemoveMasterRequest
    ReplaceMasterRequest
    TransferLeadershipRequest
    TakeSnapshotRequest
    WhyRequest
    ListReservationsRequest
    ReserveRequest
    UnreserveRequest
    MoveReservationRequest
    ListDemandsRequest
    ListVolumesRequest
    CreateVolumeRequest
    GrowVolumeRequest
    ShrinkVolumeRequest
    DestroyVolumeRequest
    PeerFrame
    SnapshotPart
    ReadFileRequest
    ListFilesRequest
);

/// Every request, of whichever service.
pub(crate) fn fuzz_requests(bytes: &[u8]) {
    REQUESTS.iter().for_each(|(_, survive)| survive(bytes));
}

/// Refusals, in messages and in the details of statuses.
pub(crate) fn fuzz_refusals(bytes: &[u8]) {
    if let Ok(message) = v1::Refusal::decode(bytes) {
        let read = refusal::read_refusal(message);
        assert_eq!(refusal::read_refusal(refusal::write_refusal(&read)), read);
    }
    #[cfg(feature = "grpc")]
    for code in 0..=17 {
        let text = String::from_utf8_lossy(bytes);
        let status = tonic::Status::with_details(code.into(), text, bytes.to_vec().into());
        let read = refusal::from_status(&status);
        assert_eq!(refusal::from_status(&refusal::to_status(&read)), read);
    }
}

/// What is on disk, of which the form belongs to others: decoding must not panic.
pub(crate) fn fuzz_files(bytes: &[u8]) {
    let _ = log::v1::Batch::decode(bytes).map(|batch| batch.encode_to_vec());
    let _ = log::v1::Record::decode(bytes).map(|record| record.encode_to_vec());
    let _ = journal::v1::TaskRow::decode(bytes).map(|row| row.encode_to_vec());
    let _ = journal::v1::VolumeRow::decode(bytes).map(|row| row.encode_to_vec());
}

fn fuzz_all(bytes: &[u8]) {
    fuzz_scheduler_calls(bytes);
    fuzz_scheduler_events(bytes);
    fuzz_agent_messages(bytes);
    fuzz_quotas(bytes);
    fuzz_reservations(bytes);
    fuzz_volumes(bytes);
    fuzz_watch_filters(bytes);
    fuzz_master_messages(bytes);
    fuzz_requests(bytes);
    fuzz_refusals(bytes);
    fuzz_files(bytes);
}

/// One damage to an encoding.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Repeat(Index, Index),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Damage::Set(at, byte) => bytes[at.index(length)] = *byte,
            Damage::Flip(at, bit) => bytes[at.index(length)] ^= 1 << (bit % 8),
            Damage::Insert(at, byte) => bytes.insert(at.index(length), *byte),
            Damage::Remove(at) => drop(bytes.remove(at.index(length))),
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Repeat(a, b) => {
                let (a, b) = (a.index(length), b.index(length));
                let part = bytes[a.min(b)..a.max(b)].to_vec();
                bytes.extend(part);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<(Index, u8)>().prop_map(|(at, byte)| Damage::Set(at, byte)),
        any::<(Index, u8)>().prop_map(|(at, bit)| Damage::Flip(at, bit)),
        any::<(Index, u8)>().prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<Index>().prop_map(Damage::Remove),
        any::<Index>().prop_map(Damage::Cut),
        any::<(Index, Index)>().prop_map(|(a, b)| Damage::Repeat(a, b)),
    ]
}

/// Requests of operators and masters with something in each field.
fn other_request() -> impl Strategy<Value = Vec<u8>> {
    let text = || "[a-z0-9-]{0,12}";
    let page = (any::<u32>(), text()).prop_map(|(size, token)| v1::Page { size, token });
    let states = collection::vec(any::<i32>(), 0..4);
    let list = (text(), states, page).prop_map(|(agent_id, states, page)| {
        let page = Some(page);
        v1::ListTasksRequest { agent_id, states, page, ..Default::default() }.encode_to_vec()
    });
    let chunks = collection::vec(collection::vec(any::<u8>(), 0..40), 0..4);
    let frame = (text(), any::<(u64, u64, bool)>(), chunks).prop_map(
        |(cluster_id, (from, to, blank), messages)| {
            v1::PeerFrame { cluster_id, from, to, messages, blank, ..Default::default() }
                .encode_to_vec()
        },
    );
    prop_oneof![list, frame]
}

/// Encodings of every kind of message.
fn encodings() -> impl Strategy<Value = Vec<u8>> {
    use calls::WireCall;
    let call =
        (strategies::session(), messages::call()).prop_map(
            |(session, call)| match calls::write_call(session, call) {
                WireCall::Accept(request) => request.encode_to_vec(),
                WireCall::Decline(request) => request.encode_to_vec(),
                WireCall::Kill(request) => request.encode_to_vec(),
                WireCall::Acknowledge(request) => request.encode_to_vec(),
                WireCall::Reconcile(request) => request.encode_to_vec(),
                WireCall::Suppress(request) => request.encode_to_vec(),
                WireCall::Revive(request) => request.encode_to_vec(),
                WireCall::ClearFilters(request) => request.encode_to_vec(),
                WireCall::AnswerInverseOffers(request) => request.encode_to_vec(),
                WireCall::Teardown(request) => request.encode_to_vec(),
                WireCall::UpdateFramework(request) => request.encode_to_vec(),
                WireCall::StateDemand(request) => request.encode_to_vec(),
            },
        );
    let order = (any::<u64>(), messages::order())
        .prop_map(|(term, order)| orders::write_master_message(term, &order).encode_to_vec());
    prop_oneof![
        // On the heap: all of them together are more than the stack of a test holds.
        2 => call.boxed(),
        1 => messages::subscribe()
            .prop_map(|it| calls::write_subscribe(&it).encode_to_vec())
            .boxed(),
        2 => messages::event().prop_map(|it| calls::write_event(&it).encode_to_vec()).boxed(),
        2 => messages::agent_call()
            .prop_map(|it| orders::write_agent_message(&it).encode_to_vec())
            .boxed(),
        2 => order.boxed(),
        1 => other_request(),
        1 => messages::refusal().prop_map(|it| refusal::write_refusal(&it).encode_to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_are_survived(bytes in collection::vec(any::<u8>(), 0..600)) {
        fuzz_all(&bytes);
    }

    #[test]
    fn damaged_messages_are_survived(
        mut bytes in encodings(),
        damages in collection::vec(damage(), 0..6),
    ) {
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        fuzz_all(&bytes);
    }
}

/// Bytes that once were trouble for decoders: deep nesting, huge lengths, overlong numbers.
#[test]
fn notorious_bytes_are_survived() {
    fuzz_all(&[]);
    fuzz_all(&[0xff; 64]);
    fuzz_all(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    fuzz_all(&[0x0a; 4_096]);
    fuzz_all(&[0x0b; 4_096]);
    fuzz_all(&[0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
    fuzz_all(&[0x1a, 0x02, 0xc3, 0x28]);
}

#[test]
fn every_request_is_fuzzed() {
    let schemas = prost_types::FileDescriptorSet::decode(DESCRIPTORS).expect("descriptors");
    let services = schemas.file.iter().flat_map(|file| &file.service);
    let taken = services.flat_map(|service| &service.method).map(|method| {
        let name = method.input_type().rsplit('.').next();
        name.expect("a split has a last part")
    });
    let listed: BTreeSet<&str> = REQUESTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, taken.collect());
}
