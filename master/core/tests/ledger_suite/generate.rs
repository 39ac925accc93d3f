//! Histories: each action, with a number that decides its details, becomes commands that fit the
//! ledger as it is, mostly. Few names, so that commands meet each other.

use crate::{
    build::*,
    generate_preemption::{end_of_notice, preemption},
    generate_reservations::{asked, declared, once, operation, take_part},
    generate_volumes::{self, found, use_volume},
    roles::quota,
};
use master_core::ledger::{AgentState, Command, Ledger, LogVersion, Proposed, Task};
use proto::model::{
    AgentDirective, AgentId, DisruptionBudget, DrainPlan, Duration, FrameworkId, FrameworkInfo,
    GroupId, Milli, OnFailure, Operation, Priority, Reason, Refusal, Resize, ResourceName,
    RoleSettingsChange, Session, StatusReason, StopSignal, TaskGroup, TaskInfo, TaskState,
    TaskState::*, TaskStatus, WindowId, WindowPlan, agent::AgentTask, task_group::Part,
};
use std::collections::BTreeMap;

/// What most agents have, MiB.
const DISK_MIB: i64 = 1_000;

/// What to do, and how exactly.
pub(crate) type Action = (u8, u64);

/// Draws numbers from one number (splitmix64).
#[derive(Debug)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }
}

/// The commands of one action.
pub(crate) fn commands(ledger: &Ledger, action: Action) -> Vec<Command> {
    let draw = &mut Draw(action.1);
    match action.0 % 54 {
        0 | 1 => vec![come_back(ledger, draw)],
        2 => {
            let name = agent_name(draw);
            let tasks = read_journal(ledger, &agent(name), draw);
            let info = agent_info(name, with_disk(resources(4_000, 31_000..31_010), DISK_MIB));
            let volumes = found(ledger, draw, &agent(name));
            let incarnation = 1 + draw.below(4);
            vec![Command::RegisterAgent { info, incarnation, tasks, volumes }]
        }
        3 | 4 => {
            let (agent, incarnation) = journal_of(ledger, draw);
            vec![Command::MarkAgentUnreachable { agent, incarnation }]
        }
        5 => {
            let (agent, incarnation) = journal_of(ledger, draw);
            vec![Command::RemoveAgent { agent, incarnation }]
        }
        6 | 7 => vec![subscription(ledger, draw)],
        8 => vec![Command::DisconnectFramework(session_of(ledger, draw))],
        9 if draw.one_in(2) => {
            let (session, expired) = (session_of(ledger, draw), !draw.one_in(3));
            vec![Command::RemoveFramework { session, expired }]
        }
        9..=13 => vec![launch(ledger, draw)],
        14..=18 => news(ledger, draw, 1),
        19 => {
            let count = draw.below(40);
            news(ledger, draw, count)
        }
        20 | 21 => vec![acknowledgement(ledger, draw)],
        22 => vec![kill_of(ledger, draw)],
        26..=28 => vec![directive(draw)],
        29 | 30 => vec![Command::AdvanceDrain { agent: agent(agent_name(draw)) }],
        31 => vec![window(draw)],
        32 => vec![turn(ledger, draw)],
        33 => vec![Command::UpdateFramework {
            session: session_of(ledger, draw),
            info: description(draw),
        }],
        23..=25 => vec![role_change(draw)],
        35 | 36 | 43 | 51 | 52 => vec![resize(ledger, draw)],
        37 | 38 => vec![preemption(ledger, draw)],
        39 => vec![end_of_notice(ledger, draw)],
        40..=42 => vec![once(asked(ledger, draw), draw)],
        44..=46 => vec![once(generate_volumes::asked(ledger, draw), draw)],
        47..=50 => vec![generate_volumes::report(ledger, draw)],
        34 => vec![Command::RaiseVersion(LogVersion::CURRENT)],
        _ => vec![Command::Barrier { term: ledger.applied().term }],
    }
}

fn agent_name(draw: &mut Draw) -> &'static str {
    draw.pick(&["a0", "a1", "a2"])
}

