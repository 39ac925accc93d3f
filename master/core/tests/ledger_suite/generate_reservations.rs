//! Random reservations, rather of what there is.

use crate::build::*;
use crate::generate::Draw;
use master_core::ledger::{Command, Ledger, OperatorChange, ReservationChange};
use proto::model::{
    DeclaredReservation, Operation, ReservationId, ReservationPlan, ReservationRef, ReservedPart,
    ResourceName, Resources, Role, TaskInfo, Unreserve,
};

/// Under one of a few request ids, so that some come twice, for the same or for something else.
pub(crate) fn once(command: Command, draw: &mut Draw) -> Command {
    let change = match command {
        Command::ChangeReservations(change) if draw.one_in(2) => {
            OperatorChange::Reservations(change)
        }
        Command::ChangeVolumes(change) if draw.one_in(2) => OperatorChange::Volumes(change),
        other => return other,
    };
    let owner = draw.pick(&["ann", "ben"]);
    change.once(owner, request(&format!("request-{}", draw.below(30))))
}

/// What an operator asks.
pub(crate) fn asked(ledger: &Ledger, draw: &mut Draw) -> Command {
    Command::ChangeReservations(match draw.below(4) {
        0 | 1 => ReservationChange::Reserve { plan: plan(ledger, draw), owner: "ops".to_owned() },
        2 => ReservationChange::Unreserve(unreserve(ledger, draw)),
        _ => {
            let reservation = known(ledger, draw);
            ReservationChange::Move { reservation, role: reserved_role(draw) }
        }
    })
}

/// What a framework does, beside launching.
pub(crate) fn operation(ledger: &Ledger, draw: &mut Draw) -> Operation {
    match draw.below(4) {
        0 | 1 => Operation::Reserve(plan(ledger, draw)),
        2 => Operation::Unreserve(unreserve(ledger, draw)),
        _ => {
            let reservation = reference(ledger, draw);
            Operation::MoveReservation { reservation, role: reserved_role(draw) }
        }
    }
}

/// Gives a task a part of a reservation, rather one of its agent.
pub(crate) fn take_part(ledger: &Ledger, draw: &mut Draw, info: &mut TaskInfo) {
    let there: Vec<_> = ledger.reservations_of_agent(&info.agent).map(|row| row.id).collect();
    let from = match there.is_empty() || draw.one_in(8) {
        true => reference(ledger, draw),
        false => ReservationRef::Known(draw.pick(&there)),
    };
    let cpus = info.resources.scalar(&ResourceName::CPUS).0;
    let taken = if draw.one_in(2) { cpus } else { 100 };
    info.reserved.push(ReservedPart { from, resources: resources(taken, 0..0) });
}

/// What an agent declares: of each role at most one.
pub(crate) fn declared(draw: &mut Draw) -> Vec<DeclaredReservation> {
    let mut list = Vec::new();
    for name in ["eng", "ops"] {
        if draw.one_in(3) {
            let resources = bag(100 + 100 * draw.below(2) as i64, draw);
            list.push(DeclaredReservation { role: role(name), resources, labels: Vec::new() });
        }
    }
    list
}

fn plan(ledger: &Ledger, draw: &mut Draw) -> ReservationPlan {
    ReservationPlan {
        agent: agent(if draw.one_in(20) { "a9" } else { draw.pick(&["a0", "a1", "a2"]) }),
        role: reserved_role(draw),
        resources: bag(100 * draw.below(12) as i64, draw),
        labels: Vec::new(),
        parent: draw.one_in(3).then(|| reference(ledger, draw)),
    }
}

fn unreserve(ledger: &Ledger, draw: &mut Draw) -> Unreserve {
    let resources = draw.one_in(2).then(|| bag(100 + 100 * draw.below(8) as i64, draw));
    Unreserve { reservation: reference(ledger, draw), resources }
}

/// CPUs, and disk sometimes; never nothing.
fn bag(cpus_milli: i64, draw: &mut Draw) -> Resources {
    let disk_mib = if cpus_milli == 0 { 200 } else { draw.pick(&[0, 0, 100, 300]) };
    with_disk(resources(cpus_milli, 0..0), disk_mib)
}

fn reserved_role(draw: &mut Draw) -> Role {
    role(draw.pick(&["eng", "eng", "eng/search", "eng/search/deep", "ops"]))
}

fn reference(ledger: &Ledger, draw: &mut Draw) -> ReservationRef {
    match draw.one_in(4) {
        true => ReservationRef::Made(draw.below(3) as u32),
        false => ReservationRef::Known(known(ledger, draw)),
    }
}

fn known(ledger: &Ledger, draw: &mut Draw) -> ReservationId {
    let ids: Vec<_> = ledger.reservations().iter().map(|(id, _)| *id).collect();
    match ids.is_empty() || draw.one_in(10) {
        true => ReservationId(1 + draw.below(50)),
        false => draw.pick(&ids),
    }
}
