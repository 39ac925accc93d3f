//! The values that the golden files hold; each field has a value that is not its default.

pub(crate) mod journal_volumes;

use proto::wire::{
    journal::v1::{Identity, Membership, TaskRow},
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
        reservations: Vec::new(),
        agent_id: text("agent-1"),
        hostname: text("host-1.example"),
        address: text("host-1.example:5052"),
        resources: resources(),
        attributes: vec![v1::Attribute { name: text("rack"), value }],
        version: text("0.1.0"),
        domain: String::new(),
    }
}

fn framework_info() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        name: text("batch"),
        roles: vec![text("*"), text("eng/batch")],
        failover_timeout_ms: 60_000,
        labels: labels(),
        disruption_budget: None,
        offer_terms: Vec::new(),
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
        kill_policy: Some(v1::KillPolicy {
            grace_period_ms: Some(5_000),
            ..v1::KillPolicy::default()
        }),
        labels: labels(),
        ..v1::TaskInfo::default()
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
        ..Default::default()
    })])
}

/// What operators say of roles.
pub(crate) fn roles_batch() -> Batch {
    use command::Command as It;
    let role = text("eng/batch");
    batch_of(vec![
        It::SetWeight(command::SetWeight { role: role.clone(), weight_milli: Some(2_500) }),
        It::SetWeight(command::SetWeight { role: role.clone(), weight_milli: None }),
        It::SetQuota(command::SetQuota { role: role.clone(), quota: Some(quota()), force: true }),
        It::RemoveQuota(command::RemoveQuota { role }),
    ])
}

/// How operators say that roles are served.
pub(crate) fn role_settings_batch() -> Batch {
    use command::Command as It;
    let reset = vec![v1::RoleSetting::OfferMode.into(), v1::RoleSetting::PriorityMax.into()];
    let configure = |set, reset| command::ConfigureRole {
        role: text("eng/batch"),
        change: Some(v1::RoleSettingsChange { set, reset }),
    };
    batch_of(vec![
        It::ConfigureRole(configure(Some(role_settings()), vec![])),
        It::ConfigureRole(configure(None, reset)),
    ])
}

fn role_settings() -> v1::RoleSettings {
    v1::RoleSettings {
        placement: v1::PlacementPolicy::Fgd.into(),
        offer_mode: v1::OfferMode::Shared.into(),
        priority_max: Some(0),
    }
}

/// With a limit of zero, which is one.
fn quota() -> v1::Quota {
    let amount = |name: &str, milli| v1::Resource {
        name: text(name),
        value: Some(v1::resource::Value::Scalar(v1::Scalar { milli })),
    };
    v1::Quota {
        guarantee: vec![amount("cpus", 8_000)],
        limit: vec![amount("cpus", 16_000), amount("gpus", 0)],
        shape: vec![amount("cpus", 4_000)],
    }
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
            // Came later; batches of version 2 have them.
            volumes: Vec::new(),
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
        ..record::Header::default()
    };
    let agent = record::Agent {
        agent: Some(agent_info()),
        incarnation: 9,
        state: 2,
        changed_ms: 1_000,
        ..record::Agent::default()
    };
    let role = record::Role {
        role: text("eng/batch"),
        weight_milli: Some(2_500),
        quota: Some(quota()),
        settings: None,
    };
    let served = record::Role { settings: Some(role_settings()), ..role.clone() };
    vec![
        ("record_header.bin", record(record::Record::Header(header))),
        ("record_agent.bin", record(record::Record::Agent(agent.clone()))),
        ("record_agent_directed.bin", record(record::Record::Agent(directed(agent)))),
        ("record_framework_budget.bin", record(record::Record::Framework(frugal()))),
        ("record_window.bin", record(record::Record::Window(window()))),
        ("record_role.bin", record(record::Record::Role(role))),
        ("record_role_settings.bin", record(record::Record::Role(served))),
        ("record_framework.bin", record(record::Record::Framework(framework_row()))),
        ("record_task.bin", record(record::Record::Task(task_record()))),
        ("record_task_resized.bin", record(record::Record::Task(resized_task_record()))),
        ("record_task_grouped.bin", record(record::Record::Task(grouped_task_record()))),
        ("record_group.bin", record(record::Record::Group(group_record()))),
    ]
}

/// The rows that operators' directives and frameworks' budgets came into later.
fn directed(agent: record::Agent) -> record::Agent {
    let drain = record::Drain {
        since_ms: 1_010,
        deadline_ms: 601_010,
        max_grace_period_ms: Some(30_000),
        mark_gone: true,
        killed_ms: 1_020,
        window_id: text("window-3"),
    };
    record::Agent { deactivated: true, drain: Some(drain), ..agent }
}

