//! Bytes that were not written: they are refused, and nothing panics.

use crate::{build::*, histories::restore};
use master_core::ledger::{
    Command,
    codec::{Batch, CodecError, decode_batch, encode_batch},
    digest::digest,
    dump::{Restore, RestoreError, records},
};
use proptest::prelude::*;
use prost::Message as _;
use proto::{
    model::{Instant, TaskState::*, WallTime},
    wire::log::v1 as wire,
};

/// The header's checksum.
fn checksum_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[1..5].try_into().expect("four bytes"))
}

fn batch() -> Batch {
    let commands = vec![
        register("a1", 1, vec![journal(1, "t1", Running)]),
        subscribe(Some(3), "request-1"),
        accept(session(1, 1), vec![task_info("t1", "a1", resources(500, 31_000..31_002))]),
        update(1, told("t1", "a1", Failed, 3)),
        kill(key(1, "t1"), Some(0)),
        acknowledge(session(1, 1), "t1", 1),
    ];
    Batch { time: Instant(12), wall: WallTime(34), commands }
}

/// A world with a row of each kind and state.
pub(crate) fn varied() -> World {
    let mut world = World::furnished();
    let request = Some(request("request-9"));
    let tasks = vec![task_info("t2", "a2", resources(250, 31_000..31_003))];
    world.done(&Command::launch(session(1, 1), role("eng"), request, tasks));
    world.done(&update(1, told("t1", "a1", Running, 1)));
    world.done(&kill(key(1, "t1"), Some(100)));
    world.done(&unreachable_agent("a1", 1));
    world.done(&update(1, told("t2", "a2", Failed, 1)));
    world.done(&acknowledge(session(1, 1), "t2", 1));
    world.done(&register("a3", 1, vec![]));
    world.done(&unreachable_agent("a3", 1));
    world.done(&remove_agent("a3", 1));
    world.done(&subscribe(None, "request-2"));
    world.done(&Command::RemoveFramework { session: session(2, 1), expired: false });
    world.done(&subscribe(None, "request-3"));
    world.done(&Command::DisconnectFramework(session(3, 1)));
    world
}

/// A dump, record by record, as bytes.
fn dump(world: &World) -> Vec<Vec<u8>> {
    records(&world.ledger).collect()
}

fn restore_records(records: &[Vec<u8>]) -> Result<u128, RestoreError> {
    let mut restore = Restore::new();
    records.iter().try_for_each(|record| restore.push(record))?;
    restore.finish().map(|ledger| digest(&ledger))
}

#[test]
fn a_batch_is_refused_for_each_reason() {
    let good = encode_batch(&batch());
    assert_eq!(decode_batch(&good), Ok(batch()));
    assert_eq!(decode_batch(&good[..4]), Err(CodecError::Short { length_bytes: 4 }));
    let mut newer = good.clone();
    newer[0] = 99;
    assert_eq!(decode_batch(&newer), Err(CodecError::Version { version: 99 }));
    let mut torn = good.clone();
    torn[9] ^= 1;
    assert!(matches!(decode_batch(&torn), Err(CodecError::Checksum { .. })));
    let sealed = |body: &[u8]| {
        let mut bytes = vec![1];
        bytes.extend(crc32fast::hash(body).to_le_bytes());
        bytes.extend(body);
        bytes
    };
    assert!(matches!(decode_batch(&sealed(&[0xFF])), Err(CodecError::Protobuf(_))));
    let no_command = sealed(&[0x1A, 0x00]); // commands: one, empty
    assert_eq!(decode_batch(&no_command), Err(CodecError::Kind { index: 0 }));
    let no_agent = sealed(&[0x1A, 0x02, 0x12, 0x00]); // mark_agent_unreachable: empty
    assert!(matches!(decode_batch(&no_agent), Err(CodecError::Field { index: 0, .. })));
}

/// Read, it could not be written in a form that is read as the same.
#[test]
fn a_partial_accept_of_nothing_is_no_batch() {
    let accept = wire::command::Accept {
        framework_id: "framework-1".to_owned(),
        epoch: 1,
        role: "*".to_owned(),
        partial: true,
        ..wire::command::Accept::default()
    };
    let command = wire::Command { command: Some(wire::command::Command::Accept(accept)) };
    let body = wire::Batch { commands: vec![command], ..wire::Batch::default() }.encode_to_vec();
    let mut bytes = vec![1];
    bytes.extend(crc32fast::hash(&body).to_le_bytes());
    bytes.extend(body);
    assert!(matches!(decode_batch(&bytes), Err(CodecError::Field { index: 0, .. })));
}

