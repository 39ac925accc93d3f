//! A cell: machines, what each has and what of it is free, by number. What fits where is decided
//! here, once; which of the machines that fit is best is for a policy to say ([`Finder`]).
//!
//! Everything is in whole thousandths, as in the ledger. Whoever keeps something for a machine may
//! keep it until the machine's version changes; [`Cell::changes`] tells which ones did.

mod finder;
mod request;
mod rules;
mod survey;
mod tie;

pub use finder::{Choice, Finder};
pub use request::{Request, RequestId, Requests};
pub use rules::{Peers, Rules};
pub use survey::{Survey, as_number};
pub use tie::{Tie, TieRule};

use master_core::{
    allocator::Amounts,
    placement::{
        Candidate, Kinds, Models,
        devices::{self, Ask},
    },
};
use proto::model::ResourceName;
use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};
use traces::model::NameId;

/// A machine by its number, from 0.
pub type MachineId = u32;

/// Machines that changed are remembered up to so many times the number of machines; whoever is
/// further behind looks at all.
const REMEMBERED: usize = 4;

/// A machine as it comes.
#[derive(Debug, Clone, Default)]
pub struct Machine {
    /// Its name, for whoever orders by name.
    pub name: String,
    /// What it has. Its GPUs are whole ones.
    pub total: Amounts,
    /// The model of its GPUs.
    pub model: Models,
    /// What else is said of it, its name included.
    pub properties: BTreeSet<NameId>,
}

/// Who runs on a machine, as far as rules ask.
#[derive(Debug, Clone, Default)]
struct Tenants {
    tasks: u32,
    /// One of them has it for itself.
    is_closed: bool,
    /// Tasks of those that are counted together; none is zero.
    peers: BTreeMap<Peers, u32>,
}

/// Which devices a task was given: positions among the GPUs of its machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// None.
    Nothing,
    /// A part of one, in thousandths.
    Part(u32, u64),
    /// These, whole.
    Whole(Vec<u32>),
}

/// The machines of a cell.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    names: Vec<String>,
    total: Vec<Amounts>,
    free: Vec<Amounts>,
    model: Vec<Models>,
    kinds: Vec<Kinds>,
    properties: Vec<BTreeSet<NameId>>,
    tenants: Vec<Tenants>,
    version: Vec<u32>,
    /// Free thousandths of all GPUs, machine after machine.
    gpus: Vec<u64>,
    /// Where those of a machine begin; one more at the end.
    first_gpu: Vec<u32>,
    /// Machines in the order in which they changed, since `forgotten` changes.
    changed: Vec<MachineId>,
    forgotten: usize,
}

impl Cell {
    /// These machines, wholly free.
    ///
    /// # Panics
    /// When there are more than 2^32 machines or GPUs.
    pub fn new(machines: impl IntoIterator<Item = Machine>) -> Self {
        let mut cell = Self { first_gpu: vec![0], ..Self::default() };
        for machine in machines {
            let count = machine.total.get(&ResourceName::GPUS) / u128::from(devices::WHOLE);
            let count = usize::try_from(count).expect("GPUs can be counted");
            cell.gpus.resize(cell.gpus.len() + count, devices::WHOLE);
            cell.first_gpu.push(u32::try_from(cell.gpus.len()).expect("GPUs are numbered"));
            cell.names.push(machine.name);
            cell.free.push(machine.total.clone());
            cell.total.push(machine.total);
            cell.model.push(machine.model);
            cell.kinds.push(Kinds::default());
            cell.properties.push(machine.properties);
            cell.tenants.push(Tenants::default());
            cell.version.push(0);
        }
        assert!(u32::try_from(cell.names.len()).is_ok(), "machines are numbered");
        cell
    }

    /// How many machines there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All machines, by number.
    pub fn machines(&self) -> std::ops::Range<MachineId> {
        0..MachineId::try_from(self.len()).expect("machines are numbered")
    }

