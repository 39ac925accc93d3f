//! One attempt to place what waits: first everything is tried on the cell itself, then it is told,
//! or taken back.

use super::{
    floor::{Task, TaskNumber},
    run::{Run, Waiting},
};
use crate::{cell::Taken, records::Sought};
use std::rc::Rc;

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
        waiting.history.attempts += 1;
        waiting.history.first_attempt.get_or_insert(self.queue.now());
        let is_gang = waiting.job.gang;
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
        let work = self.work;
        let requests = &work.reader().requests;
        let of_request = waiting.job.parts[part].request;
        let request = requests.get(of_request);
        let (now, number, history) = (self.queue.now(), waiting.number(part), waiting.history);
        let sought = Sought {
            at: now,
            job: waiting.job.number,
            task: waiting.job.number_of(part, number),
            attempt: history.attempts,
        };
        let (finder, cell) = (&mut self.finder, &self.floor.cell);
        let best = self.recorder.decide(sought, finder, cell, requests, of_request);
        let (machine, gpu) = match best {
            Some(choice) => (choice.machine, choice.gpu),
            None if !self.plan.preemption => return false,
            None => {
                let room = self.evictor.make_room(&mut self.floor, request, waiting.band);
                let Some((machine, victims)) = room else { return false };
                steps.push(Step::Evict(victims));
                (machine, self.finder.gpu(&self.floor.cell, machine, request))
            }
        };
        let (job, band, taken) = (Rc::clone(&waiting.job), waiting.band, Taken::Nothing);
        let running = Task { job, part, number, band, machine, taken, since: now, history };
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
                    self.started(task, std::mem::take(&mut evicted));
                    starts += 1;
                }
            }
        }
        if starts > 0 && waiting.job.gang {
            self.oracle.gang_started(&waiting.job, starts);
            self.results.gang_started(starts);
        }
    }
}
