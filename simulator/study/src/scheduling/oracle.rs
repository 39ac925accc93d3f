//! Judges every start, every end and everybody who gives way, and counts what should not have been.
//!
//! It is told what happened and believes nothing: it keeps books of its own, in the trace's own
//! words, and adds up everything anew every time. It shares no code with what it judges: neither
//! requests nor the cell nor the numbers that names have there.

use super::{
    floor::{Task, TaskNumber},
    plan::Band,
    work::{Job, Part, Work},
};
use crate::cell::{MachineId, Taken};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};
use traces::model::{Constraints, KINDS, Kind, Property, Scope};

/// All of a card, in thousandths.
const CARD: u64 = 1_000;

/// What should not have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wrong {
    /// A machine gives more than it has.
    Room,
    /// Cards were given that are not there, or more of one than all of it, or not as asked.
    Cards,
    /// A machine has not the model that was asked for.
    Model,
    /// A machine lacks a property that is wanted, or has one that is not.
    Property,
    /// Somebody is on a machine that another has for itself.
    Exclusive,
    /// More of a kind are on a machine than may be.
    PerMachine,
    /// A gang started in part.
    Gang,
    /// Somebody gave way to a band that is not higher.
    Band,
    /// Somebody gave way, and there was room without that.
    Needless,
    /// Somebody ended or gave way who did not run there.
    Absent,
}

/// The judge.
#[derive(Debug)]
pub(super) struct Oracle<'a> {
    work: &'a Work,
    /// Where each band begins.
    from: Vec<i32>,
    /// By machine.
    on: Vec<BTreeMap<TaskNumber, Seen>>,
    /// How often what.
    pub(super) wrong: BTreeMap<Wrong, u64>,
    /// Starts of tasks that say something of machines.
    pub(super) constrained: u64,
}

/// A task that it knows of.
#[derive(Debug, Clone)]
struct Seen {
    job: Rc<Job>,
    part: usize,
    taken: Taken,
}

impl Seen {
    fn of(task: &Task, taken: Taken) -> Self {
        Self { job: Rc::clone(&task.job), part: task.part, taken }
    }

    fn part(&self) -> &Part {
        &self.job.parts[self.part]
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.part().arrival.constraints.as_deref()
    }
}

impl Wrong {
    /// As it is called in results.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Room => "wrong-room",
            Self::Cards => "wrong-cards",
            Self::Model => "wrong-model",
            Self::Property => "wrong-property",
            Self::Exclusive => "wrong-exclusive",
            Self::PerMachine => "wrong-per-machine",
            Self::Gang => "wrong-gang",
            Self::Band => "wrong-band",
            Self::Needless => "wrong-needless",
            Self::Absent => "wrong-absent",
        }
    }
}

impl<'a> Oracle<'a> {
    pub(super) fn new(work: &'a Work, bands: &[Band]) -> Self {
        Self {
            work,
            from: bands.iter().map(|band| band.from).collect(),
            on: vec![BTreeMap::new(); work.machines.len()],
            wrong: BTreeMap::new(),
            constrained: 0,
        }
    }

    fn is_wrong(&mut self, what: Wrong) {
        *self.wrong.entry(what).or_default() += 1;
    }

    fn judge(&mut self, is_right: bool, what: Wrong) {
        if !is_right {
            self.is_wrong(what);
        }
    }

    fn band(&self, job: &Job) -> usize {
        self.from.iter().rposition(|from| *from <= job.priority).unwrap_or(0)
    }

    /// A task starts.
    pub(super) fn starts(&mut self, task: TaskNumber, running: &Task) {
        let machine = running.machine;
        let seen = Seen::of(running, running.taken.clone());
        self.judge(cards_are_as_asked(&seen), Wrong::Cards);
        let constraints = running.part().arrival.constraints.as_deref();
        self.on[machine as usize].insert(task, seen);
        self.judge(self.has_room(machine), Wrong::Room);
        self.judge(self.has_cards(machine), Wrong::Cards);
        self.judge(self.is_shared_rightly(machine), Wrong::Exclusive);
        if let Some(constraints) = constraints {
            self.constrained += 1;
            self.judge(self.has_model(machine, constraints), Wrong::Model);
            let mut properties = constraints.properties.iter();
            let all = properties.all(|it| self.has(machine, it) == it.wanted);
            self.judge(all, Wrong::Property);
            let few = self.are_few(machine, &self.on[machine as usize][&task], constraints);
            self.judge(few, Wrong::PerMachine);
        }
    }

