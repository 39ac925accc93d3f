//! What of volumes is asked for and not offered, and what operators say of them.
//!
//! A framework makes and grows volumes out of what it was offered of their reservation; to make one
//! smaller or to end it needs nothing offered.

use super::{Turn, Waiter, left::Left};
use crate::{
    input::OperatorCall,
    ledger::{Command, Ledger, VolumeChange, of_disk, volume_changing},
};
use proto::model::{
    AgentId, Milli, Reason, Refusal, ReservationRef, VolumePlan, VolumeRef, VolumeReport,
    VolumeResize,
};

impl Turn<'_> {
    /// What a call changes, and on which agent; `None` of one that changes no volume.
    pub(super) fn volume_change_of(
        &self,
        request: OperatorCall,
        owner: &str,
    ) -> Option<(Option<AgentId>, VolumeChange)> {
        Some(match request {
            OperatorCall::CreateVolume(plan) => {
                let (agent, owner) = (self.agent_of(plan.reservation), owner.to_owned());
                (agent, VolumeChange::Create { plan, owner })
            }
            OperatorCall::GrowVolume(resize) => {
                (self.agent_with(resize.volume), VolumeChange::Grow(resize))
            }
            OperatorCall::ShrinkVolume(resize) => {
                (self.agent_with(resize.volume), VolumeChange::Shrink(resize))
            }
            OperatorCall::DestroyVolume(id) => {
                let volume = VolumeRef::Known(id);
                (self.agent_with(volume), VolumeChange::Destroy(volume))
            }
            _ => return None,
        })
    }

    /// An agent says what became of an order.
    pub(super) fn volume_reported(&mut self, agent: AgentId, report: VolumeReport) {
        let Some(session) = self.leader.sessions.agent(&agent) else { return };
        let incarnation = session.incarnation;
        self.propose(Command::RecordVolume { agent, incarnation, report }, Waiter::Nobody);
    }

    /// The agent of a volume that exists.
    fn agent_with(&self, volume: VolumeRef) -> Option<AgentId> {
        let VolumeRef::Known(id) = volume else { return None };
        self.ledger.volume(id).map(|row| row.info.agent.clone())
    }
}

impl Left {
    /// Takes what a new volume does.
    pub(super) fn create_volume(&mut self, plan: &VolumePlan) -> Result<(), Refusal> {
        self.take_disk(plan.reservation, plan.size, "reservation")
    }

    /// Takes what a volume grows by. What cannot be a size of it is refused where it is applied.
    pub(super) fn grow_volume(
        &mut self,
        ledger: &Ledger,
        resize: &VolumeResize,
    ) -> Result<(), Refusal> {
        let VolumeRef::Known(id) = resize.volume else { return Ok(()) };
        let Some(row) = ledger.volume(id) else {
            let message = format!("there is no {id}");
            return Err(Refusal::new(Reason::VolumeUnknown, message).at("volume"));
        };
        // Until the agent has said what became of the last one, nobody knows what this one takes.
        if row.info.resizing_to.is_some() {
            return Err(volume_changing(&row.info).at("volume"));
        }
        match resize.size.0.saturating_sub(row.info.size.0) {
            growth @ 1.. => {
                let reservation = ReservationRef::Known(row.info.reservation);
                self.take_disk(reservation, Milli(growth), "volume")
            }
            _ => Ok(()),
        }
    }

    fn take_disk(
        &mut self,
        reservation: ReservationRef,
        size: Milli,
        field: &str,
    ) -> Result<(), Refusal> {
        let pools = self.pools_with(reservation).map_err(|refusal| refusal.at(field))?;
        let pool = pools.reserved.get_mut(&reservation).expect("was just found");
        *pool = pool.checked_sub(&of_disk(size)).map_err(|problem| {
            let message = format!("the offers have {problem} of {reservation}");
            Refusal::new(Reason::ResourcesNotOffered, message).at("size")
        })?;
        Ok(())
    }
}
