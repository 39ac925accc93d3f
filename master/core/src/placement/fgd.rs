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
//! everything is a whole number. The paper's logistic function keeps the order and is left out,
//! and with it the ties that come of rounding it, unless scores in percent are asked for.

use super::{
    Candidate, Placement, Resolution, Score,
    devices::{self, Ask, Models, WHOLE},
};
use crate::allocator::Amounts;
use proto::model::ResourceName;
use std::collections::BTreeMap;

/// Fragmentation gradient descent.
#[derive(Debug, Clone)]
pub struct Fgd {
    /// Typical tasks that need GPUs, by how much they need of one.
    groups: Vec<Group>,
    /// How many need none.
    plain: u128,
    /// All typical tasks.
    count: u128,
    resolution: Resolution,
}

/// A typical task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypicalTask {
    /// What it needs; GPUs count by [`devices::ask`].
    pub shape: Amounts,
    /// Which models of GPUs it can use.
    pub models: Models,
    /// How many there are of it.
    pub count: u64,
}

/// Typical tasks that need as much of one GPU, so that what they lose is summed once.
#[derive(Debug, Clone)]
struct Group {
    /// What they need of each GPU.
    least: u64,
    tasks: Vec<Typical>,
}

#[derive(Debug, Clone)]
struct Typical {
    /// What it needs beside GPUs.
    rest: Amounts,
    /// How many GPUs.
    gpus: usize,
    models: Models,
    count: u128,
}

impl Fgd {
    /// The policy for typical tasks, each with how many there are of it. One that asks for what no
    /// device can give is left out.
    pub fn new(typical: &[(Amounts, u64)]) -> Self {
        let task = |(shape, count): &(Amounts, u64)| TypicalTask {
            shape: shape.clone(),
            models: Models::ANY,
            count: *count,
        };
        let typical: Vec<_> = typical.iter().map(task).collect();
        Self::with_models(&typical, Resolution::Exact)
    }

    /// The same for tasks that tell models of GPUs apart.
    pub fn with_models(typical: &[TypicalTask], resolution: Resolution) -> Self {
        let (mut groups, mut plain, mut count) = (BTreeMap::<_, Vec<_>>::new(), 0, 0);
        for task in typical {
            let (gpus, least) = match devices::ask(task.shape.get(&ResourceName::GPUS)) {
                None => continue,
                Some(Ask::Nothing) => (0, 0),
                Some(Ask::Part(part)) => (1, part),
                Some(Ask::Whole(gpus)) => (gpus, WHOLE),
            };
            let task_count = u128::from(task.count);
            count += task_count;
            if gpus == 0 {
                plain += task_count;
                continue;
            }
            let mut rest = task.shape.clone();
            rest.set(&ResourceName::GPUS, 0);
            let task = Typical { rest, gpus, models: task.models, count: task_count };
            groups.entry(least).or_default().push(task);
        }
        let groups = groups.into_iter().map(|(least, tasks)| Group { least, tasks }).collect();
        Self { groups, plain, count, resolution }
    }

    /// How many typical tasks there are, all together.
    pub fn count(&self) -> u128 {
        self.count
    }

    /// How fragmented an agent is, times all typical tasks: in thousandths of a GPU.
    pub fn fragmentation(&self, candidate: &Candidate<'_>) -> u128 {
        self.lost(candidate.model, candidate.free, candidate.gpus)
    }

    fn lost(&self, model: Models, free: &Amounts, gpus: &[u64]) -> u128 {
        let all: u64 = gpus.iter().sum();
        if all == 0 {
            return 0;
        }
        let of_group = |group: &Group| {
            let fitting = gpus.iter().filter(|free| **free >= group.least);
            let (count, useful) =
                fitting.fold((0, 0), |(count, sum), free| (count + 1, sum + free));
            let lost = |task: &Typical| {
                let runs =
                    task.gpus <= count && model.is_among(task.models) && free.contains(&task.rest);
                task.count * u128::from(if runs { all - useful } else { all })
            };
            group.tasks.iter().map(lost).sum::<u128>()
        };
        let of_groups: u128 = self.groups.iter().map(of_group).sum();
        self.plain * u128::from(all) + of_groups
    }