    /// A task ends.
    pub(super) fn ends(&mut self, task: TaskNumber, machine: MachineId) {
        let was_there = self.on[machine as usize].remove(&task).is_some();
        self.judge(was_there, Wrong::Absent);
    }

    /// Tasks give way to one that will start now.
    pub(super) fn give_way(&mut self, victims: &[TaskNumber], to: &Task) {
        let machine = to.machine as usize;
        let band = self.band(&to.job);
        let all: BTreeMap<TaskNumber, Seen> = self.on[machine].clone();
        for victim in victims {
            let Some(seen) = self.on[machine].remove(victim) else {
                self.is_wrong(Wrong::Absent);
                continue;
            };
            self.judge(self.band(&seen.job) < band, Wrong::Band);
        }
        // With any of them still there, there would have been no room.
        for victim in victims {
            let stays = all.get(victim).cloned();
            let newcomer = Seen::of(to, Taken::Nothing);
            let there = self.on[machine].values().cloned().chain(stays).chain([newcomer]);
            let fits = self.fit(machine, &there.collect::<Vec<_>>());
            self.judge(!fits, Wrong::Needless);
        }
    }

    /// So many tasks of a gang have started at this moment.
    pub(super) fn gang_started(&mut self, job: &Job, tasks: u64) {
        let all: u64 = job.parts.iter().map(|part| u64::from(part.tasks)).sum();
        self.judge(tasks == all, Wrong::Gang);
    }

    fn fit(&self, machine: usize, tasks: &[Seen]) -> bool {
        let sum = |kind: Kind| -> u128 {
            tasks.iter().map(|seen| u128::from(seen.part().arrival.each[kind])).sum()
        };
        let has = self.work.machines[machine].capacity;
        KINDS.into_iter().all(|kind| sum(kind) <= u128::from(has[kind]))
    }

    fn has_room(&self, machine: MachineId) -> bool {
        let there: Vec<Seen> = self.on[machine as usize].values().cloned().collect();
        self.fit(machine as usize, &there)
    }

    fn has_cards(&self, machine: MachineId) -> bool {
        let cards = self.work.machines[machine as usize].capacity[Kind::Gpus] / CARD;
        let mut given: BTreeMap<u32, u64> = BTreeMap::new();
        for seen in self.on[machine as usize].values() {
            match &seen.taken {
                Taken::Nothing => {}
                Taken::Part(card, milli) => *given.entry(*card).or_default() += milli,
                Taken::Whole(cards) => {
                    cards.iter().for_each(|card| *given.entry(*card).or_default() += CARD);
                }
            }
        }
        given.iter().all(|(card, milli)| u64::from(*card) < cards && *milli <= CARD)
    }

    fn has_model(&self, machine: MachineId, constraints: &Constraints) -> bool {
        let names = &self.work.reader().names;
        let has = self.work.machines[machine as usize].model.map(|model| names.get(model));
        let mut asked = constraints.gpu_models.iter().map(|model| names.get(*model));
        constraints.gpu_models.is_empty() || asked.any(|model| has == Some(model))
    }

    /// A machine has its properties, and is called by its name, with or without a domain.
    fn has(&self, machine: MachineId, property: &Property) -> bool {
        let machine = &self.work.machines[machine as usize];
        let name = self.work.reader().names.get(property.name);
        let rest = name.strip_prefix(machine.name.as_str());
        let is_called = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        machine.properties.contains(name) || (is_called && !machine.name.is_empty())
    }

    /// Nobody who has a machine for itself shares it.
    fn is_shared_rightly(&self, machine: MachineId) -> bool {
        let there = &self.on[machine as usize];
        let alone = |seen: &Seen| seen.constraints().is_some_and(|it| it.exclusive);
        let jobs: BTreeSet<u64> = there.values().map(|seen| seen.job.number).collect();
        jobs.len() <= 1 || !there.values().any(alone)
    }

