//! Tasks that use volumes: whether they may, and what they are launched with.
//!
//! A volume is used from the launch to the end of the task, as its resources are. One that is not
//! shared is used by one task, or by the tasks of one group: those that prepare it and those that
//! work on it are one user.

use super::{Ledger, Volume, apply_volume::destroying, draft::Draft, volumes::volume_unknown};
use proto::model::{
    OperationResult, Reason, Refusal, Role, TaskInfo, VolumeId, VolumeMount, VolumeRef, VolumeState,
};
use std::collections::BTreeMap;

/// How many tasks of a group that is being launched use which volume.
pub(super) type GroupUse = BTreeMap<VolumeId, u64>;

impl Ledger {
    /// Lets a task use its volumes in the draft; these by their ids, each of the right incarnation.
    /// `group` is what the tasks before it in its group use.
    pub(super) fn mount(
        &self,
        role: &Role,
        task: &TaskInfo,
        before: &[OperationResult],
        group: &mut GroupUse,
        draft: &mut Draft<'_>,
    ) -> Result<Vec<VolumeMount>, Refusal> {
        let mut mounts: Vec<VolumeMount> = Vec::with_capacity(task.volumes.len());
        for (index, mount) in task.volumes.iter().enumerate() {
            let row = self.named_volume(mount.volume, before, draft);
            let checked = row.and_then(|row| {
                check_place(&row, role, task, mount.volume)?;
                let used = group.get(&row.info.id).copied().unwrap_or(0);
                self.check_free(&row, used, draft)?;
                Ok(row)
            });
            let mut row =
                checked.map_err(|refusal| refusal.at(format!("volumes[{index}].volume")))?;
            let volume = VolumeRef::Known(row.info.id);
            if mounts.iter().any(|other| other.volume == volume) {
                let field = format!("volumes[{index}].volume");
                return Err(Refusal::invalid(field, format!("is {volume}, which is given before")));
            }
            let incarnation = row.info.incarnation;
            mounts.push(VolumeMount { volume, incarnation, ..mount.clone() });
            *group.entry(row.info.id).or_default() += 1;
            row.info.task_count += 1;
            draft.volumes.insert(row.info.id, row);
        }
        Ok(mounts)
    }

    /// Whether nobody uses what only one may: nobody but so many tasks of the same group.
    fn check_free(&self, row: &Volume, used: u64, draft: &Draft<'_>) -> Result<(), Refusal> {
        let id = row.info.id;
        if row.info.shared || row.info.task_count == used {
            return Ok(());
        }
        let user = self.user_of_volume(id, draft);
        let message = format!("{id} is not shared, and task {user} uses it");
        Err(Refusal::new(Reason::VolumeInUse, message))
    }

    /// One of the tasks that use a volume, for refusals.
    pub(super) fn user_of_volume(&self, id: VolumeId, draft: &Draft<'_>) -> String {
        let known = self.users_of_volume(id).next().map(|key| &key.task);
        let uses = |mount: &VolumeMount| mount.volume == VolumeRef::Known(id);
        let mut new = draft.tasks.iter().filter(|task| task.volumes.iter().any(uses));
        let user = known.or_else(|| new.next().map(|task| &task.info.id));
        user.expect("V3: each user of a volume is counted once it is there").to_string()
    }
}

/// Whether a volume is there for the task, and can be used.
fn check_place(
    row: &Volume,
    role: &Role,
    task: &TaskInfo,
    reference: VolumeRef,
) -> Result<(), Refusal> {
    let (info, id) = (&row.info, row.info.id);
    if info.agent != task.agent {
        let unknown = volume_unknown(reference);
        let message =
            format!("{} on agent {}; it is on {}", unknown.message, task.agent, info.agent);
        return Err(Refusal { message, ..unknown });
    }
    if !role.is_within(&info.role) {
        let message = format!("{id} is kept for role {}", info.role);
        return Err(Refusal::new(Reason::NotAuthorized, message));
    }
    match info.state {
        state if state.is_usable() => Ok(()),
        VolumeState::Destroying => Err(destroying(id)),
        state => {
            let message = format!("{id} is {state}, and can only be destroyed");
            Err(Refusal::new(Reason::VolumeBroken, message))
        }
    }
}
