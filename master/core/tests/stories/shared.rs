//! Shared roles: all of their frameworks see the same, and who commits first has it.

use super::rig::{Rig, accept, register, status, task};
use master_core::input::{FrameworkFilter, OperatorCall, Page, StreamId};
use proto::model::{
    AgentCall, AgentDirective, AgentId, AgentInfo, AgentVersion, ConflictDetection, DrainPlan,
    Duration, Milli, Operation, Quota, ResourceName, Resources, Role, RoleSettingsChange,
    SchedulerCall, SharedState, TaskInfo, TaskState,
    role_settings::{Change, OfferMode},
};
use std::collections::BTreeMap;

pub(crate) fn share(rig: &mut Rig, role: &str) {
    configure(rig, role, Change::Set(OfferMode::Shared));
}

fn configure(rig: &mut Rig, role: &str, offer_mode: Change<OfferMode>) {
    let role = Role::new(role).expect("a role");
    let change = RoleSettingsChange { offer_mode, ..RoleSettingsChange::default() };
    rig.operator(OperatorCall::ConfigureRole { role, change });
}

/// Launches the tasks together.
pub(crate) fn commit(role: &str, tasks: Vec<TaskInfo>) -> SchedulerCall {
    SchedulerCall::Commit {
        role: Role::new(role).expect("a role"),
        operations: Operation::launch(tasks),
        partial: false,
        detection: ConflictDetection::Fine,
        decided_on: BTreeMap::new(),
        request: None,
    }
}

/// Launches each task by itself.
pub(crate) fn commit_each(role: &str, tasks: Vec<TaskInfo>) -> SchedulerCall {
    let each = tasks.into_iter().map(|task| Operation::Launch { tasks: vec![task] });
    match commit(role, vec![]) {
        SchedulerCall::Commit { role, detection, decided_on, request, .. } => {
            let (operations, partial) = (each.collect(), true);
            SchedulerCall::Commit { role, operations, partial, detection, decided_on, request }
        }
        _ => unreachable!("that is what it makes"),
    }
}

/// The same, unless something has changed on the agents since these versions.
fn coarse(call: SchedulerCall, versions: &[(&str, AgentVersion)]) -> SchedulerCall {
    let version =
        |(agent, version): &(&str, AgentVersion)| (AgentId::new(agent).expect("an id"), *version);
    match call {
        SchedulerCall::Commit { role, operations, partial, request, .. } => SchedulerCall::Commit {
            role,
            operations,
            partial,
            detection: ConflictDetection::Coarse,
            decided_on: versions.iter().map(version).collect(),
            request,
        },
        _ => unreachable!("commits only"),
    }
}

/// The version of an agent as it was last shown on a stream.
fn version(rig: &Rig, stream: u64, agent: &str) -> AgentVersion {
    let shown = rig.shown.iter().rev().filter(|(of, _)| *of == stream);
    let mut agents = shown.flat_map(|(_, state)| state.agents.iter());
    agents.find(|it| it.agent.as_str() == agent).expect("it was shown").version
}

fn lab() -> Rig {
    let mut rig = Rig::serving();
    share(&mut rig, "lab");
    rig.agent(1, "a", register("a", 7));
    rig.agent(2, "b", register("b", 8));
    rig.subscribe_in(3, "one", &["lab"]);
    rig.subscribe_in(4, "two", &["lab/deep"]);
    rig
}

#[test]
fn whoever_commits_first_has_it() {
    let mut rig = lab();
    let seen = version(&rig, 4, "a");
    rig.tell("one takes half of an agent, both see what is left");
    rig.call("one", commit("lab", vec![task("x", "a", 1_000)]));
    rig.tell("two takes what is no longer there: said at once, and nothing is logged");
    rig.refused_call("two", commit("lab/deep", vec![task("y", "a", 2_000)]));
    rig.tell("all or nothing: the other agent does not help");
    let both = vec![task("y", "b", 500), task("z", "a", 2_000)];
    rig.refused_call("two", commit("lab/deep", both.clone()));
    rig.tell("each by itself: the first fits, the second does not, the third is nobody's");
    let each = vec![both[0].clone(), both[1].clone(), task("w", "nobody", 1)];
    rig.call("two", commit_each("lab/deep", each));
    rig.tell("coarse: what is free would do, but it has changed since");
    let half = commit("lab/deep", vec![task("v", "a", 500)]);
    rig.refused_call("two", coarse(half.clone(), &[("a", seen)]));
    let seen = version(&rig, 4, "a");
    rig.call("two", coarse(half, &[("a", seen)]));
    rig.tell("a task ends: its resources are free for all");
    rig.update(1, "a", "one", status("x", "a", TaskState::Finished, 1));
    rig.operator(OperatorCall::ListFrameworks {
        page: Page { size: 10, after: None },
        filter: FrameworkFilter::default(),
    });
    rig.matches("shared_offer_conflict");
}

#[test]
fn two_commits_of_one_turn_do_not_take_the_same() {
    let mut rig = lab();
    rig.tell("both want all of an agent, in the same turn");
    let wants = |name: &str| commit(name, vec![task("all", "a", 2_000)]);
    rig.turn_of_calls(vec![("one", wants("lab")), ("two", wants("lab/deep"))]);
    rig.tell("a repetition is answered as the first, whatever is free now");
    let repeated = |call: SchedulerCall| match call {
        SchedulerCall::Commit { role, operations, partial, detection, decided_on, .. } => {
            let request = Some("0123456789abcdef".parse().expect("an id"));
            SchedulerCall::Commit { role, operations, partial, detection, decided_on, request }
        }
        other => other,
    };
    let once = repeated(commit("lab/deep", vec![task("t", "b", 2_000)]));
    rig.turn_of_calls(vec![("two", once.clone()), ("two", once.clone())]);
    rig.call("two", once);
    rig.matches("shared_same_turn");
}

