//! Generators of everything in the model, small values and values at their limits alike.

pub(crate) mod demand;
pub(crate) mod messages;
pub(crate) mod reservations;
pub(crate) mod role_settings;
pub(crate) mod volumes;

use proptest::{collection, option, prelude::*, sample};
use proto::model::{
    AgentId, AgentInfo, Attribute, AttributeValue, ClusterId, Command, Devices, DisruptionBudget,
    Duration, FrameworkId, FrameworkInfo, KillPolicy, KillStep, Milli, OfferId, OfferTerms,
    OwnerId, Priority, Quota, Ranges, RequestId, ResourceName, Resources, Role, Session,
    StatusReason, StatusSource, StopSignal, TaskId, TaskInfo, TaskKey, TaskState, TaskStatus,
    Value, WallTime, WatchFilter, WatchKind, agent::AgentTask, limits,
};
use std::collections::BTreeSet;

pub(crate) const STATUS_REASONS: [StatusReason; 29] = [
    StatusReason::None,
    StatusReason::ContainerLaunchFailed,
    StatusReason::ContainerLimitationMemory,
    StatusReason::CommandNotFound,
    StatusReason::CommandNotExecutable,
    StatusReason::CommandExited,
    StatusReason::CommandSignaled,
    StatusReason::KilledByFramework,
    StatusReason::KilledByOperator,
    StatusReason::KilledDuringLaunch,
    StatusReason::FrameworkRemoved,
    StatusReason::AgentUnreachable,
    StatusReason::AgentReregistered,
    StatusReason::AgentRemoved,
    StatusReason::AgentRestarted,
    StatusReason::AgentCapacity,
    StatusReason::HostRebooted,
    StatusReason::SupervisorLost,
    StatusReason::Reconciliation,
    StatusReason::TaskInvalid,
    StatusReason::AgentDraining,
    StatusReason::AgentGone,
    StatusReason::MaxCompletionTime,
    StatusReason::Resized,
    StatusReason::ResizeFailed,
    StatusReason::Preempted,
    StatusReason::GroupEnded,
    StatusReason::VolumeUnavailable,
    StatusReason::ImageUnavailable,
];

// === ids ===

fn id_text() -> impl Strategy<Value = String> {
    let longest = Just("x".repeat(limits::ID_BYTES_MAX));
    prop_oneof![20 => "[A-Za-z0-9_:@+-][A-Za-z0-9._:@+-]{0,20}", 1 => longest]
}

pub(crate) fn task_id() -> impl Strategy<Value = TaskId> {
    id_text().prop_map(|text| TaskId::new(&text).expect("an id"))
}

pub(crate) fn agent_id() -> impl Strategy<Value = AgentId> {
    id_text().prop_map(|text| AgentId::new(&text).expect("an id"))
}

pub(crate) fn cluster_id() -> impl Strategy<Value = ClusterId> {
    id_text().prop_map(|text| ClusterId::new(&text).expect("an id"))
}

pub(crate) fn owner_id() -> impl Strategy<Value = OwnerId> {
    id_text().prop_map(|text| OwnerId::new(&text).expect("an id"))
}

pub(crate) fn request_id() -> impl Strategy<Value = RequestId> {
    "[A-Za-z0-9_-]{16,64}".prop_map(|text| RequestId::new(&text).expect("an id"))
}

pub(crate) fn framework_id() -> impl Strategy<Value = FrameworkId> {
    any::<u64>().prop_map(FrameworkId)
}

pub(crate) fn offer_id() -> impl Strategy<Value = OfferId> {
    any::<(u64, u64)>().prop_map(|(term, number)| OfferId { term, number })
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    let path = "[a-z0-9_][a-z0-9._-]{0,8}(/[a-z0-9_][a-z0-9._-]{0,8}){0,3}";
    prop_oneof![
        1 => Just(Role::any()),
        5 => path.prop_map(|text| Role::new(&text).expect("a role")),
    ]
}

