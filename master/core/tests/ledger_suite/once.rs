//! What operators ask under a request id: remembered, bounded, in dumps, and as bytes for ever.

use crate::{
    build::*,
    compat::{check_dump, golden},
};
use master_core::ledger::{
    Applied, Asked, Command, OperatorChange, ReservationChange, VolumeChange,
    codec::{Batch, CodecError, decode_batch, encode_batch},
};
use proto::model::{
    Instant, OperationResult, Reason, ReservationId, ReservationPlan, VolumeId, VolumeRef,
    WallTime, limits,
};

/// Of the ledger in `dump-v2-once.bin`.
const ONCE_DIGEST: u128 = 315_210_590_848_450_739_390_348_319_076_034_465_376;

fn reserve(cpus: i64) -> OperatorChange {
    let plan = ReservationPlan {
        agent: agent("a1"),
        role: role("eng"),
        resources: resources(cpus, 0..0),
        labels: Vec::new(),
        parent: None,
    };
    OperatorChange::Reservations(ReservationChange::Reserve { plan, owner: "ann".to_owned() })
}

fn moved(to: &str) -> OperatorChange {
    let (reservation, role) = (ReservationId(1), role(to));
    OperatorChange::Reservations(ReservationChange::Move { reservation, role })
}

fn under(number: usize, change: OperatorChange) -> Command {
    change.once("ann", request(&format!("request-{number}")))
}

fn asked(command: &Command) -> &Asked {
    match command {
        Command::ChangeOnce { asked, .. } => asked,
        other => panic!("{other:?}"),
    }
}

fn world() -> World {
    let mut world = World::newest();
    world.done(&register("a1", 1, vec![]));
    world.done(&under(1, reserve(500)));
    world.done(&under(2, moved("ops")));
    world
}

#[test]
fn what_was_done_is_answered_and_not_done_again() {
    let mut world = world();
    let (applied, events) = world.apply(&under(1, reserve(500))).unwrap();
    let first = OperationResult::Reserved(ReservationId(1));
    assert_eq!((applied, events.len()), (Applied::AnsweredBefore(vec![first]), 0));
    refused(&mut world, &under(1, reserve(501)), Reason::InvalidField, "request_id");
    let other = reserve(500).once("ben", request("request-1"));
    assert!(matches!(world.apply(&other), Ok((Applied::Reserved(ReservationId(2)), _))));
    let unknown = OperatorChange::Volumes(VolumeChange::Destroy(VolumeRef::Known(VolumeId(9))));
    for _ in 0..2 {
        // Nothing was done: it may be asked again, or something else be asked instead.
        refused(&mut world, &under(3, unknown.clone()), Reason::VolumeUnknown, "volume_id");
    }
    assert_eq!(world.ledger.answer_to_operator(asked(&under(3, unknown))), Ok(None));
    world.done(&under(3, moved("eng")));
}

#[test]
fn the_oldest_answer_makes_room() {
    let mut world = world();
    let is_known = |world: &World, number| {
        let change = if number == 1 { reserve(500) } else { moved("ops") };
        world.ledger.answer_to_operator(asked(&under(number, change))).unwrap().is_some()
    };
    for number in 3..=limits::OPERATOR_ANSWERS_MAX {
        let command = under(number, moved(if number % 2 == 0 { "ops" } else { "eng" }));
        world.ledger.apply(world.stamp, &command, &mut Vec::new()).unwrap();
    }
    assert!(is_known(&world, 1), "as many as there may be");
    world.done(&under(limits::OPERATOR_ANSWERS_MAX + 1, moved("eng")));
    assert!(!is_known(&world, 1) && is_known(&world, 2));
}

#[test]
fn calls_under_an_id_are_readable_for_ever() {
    let volumes = OperatorChange::Volumes(VolumeChange::Destroy(VolumeRef::Known(VolumeId(7))));
    let commands = vec![under(1, reserve(500)), under(2, moved("ops")), under(3, volumes)];
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands };
    let bytes = golden("batch-v2-once.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes, "this software still writes version 2");
    check_dump("dump-v2-once.bin", &world(), ONCE_DIGEST);
}

/// Nobody writes such; whoever reads one must not go round and round in it.
#[test]
fn what_is_asked_under_an_id_is_of_reservations_or_volumes() {
    use prost::Message as _;
    use proto::wire::log::v1::{self, command as wire};
    let once = |change| wire::ChangeOnce {
        owner: "ann".to_owned(),
        request_id: "request-1".to_owned(),
        call_digest: 1,
        change: Some(Box::new(v1::Command { command: Some(change) })),
    };
    let barrier = wire::Command::Barrier(wire::Barrier { term: 3 });
    let nested = wire::Command::ChangeOnce(Box::new(once(barrier.clone())));
    for change in [barrier, nested] {
        let kind = wire::Command::ChangeOnce(Box::new(once(change)));
        let command = v1::Command { command: Some(kind) };
        let body = v1::Batch { time_ms: 1, unix_ms: 1, commands: vec![command] }.encode_to_vec();
        let mut bytes = vec![2];
        bytes.extend(crc32fast::hash(&body).to_le_bytes());
        bytes.extend(body);
        let Err(CodecError::Field { source, .. }) = decode_batch(&bytes) else { panic!("refused") };
        assert_eq!(source.field, "change");
    }
}
