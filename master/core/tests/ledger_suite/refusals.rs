//! Every refusal that the ledger can give, each by a command that gets it, each without a trace.
//! Those that need thousands of rows are in `limits`.

use crate::{
    build::*,
    stories_directives::{advance, direct, drain, window},
};
use master_core::ledger::{Command, LogVersion};
use proto::model::{
    AgentDirective, DrainPlan, Duration, FrameworkId, Operation, Reason, Resize, StatusReason,
    TaskInfo, TaskState::*, WindowId, WindowPlan,
};

struct Case {
    name: &'static str,
    before: Vec<Command>,
    command: Command,
    reason: Reason,
    field: &'static str,
}

fn case(
    name: &'static str,
    before: Vec<Command>,
    command: Command,
    reason: Reason,
    field: &'static str,
) -> Case {
    Case { name, before, command, reason, field }
}

/// In the furnished world: `before` succeeds, `command` is refused.
fn check(cases: Vec<Case>) {
    for case in cases {
        let mut world = World::furnished();
        for command in &case.before {
            world.done(command);
        }
        let refusal = world.apply(&case.command).expect_err(case.name);
        let found = (refusal.reason, refusal.field.as_str());
        assert_eq!(found, (case.reason, case.field), "{}", case.name);
        assert!(!refusal.message.is_empty(), "{}", case.name);
    }
}

fn one(id: &str, on: &str, cpus_milli: i64) -> Command {
    accept(session(1, 1), vec![task_info(id, on, resources(cpus_milli, 0..0))])
}

fn teardown() -> Command {
    Command::RemoveFramework { session: session(1, 1), expired: false }
}

fn lost(text: &str) -> Vec<Command> {
    vec![unreachable_agent(text, 1)]
}

fn gone(text: &str) -> Vec<Command> {
    vec![unreachable_agent(text, 1), remove_agent(text, 1)]
}

#[test]
fn registrations() {
    use Reason::*;
    let smaller = Command::RegisterAgent {
        info: agent_info("a1", resources(499, 0..0)),
        incarnation: 1,
        tasks: vec![],
        volumes: vec![],
    };
    let twice = vec![journal(1, "t1", Running), journal(1, "t1", Running)];
    let (state, twice_field) = ("tasks[0].state", "tasks[1].task_id");
    let odd = |state| register("a1", 1, vec![journal(1, "t1", state)]);
    check(vec![
        case("tombstone", gone("a1"), register("a1", 1, vec![]), AgentRemoved, ""),
        case("too small", vec![], smaller, InvalidField, "agent.resources"),
        case("a task twice", vec![], register("a1", 1, twice), InvalidField, twice_field),
        case("unknown", vec![], odd(Unknown), InvalidField, state),
        case("unreachable", vec![], odd(Unreachable), InvalidField, state),
    ]);
}

#[test]
fn agents_marked_and_removed() {
    use Reason::*;
    check(vec![
        case("mark unknown", vec![], unreachable_agent("a9", 1), AgentUnknown, ""),
        case("mark removed", gone("a1"), unreachable_agent("a1", 1), AgentRemoved, ""),
        case("mark another journal", vec![], unreachable_agent("a1", 2), AgentFenced, ""),
        case("mark twice", lost("a1"), unreachable_agent("a1", 1), AgentUnreachable, ""),
        case("remove unknown", vec![], remove_agent("a9", 1), AgentUnknown, ""),
        case("remove twice", gone("a1"), remove_agent("a1", 1), AgentRemoved, ""),
        case("remove another journal", lost("a1"), remove_agent("a1", 2), AgentFenced, ""),
        case("remove registered", vec![], remove_agent("a1", 1), TransitionIllegal, ""),
    ]);
}

#[test]
fn sessions() {
    use Reason::*;
    type Call = fn(u64, u64) -> Command;
    let calls: [(&str, Call); 4] = [
        ("disconnect", |id, epoch| Command::DisconnectFramework(session(id, epoch))),
        ("remove", |id, epoch| Command::RemoveFramework {
            session: session(id, epoch),
            expired: false,
        }),
        ("accept", |id, epoch| {
            accept(session(id, epoch), vec![task_info("t2", "a1", resources(1, 0..0))])
        }),
        ("acknowledge", |id, epoch| acknowledge(session(id, epoch), "t1", 1)),
    ];
    for (name, call) in calls {
        let again = subscribe(Some(1), "request-2");
        check(vec![
            case(name, vec![], call(9, 1), FrameworkUnknown, ""),
            case(name, vec![], call(1, 2), FrameworkFenced, ""),
            case(name, vec![again], call(1, 1), FrameworkFenced, ""),
            case(name, vec![teardown()], call(1, 1), FrameworkRemoved, ""),
        ]);
    }
}

