//! Stealing: an idle worker asks some of the general partition, one after the other, for short work
//! that waits there behind long one (Hawk, ATC'15). What is taken are
//! reservations: the worker asks their jobs for tasks when their turn comes.

use super::{
    jobs::JobId,
    plan::Scheme,
    results::Told,
    worker::{Doing, Entry, WorkerId},
    world::{Happening, World},
};

impl<T: Told> World<'_, T> {
    /// Asks another worker, if it may still ask one and waits for no answer.
    pub(super) fn look_for_work(&mut self, thief: WorkerId, tries: u32) {
        let is_stealing = self.workers[thief as usize].is_stealing;
        if self.plan.scheme != Scheme::Hybrid || tries == 0 || is_stealing {
            return;
        }
        let mut drawn = Vec::with_capacity(2);
        self.victims.draw(2, &mut drawn);
        // Two are drawn for the case that the first one is the thief itself.
        let Some(victim) = drawn.into_iter().find(|victim| *victim != thief) else { return };
        self.workers[thief as usize].is_stealing = true;
        let asks = Happening::StealAsked { thief, victim, tries: tries - 1 };
        self.queue.after(self.network, asks);
    }

    /// The worker that was asked gives what it has to give.
    pub(super) fn give_away(&mut self, thief: WorkerId, victim: WorkerId, tries: u32) {
        let mut worker = std::mem::take(&mut self.workers[victim as usize]);
        let jobs = worker.give(|job| !self.is_cancelled(job));
        self.workers[victim as usize] = worker;
        self.counts.stolen += jobs.len() as u64;
        self.queue.after(self.network, Happening::Stolen { thief, jobs, tries });
    }

    /// What was stolen waits at the thief. It asks the next one if it got nothing and is still
    /// idle.
    pub(super) fn receive_stolen(&mut self, thief: WorkerId, jobs: Vec<JobId>, tries: u32) {
        let got = !jobs.is_empty();
        let worker = &mut self.workers[thief as usize];
        worker.is_stealing = false;
        worker.queue.extend(jobs.into_iter().map(Entry::Reservation));
        if got {
            self.turn(thief);
        } else if worker.doing == Doing::Nothing {
            self.look_for_work(thief, tries);
        }
    }
}
