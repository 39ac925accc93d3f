//! One command, applied: total and deterministic. Every check is made before the first change, so
//! that a refusal leaves no trace; what a command means is in the files beside this one.

use super::{Applied, Command, Event, Ledger, Stamp, apply_accept::Accept};
use proto::model::Refusal;

impl Ledger {
    /// Applies one command of the entry at `stamp` and appends the facts that it made.
    ///
    /// The commands of one entry share its stamp; see the module for how an entry is applied. A
    /// refusal changes nothing and makes no facts.
    ///
    /// # Panics
    /// When the entry is older than one that is applied.
    pub fn apply(
        &mut self,
        stamp: Stamp,
        command: &Command,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let now = self.clamped(stamp);
        let facts = events.len();
        let outcome = self.apply_command(now, command, events);
        match outcome {
            Ok(_) => self.applied = now,
            Err(_) => assert_eq!(events.len(), facts, "a refusal makes no facts"),
        }
        outcome
    }

    fn apply_command(
        &mut self,
        now: Stamp,
        command: &Command,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        self.check_version(command)?;
        match command {
            Command::Barrier { term } => Ok(pass_barrier(*term, events)),
            Command::ChangeMembers(change) => self.change_members(change, events),
            Command::RaiseVersion(version) => Ok(self.raise_version(*version, events)),
            Command::RegisterAgent { info, incarnation, tasks, volumes } => {
                self.register_agent(now, info, *incarnation, (tasks, volumes), events)
            }
            Command::MarkAgentUnreachable { agent, incarnation } => {
                self.mark_agent_unreachable(now, agent, *incarnation, events)
            }
            Command::RemoveAgent { agent, incarnation } => {
                self.remove_agent(now, agent, *incarnation, events)
            }
            Command::DirectAgent { agent, directive } => {
                self.direct_agent(now, agent, *directive, events)
            }
            Command::AdvanceDrain { agent } => self.advance_drain(now, agent, events),
            Command::ScheduleWindow(plan) => self.schedule_window(now, plan, events),
            Command::TurnWindow(window) => self.turn_window(now, *window, events),
            Command::CancelWindow(window) => self.cancel_window(now, *window, events),
            Command::SetWeight { role, weight } => self.set_weight(role, *weight, events),
            Command::SetQuota { role, quota, force } => self.set_quota(role, quota, *force, events),
            Command::ConfigureRole { role, change } => self.configure_role(role, change, events),
            Command::RemoveQuota { role } => self.remove_quota(role, events),
            Command::UpdateFramework { session, info } => {
                self.update_framework(*session, info, events)
            }
            Command::SubscribeFramework { info, framework, principal, request } => {
                match framework {
                    None => self.subscribe_by_request(now, info, principal, request, events),
                    Some(id) => self.subscribe_again(now, info, *id, principal, events),
                }
            }
            Command::DisconnectFramework(of) => self.disconnect_framework(now, *of, events),
            Command::RemoveFramework { session, expired } => {
                self.remove_framework(now, *session, *expired, events)
            }
            Command::Accept { session, role, request, operations, partial, revocable } => {
                let (session, request) = (*session, request.as_ref());
                let (partial, revocable) = (*partial, *revocable);
                let accept = Accept { session, role, request, operations, partial, revocable };
                self.accept(now, accept, events)
            }
            Command::ChangeReservations(change) => self.change_reservations(now, change, events),
            Command::ChangeVolumes(change) => self.change_volumes(now, change, events),
            Command::ChangeOnce { asked, change } => self.change_once(now, asked, change, events),
            Command::RecordVolume { agent, incarnation, report } => {
                self.record_volume(agent, *incarnation, report, events)
            }
            Command::KillTask { key, grace_period, reason } => {
                self.kill_task(key, *grace_period, *reason, events)
            }
            Command::Preempt(preemption) => self.preempt(now, preemption, events),
            Command::EndPreempted { tasks } => self.end_preempted(now, tasks, events),
            Command::RecordUpdate { agent, incarnation, framework, status } => {
                self.record_update(now, agent, *incarnation, *framework, status, events)
            }
            Command::Acknowledge { session, acknowledgements } => {
                self.acknowledge(now, *session, acknowledgements, events)
            }
        }
    }
}

fn pass_barrier(term: u64, events: &mut Vec<Event>) -> Applied {
    events.push(Event::BarrierPassed { term });
    Applied::Done
}