fn journal_of(ledger: &Ledger, draw: &mut Draw) -> (AgentId, u64) {
    let id = agent(agent_name(draw));
    let current = ledger.agent(&id).map_or(1, |agent| agent.incarnation);
    let incarnation = if draw.one_in(10) { current + 1 } else { current };
    (id, incarnation)
}

/// An agent registers with its journal, of which it may have lost some.
fn come_back(ledger: &Ledger, draw: &mut Draw) -> Command {
    let (id, _) = journal_of(ledger, draw);
    let incarnation = match ledger.agent(&id) {
        Some(row) if row.state == AgentState::Removed => row.incarnation + draw.below(2),
        Some(row) => row.incarnation,
        None => 1,
    };
    let mut tasks = read_journal(ledger, &id, draw);
    if draw.one_in(8) {
        tasks.push(journal(1 + draw.below(3), "t1", draw.pick(&[Running, Finished, Unreachable])));
    }
    let cpus_milli = if draw.one_in(10) { 500 } else { 4_000 };
    let disk_mib = if draw.one_in(16) { 600 } else { DISK_MIB };
    let has = with_disk(resources(cpus_milli, 31_000..31_010), disk_mib);
    let mut info = agent_info(id.as_str(), has);
    // Mostly what it declared before.
    info.reservations = match ledger.agent(&id) {
        Some(row) if !draw.one_in(4) => row.info.reservations.clone(),
        _ => declared(draw),
    };
    let volumes = found(ledger, draw, &id);
    Command::RegisterAgent { info, incarnation, tasks, volumes }
}

fn read_journal(ledger: &Ledger, id: &AgentId, draw: &mut Draw) -> Vec<AgentTask> {
    let mut tasks = Vec::new();
    for task in ledger.tasks_of_agent(id) {
        if draw.one_in(4) || (task.is_terminal() && !draw.one_in(5)) {
            continue;
        }
        let state = draw.pick(&[Staging, Starting, Running, Running, Killing, Finished, Failed]);
        tasks.push(AgentTask { key: task.key.clone(), state, sequence: task.agent_sequence });
    }
    tasks
}

pub(crate) fn session_of(ledger: &Ledger, draw: &mut Draw) -> Session {
    let rows = ledger.frameworks().iter().map(|(_, row)| row);
    let wanted = !draw.one_in(10);
    let rows: Vec<_> = rows.filter(|row| !row.is_removed() || !wanted).collect();
    match rows.is_empty() {
        true => session(1 + draw.below(5), 1),
        false => {
            let row = draw.pick(&rows);
            session(row.id.0, row.epoch - u64::from(draw.one_in(12)))
        }
    }
}

fn subscription(ledger: &Ledger, draw: &mut Draw) -> Command {
    let framework = (!draw.one_in(3)).then(|| match draw.one_in(8) {
        true => FrameworkId(9),
        false => session_of(ledger, draw).framework,
    });
    let owner = framework.and_then(|id| ledger.framework(id)).map(|row| row.principal.clone());
    let principal = owner.filter(|_| !draw.one_in(8));
    Command::SubscribeFramework {
        info: description(draw),
        framework,
        principal: principal.unwrap_or_else(|| draw.pick(&["alice", "bob"]).to_owned()),
        request: request(draw.pick(&["r-0", "r-1", "r-2"])),
    }
}

/// Few roles of one branch and one beside it, and amounts that meet those of agents and tasks.
fn role_change(draw: &mut Draw) -> Command {
    let role = role(draw.pick(&["*", "eng", "eng/search", "eng/search/batch", "ops"]));
    if draw.one_in(5) {
        let weight = draw.pick(&[None, Some(Milli(500)), Some(Milli(2_000))]);
        return Command::SetWeight { role, weight };
    }
    if draw.one_in(4) {
        return Command::ConfigureRole { role, change: settings_change(draw) };
    }
    if draw.one_in(4) {
        return Command::RemoveQuota { role };
    }
    let promised = draw.pick(&[0, 0, 600, 1_200, 3_000, 6_000]);
    let most = promised + draw.pick(&[0, 300, 1_000, 4_000]);
    let most = (promised == 0 || draw.one_in(2)).then_some(most);
    let piece = (promised > 0 && draw.one_in(3)).then(|| promised / draw.pick(&[1, 2, 3]));
    Command::SetQuota { role, quota: quota(promised, most, piece), force: draw.one_in(4) }
}

