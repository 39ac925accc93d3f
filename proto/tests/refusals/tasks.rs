//! Resources, tasks, statuses.

use super::{accept, check, texts};
use proto::{
    convert::{
        resources::{read_attributes, read_resources},
        status::read_status,
        task::{read_labels, read_task_info},
    },
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1,
};

pub(super) fn scalar(name: &str, milli: i64) -> v1::Resource {
    let value = Some(v1::resource::Value::Scalar(v1::Scalar { milli }));
    v1::Resource { name: name.to_owned(), value }
}

fn ranges(name: &str, list: &[(u64, u64)]) -> v1::Resource {
    let ranges = list.iter().map(|&(begin, end)| v1::Range { begin, end }).collect();
    let value = Some(v1::resource::Value::Ranges(v1::Ranges { ranges }));
    v1::Resource { name: name.to_owned(), value }
}

fn set(name: &str, items: Vec<String>) -> v1::Resource {
    let value = Some(v1::resource::Value::Set(v1::Set { items }));
    v1::Resource { name: name.to_owned(), value }
}

pub(super) fn task() -> v1::TaskInfo {
    v1::TaskInfo {
        reserved: Vec::new(),
        volumes: Vec::new(),
        image: String::new(),
        task_id: "task-1".to_owned(),
        name: "a task".to_owned(),
        agent_id: "agent-1".to_owned(),
        resources: vec![scalar("cpus", 100), ranges("ports", &[(1, 2), (7, 9)])],
        command: Some(v1::Command {
            arguments: vec!["sh".to_owned(), "-c".to_owned(), "echo\n".to_owned()],
            environment: vec![variable("A", "1"), variable("B", "")],
            user: "nobody".to_owned(),
        }),
        kill_policy: Some(grace_ms(3_600_000)),
        labels: vec![label("key", "value"), label("key", "")],
        priority: Some(0),
        preemption_notice_ms: Some(600_000),
        max_completion_time_ms: Some(1),
        revocable: false,
    }
}

pub(super) fn grace_ms(ms: u64) -> v1::KillPolicy {
    v1::KillPolicy { grace_period_ms: Some(ms), ..v1::KillPolicy::default() }
}

/// A task that is asked three times before it is killed after a second.
fn stubborn() -> v1::TaskInfo {
    let step = |after_ms, signal: &str| v1::KillStep { after_ms, signal: signal.to_owned() };
    let kill_policy = v1::KillPolicy {
        grace_period_ms: Some(1_000),
        signal: "INT".to_owned(),
        steps: vec![step(100, "SIGTERM"), step(999, "6")],
    };
    v1::TaskInfo { kill_policy: Some(kill_policy), ..task() }
}

fn of(task: &mut v1::TaskInfo) -> &mut v1::KillPolicy {
    task.kill_policy.as_mut().expect("a policy")
}

fn variable(name: &str, value: &str) -> v1::EnvironmentVariable {
    v1::EnvironmentVariable { name: name.to_owned(), value: value.to_owned() }
}

fn label(key: &str, value: &str) -> v1::Label {
    v1::Label { key: key.to_owned(), value: value.to_owned() }
}

pub(super) fn status() -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: "task-1".to_owned(),
        agent_id: "agent-1".to_owned(),
        state: v1::TaskState::TaskRunning.into(),
        source: v1::StatusSource::SourceAgent.into(),
        message: "two\n\tlines".to_owned(),
        ..Default::default()
    }
}

fn command(task: &mut v1::TaskInfo) -> &mut v1::Command {
    task.command.as_mut().expect("it has one")
}

