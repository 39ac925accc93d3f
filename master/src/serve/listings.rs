//! What is asked of listings: pages, filters, and whether the answer may be stale.

use super::operators::optional_id;
use master_core::{
    input::{AgentFilter, FrameworkFilter, OperatorCall, Page},
    ledger::{AgentState, FrameworkState},
};
use proto::{
    convert::{agent_life::read_selector, status::read_state},
    model::{Refusal, limits},
    wire::v1,
};

/// A row's key: a framework's id, a role, the id of a demand, and what separates them.
const TOKEN_BYTES_MAX: usize = 3 * limits::ID_BYTES_MAX + 2;

/// Size 0 means the default; the token is the last row's key, which the core looks up as it is.
pub(super) fn read_page(page: Option<v1::Page>) -> Result<Page, Refusal> {
    let page = page.unwrap_or_default();
    if page.size > limits::PAGE_ROWS_MAX {
        let count = |rows: u32| usize::try_from(rows).unwrap_or(usize::MAX);
        return Err(Refusal::limit("page.size", count(page.size), count(limits::PAGE_ROWS_MAX)));
    }
    if page.token.len() > TOKEN_BYTES_MAX {
        return Err(Refusal::limit("page.token", page.token.len(), TOKEN_BYTES_MAX));
    }
    if page.token.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Refusal::invalid("page.token", "did not come from an earlier answer"));
    }
    let size = if page.size == 0 { limits::PAGE_ROWS_DEFAULT } else { page.size };
    Ok(Page { size, after: Some(page.token).filter(|token| !token.is_empty()) })
}

/// Marks a listing that any member may answer.
pub(super) fn may_be_stale(stale_ok: bool, listing: OperatorCall) -> OperatorCall {
    match stale_ok {
        true => OperatorCall::Stale(Box::new(listing)),
        false => listing,
    }
}

pub(super) fn read_list_agents(request: v1::ListAgentsRequest) -> Result<OperatorCall, Refusal> {
    let page = read_page(request.page)?;
    let states = read_states(request.states, v1::AgentState::AgentRemoved as usize, |state| {
        match v1::AgentState::try_from(state) {
            Ok(v1::AgentState::AgentRegistered) => Ok(AgentState::Registered),
            Ok(v1::AgentState::AgentUnreachable) => Ok(AgentState::Unreachable),
            Ok(v1::AgentState::AgentRemoved) => Ok(AgentState::Removed),
            _ => Err(Refusal::invalid("", "is not an agent's state")),
        }
    })?;
    let selector = match request.selector.is_empty() {
        true => None,
        false => Some(read_selector("selector", &request.selector)?),
    };
    let filter = AgentFilter { states, selector };
    Ok(may_be_stale(request.stale_ok, OperatorCall::ListAgents { page, filter }))
}

pub(super) fn read_list_frameworks(
    request: v1::ListFrameworksRequest,
) -> Result<OperatorCall, Refusal> {
    let page = read_page(request.page)?;
    let most = v1::FrameworkState::FrameworkRemoved as usize;
    let states =
        read_states(request.states, most, |state| match v1::FrameworkState::try_from(state) {
            Ok(v1::FrameworkState::FrameworkSubscribed) => Ok(FrameworkState::Subscribed),
            Ok(v1::FrameworkState::FrameworkDisconnected) => Ok(FrameworkState::Disconnected),
            Ok(v1::FrameworkState::FrameworkRemoved) => Ok(FrameworkState::Removed),
            _ => Err(Refusal::invalid("", "is not a framework's state")),
        })?;
    let filter = FrameworkFilter { states, role: optional_id("role", &request.role)? };
    Ok(may_be_stale(request.stale_ok, OperatorCall::ListFrameworks { page, filter }))
}

pub(super) fn read_list_tasks(request: v1::ListTasksRequest) -> Result<OperatorCall, Refusal> {
    let states = read_states(request.states, v1::TaskState::TaskUnknown as usize, read_state)?;
    let listing = OperatorCall::ListTasks {
        page: read_page(request.page)?,
        framework: optional_id("framework_id", &request.framework_id)?,
        agent: optional_id("agent_id", &request.agent_id)?,
        states,
        role: optional_id("role", &request.role)?,
    };
    Ok(may_be_stale(request.stale_ok, listing))
}

