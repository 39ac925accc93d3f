//! What a framework asks: each request of the `Scheduler` service, and the call it means.

pub use super::events::{read_event, write_event};
pub use super::inverse::read_answer_inverse_offers;
use super::{
    decline::{read_filters, write_filters},
    demand::{read_demands, write_demand},
    form::{self, Read},
    framework::{read_framework_info, write_framework_info},
    inverse::write_answer_inverse_offers,
    kill_policy::{read_kill_grace, write_kill_grace},
    operation::{read_operations, write_operations},
    shared::{
        read_conflict_detection, read_decided_on, write_conflict_detection, write_decided_on,
    },
};
use crate::model::{
    ConflictDetection, DeclineFilter, Duration, OfferId, Operation, Refusal, RequestId, Role,
    SchedulerCall, Session, Subscribe, TaskId, limits,
};
use crate::wire::v1;
use std::collections::BTreeSet;

/// A call as the request that carries it.
#[derive(Debug, Clone, PartialEq)]
pub enum WireCall {
    /// Launch tasks on offers.
    Accept(v1::AcceptRequest),
    /// Hand offers back.
    Decline(v1::DeclineRequest),
    /// End a task.
    Kill(v1::KillRequest),
    /// Updates that were dealt with.
    Acknowledge(v1::AcknowledgeRequest),
    /// Ask for statuses.
    Reconcile(v1::ReconcileRequest),
    /// No more offers.
    Suppress(v1::SuppressRequest),
    /// Offers again.
    Revive(v1::ReviveRequest),
    /// Forget what was refused.
    ClearFilters(v1::ClearFiltersRequest),
    /// Answer inverse offers.
    AnswerInverseOffers(v1::AnswerInverseOffersRequest),
    /// End the framework.
    Teardown(v1::TeardownRequest),
    /// Describe it anew.
    UpdateFramework(v1::UpdateFrameworkRequest),
    /// Say what is wanted.
    StateDemand(v1::StateDemandRequest),
}

/// Reads a subscription.
pub fn read_subscribe(request: v1::SubscribeRequest) -> Result<Subscribe, Refusal> {
    let info = read_framework_info(form::required("framework", request.framework)?)
        .map_err(|no| no.under("framework"))?;
    let (field, limit) = ("suppressed_roles", limits::FRAMEWORK_ROLES_MAX);
    let suppressed = form::distinct_ids::<Role>(field, request.suppressed_roles, limit)?;
    let roles: BTreeSet<_> = info.roles.iter().collect();
    if let Some(index) = suppressed.iter().position(|role| !roles.contains(role)) {
        let problem = "is not among the framework's roles";
        return Err(Refusal::invalid(format!("{field}[{index}]"), problem));
    }
    Ok(Subscribe {
        info,
        framework: form::optional_id("framework_id", &request.framework_id)?,
        request: form::required("request_id", read_request_id(&request.request_id)?)?,
        suppressed,
    })
}

/// Writes a subscription.
pub fn write_subscribe(subscribe: &Subscribe) -> v1::SubscribeRequest {
    v1::SubscribeRequest {
        framework: Some(write_framework_info(&subscribe.info)),
        framework_id: subscribe.framework.map(|id| id.to_string()).unwrap_or_default(),
        request_id: subscribe.request.to_string(),
        suppressed_roles: write_roles(&subscribe.suppressed),
    }
}

/// Writes which framework and which of its instances speaks.
pub fn write_session(session: Session) -> v1::FrameworkSession {
    v1::FrameworkSession { framework_id: session.framework.to_string(), epoch: session.epoch }
}