#[test]
fn resources() {
    let good =
        vec![scalar("cpus", 0), ranges("ports", &[(1, 1_000_000_000_000)]), set("disks", vec![])];
    check(
        &good,
        read_resources,
        &[
            (|r| r[1].name.clear(), "[1].name", Invalid),
            (|r| r[1].name = "c p u".to_owned(), "[1].name", Invalid),
            (|r| r[1].name = "x".repeat(65), "[1].name", Invalid),
            (|r| r[2].name = "cpus".to_owned(), "[2].name", Invalid),
            (|r| r[0].value = None, "[0].value", Invalid),
            (|r| r[0] = scalar("cpus", -1), "[0].scalar", Invalid),
            (|r| r[0] = scalar("cpus", limits::MILLI_MAX + 1), "[0].scalar", Invalid),
            (|r| r[0] = scalar("cpus", i64::MIN), "[0].scalar", Invalid),
            (|r| r[1] = ranges("ports", &[(2, 1)]), "[1].ranges", Invalid),
            (|r| r[1] = ranges("ports", &[(1, 5), (5, 9)]), "[1].ranges", Invalid),
            (|r| r[1] = ranges("ports", &[(0, u64::MAX), (3, 4)]), "[1].ranges", Invalid),
            (|r| r[1] = ranges("ports", &[(0, 1_000_000_000_000)]), "[1].ranges", Invalid),
            (|r| r[1] = ranges("ports", &[(0, u64::MAX)]), "[1].ranges", Invalid),
            (
                |r| {
                    let list: Vec<_> =
                        (0..=limits::RANGES_MAX as u64).map(|n| (2 * n, 2 * n)).collect();
                    r[1] = ranges("ports", &list);
                },
                "[1].ranges",
                Limit,
            ),
            (|r| r[2] = set("s", texts(1, |_| String::new())), "[2].set.items[0]", Invalid),
            (|r| r[2] = set("s", texts(2, |_| "a".to_owned())), "[2].set.items[1]", Invalid),
            (|r| r[2] = set("s", texts(1, |_| "\u{9b}".to_owned())), "[2].set.items[0]", Invalid),
            (|r| r[2] = set("s", texts(1, |_| "x".repeat(1_025))), "[2].set.items[0]", Limit),
            (|r| r[2] = set("s", texts(1_025, |n| n.to_string())), "[2].set.items", Limit),
            (|r| *r = (0..33).map(|n| scalar(&format!("r{n}"), 1)).collect(), "", Limit),
        ],
    );
    accept(
        &good,
        read_resources,
        &[
            |r| r[0] = scalar("cpus", limits::MILLI_MAX),
            |r| r[2] = set("s", texts(limits::SET_ITEMS_MAX, |n| n.to_string())),
            |r| *r = (0..32).map(|n| scalar(&format!("r{n}"), 1)).collect(),
            |r| r.clear(),
        ],
    );
}

#[test]
fn attributes() {
    let text = |text: &str| Some(v1::attribute::Value::Text(text.to_owned()));
    let good = vec![
        v1::Attribute { name: "rack".to_owned(), value: text("r1") },
        v1::Attribute { name: "ssd".to_owned(), value: text("") },
    ];
    check(
        &good,
        read_attributes,
        &[
            (|a| a[1].name = "r ck".to_owned(), "[1].name", Invalid),
            (|a| a[1].name = "rack".to_owned(), "[1].name", Invalid),
            (|a| a[1].value = None, "[1].value", Invalid),
            (
                |a| a[0].value = Some(v1::attribute::Value::Text("a\nb".to_owned())),
                "[0].text",
                Invalid,
            ),
            (
                |a| a[0].value = Some(v1::attribute::Value::Text("x".repeat(1_025))),
                "[0].text",
                Limit,
            ),
            (
                |a| a[0].value = Some(v1::attribute::Value::Scalar(v1::Scalar { milli: -1 })),
                "[0].scalar",
                Invalid,
            ),
            (
                |a| {
                    let ranges = vec![v1::Range { begin: 1, end: 0 }];
                    a[0].value = Some(v1::attribute::Value::Ranges(v1::Ranges { ranges }));
                },
                "[0].ranges",
                Invalid,
            ),
            (|a| *a = vec![a[0].clone(); 65], "", Limit),
        ],
    );
}

#[test]
fn labels() {
    let good = vec![label("key", "value")];
    check(
        &good,
        read_labels,
        &[
            (|l| l[0].key.clear(), "[0].key", Invalid),
            (|l| l[0].key.push('\r'), "[0].key", Invalid),
            (|l| l[0].value = "x".repeat(1_025), "[0].value", Limit),
            (|l| l[0].value.push('\u{7f}'), "[0].value", Invalid),
            (|l| *l = vec![l[0].clone(); 65], "", Limit),
        ],
    );
    accept(
        &good,
        read_labels,
        &[
            |l| l[0].value = "x".repeat(limits::TEXT_BYTES_MAX),
            |l| *l = vec![l[0].clone(); limits::LABELS_MAX],
        ],
    );
}