pub(crate) fn session() -> impl Strategy<Value = Session> {
    (framework_id(), any::<u64>()).prop_map(|(framework, epoch)| Session { framework, epoch })
}

pub(crate) fn task_key() -> impl Strategy<Value = TaskKey> {
    (framework_id(), task_id()).prop_map(|(framework, task)| TaskKey { framework, task })
}

// === texts and times ===

pub(crate) fn line() -> impl Strategy<Value = String> {
    let longest = Just("x".repeat(limits::TEXT_BYTES_MAX));
    prop_oneof![20 => "\\PC{0,20}", 1 => longest]
}

pub(crate) fn message() -> impl Strategy<Value = String> {
    prop_oneof![4 => line(), 1 => "(\\PC|[\n\t]){0,20}"]
}

pub(crate) fn labels() -> impl Strategy<Value = Vec<(String, String)>> {
    collection::vec(("\\PC{1,8}", line()), 0..4)
}

/// Up to a limit, both ends included.
pub(crate) fn duration(least_ms: u64, most: Duration) -> impl Strategy<Value = Duration> {
    let most_ms = most.as_ms();
    prop_oneof![
        Just(Duration(least_ms)),
        Just(Duration(most_ms)),
        (least_ms..=most_ms).prop_map(Duration)
    ]
}

pub(crate) fn any_duration() -> impl Strategy<Value = Duration> {
    duration(1, Duration(u64::MAX))
}

pub(crate) fn grace_period() -> impl Strategy<Value = Option<Duration>> {
    option::of(duration(0, limits::GRACE_PERIOD_MAX))
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof!["", "[a-z0-9.-]{1,12}:[1-9][0-9]{0,3}", "\\[::1\\]:[1-9][0-9]{0,3}"]
}

// === resources ===

pub(crate) fn resource_name() -> impl Strategy<Value = ResourceName> {
    prop_oneof![
        Just(ResourceName::CPUS),
        Just(ResourceName::MEM),
        Just(ResourceName::PORTS),
        "[A-Za-z0-9._/-]{1,64}".prop_map(|text| ResourceName::new(&text).expect("a name")),
    ]
}

/// Sets of numbers near the bottom or the top of all numbers, as ranges.
pub(crate) fn ranges() -> impl Strategy<Value = Ranges> {
    let numbers = collection::btree_set(any::<u8>(), 0..40);
    (numbers, any::<bool>()).prop_map(|(numbers, high)| {
        let base = if high { u64::MAX - 255 } else { 0 };
        ranges_of(numbers.into_iter().map(|number| base + u64::from(number)))
    })
}

pub(crate) fn ranges_of(numbers: impl IntoIterator<Item = u64>) -> Ranges {
    let list = numbers.into_iter().map(|number| (number, number)).collect();
    Ranges::new(list).expect("distinct numbers")
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let amount = prop_oneof![Just(limits::MILLI_MAX), 0..=limits::MILLI_MAX, 0..5_000_i64];
    let items = collection::btree_set("\\PC{1,8}", 0..6);
    let devices = collection::btree_map("gpu[0-9]", 1..=1_000_i64, 0..6);
    let devices = devices.prop_map(|list| {
        let list = list.into_iter().map(|(name, milli)| (name, Milli(milli)));
        Value::Devices(Devices::new(list).expect("parts of devices"))
    });
    prop_oneof![
        devices,
        amount.prop_map(|milli| Value::Scalar(Milli(milli))),
        ranges().prop_map(Value::Ranges),
        items.prop_map(|items| Value::Set(items.into_iter().map(Into::into).collect())),
    ]
}

pub(crate) fn resources() -> impl Strategy<Value = Resources> {
    collection::btree_map(resource_name(), value(), 0..6)
        .prop_map(|entries| Resources::from_entries(entries).expect("valid entries"))
}

