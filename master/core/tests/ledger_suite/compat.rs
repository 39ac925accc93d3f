//! What was once written stays readable: a batch and a dump of format version 1, kept as files.
//!
//! `BOURSE_WRITE_GOLDEN=1` writes them anew; only a new version's files may ever be new.

use crate::{
    build::*,
    bytes::varied,
    stories_directives::{advance, direct},
};
use master_core::ledger::{
    Command, LogVersion, ReservationChange,
    codec::{Batch, decode_batch, encode_batch},
    digest::digest,
    dump::{Restore, records},
};
use proto::model::{
    AgentDirective, Attribute, AttributeValue, DisruptionBudget, DrainPlan, Duration, FrameworkId,
    Instant, Milli, Operation, Reason, Refusal, ReservationId, ReservationPlan, ReservationRef,
    ReservedPart, StatusReason, TaskState::*, Unreserve, WallTime, WindowId, WindowPlan,
};
use std::{fs, path::PathBuf};

/// Of the ledger in `dump-v1-directives.bin`.
const DIRECTED_DIGEST: u128 = 62_240_787_977_685_749_136_926_538_710_524_398_776;

/// Of the ledger in `dump-v2-reservations.bin`.
const RESERVED_DIGEST: u128 = 267_139_624_599_792_929_890_973_658_925_503_055_592;

/// Of the ledger in `dump-v1.bin`.
const DUMP_DIGEST: u128 = 152_518_542_788_546_287_541_488_100_777_256_939_731;

/// The file's bytes; writes it first when asked to.
#[expect(clippy::disallowed_methods, reason = "a test may read and write files")]
pub(crate) fn golden(name: &str, written_today: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/compat").join(name);
    if std::env::var_os("BOURSE_WRITE_GOLDEN").is_some_and(|wish| wish == "1") {
        fs::write(&path, written_today).expect("the file can be written");
    }
    fs::read(&path).expect("the golden file is in the repository")
}

/// A command of every kind, every field set.
fn every_command() -> Vec<Command> {
    let mut info = agent_info("a1", resources(4_000, 31_000..31_010));
    let rack = AttributeValue::Text("r1".to_owned());
    info.attributes = vec![
        Attribute { name: "rack".to_owned(), value: rack },
        Attribute { name: "units".to_owned(), value: AttributeValue::Scalar(Milli(1_500)) },
    ];
    let mut task = task_info("t1", "a1", resources(500, 31_000..31_002));
    task.kill_policy.grace_period = Some(Duration(1_234));
    task.labels = vec![("tier".to_owned(), "gold".to_owned())];
    task.command.environment = vec![("HOME".to_owned(), "/".to_owned())];
    task.command.user = "nobody".to_owned();
    let mut status = told("t1", "a1", Failed, 3);
    status.reason = StatusReason::CommandSignaled;
    status.message = "ended by signal 9".to_owned();
    (status.exit_code, status.signal, status.memory_peak_bytes) = (Some(-1), Some(9), Some(4_096));
    let mut framework = framework_info(&["*", "eng/batch"], 60_000);
    framework.labels = vec![("team".to_owned(), "search".to_owned())];
    vec![
        Command::Barrier { term: 7 },
        Command::RegisterAgent {
            info,
            incarnation: 99,
            tasks: vec![journal(1, "t1", Killing)],
            volumes: vec![],
        },
        unreachable_agent("a1", 99),
        remove_agent("a1", 99),
        Command::SubscribeFramework {
            info: framework,
            framework: Some(FrameworkId(1)),
            principal: "alice".to_owned(),
            request: request("request-1"),
        },
        Command::DisconnectFramework(session(1, 2)),
        Command::RemoveFramework { session: session(1, 2), expired: true },
        Command::launch(session(1, 2), role("eng/batch"), Some(request("request-2")), vec![task]),
        kill(key(1, "t1"), Some(0)),
        Command::RecordUpdate {
            agent: agent("a1"),
            incarnation: 99,
            framework: FrameworkId(1),
            status,
        },
        acknowledge(session(1, 2), "t1", 3),
    ]
}

#[test]
fn a_batch_of_version_1() {
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands: every_command() };
    let bytes = golden("batch-v1.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes, "this software still writes version 1");
}

#[test]
fn a_dump_of_version_1() {
    check_dump("dump-v1.bin", &varied(), DUMP_DIGEST);
}

/// Accepts of several operations came later.
#[test]
fn operations_of_version_2() {
    let launch = |id: &str| {
        let tasks = vec![task_info(id, "a1", resources(500, 31_000..31_002))];
        Ok(Operation::Launch { tasks })
    };
    let refusal = Refusal::new(Reason::ResourcesNotOffered, "none of the offers is of agent a2")
        .at("launch.tasks[0].agent_id");
    let accept = |operations, partial| Command::Accept {
        session: session(1, 2),
        role: role("eng/batch"),
        request: Some(request("request-2")),
        operations,
        partial,
        revocable: false,
    };
    let commands = vec![
        accept(vec![launch("t1"), launch("t2")], false),
        accept(vec![launch("t1"), Err(refusal)], true),
        accept(vec![launch("t1")], true),
    ];
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands };
    let bytes = golden("batch-v2-operations.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes, "this software still writes version 2");
}

