//! Reservations: made, refined, used, given up, and who is offered what of them.

use super::demand::{demand, gang, state, why_framework};
use super::rig::{Rig, accept, accept_operations, register, status, task};
use master_core::input::{OperatorCall, Page};
use proto::model::{
    AgentCall, AgentId, Change, DeclaredReservation, OfferMode, Operation, ReservationId,
    ReservationPlan, ReservationRef, ReservedPart, Resources, Role, RoleSettingsChange, TaskState,
    Unreserve,
};

fn plan(role: &str, cpus_milli: i64) -> ReservationPlan {
    ReservationPlan {
        agent: AgentId::new("a").expect("an id"),
        role: Role::new(role).expect("a role"),
        resources: Resources::cpus_mem(cpus_milli, 256),
        labels: Vec::new(),
        parent: None,
    }
}

fn known(id: u64) -> ReservationRef {
    ReservationRef::Known(ReservationId(id))
}

fn give_up(reservation: ReservationRef) -> Unreserve {
    Unreserve { reservation, resources: None }
}

fn list() -> OperatorCall {
    let page = Page { size: 100, after: None };
    OperatorCall::ListReservations { page, agent: None, role: None }
}

#[test]
fn reserved_and_launched_in_one_accept() {
    let mut rig = Rig::serving();
    rig.watch(9, None);
    rig.agent(1, "a", register("a", 7));
    rig.subscribe_in(2, "search", &["eng/search"]);
    let offer = rig.offers[0].id;
    let made =
        ReservedPart { from: ReservationRef::Made(0), resources: Resources::cpus_mem(500, 64) };
    let mut first = task("t", "a", 500);
    first.reserved = vec![made];
    rig.tell("the second task does not say where from: what was just reserved comes first");
    let tasks = vec![first, task("u", "a", 1_000)];
    let operations =
        vec![Operation::Reserve(plan("eng/search", 1_000)), Operation::Launch { tasks }];
    rig.call("search", accept_operations(&[offer], operations, false));
    rig.operator(list());
    rig.tell("what is in use is not given up");
    rig.operator(OperatorCall::Unreserve(give_up(known(1))));
    let role = Role::new("ops").expect("a role");
    let reservation = ReservationId(1);
    rig.operator(OperatorCall::MoveReservation { reservation, role });
    rig.tell("tasks end: what they took is offered again");
    rig.update(1, "a", "search", status("t", "a", TaskState::Finished, 1));
    rig.update(1, "a", "search", status("u", "a", TaskState::Finished, 1));
    let reserved = rig.offers.iter().rfind(|offer| !offer.reserved.is_empty()).expect("offered").id;
    rig.tell("given up by its owner");
    let operations = vec![Operation::Unreserve(give_up(known(1)))];
    rig.call("search", accept_operations(&[reserved], operations, false));
    rig.operator(list());
    rig.matches("reserve_and_launch");
}

#[test]
fn a_reservation_is_for_its_role_and_those_below() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe_in(2, "ops", &["ops"]);
    rig.tell("an operator reserves what is offered: the offer is taken back");
    rig.operator(OperatorCall::Reserve(plan("eng", 1_500)));
    rig.tell("below the role");
    rig.subscribe_in(3, "search", &["eng/search"]);
    let reserved = rig.offers.iter().rfind(|offer| !offer.reserved.is_empty()).expect("offered").id;
    rig.tell("refined, in part; the rest stays with the role above");
    let refinement = ReservationPlan { parent: Some(known(1)), ..plan("eng/search/deep", 500) };
    let operations = vec![Operation::Reserve(refinement)];
    rig.call("search", accept_operations(&[reserved], operations, false));
    rig.operator(list());
    rig.tell("what is refined is not given up; the refinement is nobody's but its owner's");
    rig.operator(OperatorCall::Unreserve(give_up(known(1))));
    rig.subscribe_in(4, "deep", &["eng/search/deep"]);
    let refined = rig.offers.iter().rfind(|offer| !offer.reserved.is_empty()).expect("offered").id;
    let operations = vec![Operation::Unreserve(give_up(known(2)))];
    rig.call("deep", accept_operations(&[refined], operations, false));
    rig.tell("an operator may");
    rig.operator(OperatorCall::Unreserve(give_up(known(2))));
    rig.operator(list());
    rig.matches("reservation_refined");
}

