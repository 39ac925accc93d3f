//! Faults of clocks: steps, drift, and machines that stand still.

use super::{Kind, Undo};
use crate::trial::world::World;

/// A day.
const STEP_MAX_MS: u64 = 86_400_000;

impl World {
    pub(super) fn harm_clocks(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::StepClock => {
                let host = self.chance.faults.index(self.masters.len());
                let ahead = self.chance.faults.between(0, 2 * STEP_MAX_MS);
                let step = i64::try_from(ahead).expect("two days") - STEP_MAX_MS.cast_signed();
                self.masters[host].wall_shift_ms = step;
            }
            Kind::DriftClock => {
                let rate = self.chance.faults.between(900, 1_100);
                let wait = self.chance.faults.time(5_000, 60_000);
                let masters = self.masters.len();
                match self.chance.faults.index(masters + self.agents.len()) {
                    host if host < masters => {
                        self.drift_master(host, rate);
                        self.undo_after(wait, Undo::DriftOfMaster(host));
                    }
                    other => {
                        self.drift_agent(other - masters, rate);
                        self.undo_after(wait, Undo::DriftOfAgent(other - masters));
                    }
                }
            }
            Kind::Freeze => {
                let wait = self.chance.faults.time(500, 20_000);
                self.queue.freeze(wait);
            }
            other => unreachable!("{other:?} harms no clock"),
        }
        Some(())
    }

    pub(super) fn drift_master(&mut self, host: usize, rate_per_mille: u64) {
        let at = self.queue.now();
        self.masters[host].clock.drift(at, rate_per_mille);
    }

    pub(super) fn drift_agent(&mut self, agent: usize, rate_per_mille: u64) {
        let at = self.queue.now();
        self.agents[agent].clock.drift(at, rate_per_mille);
    }
}
