//! What of an agent is kept for a role: a row with an id, not a mark on each resource.
//!
//! ```text
//! agent a1   cpus:8  ─┬─ unreserved            cpus:2
//!                     ├─ reservation-1 eng     cpus:3   (what its refinement has left of 4)
//!                     │    └─ reservation-2 eng/search  cpus:1   refines reservation-1
//!                     └─ reservation-3 ops     cpus:2
//! ```
//!
//! Pools are disjoint. A task takes from the unreserved rest, from reservations of its role or of
//! roles above it, or from several of these.

use super::{
    ids::{AgentId, IdError, canonical_number},
    resources::Resources,
    role::Role,
};
use std::{fmt, str::FromStr};

/// Given by the ledger: `reservation-` and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationId(pub u64);

/// Which reservation: one that exists, or one that an earlier operation of the same accept makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationRef {
    /// One that exists.
    Known(ReservationId),
    /// The one that this operation makes, counted from 0.
    Made(u32),
}

/// A part of a bag of resources that is taken from a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservedPart {
    /// From which.
    pub from: ReservationRef,
    /// What; not empty.
    pub resources: Resources,
}

/// What is to be kept for a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationPlan {
    /// Of which agent.
    pub agent: AgentId,
    /// For which role and the roles below it; not `*`.
    pub role: Role,
    /// What; not empty.
    pub resources: Resources,
    /// Keys and values, shown and not interpreted.
    pub labels: Vec<(String, String)>,
    /// Out of which reservation, of a role above, instead of what is unreserved: a refinement.
    pub parent: Option<ReservationRef>,
}

/// What an agent declares to be reserved of it, for as long as it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredReservation {
    /// For which role and the roles below it; not `*`.
    pub role: Role,
    /// What; not empty.
    pub resources: Resources,
    /// Keys and values, shown and not interpreted.
    pub labels: Vec<(String, String)>,
}

/// Resources are to be kept for a role no longer: what a refinement had goes back to its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreserve {
    /// Of which reservation.
    pub reservation: ReservationRef,
    /// What; `None` is all of it.
    pub resources: Option<Resources>,
}

impl fmt::Display for ReservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reservation-{}", self.0)
    }
}

impl FromStr for ReservationId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix("reservation-")
            .and_then(canonical_number)
            .map(ReservationId)
            .ok_or(IdError::Form { form: "reservation-NUMBER" })
    }
}

impl fmt::Display for ReservationRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReservationRef::Known(id) => id.fmt(f),
            ReservationRef::Made(operation) => {
                write!(f, "the reservation of operation {operation}")
            }
        }
    }
}