#[test]
fn tasks() {
    check(
        &task(),
        read_task_info,
        &[
            (|t| t.task_id.clear(), "task_id", Invalid),
            (|t| t.task_id = "../etc".to_owned(), "task_id", Invalid),
            (|t| t.task_id = "..".to_owned(), "task_id", Invalid),
            (|t| t.task_id = "x".repeat(129), "task_id", Limit),
            (|t| t.name.push('\n'), "name", Invalid),
            (|t| t.name = "x".repeat(1_025), "name", Limit),
            (|t| t.agent_id = "a b".to_owned(), "agent_id", Invalid),
            (|t| t.resources.clear(), "resources", Invalid),
            (|t| t.resources = vec![scalar("cpus", 0)], "resources", Invalid),
            (|t| t.resources[0] = scalar("cpus", -1), "resources[0].scalar", Invalid),
            (|t| t.command = None, "command", Invalid),
            (|t| t.labels[1].key.clear(), "labels[1].key", Invalid),
            (|t| t.image = "a b".to_owned(), "image", Invalid),
            (|t| t.image = "x".repeat(513), "image", Limit),
            (|t| t.command.as_mut().unwrap().arguments.clear(), "command.arguments", Invalid),
            (|t| t.priority = Some(10), "priority", Invalid),
            (|t| t.preemption_notice_ms = Some(600_001), "preemption_notice_ms", Limit),
            (|t| t.max_completion_time_ms = Some(0), "max_completion_time_ms", Invalid),
            (
                |t| t.max_completion_time_ms = Some(limits::COMPLETION_TIME_MAX.0 + 1),
                "max_completion_time_ms",
                Limit,
            ),
            (|t| t.max_completion_time_ms = Some(u64::MAX), "max_completion_time_ms", Limit),
        ],
    );
    accept(
        &task(),
        read_task_info,
        &[
            |t| t.name.clear(),
            |t| t.labels.clear(),
            |t| t.kill_policy = None,
            |t| t.priority = Some(9),
            |t| t.preemption_notice_ms = Some(0),
            |t| t.kill_policy = Some(grace_ms(0)),
            |t| t.image = "registry:5000/a/b@sha256:00".to_owned(),
            |t| {
                t.image = "a".to_owned();
                t.command.as_mut().unwrap().arguments.clear();
            },
            |t| t.max_completion_time_ms = None,
            |t| t.max_completion_time_ms = Some(limits::COMPLETION_TIME_MAX.0),
        ],
    );
}

#[test]
fn kill_policies() {
    check(
        &stubborn(),
        read_task_info,
        &[
            (|t| of(t).grace_period_ms = Some(3_600_001), "kill_policy.grace_period_ms", Limit),
            (|t| of(t).grace_period_ms = Some(u64::MAX), "kill_policy.grace_period_ms", Limit),
            (|t| of(t).signal = "KILL".to_owned(), "kill_policy.signal", Invalid),
            (|t| of(t).signal = "19".to_owned(), "kill_policy.signal", Invalid),
            (|t| of(t).signal = "-1".to_owned(), "kill_policy.signal", Invalid),
            (|t| of(t).signal = "x".repeat(17), "kill_policy.signal", Limit),
            (|t| of(t).steps[1].signal = "17".to_owned(), "kill_policy.steps[1].signal", Invalid),
            (|t| of(t).steps[0].after_ms = 0, "kill_policy.steps[0].after_ms", Invalid),
            (|t| of(t).steps[1].after_ms = 100, "kill_policy.steps[1].after_ms", Invalid),
            (|t| of(t).steps[1].after_ms = 1_000, "kill_policy.steps[1].after_ms", Invalid),
            (|t| of(t).steps[1].after_ms = u64::MAX, "kill_policy.steps[1].after_ms", Invalid),
            (|t| of(t).grace_period_ms = Some(999), "kill_policy.steps[1].after_ms", Invalid),
            (|t| of(t).steps = vec![v1::KillStep::default(); 9], "kill_policy.steps", Limit),
        ],
    );
    accept(
        &stubborn(),
        read_task_info,
        &[
            |t| of(t).signal.clear(),
            |t| of(t).signal = "sigusr2".to_owned(),
            |t| of(t).signal = "28".to_owned(),
            |t| of(t).steps.clear(),
            |t| of(t).grace_period_ms = None,
        ],
    );
}

