//! Single rows and pages of rows.

use super::{
    Moment, Read, Viewer,
    agent_life::list_windows,
    demands::list_demands,
    groups::list_groups,
    inverse::tally_of_agent,
    reservations::list_reservations,
    roles::list_roles,
    summaries::{agent_address, agent_summary, framework_summary, task_summary},
    volumes::list_volumes,
    why::why,
};
use crate::{
    Ledger,
    input::{AgentFilter, FrameworkFilter, OperatorCall, Page},
    ledger::{Agent, Framework, Task},
    master::{figures::CommitFigures, leadership::Leadership},
    offers::Shown,
    outbox::{Answer, ReadAnswer},
};
use proto::{
    convert::offer,
    model::{
        AgentId, FrameworkId, Offer, OfferId, Reason, Refusal, Resources, Role, TaskId, TaskKey,
        TaskState,
    },
    wire::v1,
};
use std::ops::Bound::{self, Excluded, Unbounded};

/// Whether the answer is in what only a serving leader has: what is planned, and why.
pub(crate) fn leader_alone_knows(request: &OperatorCall) -> bool {
    use OperatorCall::{ListDemands, ListRoles, Why};
    matches!(request, ListRoles(_) | Why(_) | ListDemands { .. })
}

/// Whether a member that does not lead may answer: rows that are replicated, in pages.
pub(crate) fn may_be_stale(request: &OperatorCall) -> bool {
    use OperatorCall::{ListAgents, ListFrameworks, ListTasks, ListVolumes};
    matches!(
        request,
        ListAgents { .. } | ListFrameworks { .. } | ListTasks { .. } | ListVolumes { .. }
    )
}

/// Answers what [only a leader knows](leader_alone_knows).
pub(crate) fn answer_as_leader(
    moment: &Moment,
    leader: Option<&Leadership>,
    read: &Read,
) -> Result<Answer, Refusal> {
    let ledger = &moment.ledger;
    let answer = match &read.request {
        OperatorCall::ListRoles(page) => ReadAnswer::Roles(list_roles(ledger, leader, page)?),
        OperatorCall::Why(query) => ReadAnswer::Why(why(moment, leader, query, &read.viewer)?),
        OperatorCall::ListDemands { page, framework } => {
            ReadAnswer::Demands(list_demands(leader, page, *framework)?)
        }
        other => unreachable!("{other:?} is answered from a moment"),
    };
    Ok(Answer::Read(Box::new(answer)))
}

/// Answers a read from the state as of a moment.
pub(super) fn answer(
    moment: &Moment,
    viewer: &Viewer,
    request: &OperatorCall,
) -> Result<Answer, Refusal> {
    let ledger = &moment.ledger;
    let answer = match request {
        OperatorCall::GetAgent(id) => ReadAnswer::Agent(get_agent(moment, id, viewer)?),
        OperatorCall::ListAgents { page, filter } => {
            ReadAnswer::Agents(list_agents(moment, page, filter)?)
        }
        OperatorCall::GetFramework(id) => ReadAnswer::Framework(get_framework(moment, *id)?),
        OperatorCall::ListFrameworks { page, filter } => {
            ReadAnswer::Frameworks(list_frameworks(moment, page, filter)?)
        }
        OperatorCall::GetTask { framework, task } => {
            ReadAnswer::Task(get_task(ledger, *framework, task, viewer)?)
        }
        OperatorCall::ListTasks { page, framework, agent, states, role } => {
            let (agent, role) = (agent.as_ref(), role.as_ref());
            let wanted = Wanted { viewer, framework: *framework, agent, states, role };
            ReadAnswer::Tasks(list_tasks(moment, page, &wanted)?)
        }
        OperatorCall::ListGroups { page, filter } => {
            ReadAnswer::Groups(list_groups(moment, viewer, page, filter)?)
        }
        OperatorCall::ListMaintenance(page) => ReadAnswer::Windows(list_windows(moment, page)?),
        OperatorCall::ListOffers(page) => ReadAnswer::Offers(list_offers(moment, page)?),
        OperatorCall::ListReservations { page, agent, role } => {
            let (agent, role) = (agent.as_ref(), role.as_ref());
            ReadAnswer::Reservations(list_reservations(ledger, page, agent, role)?)
        }
        OperatorCall::ListVolumes { page, agent, role, volume } => {
            let which = (agent.as_ref(), role.as_ref(), *volume);
            ReadAnswer::Volumes(list_volumes(moment, viewer, page, which)?)
        }
        OperatorCall::GetCluster
        | OperatorCall::Stale(_)
        | OperatorCall::ListRoles(_)
        | OperatorCall::Why(_)
        | OperatorCall::ListDemands { .. }
        | OperatorCall::DirectAgent { .. }
        | OperatorCall::TeardownFramework(_)
        | OperatorCall::ScheduleMaintenance(_)
        | OperatorCall::CancelMaintenance(_)
        | OperatorCall::Reserve(_)
        | OperatorCall::Unreserve(_)
        | OperatorCall::MoveReservation { .. }
        | OperatorCall::CreateVolume(_)
        | OperatorCall::GrowVolume(_)
        | OperatorCall::ShrinkVolume(_)
        | OperatorCall::DestroyVolume(_)
        | OperatorCall::Once { .. }
        | OperatorCall::SetWeight { .. }
        | OperatorCall::SetQuota { .. }
        | OperatorCall::RemoveQuota(_)
        | OperatorCall::ConfigureRole { .. }
        | OperatorCall::AddMaster(_)
        | OperatorCall::RemoveMaster(_)
        | OperatorCall::ReplaceMaster { .. }
        | OperatorCall::TransferLeadership(_)
        | OperatorCall::KillGroup { .. }
        | OperatorCall::KillTask { .. } => {
            unreachable!("answered by the master itself")
        }
    };
    Ok(Answer::Read(Box::new(answer)))
}

