//! One attempt to place what waits: first everything is tried on the cell itself, then it is told,
//! or taken back.

use super::{
    floor::{Task, TaskNumber},
    run::{Run, Waiting},
};
use crate::cell::Taken;

/// Something that an attempt did.
#[derive(Debug)]
enum Step {
    /// These gave way to the one that starts next.
    Evict(Vec<(TaskNumber, Task)>),
    Start(TaskNumber),
}

impl Run<'_> {
    /// Places tasks of what waits: as many as there is room for, of a gang all or none. Says
    /// whether nothing is left.
    pub(super) fn attempt(&mut self, waiting: &mut Waiting) -> bool {
        let mut steps = Vec::new();
        let is_gang = self.work.jobs[waiting.job].gang;
        let left = waiting.left.clone();
        for (index, (part, count)) in left.into_iter().enumerate() {
            for _ in 0..count {
                if self.place(waiting, part, &mut steps) {
                    waiting.left[index].1 -= 1;
                } else if is_gang {
                    self.undo(waiting, steps);
                    return false;
                } else {
                    break;
                }
            }
        }
        waiting.left.retain(|(_, count)| *count > 0);
        self.tell(waiting, steps);
        waiting.left.is_empty()
    }

    /// A place for one task, if there is one.
    fn place(&mut self, waiting: &Waiting, part: usize, steps: &mut Vec<Step>) -> bool {
        let (work, job) = (self.work, waiting.job);
        let number = work.jobs[job].parts[part].request;
        let request = work.requests.get(number);
        let cell = &self.floor.cell;
        let (machine, gpu) = match self.finder.best(cell, &work.requests, number) {
            Some(choice) => (choice.machine, choice.gpu),
            None if !self.plan.preemption => return false,
            None => {
                let room = self.evictor.make_room(&mut self.floor, request, waiting.band);
                let Some((machine, victims)) = room else { return false };
                steps.push(Step::Evict(victims));
                (machine, self.finder.gpu(&self.floor.cell, machine, request))
            }
        };
        let (band, since) = (waiting.band, self.queue.now());
        let running = Task { job, part, band, machine, taken: Taken::Nothing, since };
        let task = self.next_task;
        self.next_task += 1;
        self.floor.enter(task, running, gpu);
        steps.push(Step::Start(task));
        true
    }

    /// Everything as it was.
    fn undo(&mut self, waiting: &mut Waiting, steps: Vec<Step>) {
        for step in steps.into_iter().rev() {
            match step {
                Step::Evict(victims) => {
                    let floor = &mut self.floor;
                    victims.into_iter().for_each(|(task, it)| floor.come_back(task, it));
                }
                Step::Start(task) => {
                    let running = self.floor.leave(task).expect("it was started just now");
                    waiting.give_back(running.part);
                }
            }
        }
    }

    /// It has happened.
    fn tell(&mut self, waiting: &Waiting, steps: Vec<Step>) {
        let mut starts = 0;
        let mut evicted = Vec::new();
        for step in steps {
            match step {
                Step::Evict(victims) => evicted = victims,
                Step::Start(task) => {
                    self.started(waiting, task, std::mem::take(&mut evicted));
                    starts += 1;
                }
            }
        }
        if starts > 0 && self.work.jobs[waiting.job].gang {
            self.oracle.gang_started(waiting.job, starts);
            self.results.gang_started(starts);
        }
    }
}