fn frugal() -> record::Framework {
    let budget = v1::DisruptionBudget { label: text("tier"), tasks_max: 3 };
    let info = v1::FrameworkInfo { disruption_budget: Some(budget), ..framework_info() };
    record::Framework { info: Some(info), ..framework_row() }
}

fn drain_plan() -> v1::DrainPlan {
    v1::DrainPlan { deadline_ms: Some(600_000), max_grace_period_ms: Some(30_000), mark_gone: true }
}

fn window() -> record::Window {
    record::Window {
        window_id: text("window-3"),
        selector: text("rack=r1"),
        start_ms: 2_000,
        end_ms: 3_000,
        started: true,
        drain: Some(drain_plan()),
        comment: text("new disks"),
    }
}

/// One of each kind of command by which operators, and frameworks, direct.
pub(crate) fn directives_batch() -> Batch {
    use command::{
        AdvanceDrain, CancelWindow, DirectAgent, ScheduleWindow, TurnWindow, UpdateFramework,
    };
    let command = |it| log::Command { command: Some(it) };
    let plan = v1::WindowPlan {
        selector: text("rack=r1"),
        starts_in_ms: 60_000,
        duration_ms: 3_600_000,
        drain: Some(drain_plan()),
        comment: text("new disks"),
    };
    let (agent_id, window_id) = (text("agent-1"), text("window-3"));
    let drain = DirectAgent { agent_id: agent_id.clone(), directive: 3, plan: Some(drain_plan()) };
    let update =
        UpdateFramework { framework_id: text("framework-1"), epoch: 2, framework: frugal().info };
    let commands = vec![
        command(command::Command::DirectAgent(drain)),
        command(command::Command::AdvanceDrain(AdvanceDrain { agent_id })),
        command(command::Command::UpdateFramework(update)),
        command(command::Command::ScheduleWindow(ScheduleWindow { plan: Some(plan) })),
        command(command::Command::TurnWindow(TurnWindow { window_id: window_id.clone() })),
        command(command::Command::CancelWindow(CancelWindow { window_id })),
    ];
    Batch { time_ms: 1_234, unix_ms: 1_700_000_000_000, commands }
}

fn framework_row() -> record::Framework {
    let outcome = |request: &str, task_ids| record::AcceptOutcome {
        request_id: text(request),
        task_ids,
        ..Default::default()
    };
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
        // What came later was not known when this format was written.
        ..record::Task::default()
    }
}

/// A task whose size is being changed.
fn resized_task_record() -> record::Task {
    record::Task {
        size_version: 3,
        resize_from: resources(),
        resize_to: resources(),
        ..task_record()
    }
}

/// An init task of a group.
fn grouped_task_record() -> record::Task {
    record::Task {
        group_id: text("web"),
        group_part: v1::GroupPart::Init.into(),
        group_share: resources(),
        ..task_record()
    }
}

fn group_record() -> record::Group {
    let member = |task: &str, part: v1::GroupPart| record::group::Member {
        task_id: text(task),
        part: part.into(),
    };
    record::Group {
        framework_id: text("framework-1"),
        group_id: text("web"),
        agent_id: text("agent-1"),
        role: text("eng/batch"),
        on_failure: v1::GroupOnFailure::LetRun.into(),
        members: vec![
            member("task-1", v1::GroupPart::Init),
            member("task-2", v1::GroupPart::Sidecar),
            member("task-3", v1::GroupPart::Main),
        ],
        failed_task_id: text("task-3"),
        failed_state: v1::TaskState::TaskFailed.into(),
    }
}

pub(crate) fn grouped_task_row() -> TaskRow {
    let membership = Membership {
        group_id: text("web"),
        part: v1::GroupPart::Init.into(),
        place: 2,
        on_failure: v1::GroupOnFailure::LetRun.into(),
        share: resources(),
    };
    TaskRow { membership: Some(membership), container_id: String::new(), ..owned_task_row() }
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
        // What came later was not known when this format was written.
        ..TaskRow::default()
    }
}

pub(crate) fn limited_task_row() -> TaskRow {
    let step = v1::KillStep { after_ms: 4_000, signal: text("QUIT") };
    let kill_policy =
        v1::KillPolicy { grace_period_ms: Some(5_000), signal: text("INT"), steps: vec![step] };
    let task = v1::TaskInfo {
        kill_policy: Some(kill_policy),
        max_completion_time_ms: Some(60_000),
        ..task_info()
    };
    let started_after_boot_ms = Some(1 << 40);
    TaskRow { task: Some(task), started_after_boot_ms, ..owned_task_row() }
}

pub(crate) fn resizing_task_row() -> TaskRow {
    let (resizing, resizing_version) = (resources(), 3);
    TaskRow { size_version: 2, resizing, resizing_version, ..limited_task_row() }
}

pub(crate) fn owned_task_row() -> TaskRow {
    TaskRow { owner: text("nightly"), ..task_row() }
}
