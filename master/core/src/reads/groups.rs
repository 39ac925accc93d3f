//! Task groups, one by one in pages.

use super::{
    Moment, Viewer,
    listings::{page_of, start},
};
use crate::{
    Ledger,
    input::{GroupFilter, Page},
    ledger::Group,
};
use proto::{
    convert::{
        resources::write_resources,
        status::write_state,
        task_group::{write_group_state, write_on_failure, write_part},
    },
    model::{GroupKey, Refusal, Resources, TaskKey},
    wire::v1,
};
use std::ops::Bound::Unbounded;

pub(super) fn list_groups(
    moment: &Moment,
    viewer: &Viewer,
    page: &Page,
    filter: &GroupFilter,
) -> Result<v1::ListGroupsResponse, Refusal> {
    let ledger = &moment.ledger;
    let token = page.after.as_ref().map(|token| group_token(token)).transpose()?;
    let rows = ledger.groups().range((start(token), Unbounded)).map(|(_, group)| group);
    let rows = rows.filter(|group| admits(filter, ledger, group));
    let rows = rows.filter(|group| viewer.sees(ledger, group.key.framework));
    let (rows, next_page_token) = page_of(rows, page, |group| group.key.to_string());
    let groups = rows.into_iter().map(|group| group_summary(ledger, group)).collect();
    Ok(v1::ListGroupsResponse { groups, next_page_token })
}

fn admits(filter: &GroupFilter, ledger: &Ledger, group: &Group) -> bool {
    let GroupFilter { framework, group: id, agent, states } = filter;
    framework.is_none_or(|framework| framework == group.key.framework)
        && id.as_ref().is_none_or(|id| *id == group.key.group)
        && agent.as_ref().is_none_or(|agent| *agent == group.agent)
        && (states.is_empty() || states.contains(&ledger.group_state(group)))
}

fn group_summary(ledger: &Ledger, group: &Group) -> v1::GroupSummary {
    let live = ledger.live_tasks_of_group(group);
    let allocated = live.fold(Resources::new(), |sum, task| {
        sum.checked_add(task.held()).expect("A1: parts of one agent add up")
    });
    let framework = group.key.framework;
    let member = |(task, part): &(proto::model::TaskId, _)| {
        let row = ledger.task(&TaskKey { framework, task: task.clone() });
        let state = row.map_or(v1::TaskState::TaskUnknown, |row| write_state(row.state()));
        let (task_id, part) = (task.to_string(), write_part(*part).into());
        v1::group_summary::Member { task_id, part, state: state.into() }
    };
    v1::GroupSummary {
        framework_id: framework.to_string(),
        group_id: group.key.group.to_string(),
        agent_id: group.agent.to_string(),
        role: group.role.to_string(),
        state: write_group_state(ledger.group_state(group)).into(),
        on_failure: write_on_failure(group.on_failure).into(),
        members: group.members.iter().map(member).collect(),
        allocated: write_resources(&allocated),
        failed_task_id: group.failed.as_ref().map(|(task, _)| task.to_string()).unwrap_or_default(),
    }
}

fn group_token(token: &str) -> Result<GroupKey, Refusal> {
    let parse = || {
        let (framework, group) = token.split_once('/')?;
        Some(GroupKey { framework: framework.parse().ok()?, group: group.parse().ok()? })
    };
    parse().ok_or_else(|| Refusal::invalid("page.token", "is not from an earlier page"))
}