    /// A machine's name.
    pub fn name(&self, machine: MachineId) -> &str {
        &self.names[machine as usize]
    }

    /// All that a machine has.
    pub fn total(&self, machine: MachineId) -> &Amounts {
        &self.total[machine as usize]
    }

    /// What of that is free.
    pub fn free(&self, machine: MachineId) -> &Amounts {
        &self.free[machine as usize]
    }

    /// It changes whenever what is free there does.
    pub fn version(&self, machine: MachineId) -> u32 {
        self.version[machine as usize]
    }

    /// What policies look at.
    pub fn candidate(&self, machine: MachineId) -> Candidate<'_> {
        let index = machine as usize;
        Candidate {
            total: &self.total[index],
            free: &self.free[index],
            gpus: self.gpus(machine),
            kinds: self.kinds[index],
            model: self.model[index],
        }
    }

    fn gpus(&self, machine: MachineId) -> &[u64] {
        let index = machine as usize;
        &self.gpus[self.first_gpu[index] as usize..self.first_gpu[index + 1] as usize]
    }

    fn gpus_mut(&mut self, machine: MachineId) -> &mut [u64] {
        let index = machine as usize;
        &mut self.gpus[self.first_gpu[index] as usize..self.first_gpu[index + 1] as usize]
    }

    /// Whether a machine has room for a request, and is one that the request may go to.
    pub fn fits(&self, machine: MachineId, request: &Request) -> bool {
        let index = machine as usize;
        self.free[index].contains(&request.shape)
            && self.model[index].is_among(request.models)
            && (request.ask == Ask::Nothing || devices::fit(self.gpus(machine), request.ask))
            && self.tenants[index].admit(request)
            && self.is_allowed(index, request)
    }

    fn is_allowed(&self, index: usize, request: &Request) -> bool {
        request.rules.as_ref().is_none_or(|rules| rules.allow(&self.properties[index]))
    }

    /// Whether a machine could ever run a request: when it is empty.
    pub fn could_fit(&self, machine: MachineId, request: &Request) -> bool {
        let index = machine as usize;
        self.total[index].contains(&request.shape)
            && self.model[index].is_among(request.models)
            && self.is_allowed(index, request)
    }

    /// A task takes its room. A part of a GPU comes of the one named; whole ones are the first that
    /// are wholly free.
    ///
    /// # Panics
    /// When it does not fit: that was asked before.
    pub fn take(&mut self, machine: MachineId, request: &Request, gpu: Option<usize>) -> Taken {
        assert!(self.fits(machine, request), "{} has room", self.name(machine));
        let taken = match request.ask {
            Ask::Nothing => Taken::Nothing,
            Ask::Part(part) => {
                let gpu = gpu.expect("somebody says of which");
                Taken::Part(u32::try_from(gpu).expect("GPUs are numbered"), part)
            }
            Ask::Whole(count) => {
                let free = (0..).zip(self.gpus(machine));
                let whole = free.filter(|(_, free)| **free >= devices::WHOLE).take(count);
                Taken::Whole(whole.map(|(number, _)| number).collect())
            }
        };
        self.take_again(machine, request, &taken);
        taken
    }

    /// A task takes the very room that it gave back.
    ///
    /// # Panics
    /// When that is not free any more.
    pub fn take_again(&mut self, machine: MachineId, request: &Request, taken: &Taken) {
        let index = machine as usize;
        self.free[index].subtract(&request.shape);
        let mut use_up = |gpu: u32, milli: u64| {
            let free = &mut self.gpus_mut(machine)[gpu as usize];
            *free = free.checked_sub(milli).expect("the one named has room");
        };
        match taken {
            Taken::Nothing => {}
            Taken::Part(gpu, part) => use_up(*gpu, *part),
            Taken::Whole(gpus) => gpus.iter().for_each(|gpu| use_up(*gpu, devices::WHOLE)),
        }
        self.kinds[index] = self.kinds[index].with(request.ask);
        self.tenants[index].come(request);
        self.has_changed(machine);
    }

    /// A task gives its room back.
    ///
    /// # Panics
    /// When the machine then has more free than it has.
    pub fn give_back(&mut self, machine: MachineId, request: &Request, taken: &Taken) {
        let index = machine as usize;
        self.free[index].add(&request.shape);
        assert!(self.total[index].contains(&self.free[index]), "no more is free than there is");
        match taken {
            Taken::Nothing => {}
            Taken::Part(gpu, part) => self.gpus_mut(machine)[*gpu as usize] += part,
            Taken::Whole(gpus) => {
                for gpu in gpus {
                    self.gpus_mut(machine)[*gpu as usize] += devices::WHOLE;
                }
            }
        }
        assert!(self.gpus(machine).iter().all(|free| *free <= devices::WHOLE), "whole at most");
        self.tenants[index].go(request);
        self.has_changed(machine);
    }

    /// Takes some of what is free, of GPUs none by name: it is offered to somebody.
    ///
    /// # Panics
    /// When there is less.
    pub fn hold(&mut self, machine: MachineId, amounts: &Amounts) {
        self.free[machine as usize].subtract(amounts);
        self.has_changed(machine);
    }

    /// Gives back what was held.
    pub fn release(&mut self, machine: MachineId, amounts: &Amounts) {
        self.free[machine as usize].add(amounts);
        self.has_changed(machine);
    }

    fn has_changed(&mut self, machine: MachineId) {
        let version = &mut self.version[machine as usize];
        *version = version.wrapping_add(1);
        if self.changed.len() >= REMEMBERED * self.len() {
            self.forgotten += self.changed.len();
            self.changed.clear();
        }
        self.changed.push(machine);
    }

    /// How often anything has changed so far.
    pub fn change_count(&self) -> usize {
        self.forgotten + self.changed.len()
    }

    /// Which machines changed after so many changes, some perhaps more than once; `None` when that
    /// is forgotten.
    pub fn changes(&self, since: usize) -> Option<&[MachineId]> {
        self.changed.get(since.checked_sub(self.forgotten)?..)
    }

    /// All of one resource that the cell has.
    pub fn capacity(&self, name: &ResourceName) -> u128 {
        self.total.iter().map(|total| total.get(name)).sum()
    }
}

