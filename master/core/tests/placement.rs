//! Placement policies against their definitions, computed slowly with whole numbers of any size.

use master_core::{
    allocator::Amounts,
    placement::{Candidate, DotProduct, Fgd, Pack, Placement, Score, Spread, best},
};
use proptest::{collection, prelude::*};
use proto::model::ResourceName;

/// What one agent has and what is free of it: CPUs, memory, and each of its GPUs.
#[derive(Debug, Clone)]
struct Machine {
    cpus: (u64, u64),
    mem: (u64, u64),
    gpus: Vec<u64>,
}

/// CPUs, memory and GPUs of a piece.
type Shape = (u64, u64, u64);

fn machine() -> impl Strategy<Value = Machine> {
    let amount = || (1_u64..9_000).prop_flat_map(|total| (Just(total), 0..=total));
    let gpus = collection::vec(prop_oneof![Just(1_000), Just(0), 0_u64..=1_000], 0..5);
    (amount(), amount(), gpus).prop_map(|(cpus, mem, gpus)| Machine { cpus, mem, gpus })
}

fn shape() -> impl Strategy<Value = Shape> {
    let gpus = prop_oneof![Just(0_u64), 1_u64..1_000, Just(1_000), Just(2_000)];
    (1_u64..4_000, 0_u64..4_000, gpus)
}

fn amounts(cpus: u64, mem: u64, gpus: u64) -> Amounts {
    let mut sum = Amounts::new();
    for (name, milli) in
        [(ResourceName::CPUS, cpus), (ResourceName::MEM, mem), (ResourceName::GPUS, gpus)]
    {
        sum.set(&name, milli.into());
    }
    sum
}

impl Machine {
    fn total(&self) -> Amounts {
        amounts(self.cpus.0, self.mem.0, 1_000 * self.gpus.len() as u64)
    }

    fn free(&self) -> Amounts {
        amounts(self.cpus.1, self.mem.1, self.gpus.iter().sum())
    }

    /// Every way to take what a piece asks of the GPUs.
    fn ways(&self, asked: u64) -> Vec<Vec<u64>> {
        let mut ways = Vec::new();
        match asked {
            0 => ways.push(self.gpus.clone()),
            1..1_000 => {
                for at in (0..self.gpus.len()).filter(|at| self.gpus[*at] >= asked) {
                    let mut left = self.gpus.clone();
                    left[at] -= asked;
                    ways.push(left);
                }
            }
            _ => {
                let mut left = self.gpus.clone();
                let mut taken = 0;
                for gpu in &mut left {
                    if *gpu == 1_000 && taken < asked {
                        (*gpu, taken) = (0, taken + 1_000);
                    }
                }
                if taken == asked {
                    ways.push(left);
                }
            }
        }
        ways
    }

    fn holds(&self, (cpus, mem, gpus): Shape) -> bool {
        self.cpus.1 >= cpus && self.mem.1 >= mem && !self.ways(gpus).is_empty()
    }

    /// How much of the free GPUs tasks of a shape cannot use.
    fn lost(&self, shape: Shape) -> u64 {
        let all = self.gpus.iter().sum();
        match shape.2 == 0 || !self.holds(shape) {
            true => all,
            false => self.gpus.iter().filter(|free| **free < shape.2.min(1_000)).sum(),
        }
    }

    fn fragmentation(&self, typical: &[(Shape, u64)]) -> i128 {
        typical.iter().map(|(shape, count)| i128::from(self.lost(*shape) * count)).sum()
    }

    /// The least that F can be after a piece was taken.
    fn after(&self, piece: Shape, typical: &[(Shape, u64)]) -> i128 {
        let left = |gpus| Machine {
            cpus: (self.cpus.0, self.cpus.1 - piece.0),
            mem: (self.mem.0, self.mem.1 - piece.1),
            gpus,
        };
        let ways = self.ways(piece.2).into_iter().map(|gpus| left(gpus).fragmentation(typical));
        ways.min().expect("the piece fits")
    }

    /// What is left of the dominant resource: part and total.
    fn slack(&self, piece: Shape) -> (u64, u64) {
        let gpus = 1_000 * self.gpus.len() as u64;
        let free: u64 = self.gpus.iter().sum();
        let list = [(piece.0, self.cpus), (piece.2, (gpus, free)), (piece.1, self.mem)];
        let asked = list.into_iter().filter(|(asked, _)| *asked > 0);
        // By name, and of equal parts the first: `max_by` would take the last.
        let dominant = asked.reduce(|most, other| {
            let is_more = other.0 * most.1.0 > most.0 * other.1.0;
            if is_more { other } else { most }
        });
        let (asked, (total, free)) = dominant.expect("a piece asks for CPUs");
        (free - asked, total)
    }

