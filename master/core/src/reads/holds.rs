//! What frameworks are charged for offers that they kept, as messages.

use crate::allocator::{Holds, holds::HoldCharge};
use proto::{
    model::{Duration, FrameworkId, Instant},
    wire::v1,
};

/// Of everybody who is charged anything, where offers usually last for `usual`.
pub(crate) fn hold_charges(
    holds: &Holds,
    usual: Option<Duration>,
    now: Instant,
) -> impl Iterator<Item = (FrameworkId, v1::HoldCharge)> {
    let message = move |charge: HoldCharge| v1::HoldCharge {
        behind_ms: charge.behind.as_ms(),
        lapses: charge.lapses,
        offers_last_ms: usual.map(|usual| charge.timeout(usual).as_ms()),
    };
    holds.iter(now).map(move |(framework, charge)| (framework, message(charge)))
}
