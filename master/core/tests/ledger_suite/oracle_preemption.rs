//! The oracle's preemptions: who may give way, the budgets that keep some, and the end of a notice.

use crate::oracle::{No, Oracle, TaskModel, no};
use master_core::ledger::{AgentState, Applied, Event, FrameworkState, Preempted, Preemption};
use proto::model::{FrameworkId, Instant, Priority, Reason, Role, StatusReason, TaskKey};

impl Oracle {
    /// The highest priority that may be asked for in a role.
    pub(crate) fn highest_priority(&self, role: &Role) -> Priority {
        let said = self.setting_of(role, |settings| settings.priority_max);
        said.unwrap_or(Priority::new(3).expect("one"))
    }

    pub(crate) fn preempt(&mut self, asked: &Preemption) -> Result<Applied, No> {
        let at = (asked.framework.0 as usize).wrapping_sub(1);
        let known = self.frameworks.get(at).filter(|row| row.state != FrameworkState::Removed);
        let Some(framework) = known else { return no(Reason::FrameworkUnknown, "") };
        if !framework.info.roles.contains(&asked.role) {
            return no(Reason::InvalidField, "role");
        }
        if asked.priority > self.highest_priority(&asked.role) {
            return no(Reason::LimitExceeded, "priority");
        }
        if asked.victims.is_empty() {
            return no(Reason::InvalidField, "victims");
        }
        for index in 0..asked.victims.len() {
            self.judge_victim(asked, index)
                .map_err(|reason| (reason, format!("victims[{index}]")))?;
        }
        for key in &asked.victims {
            let now = self.now.time.0;
            let all = self.all_with(key);
            let notices = self.tasks.iter().filter(|task| all.contains(&task.key));
            let notices = notices.map(|task| task.info.preemption_notice.map_or(0, |it| it.0));
            let notice = notices.max().expect("it is one of them");
            let task = self.tasks.iter_mut().find(|task| task.key == *key).expect("judged");
            task.gives_way = Some(Preempted {
                framework: asked.framework,
                role: asked.role.clone(),
                demand: asked.demand.clone(),
                priority: asked.priority,
                deadline: Instant(now + notice),
            });
            self.events.push(Event::TaskPreempted(key.clone()));
            if notice == 0 {
                task.kill = Some((None, StatusReason::Preempted));
                self.events.push(Event::KillRequested(key.clone()));
            }
        }
        Ok(Applied::Done)
    }

    fn judge_victim(&self, asked: &Preemption, index: usize) -> Result<(), Reason> {
        let key = &asked.victims[index];
        if asked.victims[..index].contains(key) {
            return Err(Reason::InvalidField);
        }
        let task = self.tasks.iter().find(|task| task.key == *key).ok_or(Reason::TaskUnknown)?;
        let there = self.agent_at(&task.info.agent).map(|at| self.agents[at].state);
        let is_free = task.lives() && task.kill.is_none() && task.gives_way.is_none();
        if !is_free || there != Some(AgentState::Registered) {
            return Err(Reason::TransitionIllegal);
        }
        // What is revocable gives way whatever its priority and its framework's budget.
        if task.info.revocable {
            return Ok(());
        }
        if task.info.priority >= asked.priority {
            return Err(Reason::TransitionIllegal);
        }
        if self.all_with(key).iter().any(|other| !asked.victims.contains(other)) {
            return Err(Reason::TransitionIllegal);
        }
        let earlier = || {
            let own = |other: &&TaskKey| {
                let counts = |task: &TaskModel| task.key == **other && !task.info.revocable;
                other.framework == key.framework && self.tasks.iter().any(counts)
            };
            asked.victims[..index].iter().filter(own)
        };
        let before = self.losses(earlier());
        if self.losses(earlier().chain([key])) == before {
            return Ok(());
        }
        match self.budget_left(key.framework) {
            Some(left) if before >= left => Err(Reason::TransitionIllegal),
            _ => Ok(()),
        }
    }

    /// How many more of a framework's tasks may be disrupted; no task of the histories has a label,
    /// so that a framework is one group.
    pub(crate) fn budget_left(&self, id: FrameworkId) -> Option<usize> {
        let framework = &self.frameworks[id.0 as usize - 1];
        let budget = framework.info.disruption_budget.as_ref()?;
        if framework.state == FrameworkState::Removed {
            return None;
        }
        let disrupted = self.tasks.iter().filter(|task| task.is_disrupted(id));
        let disrupted = self.losses(disrupted.map(|task| &task.key));
        Some((budget.tasks_max as usize).saturating_sub(disrupted))
    }

    pub(crate) fn end_preempted(&mut self, tasks: &[TaskKey]) -> Result<Applied, No> {
        let now = self.now.time;
        let mut found = false;
        let is_due = |task: &TaskModel| {
            let over = task.gives_way.as_ref().is_some_and(|to| to.deadline <= now);
            over && task.lives() && task.kill.is_none()
        };
        let due = |key: &&TaskKey| self.tasks.iter().any(|it| it.key == **key && is_due(it));
        let due = tasks.iter().filter(due).flat_map(|key| self.all_with(key));
        let due: Vec<TaskKey> = due.collect();
        for task in self.tasks.iter_mut().filter(|task| due.contains(&task.key)) {
            let over = task.gives_way.as_ref().is_some_and(|to| to.deadline <= now);
            if over && task.lives() && task.kill.is_none() {
                task.kill = Some((None, StatusReason::Preempted));
                self.events.push(Event::KillRequested(task.key.clone()));
                found = true;
            }
        }
        match found {
            true => Ok(Applied::Done),
            false => no(Reason::TransitionIllegal, ""),
        }
    }
}

impl TaskModel {
    fn is_disrupted(&self, framework: FrameworkId) -> bool {
        let killed = self.kill.map(|(_, reason)| reason);
        let by_cluster =
            matches!(killed, Some(StatusReason::AgentDraining | StatusReason::Preempted));
        let counts = !self.info.revocable && self.lives();
        self.key.framework == framework && counts && (by_cluster || self.gives_way.is_some())
    }
}
