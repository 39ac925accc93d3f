//! Weights, quotas and limits told as stories; each refusal; and their bytes.

use crate::{build::*, histories::restore};
use master_core::ledger::{
    Command, Event,
    codec::{Batch, decode_batch, encode_batch},
    digest::digest,
    dump::records,
};
use proto::model::{
    Instant, Milli, Quota, Reason, Refusal, ResourceName, Resources, TaskState::*, WallTime, limits,
};
use std::{fs, path::PathBuf};

pub(crate) fn cpus(milli: i64) -> Resources {
    resources(milli, 0..0)
}

pub(crate) fn quota(promised: i64, most: Option<i64>, piece: Option<i64>) -> Quota {
    let limit = most.map(|milli| (ResourceName::CPUS, Milli(milli))).into_iter().collect();
    Quota::new(cpus(promised), limit, piece.map(cpus)).expect("a quota")
}

fn set(name: &str, quota: Quota) -> Command {
    Command::SetQuota { role: role(name), quota, force: false }
}

fn guarantee(name: &str, milli: i64) -> Command {
    set(name, quota(milli, None, None))
}

fn limit(name: &str, milli: i64) -> Command {
    set(name, quota(0, Some(milli), None))
}

fn weight(name: &str, milli: Option<i64>) -> Command {
    Command::SetWeight { role: role(name), weight: milli.map(Milli) }
}

/// In a role, on a2, which has 4 CPUs.
fn launch(name: &str, tasks: &[(&str, i64)]) -> Command {
    let tasks = tasks.iter().map(|(id, milli)| task_info(id, "a2", cpus(*milli))).collect();
    Command::launch(session(1, 2), role(name), None, tasks)
}

/// Two agents of 4 CPUs each, and framework 1 in three roles of one branch.
fn world() -> World {
    let mut world = World::furnished();
    world.done(&Command::SubscribeFramework {
        info: framework_info(&["*", "eng", "eng/search", "eng/search/batch"], 1_000),
        framework: Some(proto::model::FrameworkId(1)),
        principal: "alice".to_owned(),
        request: request("request-2"),
    });
    world
}

fn refused(world: &mut World, command: &Command) -> Refusal {
    world.apply(command).expect_err("is refused")
}

fn why(refusal: &Refusal) -> (Reason, &str) {
    (refusal.reason, &refusal.field)
}

fn used(world: &World, name: &str) -> i64 {
    world.ledger.roles().allocated(&role(name)).scalar(&ResourceName::CPUS).0
}

#[test]
fn what_is_set_is_read_and_removed_again() {
    let mut world = world();
    let changed = |name: &str| vec![Event::RoleChanged(role(name))];
    assert_eq!(world.done(&weight("eng", Some(2_500))), changed("eng"));
    assert_eq!(world.done(&weight("eng", Some(2_500))), [], "it is so already");
    assert_eq!(world.done(&limit("eng", 0)), changed("eng"));
    assert_eq!(world.ledger.roles().weight(&role("eng")), Some(Milli(2_500)));
    assert_eq!(world.ledger.roles().quota(&role("eng")), Some(&quota(0, Some(0), None)));
    assert_eq!(world.ledger.roles().quota(&role("eng/search")), None);

    let before = digest(&world.ledger);
    let remove = Command::RemoveQuota { role: role("eng") };
    assert_eq!(world.done(&remove), changed("eng"));
    assert_ne!(digest(&world.ledger), before);
    assert_eq!(world.done(&remove), []);
    assert_eq!(world.done(&weight("eng", None)), changed("eng"));
    assert_eq!(world.ledger.roles().iter().len(), 0, "a row that says nothing is none");
    let nobody = Command::RemoveQuota { role: role("nobody") };
    assert_eq!(world.done(&nobody), []);
}

#[test]
fn a_role_uses_what_those_below_it_use() {
    let mut world = world();
    world.done(&launch("eng/search/batch", &[("b", 300)]));
    world.done(&launch("eng/search", &[("s", 500)]));
    world.done(&launch("eng", &[("e", 1_000), ("f", 100)]));
    let sums = |world: &World| {
        ["eng/search/batch", "eng/search", "eng", "*", "en"].map(|name| used(world, name))
    };
    assert_eq!(sums(&world), [300, 800, 1_900, 500, 0]);
    world.done(&update(1, told("s", "a2", Finished, 1)));
    assert_eq!(sums(&world), [300, 300, 1_400, 500, 0]);
    world.done(&unreachable_agent("a2", 1));
    assert_eq!(sums(&world), [300, 300, 1_400, 500, 0], "they may still run");
    world.done(&remove_agent("a2", 1));
    assert_eq!(sums(&world), [0, 0, 0, 500, 0]);
}

