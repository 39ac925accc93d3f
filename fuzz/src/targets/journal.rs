//! What an agent finds of an earlier life: rows, and the file that they are in.
//!
//! Rows are refused, or believed whole. A life that begins with what was believed leaves a journal
//! with which the next life begins in the same state: recovering twice is recovering once. A
//! damaged file is refused, or holds one of the states that were once committed.

use super::{agent::Disk, kind_of, part, scratch};
use crate::{
    schema::Inventor,
    situation::{met, met_error, met_variant},
    wire,
};
use agent_core::{
    Agent, Ending, ExitReport, Identity, Journal, Observation, Outbox, Record, TaskRow, VolumeRow,
    journal::{
        JournalError,
        codec::{decode_identity, decode_row, encode_identity, encode_row},
        codec_volume::{decode_volume, encode_volume},
    },
};
use proto::model::{Instant, TaskState};
use std::{collections::BTreeMap, fmt::Debug, fs, path::Path, sync::OnceLock};

/// Identity, row of a task, row of a volume, how to look at the containers, damage to a file.
const KINDS: usize = 5;
const ROW: &str = "bourse.journal.v1.TaskRow";
const VOLUME: &str = "bourse.journal.v1.VolumeRow";

/// Rows that were once written; kept by the tests of the formats.
fn written(prefix: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/tests/compat");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder of the repository")
        .map(|file| file.expect("a file of the repository").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("journal_") && name.contains(prefix)
        })
        .collect();
    files.sort();
    files.into_iter().map(|path| fs::read(path).expect("a file of the repository")).collect()
}

pub(super) fn recover_seeds() -> Vec<Vec<u8>> {
    let rows = written("task_row");
    let volumes = written("volume_row");
    let identity = Disk::new().identity;
    let identity = part(0, encode_identity(&identity));
    let look = |how| part(3, wire::write(&[wire::varint(1, how)]));
    let mut inputs = Vec::new();
    for how in 0..4 {
        for row in &rows {
            inputs.push(wire::write(&[identity.clone(), part(1, row.clone()), look(how)]));
        }
        for row in &volumes {
            inputs.push(wire::write(&[identity.clone(), part(2, row.clone()), look(how)]));
        }
    }
    for seed in 0..30 {
        let mut inventor = Inventor::new(seed);
        let mut parts = vec![identity.clone(), look(seed)];
        parts.extend((0..3).map(|_| part(1, inventor.message(ROW))));
        parts.push(part(2, inventor.message(VOLUME)));
        inputs.push(wire::write(&parts));
        let at =
            [wire::varint(1, seed * 1_117), wire::varint(2, seed % 8), wire::varint(3, seed % 3)];
        inputs.push(wire::write(&[part(4, wire::write(&at))]));
    }
    inputs
}

pub(super) fn recover(bytes: &[u8]) {
    let mut disk = Disk::new();
    let (mut rows, mut volumes) = (Vec::<TaskRow>::new(), Vec::<VolumeRow>::new());
    let mut how = 0;
    let mut damages = Vec::new();
    for (number, said) in wire::parts(bytes) {
        match kind_of(number, KINDS) {
            0 => {
                let read = believe("identity", said, decode_identity, encode_identity);
                let Some(identity) = read else { continue };
                disk.identity = Identity { agent: disk.identity.agent.clone(), ..identity };
            }
            1 => rows.extend(believe("row", said, decode_row, encode_row)),
            2 => volumes.extend(believe("volume", said, decode_volume, encode_volume)),
            3 => how = wire::number(said, 1),
            _ => damages.push(said),
        }
    }
    if !damages.is_empty() {
        damaged_file(&damages);
    }
    let journal = Journal { identity: disk.identity.clone(), rows, volumes };
    let Some(first) = live(journal, how, &mut disk) else { return };
    let second = live(disk.journal(), how, &mut disk).expect("its own journal");
    assert_eq!(first, second, "recovering twice is recovering once");
}