/// Rows of one page, and the token of the next when there are more.
pub(super) fn page_of<T>(
    rows: impl Iterator<Item = T>,
    page: &Page,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, String) {
    let size = usize::try_from(page.size).expect("pages are small");
    let mut taken: Vec<T> = rows.take(size + 1).collect();
    if taken.len() <= size {
        return (taken, String::new());
    }
    taken.truncate(size);
    let token = taken.last().map(&key).unwrap_or_default();
    (taken, token)
}

/// The row after which a page starts.
pub(super) fn after<K: std::str::FromStr<Err: std::fmt::Display>>(
    page: &Page,
) -> Result<Option<K>, Refusal> {
    let parse =
        |token: &String| token.parse().map_err(|problem| Refusal::invalid("page.token", problem));
    page.after.as_ref().map(parse).transpose()
}

pub(super) fn start<K>(after: Option<K>) -> Bound<K> {
    after.map_or(Unbounded, Excluded)
}

fn offered(offers: &Shown, agent: &AgentId) -> Resources {
    offers.of_agent(agent).fold(Resources::new(), |sum, offer| {
        sum.checked_add(&offer.resources).expect("offers of one agent are disjoint")
    })
}

fn get_agent(
    moment: &Moment,
    id: &AgentId,
    viewer: &Viewer,
) -> Result<v1::GetAgentResponse, Refusal> {
    let unknown = || Refusal::new(Reason::AgentUnknown, format!("no agent {id}")).at("agent_id");
    let row = moment.ledger.agent(id).ok_or_else(unknown)?;
    let agent = match viewer.sees_all() {
        true => agent_row(moment, id, row),
        false => agent_address(row),
    };
    Ok(v1::GetAgentResponse { agent: Some(agent) })
}

fn list_agents(
    moment: &Moment,
    page: &Page,
    filter: &AgentFilter,
) -> Result<v1::ListAgentsResponse, Refusal> {
    let rows = moment.ledger.agents().range((start(after::<AgentId>(page)?), Unbounded));
    let rows = rows.filter(|(_, row)| {
        (filter.states.is_empty() || filter.states.contains(&row.state))
            && filter.selector.as_ref().is_none_or(|selector| selector.matches(&row.info))
    });
    let (rows, next_page_token) = page_of(rows, page, |(id, _)| id.to_string());
    let agents = rows.into_iter().map(|(id, row)| agent_row(moment, id, row)).collect();
    Ok(v1::ListAgentsResponse { agents, next_page_token, age: moment.age })
}

/// With what only the leader knows.
fn agent_row(moment: &Moment, id: &AgentId, row: &Agent) -> v1::AgentSummary {
    let offered = offered(&moment.offers, id);
    v1::AgentSummary {
        inverse_offers: tally_of_agent(moment, row),
        ..agent_summary(&moment.ledger, row, Some(&offered), moment.time)
    }
}

/// With what only the leader knows.
fn framework_row(moment: &Moment, row: &Framework) -> v1::FrameworkSummary {
    let counted = moment.commits.get(&row.id).copied();
    let CommitFigures { commits, conflicts } = counted.unwrap_or_default();
    let summary = framework_summary(&moment.ledger, row);
    let hold_charge = moment.holds.get(&row.id).copied();
    v1::FrameworkSummary { commits, commit_conflicts: conflicts, hold_charge, ..summary }
}

fn get_framework(moment: &Moment, id: FrameworkId) -> Result<v1::GetFrameworkResponse, Refusal> {
    let unknown = || Refusal::new(Reason::FrameworkUnknown, format!("no {id}")).at("framework_id");
    let row = moment.ledger.framework(id).ok_or_else(unknown)?;
    Ok(v1::GetFrameworkResponse { framework: Some(framework_row(moment, row)) })
}

