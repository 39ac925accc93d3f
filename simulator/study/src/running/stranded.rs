//! What is free and good for nothing: of all that a study may ask for, the smallest requests. What
//! has room for none of them has room for no other one either.

use crate::cell::{Cell, MachineId, Request, RequestId, Requests};
use std::cell::OnceCell;

/// The smallest requests, worked out when somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Smallest(OnceCell<Vec<RequestId>>);

impl Smallest {
    /// Whether a machine has room for any request.
    pub(crate) fn fits(&self, cell: &Cell, requests: &Requests, machine: MachineId) -> bool {
        let smallest = self.0.get_or_init(|| smallest(requests));
        smallest.iter().any(|number| cell.fits(machine, requests.get(*number)))
    }
}

/// Those that no other one is below in everything.
fn smallest(requests: &Requests) -> Vec<RequestId> {
    let mut least: Vec<RequestId> = Vec::new();
    for number in 0..RequestId::try_from(requests.len()).expect("requests are numbered") {
        let request = requests.get(number);
        if least.iter().any(|other| is_below(requests.get(*other), request)) {
            continue;
        }
        least.retain(|other| !is_below(request, requests.get(*other)));
        least.push(number);
    }
    least
}

/// Whether one fits wherever the other one does. Of GPUs only those are compared that ask alike.
fn is_below(one: &Request, other: &Request) -> bool {
    let alike = one.ask == other.ask && one.models == other.models && one.rules == other.rules;
    alike && other.shape.contains(&one.shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use master_core::allocator::Amounts;
    use proto::model::ResourceName;
    use simulator::engine::Chance;

    #[test]
    fn a_machine_with_room_for_anything_has_room_for_one_of_the_smallest() {
        for seed in 0..50 {
            let mut chance = Chance::new(seed, 0);
            let mut requests = Requests::new();
            for _ in 0..30 {
                let mut shape = Amounts::new();
                shape.set(&ResourceName::CPUS, chance.between(1, 9).into());
                shape.set(&ResourceName::MEM, chance.between(1, 9).into());
                let gpus = *chance.pick(&[0, 0, 500, 1_000, 2_000]).unwrap();
                shape.set(&ResourceName::GPUS, gpus);
                requests.number(Request::new(shape).unwrap());
            }
            let machines = (0..40).map(|_| {
                let mut total = Amounts::new();
                total.set(&ResourceName::CPUS, chance.between(0, 9).into());
                total.set(&ResourceName::MEM, chance.between(0, 9).into());
                total.set(&ResourceName::GPUS, 1_000 * u128::from(chance.below(3)));
                crate::cell::Machine { total, ..Default::default() }
            });
            let (cell, few) = (Cell::new(machines), Smallest::default());
            for machine in cell.machines() {
                let any = (0..requests.len() as u32).any(|it| cell.fits(machine, requests.get(it)));
                assert_eq!(few.fits(&cell, &requests, machine), any);
            }
            assert!(few.0.get().unwrap().len() < requests.len());
        }
    }
}