/// Often a change that changes nothing.
fn settings_change(draw: &mut Draw) -> RoleSettingsChange {
    use proto::model::{Change::*, OfferMode::*, PlacementPolicy::*, Priority};
    RoleSettingsChange {
        placement: draw.pick(&[Keep, Reset, Set(Pack), Set(Spread)]),
        offer_mode: draw.pick(&[Keep, Keep, Reset, Set(Shared), Set(Exclusive)]),
        priority_max: draw.pick(&[Keep, Keep, Reset, Set(Priority::MIN), Set(Priority::MAX)]),
    }
}

fn description(draw: &mut Draw) -> FrameworkInfo {
    let roles: &[&str] = draw.pick(&[
        ["*", "eng", "eng/search"].as_slice(),
        ["*", "eng"].as_slice(),
        ["*"].as_slice(),
    ]);
    let mut info = framework_info(roles, 1_000 * draw.below(3));
    let tasks_max = draw.below(3) as u32;
    let budget = DisruptionBudget { label: None, tasks_max };
    info.disruption_budget = draw.one_in(2).then_some(budget);
    info
}

fn drain_plan(draw: &mut Draw) -> DrainPlan {
    DrainPlan {
        deadline: Duration(draw.pick(&[0, 100, 2_000])),
        max_grace: draw.one_in(2).then(|| Duration(draw.below(6_000))),
        mark_gone: draw.one_in(6),
    }
}

fn directive(draw: &mut Draw) -> Command {
    let agent = agent(if draw.one_in(20) { "a9" } else { agent_name(draw) });
    let directive = match draw.below(10) {
        0..=4 => AgentDirective::Drain(drain_plan(draw)),
        5 => AgentDirective::CancelDrain,
        6 => AgentDirective::Deactivate,
        7 | 8 => AgentDirective::Reactivate,
        _ => AgentDirective::DeclareGone,
    };
    Command::DirectAgent { agent, directive }
}

fn window(draw: &mut Draw) -> Command {
    let selectors = ["id=a0", "hostname=a1.example", "id=a1", "rack=r1"];
    let plan = DrainPlan { mark_gone: false, ..drain_plan(draw) };
    Command::ScheduleWindow(WindowPlan {
        selector: draw.pick(&selectors).parse().expect("a selector"),
        starts_in: Duration(draw.pick(&[0, 500, 5_000])),
        duration: Duration(1 + draw.below(3_000)),
        drain: draw.one_in(2).then_some(plan),
        comment: "disk".to_owned(),
    })
}

/// A window begins, ends or is cancelled, rather one that there is.
fn turn(ledger: &Ledger, draw: &mut Draw) -> Command {
    let known: Vec<_> = ledger.windows().map(|window| window.id).collect();
    let id = match known.is_empty() || draw.one_in(10) {
        true => WindowId(1 + draw.below(9)),
        false => draw.pick(&known),
    };
    match draw.one_in(4) {
        true => Command::CancelWindow(id),
        false => Command::TurnWindow(id),
    }
}