fn list_frameworks(
    moment: &Moment,
    page: &Page,
    filter: &FrameworkFilter,
) -> Result<v1::ListFrameworksResponse, Refusal> {
    let ledger = &moment.ledger;
    let rows = ledger.frameworks().range((start(after::<FrameworkId>(page)?), Unbounded));
    let in_role = |role: &Role, row: &Framework| {
        row.info.roles.iter().any(|own| own.ancestors().any(|above| above == *role))
    };
    let rows = rows.filter(|(_, row)| {
        (filter.states.is_empty() || filter.states.contains(&row.state))
            && filter.role.as_ref().is_none_or(|role| in_role(role, row))
    });
    let (rows, next_page_token) = page_of(rows, page, |(id, _)| id.to_string());
    let frameworks = rows.into_iter().map(|(_, row)| framework_row(moment, row)).collect();
    Ok(v1::ListFrameworksResponse { frameworks, next_page_token, age: moment.age })
}

fn get_task(
    ledger: &Ledger,
    framework: Option<FrameworkId>,
    id: &TaskId,
    viewer: &Viewer,
) -> Result<v1::GetTaskResponse, Refusal> {
    let row = find_task(ledger, framework, id, viewer)?;
    Ok(v1::GetTaskResponse { task: Some(viewer.shown(task_summary(row))) })
}

/// One task; without a framework when its id is unique among those that are shown.
pub(super) fn find_task<'a>(
    ledger: &'a Ledger,
    framework: Option<FrameworkId>,
    id: &TaskId,
    viewer: &Viewer,
) -> Result<&'a Task, Refusal> {
    let unknown = || Refusal::new(Reason::TaskUnknown, format!("no task {id}")).at("task_id");
    let shown = |framework: &FrameworkId| viewer.sees(ledger, *framework);
    let named = |framework| {
        let row = ledger.task(&TaskKey { framework, task: id.clone() });
        row.filter(|_| shown(&framework))
    };
    match framework {
        Some(framework) => named(framework).ok_or_else(unknown),
        None => {
            let mut rows = ledger.frameworks().iter().filter_map(|(id, _)| named(*id));
            let row = rows.next().ok_or_else(unknown)?;
            if let Some(other) = rows.next() {
                let (a, b) = (row.key.framework, other.key.framework);
                let problem = format!("{id} is a task of both {a} and {b}; name the framework");
                return Err(Refusal::invalid("framework_id", problem));
            }
            Ok(row)
        }
    }
}

/// Which tasks a listing shows.
struct Wanted<'a> {
    viewer: &'a Viewer,
    framework: Option<FrameworkId>,
    agent: Option<&'a AgentId>,
    states: &'a [TaskState],
    role: Option<&'a Role>,
}

impl Wanted<'_> {
    fn admits(&self, ledger: &Ledger, task: &Task) -> bool {
        self.framework.is_none_or(|framework| framework == task.key.framework)
            && self.agent.is_none_or(|agent| *agent == task.info.agent)
            && (self.states.is_empty() || self.states.contains(&task.status.state))
            && self.role.is_none_or(|role| task.role.ancestors().any(|above| above == *role))
            && self.viewer.sees(ledger, task.key.framework)
    }
}

fn list_tasks(
    moment: &Moment,
    page: &Page,
    wanted: &Wanted<'_>,
) -> Result<v1::ListTasksResponse, Refusal> {
    let ledger = &moment.ledger;
    let token = page.after.as_ref().map(|token| task_token(token)).transpose()?;
    let rows = ledger.tasks().range((start(token), Unbounded)).map(|(_, task)| task);
    let rows = rows.filter(|task| wanted.admits(ledger, task));
    let (rows, next_page_token) = page_of(rows, page, |task| task.key.to_string());
    let tasks = rows.into_iter().map(|row| wanted.viewer.shown(task_summary(row))).collect();
    Ok(v1::ListTasksResponse { tasks, next_page_token, age: moment.age })
}

fn task_token(token: &str) -> Result<TaskKey, Refusal> {
    let parse = || {
        let (framework, task) = token.split_once('/')?;
        Some(TaskKey { framework: framework.parse().ok()?, task: task.parse().ok()? })
    };
    parse().ok_or_else(|| Refusal::invalid("page.token", "is not from an earlier page"))
}

fn list_offers(moment: &Moment, page: &Page) -> Result<v1::ListOffersResponse, Refusal> {
    let Moment { ledger, offers, .. } = moment;
    let rows = offers.iter(after::<OfferId>(page)?);
    let (rows, next_page_token) = page_of(rows, page, |offer| offer.id.to_string());
    let shown = |offer: &Offer| {
        let domain = ledger.agent(&offer.agent).and_then(|agent| agent.info.domain.as_ref());
        let domain = domain.map(ToString::to_string).unwrap_or_default();
        v1::Offer { domain, ..offer::write_offer(offer) }
    };
    Ok(v1::ListOffersResponse { offers: rows.into_iter().map(shown).collect(), next_page_token })
}