#[test]
fn cutting_a_batch_anywhere_is_noticed() {
    let good = encode_batch(&batch());
    for length in 0..good.len() {
        assert!(decode_batch(&good[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_dump_is_refused_for_each_reason() {
    let good = dump(&varied());
    assert!(restore_records(&good).is_ok());
    assert_eq!(restore_records(&[]), Err(RestoreError::Empty));
    let order = |record| Err(RestoreError::Order { record });
    assert_eq!(restore_records(&good[1..]), order(0));
    assert_eq!(restore_records(&[good[0].clone(), good[0].clone()]), order(1));
    for earlier in 1..good.len() - 1 {
        let mut swapped = good.clone();
        swapped.swap(earlier, earlier + 1);
        assert_eq!(restore_records(&swapped), order(earlier as u64 + 1));
    }
    let then = |record: &[u8]| restore_records(&[good[0].clone(), record.to_vec()]);
    assert!(matches!(then(&[0xFF]), Err(RestoreError::Protobuf { record: 1, .. })));
    assert_eq!(then(&[]), Err(RestoreError::Kind { record: 1 }));
    assert!(matches!(then(&[0x12, 0x00]), Err(RestoreError::Field { record: 1, .. })));
    let without = |missing: usize| {
        let mut records = good.clone();
        records.remove(missing);
        restore_records(&records)
    };
    // Agents 1 to 3, frameworks 4 to 6, tasks 7 and 8.
    assert!(matches!(without(1), Err(RestoreError::Broken(broken)) if broken.name == "T6"));
    assert!(matches!(without(4), Err(RestoreError::Broken(broken)) if broken.name == "T6"));
    assert!(without(7).is_ok(), "a task less cannot be noticed: files have checksums");
}

#[test]
fn a_dump_of_everything_comes_back() {
    let world = varied();
    let restored = restore(&world.ledger);
    assert_eq!(digest(&restored), digest(&world.ledger));
    assert_eq!(restored.cluster(), world.ledger.cluster());
    let applied = restored.applied();
    assert_eq!((applied.index, applied.time), (world.stamp.index, world.stamp.time));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_no_batch(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if decode_batch(&bytes).is_ok() {
            prop_assert_eq!(crc32fast::hash(&bytes[5..]), checksum_of(&bytes));
        }
    }

    #[test]
    fn a_damaged_batch_is_noticed(
        places in prop::collection::vec((any::<prop::sample::Index>(), 1..=255u8), 1..4),
    ) {
        let good = encode_batch(&batch());
        let mut bytes = good.clone();
        for (place, flip) in places {
            bytes[place.index(good.len())] ^= flip;
        }
        // Another version that is known changes nothing of what is read.
        prop_assert!(decode_batch(&bytes).map_or(true, |read| read == batch()));
    }

    /// With the checksum made right again, so that everything behind it is reached.
    #[test]
    fn a_forged_batch_is_read_or_refused(
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode_batch(&batch());
        let length = bytes.len() - 5;
        for (place, byte) in places {
            bytes[5 + place.index(length)] = byte;
        }
        let checksum = crc32fast::hash(&bytes[5..]).to_le_bytes();
        bytes[1..5].copy_from_slice(&checksum);
        if let Ok(read) = decode_batch(&bytes) {
            prop_assert_eq!(decode_batch(&encode_batch(&read)), Ok(read));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

    /// Whatever the records say, the result is refused or keeps every invariant.
    #[test]
    fn a_forged_dump_is_read_or_refused(
        places in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()),
            1..4,
        ),
    ) {
        let mut records = dump(&varied());
        for (record, place, byte) in places {
            let record = record.index(records.len());
            let length = records[record].len();
            records[record][place.index(length)] = byte;
        }
        let mut restore = Restore::new();
        if records.iter().try_for_each(|record| restore.push(record)).is_ok()
            && let Ok(ledger) = restore.finish()
        {
            prop_assert_eq!(master_core::ledger::invariants::check(&ledger), vec![]);
        }
    }
}
