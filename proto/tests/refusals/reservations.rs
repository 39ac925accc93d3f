//! Reservations: what is asked for, and the reserved parts of tasks and offers.

use super::{accept, check, tasks::task};
use proto::{
    convert::{offer::read_offer, reservation::*, task::read_task_info},
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1::{self, reservation_ref::Reservation as RefKind},
};

fn cpus(milli: i64) -> Vec<v1::Resource> {
    let value = Some(v1::resource::Value::Scalar(v1::Scalar { milli }));
    vec![v1::Resource { name: "cpus".to_owned(), value }]
}

fn by_id(text: &str) -> Option<v1::ReservationRef> {
    Some(v1::ReservationRef { reservation: Some(RefKind::ReservationId(text.to_owned())) })
}

fn plan() -> v1::ReservationPlan {
    v1::ReservationPlan {
        agent_id: "a1".to_owned(),
        role: "eng/search".to_owned(),
        resources: cpus(1_000),
        labels: vec![v1::Label { key: "for".to_owned(), value: "tests".to_owned() }],
        parent: by_id("reservation-1"),
    }
}

#[test]
fn plans() {
    check(
        &plan(),
        read_reservation_plan,
        &[
            (|p| p.agent_id.clear(), "agent_id", Invalid),
            (|p| p.role = "*".to_owned(), "role", Invalid),
            (|p| p.role = "a/b/c/d/e/f/g/h/i".to_owned(), "role", Limit),
            (|p| p.resources.clear(), "resources", Invalid),
            (|p| p.resources = cpus(0), "resources", Invalid),
            (|p| p.resources[0].value = None, "resources[0].value", Invalid),
            (|p| p.labels[0].key.clear(), "labels[0].key", Invalid),
            (|p| p.parent = by_id("reservation-01"), "parent.reservation_id", Invalid),
            (|p| p.parent = Some(v1::ReservationRef { reservation: None }), "parent", Invalid),
        ],
    );
    accept(&plan(), read_reservation_plan, &[|p| p.parent = None, |p| p.labels.clear()]);
}

#[test]
fn giving_up_and_moving() {
    let give_up = v1::UnreservePlan { reservation: by_id("reservation-7"), resources: cpus(1) };
    check(
        &give_up,
        read_unreserve,
        &[
            (|p| p.reservation = None, "reservation", Invalid),
            (|p| p.reservation = by_id("7"), "reservation.reservation_id", Invalid),
            (|p| p.resources = cpus(0), "resources", Invalid),
            (|p| p.resources = cpus(-1), "resources[0].scalar", Invalid),
        ],
    );
    accept(&give_up, read_unreserve, &[|p| p.resources.clear()]);
    let moved =
        v1::MoveReservationPlan { reservation: by_id("reservation-7"), role: "ops".to_owned() };
    check(
        &moved,
        read_move,
        &[
            (|p| p.reservation = None, "reservation", Invalid),
            (|p| p.role = "*".to_owned(), "role", Invalid),
            (|p| p.role.clear(), "role", Invalid),
        ],
    );
}

fn part(from: &str, milli: i64) -> v1::ReservedPart {
    v1::ReservedPart { from: by_id(from), resources: cpus(milli) }
}

#[test]
fn reserved_parts_of_a_task() {
    let good = v1::TaskInfo {
        resources: cpus(1_000),
        reserved: vec![part("reservation-1", 400), part("reservation-2", 600)],
        ..task()
    };
    check(
        &good,
        read_task_info,
        &[
            (|t| t.reserved[1].from = None, "reserved[1].from", Invalid),
            (|t| t.reserved[1].from = by_id("x"), "reserved[1].from.reservation_id", Invalid),
            (|t| t.reserved[1].from = by_id("reservation-1"), "reserved[1].from", Invalid),
            (|t| t.reserved[1].resources.clear(), "reserved[1].resources", Invalid),
            (|t| t.reserved[1].resources = cpus(601), "reserved[1].resources", Invalid),
            (
                |t| t.reserved = vec![part("reservation-1", 1); limits::RESERVED_PARTS_MAX + 1],
                "reserved",
                Limit,
            ),
        ],
    );
    accept(
        &good,
        read_task_info,
        &[
            |t| t.reserved.clear(),
            |t| {
                let made = Some(RefKind::Operation(0));
                t.reserved[0].from = Some(v1::ReservationRef { reservation: made });
            },
        ],
    );
}

#[test]
fn reserved_parts_of_an_offer() {
    let good = v1::Offer {
        offer_id: "offer-1-1".to_owned(),
        framework_id: "framework-1".to_owned(),
        role: "eng".to_owned(),
        agent_id: "a1".to_owned(),
        hostname: "a1.example".to_owned(),
        resources: cpus(1_000),
        reserved: vec![part("reservation-1", 400)],
        ..Default::default()
    };
    check(
        &good,
        read_offer,
        &[
            (|o| o.reserved[0].resources = cpus(1_001), "reserved[0].resources", Invalid),
            (|o| o.reserved[0].from = None, "reserved[0].from", Invalid),
        ],
    );
}
