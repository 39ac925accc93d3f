//! GPU packing: a task takes GPUs that are in use before free ones of an agent that is in use, and
//! those before an agent whose GPUs are all free, as in "AntMan" (Xiao et al., OSDI'20), with the
//! scores by which the FGD study (Weng et al., ATC'23) compares it.
//!
//! Tasks without GPUs have no preference, so that the order of agents decides.

use super::{
    Candidate, Placement, Score,
    devices::{self, Ask, WHOLE},
};
use crate::allocator::Amounts;
use proto::model::ResourceName;

/// The best score; half and a third of it bound the other two cases.
const BEST: u64 = 100;

/// GPU packing.
#[derive(Debug, Clone, Copy)]
pub struct GpuPacking;

impl Placement for GpuPacking {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        let asked = piece.and_then(|piece| devices::ask(piece.get(&ResourceName::GPUS)));
        let (count, each) = match asked {
            None | Some(Ask::Nothing) => return Score::ZERO,
            Some(Ask::Part(part)) => (1, part),
            Some(Ask::Whole(count)) => (count, WHOLE),
        };
        let all = candidate.gpus.len() as u64;
        if candidate.gpus.iter().all(|free| *free >= WHOLE) {
            return whole((BEST / 3).saturating_sub(all).max(all));
        }
        let mut fitting: Vec<u64> =
            candidate.gpus.iter().copied().filter(|free| *free >= each).collect();
        fitting.sort_unstable();
        fitting.truncate(count);
        match fitting.iter().filter(|free| **free >= WHOLE).count() as u64 {
            0 => {
                let percent: u64 = fitting.iter().map(|free| free * 100 / WHOLE).sum();
                whole(BEST.saturating_sub(percent / 10).max(BEST / 2))
            }
            unused => whole((BEST / 2).saturating_sub(unused).max(BEST / 3)),
        }
    }
}

fn whole(score: u64) -> Score {
    Score::whole(i128::from(score))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::testing::*;

    #[test]
    fn what_is_in_use_comes_first() {
        let total = amounts(&[("cpus", 8_000), ("gpus", 4_000)]);
        let score = |gpus: &[u64], asked| {
            let candidate = Candidate::new(&total, &total, gpus);
            GpuPacking.score(&candidate, Some(&amounts(&[("gpus", asked)])))
        };
        assert_eq!(score(&[400, 1_000], 300), Score::whole(96), "40 % free of the one in use");
        assert_eq!(score(&[400, 1_000], 500), Score::whole(49), "a free one of an agent in use");
        assert_eq!(score(&[0, 0, 1_000, 1_000], 2_000), Score::whole(48));
        assert_eq!(score(&[1_000; 4], 500), Score::whole(29), "an agent that is free");
        assert_eq!(score(&[1_000; 20], 500), Score::whole(20));
        assert_eq!(score(&[400], 0), Score::ZERO);
        assert_eq!(GpuPacking.score(&Candidate::new(&total, &total, &[400]), None), Score::ZERO);
    }
}