#[test]
fn bad_reservations_are_refused() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe_in(2, "search", &["eng/search"]);
    let offer = rig.offers[0].id;
    let refused = |rig: &mut Rig, operation: Operation| {
        rig.refused_call("search", accept_operations(&[offer], vec![operation], false));
    };
    rig.tell("more than was offered, of what was not offered");
    refused(&mut rig, Operation::Reserve(plan("eng/search", 3_000)));
    refused(&mut rig, Operation::Unreserve(give_up(known(7))));
    let refinement = ReservationPlan { parent: Some(known(7)), ..plan("eng/search/deep", 500) };
    refused(&mut rig, Operation::Reserve(refinement));
    let role = Role::new("eng/search").expect("a role");
    refused(&mut rig, Operation::MoveReservation { reservation: known(7), role: role.clone() });
    let mut task = task("t", "a", 500);
    task.reserved = vec![ReservedPart { from: known(7), resources: Resources::cpus_mem(500, 64) }];
    rig.refused_call("search", accept(&[offer], vec![task]));
    rig.tell("by operators");
    rig.operator(OperatorCall::Unreserve(give_up(known(7))));
    rig.operator(OperatorCall::MoveReservation { reservation: ReservationId(7), role });
    let agent = AgentId::new("b").expect("an id");
    rig.operator(OperatorCall::Reserve(ReservationPlan { agent, ..plan("eng", 500) }));
    rig.operator(OperatorCall::Reserve(plan("eng", 3_000)));
    rig.tell("above the offer's role: refused when it is applied");
    let operations = vec![Operation::Reserve(plan("eng", 500))];
    let again = rig.offers.last().expect("what was taken back is offered again").id;
    rig.call("search", accept_operations(&[again], operations, false));
    rig.matches("reservations_refused");
}

#[test]
fn what_an_agent_declares_is_reserved_while_it_does() {
    let mut rig = Rig::serving();
    let declared = |milli| DeclaredReservation {
        role: Role::new("eng").expect("a role"),
        resources: Resources::cpus_mem(milli, 256),
        labels: Vec::new(),
    };
    let says = |list: Vec<DeclaredReservation>| {
        let AgentCall::Register { mut info, incarnation, tasks, volumes } = register("a", 7) else {
            unreachable!("a registration")
        };
        info.reservations = list;
        AgentCall::Register { info, incarnation, tasks, volumes }
    };
    rig.tell("the agent reserves a part of itself");
    rig.agent(1, "a", says(vec![declared(1_500)]));
    rig.subscribe_in(2, "build", &["ops"]);
    rig.subscribe_in(3, "search", &["eng/search"]);
    rig.operator(list());
    rig.tell("nobody else gives that up, or moves it");
    rig.operator(OperatorCall::Unreserve(give_up(known(1))));
    let role = Role::new("ops").expect("a role");
    rig.operator(OperatorCall::MoveReservation { reservation: ReservationId(1), role });
    rig.tell("while it is used, the agent cannot declare less");
    let offer = rig.offers.iter().rfind(|offer| !offer.reserved.is_empty()).expect("offered").id;
    rig.call("search", accept(&[offer], vec![task("t", "a", 1_000)]));
    rig.close(1);
    rig.agent(4, "a", says(vec![declared(500)]));
    rig.tell("with another journal its tasks are gone, and it says what it likes");
    let AgentCall::Register { info, tasks, volumes, .. } = says(vec![declared(500)]) else {
        unreachable!("a registration")
    };
    rig.close(4);
    rig.agent(5, "a", AgentCall::Register { info, incarnation: 8, tasks, volumes });
    rig.operator(list());
    rig.matches("reservation_declared");
}

#[test]
fn what_is_wanted_is_placed_on_reservations() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.agent(2, "b", register("b", 8));
    rig.operator(OperatorCall::Reserve(plan("eng", 1_500)));
    let agent = AgentId::new("b").expect("an id");
    rig.operator(OperatorCall::Reserve(ReservationPlan { agent, ..plan("eng", 1_500) }));
    rig.tell("another role gets nothing of it, and is told why");
    rig.subscribe_in(3, "build", &["ops"]);
    rig.call("build", state("ops", vec![demand("nightly", 1_000, 1)]));
    rig.read();
    rig.operator(why_framework(&rig, "build"));
    rig.tell("a gang has room in what is reserved, and pieces get no more than they want");
    rig.subscribe_in(4, "search", &["eng/search"]);
    let all = vec![gang(60_000, demand("train", 1_200, 2)), demand("small", 100, 1)];
    rig.call("search", state("eng/search", all));
    rig.tell("where the role's frameworks are shown what is free, what is reserved is offered too");
    let role = Role::new("eng").expect("a role");
    let shared = Change::Set(OfferMode::Shared);
    let change = RoleSettingsChange { offer_mode: shared, ..RoleSettingsChange::default() };
    rig.operator(OperatorCall::ConfigureRole { role, change });
    rig.subscribe_in(5, "reader", &["eng"]);
    rig.matches("demand_on_reservations");
}