#[test]
fn it_is_shown_where_agents_are_and_when_they_move() {
    let in_domain = |name: &str, incarnation, domain: &str| match register(name, incarnation) {
        AgentCall::Register { info, incarnation, tasks, volumes } => {
            let info = AgentInfo { domain: domain.parse().ok(), ..info };
            AgentCall::Register { info, incarnation, tasks, volumes }
        }
        other => other,
    };
    let mut rig = Rig::serving();
    share(&mut rig, "lab");
    rig.agent(1, "a", in_domain("a", 7, "eu/eu-1/r7"));
    rig.subscribe_in(3, "one", &["lab"]);
    rig.tell("another agent comes, and says nothing of where it is");
    rig.agent(2, "b", register("b", 8));
    rig.tell("the first is moved to another rack: it describes itself anew");
    rig.close(1);
    rig.agent(5, "a", in_domain("a", 9, "eu/eu-1/r8"));
    let total = |(_, state): &(u64, SharedState)| {
        let described = state.agents.iter().filter_map(|agent| agent.description.clone());
        described.map(|it| it.total).collect::<Vec<_>>()
    };
    let totals: Vec<_> = rig.shown.iter().flat_map(total).collect();
    assert_eq!(totals, vec![Resources::cpus_mem(2_000, 1_024); 3]);
    rig.matches("shared_domains");
}

#[test]
fn a_slow_reader_is_shown_the_newest_and_not_every_step() {
    let mut rig = lab();
    rig.slow.insert(StreamId(3));
    rig.tell("one stops reading; two launches four tasks, and two of them end");
    for (id, agent) in [("t", "a"), ("u", "a"), ("v", "b"), ("w", "b")] {
        rig.call("two", commit("lab/deep", vec![task(id, agent, 500)]));
    }
    for (stream, id, agent) in [(1, "t", "a"), (2, "v", "b")] {
        rig.update(stream, agent, "two", status(id, agent, TaskState::Finished, 1));
    }
    rig.tell("one reads on");
    rig.read();
    rig.tell("it comes back on another stream, and is shown everything");
    rig.close(3);
    rig.subscribe_in(5, "one", &["lab"]);
    rig.matches("shared_slow_reader");
}

#[test]
fn shared_and_exclusive_roles_stand_beside_each_other() {
    let mut rig = lab();
    rig.tell("an exclusive role is offered what is free: it is shown to nobody meanwhile");
    rig.subscribe_in(5, "solo", &["ops"]);
    rig.refused_call("one", commit("lab", vec![task("x", "a", 500)]));
    rig.tell("what it declines, others may have");
    let offers: Vec<_> = rig.offers.iter().map(|offer| offer.id).collect();
    rig.call("solo", SchedulerCall::Decline { offers, refuse: Duration(60_000).into() });
    rig.call("one", commit("lab", vec![task("x", "a", 500)]));
    rig.tell("what another role is promised is kept, and not shown");
    let guarantee = Resources::cpus_mem(2_000, 1_024);
    let quota = Quota::new(guarantee, vec![(ResourceName::CPUS, Milli(4_000))], None);
    let (role, force) = (Role::new("later").expect("a role"), false);
    let quota = quota.expect("a quota");
    rig.operator(OperatorCall::SetQuota { role, quota, force });
    rig.refused_call("two", commit("lab/deep", vec![task("y", "b", 2_000)]));
    rig.matches("shared_beside_exclusive");
}

#[test]
fn a_roles_mode_changes_while_it_is_used() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe_in(3, "one", &["lab"]);
    rig.refused_call("one", commit("lab", vec![task("x", "a", 500)]));
    rig.tell("offers are taken back, what is free is shown");
    share(&mut rig, "lab");
    rig.call("one", SchedulerCall::Suppress { roles: vec![] });
    rig.call("one", commit("lab", vec![task("x", "a", 500)]));
    rig.tell("it wants to be shown things again");
    rig.call("one", SchedulerCall::Revive { roles: vec![] });
    let old = rig.offers[0].id;
    rig.refused_call("one", accept(&[old], vec![task("y", "a", 500)]));
    rig.tell("an agent that takes no tasks has nothing to show");
    let drain = DrainPlan { deadline: Duration(1_000), max_grace: None, mark_gone: false };
    let agent = AgentId::new("a").expect("an id");
    let directive = AgentDirective::Drain(drain);
    rig.operator(OperatorCall::DirectAgent { agent: agent.clone(), directive });
    let directive = AgentDirective::CancelDrain;
    rig.operator(OperatorCall::DirectAgent { agent: agent.clone(), directive });
    rig.tell("a role that it is not in; then back to offers");
    rig.refused_call("one", commit("ops", vec![task("z", "a", 500)]));
    configure(&mut rig, "lab", Change::Reset);
    rig.tell("and shared again: an agent that is gone is shown no longer");
    share(&mut rig, "lab");
    rig.operator(OperatorCall::DirectAgent { agent, directive: AgentDirective::DeclareGone });
    rig.matches("shared_mode_changes");
}
