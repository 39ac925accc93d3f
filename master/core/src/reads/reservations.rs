//! Reservations, as they are listed and watched.

use super::listings::{after, page_of, start};
use crate::{
    input::Page,
    ledger::{Ledger, Reservation},
};
use proto::{
    convert::{resources::write_resources, task::write_labels},
    model::{AgentId, Refusal, ReservationId, Role},
    wire::v1,
};

/// A page of reservations, by id; of an agent, and of a role and those below it, when they are
/// named.
pub(super) fn list_reservations(
    ledger: &Ledger,
    page: &Page,
    agent: Option<&AgentId>,
    role: Option<&Role>,
) -> Result<v1::ListReservationsResponse, Refusal> {
    let start = start(after::<ReservationId>(page)?);
    let rows = ledger.reservations().range((start, std::ops::Bound::Unbounded));
    let wanted = |row: &&Reservation| {
        agent.is_none_or(|agent| row.agent == *agent)
            && role.is_none_or(|role| row.role.is_within(role))
    };
    let rows = rows.map(|(_, row)| row).filter(wanted).map(reservation);
    let (reservations, next_page_token) =
        page_of(rows, page, |row: &v1::Reservation| row.reservation_id.clone());
    Ok(v1::ListReservationsResponse { reservations, next_page_token })
}

/// A reservation as it is.
pub(crate) fn reservation(row: &Reservation) -> v1::Reservation {
    v1::Reservation {
        reservation_id: row.id.to_string(),
        agent_id: row.agent.to_string(),
        role: row.role.to_string(),
        owner: row.owner.clone(),
        resources: write_resources(&row.resources),
        labels: write_labels(&row.labels),
        parent_id: row.parent.map(|id| id.to_string()).unwrap_or_default(),
        used: write_resources(&row.taken_of()),
        declared: row.declared,
    }
}
