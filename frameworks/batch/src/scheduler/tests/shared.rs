//! A job in a shared role.

use super::*;
use bourse_sdk::model::{
    AgentVersion, OperationResult, Reason, Refusal, SharedAgent, SharedState,
    shared::SharedDescription,
};

/// One CPU is ten instances.
fn agent(name: &str, number: u64, instances: i64) -> SharedAgent {
    SharedAgent {
        agent: AgentId::new(name).unwrap(),
        version: AgentVersion { term: 1, number },
        free: match instances {
            0 => Resources::new(),
            _ => Resources::cpus_mem(100 * instances, 100),
        },
        description: Some(SharedDescription::default()),
        unavailability: None,
    }
}

fn shown(agents: Vec<SharedAgent>, begins: bool) -> Event {
    let (role, complete) = (Role::any(), true);
    Event::SharedState(SharedState { role, agents, begins, complete, ended: false })
}

/// A commit: by which call, whether all or none, and which tasks go to which agents.
type Commit = (CallId, bool, Vec<(String, String)>);

fn commits(calls: &[(CallId, SchedulerCall)]) -> Vec<Commit> {
    let commits = calls.iter().filter_map(|(id, call)| match call {
        SchedulerCall::Commit { operations, partial, .. } => {
            let tasks = operations.iter().flat_map(Operation::tasks);
            let tasks = tasks.map(|task| (task.id.to_string(), task.agent.to_string()));
            Some((*id, *partial, tasks.collect()))
        }
        _ => None,
    });
    commits.collect()
}

fn on(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(task, agent)| ((*task).to_owned(), (*agent).to_owned())).collect()
}

fn conflict() -> OperationResult {
    OperationResult::Refused(Refusal::new(Reason::Conflict, "taken"))
}

fn launched(task: &str) -> OperationResult {
    OperationResult::Launched { tasks: vec![TaskId::new(task).unwrap()] }
}

#[test]
fn what_fits_is_committed_and_what_conflicts_is_tried_again_later() {
    let mut bench = Bench::new(vec![spec("a", 3)]);
    let calls = bench.event(shown(vec![agent("x", 1, 2)], true));
    assert!(matches!(calls[0].1, SchedulerCall::StateDemand { demands: None, .. }));
    let [(call, partial, tasks)] = &commits(&calls)[..] else { panic!("{calls:?}") };
    assert!(partial, "one conflict is to cost one instance");
    assert_eq!(*tasks, on(&[("a-0", "x"), ("a-1", "x")]));
    let results = vec![launched("a-0"), conflict()];
    let tasks = vec![TaskId::new("a-0").unwrap()];
    let after = bench.event(Event::Accepted { call: *call, tasks, results });
    assert!(commits(&after).is_empty(), "not at once");
    let nothing = bench.event(shown(vec![agent("x", 2, 1), agent("y", 3, 5)], false));
    assert!(commits(&nothing).is_empty(), "not before the pause is over");
    bench.now = bench.calls.alarm().expect("it wakes by itself");
    let again = bench.event(Event::Woken);
    let placed: Vec<String> =
        commits(&again).into_iter().flat_map(|(.., tasks)| tasks).map(|(task, _)| task).collect();
    assert_eq!(placed, ["a-1", "a-2"]);
}

#[test]
fn a_gang_is_one_commit_or_none_and_is_given_up_in_time() {
    let mut gang = spec("g", 3);
    gang.gang_timeout = Some(Duration(5_000));
    let mut bench = Bench::new(vec![gang]);
    let calls = bench.event(shown(vec![agent("x", 1, 2)], true));
    assert!(commits(&calls).is_empty(), "two of three are none");
    let calls = bench.event(shown(vec![agent("y", 2, 1)], false));
    let [(call, partial, tasks)] = &commits(&calls)[..] else { panic!("{calls:?}") };
    assert!(!partial && tasks.len() == 3);
    let refusal = Refusal::new(Reason::Conflict, "taken").at("tasks[0].resources");
    bench.event(Event::Refused { call: *call, refusal });
    bench.event(shown(vec![agent("y", 3, 0)], false));
    bench.now = bench.now + Duration(4_000);
    assert!(commits(&bench.event(Event::Woken)).is_empty());
    bench.now = bench.now + Duration(5_000);
    let calls = bench.event(Event::Woken);
    assert!(calls.iter().any(|(_, call)| *call == SchedulerCall::Teardown), "{calls:?}");
}

#[test]
fn instances_are_spread_and_constrained() {
    let mut wide = spec("w", 3);
    wide.per_agent_max = Some(1);
    wide.constraints = vec!["id not in z".parse().unwrap()];
    let mut bench = Bench::new(vec![wide]);
    let agents = vec![agent("x", 1, 9), agent("y", 2, 9), agent("z", 3, 9)];
    let calls = bench.event(shown(agents, true));
    let mut places: Vec<String> =
        commits(&calls).into_iter().flat_map(|(.., tasks)| tasks).map(|(_, agent)| agent).collect();
    places.sort();
    assert_eq!(places, ["x", "y"], "one on each, and none on z");
}

