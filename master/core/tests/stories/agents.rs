//! Agents: lost, back, given up; and those that say what is not so.

use super::rig::{Rig, agent_message, register, status, task};
use master_core::{Input, input::StreamId, ledger::AgentState};
use proto::model::{AgentCall, AgentId, TaskKey, TaskState, agent::AgentTask};

/// An agent with one task of the framework `hello`, in a state as the agent says.
fn with_task(state: Option<TaskState>) -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    if let Some(state) = state {
        rig.update(1, "a", "hello", status("t", "a", state, 1));
    }
    rig
}

/// The agent's registration, with a task in its journal.
fn register_with(rig: &Rig, id: &str, state: TaskState, sequence: u64) -> AgentCall {
    let key = TaskKey { framework: rig.framework("hello"), task: id.parse().expect("an id") };
    match register("a", 7) {
        AgentCall::Register { info, incarnation, volumes, .. } => {
            let tasks = vec![AgentTask { key, state, sequence }];
            AgentCall::Register { info, incarnation, tasks, volumes }
        }
        other => other,
    }
}

fn state_of(rig: &Rig, agent: &str) -> AgentState {
    rig.master.ledger().agent(&agent.parse().expect("an id")).expect("known").state
}

#[test]
fn an_agent_is_lost_and_comes_back_with_its_task() {
    let mut rig = with_task(Some(TaskState::Running));
    rig.tell("it says nothing for 30 s, though its stream stands");
    rig.pass(30_100);
    rig.tell("it comes back, the task in its journal");
    let call = register_with(&rig, "t", TaskState::Running, 1);
    rig.agent(3, "a", call);
    rig.matches("agent_back");
}

/// A task that is still being set up is told as STAGING; that is no reason to keep its agent out.
#[test]
fn an_agent_comes_back_while_it_sets_a_task_up() {
    let mut rig = with_task(None);
    rig.tell("a new stream, within the time");
    let call = register_with(&rig, "t", TaskState::Staging, 0);
    rig.agent(3, "a", call.clone());
    rig.tell("and after it was given up for a while");
    rig.pass(30_100);
    rig.agent(4, "a", call);
    rig.update(4, "a", "hello", status("t", "a", TaskState::Running, 1));
    rig.matches("agent_back_staging");
}

#[test]
fn an_agent_comes_back_without_its_task() {
    let mut rig = with_task(Some(TaskState::Running));
    rig.agent(3, "a", register("a", 7));
    rig.matches("agent_back_without");
}

#[test]
fn an_agent_is_removed() {
    let mut rig = with_task(Some(TaskState::Running));
    rig.close(1);
    rig.tell("30 s of silence, then 60 s out of contact");
    rig.pass(90_200);
    rig.tell("the same journal comes back, then a new one");
    let call = register_with(&rig, "t", TaskState::Running, 1);
    rig.agent(3, "a", call);
    rig.agent(4, "a", register("a", 8));
    rig.matches("agent_removed");
}

#[test]
fn an_agent_is_who_its_certificate_says() {
    let mut rig = Rig::serving();
    rig.agent(1, "mallory", register("a", 7));
    rig.tell("and says first who it is");
    rig.agent(2, "b", AgentCall::Heartbeat);
    assert_eq!(rig.master.ledger().agents().len(), 0);
    rig.matches("agent_identity");
}

#[test]
fn an_agent_id_belongs_to_one_journal() {
    let mut rig = with_task(Some(TaskState::Running));
    rig.tell("another process takes the same id while the first is well");
    rig.agent(3, "a", register("a", 8));
    rig.tell("the first opens a newer stream");
    let call = register_with(&rig, "t", TaskState::Running, 1);
    rig.agent(4, "a", call);
    rig.tell("30 s later, the other may have it; the first one's task is gone");
    rig.close(4);
    rig.pass(30_100);
    rig.agent(5, "a", register("a", 8));
    rig.matches("agent_fenced");
}

#[test]
fn an_agent_speaks_for_its_own_tasks() {
    let mut rig = with_task(Some(TaskState::Running));
    rig.agent(3, "b", register("b", 9));
    rig.tell("b says that a's task has ended");
    rig.update(3, "b", "hello", status("t", "b", TaskState::Finished, 1));
    assert_eq!(rig.master.ledger().live_task_count(), 1);
    rig.tell("a says what only a master can say");
    rig.update(1, "a", "hello", status("t", "a", TaskState::Unreachable, 2));
    assert_eq!(rig.master.ledger().live_task_count(), 1);
    rig.matches("agent_lies");
}

#[test]
fn an_agent_runs_what_nobody_asked_for() {
    let mut rig = with_task(Some(TaskState::Running));
    rig.tell("it reports a task that the ledger does not have");
    rig.update(1, "a", "hello", status("ghost", "a", TaskState::Running, 1));
    rig.tell("it registers with one: first the answer, then the order to end it");
    let call = register_with(&rig, "ghost", TaskState::Running, 1);
    rig.agent(3, "a", call);
    rig.tell("an update after a gap waits for the one before");
    rig.update(3, "a", "hello", status("t", "a", TaskState::Killing, 3));
    rig.matches("agent_ghost");
}

/// The stream ended before the registration was committed: nobody hears the agent, and it must not
/// count as there for ever.
#[test]
fn an_agent_that_registered_and_left_is_missed() {
    let mut rig = Rig::serving();
    let registration = agent_message(1, "a", register("a", 7));
    rig.turn(vec![registration, Input::StreamClosed(StreamId(1))]);
    assert_eq!(state_of(&rig, "a"), AgentState::Registered);
    rig.pass(30_100);
    assert_eq!(state_of(&rig, "a"), AgentState::Unreachable);
    assert!(rig.master.ledger().agent(&AgentId::new("a").expect("an id")).is_some());
}
