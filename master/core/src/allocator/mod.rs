//! Room 4: who is offered what. A pure function of what is free ([`View`]) and what is wanted
//! ([`Demand`]) to a [`Plan`]; it cannot change anything.
//!
//! View and demand log what changed, an allocator remembers how far it has read, so that a plan
//! costs in proportion to what happened since the one before. View, demand and allocator begin
//! together, with a leader's term.

pub mod amounts;
pub mod bundle;
pub mod changes;
mod changing;
pub mod charge;
pub mod claims;
pub mod compare;
pub mod demand;
pub mod drf;
pub mod explain;
pub mod filters;
mod gangs;
mod gathering;
mod grants;
mod headroom;
pub mod holds;
mod leftover;
pub(crate) mod lending;
mod lent;
mod order;
pub mod places;
mod placing;
mod quota;
pub mod reserved;
pub mod room;
mod scope;
pub mod seen;
pub mod share;
mod sparse;
pub mod spread;
pub mod stated;
pub mod tree;
pub mod usage;
pub mod view;
pub mod wanted;

pub use amounts::Amounts;
pub use bundle::Bundle;
pub use charge::Charge;
pub use claims::{Claim, Claims};
pub use demand::Demand;
pub use drf::Drf;
pub use explain::{Explanation, Why};
pub use holds::Holds;
pub use places::{Place, PlaceSet};
pub use reserved::{Reserved, ReservedOffer};
pub use seen::Seen;
pub use share::Share;
pub use tree::Tree;
pub use view::View;

use crate::placement;
use proto::model::{AgentId, DemandId, FrameworkId, Instant, Milli, ResourceName, Role};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Offers with less of both cpus and memory are not worth making: Mesos' default for
/// `min_allocatable_resources`, "cpus:0.01|mem:32" (`MIN_CPUS` in its `src/master/constants.hpp`).
pub const CPUS_MIN: Milli = Milli(10);

/// See [`CPUS_MIN`]; 32 MiB (`MIN_MEM` there).
pub const MEM_MIN: Milli = Milli(32_000);

/// A policy of who gets what.
pub trait Allocator: fmt::Debug {
    /// Plans offers for what is free. The caller carries the plan out: it holds each planned
    /// offer's resources in the view before the next plan.
    fn plan(&mut self, now: Instant, view: &View, demand: &Demand) -> Plan;
}

/// What to offer, and why others get nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The offers, in the order in which they were decided.
    pub offers: Vec<PlannedOffer>,
    /// Why.
    pub explanation: Explanation,
}

/// What the masters' configuration says: how shares are counted, and how roles are placed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fairness {
    /// What roles weigh of which the ledger says nothing; others weigh 1.
    pub weights: BTreeMap<Role, Milli>,
    /// Resources that do not count.
    pub unshared: BTreeSet<ResourceName>,
    /// How roles are placed of which the ledger says nothing.
    pub placement: placement::Defaults,
}

/// One offer to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedOffer {
    /// To whom.
    pub framework: FrameworkId,
    /// On whose share.
    pub role: Role,
    /// Of whom.
    pub agent: AgentId,
    /// Where that agent stands in the view.
    pub place: Place,
    /// All that the framework may have there.
    pub resources: Bundle,
    /// For whom has said what it wants: so many pieces of which entries this is.
    pub pieces: Vec<(DemandId, u32)>,
    /// It may hold what is kept for others: what runs on it is revocable.
    pub revocable: bool,
}

/// A framework in one of its roles: who bids for resources.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bidder {
    /// Which framework.
    pub framework: FrameworkId,
    /// In which role.
    pub role: Role,
}

impl PlannedOffer {
    /// To whom, in which role.
    pub fn bidder(&self) -> Bidder {
        Bidder { framework: self.framework, role: self.role.clone() }
    }

    /// More of the same agent for the same bidder.
    fn extend(&mut self, resources: &Bundle, pieces: Vec<(DemandId, u32)>) {
        let sum = self.resources.checked_add(resources);
        self.resources = Bundle::new(sum.expect("A2: nothing is given twice"));
        for (demand, count) in pieces {
            match self.pieces.iter_mut().find(|(known, _)| *known == demand) {
                Some((_, known)) => *known += count,
                None => self.pieces.push((demand, count)),
            }
        }
    }
}

impl fmt::Display for Bidder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.framework, self.role)
    }
}