/// The domain is the first part of the name.
fn agent_in_domain(name: &str, number: u64, instances: i64) -> SharedAgent {
    let (domain, _) = name.split_once('-').unwrap();
    let domain = format!("eu/{domain}").parse().ok();
    let total = Resources::cpus_mem(4_000, 4_096);
    let description = SharedDescription { domain, total, ..SharedDescription::default() };
    SharedAgent { description: Some(description), ..agent(name, number, instances) }
}

fn agents_of(calls: &[(CallId, SchedulerCall)]) -> Vec<String> {
    let places = commits(calls).into_iter().flat_map(|(.., tasks)| tasks);
    let mut agents: Vec<String> = places.map(|(_, agent)| agent).collect();
    agents.sort();
    agents
}

#[test]
fn instances_are_kept_in_fault_domains_and_spread_over_them() {
    let three = ["a-1", "a-2", "b-1"];
    let all = |instances| three.map(|name| agent_in_domain(name, 1, instances)).to_vec();
    let placed = |change: &dyn Fn(&mut TaskSpec)| {
        let mut wanted = spec("w", 4);
        change(&mut wanted);
        agents_of(&Bench::new(vec![wanted]).event(shown(all(9), true)))
    };
    let kept = |text: &'static str| {
        placed(&move |wanted| wanted.constraints = vec![text.parse().unwrap()])
    };
    assert_eq!(kept("domain in eu/b"), ["b-1"; 4]);
    assert!(kept("domain in us").is_empty());
    assert_eq!(kept("total cpus >= 4").len(), 4);
    assert!(kept("total cpus >= 5").is_empty());
    let spread = |text: &'static str| {
        placed(&move |wanted| wanted.domain_spread = vec![text.parse().unwrap()])
    };
    assert_eq!(spread("at most 1 per level 2").len(), 2);
    assert!(spread("at most 1 per level 3").is_empty(), "no agent has so many levels");
    let even = spread("even over level 2");
    assert_eq!(even.iter().filter(|agent| *agent == "b-1").count(), 2, "{even:?}");
    let in_b = placed(&|wanted| {
        wanted.domain_spread = vec!["even over level 2".parse().unwrap()];
        wanted.constraints = vec!["domain in eu/b".parse().unwrap()];
    });
    assert_eq!(in_b, ["b-1"; 4], "where it may not be has no part");
}

/// It counts where they are: one that has ended makes room, one on a full agent that is shown no
/// longer does not.
#[test]
fn what_is_spread_is_where_its_instances_are() {
    let mut one_each = spec("w", 3);
    (one_each.domain_spread, one_each.retries) =
        (vec!["at most 1 per level 2".parse().unwrap()], 1);
    let mut bench = Bench::new(vec![one_each]);
    let agents = vec![agent_in_domain("a-1", 1, 1), agent_in_domain("b-1", 1, 9)];
    let calls = bench.event(shown(agents, true));
    assert_eq!(agents_of(&calls), ["a-1", "b-1"]);
    for (call, _, tasks) in commits(&calls) {
        let results = tasks.iter().map(|(task, _)| launched(task)).collect();
        let tasks = tasks.iter().map(|(task, _)| TaskId::new(task).unwrap()).collect();
        bench.event(Event::Accepted { call, tasks, results });
    }
    let on_a = commits(&calls).into_iter().flat_map(|(.., tasks)| tasks);
    let on_a = on_a.into_iter().find(|(_, agent)| agent == "a-1").unwrap().0;
    // It comes back; `a-1` is full, and is not shown.
    bench.event(Event::Disconnected);
    bench.subscribed(false);
    let agents = vec![agent_in_domain("a-2", 2, 9), agent_in_domain("b-1", 2, 8)];
    assert!(commits(&bench.event(shown(agents, true))).is_empty(), "one is in each");
    let calls = bench.update(&on_a, TaskState::Finished);
    assert_eq!(agents_of(&calls), ["a-2"]);
}

#[test]
fn a_role_that_is_no_longer_shared_is_asked_for_offers_again() {
    let mut bench = Bench::new(vec![spec("a", 2)]);
    let calls = bench.event(shown(vec![agent("x", 1, 1)], true));
    let [(call, ..)] = commits(&calls)[..] else { panic!("{calls:?}") };
    let refusal = Refusal::invalid("role", "is not shared");
    bench.event(Event::Refused { call, refusal });
    let (role, agents) = (Role::any(), Vec::new());
    let ended = SharedState { role, agents, begins: false, complete: true, ended: true };
    bench.event(Event::SharedState(ended));
    assert_eq!(bench.wanted(), [("a", 2)]);
}

/// Nothing says so when it comes back: what is shown begins anew, or does not begin.
#[test]
fn a_role_that_ceased_to_be_shared_meanwhile_is_asked_for_offers_again() {
    let mut bench = Bench::new(vec![spec("a", 2)]);
    bench.event(shown(vec![agent("x", 1, 0)], true));
    assert!(bench.wanted().is_empty(), "it looks for itself");
    bench.event(Event::Disconnected);
    bench.subscribed(false);
    assert_eq!(bench.wanted(), [("a", 2)]);
}