/// States of a filter. As many as there are: more can only be repetitions.
pub(super) fn read_states<S>(
    states: Vec<i32>,
    most: usize,
    read: impl Fn(i32) -> Result<S, Refusal>,
) -> Result<Vec<S>, Refusal> {
    if states.len() > most {
        return Err(Refusal::limit("states", states.len(), most));
    }
    let place = |index: usize| format!("states[{index}]");
    let states = states.into_iter().enumerate();
    let states =
        states.map(|(index, state)| read(state).map_err(|refusal| refusal.under(&place(index))));
    states.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::Reason;

    fn page(size: u32, token: &str) -> Result<Page, Refusal> {
        read_page(Some(v1::Page { size, token: token.to_owned() }))
    }

    #[test]
    fn pages_have_bounds_and_a_default() {
        assert_eq!(read_page(None).unwrap(), Page { size: 100, after: None });
        let after = Some("agent-7".to_owned());
        assert_eq!(page(1_000, "agent-7").unwrap(), Page { size: 1_000, after });
        let refusal = page(1_001, "").unwrap_err();
        assert_eq!((refusal.reason, &*refusal.field), (Reason::LimitExceeded, "page.size"));
        assert_eq!(page(1, &"x".repeat(400)).unwrap_err().reason, Reason::LimitExceeded);
        assert_eq!(page(1, "a\u{7}b").unwrap_err().field, "page.token");
    }

    #[test]
    fn filters_name_the_field_that_is_wrong() {
        let request = |states: Vec<i32>, framework_id: &str| v1::ListTasksRequest {
            states,
            framework_id: framework_id.to_owned(),
            ..v1::ListTasksRequest::default()
        };
        assert_eq!(read_list_tasks(request(vec![3, 77], "")).unwrap_err().field, "states[1]");
        assert_eq!(read_list_tasks(request(vec![1; 99], "")).unwrap_err().field, "states");
        assert_eq!(read_list_tasks(request(vec![], "nobody")).unwrap_err().field, "framework_id");
    }

    #[test]
    fn filters_of_agents_and_frameworks_name_the_field_that_is_wrong() {
        let agents = |states: Vec<i32>, selector: &str| {
            let selector = selector.to_owned();
            read_list_agents(v1::ListAgentsRequest { states, selector, ..Default::default() })
        };
        assert_eq!(agents(vec![1, 9], "").unwrap_err().field, "states[1]");
        assert_eq!(agents(vec![1; 4], "").unwrap_err().field, "states");
        assert_eq!(agents(vec![], "rack").unwrap_err().field, "selector");
        let frameworks = |states: Vec<i32>, role: &str| {
            let role = role.to_owned();
            read_list_frameworks(v1::ListFrameworksRequest { states, role, ..Default::default() })
        };
        assert_eq!(frameworks(vec![0], "").unwrap_err().field, "states[0]");
        assert_eq!(frameworks(vec![2; 9], "").unwrap_err().reason, Reason::LimitExceeded);
        assert_eq!(frameworks(vec![], "a//b").unwrap_err().field, "role");
        let role = "a b".to_owned();
        let tasks = read_list_tasks(v1::ListTasksRequest { role, ..Default::default() });
        assert_eq!(tasks.unwrap_err().field, "role");
    }

    #[test]
    fn only_who_says_so_gets_what_may_be_stale() {
        for stale_ok in [false, true] {
            let calls = [
                read_list_agents(v1::ListAgentsRequest { stale_ok, ..Default::default() }),
                read_list_frameworks(v1::ListFrameworksRequest { stale_ok, ..Default::default() }),
                read_list_tasks(v1::ListTasksRequest { stale_ok, ..Default::default() }),
            ];
            for call in calls {
                assert_eq!(matches!(call.unwrap(), OperatorCall::Stale(_)), stale_ok);
            }
        }
    }
}
