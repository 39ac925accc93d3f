//! Reservations: what is asked for, and what there is.

use super::{
    form::{self, Read},
    resources::{read_resources, write_resources},
    task::{read_labels, write_labels},
};
use crate::model::{
    DeclaredReservation, Refusal, ReservationPlan, ReservationRef, ReservedPart, Resources, Role,
    Unreserve, limits,
};
use crate::wire::v1::{self, reservation_ref::Reservation as RefKind};

/// Reads what is to be reserved.
pub fn read_reservation_plan(plan: v1::ReservationPlan) -> Result<ReservationPlan, Refusal> {
    Ok(ReservationPlan {
        agent: form::id("agent_id", &plan.agent_id)?,
        role: read_reserved_role(&plan.role)?,
        resources: read_some_resources(plan.resources)?,
        labels: read_labels(plan.labels).map_err(|no| no.under("labels"))?,
        parent: plan.parent.map(|parent| read_ref("parent", Some(parent))).transpose()?,
    })
}

/// Writes what is to be reserved.
pub fn write_reservation_plan(plan: &ReservationPlan) -> v1::ReservationPlan {
    v1::ReservationPlan {
        agent_id: plan.agent.to_string(),
        role: plan.role.to_string(),
        resources: write_resources(&plan.resources),
        labels: write_labels(&plan.labels),
        parent: plan.parent.map(write_ref),
    }
}

/// Reads what is to be reserved no longer.
pub fn read_unreserve(plan: v1::UnreservePlan) -> Result<Unreserve, Refusal> {
    let reservation = read_ref("reservation", plan.reservation)?;
    let resources = match plan.resources.is_empty() {
        true => None,
        false => Some(read_some_resources(plan.resources)?),
    };
    Ok(Unreserve { reservation, resources })
}

/// Writes what is to be reserved no longer.
pub fn write_unreserve(unreserve: &Unreserve) -> v1::UnreservePlan {
    v1::UnreservePlan {
        reservation: Some(write_ref(unreserve.reservation)),
        resources: unreserve.resources.as_ref().map(write_resources).unwrap_or_default(),
    }
}

/// Reads which reservation another role is to have.
pub fn read_move(plan: v1::MoveReservationPlan) -> Result<(ReservationRef, Role), Refusal> {
    Ok((read_ref("reservation", plan.reservation)?, read_reserved_role(&plan.role)?))
}

/// Writes which reservation another role is to have.
pub fn write_move(reservation: ReservationRef, role: &Role) -> v1::MoveReservationPlan {
    v1::MoveReservationPlan { reservation: Some(write_ref(reservation)), role: role.to_string() }
}

/// Reads what an agent that has these resources declares to be reserved.
pub(super) fn read_declared(
    list: Vec<v1::DeclaredReservation>,
    resources: &Resources,
) -> Read<Vec<DeclaredReservation>> {
    let limit = limits::RESERVATIONS_PER_AGENT_MAX;
    let declared = form::each("reservations", list, limit, |declared| {
        Ok(DeclaredReservation {
            role: read_reserved_role(&declared.role)?,
            resources: read_some_resources(declared.resources)?,
            labels: read_labels(declared.labels).map_err(|no| no.under("labels"))?,
        })
    })?;
    let names: Vec<_> = declared.iter().map(|it| (it.role.clone(), it.labels.clone())).collect();
    form::distinct(&names, |name| name, |index| format!("reservations[{index}].role"))?;
    let mut rest = resources.clone();
    for (index, declared) in declared.iter().enumerate() {
        rest = rest.checked_sub(&declared.resources).map_err(|problem| {
            let field = format!("reservations[{index}].resources");
            Refusal::invalid(field, format!("are more than the agent has: {problem}"))
        })?;
    }
    Ok(declared)
}

/// Writes what an agent declares to be reserved.
pub(super) fn write_declared(list: &[DeclaredReservation]) -> Vec<v1::DeclaredReservation> {
    let write = |declared: &DeclaredReservation| v1::DeclaredReservation {
        role: declared.role.to_string(),
        resources: write_resources(&declared.resources),
        labels: write_labels(&declared.labels),
    };
    list.iter().map(write).collect()
}

/// A role that something can be kept for: `*` is everybody's.
pub fn read_reserved_role(text: &str) -> Result<Role, Refusal> {
    let role: Role = form::id("role", text)?;
    match role == Role::any() {
        true => Err(Refusal::invalid("role", "is everybody's; name the role to reserve for")),
        false => Ok(role),
    }
}

/// Reads which parts of a task's resources are reserved ones.
pub(super) fn read_reserved(
    list: Vec<v1::ReservedPart>,
    resources: &Resources,
) -> Read<Vec<ReservedPart>> {
    read_parts(list, resources, limits::RESERVED_PARTS_MAX)
}

/// Reads which parts of an offer are reserved ones.
pub(super) fn read_offered_parts(
    list: Vec<v1::ReservedPart>,
    resources: &Resources,
) -> Read<Vec<ReservedPart>> {
    read_parts(list, resources, limits::RESERVATIONS_PER_AGENT_MAX)
}

fn read_parts(
    list: Vec<v1::ReservedPart>,
    resources: &Resources,
    limit: usize,
) -> Read<Vec<ReservedPart>> {
    let parts = form::each("reserved", list, limit, |part| {
        let from = read_ref("from", part.from)?;
        Ok(ReservedPart { from, resources: read_some_resources(part.resources)? })
    })?;
    form::distinct(&parts, |part| &part.from, |index| format!("reserved[{index}].from"))?;
    let mut rest = resources.clone();
    for (index, part) in parts.iter().enumerate() {
        rest = rest.checked_sub(&part.resources).map_err(|problem| {
            let field = format!("reserved[{index}].resources");
            Refusal::invalid(field, format!("are more than there is of them: {problem}"))
        })?;
    }
    Ok(parts)
}

pub(super) fn write_reserved(parts: &[ReservedPart]) -> Vec<v1::ReservedPart> {
    let write = |part: &ReservedPart| v1::ReservedPart {
        from: Some(write_ref(part.from)),
        resources: write_resources(&part.resources),
    };
    parts.iter().map(write).collect()
}

fn read_some_resources(list: Vec<v1::Resource>) -> Read<Resources> {
    let resources = read_resources(list).map_err(|no| no.under("resources"))?;
    match resources.is_empty() {
        true => Err(Refusal::invalid("resources", "hold nothing")),
        false => Ok(resources),
    }
}

/// Reads which reservation is meant.
pub(super) fn read_ref(field: &str, reference: Option<v1::ReservationRef>) -> Read<ReservationRef> {
    let kind = form::required(field, reference)?.reservation;
    Ok(match form::required(field, kind)? {
        RefKind::ReservationId(id) => {
            ReservationRef::Known(form::id(&format!("{field}.reservation_id"), &id)?)
        }
        RefKind::Operation(operation) => ReservationRef::Made(operation),
    })
}

/// Writes which reservation is meant.
pub(super) fn write_ref(reference: ReservationRef) -> v1::ReservationRef {
    v1::ReservationRef {
        reservation: Some(match reference {
            ReservationRef::Known(id) => RefKind::ReservationId(id.to_string()),
            ReservationRef::Made(operation) => RefKind::Operation(operation),
        }),
    }
}
