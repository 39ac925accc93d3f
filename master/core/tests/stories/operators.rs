//! Operators: pages, watches, kills.

use super::rig::{Rig, accept, register, status, task};
use master_core::{
    input::{AgentFilter, FrameworkFilter, OperatorCall, Page},
    ledger::{AgentState, FrameworkState},
};
use proto::model::{FrameworkId, TaskId, TaskKey, TaskState};

fn page(size: u32, after: Option<&str>) -> Page {
    Page { size, after: after.map(str::to_owned) }
}

fn agents(page: Page) -> OperatorCall {
    OperatorCall::ListAgents { page, filter: AgentFilter::default() }
}

fn frameworks(page: Page) -> OperatorCall {
    OperatorCall::ListFrameworks { page, filter: FrameworkFilter::default() }
}

#[test]
fn listings_have_filters() {
    let mut rig = Rig::serving();
    for (stream, name) in [(1, "a"), (2, "b"), (3, "c")] {
        rig.agent(stream, name, register(name, stream));
    }
    rig.subscribe_in(4, "hello", &["eng/search", "ops"]);
    rig.subscribe_in(5, "other", &["sales"]);
    let mut offers = rig.offers.clone();
    offers.retain(|offer| offer.role.to_string() == "eng/search");
    let offer = offers.first().expect("somebody is offered something");
    let (id, agent) = (offer.id, offer.agent.to_string());
    rig.call("hello", accept(&[id], vec![task("t", &agent, 500)]));
    rig.close(5);
    rig.tell("agents by id, by host name, by an attribute that none has, by state");
    let which = |selector: &str, states: Vec<AgentState>| {
        let selector = (!selector.is_empty()).then(|| selector.parse().expect("a selector"));
        OperatorCall::ListAgents { page: page(10, None), filter: AgentFilter { states, selector } }
    };
    rig.operator(which("id=b", vec![]));
    rig.operator(which("hostname=c.example", vec![]));
    rig.operator(which("rack=r1", vec![]));
    rig.operator(which("", vec![AgentState::Registered]));
    rig.operator(which("", vec![AgentState::Unreachable, AgentState::Removed]));
    rig.tell("frameworks by role, with those below it, and by state");
    let which = |role: Option<&str>, states: Vec<FrameworkState>| {
        let role = role.map(|role| role.parse().expect("a role"));
        let filter = FrameworkFilter { states, role };
        OperatorCall::ListFrameworks { page: page(10, None), filter }
    };
    rig.operator(which(Some("eng"), vec![]));
    rig.operator(which(Some("sales"), vec![]));
    rig.operator(which(Some("search"), vec![]));
    rig.operator(which(None, vec![FrameworkState::Disconnected]));
    rig.operator(which(Some("sales"), vec![FrameworkState::Subscribed]));
    rig.tell("tasks by role, with those below it");
    for role in ["eng", "eng/search", "ops"] {
        rig.operator(OperatorCall::ListTasks {
            page: page(10, None),
            framework: None,
            agent: None,
            states: vec![],
            role: Some(role.parse().expect("a role")),
        });
    }
    rig.matches("filters_of_listings");
}

#[test]
fn listings_have_pages() {
    let mut rig = Rig::serving();
    for (stream, name) in [(1, "a"), (2, "b"), (3, "c")] {
        rig.agent(stream, name, register(name, stream));
    }
    rig.subscribe(4, "hello");
    rig.subscribe(5, "other");
    let offer = rig.offers.iter().find(|offer| offer.agent.as_str() == "a").expect("offered").id;
    rig.call("hello", accept(&[offer], vec![task("t", "a", 500), task("u", "a", 500)]));
    rig.tell("agents, two to a page");
    rig.operator(agents(page(2, None)));
    rig.operator(agents(page(2, Some("b"))));
    rig.tell("tasks, one to a page");
    let tasks = |page| OperatorCall::ListTasks {
        page,
        framework: None,
        agent: None,
        states: vec![],
        role: None,
    };
    rig.operator(tasks(page(1, None)));
    rig.operator(tasks(page(1, Some("framework-1/t"))));
    rig.operator(tasks(page(1, Some("not a token"))));
    rig.tell("the rest");
    rig.operator(frameworks(page(1, None)));
    rig.operator(OperatorCall::ListOffers(page(10, None)));
    rig.operator(OperatorCall::ListRoles(page(10, None)));
    rig.operator(OperatorCall::GetCluster);
    rig.matches("pages");
}

