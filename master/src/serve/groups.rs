//! Operators' calls about tasks and task groups: kill, and the listing of groups.

use super::{
    listings::{read_page, read_states},
    operators::{id, optional_id},
};
use master_core::input::{GroupFilter, OperatorCall};
use proto::{
    convert::{kill_policy::read_kill_grace, task_group::read_group_state},
    model::{GroupKey, GroupState, Principal, Refusal, TaskKey},
    wire::v1,
};

pub(super) fn read_kill(request: v1::OperatorKillTaskRequest) -> Result<OperatorCall, Refusal> {
    let framework = id("framework_id", &request.framework_id)?;
    let grace_period = read_kill_grace("kill_policy", request.kill_policy)?;
    match optional_id("group_id", &request.group_id)? {
        None => {
            let key = TaskKey { framework, task: id("task_id", &request.task_id)? };
            Ok(OperatorCall::KillTask { key, grace_period })
        }
        Some(_) if !request.task_id.is_empty() => {
            Err(Refusal::invalid("group_id", "is given beside task_id"))
        }
        Some(group) => {
            let key = GroupKey { framework, group };
            Ok(OperatorCall::KillGroup { key, grace_period })
        }
    }
}

pub(super) fn read_list(request: v1::ListGroupsRequest) -> Result<OperatorCall, Refusal> {
    let filter = GroupFilter {
        framework: optional_id("framework_id", &request.framework_id)?,
        group: optional_id("group_id", &request.group_id)?,
        agent: optional_id("agent_id", &request.agent_id)?,
        states: read_states(request.states, GroupState::ALL.len(), read_group_state)?,
    };
    Ok(OperatorCall::ListGroups { page: read_page(request.page)?, filter })
}

/// Says who ends what.
pub(super) fn audit(node: &str, principal: &Principal, request: &OperatorCall) {
    match request {
        OperatorCall::KillTask { key, .. } => {
            tracing::info!(target: "bourse::audit", %node, %principal, task = %key, "kill task");
        }
        OperatorCall::KillGroup { key, .. } => {
            tracing::info!(target: "bourse::audit", %node, %principal, group = %key, "kill group");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kill_needs_its_task_and_a_bounded_grace_period() {
        let request = |task: &str, grace: Option<u64>| v1::OperatorKillTaskRequest {
            framework_id: "framework-1".to_owned(),
            task_id: task.to_owned(),
            kill_policy: Some(v1::KillPolicy {
                grace_period_ms: grace,
                ..v1::KillPolicy::default()
            }),
            group_id: String::new(),
        };
        assert!(read_kill(request("a", Some(5))).is_ok());
        assert_eq!(read_kill(request("", None)).unwrap_err().field, "task_id");
        let field = read_kill(request("a", Some(u64::MAX))).unwrap_err().field;
        assert_eq!(field, "kill_policy.grace_period_ms");
        let mut signal = request("a", None);
        signal.kill_policy =
            Some(v1::KillPolicy { signal: "INT".to_owned(), ..Default::default() });
        assert_eq!(read_kill(signal).unwrap_err().field, "kill_policy.signal");
    }

    #[test]
    fn a_kill_is_of_a_task_or_of_a_group() {
        let request = |task: &str, group: &str| v1::OperatorKillTaskRequest {
            framework_id: "framework-1".to_owned(),
            task_id: task.to_owned(),
            kill_policy: None,
            group_id: group.to_owned(),
        };
        let killed = read_kill(request("", "g"));
        assert!(matches!(killed, Ok(OperatorCall::KillGroup { .. })), "{killed:?}");
        assert_eq!(read_kill(request("a", "g")).unwrap_err().field, "group_id");
        assert_eq!(read_kill(request("", "../g")).unwrap_err().field, "group_id");
    }

    #[test]
    fn a_listing_of_groups_names_states_and_ids_that_can_be() {
        let request = |states: Vec<i32>, framework_id: &str| v1::ListGroupsRequest {
            states,
            framework_id: framework_id.to_owned(),
            ..v1::ListGroupsRequest::default()
        };
        let Ok(OperatorCall::ListGroups { filter, .. }) = read_list(request(vec![3], "")) else {
            panic!("is one");
        };
        assert_eq!(filter.states, [GroupState::Running]);
        let wrong = [
            (request(vec![1, 0], ""), "states[1]"),
            (request(vec![1; 10], ""), "states"),
            (request(vec![], "f"), "framework_id"),
        ];
        for (request, field) in wrong {
            assert_eq!(read_list(request).unwrap_err().field, field);
        }
    }
}