/// A guarantee of some pieces, and limits that are not below it.
pub(crate) fn watch_filter() -> impl Strategy<Value = WatchFilter> {
    let kinds = collection::btree_set(sample::select(WatchKind::ALL.to_vec()), 0..7);
    let (framework, agent, role) =
        (option::of(framework_id()), option::of(agent_id()), option::of(role()));
    (kinds, framework, agent, role).prop_map(|(kinds, framework, agent, role)| WatchFilter {
        kinds,
        framework,
        agent,
        role,
    })
}

pub(crate) fn quota() -> impl Strategy<Value = Quota> {
    let amounts = collection::btree_map(resource_name(), (1..1_000_000i64, 0..1_000i64), 1..5);
    (amounts, 0..100i64, any::<bool>(), any::<bool>()).prop_map(
        |(amounts, pieces, some, shaped)| {
            let entry = |milli| Value::Scalar(Milli(milli));
            let times = |pieces: i64| {
                let entries =
                    amounts.iter().map(|(name, (piece, _))| (name.clone(), piece * pieces));
                Resources::from_entries(entries.map(|(name, milli)| (name, entry(milli))))
                    .expect("amounts in range")
            };
            let limit = amounts.iter().filter(|_| pieces == 0 || some);
            let limit =
                limit.map(|(name, (piece, more))| (name.clone(), Milli(piece * pieces + more)));
            let shape = (shaped && pieces > 0).then(|| times(1));
            Quota::new(times(pieces), limit.collect(), shape).expect("a quota")
        },
    )
}

pub(crate) fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    let value = prop_oneof![
        line().prop_map(AttributeValue::Text),
        (0..=limits::MILLI_MAX).prop_map(|milli| AttributeValue::Scalar(Milli(milli))),
        ranges().prop_map(AttributeValue::Ranges),
    ];
    collection::btree_map(resource_name(), value, 0..4).prop_map(|entries| {
        let named = |(name, value): (ResourceName, _)| Attribute { name: name.to_string(), value };
        entries.into_iter().map(named).collect()
    })
}

// === tasks and statuses ===

pub(crate) fn command() -> impl Strategy<Value = Command> {
    let anything = "(\\PC|[\n\t\x01\x7f]){0,12}";
    let arguments = ("\\PC{1,12}", collection::vec(anything, 0..4));
    let environment = collection::btree_map("[^=\\x00]{1,8}", anything, 0..4);
    let user = "([a-z0-9_][a-z0-9._-]{0,31})?";
    (arguments, environment, user).prop_map(|((program, mut arguments), environment, user)| {
        arguments.insert(0, program);
        Command { arguments, environment: environment.into_iter().collect(), user }
    })
}

pub(crate) fn task_info() -> impl Strategy<Value = TaskInfo> {
    let needs = some_resources();
    let identity = (task_id(), line(), agent_id(), labels());
    let completion = option::of(duration(1, limits::COMPLETION_TIME_MAX));
    let place = (priority(), option::of(duration(0, limits::PREEMPTION_NOTICE_MAX)));
    let ends = (kill_policy(), completion, any::<bool>());
    (identity, needs, command(), ends, place)
        .prop_map(|((id, name, agent, labels), resources, command, ends, place)| {
            let plain = TaskInfo::new(id, agent, resources, command);
            let (kill_policy, max_completion_time, revocable) = ends;
            let (priority, preemption_notice) = place;
            TaskInfo {
                name,
                kill_policy,
                labels,
                max_completion_time,
                priority,
                preemption_notice,
                revocable,
                ..plain
            }
        })
        .prop_flat_map(|task| {
            let image =
                option::of("[a-z0-9._-]{1,9}(/[a-z0-9._-]{1,9}){0,2}(:[A-Za-z0-9._-]{1,9})?");
            let parts = (reservations::parts_of(&task.resources), volumes::mounts(), image);
            parts.prop_map(move |(reserved, volumes, image)| {
                let mut task = TaskInfo { reserved, volumes, image, ..task.clone() };
                // The image's own program.
                if task.image.is_some() && task.name.len().is_multiple_of(2) {
                    task.command.arguments.clear();
                }
                task
            })
        })
}

