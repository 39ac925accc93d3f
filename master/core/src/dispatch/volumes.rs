//! Whom news of volumes concern: frameworks of the volume's owner, and those that may use it.

use crate::intake::Turn;
use proto::model::{SchedulerEvent, VolumeInfo};

impl Turn<'_> {
    pub(super) fn volume_changed(&mut self, volume: &VolumeInfo) {
        let rows = self.ledger.frameworks().iter();
        let concerned = rows.filter(|(_, row)| {
            row.principal == volume.owner
                || row.info.roles.iter().any(|role| role.is_within(&volume.role))
        });
        let streams = concerned.filter_map(|(id, _)| self.leader.sessions.framework(*id));
        let streams: Vec<_> = streams.map(|(_, stream)| stream).collect();
        for stream in streams {
            let update = SchedulerEvent::VolumeUpdate(Box::new(volume.clone()));
            self.tell_framework(stream, update);
        }
    }
}
