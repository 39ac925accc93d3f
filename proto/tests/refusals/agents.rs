//! The agent link, in both directions.

use super::{
    accept, check,
    tasks::{scalar, status, task},
};
use proto::{
    convert::orders::{read_agent_message, read_master_message},
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1::{self, agent_message, master_message},
};

fn registration() -> v1::AgentMessage {
    let task = |id: &str| v1::AgentTask {
        framework_id: "framework-1".to_owned(),
        task_id: id.to_owned(),
        state: v1::TaskState::TaskRunning.into(),
        sequence: 3,
    };
    let agent = v1::AgentInfo {
        agent_id: "agent-1".to_owned(),
        hostname: "host-1".to_owned(),
        address: "host-1:5052".to_owned(),
        resources: vec![scalar("cpus", 4_000)],
        attributes: Vec::new(),
        version: "0.1.0".to_owned(),
        domain: "eu/eu-1/r7".to_owned(),
        reservations: vec![declared("eng"), declared("ops")],
    };
    let tasks = vec![task("a"), task("b")];
    let register = v1::Register { agent: Some(agent), incarnation: 1, tasks, volumes: vec![] };
    v1::AgentMessage { message: Some(agent_message::Message::Register(register)) }
}

fn declared(role: &str) -> v1::DeclaredReservation {
    let (role, resources) = (role.to_owned(), vec![scalar("cpus", 2_000)]);
    v1::DeclaredReservation { role, resources, labels: Vec::new() }
}

fn register(message: &mut v1::AgentMessage) -> &mut v1::Register {
    match message.message.as_mut() {
        Some(agent_message::Message::Register(register)) => register,
        other => panic!("{other:?}"),
    }
}

fn info(message: &mut v1::AgentMessage) -> &mut v1::AgentInfo {
    register(message).agent.as_mut().expect("it has one")
}

#[test]
fn declared_reservations() {
    fn second(message: &mut v1::AgentMessage) -> &mut v1::DeclaredReservation {
        &mut info(message).reservations[1]
    }
    const ROLE: &str = "register.agent.reservations[1].role";
    const RESOURCES: &str = "register.agent.reservations[1].resources";
    const TOO_MANY: usize = limits::RESERVATIONS_PER_AGENT_MAX + 1;
    check(
        &registration(),
        read_agent_message,
        &[
            (|m| second(m).role = "*".to_owned(), ROLE, Invalid),
            (|m| second(m).role = "eng".to_owned(), ROLE, Invalid),
            (|m| second(m).resources.clear(), RESOURCES, Invalid),
            (|m| second(m).resources = vec![scalar("cpus", 2_001)], RESOURCES, Invalid),
            (
                |m| info(m).reservations = vec![declared("eng"); TOO_MANY],
                "register.agent.reservations",
                Limit,
            ),
        ],
    );
}

#[test]
fn registrations() {
    check(
        &registration(),
        read_agent_message,
        &[
            (|m| m.message = None, "message", Invalid),
            (|m| register(m).agent = None, "register.agent", Invalid),
            (|m| info(m).agent_id.clear(), "register.agent.agent_id", Invalid),
            (|m| info(m).hostname = "x".repeat(256), "register.agent.hostname", Limit),
            (|m| info(m).hostname.push('\t'), "register.agent.hostname", Invalid),
            (|m| info(m).address = "host".to_owned(), "register.agent.address", Invalid),
            (|m| info(m).address = ":1".to_owned(), "register.agent.address", Invalid),
            (|m| info(m).address = "host:".to_owned(), "register.agent.address", Invalid),
            (|m| info(m).address = "host:+1".to_owned(), "register.agent.address", Invalid),
            (|m| info(m).address = "host:65536".to_owned(), "register.agent.address", Invalid),
            (|m| info(m).address = "http://host:1".to_owned(), "register.agent.address", Invalid),
            (|m| info(m).address = "x".repeat(262), "register.agent.address", Limit),
            (|m| info(m).domain.push('/'), "register.agent.domain", Invalid),
            (|m| info(m).domain = "a/b/c/d/e/f/g/h/i".to_owned(), "register.agent.domain", Limit),
            (|m| info(m).domain = "x".repeat(129), "register.agent.domain", Limit),
            (|m| info(m).version = "x".repeat(1_025), "register.agent.version", Limit),
            (
                |m| info(m).resources.push(scalar("mem", -1)),
                "register.agent.resources[1].scalar",
                Invalid,
            ),
            (
                |m| info(m).resources = (0..33).map(|n| scalar(&format!("r{n}"), 1)).collect(),
                "register.agent.resources",
                Limit,
            ),
            (
                |m| info(m).attributes.push(v1::Attribute::default()),
                "register.agent.attributes[0].name",
                Invalid,
            ),
            (
                |m| register(m).tasks[1].framework_id = "framework-01".to_owned(),
                "register.tasks[1].framework_id",
                Invalid,
            ),
            (|m| register(m).tasks[1].task_id.clear(), "register.tasks[1].task_id", Invalid),
            (
                |m| register(m).tasks[1].task_id = "a".to_owned(),
                "register.tasks[1].task_id",
                Invalid,
            ),
            (|m| register(m).tasks[1].state = 0, "register.tasks[1].state", Invalid),
            (
                |m| {
                    register(m).tasks =
                        vec![v1::AgentTask::default(); limits::TASKS_PER_AGENT_MAX + 1]
                },
                "register.tasks",
                Limit,
            ),
        ],
    );
    accept(
        &registration(),
        read_agent_message,
        &[
            |m| info(m).address.clear(),
            |m| info(m).address = "[::1]:5052".to_owned(),
            |m| info(m).hostname = "x".repeat(limits::HOSTNAME_BYTES_MAX),
            |m| info(m).reservations.clear(),
            |m| register(m).tasks.clear(),
        ],
    );
}