pub(crate) fn launch(ledger: &Ledger, draw: &mut Draw) -> Command {
    let revocable = draw.one_in(6);
    let role = role(draw.pick(&["*", "eng", "eng/search"]));
    let task = |draw: &mut Draw| -> TaskInfo {
        let name = format!("t{}", draw.below(24));
        let port = 31_000 + draw.below(12);
        let ports = if draw.one_in(3) { port..port + 1 } else { 0..0 };
        let on = if draw.one_in(20) { "a9" } else { agent_name(draw) };
        let mut info = task_info(&name, on, resources(100 + 100 * draw.below(16) as i64, ports));
        if draw.one_in(3) {
            info.priority = Priority::new(draw.pick(&[0, 0, 1, 1, 2, 5])).expect("one");
        }
        info.preemption_notice = draw.one_in(9).then(|| Duration(draw.below(3_000)));
        if draw.one_in(4) {
            take_part(ledger, draw, &mut info);
        }
        if draw.one_in(2) {
            use_volume(ledger, draw, &role, &mut info);
        }
        info.kill_policy.grace_period = draw.one_in(3).then(|| Duration(draw.below(9_000)));
        info.revocable = revocable && !draw.one_in(9) || draw.one_in(16);
        match draw.below(12) {
            0 => info.max_completion_time = Some(Duration(1 + draw.below(9_000))),
            1 => info.kill_policy.signal = draw.pick(&StopSignal::ALL),
            _ => {}
        }
        info
    };
    let (partial, several) = (draw.one_in(4), draw.one_in(3));
    let proposed = |draw: &mut Draw| -> Proposed {
        if (partial || several) && draw.one_in(3) {
            return Ok(match draw.one_in(2) {
                true => operation(ledger, draw),
                false => generate_volumes::operation(ledger, draw),
            });
        }
        match partial && draw.one_in(8) {
            true => {
                let refusal = Refusal::new(Reason::ResourcesNotOffered, "not offered");
                Err(refusal.at("launch.tasks[0].agent_id"))
            }
            false => {
                if draw.one_in(5)
                    && let Some(group) = group(draw, &task)
                {
                    return Ok(Operation::LaunchGroup(group));
                }
                // A launch of nothing can be proposed as the only operation, and be read again.
                let count = u64::from(several || partial).max(draw.below(4));
                Ok(Operation::Launch { tasks: (0..count).map(|_| task(draw)).collect() })
            }
        }
    };
    let count = if several { 1 + draw.below(3) } else { 1 };
    let operations = (0..count).map(|_| proposed(draw)).collect();
    let call = draw.below(200);
    Command::Accept {
        session: session_of(ledger, draw),
        role: role.clone(),
        request: draw.one_in(2).then(|| request(&format!("accept-{call}"))),
        operations,
        partial,
        revocable,
    }
}

/// A group of some tasks; none when they cannot be one.
fn group(draw: &mut Draw, task: &impl Fn(&mut Draw) -> TaskInfo) -> Option<TaskGroup> {
    let first = task(draw);
    let id = GroupId::new(&format!("g{}", draw.below(2))).expect("an id");
    let mut group = TaskGroup::new(id).with(Part::Main, first.clone());
    for _ in 0..draw.below(4) {
        let (agent, priority) = (first.agent.clone(), first.priority);
        let other = TaskInfo { agent, priority, ..task(draw) };
        group = group.with(draw.pick(&[Part::Init, Part::Init, Part::Sidecar, Part::Main]), other);
    }
    if draw.one_in(4) {
        group = group.on_failure(OnFailure::LetRun);
    }
    group.check().is_ok().then_some(group)
}

/// Other sizes for some tasks, mostly of one framework and role, and mostly sizes that can be.
fn resize(ledger: &Ledger, draw: &mut Draw) -> Command {
    let running = ledger.tasks().iter().map(|(_, task)| task);
    let running = running.filter(|task| task.state() == Running && task.kill.is_none());
    let (changing, others): (Vec<_>, Vec<_>) =
        running.partition(|task| task.size_change().is_some());
    let candidates = if draw.one_in(3) { changing } else { others };
    let known = match candidates.is_empty() {
        true => task_of(ledger, draw),
        false => Some(draw.pick(&candidates)),
    };
    let session = known.and_then(|task| ledger.framework(task.key.framework));
    let session = session.map(|row| Session { framework: row.id, epoch: row.epoch });
    let operation = |draw: &mut Draw| -> Proposed {
        let task = if draw.one_in(3) { task_of(ledger, draw) } else { known };
        let id = task.map_or_else(|| "t99".to_owned(), |task| task.info.id.to_string());
        // None at all could not be read again, so that nobody proposes it.
        let others = task.and_then(|task| task.info.resources.get(&ResourceName::PORTS));
        let none = others.is_some() && draw.one_in(12);
        let cpus = if none { 0 } else { 100 + 100 * draw.below(16) as i64 };
        let bag = resources(cpus, if draw.one_in(12) { 31_000..31_001 } else { 0..0 });
        let ports = task.and_then(|task| task.info.resources.get(&ResourceName::PORTS));
        let ports = ports.map(|ports| (ResourceName::PORTS, ports.clone()));
        let cpus = bag.iter().map(|(name, value)| (name.clone(), value.clone()));
        let entries: BTreeMap<_, _> = cpus.chain(ports).collect();
        Ok(Operation::Resize(Resize {
            task: proto::model::TaskId::new(&id).expect("an id"),
            resources: proto::model::Resources::from_entries(entries).expect("a bag"),
        }))
    };
    let operations = (0..1 + draw.below(2)).map(|_| operation(draw)).collect();
    Command::Accept {
        session: session.unwrap_or_else(|| session_of(ledger, draw)),
        role: known.map_or_else(|| role("*"), |task| task.role.clone()),
        request: None,
        operations,
        partial: draw.one_in(2),
        revocable: draw.one_in(8),
    }
}

