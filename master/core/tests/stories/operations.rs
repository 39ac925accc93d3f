//! Accepts of several operations: all or none, or each by itself.

use super::rig::{Rig, accept_operations, register, task};
use proto::model::{Operation, TaskInfo};

fn launch(tasks: Vec<TaskInfo>) -> Operation {
    Operation::Launch { tasks }
}

#[test]
fn operations_are_done_all_or_none() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let offer = rig.offers[0].id;
    rig.tell("together they ask for more than was offered");
    let (first, second) = (task("t", "a", 1_500), task("u", "a", 501));
    let operations = vec![launch(vec![first.clone()]), launch(vec![second])];
    rig.refused_call("hello", accept_operations(&[offer], operations, false));
    let operations = vec![launch(vec![first]), launch(vec![task("u", "a", 500)])];
    rig.call("hello", accept_operations(&[offer], operations, false));
    rig.tell("the second operation is refused when it is applied: nothing is launched");
    rig.agent(3, "b", register("b", 8));
    let offer = rig.offers.last().expect("of the new agent").id;
    let operations = vec![launch(vec![task("v", "b", 500)]), launch(vec![task("t", "b", 500)])];
    rig.call("hello", accept_operations(&[offer], operations, false));
    assert_eq!(rig.master.ledger().tasks().len(), 2);
    rig.matches("operations_all_or_none");
}

#[test]
fn a_refused_operation_of_a_partial_accept_does_not_stop_the_others() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.agent(3, "b", register("b", 8));
    let offer = rig.offers.last().expect("of the new agent").id;
    let operations = vec![
        launch(vec![task("u", "b", 500)]),
        launch(vec![task("v", "b", 100), task("t", "b", 100)]),
        launch(vec![task("w", "b", 2_000)]),
        launch(vec![task("x", "b", 1_000)]),
    ];
    rig.tell("one names a task that exists, one asks for more than was offered");
    rig.call("hello", accept_operations(&[offer], operations, true));
    assert_eq!(rig.master.ledger().tasks().len(), 3);
    rig.matches("partial_accept");
}
