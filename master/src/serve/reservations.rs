//! What operators say of reservations, read from the wire.

use super::{
    listings::read_page,
    operators::{id, optional_id},
};
use master_core::input::OperatorCall;
use proto::{
    convert::{
        calls::read_request_id,
        reservation::{read_move, read_reservation_plan, read_unreserve},
    },
    model::{Principal, Refusal, RequestId, ReservationRef},
    wire::v1,
};

pub(super) fn read_list(request: v1::ListReservationsRequest) -> Result<OperatorCall, Refusal> {
    Ok(OperatorCall::ListReservations {
        page: read_page(request.page)?,
        agent: optional_id("agent_id", &request.agent_id)?,
        role: optional_id("role", &request.role)?,
    })
}

pub(super) fn read_reserve(request: v1::ReserveRequest) -> Result<OperatorCall, Refusal> {
    let once = read_request_id(&request.request_id)?;
    let plan = request.plan.ok_or_else(|| Refusal::invalid("plan", "is missing"))?;
    let plan = read_reservation_plan(plan).map_err(|refusal| refusal.under("plan"))?;
    match plan.parent {
        Some(ReservationRef::Made(_)) => {
            Err(Refusal::invalid("plan.parent.operation", "is of an accept; name it by its id"))
        }
        _ => Ok(as_asked(once, OperatorCall::Reserve(plan))),
    }
}

pub(super) fn read_give_up(request: v1::UnreserveRequest) -> Result<OperatorCall, Refusal> {
    let once = read_request_id(&request.request_id)?;
    let reservation = reference(&request.reservation_id)?;
    let plan = v1::UnreservePlan { reservation, resources: request.resources };
    Ok(as_asked(once, OperatorCall::Unreserve(read_unreserve(plan)?)))
}

pub(super) fn read_moved(request: v1::MoveReservationRequest) -> Result<OperatorCall, Refusal> {
    let once = read_request_id(&request.request_id)?;
    let reservation = reference(&request.reservation_id)?;
    match read_move(v1::MoveReservationPlan { reservation, role: request.role })? {
        (ReservationRef::Known(reservation), role) => {
            Ok(as_asked(once, OperatorCall::MoveReservation { reservation, role }))
        }
        (ReservationRef::Made(_), _) => unreachable!("was named by its id"),
    }
}

/// A call under a request id, or one that counts each time.
pub(super) fn as_asked(request: Option<RequestId>, call: OperatorCall) -> OperatorCall {
    match request {
        Some(request) => OperatorCall::Once { request, call: Box::new(call) },
        None => call,
    }
}

/// Writes down who reserved or gave up what.
pub(super) fn audit(node: &str, principal: &Principal, call: &OperatorCall) {
    match call {
        OperatorCall::Once { call, .. } => audit(node, principal, call),
        OperatorCall::Reserve(plan) => {
            let (agent, role, resources) = (&plan.agent, &plan.role, &plan.resources);
            tracing::info!(
                target: "bourse::audit", %node, %principal, %agent, %role, %resources, "reserve"
            );
        }
        OperatorCall::Unreserve(unreserve) => {
            let reservation = unreserve.reservation;
            tracing::info!(target: "bourse::audit", %node, %principal, %reservation, "unreserve");
        }
        OperatorCall::MoveReservation { reservation, role } => {
            tracing::info!(
                target: "bourse::audit", %node, %principal, %reservation, %role,
                "move reservation"
            );
        }
        _ => {}
    }
}

fn reference(text: &str) -> Result<Option<v1::ReservationRef>, Refusal> {
    // Checked here, so that the field is the request's own.
    let _: proto::model::ReservationId = id("reservation_id", text)?;
    let id = v1::reservation_ref::Reservation::ReservationId(text.to_owned());
    Ok(Some(v1::ReservationRef { reservation: Some(id) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> v1::ReservationPlan {
        v1::ReservationPlan {
            agent_id: "a1".to_owned(),
            role: "eng".to_owned(),
            resources: vec![v1::Resource {
                name: "cpus".to_owned(),
                value: Some(v1::resource::Value::Scalar(v1::Scalar { milli: 1_000 })),
            }],
            ..Default::default()
        }
    }

    #[test]
    fn reservations_are_read() {
        let request_id = String::new;
        let read =
            |plan| read_reserve(v1::ReserveRequest { plan: Some(plan), request_id: request_id() });
        assert!(matches!(read(plan()), Ok(OperatorCall::Reserve(_))));
        let nothing = read_reserve(v1::ReserveRequest::default()).unwrap_err();
        assert_eq!(nothing.field, "plan");
        let refused = |plan| read(plan).unwrap_err().field;
        assert_eq!(refused(v1::ReservationPlan { role: "*".to_owned(), ..plan() }), "plan.role");
        let resources = Vec::new();
        assert_eq!(refused(v1::ReservationPlan { resources, ..plan() }), "plan.resources");
        let made = v1::reservation_ref::Reservation::Operation(0);
        let parent = Some(v1::ReservationRef { reservation: Some(made) });
        assert_eq!(refused(v1::ReservationPlan { parent, ..plan() }), "plan.parent.operation");
        let under = |id: &str| {
            read_reserve(v1::ReserveRequest { plan: Some(plan()), request_id: id.to_owned() })
        };
        let once = under("0123456789abcdef").unwrap();
        let OperatorCall::Once { call, .. } = once else { panic!("{once:?}") };
        assert!(matches!(*call, OperatorCall::Reserve(_)));
        for bad in ["short", "0123456789abcde/", &"x".repeat(65)] {
            assert_eq!(under(bad).unwrap_err().field, "request_id", "{bad}");
        }
    }

    #[test]
    fn reservations_are_named_by_id() {
        let give_up = |text: &str| {
            let reservation_id = text.to_owned();
            read_give_up(v1::UnreserveRequest { reservation_id, ..Default::default() })
        };
        assert!(matches!(give_up("reservation-7"), Ok(OperatorCall::Unreserve(_))));
        assert_eq!(give_up("7").unwrap_err().field, "reservation_id");
        let moved = |text: &str, role: &str| {
            let (reservation_id, role) = (text.to_owned(), role.to_owned());
            read_moved(v1::MoveReservationRequest { reservation_id, role, ..Default::default() })
        };
        assert!(matches!(moved("reservation-7", "ops"), Ok(OperatorCall::MoveReservation { .. })));
        assert_eq!(moved("reservation-07", "ops").unwrap_err().field, "reservation_id");
        assert_eq!(moved("reservation-7", "*").unwrap_err().field, "role");
        let list = v1::ListReservationsRequest { agent_id: "/".to_owned(), ..Default::default() };
        assert_eq!(read_list(list).unwrap_err().field, "agent_id");
    }
}
