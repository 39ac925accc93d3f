//! Tasks come into being: all of one operation, or none.
//!
//! What is checked is what must hold whatever was offered: that the ids are new, the agents there,
//! and the resources free.

use super::{
    AgentState, Framework, Ledger,
    agents::{agent_removed, agent_unknown},
    apply_accept::Accept,
    apply_roles::check_caps,
    draft::{AgentDraft, Draft},
    frameworks::amounts,
    roles::Cap,
};
use proto::model::{OperationResult, Reason, Refusal, Role, TaskInfo, TaskKey, limits};
use std::borrow::Cow;

impl Ledger {
    /// Applies a launch to the draft.
    pub(super) fn launch<'a>(
        &self,
        accept: &Accept<'_>,
        tasks: &'a [TaskInfo],
        draft: &mut Draft<'a>,
    ) -> Result<OperationResult, Refusal> {
        let (framework, role) = (accept.session.framework, accept.role);
        let framework = self.frameworks.get(&framework).expect("a known framework");
        if tasks.is_empty() {
            return Err(Refusal::invalid("tasks", "is empty"));
        }
        let count = self.tasks.len() + draft.tasks.len() + tasks.len();
        if count > limits::TASKS_MAX {
            return Err(Refusal::limit("tasks", count, limits::TASKS_MAX));
        }
        let caps = self.roles.caps(role);
        for (index, task) in tasks.iter().enumerate() {
            let checked = check_revocable(accept, task)
                .and_then(|()| self.check_task(framework, role, task, &caps, draft));
            checked.map_err(|refusal| refusal.under(&format!("tasks[{index}]")))?;
        }
        // The sum at the top of the tree is the largest.
        let top = role.ancestors().last().expect("a role is the first of its ancestors");
        if self.roles.allocated(&top).checked_add(&draft.sum).is_err() {
            return Err(sum_out_of_range().at("tasks"));
        }
        draft.tasks.extend(tasks);
        Ok(OperationResult::Launched { tasks: tasks.iter().map(|task| task.id.clone()).collect() })
    }

    fn check_task<'a>(
        &self,
        framework: &Framework,
        role: &Role,
        task: &'a TaskInfo,
        caps: &[Cap<'_>],
        draft: &mut Draft<'a>,
    ) -> Result<(), Refusal> {
        let key = TaskKey { framework: framework.id, task: task.id.clone() };
        if self.tasks.contains_key(&key) || !draft.ids.insert(&task.id) {
            let message = format!("the task id {} is in use", task.id);
            return Err(Refusal::new(Reason::TaskExists, message).at("task_id"));
        }
        let agent = self.agents.get(&task.agent).ok_or_else(|| agent_unknown(&task.agent));
        let agent = agent.map_err(|refusal| refusal.at("agent_id"))?;
        match agent.state {
            AgentState::Registered => {}
            AgentState::Unreachable => {
                let message = format!("agent {} is out of contact", task.agent);
                return Err(Refusal::new(Reason::AgentUnreachable, message).at("agent_id"));
            }
            AgentState::Removed => return Err(agent_removed(&task.agent).at("agent_id")),
        }
        if !self.takes_tasks(agent) {
            let message = format!(
                "agent {} takes no new tasks: it is deactivated, draining, or away for maintenance",
                task.agent
            );
            return Err(Refusal::new(Reason::AgentDeactivated, message).at("agent_id"));
        }
        self.roles.check_priority(role, task.priority)?;
        if task.resources.is_empty() {
            return Err(Refusal::invalid("resources", "holds nothing; a task needs resources"));
        }
        let (allocated, open) = match draft.agents.get(&task.agent) {
            Some(there) => (&there.allocated, there.open),
            None => (&agent.allocated, self.open_tasks_of_agent(&task.agent)),
        };
        let open = open + 1;
        if open > limits::TASKS_PER_AGENT_MAX {
            return Err(Refusal::limit("agent_id", open, limits::TASKS_PER_AGENT_MAX));
        }
        // The sum is refused when it names a port or an item twice, or is more than there is.
        let sum = allocated.checked_add(&task.resources).ok();
        let allocated = sum.filter(|sum| agent.info.resources.contains(sum)).ok_or_else(|| {
            let message = format!("agent {} does not have {} free", task.agent, task.resources);
            Refusal::new(Reason::ResourcesTaken, message).at("resources")
        })?;
        draft.agents.insert(Cow::Borrowed(&task.agent), AgentDraft { allocated, open });
        let amounts = amounts(&task.resources);
        let out_of_range = |_| sum_out_of_range().at("resources");
        draft.sum = draft.sum.checked_add(&amounts).map_err(out_of_range)?;
        check_caps(caps, &task.resources, &draft.sum)?;
        let sum = match draft.role.as_ref().or(framework.allocated.get(role)) {
            Some(taken) => taken.checked_add(&amounts),
            None => Ok(amounts.into_owned()),
        };
        draft.role = Some(sum.map_err(out_of_range)?);
        Ok(())
    }
}

/// What is lent can be taken back only from what knows that.
fn check_revocable(accept: &Accept<'_>, task: &TaskInfo) -> Result<(), Refusal> {
    match accept.revocable && !task.revocable {
        true => Err(Refusal::invalid("revocable", "is not set, and the offers are revocable")),
        false => Ok(()),
    }
}

pub(super) fn sum_out_of_range() -> Refusal {
    let message = "the role's sum over all agents would be out of range";
    Refusal::new(Reason::LimitExceeded, message)
}
