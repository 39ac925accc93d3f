//! What of volumes is asked for and not offered, and what operators say of them.
//!
//! A framework makes and grows volumes out of what it was offered of their reservation; smaller ones
//! and their end need nothing offered.

use super::{Turn, left::Left};
use crate::{
    input::CallId,
    ledger::{Command, Ledger, VolumeChange, of_disk},
};
use proto::model::{Milli, Reason, Refusal, ReservationRef, VolumePlan, VolumeRef, VolumeResize};

impl Turn<'_> {
    pub(super) fn create_volume(&mut self, call: CallId, plan: VolumePlan, owner: &str) {
        let (agent, owner) = (self.agent_of(plan.reservation), owner.to_owned());
        let change = VolumeChange::Create { plan, owner };
        self.change_on_agent(call, agent, Command::ChangeVolumes(change));
    }

    pub(super) fn change_volume(&mut self, call: CallId, change: VolumeChange, volume: VolumeRef) {
        let row = match volume {
            VolumeRef::Known(id) => self.ledger.volume(id),
            VolumeRef::Made(_) => None,
        };
        let agent = row.map(|row| row.info.agent.clone());
        self.change_on_agent(call, agent, Command::ChangeVolumes(change));
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