#[test]
fn subscriptions_and_expiry() {
    use Reason::*;
    let foreign = Command::SubscribeFramework {
        info: framework_info(&["*"], 0),
        framework: Some(FrameworkId(1)),
        principal: "mallory".to_owned(),
        request: request("request-2"),
    };
    let expiry = Command::RemoveFramework { session: session(1, 1), expired: true };
    let disconnect = Command::DisconnectFramework(session(1, 1));
    let removed = || vec![teardown()];
    check(vec![
        case("unknown", vec![], subscribe(Some(9), "request-2"), FrameworkUnknown, ""),
        case("another's", vec![], foreign, FrameworkUnknown, ""),
        case("removed", removed(), subscribe(Some(1), "request-2"), FrameworkRemoved, ""),
        case("removed, retried", removed(), subscribe(None, "request-1"), FrameworkRemoved, ""),
        case("expired, connected", vec![], expiry.clone(), FrameworkFenced, ""),
        case("expired too early", vec![disconnect], expiry, FrameworkFenced, ""),
    ]);
}

#[test]
fn accepts() {
    use Reason::*;
    let (id, on, what) = ("tasks[0].task_id", "tasks[0].agent_id", "tasks[0].resources");
    let tasks = vec![task_info("t2", "a1", resources(1, 0..0))];
    let other_role = Command::launch(session(1, 1), role("ops"), None, tasks);
    let pair = |first: (&str, i64), second: (&str, i64)| {
        let info = |(id, cpus)| task_info(id, "a2", resources(cpus, 0..0));
        accept(session(1, 1), vec![info(first), info(second)])
    };
    let port = |id| task_info(id, "a2", resources(1, 31_000..31_001));
    let ports = accept(session(1, 1), vec![port("t2"), port("t3")]);
    let disconnect = Command::DisconnectFramework(session(1, 1));
    check(vec![
        case("no stream", vec![disconnect], one("t2", "a1", 1), NotSubscribed, ""),
        case("another role", vec![], other_role, InvalidField, "role"),
        case("nothing", vec![], accept(session(1, 1), vec![]), InvalidField, "tasks"),
        case("known id", vec![], one("t1", "a2", 1), TaskExists, id),
        case("id twice", vec![], pair(("t2", 1), ("t2", 1)), TaskExists, "tasks[1].task_id"),
        case("agent unknown", vec![], one("t2", "a9", 1), AgentUnknown, on),
        case("agent lost", lost("a1"), one("t2", "a1", 1), AgentUnreachable, on),
        case("agent gone", gone("a1"), one("t2", "a1", 1), AgentRemoved, on),
        case("takes nothing", vec![], one("t2", "a1", 0), InvalidField, what),
        case("too much", vec![], one("t2", "a1", 3_501), ResourcesTaken, what),
        case(
            "too much together",
            vec![],
            pair(("t2", 2_000), ("t3", 2_001)),
            ResourcesTaken,
            "tasks[1].resources",
        ),
        case("a port twice", vec![], ports, ResourcesTaken, "tasks[1].resources"),
    ]);
}

/// With revocable offers.
#[test]
fn only_what_is_revocable_uses_what_is_lent() {
    use Reason::*;
    let lent = |operations: Vec<Operation>| Command::Accept {
        session: session(1, 1),
        role: role("*"),
        request: None,
        operations: operations.into_iter().map(Ok).collect(),
        partial: false,
        revocable: true,
    };
    let firm = task_info("t2", "a2", resources(1, 0..0));
    let task = TaskInfo { revocable: true, ..task_info("t3", "a2", resources(1, 0..0)) };
    let newest = || Command::RaiseVersion(LogVersion::CURRENT);
    let both = Operation::Launch { tasks: vec![task, firm] };
    let runs = update(1, told("t1", "a1", Running, 1));
    let grown = Resize { task: key(1, "t1").task, resources: resources(600, 0..0) };
    let grows = lent(vec![Operation::Resize(grown)]);
    check(vec![
        case("one stays", vec![newest()], lent(vec![both]), InvalidField, "tasks[1].revocable"),
        case(
            "one that stays grows",
            vec![newest(), runs],
            grows,
            InvalidField,
            "operations[0].resize.task_id",
        ),
    ]);
}

#[test]
fn kills() {
    let strange = Command::KillTask {
        key: key(1, "t1"),
        grace_period: None,
        reason: StatusReason::HostRebooted,
    };
    check(vec![
        case("unknown", vec![], kill(key(1, "t9"), None), Reason::TaskUnknown, ""),
        case("another's", vec![], kill(key(2, "t1"), None), Reason::TaskUnknown, ""),
        case("for no reason", vec![], strange, Reason::InvalidField, "reason"),
    ]);
}