/// Reads an accept.
pub fn read_accept(request: v1::AcceptRequest) -> Result<(Session, SchedulerCall), Refusal> {
    if !request.role.is_empty() {
        return read_commit(request);
    }
    for (field, is_said) in [
        ("conflict_detection", request.conflict_detection != 0),
        ("decided_on", !request.decided_on.is_empty()),
    ] {
        if is_said {
            return Err(Refusal::invalid(field, "is of a commit, which names a role"));
        }
    }
    let session = read_session(request.session)?;
    let operations = read_operations(request.tasks, request.operations)?;
    let needs_none = |operation: &Operation| {
        use Operation::{DestroyVolume, Resize, ShrinkVolume};
        matches!(operation, Resize(_) | ShrinkVolume(_) | DestroyVolume(_))
    };
    let offers = match !operations.is_empty() && operations.iter().all(needs_none) {
        true => read_offers_or_none(request.offer_ids)?,
        false => read_offers(request.offer_ids)?,
    };
    let partial = request.partial;
    let refuse = read_refuse(request.filters)?;
    let request = read_request_id(&request.request_id)?;
    Ok((session, SchedulerCall::Accept { offers, operations, partial, refuse, request }))
}

/// Reads an accept that names a role instead of offers.
fn read_commit(request: v1::AcceptRequest) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    if !request.offer_ids.is_empty() {
        return Err(Refusal::invalid("role", "is said beside offer_ids"));
    }
    if request.filters.is_some() {
        return Err(Refusal::invalid("filters", "are of offers; a commit hands nothing back"));
    }
    let operations = read_operations(request.tasks, request.operations)?;
    let operations = form::some("operations", operations)?;
    let detection = read_conflict_detection(request.conflict_detection)?;
    let decided_on = read_decided_on(request.decided_on)?;
    if detection == ConflictDetection::Coarse {
        let mut agents = operations.iter().flat_map(Operation::tasks).map(|task| &task.agent);
        if let Some(agent) = agents.find(|agent| !decided_on.contains_key(*agent)) {
            let problem = format!("names no version of agent {agent}");
            return Err(Refusal::invalid("decided_on", problem));
        }
    }
    let call = SchedulerCall::Commit {
        role: form::id("role", &request.role)?,
        operations,
        partial: request.partial,
        detection,
        decided_on,
        request: read_request_id(&request.request_id)?,
    };
    Ok((session, call))
}

/// Reads a decline.
pub fn read_decline(request: v1::DeclineRequest) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    let offers = read_offers(request.offer_ids)?;
    Ok((session, SchedulerCall::Decline { offers, refuse: read_refuse(request.filters)? }))
}

/// Reads a kill.
pub fn read_kill(request: v1::KillRequest) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    let grace_period = read_kill_grace("kill_policy", request.kill_policy)?;
    let call = match form::optional_id("group_id", &request.group_id)? {
        None => SchedulerCall::Kill { task: form::id("task_id", &request.task_id)?, grace_period },
        Some(_) if !request.task_id.is_empty() => {
            return Err(Refusal::invalid("group_id", "is given beside task_id"));
        }
        Some(group) => SchedulerCall::KillGroup { group, grace_period },
    };
    Ok((session, call))
}

/// Reads acknowledgements.
pub fn read_acknowledge(
    request: v1::AcknowledgeRequest,
) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    let (field, limit) = ("acknowledgements", limits::ACKNOWLEDGEMENTS_PER_CALL_MAX);
    let list = form::some(field, request.acknowledgements)?;
    let acknowledgements = form::each(field, list, limit, |entry| match entry.sequence {
        0 => Err(Refusal::invalid("sequence", "is 0; such updates need no acknowledgement")),
        sequence => Ok((form::id::<TaskId>("task_id", &entry.task_id)?, sequence)),
    })?;
    Ok((session, SchedulerCall::Acknowledge { acknowledgements }))
}

/// Reads a reconciliation.
pub fn read_reconcile(request: v1::ReconcileRequest) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    let tasks = form::ids("task_ids", request.task_ids, limits::RECONCILE_TASKS_MAX)?;
    Ok((session, SchedulerCall::Reconcile { tasks }))
}

/// Reads a suppression.
pub fn read_suppress(request: v1::SuppressRequest) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    Ok((session, SchedulerCall::Suppress { roles: read_roles(request.roles)? }))
}

/// Reads a revival.
pub fn read_revive(request: v1::ReviveRequest) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    Ok((session, SchedulerCall::Revive { roles: read_roles(request.roles)? }))
}

