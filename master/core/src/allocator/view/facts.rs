//! What the view reads of the ledger after a fact.
//!
//! A fact says which rows have changed; they are read whole, so that it does not matter whether
//! later facts are in the ledger already. It does not know what is held: offers say that.

use super::{View, ViewChange};
use crate::{
    allocator::{Amounts, Place, bundle::Bundle},
    ledger::{AgentState, Event, Ledger, RoleConfig},
};
use proto::{
    model::{AgentId, AgentInfo, FrameworkId, Role, TaskKey},
    planted::{self, Bug},
};
use std::{collections::BTreeMap, mem, sync::Arc};

impl View {
    /// Follows a fact; `ledger` as it is after the fact, or later.
    pub fn note(&mut self, ledger: &Ledger, event: &Event) {
        match event {
            Event::AgentRegistered(agent)
            | Event::AgentUnreachable(agent)
            | Event::AgentRemoved(agent)
            | Event::AgentDeactivated(agent)
            | Event::AgentReactivated(agent)
            | Event::AgentDraining(agent) => self.read_agent(ledger, agent),
            Event::ReservationChanged { reservation, agent } => {
                self.read_agent(ledger, agent);
                self.charges.read_reservation(ledger, *reservation, &mut self.changes);
            }
            Event::FrameworkSubscribed(framework)
            | Event::FrameworkDisconnected(framework)
            | Event::FrameworkRemoved(framework) => self.read_framework(ledger, *framework),
            Event::TaskPreempted(key) => self.read_agent_of(ledger, key),
            Event::TaskAdded(key) | Event::TaskResized(key) => {
                self.read_agent_of(ledger, key);
                self.charges.read_task(ledger, key, &mut self.changes);
                self.read_framework(ledger, key.framework);
            }
            Event::TaskUpdated { framework, status, freed: true } => {
                self.read_agent(ledger, &status.agent);
                self.read_framework(ledger, *framework);
                let key = TaskKey { framework: *framework, task: status.task.clone() };
                self.charges.read_task(ledger, &key, &mut self.changes);
            }
            Event::RoleChanged(role) => self.read_role(ledger, role),
            Event::TaskUpdated { freed: false, .. }
            | Event::BarrierPassed { .. }
            | Event::MembersChanged
            | Event::VersionRaised(_)
            // Of what is reserved, which is not offered from here.
            | Event::VolumeChanged(_)
            | Event::AgentDrained(_)
            | Event::WindowScheduled(_)
            | Event::WindowStarted(_)
            | Event::WindowEnded(_)
            | Event::FrameworkUpdated(_)
            | Event::AgentTaskUnknown { .. }
            | Event::GroupAdded(_)
            | Event::KillRequested(_)
            | Event::UpdateCommitted { .. }
            | Event::UpdatesAcknowledged { .. }
            | Event::TaskForgotten(_) => {}
        }
    }

    pub(super) fn read_role(&mut self, ledger: &Ledger, role: &Role) {
        let row = ledger.roles().row(role);
        match row.settings.placement {
            Some(policy) => drop(self.placed.insert(role.clone(), policy)),
            None => drop(self.placed.remove(role)),
        }
        match row == RoleConfig::default() {
            true => drop(self.roles.remove(role)),
            false => drop(self.roles.insert(role.clone(), row)),
        }
        self.changes.note(ViewChange::Configured(role.clone()));
        self.charges.read(ledger, [role.clone()], &mut self.changes);
    }

    /// Reads a task's agent. A task that is gone again has freed its agent by a later fact.
    fn read_agent_of(&mut self, ledger: &Ledger, key: &TaskKey) {
        let task = ledger.task(key);
        task.into_iter().for_each(|task| self.read_agent(ledger, &task.info.agent));
    }

    /// Reads an agent's row again.
    pub(super) fn read_agent(&mut self, ledger: &Ledger, id: &AgentId) {
        let agent = ledger.agent(id).filter(|agent| agent.state != AgentState::Removed);
        let place = match agent {
            Some(_) => Some(self.seat(id)),
            None => self.place(id),
        };
        let Some(place) = place else { return };
        self.describe(place, agent.map(|agent| &agent.info));
        let row = &mut self.agents[place.position()];
        // A6: one that is deactivated, draining or away has nothing to offer.
        let offering = agent.is_some_and(|agent| {
            let drains = planted::is(Bug::DrainingAgentOffered) && agent.drain.is_some();
            ledger.takes_tasks(agent) || drains
        });
        self.agents_version += u64::from(row.offering != offering);
        row.offering = offering;
        row.available = agent.map_or_else(Bundle::nothing, |agent| Bundle::new(agent.free()));
        self.lent.read_agent(ledger, id, place);
        self.settle(place);
        self.leave_if_gone(place);
    }

    /// Notes how an agent describes itself.
    fn describe(&mut self, place: Place, info: Option<&Arc<AgentInfo>>) {
        let row = &mut self.agents[place.position()];
        if row.info.as_ref() == info {
            return;
        }
        let before = mem::replace(&mut row.info, info.cloned());
        self.agents_version += 1;
        let (before, after) = (self.counted(before.as_deref()), self.counted(info.map(|it| &**it)));
        if before != after {
            self.totals.subtract(&before);
            self.totals.add(&after);
            self.changes.note(ViewChange::Totals);
        }
        // What it was not offered for before, it may be now.
        self.changes.note(ViewChange::Freed(place));
        if let Some(seen) = &mut self.seen {
            seen.described.insert(place);
        }
    }

    /// What of an agent counts towards shares.
    fn counted(&self, info: Option<&AgentInfo>) -> Amounts {
        let mut amounts =
            info.map_or_else(Amounts::new, |info| Amounts::of_measured(&info.resources));
        self.fairness.unshared.iter().for_each(|name| amounts.set(name, 0));
        amounts
    }

    /// Reads again what a framework's tasks take.
    pub(super) fn read_framework(&mut self, ledger: &Ledger, id: FrameworkId) {
        let empty = BTreeMap::new();
        let allocated = ledger.framework(id).map_or(&empty, |framework| &framework.allocated);
        self.lent.set_tasks_of(id, ledger.revocable_of(id));
        for change in self.usage.allocate(id, allocated) {
            self.note_usage(change);
        }
    }
}