#[test]
fn updates() {
    use Reason::*;
    let news = |state, sequence| update(1, told("t1", "a1", state, sequence));
    let fenced = Command::RecordUpdate {
        agent: agent("a1"),
        incarnation: 2,
        framework: FrameworkId(1),
        status: told("t1", "a1", Running, 1),
    };
    let disguised = Command::RecordUpdate {
        agent: agent("a2"),
        incarnation: 1,
        framework: FrameworkId(1),
        status: told("t1", "a1", Running, 1),
    };
    let from_elsewhere = update(1, told("t1", "a2", Running, 1));
    let (state, on, sequence) = ("status.state", "status.agent_id", "status.sequence");
    let full = (1..=32).map(|sequence| news(Running, sequence)).collect();
    check(vec![
        case("agent unknown", vec![], update(1, told("t1", "a9", Running, 1)), AgentUnknown, ""),
        case("agent removed", gone("a1"), news(Running, 1), AgentRemoved, ""),
        case("another journal", vec![], fenced, AgentFenced, ""),
        case("task unknown", vec![], update(1, told("t9", "a1", Running, 1)), TaskUnknown, ""),
        case("task elsewhere", vec![], from_elsewhere, NotAuthorized, on),
        case("in another's name", vec![], disguised, NotAuthorized, on),
        case("staging", vec![], news(Staging, 1), TransitionIllegal, state),
        case("unreachable", vec![], news(Unreachable, 1), TransitionIllegal, state),
        case("unknown", vec![], news(Unknown, 1), TransitionIllegal, state),
        case("a gap", vec![], news(Running, 2), SequenceUnknown, sequence),
        case("nobody acknowledges", full, news(Running, 33), Overloaded, ""),
    ]);
}

#[test]
fn acknowledgements() {
    use Reason::*;
    let news = || vec![update(1, told("t1", "a1", Running, 1))];
    let field = "acknowledgements[0].sequence";
    let second_is_bad = Command::Acknowledge {
        session: session(1, 1),
        acknowledgements: vec![(task("t1"), 1), (task("t9"), 1)],
    };
    let of = |id, sequence| acknowledge(session(1, 1), id, sequence);
    check(vec![
        case("unknown", vec![], of("t9", 1), TaskUnknown, "acknowledgements[0].task_id"),
        case("zero", news(), of("t1", 0), SequenceUnknown, field),
        case("from the future", news(), of("t1", 2), SequenceUnknown, field),
        case("half", news(), second_is_bad, TaskUnknown, "acknowledgements[1].task_id"),
    ]);
}

#[test]
fn directives() {
    use AgentDirective::*;
    use Reason::*;
    let plan = DrainPlan { deadline: Duration(9), max_grace: None, mark_gone: false };
    let mut cases = Vec::new();
    for directive in [Deactivate, Reactivate, Drain(plan), CancelDrain, DeclareGone] {
        cases.push(case("unknown", vec![], direct("a9", directive), AgentUnknown, ""));
        cases.push(case("removed", gone("a1"), direct("a1", directive), AgentRemoved, ""));
    }
    let draining = || vec![drain("a1", 9)];
    let away = |text: &str| {
        let drained = WindowPlan {
            selector: format!("id={text}").parse().expect("a selector"),
            starts_in: Duration(0),
            duration: Duration(60_000),
            drain: Some(plan),
            comment: String::new(),
        };
        vec![Command::ScheduleWindow(drained), Command::TurnWindow(WindowId(1))]
    };
    let on = "tasks[0].agent_id";
    let deactivated = || vec![direct("a1", Deactivate)];
    let planned = || vec![window("id=a1", None)];
    let (turn, cancel) = (Command::TurnWindow(WindowId(1)), Command::CancelWindow(WindowId(1)));
    cases.extend([
        case("nothing to cancel", vec![], direct("a1", CancelDrain), TransitionIllegal, ""),
        case("not so fast", draining(), direct("a1", Reactivate), TransitionIllegal, ""),
        case("a window's drain", away("a2"), direct("a2", CancelDrain), TransitionIllegal, ""),
        case("a window's agent", away("a2"), direct("a2", Reactivate), TransitionIllegal, ""),
        case("advance unknown", vec![], advance("a9"), AgentUnknown, ""),
        case("advance nothing", vec![], advance("a1"), TransitionIllegal, ""),
        case("no window", vec![], turn.clone(), WindowUnknown, ""),
        case("nothing to cancel", vec![], cancel.clone(), WindowUnknown, ""),
        case("too early", planned(), turn, TransitionIllegal, ""),
        case("accept, deactivated", deactivated(), one("t2", "a1", 1), AgentDeactivated, on),
        case("accept, draining", draining(), one("t2", "a1", 1), AgentDeactivated, on),
        case("accept, away", away("a1"), one("t2", "a1", 1), AgentDeactivated, on),
    ]);
    check(cases);
}

#[test]
fn descriptions() {
    use Reason::*;
    let update = |id, epoch| Command::UpdateFramework {
        session: session(id, epoch),
        info: framework_info(&["eng"], 0),
    };
    let disconnect = Command::DisconnectFramework(session(1, 1));
    let field = "framework.roles";
    check(vec![
        case("unknown", vec![], update(9, 1), FrameworkUnknown, ""),
        case("another instance", vec![], update(1, 2), FrameworkFenced, ""),
        case("removed", vec![teardown()], update(1, 1), FrameworkRemoved, ""),
        case("no stream", vec![disconnect], update(1, 1), NotSubscribed, ""),
        case("a role in which a task runs", vec![], update(1, 1), InvalidField, field),
    ]);
}
