//! The oracle's sizes of tasks: amounts of cpus change, ports never do.

use crate::oracle::{No, Oracle, amounts_of, no};
use master_core::ledger::{AgentState, Event};
use proto::model::{
    FrameworkId, OperationResult, Reason, Resize, ResourceName, Resources, Role, StatusReason,
    TaskInfo, TaskKey, TaskState, Value, task_group::Part,
};

/// How often a task was resized, and from what to what it is being resized.
pub(crate) type SizeModel = Option<(u64, Option<(Resources, Resources)>)>;

/// The same bag with other cpus; without any when there are none.
fn with_cpus(bag: &Resources, cpus: i64) -> Resources {
    let others = bag.iter().filter(|(name, _)| **name != ResourceName::CPUS);
    let others = others.map(|(name, value)| (name.clone(), value.clone()));
    let cpus = (ResourceName::CPUS, Value::Scalar(proto::model::Milli(cpus)));
    Resources::from_entries(others.chain([cpus])).expect("a bag")
}

/// A smaller task gives up what is unreserved first, and then of its last reservations.
fn keep_parts(info: &mut TaskInfo) {
    let mut left = amounts_of(&info.resources).0;
    for part in &mut info.reserved {
        let kept = amounts_of(&part.resources).0.min(left);
        left -= kept;
        part.resources = with_cpus(&Resources::new(), kept);
    }
    info.reserved.retain(|part| amounts_of(&part.resources).0 > 0);
}

impl Oracle {
    pub(crate) fn resize(
        &mut self,
        (framework, revocable): (FrameworkId, bool),
        role: &Role,
        resize: &Resize,
    ) -> Result<OperationResult, No> {
        let key = TaskKey { framework, task: resize.task.clone() };
        let Some(at) = self.tasks.iter().position(|task| task.key == key) else {
            return no(Reason::TaskUnknown, "task_id");
        };
        let task = &self.tasks[at];
        if task.role != *role {
            return no(Reason::InvalidField, "task_id");
        }
        if task.latest.state != TaskState::Running || task.kill.is_some() {
            return no(Reason::TaskNotRunning, "task_id");
        }
        let group = self.group_of(&key);
        if group.is_some_and(|group| group.part_of(&key) == Some(Part::Init)) {
            return no(Reason::TransitionIllegal, "task_id");
        }
        if matches!(task.size, Some((_, Some(_)))) {
            return no(Reason::ResizeUnderWay, "task_id");
        }
        let old = task.info.resources.clone();
        let ((has, ports), (wants, other_ports)) =
            (amounts_of(&old), amounts_of(&resize.resources));
        if ports != other_ports || wants == 0 {
            return no(Reason::InvalidField, "resources");
        }
        if wants > has {
            if revocable && !task.info.revocable {
                return no(Reason::InvalidField, "task_id");
            }
            self.judge_growth(role, &task.info.clone(), wants - has)?;
        }
        let task = &mut self.tasks[at];
        task.info.resources = with_cpus(&old, has.max(wants));
        let version = task.size.as_ref().map_or(0, |(version, _)| *version) + 1;
        task.size = Some((version, Some((old, resize.resources.clone()))));
        Ok(OperationResult::Resizing)
    }

    fn judge_growth(&self, role: &Role, info: &TaskInfo, growth: i64) -> Result<(), No> {
        let at = self.agent_at(&info.agent).expect("a task's agent");
        if self.agents[at].state != AgentState::Registered {
            return no(Reason::AgentUnreachable, "task_id");
        }
        if !self.is_wanted(&self.agents[at]) {
            return no(Reason::AgentDeactivated, "task_id");
        }
        let have = amounts_of(&self.agents[at].info.resources).0;
        if !self.pools_fit(&info.agent, have - growth, None) {
            return no(Reason::ResourcesTaken, "resources");
        }
        // What a task grows by is from no reservation.
        let mut more = info.clone();
        more.resources = with_cpus(&Resources::new(), growth);
        more.reserved.clear();
        self.judge_limits(role, &more).map_err(|(reason, _)| (reason, "resources".to_owned()))
    }

    /// What the agent says of a size settles it; with the task's end it is settled too.
    pub(crate) fn settle_size(&mut self, at: usize, reason: StatusReason) {
        let task = &mut self.tasks[at];
        let lives = task.lives();
        let Some((_, change)) = &mut task.size else { return };
        if !lives {
            *change = None;
        }
        let (to_new, to_old) =
            (reason == StatusReason::Resized, reason == StatusReason::ResizeFailed);
        if (to_new || to_old)
            && let Some((from, to)) = change.take()
        {
            task.info.resources = if to_new { to } else { from };
            keep_parts(&mut task.info);
            self.events.push(Event::TaskResized(task.key.clone()));
        }
    }
}
