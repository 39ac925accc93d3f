//! Tasks give way: to a demand of a higher priority or, where they are revocable, to whoever has a
//! claim on their place.
//!
//! Who gives way is the leader's choice, made outside; what must hold whatever it chose is checked
//! here: each task lives and nobody is ending it, it is revocable or its priority is lower, and its
//! framework's budget has room. All of them or none, since some of them make no room. Each task
//! then has the time that it asked for as its notice; when that is over it is told to end as by any
//! kill.

use super::{
    AgentState, Applied, Event, Kill, Ledger, Stamp, disruptions::Room, tasks::task_unknown,
};
use proto::model::{
    DemandId, Duration, FrameworkId, Instant, Priority, Reason, Refusal, Role, StatusReason,
    TaskKey, limits,
};
use std::collections::{BTreeMap, BTreeSet};

/// Who is to give way to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preemption {
    /// To whom.
    pub framework: FrameworkId,
    /// On whose share.
    pub role: Role,
    /// To which of its demands; `None` where it has stated none and takes plain offers.
    pub demand: Option<DemandId>,
    /// At which priority.
    pub priority: Priority,
    /// Who; all or none.
    pub victims: Vec<TaskKey>,
}

/// That a task gives way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preempted {
    /// To whom.
    pub framework: FrameworkId,
    /// On whose share.
    pub role: Role,
    /// To which of its demands; `None` where it has stated none.
    pub demand: Option<DemandId>,
    /// At which priority; unless the task is revocable, higher than the task's own.
    pub priority: Priority,
    /// When it is told to end, on the cluster's clock.
    pub deadline: Instant,
}

impl Ledger {
    pub(super) fn preempt(
        &mut self,
        now: Stamp,
        preemption: &Preemption,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        self.check_preemption(preemption)?;
        for key in &preemption.victims {
            let notice = self.notice_of(self.tasks.get(key).expect("a known task"));
            let task = self.tasks.get_mut(key).expect("a known task");
            self.index.revocable.remove(task);
            task.preempted = Some(Box::new(Preempted {
                framework: preemption.framework,
                role: preemption.role.clone(),
                demand: preemption.demand.clone(),
                priority: preemption.priority,
                deadline: now.time + notice,
            }));
            self.index.revocable.add(task);
            events.push(Event::TaskPreempted(key.clone()));
            if notice == Duration(0) {
                task.kill = Some(Kill { grace_period: None, reason: StatusReason::Preempted });
                events.push(Event::KillRequested(key.clone()));
            }
            self.index.preempted.insert(key.clone());
        }
        Ok(Applied::Done)
    }

    /// Ends those whose notice is over. Refuses with `TRANSITION_ILLEGAL` when none is left.
    pub(super) fn end_preempted(
        &mut self,
        now: Stamp,
        tasks: &[TaskKey],
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let facts = events.len();
        for key in tasks.iter().collect::<BTreeSet<_>>() {
            let due = self.tasks.get(key).filter(|task| task.is_due(now.time));
            // A group has one deadline: all of it is due, or none.
            for key in due.map(|task| self.ends_with(task)).unwrap_or_default() {
                let task = self.tasks.get_mut(&key).expect("a known task");
                if task.is_due(now.time) {
                    task.kill = Some(Kill { grace_period: None, reason: StatusReason::Preempted });
                    events.push(Event::KillRequested(key));
                }
            }
        }
        match events.len() > facts {
            true => Ok(Applied::Done),
            false => Err(illegal("no task of these waits for the end of its notice")),
        }
    }

    /// Tasks that give way and have not ended, by id.
    pub fn preempted_tasks(&self) -> impl Iterator<Item = (&super::Task, &Preempted)> {
        self.index.preempted.iter().map(|key| {
            let task = self.tasks.get(key).expect("an indexed task has a row");
            (task, task.preempted.as_deref().expect("an indexed task gives way"))
        })
    }

    /// The lowest priority at which anything runs.
    pub fn lowest_priority(&self) -> Option<Priority> {
        self.index.priorities.keys().next().copied()
    }

    /// How long a task is told before it is ended for others: of a group, as long as the one of its
    /// tasks that asks for most.
    pub(crate) fn notice_of(&self, task: &super::Task) -> Duration {
        let own = |task: &super::Task| task.info.preemption_notice.unwrap_or(Duration(0));
        match task.group().and_then(|key| self.groups.get(&key)) {
            None => own(task),
            Some(group) => self.live_tasks_of_group(group).map(own).max().unwrap_or(own(task)),
        }
    }

