//! Commands in any order, with anything in them, as long as a log entry can carry them.
//!
//! After each command every invariant holds; what is refused has changed nothing and made no facts;
//! what was read is written and read again. At the end the ledger is dumped, and what is restored
//! is the same.

use super::part;
use crate::{
    schema::Inventor,
    situation::{met, met_error, met_variant},
    wire,
};
use agent::settings::resources_from_text;
use master_core::ledger::{
    Command, Ledger, LogVersion, Stamp,
    codec::{Batch, decode_batch, encode_batch},
    digest::digest,
    dump::{Restore, records},
    invariants,
};
use proto::model::{AgentInfo, ClusterId, Duration, FrameworkInfo, Instant, WallTime};
use std::{fs, path::Path};

/// Entries of one input that are applied, at most: a run must stay short.
const ENTRIES_MAX: usize = 24;
const COMMANDS_MAX: usize = 64;
const BATCH: &str = "bourse.log.v1.Batch";
/// Some thousand years after the cluster began.
const CLOCK_MAX: Instant = Instant(1 << 47);
/// Version and checksum of a log entry.
const HEADER_BYTES: usize = 5;

/// A batch's body with a header that is right.
fn sealed(body: &[u8]) -> Vec<u8> {
    let version = u8::try_from(LogVersion::CURRENT.number()).expect("a byte of the header");
    let mut bytes = vec![version];
    bytes.extend(crc32fast::hash(body).to_le_bytes());
    bytes.extend(body);
    bytes
}

/// Batches that were once written; kept by the tests of the formats.
fn written_batches() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../master/core/tests/compat");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder of the repository")
        .map(|file| file.expect("a file of the repository").path())
        .filter(|path| path.to_string_lossy().contains("/batch-"))
        .collect();
    files.sort();
    let read = |path| fs::read(path).expect("a file of the repository").split_off(HEADER_BYTES);
    files.into_iter().map(read).collect()
}

/// Agents, and a framework that may launch tasks on them.
fn furnished() -> Vec<u8> {
    let register = |id: &str| Command::RegisterAgent {
        info: AgentInfo {
            reservations: Vec::new(),
            id: id.parse().expect("an id"),
            hostname: format!("{id}.example"),
            address: "192.0.2.1:5051".to_owned(),
            resources: resources_from_text("cpus:8;mem:8192;disk:8192;ports:[31000-31100]")
                .expect("a bag of resources"),
            attributes: Vec::new(),
            domain: None,
            version: "1".to_owned(),
        },
        incarnation: 1,
        tasks: Vec::new(),
        volumes: Vec::new(),
    };
    let subscribe = |request: &str| Command::SubscribeFramework {
        info: FrameworkInfo {
            name: "fuzz".to_owned(),
            roles: ["eng", "eng/batch", "*"].map(|role| role.parse().expect("a role")).to_vec(),
            failover_timeout: Duration(60_000),
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        },
        framework: None,
        principal: "alice".to_owned(),
        request: request.parse().expect("an id"),
    };
    let commands = vec![
        register("a1"),
        register("a2"),
        subscribe("request-00000001"),
        subscribe("request-00000002"),
    ];
    let batch = Batch { time: Instant(2_000), wall: WallTime(0), commands };
    encode_batch(&batch).split_off(HEADER_BYTES)
}

pub(super) fn command_seeds() -> Vec<Vec<u8>> {
    let written = written_batches();
    let base = part(0, furnished());
    let all: Vec<_> = written.iter().map(|body| part(0, body.clone())).collect();
    let mut inputs = vec![wire::write(&all)];
    inputs.extend(all.iter().map(|one| wire::write(&[base.clone(), one.clone()])));
    for seed in 0..120 {
        let mut inventor = Inventor::new(seed);
        let is_believed = |body: &[u8]| decode_batch(&sealed(body)).is_ok();
        let batches = (0..10).map(|_| part(0, inventor.believed(BATCH, is_believed)));
        let all: Vec<_> = [base.clone()].into_iter().chain(batches).collect();
        inputs.push(wire::write(&all));
    }
    inputs
}

pub(super) fn commands(bytes: &[u8]) {
    let mut world = World::new();
    for (_, body) in wire::parts(bytes).into_iter().take(ENTRIES_MAX) {
        let batch = match decode_batch(&sealed(body)) {
            Ok(batch) => batch,
            Err(error) => {
                met_error("batch", &error);
                continue;
            }
        };
        let written = encode_batch(&batch);
        assert_eq!(decode_batch(&written).as_ref(), Ok(&batch), "written and read again");
        world.entry(&batch);
    }
    world.end();
}

struct World {
    ledger: Ledger,
    stamp: Stamp,
}

impl World {
    fn new() -> Self {
        let cluster = ClusterId::new("fuzz").expect("an id");
        let stamp = Stamp { index: 0, term: 1, time: Instant(1_000), wall: WallTime(0) };
        let mut world = Self { ledger: Ledger::new(cluster), stamp };
        // So that every command may be of use.
        world.stamp.index += 1;
        world.apply(&Command::RaiseVersion(LogVersion::CURRENT));
        world.ledger.set_applied(world.stamp);
        world
    }

    fn entry(&mut self, batch: &Batch) {
        self.stamp.index += 1;
        // A leader's clock began when the cluster did; that it ends is nobody's problem.
        self.stamp.time = batch.time.min(CLOCK_MAX);
        self.stamp.wall = batch.wall;
        batch.commands.iter().take(COMMANDS_MAX).for_each(|command| self.apply(command));
        self.ledger.set_applied(self.stamp);
    }

    fn apply(&mut self, command: &Command) {
        let before = digest(&self.ledger);
        let mut events = Vec::new();
        let outcome = self.ledger.apply(self.stamp, command, &mut events);
        let kind = format!("{command:?}");
        let kind = kind.split([' ', '(', '{']).next().unwrap_or_default();
        match outcome {
            Ok(_) => met((kind, "done")),
            Err(refusal) => {
                assert_eq!(digest(&self.ledger), before, "{command:?} left a trace");
                assert_eq!(events, [], "{command:?} made facts");
                let field: String = refusal.field.chars().filter(|c| !c.is_ascii_digit()).collect();
                met((kind, format!("{:?}", refusal.reason), field));
            }
        }
        events.iter().for_each(|event| met_variant("fact", event));
        assert_eq!(invariants::check(&self.ledger), [], "after {command:?}");
    }

    fn end(&self) {
        let mut restore = Restore::new();
        for record in records(&self.ledger) {
            restore.push(&record).expect("what was dumped can be read");
        }
        let restored = restore.finish().expect("what was dumped is whole");
        assert_eq!(digest(&restored), digest(&self.ledger), "D3");
    }
}