#[test]
fn updates() {
    let good = v1::StatusUpdate { framework_id: "framework-1".to_owned(), status: Some(status()) };
    let read = |update| {
        let message = Some(agent_message::Message::Update(update));
        read_agent_message(v1::AgentMessage { message })
    };
    check(
        &good,
        read,
        &[
            (|u| u.framework_id = "1".to_owned(), "update.framework_id", Invalid),
            (|u| u.status = None, "update.status", Invalid),
            (|u| u.status.as_mut().expect("it has one").state = 0, "update.status.state", Invalid),
        ],
    );
}

#[test]
fn launches() {
    let good = v1::Launch {
        framework_id: "framework-1".to_owned(),
        task: Some(task()),
        owner: "nightly".to_owned(),
    };
    let read = |launch| {
        let message = Some(master_message::Message::Launch(launch));
        read_master_message(v1::MasterMessage { term: 1, message })
    };
    check(
        &good,
        read,
        &[
            (|l| l.framework_id.clear(), "launch.framework_id", Invalid),
            (|l| l.task = None, "launch.task", Invalid),
            (|l| l.owner = "../nightly".to_owned(), "launch.owner", Invalid),
            (|l| l.owner = "n".repeat(129), "launch.owner", Limit),
            (
                |l| l.task.as_mut().expect("it has one").resources.clear(),
                "launch.task.resources",
                Invalid,
            ),
        ],
    );
}

#[test]
fn kills() {
    let good = v1::KillTask {
        framework_id: "framework-1".to_owned(),
        task_id: "task-1".to_owned(),
        grace_period_ms: None,
        reason: v1::StatusReason::ReasonKilledByOperator.into(),
    };
    let read = |kill| {
        let message = Some(master_message::Message::Kill(kill));
        read_master_message(v1::MasterMessage { term: 1, message })
    };
    check(
        &good,
        read,
        &[
            (|k| k.framework_id.clear(), "kill.framework_id", Invalid),
            (|k| k.task_id.clear(), "kill.task_id", Invalid),
            (|k| k.grace_period_ms = Some(3_600_001), "kill.grace_period_ms", Limit),
            (|k| k.reason = 99, "kill.reason", Invalid),
        ],
    );
}

#[test]
fn resizes() {
    let good = v1::ResizeTask {
        framework_id: "framework-1".to_owned(),
        task_id: "task-1".to_owned(),
        resources: super::tasks::task().resources,
        version: 1,
    };
    let read = |resize| {
        let message = Some(master_message::Message::Resize(resize));
        read_master_message(v1::MasterMessage { term: 1, message })
    };
    check(
        &good,
        read,
        &[
            (|r| r.framework_id.clear(), "resize.framework_id", Invalid),
            (|r| r.task_id.clear(), "resize.task_id", Invalid),
            (|r| r.resources.clear(), "resize.resources", Invalid),
            (|r| r.resources[0].value = None, "resize.resources[0].value", Invalid),
            (|r| r.version = 0, "resize.version", Invalid),
        ],
    );
}

#[test]
fn other_orders() {
    let registered = v1::Registered { heartbeat_interval_ms: 1, cluster_id: "test".to_owned() };
    let read = |registered| {
        let message = Some(master_message::Message::Registered(registered));
        read_master_message(v1::MasterMessage { term: 1, message })
    };
    check(
        &registered,
        read,
        &[
            (|r| r.heartbeat_interval_ms = 0, "registered.heartbeat_interval_ms", Invalid),
            (|r| r.cluster_id.clear(), "registered.cluster_id", Invalid),
        ],
    );
    let committed = v1::UpdateCommitted {
        framework_id: "framework-1".to_owned(),
        task_id: "task-1".to_owned(),
        sequence: 1,
    };
    let read = |committed| {
        let message = Some(master_message::Message::Committed(committed));
        read_master_message(v1::MasterMessage { term: 1, message })
    };
    check(
        &committed,
        read,
        &[
            (|c| c.framework_id.clear(), "committed.framework_id", Invalid),
            (|c| c.task_id.clear(), "committed.task_id", Invalid),
        ],
    );
    let message = Some(master_message::Message::Heartbeat(v1::MasterHeartbeat {}));
    check(
        &v1::MasterMessage { term: 1, message },
        read_master_message,
        &[(|m| m.message = None, "message", Invalid)],
    );
}
