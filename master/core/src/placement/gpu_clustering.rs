//! GPU clustering: tasks that ask for GPUs alike run on the same agents, as in "Gandiva" (Xiao et
//! al., OSDI'18, section 3.4), with the scores by which the FGD study (Weng et al., ATC'23)
//! compares it: best an agent that runs this kind alone, then one that runs it among others, then
//! one that runs none, then one that runs only others; among alike the one whose GPUs are fullest.
//!
//! Tasks without GPUs have no preference, so that the order of agents decides.

use super::{
    Candidate, Placement, Score,
    devices::{self, Ask, WHOLE},
};
use crate::allocator::Amounts;
use proto::model::ResourceName;

/// The largest agent has so many GPUs; more count as if there were no more.
const MOST: u64 = 8 * WHOLE;

/// GPU clustering.
#[derive(Debug, Clone, Copy)]
pub struct GpuClustering;

impl Placement for GpuClustering {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        let ask =
            piece.map_or(Some(Ask::Nothing), |piece| devices::ask(piece.get(&ResourceName::GPUS)));
        let Some(ask @ (Ask::Part(_) | Ask::Whole(_))) = ask else { return Score::ZERO };
        let free = candidate.gpus.iter().sum::<u64>().min(MOST);
        let likeness = match (candidate.kinds.has(ask), candidate.kinds.count()) {
            (true, 1) => 75,
            (true, _) => 50,
            (false, 0) => 25,
            (false, _) => 0,
        };
        Score::whole(i128::from(25 * (MOST - free) / MOST + likeness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::{Kinds, testing::*};

    #[test]
    fn alike_stay_together() {
        let total = amounts(&[("cpus", 8_000), ("gpus", 8_000)]);
        let (part, two) = (Ask::Part(500), Ask::Whole(2));
        let score = |kinds: &[Ask], gpus: &[u64], asked| {
            let kinds = kinds.iter().fold(Kinds::default(), |kinds, kind| kinds.with(*kind));
            let candidate = Candidate { kinds, ..Candidate::new(&total, &total, gpus) };
            GpuClustering.score(&candidate, Some(&amounts(&[("gpus", asked)])))
        };
        assert_eq!(score(&[two], &[0, 0, 1_000, 1_000], 2_000), Score::whole(75 + 18));
        assert_eq!(score(&[two, part], &[0, 0, 1_000, 1_000], 2_000), Score::whole(50 + 18));
        assert_eq!(score(&[], &[1_000; 8], 2_000), Score::whole(25));
        assert_eq!(score(&[part], &[500, 1_000], 2_000), Score::whole(20));
        // One part is like another, whatever its size.
        assert_eq!(score(&[part], &[500, 1_000], 300), Score::whole(75 + 20));
        assert_eq!(score(&[part], &[500, 1_000], 0), Score::ZERO);
        assert_eq!(GpuClustering.score(&Candidate::new(&total, &total, &[]), None), Score::ZERO);
    }
}
