//! Frameworks: their tasks, their instances, their end.

use super::rig::{Rig, accept, acknowledge, kill, register, status, task};
use master_core::ledger::FrameworkState;
use proto::model::{Operation, RequestId, SchedulerCall, Session, TaskId, TaskState};

#[test]
fn a_task_from_offer_to_acknowledgement() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Finished, 2));
    rig.call("hello", acknowledge("t", 2));
    rig.matches("task");
}

#[test]
fn a_task_is_killed() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.tell("the framework kills it, twice");
    rig.call("hello", kill("t"));
    rig.call("hello", kill("t"));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Killed, 2));
    rig.tell("a kill of what has ended does nothing");
    rig.call("hello", kill("t"));
    rig.call("hello", kill("never"));
    rig.matches("kill");
}

#[test]
fn a_lost_framework_is_torn_down_with_its_tasks() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.tell("its stream breaks, and its failover timeout of 10 s passes");
    rig.close(2);
    rig.pass(9_900);
    assert!(rig.master.ledger().live_task_count() == 1, "its time is not over");
    rig.tell("now");
    rig.pass(200);
    rig.update(1, "a", "hello", status("t", "a", TaskState::Killed, 2));
    assert_eq!(rig.master.ledger().live_task_count(), 0);
    rig.tell("it comes back too late");
    rig.subscribe(3, "hello");
    rig.matches("failover_timeout");
}

#[test]
fn the_failover_timeout_goes_on_under_the_next_leader_where_nothing_else_happens() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    let framework = rig.framework("hello");
    let state = |rig: &Rig| rig.master.ledger().framework(framework).expect("known").state;
    rig.close(2);
    // Of 10 s; the agent is silent, so that nobody has anything to write.
    rig.pass(9_000);
    rig.begin_another_term();
    assert_eq!(state(&rig), FrameworkState::Disconnected);
    // What is left, and what passed under the first leader since it wrote the time.
    rig.pass(1_000 + 5_000);
    assert_eq!(state(&rig), FrameworkState::Removed);
}

#[test]
fn time_is_written_only_while_something_waits_for_it() {
    let mut rig = Rig::serving();
    rig.subscribe(2, "hello");
    let before = rig.master.committed_index();
    rig.pass(60_000);
    assert_eq!(rig.master.committed_index(), before);
    rig.close(2);
    rig.pass(9_900);
    // That it is away, and the time after 5 s.
    assert_eq!(rig.master.committed_index(), before + 2);
    rig.pass(60_000);
    assert_eq!(rig.master.committed_index(), before + 3, "it is removed, and nothing waits");
}

#[test]
fn a_framework_comes_back_in_time() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.close(2);
    rig.pass(5_000);
    rig.tell("it hears again what it did not acknowledge");
    rig.subscribe(3, "hello");
    rig.pass(15_000);
    assert!(rig.master.ledger().live_task_count() == 1, "the timeout is cancelled");
    rig.matches("failover");
}

#[test]
fn an_older_instance_is_fenced() {
    let mut rig = Rig::serving();
    rig.subscribe(2, "hello");
    let older = rig.sessions["hello"];
    rig.tell("a second instance subscribes");
    rig.subscribe(3, "hello");
    rig.tell("the first goes on calling");
    rig.call_as("hello", older, SchedulerCall::Reconcile { tasks: vec![] });
    rig.call("hello", SchedulerCall::Reconcile { tasks: vec![] });
    rig.matches("fenced");
}

/// The newer instance was gone before its subscription was committed; the older one is fenced by it
/// all the same.
#[test]
fn an_instance_that_came_and_went_fences() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let framework = rig.framework("hello");
    let subscription = rig.subscription(3, "hello", Some(framework));
    let closed = master_core::Input::StreamClosed(master_core::input::StreamId(3));
    rig.tell("a second instance subscribes and goes away, in one turn");
    rig.turn(vec![subscription, closed]);
    rig.pass(10_100);
    assert!(rig.master.ledger().framework(framework).expect("remembered").is_removed());
    rig.matches("fenced_by_a_passer_by");
}

#[test]
fn an_accept_is_repeated() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let request = Some(RequestId::new("the-accept-0000001").expect("an id"));
    let accept = SchedulerCall::Accept {
        offers: vec![rig.offers[0].id],
        operations: Operation::launch(vec![task("t", "a", 500)]),
        partial: false,
        refuse: proto::model::Duration(0).into(),
        request,
    };
    rig.call("hello", accept.clone());
    rig.tell("the answer was lost; the offer is used, the task exists");
    rig.call("hello", accept);
    assert_eq!(rig.master.ledger().tasks().len(), 1);
    rig.matches("accept_repeated");
}

#[test]
fn tasks_of_others_are_unknown() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.subscribe(3, "other");
    rig.tell("another framework kills and acknowledges it");
    rig.call("other", kill("t"));
    rig.call("other", acknowledge("t", 1));
    rig.tell("and then as if it were its owner");
    let owner = rig.sessions["hello"];
    rig.call_as("other", owner, kill("t"));
    assert_eq!(rig.master.ledger().live_task_count(), 1);
    assert!(rig.master.ledger().tasks().iter().all(|(_, task)| task.kill.is_none()));
    rig.matches("tasks_of_others");
}

#[test]
fn acknowledgements_are_checked() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.tell("an update that was never made");
    rig.call("hello", acknowledge("t", 2));
    rig.tell("the one that was, twice");
    rig.call("hello", acknowledge("t", 1));
    rig.call("hello", acknowledge("t", 1));
    rig.matches("acknowledgements");
}

#[test]
fn reconciliation_is_explicit_or_implicit() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let offer = rig.offers[0].id;
    rig.call("hello", accept(&[offer], vec![task("t", "a", 500), task("u", "a", 500)]));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.update(1, "a", "hello", status("u", "a", TaskState::Failed, 1));
    rig.tell("of all that live");
    rig.call("hello", SchedulerCall::Reconcile { tasks: vec![] });
    rig.tell("of one that ended and one that never was");
    let tasks = ["u", "never"].map(|id| TaskId::new(id).expect("an id")).to_vec();
    rig.call("hello", SchedulerCall::Reconcile { tasks });
    rig.matches("reconciliation");
}

#[test]
fn a_framework_ends_itself() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.call("hello", SchedulerCall::Teardown);
    rig.tell("it calls again, and subscribes again");
    rig.call("hello", SchedulerCall::Reconcile { tasks: vec![] });
    rig.subscribe(3, "hello");
    rig.tell("one that never was");
    let session = Session { framework: proto::model::FrameworkId(99), epoch: 1 };
    rig.call_as("hello", session, SchedulerCall::Teardown);
    rig.matches("teardown");
}
