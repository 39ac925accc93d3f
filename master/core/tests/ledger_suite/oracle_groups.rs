//! The oracle's task groups: what they hold, told from the definition; that they end as one; and
//! how far they are.

use crate::oracle::{No, Oracle, TaskModel, amounts_of, no};
use master_core::ledger::{Event, Ledger};
use proto::model::{
    FrameworkId, GroupKey, GroupState, Milli, OnFailure, OperationResult, Ranges, Reason,
    ResourceName, Resources, Role, StatusReason, TaskGroup, TaskInfo, TaskKey, TaskState, Value,
    task_group::Part,
};

/// A group as it was launched, and because of which task it does not finish.
#[derive(Debug, Clone)]
pub(crate) struct GroupModel {
    pub(crate) key: GroupKey,
    pub(crate) role: Role,
    pub(crate) info: TaskGroup,
    pub(crate) failed: Option<(TaskKey, TaskState)>,
    /// Tasks before it: none of them is of it, whatever their ids.
    behind: usize,
}

/// CPUs, and ports in order.
type Amounts = (i64, Vec<u64>);

impl GroupModel {
    fn tasks(&self) -> impl Iterator<Item = TaskKey> {
        let framework = self.key.framework;
        self.info.tasks().map(move |task| TaskKey { framework, task: task.id.clone() })
    }

    pub(crate) fn part_of(&self, key: &TaskKey) -> Option<Part> {
        let at = self.tasks().position(|task| task == *key)?;
        Some(self.info.members[at].part)
    }

    fn of_part(&self, is_init: bool) -> impl Iterator<Item = Amounts> {
        let members = self.info.members.iter();
        let members = members.filter(move |member| (member.part == Part::Init) == is_init);
        members.map(|member| amounts_of(&member.task.resources))
    }

    /// What the last init task holds: what some init task needs and the others together do not.
    fn beyond(&self) -> Amounts {
        let others: Vec<Amounts> = self.of_part(false).collect();
        let cpus: i64 = others.iter().map(|(cpus, _)| cpus).sum();
        let most = self.of_part(true).map(|(cpus, _)| cpus).max().unwrap_or(0);
        let taken: Vec<u64> = others.into_iter().flat_map(|(_, ports)| ports).collect();
        let mut ports: Vec<u64> = self.of_part(true).flat_map(|(_, ports)| ports).collect();
        ports.sort_unstable();
        ports.dedup();
        ports.retain(|port| !taken.contains(port));
        ((most - cpus).max(0), ports)
    }

    /// What a task of it holds, when that is not what it asks for.
    fn share(&self, key: &TaskKey) -> Option<Amounts> {
        let init = self.tasks().zip(&self.info.members);
        let init = init.filter(|(_, member)| member.part == Part::Init).map(|(task, _)| task);
        let init: Vec<TaskKey> = init.collect();
        let at = init.iter().position(|task| task == key)?;
        Some(if at + 1 == init.len() { self.beyond() } else { (0, Vec::new()) })
    }
}

fn bag((cpus, ports): Amounts) -> Resources {
    let ports = Ranges::new(ports.into_iter().map(|port| (port, port)).collect());
    Resources::from_entries([
        (ResourceName::CPUS, Value::Scalar(Milli(cpus))),
        (ResourceName::PORTS, Value::Ranges(ports.expect("distinct ports"))),
    ])
    .expect("resources")
}

impl Oracle {
    /// The group of a task.
    pub(crate) fn group_of(&self, key: &TaskKey) -> Option<&GroupModel> {
        let place = self.tasks.iter().position(|task| task.key == *key);
        let is_new = |group: &&GroupModel| place.is_none_or(|place| place >= group.behind);
        self.groups.iter().filter(is_new).find(|group| group.part_of(key).is_some())
    }

    /// What a task takes while it lives.
    pub(crate) fn held(&self, task: &TaskModel) -> Amounts {
        let share = self.group_of(&task.key).and_then(|group| group.share(&task.key));
        share.unwrap_or_else(|| amounts_of(&task.info.resources))
    }

    /// A task and all that lives and ends with it.
    pub(crate) fn all_with(&self, key: &TaskKey) -> Vec<TaskKey> {
        let Some(group) = self.group_of(key) else { return vec![key.clone()] };
        let lives = |key: &TaskKey| self.tasks.iter().any(|it| it.key == *key && it.lives());
        group.tasks().filter(lives).collect()
    }

