//! Tasks that run get other sizes: out of offers, without any, not at all; told again to an agent
//! that comes back.

use super::rig::{Rig, accept_operations, agent_message, kill, register, status, task};
use proto::model::{
    AgentCall, OfferId, Operation, Resize, Resources, SchedulerCall, StatusReason, TaskId,
    TaskState, TaskStatus,
};

fn resize(id: &str, cpus_milli: i64) -> Operation {
    let resources = Resources::cpus_mem(cpus_milli, 64);
    Operation::Resize(Resize { task: TaskId::new(id).expect("an id"), resources })
}

fn sizes(offers: &[OfferId], operations: Vec<Operation>) -> SchedulerCall {
    accept_operations(offers, operations, false)
}

fn said(reason: StatusReason, sequence: u64) -> TaskStatus {
    TaskStatus { reason, ..status("t", "a", TaskState::Running, sequence) }
}

/// A task of half a CPU that runs, and an offer of the rest.
fn running() -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig
}

#[test]
fn a_task_grows_out_of_an_offer_and_shrinks_without_one() {
    let mut rig = running();
    rig.pass(6_000);
    let offer = rig.offers.last().expect("of the rest").id;
    rig.tell("it grows, and the agent says so");
    rig.call("hello", sizes(&[offer], vec![resize("t", 1_500)]));
    rig.update(1, "a", "hello", said(StatusReason::Resized, 2));
    rig.tell("it shrinks, and what it gives back is offered when the agent says so");
    rig.call("hello", sizes(&[], vec![resize("t", 100)]));
    rig.update(1, "a", "hello", said(StatusReason::Resized, 3));
    rig.tell("what it holds it does not give back");
    rig.call("hello", sizes(&[], vec![resize("t", 50)]));
    rig.update(1, "a", "hello", said(StatusReason::ResizeFailed, 4));
    rig.matches("resized");
}

#[test]
fn a_size_that_cannot_be_is_refused() {
    let mut rig = running();
    rig.pass(6_000);
    let offer = rig.offers.last().expect("of the rest").id;
    rig.tell("more than was offered, nothing that was offered, nobody");
    rig.refused_call("hello", sizes(&[offer], vec![resize("t", 2_001)]));
    rig.refused_call("hello", sizes(&[], vec![resize("t", 501)]));
    rig.refused_call("hello", sizes(&[], vec![resize("nobody", 1)]));
    rig.tell("one change at a time");
    rig.call("hello", sizes(&[], vec![resize("t", 400)]));
    rig.call("hello", sizes(&[], vec![resize("t", 300)]));
    rig.update(1, "a", "hello", said(StatusReason::Resized, 2));
    rig.tell("and none of what is being ended");
    rig.call("hello", kill("t"));
    rig.call("hello", sizes(&[], vec![resize("t", 300)]));
    rig.matches("resize_refused");
}

/// Both are in one log entry, and when it is applied the task has its smaller size: it would take
/// what others may have been offered since.
#[test]
fn a_task_does_not_grow_by_what_it_is_just_giving_back() {
    let mut rig = running();
    rig.call("hello", sizes(&[], vec![resize("t", 100)]));
    rig.tell("the agent says that it is done, and the framework wants it back, at once");
    let update = AgentCall::Update {
        framework: rig.framework("hello"),
        status: said(StatusReason::Resized, 2),
    };
    let back = sizes(&[], vec![resize("t", 500)]);
    let back = rig.calls("hello", back);
    rig.turn(vec![agent_message(1, "a", update), back]);
    rig.matches("resize_taken_back");
}

#[test]
fn an_agent_that_comes_back_hears_of_it_again() {
    let mut rig = running();
    rig.call("hello", sizes(&[], vec![resize("t", 400)]));
    rig.close(1);
    rig.tell("it had not heard, or not said so");
    let mut message = register("a", 7);
    if let proto::model::AgentCall::Register { tasks, .. } = &mut message {
        tasks.push(proto::model::agent::AgentTask {
            key: proto::model::TaskKey {
                framework: rig.framework("hello"),
                task: TaskId::new("t").expect("an id"),
            },
            state: TaskState::Running,
            sequence: 1,
        });
    }
    rig.agent(3, "a", message);
    rig.update(3, "a", "hello", said(StatusReason::Resized, 2));
    rig.matches("resize_told_again");
}