#[test]
fn nothing_is_launched_above_a_limit() {
    let mut world = world();
    world.done(&limit("eng", 1_000));
    world.done(&launch("eng/search/batch", &[("a", 600)]));
    let refusal = refused(&mut world, &launch("eng/search", &[("b", 300), ("c", 200)]));
    assert_eq!(why(&refusal), (Reason::QuotaExceeded, "tasks[1].resources[0]"));
    let told = "role eng may use 1 cpus and uses 0.9; the task asks for 0.2";
    assert_eq!(refusal.message, told);
    world.done(&launch("eng/search", &[("b", 300), ("c", 100)]));
    assert_eq!(used(&world, "eng"), 1_000, "all of it, no more");
    let refusal = refused(&mut world, &launch("eng", &[("d", 1)]));
    assert_eq!(refusal.reason, Reason::QuotaExceeded);
    world.done(&launch("*", &[("d", 1)]));
    world.done(&update(1, told_finished("c")));
    world.done(&launch("eng", &[("e", 100)]));
}

fn told_finished(id: &str) -> proto::model::TaskStatus {
    told(id, "a2", Finished, 1)
}

#[test]
fn a_limit_below_what_is_used_ends_nothing_and_starts_nothing() {
    let mut world = world();
    world.done(&launch("eng/search", &[("a", 600), ("b", 600)]));
    world.done(&limit("eng", 500));
    assert_eq!(used(&world, "eng"), 1_200);
    assert!(!world.task(1, "a").is_terminal() && world.task(1, "a").kill.is_none());
    let refusal = refused(&mut world, &launch("eng", &[("c", 1)]));
    assert_eq!(why(&refusal), (Reason::QuotaExceeded, "tasks[0].resources[0]"));
    world.done(&update(1, told_finished("a")));
    assert_eq!(refused(&mut world, &launch("eng", &[("c", 1)])).reason, Reason::QuotaExceeded);
    world.done(&update(1, told_finished("b")));
    world.done(&launch("eng", &[("c", 500)]));
    // What the task does not ask for cannot hold it back.
    let memory = vec![(ResourceName::MEM, Milli(0))];
    let no_memory = Quota::new(Resources::new(), memory, None).expect("a quota");
    world.done(&set("eng", no_memory));
    world.done(&launch("eng", &[("d", 500)]));
}

#[test]
fn more_than_the_agents_have_is_promised_only_by_force() {
    let mut world = world();
    world.done(&guarantee("ops", 5_000));
    let refusal = refused(&mut world, &guarantee("eng/search", 3_001));
    assert_eq!(why(&refusal), (Reason::CapacityExceeded, "quota.guarantee"));
    let told = "8.001 cpus would be promised over all roles, the agents have 8";
    assert_eq!(refusal.message, told);
    world.done(&guarantee("eng/search", 3_000));
    world.done(&guarantee("eng", 3_000));
    let forced =
        Command::SetQuota { role: role("eng"), quota: quota(6_000, None, None), force: true };
    world.done(&forced);
    // What is so already may be said again, and to promise less is never too much.
    world.done(&guarantee("eng", 6_000));
    world.done(&guarantee("ops", 4_000));
    world.done(&limit("sales", 1));
    assert_eq!(refused(&mut world, &guarantee("ops", 4_001)).reason, Reason::CapacityExceeded);
    for text in ["a1", "a2"] {
        world.done(&unreachable_agent(text, 1));
    }
    world.done(&guarantee("ops", 3_000));
    world.done(&guarantee("eng", 4_000));
    world.done(&guarantee("ops", 4_000));
    world.done(&remove_agent("a2", 1));
    assert_eq!(refused(&mut world, &guarantee("ops", 4_001)).reason, Reason::CapacityExceeded);
    world.done(&guarantee("ops", 3_999));
}

#[test]
fn a_guarantee_must_be_to_be_had_in_its_pieces() {
    let mut world = world();
    world.done(&set("eng", quota(6_000, None, Some(2_000))));
    world.done(&set("eng", quota(6_000, None, Some(3_000))));
    let refusal = refused(&mut world, &set("eng", quota(6_000, None, Some(6_000))));
    assert_eq!(why(&refusal), (Reason::CapacityExceeded, "quota.shape"));
    let told = "1 pieces of cpus:6 are promised, the agents have room for 0";
    assert_eq!(refusal.message, told, "no agent has 6 CPUs");
}

#[test]
fn quotas_of_one_branch_must_agree() {
    let mut world = world();
    let field = |world: &mut World, command: &Command| {
        let refusal = refused(world, command);
        assert_eq!(refusal.reason, Reason::InvalidField, "{command:?}");
        refusal.field
    };
    world.done(&set("eng", quota(2_000, Some(3_000), None)));
    assert_eq!(field(&mut world, &limit("eng/search/batch", 3_001)), "quota.limit");
    assert_eq!(field(&mut world, &guarantee("eng/search/batch", 2_001)), "quota.guarantee");
    world.done(&guarantee("eng/search/batch", 1_500));
    // The role between has none of its own: it promises what those below it do.
    assert_eq!(field(&mut world, &guarantee("eng/ads", 501)), "quota.guarantee");
    world.done(&guarantee("eng/ads", 500));
    assert_eq!(field(&mut world, &guarantee("eng", 1_999)), "quota.guarantee");
    assert_eq!(field(&mut world, &limit("eng", 1_999)), "quota.guarantee");
    world.done(&limit("eng", 2_000));
    world.done(&limit("eng/search", 2_000));
    assert_eq!(field(&mut world, &limit("eng", 1_999)), "quota.limit");
    let forced =
        Command::SetQuota { role: role("eng"), quota: quota(0, Some(1), None), force: true };
    assert_eq!(field(&mut world, &forced), "quota.limit", "force is about the agents alone");
    world.done(&Command::RemoveQuota { role: role("eng") });
    world.done(&limit("eng/search", 4_000));
}