/// Reads that filters are to be taken out.
pub fn read_clear_filters(
    request: v1::ClearFiltersRequest,
) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    Ok((session, SchedulerCall::ClearFilters { roles: read_roles(request.roles)? }))
}

/// Reads a teardown.
pub fn read_teardown(request: v1::TeardownRequest) -> Result<(Session, SchedulerCall), Refusal> {
    Ok((read_session(request.session)?, SchedulerCall::Teardown))
}

/// Reads a new description.
pub fn read_update_framework(
    request: v1::UpdateFrameworkRequest,
) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    let info = read_framework_info(form::required("framework", request.framework)?)
        .map_err(|no| no.under("framework"))?;
    Ok((session, SchedulerCall::UpdateFramework { info }))
}

/// Reads what is wanted.
pub fn read_state_demand(
    request: v1::StateDemandRequest,
) -> Result<(Session, SchedulerCall), Refusal> {
    let session = read_session(request.session)?;
    let role = form::id("role", &request.role)?;
    let demands = match (request.plain, request.demands) {
        (false, demands) => Some(read_demands(demands)?),
        (true, demands) if demands.is_empty() => None,
        (true, _) => return Err(Refusal::invalid("plain", "is said beside demands")),
    };
    Ok((session, SchedulerCall::StateDemand { role, demands }))
}

/// Reads any call.
pub fn read_call(call: WireCall) -> Result<(Session, SchedulerCall), Refusal> {
    match call {
        WireCall::Accept(request) => read_accept(request),
        WireCall::Decline(request) => read_decline(request),
        WireCall::Kill(request) => read_kill(request),
        WireCall::Acknowledge(request) => read_acknowledge(request),
        WireCall::Reconcile(request) => read_reconcile(request),
        WireCall::Suppress(request) => read_suppress(request),
        WireCall::Revive(request) => read_revive(request),
        WireCall::ClearFilters(request) => read_clear_filters(request),
        WireCall::AnswerInverseOffers(request) => read_answer_inverse_offers(request),
        WireCall::Teardown(request) => read_teardown(request),
        WireCall::UpdateFramework(request) => read_update_framework(request),
        WireCall::StateDemand(request) => read_state_demand(request),
    }
}

/// Writes any call.
pub fn write_call(session: Session, call: SchedulerCall) -> WireCall {
    let session = Some(write_session(session));
    match call {
        SchedulerCall::Accept { offers, operations, partial, refuse, request } => {
            let (tasks, operations) = write_operations(&operations, partial);
            WireCall::Accept(v1::AcceptRequest {
                session,
                offer_ids: write_offers(&offers),
                tasks,
                filters: Some(write_filters(&refuse)),
                request_id: request.map(|id| id.to_string()).unwrap_or_default(),
                operations,
                partial,
                ..v1::AcceptRequest::default()
            })
        }
        commit @ SchedulerCall::Commit { .. } => WireCall::Accept(write_commit(session, commit)),
        SchedulerCall::Decline { offers, refuse } => WireCall::Decline(v1::DeclineRequest {
            session,
            offer_ids: write_offers(&offers),
            filters: Some(write_filters(&refuse)),
        }),
        SchedulerCall::Kill { task, grace_period } => {
            WireCall::Kill(write_kill(session, task.to_string(), String::new(), grace_period))
        }
        SchedulerCall::KillGroup { group, grace_period } => {
            WireCall::Kill(write_kill(session, String::new(), group.to_string(), grace_period))
        }
        SchedulerCall::Acknowledge { acknowledgements } => {
            let entry = |(task, sequence): (TaskId, u64)| v1::Acknowledgement {
                task_id: task.to_string(),
                sequence,
            };
            let acknowledgements = acknowledgements.into_iter().map(entry).collect();
            WireCall::Acknowledge(v1::AcknowledgeRequest { session, acknowledgements })
        }
        SchedulerCall::Reconcile { tasks } => {
            let task_ids = tasks.iter().map(TaskId::to_string).collect();
            WireCall::Reconcile(v1::ReconcileRequest { session, task_ids })
        }
        SchedulerCall::Suppress { roles } => {
            WireCall::Suppress(v1::SuppressRequest { session, roles: write_roles(&roles) })
        }
        SchedulerCall::Revive { roles } => {
            WireCall::Revive(v1::ReviveRequest { session, roles: write_roles(&roles) })
        }
        SchedulerCall::ClearFilters { roles } => {
            WireCall::ClearFilters(v1::ClearFiltersRequest { session, roles: write_roles(&roles) })
        }
        SchedulerCall::AnswerInverse { offers, answer } => {
            WireCall::AnswerInverseOffers(write_answer_inverse_offers(session, &offers, answer))
        }
        SchedulerCall::Teardown => WireCall::Teardown(v1::TeardownRequest { session }),
        SchedulerCall::UpdateFramework { info } => {
            let framework = Some(write_framework_info(&info));
            WireCall::UpdateFramework(v1::UpdateFrameworkRequest { session, framework })
        }
        SchedulerCall::StateDemand { role, demands } => {
            WireCall::StateDemand(v1::StateDemandRequest {
                session,
                role: role.to_string(),
                plain: demands.is_none(),
                demands: demands.iter().flatten().map(write_demand).collect(),
            })
        }
    }
}