    /// A group gives way as a whole, and is one loss to its framework's budget: whether this victim
    /// is the one that is counted for it.
    fn check_whole(
        &self,
        task: &super::Task,
        victims: &BTreeSet<&TaskKey>,
        groups: &mut BTreeSet<proto::model::GroupKey>,
    ) -> Result<bool, Refusal> {
        let Some(key) = task.group() else { return Ok(true) };
        if let Some(other) = self.ends_with(task).iter().find(|other| !victims.contains(other)) {
            let (this, other) = (&task.key, &other.task);
            let message =
                format!("task {this} is of the group {}, and {other} is not named", key.group);
            return Err(illegal(message));
        }
        Ok(groups.insert(key))
    }

    fn check_preemption(&self, preemption: &Preemption) -> Result<(), Refusal> {
        let Preemption { framework: id, role, priority, victims, .. } = preemption;
        let framework = self.frameworks.get(id).filter(|row| !row.is_removed());
        let framework = framework.ok_or_else(|| super::frameworks::framework_unknown(*id))?;
        if !framework.info.roles.contains(role) {
            let problem = format!("{id} is not subscribed with the role {role}");
            return Err(Refusal::invalid("role", problem));
        }
        self.roles.check_priority(role, *priority)?;
        if victims.is_empty() {
            return Err(Refusal::invalid("victims", "is empty"));
        }
        if victims.len() > limits::PREEMPTION_TASKS_MAX {
            let (count, most) = (victims.len(), limits::PREEMPTION_TASKS_MAX);
            return Err(Refusal::limit("victims", count, most));
        }
        let mut rooms: BTreeMap<FrameworkId, Option<Room<'_>>> = BTreeMap::new();
        let (mut named, mut groups) = (BTreeSet::new(), BTreeSet::new());
        let all: BTreeSet<&TaskKey> = victims.iter().collect();
        for (index, key) in victims.iter().enumerate() {
            let field = || format!("victims[{index}]");
            if !named.insert(key) {
                return Err(Refusal::invalid(field(), format!("{key} is named twice")));
            }
            let task = self.tasks.get(key).ok_or_else(|| task_unknown(key).at(field()))?;
            let agent = self.agents.get(&task.info.agent);
            let is_there = agent.is_some_and(|agent| agent.state == AgentState::Registered);
            if task.is_terminal() || !is_there || task.is_ending() {
                let message = format!("task {key} has ended, is ending, or is out of contact");
                return Err(illegal(message).at(field()));
            }
            if !task.info.revocable && task.info.priority >= *priority {
                let message = format!("task {key} has priority {}", task.info.priority);
                return Err(illegal(message).at(field()));
            }
            let counts = self.check_whole(task, &all, &mut groups);
            if !counts.map_err(|refusal| refusal.at(field()))? {
                continue;
            }
            let room = rooms.entry(key.framework);
            let room = room.or_insert_with(|| self.disruption_room(key.framework));
            if room.as_mut().is_some_and(|room| !room.take(task)) {
                let message = format!("the disruption budget of {} has no room", key.framework);
                return Err(illegal(message).at(field()));
            }
        }
        Ok(())
    }
}

impl super::Task {
    /// Whether somebody has told it to end, or to give way.
    pub fn is_ending(&self) -> bool {
        self.kill.is_some() || self.preempted.is_some()
    }

    /// Whether it lives, gives way, and has not been told to end although its notice is over.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let is_over = self.preempted.as_ref().is_some_and(|to| to.deadline <= now);
        !self.is_terminal() && self.kill.is_none() && is_over
    }
}

impl super::Roles {
    /// The highest priority that may be asked for in a role.
    pub fn priority_max(&self, role: &Role) -> Priority {
        self.settings(role).priority_max.unwrap_or(Priority::DEFAULT)
    }

    /// Whether a priority may be asked for in a role.
    pub(crate) fn check_priority(&self, role: &Role, priority: Priority) -> Result<(), Refusal> {
        let most = self.priority_max(role);
        if priority <= most {
            return Ok(());
        }
        let message = format!(
            "role {role} may ask for a priority of up to {most}, not {priority}; an operator can raise \
             that with `bourse roles set {role} --priority-max {priority}`"
        );
        Err(Refusal::new(Reason::LimitExceeded, message).at("priority"))
    }
}

fn illegal(message: impl Into<String>) -> Refusal {
    Refusal::new(Reason::TransitionIllegal, message)
}