#[test]
fn commands() {
    check(
        &task(),
        read_task_info,
        &[
            (|t| command(t).arguments.clear(), "command.arguments", Invalid),
            (|t| command(t).arguments[0].clear(), "command.arguments[0]", Invalid),
            (|t| command(t).arguments[2].push('\0'), "command.arguments[2]", Invalid),
            (|t| command(t).arguments = vec!["x".to_owned(); 1_025], "command.arguments", Limit),
            (|t| command(t).environment[1].name.clear(), "command.environment[1].name", Invalid),
            (|t| command(t).environment[1].name.push('='), "command.environment[1].name", Invalid),
            (|t| command(t).environment[1].name.push('\0'), "command.environment[1].name", Invalid),
            (
                |t| command(t).environment[1].value.push('\0'),
                "command.environment[1].value",
                Invalid,
            ),
            (
                |t| command(t).environment[1].name = "A".to_owned(),
                "command.environment[1].name",
                Invalid,
            ),
            (
                |t| {
                    command(t).environment =
                        (0..1_025).map(|n| variable(&n.to_string(), "")).collect()
                },
                "command.environment",
                Limit,
            ),
            (|t| command(t).arguments[1] = "x".repeat(64 * 1_024), "command", Limit),
            (|t| command(t).environment[0].value = "x".repeat(64 * 1_024), "command", Limit),
            (|t| command(t).user = "-u".to_owned(), "command.user", Invalid),
            (|t| command(t).user = ".x".to_owned(), "command.user", Invalid),
            (|t| command(t).user = "a/b".to_owned(), "command.user", Invalid),
            (|t| command(t).user = "a:b".to_owned(), "command.user", Invalid),
            (|t| command(t).user = "x".repeat(33), "command.user", Limit),
        ],
    );
    accept(
        &task(),
        read_task_info,
        &[
            |t| command(t).user.clear(),
            |t| command(t).user = "x".repeat(limits::USER_BYTES_MAX),
            |t| command(t).environment.clear(),
            |t| command(t).environment[0].value = "a=b\n\u{1b}".to_owned(),
            |t| command(t).arguments = vec!["x".to_owned(); limits::ARGUMENTS_MAX],
            // With the NUL that ends it, exactly the limit.
            |t| {
                command(t).environment.clear();
                command(t).arguments = vec!["x".repeat(limits::COMMAND_BYTES_MAX - 1)];
            },
        ],
    );
    check(
        &task(),
        read_task_info,
        &[(
            |t| {
                command(t).environment.clear();
                command(t).arguments = vec!["x".repeat(limits::COMMAND_BYTES_MAX)];
            },
            "command",
            Limit,
        )],
    );
}

#[test]
fn statuses() {
    check(
        &status(),
        read_status,
        &[
            (|s| s.task_id.clear(), "task_id", Invalid),
            (|s| s.agent_id.push('/'), "agent_id", Invalid),
            (|s| s.state = 0, "state", Invalid),
            (|s| s.state = 13, "state", Invalid),
            (|s| s.state = -1, "state", Invalid),
            (|s| s.source = 0, "source", Invalid),
            (|s| s.source = 3, "source", Invalid),
            (|s| s.reason = 99, "reason", Invalid),
            (|s| s.message = "x".repeat(1_025), "message", Limit),
            (|s| s.message.push('\0'), "message", Invalid),
            (|s| s.message.push('\r'), "message", Invalid),
            (|s| s.message.push('\u{1b}'), "message", Invalid),
            (|s| s.message.push('\u{85}'), "message", Invalid),
        ],
    );
    accept(
        &status(),
        read_status,
        &[
            |s| s.message = "x".repeat(limits::TEXT_BYTES_MAX),
            |s| s.sequence = 0,
            |s| s.exit_code = Some(i32::MIN),
        ],
    );
}