fn write_kill(
    session: Option<v1::FrameworkSession>,
    task_id: String,
    group_id: String,
    grace_period: Option<Duration>,
) -> v1::KillRequest {
    v1::KillRequest { session, task_id, kill_policy: write_kill_grace(grace_period), group_id }
}

fn write_commit(session: Option<v1::FrameworkSession>, call: SchedulerCall) -> v1::AcceptRequest {
    let SchedulerCall::Commit { role, operations, partial, detection, decided_on, request } = call
    else {
        unreachable!("only commits are written as such");
    };
    let (tasks, operations) = write_operations(&operations, partial);
    v1::AcceptRequest {
        session,
        tasks,
        operations,
        partial,
        role: role.to_string(),
        conflict_detection: write_conflict_detection(detection).into(),
        decided_on: write_decided_on(&decided_on),
        request_id: request.map(|id| id.to_string()).unwrap_or_default(),
        ..v1::AcceptRequest::default()
    }
}

pub(super) fn read_session(session: Option<v1::FrameworkSession>) -> Read<Session> {
    let session = form::required("session", session)?;
    let framework = form::id("session.framework_id", &session.framework_id)?;
    Ok(Session { framework, epoch: session.epoch })
}

/// A call about no offers is a client's mistake.
fn read_offers(texts: Vec<String>) -> Read<Vec<OfferId>> {
    read_offers_or_none(form::some("offer_ids", texts)?)
}

/// What shrinks needs no offer.
fn read_offers_or_none(texts: Vec<String>) -> Read<Vec<OfferId>> {
    form::distinct_ids("offer_ids", texts, limits::OFFERS_PER_CALL_MAX)
}

fn write_offers(offers: &[OfferId]) -> Vec<String> {
    offers.iter().map(OfferId::to_string).collect()
}

fn read_roles(texts: Vec<String>) -> Read<Vec<Role>> {
    form::distinct_ids("roles", texts, limits::FRAMEWORK_ROLES_MAX)
}

fn write_roles(roles: &[Role]) -> Vec<String> {
    roles.iter().map(Role::to_string).collect()
}

fn read_refuse(filters: Option<v1::Filters>) -> Read<DeclineFilter> {
    read_filters(filters).map_err(|no| no.under("filters"))
}

/// Reads a request id, or none: long enough to be unique, short enough to be remembered.
pub fn read_request_id(text: &str) -> Result<Option<RequestId>, Refusal> {
    let field = "request_id";
    let (least, most) = (limits::REQUEST_ID_BYTES_MIN, limits::REQUEST_ID_BYTES_MAX);
    form::at_most(field, text.len(), most)?;
    if !text.is_empty() && text.len() < least {
        let problem = format!("has {} characters, fewer than {least}", text.len());
        return Err(Refusal::invalid(field, problem));
    }
    form::optional_id(field, text)
}