impl Tenants {
    /// Whether a task may come as well.
    fn admit(&self, request: &Request) -> bool {
        !self.is_closed
            && request.rules.as_ref().is_none_or(|rules| {
                let has_room = |(most, peers): (NonZeroU32, Peers)| {
                    self.peers.get(&peers).is_none_or(|there| *there < most.get())
                };
                (!rules.exclusive || self.tasks == 0) && rules.per_machine.is_none_or(has_room)
            })
    }

    fn come(&mut self, request: &Request) {
        self.tasks += 1;
        let Some(rules) = &request.rules else { return };
        self.is_closed = rules.exclusive;
        if let Some((_, peers)) = rules.per_machine {
            *self.peers.entry(peers).or_default() += 1;
        }
    }

    fn go(&mut self, request: &Request) {
        self.tasks = self.tasks.checked_sub(1).expect("it came");
        let Some(rules) = &request.rules else { return };
        self.is_closed &= !rules.exclusive;
        if let Some((_, peers)) = rules.per_machine {
            let there = self.peers.get_mut(&peers).expect("it came");
            *there -= 1;
            if *there == 0 {
                self.peers.remove(&peers);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn amounts(list: &[(ResourceName, u128)]) -> Amounts {
        let mut amounts = Amounts::new();
        list.iter().for_each(|(name, milli)| amounts.set(name, *milli));
        amounts
    }

    #[test]
    fn what_is_taken_comes_back() {
        let total = amounts(&[(ResourceName::CPUS, 8_000), (ResourceName::GPUS, 2_000)]);
        let mut cell = Cell::new([Machine { total: total.clone(), ..Machine::default() }]);
        let half = Request::new(amounts(&[(ResourceName::GPUS, 500)])).unwrap();
        let whole = Request::new(amounts(&[(ResourceName::GPUS, 1_000)])).unwrap();
        let taken = cell.take(0, &half, Some(1));
        assert_eq!(taken, Taken::Part(1, 500));
        assert_eq!(cell.candidate(0).gpus, [1_000, 500]);
        let both = cell.take(0, &whole, None);
        assert_eq!(both, Taken::Whole(vec![0]));
        assert!(!cell.fits(0, &whole) && cell.could_fit(0, &whole));
        assert_eq!((cell.candidate(0).kinds.count(), cell.version(0)), (2, 2));
        assert_eq!(cell.changes(1), Some([0].as_slice()));
        cell.give_back(0, &half, &taken);
        cell.give_back(0, &whole, &both);
        assert_eq!((cell.free(0), cell.candidate(0).gpus), (&total, [1_000, 1_000].as_slice()));
    }

    #[test]
    fn a_model_is_told_from_others() {
        let total = amounts(&[(ResourceName::GPUS, 1_000)]);
        let model = Models::one(3);
        let cell = Cell::new([Machine { total, model, ..Machine::default() }]);
        let shape = amounts(&[(ResourceName::GPUS, 1_000)]);
        let mut request = Request::new(shape).unwrap();
        assert!(cell.fits(0, &request), "any");
        request.models = Models::one(2);
        assert!(!cell.fits(0, &request) && !cell.could_fit(0, &request));
        request.models = Models::one(2).with(Models::one(3));
        assert!(cell.fits(0, &request));
    }

    #[test]
    fn rules_are_kept() {
        let name = |index| NameId::from_index(index).unwrap();
        let machine = |properties: &[usize]| Machine {
            total: amounts(&[(ResourceName::CPUS, 8_000)]),
            properties: properties.iter().map(|index| name(*index)).collect(),
            ..Machine::default()
        };
        let mut cell = Cell::new([machine(&[0, 1]), machine(&[0])]);
        let plain = Request::new(amounts(&[(ResourceName::CPUS, 1_000)])).unwrap();
        let ruled = |rules| Request { rules: Some(Box::new(rules)), ..plain.clone() };
        let fits = |cell: &Cell, request: &Request| [0, 1].map(|it| cell.fits(it, request));
        let wants = ruled(Rules { wanted: [name(0), name(1)].into(), ..Rules::default() });
        assert_eq!(fits(&cell, &wants), [true, false]);
        let avoids = ruled(Rules { unwanted: [name(1)].into(), ..Rules::default() });
        assert_eq!(fits(&cell, &avoids), [false, true]);
        assert!(!cell.could_fit(0, &avoids) && cell.could_fit(1, &avoids));
        // Who wants a machine for itself needs an empty one, and nobody follows.
        let alone = ruled(Rules { exclusive: true, ..Rules::default() });
        cell.take(0, &plain, None);
        assert_eq!(fits(&cell, &alone), [false, true]);
        cell.take(1, &alone, None);
        assert_eq!(fits(&cell, &plain), [true, false]);
        cell.give_back(1, &alone, &Taken::Nothing);
        assert_eq!(fits(&cell, &plain), [true, true]);
        // One of a group on each machine; others do not count.
        let one = NonZeroU32::MIN;
        let apart = ruled(Rules { per_machine: Some((one, Peers::Job(7))), ..Rules::default() });
        cell.take(0, &apart, None);
        assert_eq!(fits(&cell, &apart), [false, true]);
        cell.give_back(0, &apart, &Taken::Nothing);
        assert_eq!(fits(&cell, &apart), [true, true]);
    }

    #[test]
    #[should_panic(expected = "has room")]
    fn what_does_not_fit_is_not_taken() {
        let mut cell = Cell::new([Machine::default()]);
        let request = Request::new(amounts(&[(ResourceName::CPUS, 1)])).unwrap();
        cell.take(0, &request, None);
    }
}
