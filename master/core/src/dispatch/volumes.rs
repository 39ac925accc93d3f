//! News of volumes go to whom they concern: frameworks of the volume's owner, and those that may
//! use it; and what is ordered goes to its agent, until that has said what became of it.

use crate::{intake::Turn, ledger::Volume};
use proto::model::{AgentId, Order, SchedulerEvent, VolumeAction, VolumeInfo, VolumeState};

impl Turn<'_> {
    pub(super) fn volume_changed(&mut self, volume: &VolumeInfo) {
        let ledger = self.ledger;
        // What an agent failed to delete it tries again by itself; what is ordered anew has failed
        // at nothing.
        if let Some(row) = ledger.volume(volume.id).filter(|row| row.info.message.is_empty()) {
            self.order_volume(row);
        }
        let rows = ledger.frameworks().iter();
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

    /// What an agent is to do about volumes, once more.
    pub(crate) fn repeat_volume_orders(&mut self, agent: &AgentId) {
        let ledger = self.ledger;
        for row in ledger.volumes_of_agent(agent) {
            self.order_volume(row);
        }
    }

    fn order_volume(&mut self, row: &Volume) {
        let info = &row.info;
        let action = match info.state {
            VolumeState::Creating => VolumeAction::Make {
                role: info.role.clone(),
                name: info.name.clone(),
                size: info.size,
                shared: info.shared,
            },
            VolumeState::Resizing => {
                VolumeAction::Resize(info.resizing_to.expect("V2: a size to come"))
            }
            VolumeState::Destroying => VolumeAction::Delete,
            VolumeState::Active | VolumeState::Failed | VolumeState::Lost | VolumeState::Gone => {
                return;
            }
        };
        let Some(stream) = self.leader.sessions.orders(&info.agent) else { return };
        let key = info.key();
        self.tell_agent(stream, Order::Volume { key, version: info.version, action });
    }
}
