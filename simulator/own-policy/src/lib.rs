//! A placement policy of one's own: the whole of it, to copy and change.
//!
//! It is the masters' own trait, so that what wins in a study can go into a cluster as it is. This
//! one, *leanest*, takes the machine on which what a task asks for is most like what is free there:
//! the smallest angle between the two, seen as vectors. It wants nothing but whole numbers, so that
//! a study has the same result on every machine: the cosine's square, `(a·b)² / (|a|² |b|²)`.

#![forbid(unsafe_code)]

use master_core::{
    allocator::Amounts,
    placement::{Candidate, Placement, Score, TypicalTask},
};
use proto::model::ResourceName;
use study::plan::Policies;

/// Parts of all that a machine has are counted in so many: four of their products stay within 128
/// bits.
const ONE: u128 = 1_000_000;

/// The smallest angle.
#[derive(Debug, Clone, Copy)]
pub struct Leanest;

impl Placement for Leanest {
    fn score(&self, candidate: &Candidate<'_>, piece: Option<&Amounts>) -> Score {
        let asked = piece.unwrap_or(candidate.total);
        let (mut product, mut of_asked, mut of_free) = (0, 0, 0);
        for (name, total) in candidate.total.iter() {
            let (a, b) = (part(asked, name, total), part(candidate.free, name, total));
            product += a * b;
            of_asked += a * a;
            of_free += b * b;
        }
        // Both squares are divided before they meet, so that the fraction stays small.
        let whole = ((of_asked / ONE) * (of_free / ONE)).max(1);
        Score::part(product * product / (ONE * ONE), whole)
    }
}

fn part(amounts: &Amounts, name: &ResourceName, total: u128) -> u128 {
    amounts.get(name).min(total) * ONE / total.max(1)
}

/// The program's policies and this one.
pub fn policies() -> Policies {
    Policies::new().with("leanest", |_seed: u64, _typical: &[TypicalTask]| Box::new(Leanest))
}
