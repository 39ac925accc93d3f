//! Some accepts launch their tasks as groups: those that are for one agent, with parts drawn.

use super::world::World;
use proto::model::{GroupId, OnFailure, Operation, TaskGroup, TaskInfo, TaskKey, task_group::Part};

impl World {
    /// What launches these tasks: at once or, now and then, those of one agent as a group.
    pub(crate) fn grouped(&mut self, tasks: Vec<TaskInfo>, number: u64) -> Vec<Operation> {
        let often = self.options.groups_per_mille;
        let mut is_wanted = || often > 0 && self.chance.frameworks.per_mille(often);
        let Some(first) = tasks.first().cloned().filter(|_| is_wanted()) else {
            return Operation::launch(tasks);
        };
        let (mut members, others): (Vec<TaskInfo>, Vec<TaskInfo>) =
            tasks.into_iter().partition(|task| task.agent == first.agent);
        let id = GroupId::new(&format!("group-{number}")).expect("an id");
        // The last one is a main task: without one it would be no group.
        let main = members.pop().expect("the first is one of them");
        let mut group = TaskGroup::new(id);
        for member in members {
            let chance = &mut self.chance.frameworks;
            let part = if chance.per_mille(600) { Part::Init } else { Part::Sidecar };
            group = group.with(part, TaskInfo { priority: first.priority, ..member });
        }
        group = group.main(TaskInfo { priority: first.priority, ..main });
        if self.chance.frameworks.per_mille(300) {
            group = group.on_failure(OnFailure::LetRun);
        }
        let others = Operation::launch(others);
        match group.check() {
            Ok(()) => std::iter::once(Operation::LaunchGroup(group)).chain(others).collect(),
            // A careless author has named a task twice.
            Err(_) => Operation::launch(group.tasks().cloned().collect()),
        }
    }

    /// A container starts: of a group perhaps behind others.
    pub(crate) fn note_turn(&mut self, agent: usize, key: &TaskKey) {
        let row = self.agents[agent].agent.as_ref().and_then(|core| core.task(key));
        let member = row.and_then(|row| row.membership.as_ref());
        if member.is_some_and(|member| member.part == Part::Main && member.place > 0) {
            self.sometimes.note("main task of a group began behind others");
        }
    }
}
