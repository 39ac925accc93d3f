//! Generators of whole messages: offers, refusals, calls, events, reports, orders.

use super::{
    agent_id, agent_info, agent_task, any_duration, attributes, cluster_id, demand, duration,
    framework_id, framework_info, grace_period, message, offer_id, owner_id, priority, request_id,
    reservations, resources, role, roles, session, some_resources, status, status_reason, task_id,
    task_info, task_key, volumes,
};
use proptest::{collection, option, prelude::*, sample};
use proto::model::{
    AgentCall, AgentNotice, AgentVersion, ConflictDetection, DeclineFilter, DeclineReason,
    Duration, GroupId, InverseAnswer, InverseOffer, InverseOfferId, Leadership, Masters, Offer,
    OfferId, OnFailure, Operation, Order, PreemptionNotice, Reason, Refusal, Resize, ResourceName,
    SchedulerCall, SchedulerEvent, SharedAgent, SharedState, Subscribe, TaskGroup, TaskInfo,
    Unavailability, WindowId, limits,
    shared::SharedDescription,
    task_group::{Member, Part},
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const REASONS: [Reason; 48] = [
    Reason::InvalidField,
    Reason::LimitExceeded,
    Reason::NotLeader,
    Reason::NotReady,
    Reason::Overloaded,
    Reason::OutcomeUnknown,
    Reason::Unauthenticated,
    Reason::NotAuthorized,
    Reason::FrameworkUnknown,
    Reason::FrameworkRemoved,
    Reason::FrameworkFenced,
    Reason::NotSubscribed,
    Reason::OfferInvalid,
    Reason::ResourcesNotOffered,
    Reason::ResourcesTaken,
    Reason::TaskExists,
    Reason::TaskUnknown,
    Reason::SequenceUnknown,
    Reason::AgentUnknown,
    Reason::AgentUnreachable,
    Reason::AgentRemoved,
    Reason::AgentFenced,
    Reason::TransitionIllegal,
    Reason::ClusterMismatch,
    Reason::SequenceExpired,
    Reason::QuotaExceeded,
    Reason::CapacityExceeded,
    Reason::Conflict,
    Reason::AgentDeactivated,
    Reason::WindowUnknown,
    Reason::MemberExists,
    Reason::MemberUnknown,
    Reason::MemberRemoved,
    Reason::MembershipChanging,
    Reason::MembershipUnsafe,
    Reason::ReservationUnknown,
    Reason::ReservationInUse,
    Reason::VolumeUnknown,
    Reason::VolumeExists,
    Reason::VolumeInUse,
    Reason::VolumeDestroying,
    Reason::VolumeChanging,
    Reason::VolumeBroken,
    Reason::VersionTooLow,
    Reason::ResizeUnderWay,
    Reason::TaskNotRunning,
    Reason::GroupExists,
    Reason::GroupUnknown,
];

pub(crate) fn refusal() -> impl Strategy<Value = Refusal> {
    let reason = sample::select(REASONS.to_vec());
    let field = "[a-z_]{0,8}(\\[[0-9]{1,3}\\])?";
    let leader = option::of("[a-z0-9.-]{1,12}:[1-9][0-9]{0,3}");
    (reason, field, message(), leader, option::of(any_duration())).prop_map(
        |(reason, field, message, leader_address, retry_after)| Refusal {
            reason,
            field,
            message,
            leader_address,
            retry_after,
        },
    )
}

fn masters() -> impl Strategy<Value = Masters> {
    let addresses = collection::vec("[a-z0-9.-]{1,12}:[1-9][0-9]{0,3}", 0..4);
    (any::<u64>(), addresses).prop_map(|(version, addresses)| Masters { version, addresses })
}

pub(crate) fn leadership() -> impl Strategy<Value = Leadership> {
    let leader = option::of("[a-z0-9.-]{1,12}:[1-9][0-9]{0,3}");
    (cluster_id(), any::<u64>(), leader).prop_map(|(cluster, term, leader)| Leadership {
        cluster,
        term,
        leader,
    })
}

pub(crate) fn offer() -> impl Strategy<Value = Offer> {
    let place = (agent_id(), "[a-z0-9.-]{0,20}", option::of(demand::domain()));
    let times = (option::of(any_duration()), option::of(unavailability()));
    let what = (resources(), demand::pieces(), any::<bool>());
    (offer_id(), framework_id(), role(), place, what, attributes(), times)
        .prop_map(
            |(
                id,
                framework,
                role,
                (agent, hostname, domain),
                (resources, pieces, revocable),
                attributes,
                times,
            )| {
                Offer {
                    reserved: Vec::new(),
                    id,
                    framework,
                    role,
                    agent,
                    hostname,
                    resources,
                    attributes,
                    domain,
                    expires_in: times.0,
                    unavailability: times.1,
                    pieces,
                    revocable,
                    volumes: Vec::new(),
                }
            },
        )
        .prop_flat_map(|offer: Offer| {
            let parts = (reservations::parts_of(&offer.resources), volumes::offered());
            parts.prop_map(move |(reserved, volumes)| Offer { reserved, volumes, ..offer.clone() })
        })
}

fn unavailability() -> impl Strategy<Value = Unavailability> {
    (any::<u64>(), any::<u64>(), any::<bool>()).prop_map(|(starts_in, duration, drains)| {
        Unavailability { starts_in: Duration(starts_in), duration: Duration(duration), drains }
    })
}

fn agent_notice() -> impl Strategy<Value = AgentNotice> {
    let draining = |ms| AgentNotice::Draining { deadline: Duration(ms) };
    prop_oneof![
        any::<u64>().prop_map(draining),
        unavailability().prop_map(AgentNotice::Unavailable),
        Just(AgentNotice::Available),
    ]
}

fn inverse_id() -> impl Strategy<Value = InverseOfferId> {
    (any::<u64>(), any::<u64>()).prop_map(|(term, number)| InverseOfferId { term, number })
}

fn inverse_answer() -> impl Strategy<Value = InverseAnswer> {
    prop_oneof![
        Just(InverseAnswer::Accept),
        "[a-z ]{0,20}".prop_map(|message| InverseAnswer::Decline { message }),
    ]
}

fn inverse_offer() -> impl Strategy<Value = InverseOffer> {
    let what = (inverse_id(), agent_id(), collection::vec(task_id(), 0..4));
    let why = (any::<bool>(), option::of(any::<u64>()), "[a-z ]{0,20}", any::<bool>());
    (what, any::<u64>(), any::<u64>(), why).prop_map(
        |((id, agent, tasks), begins, deadline, (ends_tasks, window, comment, agent_goes))| {
            let (begins_in, deadline) = (Duration(begins), Duration(deadline));
            let window = window.map(WindowId);
            InverseOffer {
                id,
                agent,
                tasks,
                begins_in,
                deadline,
                ends_tasks,
                window,
                comment,
                agent_goes,
            }
        },
    )
}

fn notice_event() -> impl Strategy<Value = SchedulerEvent> {
    let (agents, ids) = (collection::vec(agent_id(), 0..4), collection::vec(inverse_id(), 0..4));
    (agents, agent_notice(), collection::vec(inverse_offer(), 0..4), ids).prop_map(
        |(agents, notice, inverse_offers, rescinded)| SchedulerEvent::AgentNotice {
            agents,
            notice,
            inverse_offers,
            rescinded,
        },
    )
}

pub(crate) fn subscribe() -> impl Strategy<Value = Subscribe> {
    (framework_info(), option::of(framework_id()), request_id(), any::<u16>()).prop_map(
        |(info, framework, request, chosen)| {
            let chosen = |index: usize| chosen & (1 << index) != 0;
            let roles = info.roles.iter().enumerate();
            let suppressed = roles.filter(|(index, _)| chosen(*index));
            let suppressed = suppressed.map(|(_, role)| role.clone()).collect();
            Subscribe { info, framework, request, suppressed }
        },
    )
}

fn offer_ids() -> impl Strategy<Value = Vec<OfferId>> {
    collection::btree_set(offer_id(), 1..6)
        .prop_map(|ids: BTreeSet<_>| ids.into_iter().collect::<Vec<_>>())
        .prop_shuffle()
}

fn refuse() -> impl Strategy<Value = DeclineFilter> {
    let names = ["cpus", "mem", "disk", "gpus", "ports"];
    let names = names.map(|name| ResourceName::new(name).expect("a name"));
    let lacking = sample::subsequence(names.to_vec(), 0..=5);
    let reason = prop_oneof![
        Just(DeclineReason::Unspecified),
        lacking.prop_map(|names| DeclineReason::not_enough(&names)),
        Just(DeclineReason::ConstraintUnmet),
        Just(DeclineReason::Spread),
        Just(DeclineReason::Busy),
        Just(DeclineReason::NothingPending),
    ];
    let message =
        super::line().prop_filter("short", |it| it.len() <= limits::DECLINE_MESSAGE_BYTES_MAX);
    (duration(0, limits::REFUSE_MAX), reason, message)
        .prop_map(|(time, reason, message)| DeclineFilter { time, reason, message })
}

/// No task id comes twice.
fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let tasks = collection::vec((task_info(), 0..4usize), 0..8);
    let resizes = (task_id(), some_resources())
        .prop_map(|(task, resources)| Operation::Resize(Resize { task, resources }));
    let more = prop_oneof![resizes, reservations::operation(), volumes::operation()];
    (tasks, collection::vec(more, 0..3)).prop_map(|(tasks, more)| {
        let named = tasks.into_iter().map(|(task, place)| (task.id.clone(), (task, place)));
        let mut operations = vec![Vec::new(); 4];
        for (task, place) in named.collect::<BTreeMap<_, _>>().into_values() {
            operations[place].push(task);
        }
        let group = operations.pop().and_then(group_of).map(Operation::LaunchGroup);
        operations.into_iter().flat_map(Operation::launch).chain(group).chain(more).collect()
    })
}

