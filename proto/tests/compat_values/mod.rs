//! The values that the golden files hold; each field has a value that is not its default.

use proto::wire::{
    journal::v1::{Identity, TaskRow},
    log::v1::{self as log, Batch, Record, command, record},
    v1,
};

fn text(text: &str) -> String {
    text.to_owned()
}

fn resources() -> Vec<v1::Resource> {
    let resource = |name: &str, value| v1::Resource { name: text(name), value: Some(value) };
    let range = v1::Range { begin: 31_000, end: 32_000 };
    let items = vec![text("a"), text("b")];
    vec![
        resource("cpus", v1::resource::Value::Scalar(v1::Scalar { milli: 1_500 })),
        resource("ports", v1::resource::Value::Ranges(v1::Ranges { ranges: vec![range] })),
        resource("volumes", v1::resource::Value::Set(v1::Set { items })),
    ]
}

fn agent_info() -> v1::AgentInfo {
    let value = Some(v1::attribute::Value::Text(text("r1")));
    v1::AgentInfo {
        agent_id: text("agent-1"),
        hostname: text("host-1.example"),
        address: text("host-1.example:5052"),
        resources: resources(),
        attributes: vec![v1::Attribute { name: text("rack"), value }],
        version: text("0.1.0"),
    }
}

fn framework_info() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        name: text("batch"),
        roles: vec![text("*"), text("eng/batch")],
        failover_timeout_ms: 60_000,
        labels: labels(),
    }
}

fn labels() -> Vec<v1::Label> {
    vec![v1::Label { key: text("owner"), value: text("søren") }]
}

fn task_info() -> v1::TaskInfo {
    v1::TaskInfo {
        task_id: text("task-1"),
        name: text("a task"),
        agent_id: text("agent-1"),
        resources: resources(),
        command: Some(v1::Command {
            arguments: vec![text("sleep"), text("60")],
            environment: vec![v1::EnvironmentVariable { name: text("A"), value: text("1") }],
            user: text("nobody"),
        }),
        kill_policy: Some(v1::KillPolicy { grace_period_ms: Some(5_000) }),
        labels: labels(),
    }
}

fn status(sequence: u64) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: text("task-1"),
        agent_id: text("agent-1"),
        state: v1::TaskState::TaskFailed.into(),
        source: v1::StatusSource::SourceAgent.into(),
        reason: v1::StatusReason::ReasonCommandExited.into(),
        message: text("exited with 3"),
        exit_code: Some(-3),
        signal: Some(9),
        memory_peak_bytes: Some(1 << 40),
        unix_ms: 1_700_000_000_000,
        sequence,
    }
}

/// One of each command but the accept.
pub(crate) fn batch() -> Batch {
    use command::Command as It;
    let mut commands = agent_commands();
    commands.extend(framework_commands());
    commands.push(It::KillTask(command::KillTask {
        framework_id: text("framework-1"),
        task_id: text("task-1"),
        grace_period_ms: Some(0),
        reason: v1::StatusReason::ReasonKilledByOperator.into(),
    }));
    commands.push(It::Barrier(command::Barrier { term: 7 }));
    batch_of(commands)
}

pub(crate) fn accept_batch() -> Batch {
    batch_of(vec![command::Command::Accept(command::Accept {
        framework_id: text("framework-1"),
        epoch: 2,
        role: text("eng/batch"),
        request_id: text("request-01234567"),
        tasks: vec![task_info()],
    })])
}

fn batch_of(commands: Vec<command::Command>) -> Batch {
    let commands = commands.into_iter().map(|it| log::Command { command: Some(it) }).collect();
    Batch { time_ms: 1_234, unix_ms: 1_700_000_000_000, commands }
}

