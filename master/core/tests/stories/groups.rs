//! Task groups: launched as one, refused as one, ended as one; told again to an agent that comes
//! back.

use super::rig::{Rig, accept_operations, agent_message, kill, principal, register, status, task};
use master_core::{
    Input,
    input::{GroupFilter, OperatorCall, Page},
};
use proto::model::{
    AgentCall, DemandId, Duration, GroupId, GroupKey, Operation, Priority, Resources, Role,
    SchedulerCall, StatedDemand, StatusReason as Why, TaskGroup, TaskId, TaskKey,
    TaskState as State, TaskStatus, agent::AgentTask,
};

fn id(text: &str) -> GroupId {
    GroupId::new(text).expect("an id")
}

/// An init task that needs more than the two others together.
fn group(name: &str) -> TaskGroup {
    let named = |part: &str, cpus: i64| task(&format!("{name}-{part}"), "a", cpus);
    TaskGroup::new(id(name))
        .init(named("fetch", 1_500))
        .sidecar(named("proxy", 200))
        .main(named("serve", 800))
}

/// Launches it on the newest offer.
fn launch(rig: &mut Rig, group: TaskGroup) {
    let offer = rig.offers.last().expect("an offer").id;
    rig.call("hello", accept_operations(&[offer], vec![Operation::LaunchGroup(group)], false));
}

fn launched() -> Rig {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    launch(&mut rig, group("web"));
    rig
}

fn ended(id: &str, state: State, reason: Why, sequence: u64) -> TaskStatus {
    TaskStatus { reason, ..status(id, "a", state, sequence) }
}

fn says(rig: &mut Rig, id: &str, state: State, sequence: u64) {
    rig.update(1, "a", "hello", status(id, "a", state, sequence));
}

fn list(rig: &mut Rig) {
    let page = Page { size: 10, after: None };
    rig.operator(OperatorCall::ListGroups { page, filter: GroupFilter::default() });
    rig.read();
}

#[test]
fn a_group_is_launched_and_its_sidecar_follows_its_main_task() {
    let mut rig = launched();
    list(&mut rig);
    rig.tell("the init task ends: what only it needed is offered again");
    says(&mut rig, "web-fetch", State::Running, 1);
    list(&mut rig);
    says(&mut rig, "web-fetch", State::Finished, 2);
    says(&mut rig, "web-proxy", State::Running, 1);
    says(&mut rig, "web-serve", State::Running, 1);
    list(&mut rig);
    rig.tell("the main task ends, and the agent ends the sidecar");
    says(&mut rig, "web-serve", State::Finished, 2);
    list(&mut rig);
    rig.update(1, "a", "hello", ended("web-proxy", State::Killed, Why::GroupEnded, 2));
    list(&mut rig);
    rig.matches("group_finished");
}

#[test]
fn a_group_whose_init_task_fails_has_failed() {
    let mut rig = launched();
    rig.tell("the agent ends what never began; what it says of that may be heard first");
    rig.update(1, "a", "hello", ended("web-serve", State::Killed, Why::GroupEnded, 1));
    rig.update(1, "a", "hello", ended("web-fetch", State::Failed, Why::CommandExited, 1));
    rig.update(1, "a", "hello", ended("web-proxy", State::Killed, Why::GroupEnded, 1));
    list(&mut rig);
    rig.matches("group_failed");
}

#[test]
fn a_group_is_ended_as_one() {
    let mut rig = launched();
    rig.tell("by any of its tasks, or by its own name");
    rig.call("hello", kill("web-serve"));
    rig.call("hello", SchedulerCall::KillGroup { group: id("web"), grace_period: None });
    let framework = rig.framework("hello");
    let key = |name: &str| GroupKey { framework, group: id(name) };
    rig.operator(OperatorCall::KillGroup { key: key("web"), grace_period: None });
    list(&mut rig);
    rig.tell("one that is not there");
    rig.refused_call("hello", SchedulerCall::KillGroup { group: id("wep"), grace_period: None });
    rig.operator(OperatorCall::KillGroup { key: key("wep"), grace_period: None });
    rig.tell("and one that has ended");
    for task in ["web-fetch", "web-proxy", "web-serve"] {
        rig.update(1, "a", "hello", ended(task, State::Killed, Why::KilledByFramework, 1));
    }
    rig.call("hello", SchedulerCall::KillGroup { group: id("web"), grace_period: None });
    list(&mut rig);
    rig.matches("group_killed");
}