/// Tasks as a group, if they can be one when they are on one agent.
fn group_of(tasks: Vec<TaskInfo>) -> Option<TaskGroup> {
    let (agent, priority) = tasks.first().map(|task| (task.agent.clone(), task.priority))?;
    let parts = [Part::Main, Part::Init, Part::Sidecar].into_iter().cycle();
    let members = tasks.into_iter().zip(parts).map(|(task, part)| {
        let (agent, reserved) = (agent.clone(), Vec::new());
        let task = TaskInfo { agent, priority, reserved, ..task };
        Member { part, task }
    });
    let group = TaskGroup::new(GroupId::new("group").expect("an id"));
    let group = TaskGroup { members: members.collect(), ..group }.on_failure(OnFailure::LetRun);
    group.check().is_ok().then_some(group)
}

pub(crate) fn call() -> impl Strategy<Value = SchedulerCall> {
    let accept = (offer_ids(), operations(), any::<bool>(), refuse(), option::of(request_id()));
    let acknowledgements = collection::vec((task_id(), 1..=u64::MAX), 1..5);
    prop_oneof![
        accept.prop_map(|(offers, operations, partial, refuse, request)| SchedulerCall::Accept {
            offers,
            operations,
            partial,
            refuse,
            request
        }),
        commit(),
        (offer_ids(), refuse())
            .prop_map(|(offers, refuse)| SchedulerCall::Decline { offers, refuse }),
        (task_id(), grace_period())
            .prop_map(|(task, grace_period)| SchedulerCall::Kill { task, grace_period }),
        (task_id(), grace_period()).prop_map(|(task, grace_period)| {
            let group = GroupId::new(task.as_str()).expect("both kinds have one rule");
            SchedulerCall::KillGroup { group, grace_period }
        }),
        acknowledgements
            .prop_map(|acknowledgements| SchedulerCall::Acknowledge { acknowledgements }),
        collection::vec(task_id(), 0..5).prop_map(|tasks| SchedulerCall::Reconcile { tasks }),
        roles(0).prop_map(|roles| SchedulerCall::Suppress { roles }),
        roles(0).prop_map(|roles| SchedulerCall::Revive { roles }),
        roles(0).prop_map(|roles| SchedulerCall::ClearFilters { roles }),
        (collection::hash_set(inverse_id(), 1..5), inverse_answer()).prop_map(
            |(offers, answer)| {
                let offers = offers.into_iter().collect();
                SchedulerCall::AnswerInverse { offers, answer }
            }
        ),
        Just(SchedulerCall::Teardown),
        framework_info().prop_map(|info| SchedulerCall::UpdateFramework { info }),
        (role(), option::of(demand::demands()))
            .prop_map(|(role, demands)| SchedulerCall::StateDemand { role, demands }),
    ]
}