fn believe<T: PartialEq + Debug>(
    kind: &str,
    said: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, JournalError>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> Option<T> {
    match decode(said) {
        Ok(read) => {
            let again = decode(&encode(&read));
            assert_eq!(again.ok().as_ref(), Some(&read), "written and read again");
            met((kind, "believed"));
            Some(read)
        }
        Err(error) => {
            met_error(kind, &error);
            None
        }
    }
}

/// A life that begins with this journal; what it leaves on disk before anything else happens.
fn live(journal: Journal, how: u64, disk: &mut Disk) -> Option<Journal> {
    disk.rows = journal.rows.iter().map(|row| (row.key.clone(), row.clone())).collect();
    disk.volumes = journal.volumes.iter().map(|row| (row.key, row.clone())).collect();
    let mut observed = BTreeMap::new();
    for (index, row) in journal.rows.iter().enumerate() {
        let Some(container) = row.container.clone() else { continue };
        let report = ExitReport {
            ending: Ending::Exited(3),
            killed_by_request: how & 8 != 0,
            memory_peak_bytes: None,
        };
        let observation = match (how >> (index % 8)) & 3 {
            0 => Observation::Running,
            1 => Observation::Exited(report),
            _ => Observation::Nothing,
        };
        observed.insert(container, observation);
    }
    let found = match how & 16 {
        0 => journal.volumes.iter().map(|row| row.key).collect(),
        _ => Default::default(),
    };
    let mut outbox = Outbox::new();
    let config = super::agent::config(1, "boot-1");
    let recovered = Agent::recover(config, journal, observed, found, Instant(1_000), &mut outbox);
    let agent = match recovered {
        Ok(agent) => agent,
        Err(error) => {
            met_error("not recovered", &error);
            return None;
        }
    };
    for effect in outbox.drain() {
        met_variant("effect", &effect);
        if let agent_core::Effect::Journal(records) = effect {
            disk.apply(&records);
        }
    }
    let rows: Vec<TaskRow> = agent.tasks().cloned().collect();
    assert_eq!(disk.journal().rows, rows, "what it knows is durable");
    Some(disk.journal())
}

/// A journal's file, and the states that it has been in.
struct Specimen {
    bytes: Vec<u8>,
    states: Vec<Vec<TaskRow>>,
}

fn specimen() -> &'static Specimen {
    static SPECIMEN: OnceLock<Specimen> = OnceLock::new();
    SPECIMEN.get_or_init(|| {
        let place = scratch();
        let identity = Disk::new().identity;
        let rows: Vec<TaskRow> =
            written("task_row").iter().filter_map(|bytes| decode_row(bytes).ok()).collect();
        let mut groups: Vec<Vec<Record>> = Vec::new();
        for state in [TaskState::Killing, TaskState::Running] {
            groups.extend(rows.iter().map(|row| {
                let row = TaskRow { state, pending: Vec::new(), kill: None, ..row.clone() };
                vec![Record::Task(Box::new(row))]
            }));
        }
        groups.retain(|group| match &group[0] {
            Record::Task(row) => decode_row(&encode_row(row)).is_ok(),
            _ => true,
        });
        agent::testing::write_journal(place.path(), &identity, &groups);
        let mut disk = Disk::new();
        let mut states = vec![disk.journal().rows];
        for group in &groups {
            disk.apply(group);
            states.push(disk.journal().rows);
        }
        let bytes = fs::read(place.path().join("journal.redb")).expect("it was just written");
        Specimen { bytes, states }
    })
}

/// Each damage says where, how, and with what.
fn damaged_file(damages: &[&[u8]]) {
    let specimen = specimen();
    let mut bytes = specimen.bytes.clone();
    for damage in damages.iter().take(8) {
        let at = usize::try_from(wire::number(damage, 1)).unwrap_or(0) % bytes.len().max(1);
        let with = wire::number(damage, 2);
        match wire::number(damage, 3) % 3 {
            0 => bytes[at] ^= 1 << (with % 8),
            1 => {
                let end = bytes.len().min(at + 512);
                bytes[at..end].fill(with.to_le_bytes()[0]);
            }
            _ => bytes.truncate(at),
        }
        if bytes.is_empty() {
            break;
        }
    }
    let place = scratch();
    fs::write(place.path().join("journal.redb"), &bytes).expect("a file for a test");
    match agent::testing::open_journal(place.path(), &Disk::new().identity) {
        Ok(found) => {
            met(("file", found.rows.len()));
            assert!(specimen.states.contains(&found.rows), "a state that never was: {found:?}");
            let again = agent::testing::open_journal(place.path(), &Disk::new().identity);
            assert_eq!(again.expect("it was just opened"), found, "opening changes nothing");
        }
        Err(error) => met_error("file", &error),
    }
}