#[test]
fn reads_of_what_is_not_there_are_refused() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    let task = TaskId::new("t").expect("an id");
    rig.operator(OperatorCall::GetTask { framework: None, task });
    rig.operator(OperatorCall::GetAgent("a".parse().expect("an id")));
    rig.operator(OperatorCall::GetFramework(FrameworkId(1)));
    rig.tell("and now what is not there");
    let never = TaskId::new("never").expect("an id");
    rig.operator(OperatorCall::GetTask { framework: None, task: never.clone() });
    rig.operator(OperatorCall::GetAgent("never".parse().expect("an id")));
    rig.operator(OperatorCall::GetFramework(FrameworkId(9)));
    let key = TaskKey { framework: FrameworkId(1), task: never };
    rig.operator(OperatorCall::KillTask { key, grace_period: None });
    rig.matches("reads");
}

#[test]
fn an_operator_kills_a_task() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    let key = TaskKey { framework: FrameworkId(1), task: "t".parse().expect("an id") };
    rig.operator(OperatorCall::KillTask { key, grace_period: None });
    rig.update(1, "a", "hello", status("t", "a", TaskState::Killed, 1));
    rig.matches("operator_kill");
}

#[test]
fn a_watch_resumes() {
    let mut rig = Rig::serving();
    rig.watch(9, None);
    rig.agent(1, "a", register("a", 7));
    let seen = rig.master.ledger().applied().index << 20;
    rig.tell("the watch breaks off; things happen");
    rig.close(9);
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    rig.tell("it resumes after the last event that it saw");
    rig.watch(10, Some(seen));
    rig.update(1, "a", "hello", status("t", "a", TaskState::Finished, 1));
    rig.tell("one resumes in a future that has not happened");
    rig.watch(11, Some(99 << 20));
    rig.matches("watch");
}

/// The tasks of others are as unknown to a framework as tasks that never were.
#[test]
fn a_framework_reads_what_is_its_own() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("mine", "a", 500));
    rig.subscribe(3, "other");
    rig.launch("other", task("theirs", "a", 500));
    let get = |framework: Option<u64>, task: &str| OperatorCall::GetTask {
        framework: framework.map(FrameworkId),
        task: task.parse().expect("an id"),
    };
    let list = |framework: Option<u64>| OperatorCall::ListTasks {
        page: page(10, None),
        framework: framework.map(FrameworkId),
        agent: None,
        states: vec![],
        role: None,
    };
    for who in ["hello", "other", "nobody"] {
        rig.tell(&format!("{who} asks"));
        let who = format!("framework/{who}");
        rig.ask_as(&who, list(None));
        rig.ask_as(&who, list(Some(1)));
        rig.ask_as(&who, get(None, "mine"));
        rig.ask_as(&who, get(Some(1), "mine"));
        rig.ask_as(&who, get(Some(1), "never"));
        rig.ask_as(&who, get(Some(9), "mine"));
    }
    rig.tell("everybody may know how an agent is reached, only operators what runs there");
    let agent = || OperatorCall::GetAgent("a".parse().expect("an id"));
    rig.ask_as("framework/other", agent());
    rig.operator(agent());
    rig.matches("owners");
}

#[test]
fn nobody_else_may_ask() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello");
    rig.launch("hello", task("t", "a", 500));
    let key = TaskKey { framework: FrameworkId(1), task: "t".parse().expect("an id") };
    let calls = [
        OperatorCall::GetCluster,
        OperatorCall::GetAgent("a".parse().expect("an id")),
        agents(page(10, None)),
        OperatorCall::GetFramework(FrameworkId(1)),
        frameworks(page(10, None)),
        OperatorCall::GetTask { framework: None, task: key.task.clone() },
        OperatorCall::ListOffers(page(10, None)),
        OperatorCall::ListRoles(page(10, None)),
        OperatorCall::KillTask { key, grace_period: None },
    ];
    for who in ["framework/hello", "agent/a", "master/1"] {
        for call in &calls {
            rig.tell(&format!("{who} asks {call:?}"));
            rig.ask_as(who, call.clone());
        }
    }
    rig.matches("readers");
}