    fn alignment(&self, piece: Shape) -> i128 {
        let gpus = (1_000 * self.gpus.len() as u64, self.gpus.iter().sum());
        let list = [(piece.0, self.cpus), (piece.1, self.mem), (piece.2, gpus)];
        let unit = 1_000_000_000_i128;
        let part = |amount: u64, total: u64| i128::from(amount) * unit / i128::from(total.max(1));
        list.iter().map(|(asked, (total, free))| part(*asked, *total) * part(*free, *total)).sum()
    }
}

/// The first of the best, by a comparison of any two.
fn first_best<T>(list: &[T], better: impl Fn(&T, &T) -> bool) -> Option<usize> {
    (0..list.len()).find(|at| {
        let this = &list[*at];
        let earlier = list[..*at].iter().all(|other| better(this, other));
        earlier && list[at + 1..].iter().all(|other| !better(other, this))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn policies_choose_what_their_definitions_say(
        machines in collection::vec(machine(), 0..8),
        piece in shape(),
        typical in collection::vec((shape(), 1_u64..50), 0..6),
    ) {
        let machines: Vec<_> = machines.into_iter().filter(|it| it.holds(piece)).collect();
        let owned: Vec<_> = machines.iter().map(|it| (it.total(), it.free())).collect();
        let candidates: Vec<_> = machines
            .iter()
            .zip(&owned)
            .map(|(machine, (total, free))| Candidate::new(total, free, &machine.gpus))
            .collect();
        let asked = amounts(piece.0, piece.1, piece.2);
        let choose = |policy: &mut dyn Placement| best(policy, &candidates, Some(&asked));

        let slack: Vec<_> = machines.iter().map(|it| it.slack(piece)).collect();
        let more = |a: &(u64, u64), b: &(u64, u64)| a.0 * b.1 > b.0 * a.1;
        prop_assert_eq!(choose(&mut Spread), first_best(&slack, more));
        prop_assert_eq!(choose(&mut Pack), first_best(&slack, |a, b| more(b, a)));

        let alignments: Vec<_> = machines.iter().map(|it| it.alignment(piece)).collect();
        prop_assert_eq!(choose(&mut DotProduct::default()), first_best(&alignments, |a, b| a > b));

        let shapes: Vec<_> = typical
            .iter()
            .map(|((cpus, mem, gpus), count)| (amounts(*cpus, *mem, *gpus), *count))
            .collect();
        let mut fgd = Fgd::new(&shapes);
        let falls: Vec<_> = machines
            .iter()
            .map(|it| it.fragmentation(&typical) - it.after(piece, &typical))
            .collect();
        for (candidate, fall) in candidates.iter().zip(&falls) {
            prop_assert_eq!(fgd.score(candidate, Some(&asked)), Score::whole(*fall));
        }
        prop_assert_eq!(choose(&mut fgd), first_best(&falls, |a, b| a > b));
    }

    #[test]
    fn a_part_goes_to_the_gpu_that_leaves_least_lost(
        machine in machine(),
        piece in (1_u64..2_000, 0_u64..2_000, 1_u64..1_000),
        typical in collection::vec((shape(), 1_u64..50), 1..6),
    ) {
        if !machine.holds(piece) {
            return Ok(());
        }
        let shapes: Vec<_> = typical
            .iter()
            .map(|((cpus, mem, gpus), count)| (amounts(*cpus, *mem, *gpus), *count))
            .collect();
        let (total, free) = (machine.total(), machine.free());
        let candidate = Candidate::new(&total, &free, &machine.gpus);
        let asked = amounts(piece.0, piece.1, piece.2);
        let at = Fgd::new(&shapes).gpu(&candidate, &asked, piece.2).expect("it fits");
        let mut chosen = machine.clone();
        (chosen.cpus.1, chosen.mem.1) = (machine.cpus.1 - piece.0, machine.mem.1 - piece.1);
        chosen.gpus[at] -= piece.2;
        prop_assert_eq!(chosen.fragmentation(&typical), machine.after(piece, &typical));
        let fullest = Pack.gpu(&candidate, &asked, piece.2).expect("it fits");
        let fitting = machine.gpus.iter().filter(|free| **free >= piece.2);
        prop_assert_eq!(Some(&machine.gpus[fullest]), fitting.min());
    }
}
