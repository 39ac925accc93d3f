//! Tasks come into being: all of one accept, or none.
//!
//! Offers are the leader's and are not known here. What is checked is what must hold whatever was
//! offered: that the ids are new, the agents there, and the resources free.

use super::{
    AgentState, Applied, Event, Framework, FrameworkState, Ledger, Stamp, Task,
    agents::{agent_removed, agent_unknown},
    apply_roles::check_caps,
    frameworks::{AcceptOutcome, amounts},
    roles::Cap,
};
use proto::model::{
    AgentId, Reason, Refusal, RequestId, Resources, Role, Session, StatusReason, StatusSource,
    TaskId, TaskInfo, TaskKey, TaskState, TaskStatus, limits,
};
use std::collections::{BTreeMap, BTreeSet};

/// The sums as they will be.
#[derive(Default)]
struct Taking<'a> {
    agents: BTreeMap<&'a AgentId, TakingThere>,
    /// There is one as soon as a task was looked at.
    role: Option<Resources>,
    /// What the tasks take together: amounts only.
    sum: Resources,
    ids: BTreeSet<&'a TaskId>,
}

/// On one agent.
struct TakingThere {
    allocated: Resources,
    open: usize,
}

impl Ledger {
    pub(super) fn accept(
        &mut self,
        now: Stamp,
        session: Session,
        role: &Role,
        request: Option<&RequestId>,
        tasks: &[TaskInfo],
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let framework = self.framework_of_session(session)?;
        if framework.state != FrameworkState::Subscribed {
            let message = format!("{} has lost its subscription", framework.id);
            return Err(Refusal::new(Reason::NotSubscribed, message));
        }
        if let Some(tasks) = request.and_then(|request| framework.answer_to(request)) {
            return Ok(Applied::AnsweredBefore(tasks.to_vec()));
        }
        let taking = self.check_accept(framework, role, tasks)?;

        let Taking { agents, role: role_sum, sum, .. } = taking;
        let role_sum = role_sum.expect("an accept has at least one task");
        for (id, there) in agents {
            self.agents.get_mut(id).expect("a known agent").allocated = there.allocated;
        }
        let id = session.framework;
        let framework = self.frameworks.get_mut(&id).expect("a known framework");
        match role_sum.is_empty() {
            true => drop(framework.allocated.remove(role)),
            false => drop(framework.allocated.insert(role.clone(), role_sum)),
        }
        self.roles.add(role, &sum);
        let ids: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
        if let Some(request) = request {
            if framework.accept_outcomes.len() >= limits::ACCEPT_OUTCOMES_PER_FRAMEWORK_MAX {
                framework.accept_outcomes.pop_front();
            }
            let outcome = AcceptOutcome { request: request.clone(), tasks: ids.clone() };
            framework.accept_outcomes.push_back(outcome);
        }
        for info in tasks {
            let task = new_task(now, session, role, info);
            events.push(Event::TaskAdded(task.key.clone()));
            self.insert_task(task);
        }
        Ok(Applied::Accepted { tasks: ids, role: role.clone() })
    }

    fn check_accept<'a>(
        &self,
        framework: &Framework,
        role: &Role,
        tasks: &'a [TaskInfo],
    ) -> Result<Taking<'a>, Refusal> {
        if !framework.info.roles.contains(role) {
            let problem = format!("{} is not subscribed with the role {role}", framework.id);
            return Err(Refusal::invalid("role", problem));
        }
        if tasks.is_empty() {
            return Err(Refusal::invalid("tasks", "is empty"));
        }
        if tasks.len() > limits::TASKS_PER_ACCEPT_MAX {
            return Err(Refusal::limit("tasks", tasks.len(), limits::TASKS_PER_ACCEPT_MAX));
        }
        let count = self.tasks.len() + tasks.len();
        if count > limits::TASKS_MAX {
            return Err(Refusal::limit("tasks", count, limits::TASKS_MAX));
        }
        let caps = self.roles.caps(role);
        let mut taking = Taking::default();
        for (index, task) in tasks.iter().enumerate() {
            self.check_task(framework, role, task, &caps, &mut taking)
                .map_err(|refusal| refusal.under(&format!("tasks[{index}]")))?;
        }
        // The sum at the top of the tree is the largest.
        let top = role.ancestors().last().expect("a role is the first of its ancestors");
        let fits = self.roles.allocated(&top).checked_add(&taking.sum).is_ok();
        fits.then_some(taking).ok_or_else(|| sum_out_of_range().at("tasks"))
    }

    fn check_task<'a>(
        &self,
        framework: &Framework,
        role: &Role,
        task: &'a TaskInfo,
        caps: &[Cap<'_>],
        taking: &mut Taking<'a>,
    ) -> Result<(), Refusal> {
        let key = TaskKey { framework: framework.id, task: task.id.clone() };
        if self.tasks.contains_key(&key) || !taking.ids.insert(&task.id) {
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
        if task.resources.is_empty() {
            return Err(Refusal::invalid("resources", "holds nothing; a task needs resources"));
        }
        let (allocated, open) = match taking.agents.get(&task.agent) {
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
        taking.agents.insert(&task.agent, TakingThere { allocated, open });
        let amounts = amounts(&task.resources);
        let out_of_range = |_| sum_out_of_range().at("resources");
        taking.sum = taking.sum.checked_add(&amounts).map_err(out_of_range)?;
        check_caps(caps, task, &taking.sum)?;
        let sum = match taking.role.as_ref().or(framework.allocated.get(role)) {
            Some(taken) => taken.checked_add(&amounts),
            None => Ok(amounts.into_owned()),
        };
        taking.role = Some(sum.map_err(out_of_range)?);
        Ok(())
    }
}

fn sum_out_of_range() -> Refusal {
    let message = "the role's sum over all agents would be out of range";
    Refusal::new(Reason::LimitExceeded, message)
}

fn new_task(now: Stamp, session: Session, role: &Role, info: &TaskInfo) -> Task {
    Task {
        key: TaskKey { framework: session.framework, task: info.id.clone() },
        info: info.clone(),
        role: role.clone(),
        status: TaskStatus {
            task: info.id.clone(),
            agent: info.agent.clone(),
            state: TaskState::Staging,
            source: StatusSource::Master,
            reason: StatusReason::None,
            message: String::new(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: now.wall,
            sequence: 0,
        },
        pending: Vec::new(),
        agent_sequence: 0,
        sequence: 0,
        kill: None,
        changed: now.time,
        state_before_unreachable: None,
    }
}