fn version() -> impl Strategy<Value = AgentVersion> {
    (any::<u64>(), any::<u64>()).prop_map(|(term, number)| AgentVersion { term, number })
}

fn commit() -> impl Strategy<Value = SchedulerCall> {
    let some = operations().prop_filter("at least one", |list| !list.is_empty());
    (role(), some, any::<bool>(), any::<bool>(), version(), option::of(request_id())).prop_map(
        |(role, operations, partial, is_coarse, version, request)| {
            let tasks = operations.iter().flat_map(Operation::tasks);
            let decided_on = tasks.map(|task| (task.agent.clone(), version)).collect();
            let detection = match is_coarse {
                true => ConflictDetection::Coarse,
                false => ConflictDetection::Fine,
            };
            SchedulerCall::Commit { role, operations, partial, detection, decided_on, request }
        },
    )
}

fn shared_state() -> impl Strategy<Value = SharedState> {
    let hostname = "[a-z0-9.]{0,20}";
    let description = (hostname, attributes(), option::of(demand::domain()), resources()).prop_map(
        |(hostname, attributes, domain, total)| SharedDescription {
            hostname,
            attributes,
            domain,
            total,
        },
    );
    let parts =
        (agent_id(), version(), resources(), option::of(description), option::of(unavailability()));
    let agent = parts.prop_map(|(agent, version, free, description, unavailability)| SharedAgent {
        agent,
        version,
        free,
        description,
        unavailability,
    });
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (role(), collection::vec(agent, 0..4), flags).prop_map(
        |(role, agents, (begins, complete, ended))| SharedState {
            role,
            agents,
            begins,
            complete,
            ended,
        },
    )
}

