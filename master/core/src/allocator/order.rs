//! Whose turn it is at an agent.
//!
//! In the order of the tree, with three exceptions: what is kept for somebody goes to them before
//! anybody is asked; who is owed something that is not here comes after the others; and who stands
//! behind, for having kept offers without using them, comes after all of these. None of this
//! decides who may have something, only who is asked first.

use super::{
    Place,
    drf::{Round, count},
    grants::{Grant, NoGrant},
    tree::{NodeIndex, Served, Whom},
};
use std::{collections::BTreeSet, mem};

/// Whether somebody eligible comes after others, whatever the order: the least is served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Later(
    /// It stands behind for what it kept.
    bool,
    /// It is owed something that is not here.
    bool,
);

const NOW: Later = Later(false, false);

impl Round<'_> {
    /// The first bidder for a place, of all, or of those for whom something has changed.
    pub(super) fn first_at(
        &mut self,
        place: Place,
        anybody: bool,
        reopened: Option<&BTreeSet<NodeIndex>>,
    ) -> Option<Grant> {
        self.first_kept(place).or_else(|| match anybody {
            true => self.first(place, Whom::All),
            false => self.first_of_new(place, reopened),
        })
    }

    /// The first bidder of those for whom something is kept there. Nobody else could have that, so
    /// that nobody else needs to be asked.
    fn first_kept(&self, place: Place) -> Option<Grant> {
        let filters = self.demand.filters().of_agent(place);
        self.headroom.kept_for(place).find_map(|whose| {
            let mut last = None;
            let first = self.tree.first_in(whose, |leaf, bidder| {
                let grant = self.grant(place, leaf, bidder, filters).ok();
                let grant = grant.filter(|grant| grant.served == Served::Here)?;
                match self.demand.is_behind(bidder, self.now) {
                    true => {
                        last.get_or_insert(grant);
                        None
                    }
                    false => Some(grant),
                }
            });
            first.or(last)
        })
    }

    /// The first bidder in order that is eligible. One that is owed something that is not here
    /// comes after all others: being owed something elsewhere is no reason to be first here. After
    /// these come those who stand behind for what they kept.
    fn first(&mut self, place: Place, whom: Whom) -> Option<Grant> {
        let filters = self.demand.filters().of_agent(place);
        let mut passed_over = mem::take(&mut self.tables.passed_over);
        let (mut bound, mut last): (_, Option<(Later, Grant)>) = (Vec::new(), None);
        let first = self.tree.first(whom, |leaf, bidder| {
            match self.grant(place, leaf, bidder, filters) {
                Ok(grant) => match self.later(&grant) {
                    NOW => return Some(grant),
                    later if last.as_ref().is_none_or(|(other, _)| later < *other) => {
                        last = Some((later, grant));
                    }
                    _ => {}
                },
                Err(NoGrant::Filtered) => count(&mut passed_over, leaf),
                Err(NoGrant::Bound) => bound.push(leaf),
                Err(NoGrant::NotWanted) => {}
            }
            None
        });
        self.tables.passed_over = passed_over;
        bound.into_iter().for_each(|leaf| self.tree.note_bound(leaf));
        first.or(last.map(|(_, grant)| grant))
    }

    fn later(&self, grant: &Grant) -> Later {
        Later(self.demand.is_behind(grant.bidder, self.now), grant.served == Served::NotHere)
    }

    /// The first that is eligible of the bidders for whom something has changed.
    fn first_of_new(
        &mut self,
        place: Place,
        reopened: Option<&BTreeSet<NodeIndex>>,
    ) -> Option<Grant> {
        let mut first = self.first(place, Whom::Renewed);
        let filters = self.demand.filters().of_agent(place);
        for leaf in reopened.into_iter().flatten() {
            let Some(bidder) = self.tree.standing(*leaf) else { continue };
            let Ok(grant) = self.grant(place, *leaf, bidder, filters) else { continue };
            let comes_before = |other: &Grant| {
                let behind = |bidder| self.demand.is_behind(bidder, self.now);
                match (behind(bidder), behind(other.bidder)) {
                    (behind, other) if behind != other => other,
                    _ => self.tree.is_before(*leaf, other.leaf),
                }
            };
            if first.as_ref().is_none_or(comes_before) {
                first = Some(grant);
            }
        }
        first
    }
}