#[test]
fn weights_have_a_range() {
    let mut world = world();
    for bad in [0, -1, limits::MILLI_MAX + 1] {
        let refusal = refused(&mut world, &weight("eng", Some(bad)));
        assert_eq!(why(&refusal), (Reason::InvalidField, "weight_milli"));
    }
}

#[test]
fn rows_are_bounded() {
    let mut world = world();
    let mut events = Vec::new();
    for n in 0..limits::ROLES_CONFIGURED_MAX {
        world.stamp.index += 1;
        let command = weight(&format!("role-{n}"), Some(1));
        world.ledger.apply(world.stamp, &command, &mut events).expect("there is room");
    }
    let refusal = refused(&mut world, &weight("one-more", Some(1)));
    assert_eq!(why(&refusal), (Reason::LimitExceeded, "role"));
    world.done(&weight("role-7", Some(2)));
    world.done(&weight("role-7", None));
    world.done(&weight("one-more", Some(1)));
}

#[test]
fn a_sum_over_frameworks_stays_in_range() {
    let mut world = World::new();
    let all = cpus(limits::MILLI_MAX);
    let count = usize::try_from(i64::MAX / limits::MILLI_MAX).expect("some thousands");
    let mut events = Vec::new();
    let mut launch = |n: usize| {
        let text = format!("agent-{n}");
        let mut apply = |command: &Command| {
            world.stamp.index += 1;
            world.ledger.apply(world.stamp, command, &mut events)
        };
        let info = agent_info(&text, all.clone());
        apply(&Command::RegisterAgent { info, incarnation: 1, tasks: vec![], volumes: vec![] })
            .expect("an agent");
        apply(&subscribe(None, &format!("request-{n}"))).expect("a framework of its own");
        let tasks = vec![task_info(&text, &text, all.clone())];
        apply(&accept(session(n as u64 + 1, 1), tasks))
    };
    for n in 0..count {
        launch(n).expect("fits");
    }
    let refusal = launch(count).expect_err("does not fit");
    assert_eq!(why(&refusal), (Reason::LimitExceeded, "tasks"));
}

#[test]
fn a_restored_ledger_has_the_same_roles() {
    let mut world = world();
    world.done(&weight("eng", Some(2_500)));
    world.done(&set("eng", quota(2_000, Some(3_000), Some(1_000))));
    world.done(&limit("eng/search", 0));
    world.done(&launch("eng", &[("a", 600)]));
    let restored = restore(&world.ledger);
    assert_eq!(digest(&restored), digest(&world.ledger));
    assert_eq!(restored.roles().quota(&role("eng/search")), Some(&quota(0, Some(0), None)));
    assert_eq!(restored.roles().allocated(&role("eng")), &cpus(600));
}

/// As in `compat`: what was written stays readable.
#[expect(clippy::disallowed_methods, reason = "a test may read and write files")]
pub(crate) fn golden(name: &str, written_today: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/compat").join(name);
    let wanted = std::env::var_os("BOURSE_WRITE_GOLDEN").is_some_and(|wish| wish == "1");
    if wanted && !fs::exists(&path).expect("the folder can be read") {
        fs::write(&path, written_today).expect("the file can be written");
    }
    fs::read(&path).expect("the golden file is in the repository")
}

#[test]
fn commands_and_rows_of_roles_of_version_1() {
    let commands = vec![
        weight("eng/batch", Some(2_500)),
        weight("eng/batch", None),
        Command::SetQuota {
            role: role("eng"),
            quota: quota(2_000, Some(3_000), Some(1_000)),
            force: true,
        },
        limit("eng/search", 0),
        Command::RemoveQuota { role: role("eng") },
    ];
    let batch = Batch { time: Instant(12), wall: WallTime(34), commands };
    let bytes = golden("batch-roles-v1.bin", &encode_batch(&batch));
    assert_eq!(decode_batch(&bytes), Ok(batch.clone()));
    assert_eq!(encode_batch(&batch), bytes);

    let mut world = world();
    world.done(&weight("eng", Some(2_500)));
    world.done(&set("eng", quota(2_000, Some(3_000), Some(1_000))));
    world.done(&limit("eng/search", 0));
    let rows: Vec<Vec<u8>> = records(&world.ledger).skip(1).take(2).collect();
    assert_eq!(golden("rows-roles-v1.bin", &rows.concat()), rows.concat());
}