fn agent_commands() -> Vec<command::Command> {
    use command::Command as It;
    let tasks = vec![v1::AgentTask {
        framework_id: text("framework-1"),
        task_id: text("task-1"),
        state: v1::TaskState::TaskRunning.into(),
        sequence: 4,
    }];
    let agent_id = text("agent-1");
    let update = v1::StatusUpdate { framework_id: text("framework-1"), status: Some(status(5)) };
    vec![
        It::RegisterAgent(command::RegisterAgent {
            agent: Some(agent_info()),
            incarnation: u64::MAX,
            tasks,
        }),
        It::MarkAgentUnreachable(command::MarkAgentUnreachable {
            agent_id: agent_id.clone(),
            incarnation: 9,
        }),
        It::RemoveAgent(command::RemoveAgent { agent_id: agent_id.clone(), incarnation: 9 }),
        It::RecordUpdate(command::RecordUpdate { agent_id, incarnation: 9, update: Some(update) }),
    ]
}

fn framework_commands() -> Vec<command::Command> {
    use command::Command as It;
    let framework_id = text("framework-1");
    let acknowledgements = vec![v1::Acknowledgement { task_id: text("task-1"), sequence: 3 }];
    vec![
        It::SubscribeFramework(command::SubscribeFramework {
            framework: Some(framework_info()),
            framework_id: framework_id.clone(),
            principal: text("spiffe://test/framework/batch"),
            request_id: text("request-01234567"),
        }),
        It::DisconnectFramework(command::DisconnectFramework {
            framework_id: framework_id.clone(),
            epoch: 2,
        }),
        It::RemoveFramework(command::RemoveFramework {
            framework_id: framework_id.clone(),
            epoch: 2,
            expired: true,
        }),
        It::Acknowledge(command::Acknowledge { framework_id, epoch: 2, acknowledgements }),
    ]
}

/// One of each kind of record in a snapshot.
pub(crate) fn records() -> Vec<(&'static str, Record)> {
    let record = |it| Record { record: Some(it) };
    let header = record::Header {
        applied_index: 100,
        applied_term: 7,
        time_ms: 1_234,
        cluster_id: text("test"),
        next_framework: 12,
    };
    let agent =
        record::Agent { agent: Some(agent_info()), incarnation: 9, state: 2, changed_ms: 1_000 };
    vec![
        ("record_header.bin", record(record::Record::Header(header))),
        ("record_agent.bin", record(record::Record::Agent(agent))),
        ("record_framework.bin", record(record::Record::Framework(framework_row()))),
        ("record_task.bin", record(record::Record::Task(task_record()))),
    ]
}

fn framework_row() -> record::Framework {
    let outcome =
        |request: &str, task_ids| record::AcceptOutcome { request_id: text(request), task_ids };
    record::Framework {
        framework_id: text("framework-1"),
        info: Some(framework_info()),
        principal: text("spiffe://test/framework/batch"),
        request_id: text("request-01234567"),
        epoch: 2,
        state: 2,
        disconnected_ms: 1_100,
        accept_outcomes: vec![
            outcome("request-aaaaaaaa", vec![text("task-1")]),
            outcome("request-bbbbbbbb", vec![text("task-2"), text("task-3")]),
        ],
    }
}

fn task_record() -> record::Task {
    record::Task {
        framework_id: text("framework-1"),
        info: Some(task_info()),
        role: text("eng/batch"),
        status: Some(status(5)),
        pending: vec![status(4), status(5)],
        agent_sequence: 5,
        kill_grace_period_ms: Some(0),
        kill_reason: v1::StatusReason::ReasonKilledByFramework.into(),
        changed_ms: 1_200,
        state_before_unreachable: v1::TaskState::TaskRunning.into(),
    }
}

pub(crate) fn identity() -> Identity {
    Identity {
        agent_id: text("agent-1"),
        cluster_id: text("test"),
        incarnation: u64::MAX - 9,
        boot_id: text("5c6b1c1e-9f0a-4e0b-8a55-1d1f3b7a2c11"),
        term: 7,
    }
}

pub(crate) fn task_row() -> TaskRow {
    TaskRow {
        framework_id: text("framework-1"),
        task: Some(task_info()),
        state: v1::TaskState::TaskKilling.into(),
        sequence: 5,
        pending: vec![status(4), status(5)],
        kill_grace_period_ms: Some(250),
        kill_reason: v1::StatusReason::ReasonKilledByFramework.into(),
        container_id: text("framework-1.task-1.9"),
    }
}