/// Reservations came with version 2 too.
#[test]
fn reservations_of_version_2() {
    let known = |id| ReservationRef::Known(ReservationId(id));
    let plan = |parent| ReservationPlan {
        agent: agent("a1"),
        role: role("eng/search"),
        resources: resources(500, 31_000..31_002),
        labels: vec![("for".to_owned(), "tests".to_owned())],
        parent,
    };
    let give_up = |resources| Unreserve { reservation: known(2), resources };
    let mut task = task_info("t1", "a1", resources(500, 31_000..31_002));
    let part = |from| ReservedPart { from, resources: resources(100, 0..0) };
    task.reserved = vec![part(known(1)), part(ReservationRef::Made(0))];
    let operations = vec![
        Ok(Operation::Reserve(plan(Some(known(1))))),
        Ok(Operation::Unreserve(give_up(Some(resources(1, 0..0))))),
        Ok(Operation::MoveReservation { reservation: known(2), role: role("ops") }),
        Ok(Operation::Launch { tasks: vec![task] }),
    ];
    let (session, request) = (session(1, 2), Some(request("request-2")));
    let reservations = Command::ChangeReservations;
    let commands = vec![
        Command::Accept {
            session,
            role: role("eng"),
            request,
            operations,
            partial: false,
            revocable: false,
        },
        reservations(ReservationChange::Reserve { plan: plan(None), owner: "ann".to_owned() }),
        reservations(ReservationChange::Unreserve(give_up(None))),
        reservations(ReservationChange::Move { reservation: ReservationId(2), role: role("ops") }),
    ];
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands };
    let bytes = golden("batch-v2-reservations.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes, "this software still writes version 2");
    check_dump("dump-v2-reservations.bin", &reserved(), RESERVED_DIGEST);
}

/// A reservation, a refinement of it, and a task that takes from both and from neither.
fn reserved() -> World {
    let mut world = World::furnished();
    world.done(&Command::RaiseVersion(LogVersion::CURRENT));
    let known = |id| ReservationRef::Known(ReservationId(id));
    let plan = |name: &str, cpus, parent| ReservationPlan {
        agent: agent("a2"),
        role: role(name),
        resources: resources(cpus, 0..0),
        labels: vec![("for".to_owned(), "tests".to_owned())],
        parent,
    };
    let (owner, reservations) = (|| "ann".to_owned(), Command::ChangeReservations);
    let reserve = |plan| reservations(ReservationChange::Reserve { plan, owner: owner() });
    world.done(&reserve(plan("eng", 2_000, None)));
    let refinement = plan("eng/search", 500, Some(known(1)));
    world.done(&reserve(refinement));
    let mut task = task_info("t7", "a2", resources(1_000, 0..0));
    task.reserved = vec![ReservedPart { from: known(1), resources: resources(400, 0..0) }];
    world.done(&Command::launch(session(1, 1), role("eng"), None, vec![task]));
    world
}

/// What operators direct came later, in fields and records of its own.
#[test]
fn directives_of_version_1() {
    let commands = every_directive();
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands };
    let bytes = golden("batch-v1-directives.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes, "this software still writes version 1");
    check_dump("dump-v1-directives.bin", &directed(), DIRECTED_DIGEST);
}

fn window_plan() -> WindowPlan {
    WindowPlan {
        selector: "rack=r1,hostname=a2.example".parse().expect("a selector"),
        starts_in: Duration(60_000),
        duration: Duration(3_600_000),
        drain: Some(DrainPlan { mark_gone: false, ..drain_plan() }),
        comment: "new disks".to_owned(),
    }
}

fn drain_plan() -> DrainPlan {
    let max_grace = Some(Duration(30_000));
    DrainPlan { deadline: Duration(600_000), max_grace, mark_gone: true }
}

fn every_directive() -> Vec<Command> {
    use AgentDirective::*;
    let directives = [Deactivate, Reactivate, Drain(drain_plan()), CancelDrain, DeclareGone];
    let mut info = framework_info(&["*"], 5);
    let label = Some("tier".to_owned());
    info.disruption_budget = Some(DisruptionBudget { label, tasks_max: 3 });
    let mut commands: Vec<_> = directives.map(|directive| direct("a1", directive)).into();
    commands.extend([
        advance("a1"),
        Command::UpdateFramework { session: session(1, 2), info },
        Command::ScheduleWindow(window_plan()),
        Command::TurnWindow(WindowId(1)),
        Command::CancelWindow(WindowId(1)),
    ]);
    commands
}

/// Every field that directives have in rows.
fn directed() -> World {
    let mut world = World::furnished();
    let mut info = framework_info(&["*", "eng"], 1_000);
    info.disruption_budget = Some(DisruptionBudget { label: None, tasks_max: 1 });
    world.done(&Command::UpdateFramework { session: session(1, 1), info });
    world.done(&direct("a2", AgentDirective::Deactivate));
    world.done(&direct("a1", AgentDirective::Drain(drain_plan())));
    world.pass(10);
    world.done(&advance("a1"));
    world.done(&register("a4", 1, vec![]));
    let selector = "id=a4".parse().expect("a selector");
    let plan = WindowPlan { selector, starts_in: Duration(0), ..window_plan() };
    world.done(&Command::ScheduleWindow(plan));
    world.done(&Command::TurnWindow(WindowId(1)));
    world.done(&Command::ScheduleWindow(window_plan()));
    world
}

pub(crate) fn check_dump(name: &str, world: &World, expected: u128) {
    let mut written = Vec::new();
    for record in records(&world.ledger) {
        written.extend((record.len() as u32).to_le_bytes());
        written.extend(record);
    }
    let bytes = golden(name, &written);
    let mut rest = bytes.as_slice();
    let mut restore = Restore::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (record, behind) = behind.split_at(u32::from_le_bytes(*length) as usize);
        restore.push(record).expect("a record of version 1");
        rest = behind;
    }
    let ledger = restore.finish().expect("a dump of version 1");
    assert_eq!(digest(&ledger), digest(&world.ledger));
    assert_eq!(digest(&ledger), expected, "C4 across versions: the digest is part of the format");
}