pub(crate) fn priority() -> impl Strategy<Value = Priority> {
    (0..=u32::from(limits::PRIORITY_MAX)).prop_map(|number| Priority::new(number).expect("one"))
}

/// What a task can hold.
pub(crate) fn some_resources() -> impl Strategy<Value = Resources> {
    resources().prop_filter("a task needs something", |list| !list.is_empty())
}

pub(crate) fn kill_policy() -> impl Strategy<Value = KillPolicy> {
    let signal = || sample::select(StopSignal::ALL.to_vec());
    let steps = collection::vec((0..900_u64, signal()), 0..limits::KILL_STEPS_MAX);
    (grace_period(), signal(), steps).prop_map(|(grace_period, signal, steps)| {
        let mut policy = KillPolicy { grace_period, signal, steps: Vec::new() };
        let mut after = Duration(0);
        for (pause, signal) in steps {
            after = Duration(after.0 + pause + 1);
            if after < policy.grace_period() {
                policy.steps.push(KillStep { after, signal });
            }
        }
        policy
    })
}

pub(crate) fn state() -> impl Strategy<Value = TaskState> {
    sample::select(TaskState::ALL.to_vec())
}

pub(crate) fn status_reason() -> impl Strategy<Value = StatusReason> {
    sample::select(STATUS_REASONS.to_vec())
}

pub(crate) fn status() -> impl Strategy<Value = TaskStatus> {
    let source = sample::select(vec![StatusSource::Master, StatusSource::Agent]);
    let ends = any::<(Option<i32>, Option<i32>, Option<u64>)>();
    let numbers = any::<(u64, u64)>();
    (task_id(), agent_id(), state(), source, status_reason(), message(), ends, numbers).prop_map(
        |(task, agent, state, source, reason, message, ends, (unix_ms, sequence))| TaskStatus {
            task,
            agent,
            state,
            source,
            reason,
            message,
            exit_code: ends.0,
            signal: ends.1,
            memory_peak_bytes: ends.2,
            at: WallTime(unix_ms),
            sequence,
        },
    )
}

// === agents and frameworks ===

pub(crate) fn agent_info() -> impl Strategy<Value = AgentInfo> {
    let said = (attributes(), option::of(demand::domain()));
    let has = resources().prop_flat_map(|all| {
        let declared = reservations::declared_of(&all);
        (Just(all), declared)
    });
    (agent_id(), "[a-z0-9.-]{0,20}", address(), has, said, line()).prop_map(
        |(id, hostname, address, (resources, reservations), (attributes, domain), version)| {
            AgentInfo {
                id,
                hostname,
                address,
                resources,
                attributes,
                domain,
                reservations,
                version,
            }
        },
    )
}

pub(crate) fn agent_task() -> impl Strategy<Value = AgentTask> {
    (task_key(), state(), any::<u64>()).prop_map(|(key, state, sequence)| AgentTask {
        key,
        state,
        sequence,
    })
}

pub(crate) fn roles(least: usize) -> impl Strategy<Value = Vec<Role>> {
    collection::btree_set(role(), least..=limits::FRAMEWORK_ROLES_MAX)
        .prop_map(|roles: BTreeSet<Role>| roles.into_iter().collect())
}

pub(crate) fn framework_info() -> impl Strategy<Value = FrameworkInfo> {
    let timeout = duration(0, limits::FAILOVER_TIMEOUT_MAX);
    let budget = (option::of("[a-z]{1,8}"), any::<u32>());
    let budget =
        option::of(budget.prop_map(|(label, tasks_max)| DisruptionBudget { label, tasks_max }));
    let info = (line(), roles(1), timeout, labels(), budget, demand::offer_terms());
    info.prop_map(|(name, roles, failover_timeout, labels, disruption_budget, terms)| {
        let of = |(role, terms): (&Role, OfferTerms)| OfferTerms { role: role.clone(), ..terms };
        let offer_terms = roles.iter().zip(terms).map(of).collect();
        FrameworkInfo { name, roles, failover_timeout, labels, disruption_budget, offer_terms }
    })
}
