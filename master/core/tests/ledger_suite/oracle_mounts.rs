//! The oracle's uses of volumes: which living task mounts what, looked up each time.

use crate::oracle::{No, Oracle, TaskModel, no};
use crate::oracle_roles::within;
use proto::model::{
    FrameworkId, OperationResult, Reason, Role, TaskInfo, TaskKey, VolumeId, VolumeMount,
    VolumeRef, VolumeState,
};

fn mounts(info: &TaskInfo, id: VolumeId) -> bool {
    info.volumes.iter().any(|mount| mount.volume == VolumeRef::Known(id))
}

impl Oracle {
    /// Living tasks that use a volume.
    pub(crate) fn users_of(&self, id: VolumeId) -> impl Iterator<Item = &TaskModel> {
        self.living().filter(move |task| mounts(&task.info, id))
    }

    pub(crate) fn is_used(&self, id: VolumeId) -> bool {
        self.users_of(id).next().is_some()
    }

    /// A task with its volumes by their ids, if it may use them.
    pub(crate) fn judge_mounts(
        &self,
        (framework, role): (FrameworkId, &Role),
        info: &TaskInfo,
        before: &[OperationResult],
    ) -> Result<TaskInfo, No> {
        let mut known = info.clone();
        known.volumes.clear();
        for (index, mount) in info.volumes.iter().enumerate() {
            let field = || format!("volumes[{index}].volume");
            let at =
                self.volume_at(mount.volume, before).map_err(|(reason, _)| (reason, field()))?;
            let row = &self.volumes[at].info;
            if row.agent != info.agent {
                return no(Reason::VolumeUnknown, field());
            }
            if !within(role, &row.role) {
                return no(Reason::NotAuthorized, field());
            }
            match row.state {
                VolumeState::Creating | VolumeState::Active | VolumeState::Resizing => {}
                VolumeState::Destroying => return no(Reason::VolumeDestroying, field()),
                _ => return no(Reason::VolumeBroken, field()),
            }
            let key = TaskKey { framework, task: info.id.clone() };
            let own = self.group_of(&key).map(|group| &group.key);
            let is_other = |task: &TaskModel| {
                let group = self.group_of(&task.key).map(|group| &group.key);
                own.is_none() || group != own
            };
            if !row.shared && self.users_of(row.id).any(is_other) {
                return no(Reason::VolumeInUse, field());
            }
            if mounts(&known, row.id) {
                return no(Reason::InvalidField, field());
            }
            let (volume, incarnation) = (VolumeRef::Known(row.id), row.incarnation);
            known.volumes.push(VolumeMount { volume, incarnation, ..mount.clone() });
        }
        Ok(known)
    }
}
