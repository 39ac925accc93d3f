//! Fragmentation gradient descent: "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with
//! Fragmentation Gradient Descent" (Weng et al., USENIX ATC'23, section 4).
//!
//! How fragmented an agent is, is what of its free GPUs a typical task could not use, expected over
//! typical tasks: `F = Σ p(m) · lost(m)`, where `lost(m)` is
//!
//! - all that is free on its GPUs, when task m needs no GPU, or cannot run there at all;
//! - otherwise what is free on those GPUs that have less left than m needs of one.
//!
//! A piece goes where F grows least (or falls most): the score is `F before − F after`; a part of a
//! GPU goes to the one by which F grows least. p(m) are counts ([`super::Typical`]), so that
//! everything is a whole number; the paper's sigmoid, which keeps the order, is left out, and with
//! it the ties that come of rounding it.

use super::{
    Candidate, Placement, Score,
    devices::{self, Ask, WHOLE},
};
use crate::allocator::Amounts;
use proto::model::ResourceName;

/// Fragmentation gradient descent.
#[derive(Debug, Clone)]
pub struct Fgd {
    tasks: Vec<TypicalTask>,
}

/// A typical task.
#[derive(Debug, Clone)]
struct TypicalTask {
    /// What it needs beside GPUs.
    rest: Amounts,
    gpus: Ask,
    /// How many there are of it.
    count: u64,
}

impl Fgd {
    /// The policy for typical tasks, each with how many there are of it. One that asks for what no
    /// device can give is left out.
    pub fn new(typical: &[(Amounts, u64)]) -> Self {
        let task = |(shape, count): &(Amounts, u64)| {
            let gpus = devices::ask(shape.get(&ResourceName::GPUS))?;
            let mut rest = shape.clone();
            rest.set(&ResourceName::GPUS, 0);
            Some(TypicalTask { rest, gpus, count: *count })
        };
        Self { tasks: typical.iter().filter_map(task).collect() }
    }

    /// How fragmented an agent with this free is, times all typical tasks: in thousandths of a GPU.
    pub fn fragmentation(&self, free: &Amounts, gpus: &[u64]) -> u128 {
        let all: u64 = gpus.iter().sum();
        if all == 0 {
            return 0;
        }
        let lost = |task: &TypicalTask| {
            let least = match task.gpus {
                Ask::Nothing => return all,
                Ask::Part(part) => part,
                Ask::Whole(_) => WHOLE,
            };
            if devices::fits(gpus, task.gpus) == 0 || !free.contains(&task.rest) {
                return all;
            }
            gpus.iter().filter(|free| **free < least).sum()
        };
        self.tasks.iter().map(|task| u128::from(task.count) * u128::from(lost(task))).sum()
    }

    /// F after a part was taken of one GPU, or whole ones of those that are wholly free.
    fn after(&self, free: &Amounts, gpus: &[u64], ask: Ask) -> Option<(u128, usize)> {
        let mut left = gpus.to_vec();
        match ask {
            Ask::Nothing => Some((self.fragmentation(free, gpus), 0)),
            Ask::Whole(count) => {
                let whole = left.iter_mut().filter(|free| **free >= WHOLE);
                whole.take(count).for_each(|free| *free = 0);
                Some((self.fragmentation(free, &left), 0))
            }
            Ask::Part(part) => {
                let mut least: Option<(u128, usize)> = None;
                for index in 0..gpus.len() {
                    // Of GPUs with equally much left, the first one stands for all.
                    if gpus[index] < part || gpus[..index].contains(&gpus[index]) {
                        continue;
                    }
                    left[index] -= part;
                    let after = self.fragmentation(free, &left);
                    left[index] += part;
                    if least.is_none_or(|(fragmentation, _)| after < fragmentation) {
                        least = Some((after, index));
                    }
                }
                least
            }
        }
    }
}

impl Placement for Fgd {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        let before = self.fragmentation(candidate.free, candidate.gpus);
        let after = match piece {
            None => 0,
            Some(piece) => {
                let ask = devices::ask(piece.get(&ResourceName::GPUS)).unwrap_or(Ask::Nothing);
                let left = without(candidate.free, piece);
                self.after(&left, candidate.gpus, ask).map_or(before, |(after, _)| after)
            }
        };
        let signed = |number: u128| i128::try_from(number).expect("counts times thousandths");
        Score::whole(signed(before) - signed(after))
    }

    fn gpu(&self, candidate: &Candidate<'_>, piece: &Amounts, part: u64) -> Option<usize> {
        let left = without(candidate.free, piece);
        self.after(&left, candidate.gpus, Ask::Part(part)).map(|(_, index)| index)
    }
}