pub(crate) fn event() -> impl Strategy<Value = SchedulerEvent> {
    let subscribed = (session(), any_duration(), cluster_id(), any::<u64>()).prop_map(
        |(session, heartbeat_interval, cluster, term)| SchedulerEvent::Subscribed {
            session,
            heartbeat_interval,
            cluster,
            term,
        },
    );
    prop_oneof![
        subscribed,
        collection::vec(offer(), 0..3).prop_map(SchedulerEvent::Offers),
        collection::vec(offer_id(), 0..5).prop_map(SchedulerEvent::Rescind),
        status().prop_map(SchedulerEvent::Update),
        (agent_id(), any::<bool>())
            .prop_map(|(agent, removed)| SchedulerEvent::Failure { agent, removed }),
        notice_event(),
        (role(), demand::demand_id())
            .prop_map(|(role, demand)| SchedulerEvent::DemandFailed { role, demand }),
        shared_state().prop_map(SchedulerEvent::SharedState),
        (collection::vec(task_id(), 0..4), any::<u64>(), role(), priority()).prop_map(
            |(tasks, ms, role, priority)| {
                let deadline = Duration(ms);
                let notice = PreemptionNotice { tasks, deadline, role, priority };
                SchedulerEvent::PreemptionNotice(notice)
            },
        ),
        volumes::info().prop_map(|volume| SchedulerEvent::VolumeUpdate(Box::new(volume))),
        Just(SchedulerEvent::Heartbeat),
        masters().prop_map(SchedulerEvent::Masters),
        refusal().prop_map(SchedulerEvent::Error),
    ]
}

pub(crate) fn agent_call() -> impl Strategy<Value = AgentCall> {
    let tasks = collection::vec(agent_task(), 0..5).prop_map(|tasks| {
        let named = tasks.into_iter().map(|task| (task.key.clone(), task));
        named.collect::<BTreeMap<_, _>>().into_values().collect()
    });
    prop_oneof![
        (agent_info(), any::<u64>(), tasks, collection::btree_set(volumes::key(), 0..4)).prop_map(
            |(info, incarnation, tasks, volumes)| {
                let volumes = volumes.into_iter().collect();
                AgentCall::Register { info, incarnation, tasks, volumes }
            }
        ),
        Just(AgentCall::Heartbeat),
        (framework_id(), status())
            .prop_map(|(framework, status)| AgentCall::Update { framework, status }),
        volumes::report().prop_map(AgentCall::Volume),
    ]
}

pub(crate) fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        (any_duration(), cluster_id()).prop_map(|(heartbeat_interval, cluster)| {
            Order::Registered { heartbeat_interval, cluster }
        }),
        Just(Order::Heartbeat),
        (framework_id(), option::of(owner_id()), task_info()).prop_map(
            |(framework, owner, task)| Order::Launch { framework, owner, task: Box::new(task) }
        ),
        (framework_id(), collection::vec(task_info(), 1..3)).prop_filter_map(
            "a group",
            |(framework, tasks)| {
                let group = Box::new(group_of(tasks)?);
                Some(Order::LaunchGroup { framework, owner: None, group })
            }
        ),
        (task_key(), grace_period(), status_reason())
            .prop_map(|(key, grace_period, reason)| Order::Kill { key, grace_period, reason }),
        (task_key(), some_resources(), 1..=u64::MAX)
            .prop_map(|(key, resources, version)| Order::Resize { key, resources, version }),
        volumes::order(),
        (task_key(), any::<u64>()).prop_map(|(key, sequence)| Order::Committed { key, sequence }),
        refusal().prop_map(Order::Refused),
        masters().prop_map(Order::Masters),
    ]
}

/// Any line and message, for refusals of others' making.
#[cfg(feature = "grpc")]
pub(crate) fn foreign_text() -> impl Strategy<Value = String> {
    prop_oneof![super::line(), any::<String>(), Just("\u{1b}[2J".repeat(2_000))]
}
