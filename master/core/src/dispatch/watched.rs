//! What a fact of the ledger is about, and what a watcher is shown of it.

use super::watch::Subject;
use crate::{Ledger, ledger::Event, reads};
use proto::{
    convert,
    model::{FrameworkId, TaskKey, VolumeState, WatchKind},
    wire::v1::{self, cluster_event::Event as Fact},
};

/// What a fact is about; `None` for what only the machinery cares about.
pub(super) fn subject<'a>(ledger: &'a Ledger, event: &'a Event) -> Option<Subject<'a>> {
    let of = |kind| Subject { kind, framework: None, agent: None, roles: &[] };
    let of_framework = |id: FrameworkId| Subject {
        framework: Some(id),
        roles: ledger.framework(id).map_or(&[], |row| &row.info.roles),
        ..of(WatchKind::Framework)
    };
    let of_task = |key: &TaskKey| {
        let row = ledger.task(key);
        Subject {
            framework: Some(key.framework),
            agent: row.map(|row| &row.info.agent),
            roles: row.map_or(&[], |row| std::slice::from_ref(&row.role)),
            ..of(WatchKind::Task)
        }
    };
    Some(match event {
        Event::AgentRegistered(id)
        | Event::AgentUnreachable(id)
        | Event::AgentDeactivated(id)
        | Event::AgentReactivated(id)
        | Event::AgentDraining(id)
        | Event::AgentDrained(id)
        | Event::AgentRemoved(id) => Subject { agent: Some(id), ..of(WatchKind::Agent) },
        Event::FrameworkSubscribed(id)
        | Event::FrameworkDisconnected(id)
        | Event::FrameworkUpdated(id)
        | Event::FrameworkRemoved(id) => of_framework(*id),
        Event::TaskAdded(key)
        | Event::TaskPreempted(key)
        | Event::KillRequested(key)
        | Event::TaskResized(key) => of_task(key),
        Event::TaskUpdated { framework, status, .. } => {
            let key = TaskKey { framework: *framework, task: status.task.clone() };
            Subject { agent: Some(&status.agent), ..of_task(&key) }
        }
        Event::WindowScheduled(_) | Event::WindowStarted(_) | Event::WindowEnded(_) => {
            of(WatchKind::Window)
        }
        Event::ReservationChanged { reservation, agent } => {
            let row = ledger.reservation(*reservation);
            let roles = row.map_or(&[][..], |row| std::slice::from_ref(&row.role));
            Subject { agent: Some(agent), roles, ..of(WatchKind::Agent) }
        }
        Event::VolumeChanged(volume) => {
            let roles = std::slice::from_ref(&volume.role);
            Subject { agent: Some(&volume.agent), roles, ..of(WatchKind::Agent) }
        }
        Event::RoleChanged(role) => {
            Subject { roles: std::slice::from_ref(role), ..of(WatchKind::Role) }
        }
        Event::AgentTaskUnknown { .. }
        | Event::UpdateCommitted { .. }
        | Event::UpdatesAcknowledged { .. }
        | Event::TaskForgotten(_)
        // Its tasks are shown with it.
        | Event::GroupAdded(_)
        | Event::MembersChanged
        | Event::VersionRaised(_)
        | Event::BarrierPassed { .. } => return None,
    })
}

/// The fact with the row that it names; `None` for what only the machinery cares about.
pub(super) fn describe(ledger: &Ledger, event: &Event) -> Option<Fact> {
    match event {
        Event::AgentRegistered(id)
        | Event::AgentUnreachable(id)
        | Event::AgentDeactivated(id)
        | Event::AgentReactivated(id)
        | Event::AgentDraining(id)
        | Event::AgentDrained(id) => {
            let agent = ledger.agent(id)?;
            let now = ledger.applied().time;
            Some(Fact::AgentChanged(reads::agent_summary(ledger, agent, None, now)))
        }
        Event::AgentRemoved(id) => Some(Fact::AgentRemoved(id.to_string())),
        Event::FrameworkSubscribed(id)
        | Event::FrameworkDisconnected(id)
        | Event::FrameworkUpdated(id) => {
            let framework = ledger.framework(*id)?;
            Some(Fact::FrameworkChanged(reads::framework_summary(ledger, framework)))
        }
        Event::FrameworkRemoved(id) => Some(Fact::FrameworkRemoved(id.to_string())),
        Event::TaskAdded(key)
        | Event::TaskPreempted(key)
        | Event::KillRequested(key)
        | Event::TaskResized(key) => {
            Some(Fact::TaskChanged(reads::task_summary(ledger.task(key)?)))
        }
        Event::TaskUpdated { framework, status, .. } => {
            let key = TaskKey { framework: *framework, task: status.task.clone() };
            let mut summary = match ledger.task(&key) {
                Some(task) => reads::task_summary(task),
                None => {
                    v1::TaskSummary { framework_id: framework.to_string(), ..Default::default() }
                }
            };
            summary.status = Some(convert::status::write_status(status));
            Some(Fact::TaskChanged(summary))
        }
        Event::WindowScheduled(id) | Event::WindowStarted(id) => {
            let window = ledger.window(*id)?;
            let now = ledger.applied().time;
            Some(Fact::WindowChanged(reads::window_summary(ledger, window, now)))
        }
        Event::WindowEnded(id) => Some(Fact::WindowEnded(id.to_string())),
        Event::ReservationChanged { reservation, .. } => {
            Some(match ledger.reservation(*reservation) {
                Some(row) => Fact::ReservationChanged(reads::reservation(row)),
                None => Fact::ReservationEnded(reservation.to_string()),
            })
        }
        Event::VolumeChanged(volume) => Some(match volume.state {
            VolumeState::Gone => Fact::VolumeEnded(volume.id.to_string()),
            _ => Fact::VolumeChanged(convert::volume::write_volume(volume)),
        }),
        Event::RoleChanged(role) => Some(Fact::RoleChanged(reads::role_summary(ledger, role))),
        Event::AgentTaskUnknown { .. }
        | Event::UpdateCommitted { .. }
        | Event::UpdatesAcknowledged { .. }
        | Event::TaskForgotten(_)
        | Event::GroupAdded(_)
        | Event::MembersChanged
        | Event::VersionRaised(_)
        | Event::BarrierPassed { .. } => None,
    }
}