    /// How many losses these are: a group is one.
    pub(crate) fn losses<'a>(&self, tasks: impl Iterator<Item = &'a TaskKey>) -> usize {
        let mut units: Vec<TaskKey> = tasks
            .map(|key| {
                let group = self.group_of(key);
                group.and_then(|group| group.tasks().next()).unwrap_or_else(|| key.clone())
            })
            .collect();
        units.sort();
        units.dedup();
        units.len()
    }

    pub(crate) fn launch_group(
        &mut self,
        (framework, revocable): (FrameworkId, bool),
        role: &Role,
        info: &TaskGroup,
        before: &[OperationResult],
    ) -> Result<OperationResult, No> {
        let key = GroupKey { framework, group: info.id.clone() };
        if self.groups.iter().any(|group| group.key == key) {
            return no(Reason::GroupExists, "group_id");
        }
        let behind = self.tasks.len();
        let group =
            GroupModel { key, role: role.clone(), info: info.clone(), failed: None, behind };
        let shared = |(key, task): (TaskKey, &TaskInfo)| match group.share(&key) {
            None => task.clone(),
            Some(share) => TaskInfo { resources: bag(share), ..task.clone() },
        };
        let list: Vec<TaskInfo> = group.tasks().zip(info.tasks()).map(shared).collect();
        // Its tasks hold their shares as soon as it is known.
        self.unsaid_groups.push(group.key.clone());
        self.groups.push(group);
        for (index, (share, task)) in list.iter().zip(info.tasks()).enumerate() {
            // None of a group is revocable.
            let kind = if revocable { no(Reason::InvalidField, "revocable") } else { Ok(()) };
            let task = kind
                .and_then(|()| self.judge((framework, role), share))
                // None of a group is of a reservation.
                .and_then(|()| self.judge_parts(role, share, &[]))
                .and_then(|share| self.judge_limits(role, &share))
                .and_then(|()| self.judge_mounts((framework, role), task, before))
                .map_err(|(reason, field)| (reason, format!("members[{index}].task.{field}")))?;
            self.launch(framework, role.clone(), task);
        }
        Ok(OperationResult::Launched { tasks: info.tasks().map(|task| task.id.clone()).collect() })
    }

    /// Groups are said behind all new tasks.
    pub(crate) fn say_groups(&mut self) {
        let said = std::mem::take(&mut self.unsaid_groups);
        self.events.extend(said.into_iter().map(Event::GroupAdded));
    }

    /// A task has ended: is it because of that that its group does not finish?
    pub(crate) fn note_end(&mut self, key: &TaskKey) {
        let Some(group) = self.group_of(key) else { return };
        let find = |key: &TaskKey| self.tasks.iter().find(|task| task.key == *key);
        let end = &find(key).expect("a task").latest;
        let never_ran = |main: &TaskKey| {
            let latest = &find(main).expect("it was launched").latest;
            latest.state == TaskState::Staging || latest.reason == StatusReason::GroupEnded
        };
        let is_main = |key: &TaskKey| group.part_of(key) == Some(Part::Main);
        let idle = group.tasks().any(|task| is_main(&task) && never_ran(&task));
        let is_failure = !matches!(end.state, TaskState::Finished | TaskState::Killed);
        let counts = match group.part_of(key).expect("it is of it") {
            Part::Sidecar => is_failure && (group.info.on_failure == OnFailure::EndGroup || idle),
            Part::Init | Part::Main => end.state != TaskState::Finished,
        };
        let failed = (key.clone(), end.state);
        if counts && end.reason != StatusReason::GroupEnded && group.failed.is_none() {
            let at = self.groups.iter().position(|it| it.key == group.key);
            self.groups[at.expect("found above")].failed = Some(failed);
        }
    }

    fn state_of(&self, group: &GroupModel) -> GroupState {
        let tasks: Vec<(Part, &TaskModel)> = group
            .tasks()
            .zip(&group.info.members)
            .map(|(key, member)| {
                let task = self.tasks.iter().find(|task| task.key == key);
                (member.part, task.expect("the oracle forgets nothing"))
            })
            .collect();
        let live: Vec<_> = tasks.iter().filter(|(_, task)| task.lives()).collect();
        let in_state = |state| live.iter().filter(|(_, task)| task.latest.state == state).count();
        if live.is_empty() {
            return match group.failed.as_ref().map(|(_, state)| *state) {
                None => GroupState::Finished,
                Some(TaskState::Killed) => GroupState::Killed,
                Some(TaskState::Gone) => GroupState::Gone,
                Some(_) => GroupState::Failed,
            };
        }
        if in_state(TaskState::Unreachable) > 0 {
            return GroupState::Unreachable;
        }
        let is_over = group.failed.is_some() && group.info.on_failure == OnFailure::EndGroup;
        let killed = live.iter().any(|(_, task)| task.kill.is_some());
        if is_over || killed || live.iter().all(|(part, _)| *part == Part::Sidecar) {
            return GroupState::Ending;
        }
        match live.iter().any(|(part, _)| *part == Part::Init) {
            _ if in_state(TaskState::Staging) == tasks.len() => GroupState::Staging,
            true => GroupState::Initializing,
            false => GroupState::Running,
        }
    }

    pub(crate) fn compare_groups(&self, ledger: &Ledger) {
        assert_eq!(ledger.groups().len(), self.groups.len());
        for group in &self.groups {
            let row = ledger.group(&group.key).expect("a group");
            let members = group.info.members.iter();
            let members: Vec<_> = members.map(|it| (it.task.id.clone(), it.part)).collect();
            assert_eq!(row.members, members, "{}", group.key);
            assert_eq!((&row.role, row.on_failure), (&group.role, group.info.on_failure));
            let failed = group.failed.as_ref().map(|(key, state)| (key.task.clone(), *state));
            assert_eq!(row.failed, failed, "{}", group.key);
            assert_eq!(ledger.group_state(row), self.state_of(group), "{}", group.key);
        }
        for task in &self.tasks {
            let row = ledger.task(&task.key).expect("a task");
            assert_eq!(row.group(), self.group_of(&task.key).map(|group| group.key.clone()));
            assert_eq!(amounts_of(row.held()), self.held(task), "{}", task.key);
        }
    }
}