#[test]
fn a_group_is_ended_although_one_of_it_ends_in_the_same_moment() {
    let mut rig = launched();
    rig.tell("one entry: the init task has finished, and the group is to end");
    let finished = status("web-fetch", "a", State::Finished, 1);
    let framework = rig.framework("hello");
    let update = AgentCall::Update { framework, status: finished };
    let kill = SchedulerCall::KillGroup { group: id("web"), grace_period: None };
    let (session, call) = (rig.sessions["hello"], rig.call_id());
    let principal = principal("framework/hello");
    rig.turn(vec![
        agent_message(1, "a", update),
        Input::FrameworkCall { call, principal, session, request: kill },
    ]);
    list(&mut rig);
    rig.matches("group_killed_meanwhile");
}

#[test]
fn a_group_that_cannot_be_is_refused_as_one() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let offer = rig.offers.last().expect("an offer").id;
    let operations = |group: TaskGroup| vec![Operation::LaunchGroup(group)];
    rig.tell("more than was offered, by the init task alone or by the others together");
    let large = group("web").init(task("large", "a", 2_001));
    rig.refused_call("hello", accept_operations(&[offer], operations(large), false));
    let many = group("web").main(task("large", "a", 1_001));
    rig.refused_call("hello", accept_operations(&[offer], operations(many), false));
    rig.tell("refused alone, where each operation is done by itself");
    let elsewhere = TaskGroup::new(id("elsewhere")).main(task("t", "b", 100));
    let both = vec![Operation::LaunchGroup(elsewhere), Operation::LaunchGroup(group("web"))];
    rig.call("hello", accept_operations(&[offer], both, true));
    rig.tell("its name, and that of its tasks, are used once: seen when it is applied");
    rig.pass(6_000);
    let offer = rig.offers.last().expect("of the rest").id;
    let again = TaskGroup::new(id("web")).main(task("other", "a", 100));
    rig.call("hello", accept_operations(&[offer], operations(again), false));
    let offer = rig.offers.last().expect("of the rest").id;
    let same =
        TaskGroup::new(id("other")).main(task("new", "a", 1)).main(task("web-serve", "a", 1));
    rig.call("hello", accept_operations(&[offer], operations(same), false));
    list(&mut rig);
    rig.matches("group_refused");
}

#[test]
fn an_agent_that_comes_back_hears_of_what_it_does_not_have() {
    let mut rig = launched();
    rig.close(1);
    rig.tell("it had not heard of the group: it hears of all of it, once");
    rig.agent(3, "a", register("a", 7));
    rig.close(3);
    rig.tell("it has it, and the init task has ended: of that the leader has not heard");
    let framework = rig.framework("hello");
    let held = |task: &str, state: State, sequence: u64| {
        let task = TaskId::new(task).expect("an id");
        AgentTask { key: TaskKey { framework, task }, state, sequence }
    };
    let mut message = register("a", 7);
    if let AgentCall::Register { tasks, .. } = &mut message {
        tasks.push(held("web-fetch", State::Finished, 2));
        tasks.push(held("web-proxy", State::Staging, 0));
        tasks.push(held("web-serve", State::Staging, 0));
    }
    rig.agent(4, "a", message);
    rig.update(4, "a", "hello", status("web-fetch", "a", State::Running, 1));
    rig.update(4, "a", "hello", status("web-fetch", "a", State::Finished, 2));
    list(&mut rig);
    rig.matches("group_told_again");
}

/// What a group holds is what it is charged with.
#[test]
fn a_group_takes_the_larger_of_both() {
    assert_eq!(group("web").holds(), Ok(Resources::cpus_mem(1_500, 128)));
}

/// A part of it would make room enough, and would be of no use.
#[test]
fn a_group_gives_way_as_one() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    let low = |mut group: TaskGroup| {
        for member in &mut group.members {
            member.task.priority = Priority::new(1).expect("a priority");
        }
        group.members[1].task.preemption_notice = Some(Duration(2_000));
        group
    };
    launch(&mut rig, low(group("web")));
    let demand = StatedDemand {
        id: DemandId::new("urgent").expect("an id"),
        shape: Resources::cpus_mem(600, 64),
        count: 1,
        constraints: Vec::new(),
        per_agent_max: None,
        spread: Vec::new(),
        gang_timeout: None,
        priority: Priority::DEFAULT,
        revocable: false,
    };
    let role = Role::any();
    rig.tell("the sidecar's notice is that of all");
    rig.call("hello", SchedulerCall::StateDemand { role, demands: Some(vec![demand]) });
    rig.pass(1_500);
    rig.pass(2_500);
    list(&mut rig);
    for task in ["web-fetch", "web-proxy", "web-serve"] {
        rig.update(1, "a", "hello", ended(task, State::Killed, Why::Preempted, 1));
    }
    rig.pass(1_000);
    list(&mut rig);
    rig.matches("group_preempted");
}
