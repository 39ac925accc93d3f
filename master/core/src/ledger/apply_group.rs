//! A task group comes into being: all of it, or nothing.
//!
//! Each task is checked as if it were launched alone, with what it holds in the group instead of
//! what it asks for. The shares add up to what the group holds, so that a group fits exactly if all
//! of its shares do.

use super::{
    Ledger, Membership,
    apply_accept::Accept,
    apply_launch::{check_revocable, sum_out_of_range},
    apply_mounts::GroupUse,
    draft::{Draft, NewTask},
    groups::group_exists,
};
use proto::{
    convert::task_group::refuse_group,
    model::{
        GroupKey, OperationResult, Refusal, TaskGroup, limits,
        task_group::{GroupError, Part},
    },
};

impl Ledger {
    /// Applies the launch of a group to the draft.
    pub(super) fn launch_group<'a>(
        &self,
        accept: &Accept<'a>,
        group: &'a TaskGroup,
        before: &[OperationResult],
        draft: &mut Draft<'a>,
    ) -> Result<OperationResult, Refusal> {
        let (framework, role) = (accept.session.framework, accept.role);
        let framework = self.frameworks.get(&framework).expect("a known framework");
        group.check().map_err(|error| refuse_group(&error))?;
        let key = GroupKey { framework: framework.id, group: group.id.clone() };
        if self.groups.contains_key(&key) || draft.groups.iter().any(|it| it.id == group.id) {
            return Err(group_exists(&group.id));
        }
        let count = self.tasks.len() + draft.tasks.len() + group.members.len();
        if count > limits::TASKS_MAX {
            return Err(Refusal::limit("members", count, limits::TASKS_MAX));
        }
        let shares = group.shares().map_err(|error| refuse_group(&GroupError::Resources(error)))?;
        let caps = self.roles.caps(role);
        draft.launching = Some(role);
        let mut used = GroupUse::new();
        for (index, (member, share)) in group.members.iter().zip(shares).enumerate() {
            let info = &member.task;
            let checked = check_revocable(accept, info).and_then(|()| {
                let reserved =
                    self.check_task((framework, role), (info, &share), &[], &caps, draft)?;
                Ok((reserved, self.mount(role, info, before, &mut used, draft)?))
            });
            let (reserved, volumes) =
                checked.map_err(|refusal| refusal.under(&format!("members[{index}].task")))?;
            let share = (member.part == Part::Init).then_some(share);
            let member = Membership { group: group.id.clone(), part: member.part, share };
            draft.tasks.push(NewTask { info, reserved, volumes, member: Some(Box::new(member)) });
        }
        self.check_sum(role, draft).map_err(|()| sum_out_of_range().at("members"))?;
        draft.groups.push(group);
        Ok(OperationResult::Launched { tasks: group.tasks().map(|task| task.id.clone()).collect() })
    }
}