    /// By how much F falls when GPUs are taken: of a part, of the one whose score is highest, of
    /// equals the first. `None` when they are not there.
    fn taken(&self, candidate: &Candidate<'_>, left: &Amounts, ask: Ask) -> Option<(Score, usize)> {
        let before = self.fragmentation(candidate);
        let score = |gpus: &[u64]| {
            let fall = signed(before) - signed(self.lost(candidate.model, left, gpus));
            self.resolution.fraction(fall, self.count * u128::from(WHOLE))
        };
        let mut gpus = candidate.gpus.to_vec();
        match ask {
            Ask::Nothing => Some((score(&gpus), 0)),
            Ask::Whole(count) => {
                let whole = gpus.iter_mut().filter(|free| **free >= WHOLE);
                whole.take(count).for_each(|free| *free = 0);
                Some((score(&gpus), 0))
            }
            Ask::Part(part) => {
                let mut best: Option<(Score, usize)> = None;
                for index in 0..gpus.len() {
                    // Of GPUs with equally much left, the first one stands for all.
                    let free = gpus[index];
                    if free < part || candidate.gpus[..index].contains(&free) {
                        continue;
                    }
                    gpus[index] -= part;
                    let score = score(&gpus);
                    gpus[index] = free;
                    if best.is_none_or(|(highest, _)| score > highest) {
                        best = Some((score, index));
                    }
                }
                best
            }
        }
    }
}

impl Placement for Fgd {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        let Some(piece) = piece else {
            let before = signed(self.fragmentation(candidate));
            return self.resolution.fraction(before, self.count * u128::from(WHOLE));
        };
        let ask = devices::ask(piece.get(&ResourceName::GPUS)).unwrap_or(Ask::Nothing);
        let left = without(candidate.free, piece);
        self.taken(candidate, &left, ask).map_or(Score::ZERO, |(score, _)| score)
    }

    fn gpu(&self, candidate: &Candidate<'_>, piece: &Amounts, part: u64) -> Option<usize> {
        let left = without(candidate.free, piece);
        self.taken(candidate, &left, Ask::Part(part)).map(|(_, index)| index)
    }
}

fn signed(thousandths: u128) -> i128 {
    i128::try_from(thousandths).expect("counts times thousandths")
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

    fn fragmentation(fgd: &Fgd, free: &Amounts, gpus: &[u64]) -> u128 {
        fgd.fragmentation(&Candidate::new(free, free, gpus))
    }

    #[test]
    fn fragmentation_is_what_typical_tasks_cannot_use() {
        let fgd = Fgd::new(&typical());
        let cpus = amounts(&[("cpus", 8_000)]);
        // A half task can use all of 500 and 1000; a whole one all but the 500.
        assert_eq!(fragmentation(&fgd, &cpus, &[500, 1_000]), 500);
        // 300 is of no use to the half, which may use the 1000.
        assert_eq!(fragmentation(&fgd, &cpus, &[300, 1_000]), 2 * 300 + 300);
        // Nobody can use 300 and 400: all is lost to all three.
        assert_eq!(fragmentation(&fgd, &cpus, &[300, 400]), 3 * 700);
        // Without CPUs nobody can run.
        assert_eq!(fragmentation(&fgd, &amounts(&[("cpus", 1_000)]), &[1_000]), 3 * 1_000);
        assert_eq!(fragmentation(&fgd, &cpus, &[0, 0]), 0);
        // To a task without GPUs all free GPUs are lost.
        let plain = Fgd::new(&[(amounts(&[("cpus", 1_000)]), 1)]);
        assert_eq!(fragmentation(&plain, &cpus, &[500, 1_000]), 1_500);
        assert_eq!(fragmentation(&Fgd::new(&[]), &cpus, &[1_000]), 0);
    }

    #[test]
    fn a_half_goes_to_the_gpu_that_was_begun() {
        let fgd = Fgd::new(&typical());
        let total = amounts(&[("cpus", 8_000), ("gpus", 2_000)]);
        let free = amounts(&[("cpus", 8_000), ("gpus", 1_500)]);
        let candidate = Candidate::new(&total, &free, &[1_000, 500]);
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
        let candidates =
            [Candidate::new(&total, &full, &[1_000]), Candidate::new(&total, &half, &[500])];
        assert_eq!(best(&mut Spread, &candidates, Some(&piece)), Some(0));
        assert_eq!(best(&mut Fgd::new(&typical()), &candidates, Some(&piece)), Some(1));
    }

    #[test]
    fn without_gpus_it_keeps_cpus_for_those_who_have_gpus() {
        // A CPU task goes to the agent whose GPUs are in use rather than to one with free GPUs.
        let total = amounts(&[("cpus", 4_000), ("gpus", 1_000)]);
        let free = amounts(&[("cpus", 2_000)]);
        let candidates =
            [Candidate::new(&total, &free, &[1_000]), Candidate::new(&total, &free, &[0])];
        let piece = amounts(&[("cpus", 1_000)]);
        assert_eq!(best(&mut Fgd::new(&typical()), &candidates, Some(&piece)), Some(1));
    }
}