/// A task, rather one that lives.
pub(crate) fn task_of<'a>(ledger: &'a Ledger, draw: &mut Draw) -> Option<&'a Task> {
    let any = draw.one_in(6);
    let rows = ledger.tasks().iter().map(|(_, task)| task);
    let rows: Vec<_> = rows.filter(|task| any || !task.is_terminal()).collect();
    (!rows.is_empty()).then(|| draw.pick(&rows))
}

/// So many updates of one task, one after the other.
fn news(ledger: &Ledger, draw: &mut Draw, count: u64) -> Vec<Command> {
    let Some(task) = task_of(ledger, draw) else { return vec![] };
    let agent = ledger.agent(&task.info.agent);
    let incarnation = agent.map_or(1, |row| row.incarnation + u64::from(draw.one_in(20)));
    let mut sequence = task.agent_sequence;
    let update = |_| {
        sequence = match draw.below(10) {
            0 => sequence,
            1 if count == 1 => sequence + 2,
            _ => sequence + 1,
        };
        let state = match (count, draw.below(40)) {
            (1, 0) => draw.pick(&TaskState::ALL),
            (1, 1..=16) => draw.pick(&[Finished, Failed, Killed, Dropped]),
            (1, _) => draw.pick(&[Starting, Running, Running, Killing]),
            _ => Running,
        };
        let on = if draw.one_in(40) { "a1" } else { task.info.agent.as_str() };
        Command::RecordUpdate {
            agent: task.info.agent.clone(),
            incarnation,
            framework: task.key.framework,
            status: TaskStatus {
                reason: match task.size_change().filter(|_| state == Running) {
                    Some(_) => draw.pick(&[StatusReason::Resized, StatusReason::ResizeFailed]),
                    None if task.group().is_some() && draw.one_in(4) => StatusReason::GroupEnded,
                    None => StatusReason::None,
                },
                ..told(task.info.id.as_str(), on, state, sequence)
            },
        }
    };
    (0..count).map(update).collect()
}

fn acknowledgement(ledger: &Ledger, draw: &mut Draw) -> Command {
    let session = session_of(ledger, draw);
    let mut acknowledgements = Vec::new();
    for task in ledger.tasks_of_framework(session.framework) {
        let last = task.sequence;
        let sequence = match draw.below(40) {
            0 => last + 1,
            1 => 0,
            2..=9 => last.saturating_sub(draw.below(3)),
            10..=30 => last,
            _ => continue,
        };
        if sequence > 0 || draw.one_in(10) {
            acknowledgements.push((task.info.id.clone(), sequence));
        }
    }
    Command::Acknowledge { session, acknowledgements }
}

fn kill_of(ledger: &Ledger, draw: &mut Draw) -> Command {
    let known = task_of(ledger, draw).map(|task| task.key.clone());
    Command::KillTask {
        key: known.unwrap_or_else(|| key(1, "t99")),
        grace_period: draw.one_in(2).then(|| Duration(draw.below(9_000))),
        reason: draw.pick(&[StatusReason::KilledByFramework, StatusReason::KilledByOperator]),
    }
}