/// What is left of everything; nothing where less was there.
fn without(free: &Amounts, piece: &Amounts) -> Amounts {
    let mut left = free.clone();
    for (name, milli) in piece.iter() {
        left.set(name, free.get(name).saturating_sub(milli));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::{Spread, best, testing::*};

    /// Two thirds of all tasks want half a GPU, one third a whole one; all want two CPUs.
    fn typical() -> Vec<(Amounts, u64)> {
        vec![
            (amounts(&[("cpus", 2_000), ("gpus", 500)]), 2),
            (amounts(&[("cpus", 2_000), ("gpus", 1_000)]), 1),
        ]
    }

    #[test]
    fn fragmentation_is_what_typical_tasks_cannot_use() {
        let fgd = Fgd::new(&typical());
        let cpus = amounts(&[("cpus", 8_000)]);
        // A half task can use all of 500 and 1000; a whole one all but the 500.
        assert_eq!(fgd.fragmentation(&cpus, &[500, 1_000]), 500);
        // 300 is of no use to the half, which may use the 1000.
        assert_eq!(fgd.fragmentation(&cpus, &[300, 1_000]), 2 * 300 + 300);
        // Nobody can use 300 and 400: all is lost to all three.
        assert_eq!(fgd.fragmentation(&cpus, &[300, 400]), 3 * 700);
        // Without CPUs nobody can run.
        assert_eq!(fgd.fragmentation(&amounts(&[("cpus", 1_000)]), &[1_000]), 3 * 1_000);
        assert_eq!(fgd.fragmentation(&cpus, &[0, 0]), 0);
        // To a task without GPUs all free GPUs are lost.
        let plain = Fgd::new(&[(amounts(&[("cpus", 1_000)]), 1)]);
        assert_eq!(plain.fragmentation(&cpus, &[500, 1_000]), 1_500);
        assert_eq!(Fgd::new(&[]).fragmentation(&cpus, &[1_000]), 0);
    }

    #[test]
    fn a_half_goes_to_the_gpu_that_was_begun() {
        let fgd = Fgd::new(&typical());
        let total = amounts(&[("cpus", 8_000), ("gpus", 2_000)]);
        let free = amounts(&[("cpus", 8_000), ("gpus", 1_500)]);
        let candidate = Candidate { total: &total, free: &free, gpus: &[1_000, 500] };
        let half = amounts(&[("cpus", 2_000), ("gpus", 500)]);
        assert_eq!(fgd.gpu(&candidate, &half, 500), Some(1));
        // 500 were lost to the whole task before, nothing is afterwards.
        assert_eq!(fgd.score(&candidate, Some(&half)), Score::whole(500));
        assert_eq!(fgd.gpu(&candidate, &half, 1_001), None);
    }

    #[test]
    fn what_spreading_strands_is_kept_whole() {
        let total = amounts(&[("cpus", 8_000), ("gpus", 1_000)]);
        let (full, half) = (amounts(&[("cpus", 8_000)]), amounts(&[("cpus", 6_000)]));
        let piece = amounts(&[("cpus", 2_000), ("gpus", 500)]);
        let candidates = [
            Candidate { total: &total, free: &full, gpus: &[1_000] },
            Candidate { total: &total, free: &half, gpus: &[500] },
        ];
        assert_eq!(best(&mut Spread, &candidates, Some(&piece)), Some(0));
        assert_eq!(best(&mut Fgd::new(&typical()), &candidates, Some(&piece)), Some(1));
    }

    #[test]
    fn without_gpus_it_keeps_cpus_for_those_who_have_gpus() {
        // A CPU task goes to the agent whose GPUs are in use rather than to one with free GPUs.
        let total = amounts(&[("cpus", 4_000), ("gpus", 1_000)]);
        let free = amounts(&[("cpus", 2_000)]);
        let candidates = [
            Candidate { total: &total, free: &free, gpus: &[1_000] },
            Candidate { total: &total, free: &free, gpus: &[0] },
        ];
        let piece = amounts(&[("cpus", 1_000)]);
        assert_eq!(best(&mut Fgd::new(&typical()), &candidates, Some(&piece)), Some(1));
    }
}
