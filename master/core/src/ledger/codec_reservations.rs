//! Reservations in commands and in dumps, to wire and back.

use super::{
    Command, Reservation, ReservationChange,
    codec_commands::{read_id, read_optional_id, required},
};
use proto::convert::{
    reservation::{
        read_move, read_reservation_plan, read_reserved_role, read_unreserve, write_move,
        write_reservation_plan, write_unreserve,
    },
    resources::{read_resources, write_resources},
    task::{read_labels, write_labels},
};
use proto::model::{Milli, Refusal, ReservationId, ReservationRef, Resources};
use proto::wire::{
    log::v1::command::{self as wire, Command as Kind},
    v1 as api,
};

pub(super) fn write_reservation_change(change: &ReservationChange) -> Kind {
    match change {
        ReservationChange::Reserve { plan, owner } => {
            let plan = Some(write_reservation_plan(plan));
            Kind::Reserve(wire::Reserve { plan, owner: owner.clone() })
        }
        ReservationChange::Unreserve(unreserve) => Kind::Unreserve(write_unreserve(unreserve)),
        ReservationChange::Move { reservation, role } => {
            Kind::MoveReservation(write_move(ReservationRef::Known(*reservation), role))
        }
    }
}

pub(super) fn read_reserve(reserve: wire::Reserve) -> Result<Command, Refusal> {
    let plan = read_reservation_plan(required("plan", reserve.plan)?);
    let plan = plan.map_err(|refusal| refusal.under("plan"))?;
    let owner = reserve.owner;
    Ok(Command::ChangeReservations(ReservationChange::Reserve { plan, owner }))
}

pub(super) fn read_given_up(plan: api::UnreservePlan) -> Result<Command, Refusal> {
    Ok(Command::ChangeReservations(ReservationChange::Unreserve(read_unreserve(plan)?)))
}

pub(super) fn read_moved(plan: api::MoveReservationPlan) -> Result<Command, Refusal> {
    match read_move(plan)? {
        (ReservationRef::Known(reservation), role) => {
            Ok(Command::ChangeReservations(ReservationChange::Move { reservation, role }))
        }
        _ => Err(Refusal::invalid("reservation", "is not named by its id")),
    }
}

pub(super) fn write_reservation(row: &Reservation) -> api::Reservation {
    api::Reservation {
        reservation_id: row.id.to_string(),
        agent_id: row.agent.to_string(),
        role: row.role.to_string(),
        owner: row.owner.clone(),
        resources: write_resources(&row.resources),
        labels: write_labels(&row.labels),
        parent_id: row.parent.map(|id| id.to_string()).unwrap_or_default(),
        // Derived.
        used: Vec::new(),
        declared: row.declared,
    }
}

pub(super) fn read_reservation(row: api::Reservation) -> Result<Reservation, Refusal> {
    let resources = read_resources(row.resources);
    Ok(Reservation {
        id: read_id("reservation_id", &row.reservation_id)?,
        agent: read_id("agent_id", &row.agent_id)?,
        role: read_reserved_role(&row.role)?,
        owner: row.owner,
        labels: read_labels(row.labels).map_err(|refusal| refusal.under("labels"))?,
        resources: resources.map_err(|refusal| refusal.under("resources"))?,
        parent: read_optional_id::<ReservationId>("parent_id", &row.parent_id)?,
        declared: row.declared,
        used: Resources::new(),
        volumes: Milli(0),
        refinements: 0,
    })
}