    /// No more of its kind are on a machine than a task says.
    fn are_few(&self, machine: MachineId, task: &Seen, constraints: &Constraints) -> bool {
        let Some(limit) = constraints.per_machine else { return true };
        let number = |seen: &Seen| seen.part().arrival.job;
        let is_peer = |seen: &&Seen| match limit.of {
            Scope::Job => number(seen) == number(task),
            Scope::Group(_) => {
                seen.constraints().and_then(|it| it.per_machine).is_some_and(|it| it.of == limit.of)
            }
        };
        let there = self.on[machine as usize].values().filter(is_peer).count();
        there as u64 <= u64::from(limit.at_most.get())
    }
}

fn cards_are_as_asked(seen: &Seen) -> bool {
    let asked = seen.part().arrival.each[Kind::Gpus];
    match &seen.taken {
        Taken::Nothing => asked == 0,
        Taken::Part(_, milli) => asked == *milli && asked < CARD,
        Taken::Whole(cards) => asked == CARD * cards.len() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduling::{floor::History, machines::Described};
    use simulator::engine::Time;
    use std::{num::NonZeroU32, sync::Arc};
    use traces::model::{Arrival, Names, PerMachine, Shape};

    /// Three machines of 4 cores and 2 cards: `a` is a T4 with an SSD, `b` has neither, `c` only
    /// the SSD; and jobs of one task each.
    fn work(jobs: &[(i32, u64, u64, Option<Constraints>)], names: Names, t4: Names) -> Work {
        let model = t4.find("T4");
        let machine = |name: &str, ssd: bool, model| Described {
            name: name.to_owned(),
            capacity: Shape([4_000, 0, 2_000, 0, 0]),
            model,
            properties: ssd.then(|| "ssd".to_owned()).into_iter().collect(),
        };
        let machines =
            vec![machine("a", true, model), machine("b", false, None), machine("c", true, None)];
        let arrival = |(job, (priority, cpus, gpus, constraints)): (u64, &(_, _, _, Option<_>))| {
            let mut arrival = Arrival::new(job);
            arrival.priority = *priority;
            arrival.each = Shape([*cpus, 0, *gpus, 0, 0]);
            arrival.constraints = constraints.clone().map(Arc::new);
            arrival
        };
        Work::of(machines, (0..).zip(jobs).map(arrival).collect(), names)
    }

    fn job(work: &Work, number: usize) -> Rc<Job> {
        let mut coming = work.coming().unwrap();
        let mut all = std::iter::from_fn(|| coming.next().unwrap());
        Rc::new(all.nth(number).unwrap())
    }

    fn running(work: &Work, of: usize, machine: MachineId, taken: Taken) -> Task {
        let (job, since) = (job(work, of), Time::ZERO);
        let history = History::default();
        Task { job, part: 0, number: 0, band: 0, machine, taken, since, history }
    }

    fn wrong(oracle: &Oracle<'_>) -> Vec<Wrong> {
        oracle.wrong.keys().copied().collect()
    }

    #[test]
    fn more_than_there_is_and_what_was_not_asked_for_are_wrong() {
        let jobs = [(0, 3_000, 0, None), (0, 100, 600, None), (0, 100, 1_000, None)];
        let work = work(&jobs, Names::new(), Names::new());
        let judged = |starts: &[(usize, Taken)]| {
            let mut oracle = Oracle::new(&work, &[]);
            for (task, (job, taken)) in (0..).zip(starts) {
                oracle.starts(task, &running(&work, *job, 1, taken.clone()));
            }
            wrong(&oracle)
        };
        assert_eq!(judged(&[(0, Taken::Nothing)]), []);
        assert_eq!(judged(&[(0, Taken::Nothing), (0, Taken::Nothing)]), [Wrong::Room]);
        let (first, second) = (Taken::Part(0, 600), Taken::Part(1, 600));
        assert_eq!(judged(&[(1, first.clone()), (1, second)]), []);
        assert_eq!(judged(&[(1, first.clone()), (1, first.clone())]), [Wrong::Cards]);
        assert_eq!(judged(&[(1, Taken::Part(0, 500))]), [Wrong::Cards], "less than asked");
        assert_eq!(judged(&[(1, first), (2, Taken::Whole(vec![1]))]), []);
        assert_eq!(judged(&[(2, Taken::Whole(vec![2]))]), [Wrong::Cards], "there are two");
        assert_eq!(judged(&[(2, Taken::Nothing)]), [Wrong::Cards]);
    }

    #[test]
    fn what_machines_are_and_who_shares_them_is_judged() {
        let mut names = Names::new();
        let t4 = names.intern("T4").unwrap();
        let has = |name, wanted| Property { name, wanted };
        let (ssd, called) = (names.intern("ssd").unwrap(), names.intern("c.example.org").unwrap());
        let said = |constraints| (0, 100, 0, Some(constraints));
        let per_machine = Some(PerMachine { at_most: NonZeroU32::MIN, of: Scope::Job });
        let jobs = [
            (0, 100, 1_000, Some(Constraints { gpu_models: vec![t4], ..Constraints::default() })),
            said(Constraints { properties: vec![has(ssd, true)], ..Constraints::default() }),
            said(Constraints { properties: vec![has(called, false)], ..Constraints::default() }),
            said(Constraints { exclusive: true, ..Constraints::default() }),
            said(Constraints { per_machine, ..Constraints::default() }),
            (0, 100, 0, None),
        ];
        let work = work(&jobs, names.clone(), names);
        let judged = |starts: &[(usize, MachineId)]| {
            let mut oracle = Oracle::new(&work, &[]);
            for (task, (job, machine)) in (0..).zip(starts) {
                let card = if *job == 0 { Taken::Whole(vec![0]) } else { Taken::Nothing };
                oracle.starts(task, &running(&work, *job, *machine, card));
            }
            wrong(&oracle)
        };
        assert_eq!(judged(&[(0, 0), (1, 0), (1, 2), (2, 0), (2, 1)]), []);
        assert_eq!(judged(&[(0, 1)]), [Wrong::Model]);
        assert_eq!(judged(&[(1, 1)]), [Wrong::Property], "no SSD");
        assert_eq!(judged(&[(2, 2)]), [Wrong::Property], "the one that is not wanted");
        assert_eq!(judged(&[(3, 0), (5, 1)]), []);
        assert_eq!(judged(&[(3, 0), (5, 0)]), [Wrong::Exclusive], "another comes");
        assert_eq!(judged(&[(5, 0), (3, 0)]), [Wrong::Exclusive], "another is there");
        assert_eq!(judged(&[(4, 0), (4, 1), (5, 0)]), []);
        assert_eq!(judged(&[(4, 0), (4, 0)]), [Wrong::PerMachine]);
    }

    #[test]
    fn who_gives_way_is_lower_and_there_and_needed() {
        let jobs = [(0, 3_000, 0, None), (5, 3_000, 0, None), (9, 2_000, 0, None)];
        let work = work(&jobs, Names::new(), Names::new());
        let bands = [("low", 0), ("high", 9)];
        let bands = bands.map(|(name, from)| Band { name: name.to_owned(), from });
        let judged = |there: &[usize], victims: &[TaskNumber], to: usize| {
            let mut oracle = Oracle::new(&work, &bands);
            for (task, job) in (0..).zip(there) {
                oracle.starts(task, &running(&work, *job, 0, Taken::Nothing));
            }
            oracle.wrong.clear();
            oracle.give_way(victims, &running(&work, to, 0, Taken::Nothing));
            wrong(&oracle)
        };
        assert_eq!(judged(&[0], &[0], 2), []);
        assert_eq!(judged(&[0], &[0], 1), [Wrong::Band], "0 and 5 are one band");
        assert_eq!(judged(&[2], &[0], 2), [Wrong::Band, Wrong::Needless]);
        assert_eq!(judged(&[2, 2], &[0], 0), [Wrong::Band]);
        assert_eq!(judged(&[0], &[7], 2), [Wrong::Absent]);
        let mut oracle = Oracle::new(&work, &bands);
        oracle.gang_started(&job(&work, 0), 1);
        assert_eq!(wrong(&oracle), []);
        oracle.gang_started(&job(&work, 0), 2);
        oracle.ends(3, 0);
        assert_eq!(wrong(&oracle), [Wrong::Gang, Wrong::Absent]);
    }
}
