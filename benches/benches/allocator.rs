//! What does a run of the allocator cost on Mesos' own workloads?
//!
//! Workloads and the definition of a run are those of Mesos' `hierarchical_allocator_tests.cpp` and
//! `hierarchical_allocator_benchmarks.cpp`; the figures of Mesos beside ours are processor time of
//! its allocator's thread, measured on a machine of this kind (`docs/PERFORMANCE.md` says how). A
//! run here is: plan, hold what is offered, and sort the offers by framework.

use benches::{
    allocation::{Rig, registered, resident_mib, timed},
    arguments::Arguments,
    growth::Growth,
    mesos_cluster::{cluster, offered, resources, role, subscribe},
    plot,
    report::{Report, Target},
    samples::Samples,
};
use master_core::{allocator::Drf, ledger::Task};
use proto::model::{
    DemandId, FrameworkId, Instant, Quota, ResourceName, Resources, StatedDemand, TaskKey,
};
use std::{collections::BTreeMap, time::Duration};

const FOR_GOOD: Instant = Instant(u64::MAX);

/// One workload.
type Part = fn(&Arguments, &mut Report);

fn main() {
    let arguments = Arguments::of_process();
    let mut report = Report::new("The allocator on Mesos' workloads: processor time", &arguments);
    let parts: [(&str, Part); 7] = [
        ("full", full_runs),
        ("add", adding),
        ("decline", declining),
        ("quota", small_and_large_quota),
        ("revive", reviving),
        ("mixed", mixed_frameworks),
        ("event", one_event),
    ];
    for (name, part) in parts {
        if arguments.wants(name) {
            part(&arguments, &mut report);
        }
    }
    let beside = "in brackets, what Mesos takes for the same";
    report.note("Memory is said by a part that runs alone and first: add, decline.");
    report.note(format!("Middle of several runs where there are several; {beside}."));
    report.print();
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn full_runs(arguments: &Arguments, report: &mut Report) {
    for (agents, mesos, target) in [(10_000, 463.0, 8.0), (20_000, 980.0, 16.0)] {
        let agents = arguments.amount(agents);
        let (mut rig, _) = offered(agents, 1_000, 1);
        let mut runs = Samples::new();
        for _ in 0..9 {
            rig.take_back();
            let (time, offers) = timed(|| rig.run());
            assert_eq!(offers, agents);
            runs.push(ms(time));
        }
        let name = format!("full run, {agents} agents × 1 000 frameworks (Mesos {mesos})");
        report.promised(name, runs.median(), "ms", Target::AtMost(target));
        if agents == arguments.amount(20_000) {
            // The first one reads what the run before it did.
            let (first, _) = timed(|| rig.run());
            let (idle, offers) = timed(|| (0..100).map(|_| rig.run()).sum::<usize>());
            assert_eq!(offers, 0);
            report.figure("the run after it, nothing to give", ms(first), "ms");
            let micros = idle.as_secs_f64() * 1e4;
            let name = format!("idle run, {agents} × 1 000 (Mesos 74 000)");
            report.promised(name, micros, "µs", Target::AtMost(10.0));
        }
    }
}

fn adding(arguments: &Arguments, report: &mut Report) {
    let agents = arguments.amount(10_000);
    for (roles, mesos, target) in [(1, "846", 20.0), (1_000, "16 600 and 5 780 MiB", 40.0)] {
        let mut runs = Samples::new();
        let mut grown = 0.0;
        for _ in 0..3 {
            let (mut rig, frameworks) = cluster(agents, 1_000, roles);
            subscribe(&mut rig, &frameworks);
            // As in Mesos, whose benchmark has another thread that says who comes.
            let events: Vec<_> = (0..agents).map(registered).collect();
            let before = resident_mib();
            let (time, offers) = timed(|| {
                rig.note_frameworks();
                let batches = events.chunks(agents.div_ceil(10));
                batches
                    .map(|batch| {
                        batch.iter().for_each(|event| rig.note(event));
                        rig.run()
                    })
                    .sum::<usize>()
            });
            assert_eq!(offers, agents);
            grown = f64::max(grown, resident_mib() - before);
            runs.push(ms(time));
        }
        let name =
            format!("add {agents} agents, 1 000 frameworks in {roles} roles (Mesos {mesos})");
        report.promised(name, runs.median(), "ms", Target::AtMost(target));
        if grown > 0.0 {
            report.promised("memory for that", grown, "MiB", Target::AtMost(100.0));
        }
    }
}

fn declining(arguments: &Arguments, report: &mut Report) {
    for (agents, frameworks, mesos, target) in
        [(10_000, 50, "3 499", 20.0), (1_000, 200, "1 392", 8.0)]
    {
        let agents = arguments.amount(agents);
        let (mut rig, _) = offered(agents, frameworks, 1);
        let before = resident_mib();
        let mut still_offering = Samples::new();
        let last = loop {
            rig.decline();
            let (time, offers) = timed(|| rig.run());
            if offers == 0 {
                break time;
            }
            still_offering.push(ms(time));
        };
        let filters = rig.demand.filters().len();
        assert_eq!(filters, agents * frameworks, "everybody has refused everything");
        let bytes = (resident_mib() - before) * 1_048_576.0 / filters as f64;
        let size = format!("{agents} × {frameworks}");
        report.figure(format!("{size}: runs that still offer"), still_offering.median(), "ms");
        let name = format!("{size}: the run in which all is filtered (Mesos {mesos})");
        report.promised(name, ms(last), "ms", Target::AtMost(target));
        rig.drf = Drf::new();
        let (time, offers) = timed(|| rig.run());
        assert_eq!(offers, 0);
        report.figure(format!("{size}: the same with nothing remembered"), ms(time), "ms");
        report.promised(
            format!("{size}: one filter (Mesos 5 120)"),
            bytes,
            "B",
            Target::AtMost(64.0),
        );
    }
}

fn small_and_large_quota(arguments: &Arguments, report: &mut Report) {
    let small = arguments.amount(2_500);
    let large = arguments.amount(500);
    let all = small + large;
    let mut rig = Rig::new(BTreeMap::new());
    let basic = |units: i64| resources(units, 1_024 * units, 1_024 * units, vec![]);
    (0..all).for_each(|number| rig.add_agent(number, basic(2)));
    rig.note_agents(0..all);
    for number in 0..all {
        let quota = basic(if number < small { 1 } else { 4 });
        let limit = quota.iter().map(|(name, _)| (name.clone(), quota.scalar(name))).collect();
        let quota = Quota::new(quota.clone(), limit, None).expect("equal to its limit");
        rig.set_quota(role(number), quota);
    }
    rig.run();
    let frameworks: Vec<_> =
        (0..all).map(|number| (rig.add_framework(&[role(number)]), role(number))).collect();
    let (adding, ()) = timed(|| {
        subscribe(&mut rig, &frameworks);
        rig.note_frameworks();
    });
    let (run, offers) = timed(|| rig.run());
    let (second, none) = timed(|| rig.run());
    assert_eq!(none, 0, "limits hold");
    let (idle, none) = timed(|| rig.run());
    assert_eq!(none, 0, "limits hold");
    let mut events = Samples::new();
    for _ in 0..100 {
        let offer = rig.offers.swap_remove(0);
        let (event, again) = timed(|| {
            rig.view.release(&offer.agent, &offer.role, offer.framework, &offer.resources);
            rig.run()
        });
        assert!(again > 0, "what comes back is offered again");
        events.push(event.as_secs_f64() * 1e6);
    }
    let name = |what: &str, mesos: &str| format!("quota {all}³: {what} (Mesos {mesos})");
    report.promised(name("add frameworks", "15 570"), ms(adding), "ms", Target::AtMost(50.0));
    report.promised(name("run", "14 249"), ms(run), "ms", Target::AtMost(100.0));
    report.figure("offers in it (Mesos 3 500)", offers as f64, "");
    report.figure("the run after it", ms(second), "ms");
    report.promised(name("no-op run", "13 061"), ms(idle), "ms", Target::AtMost(1.0));
    report.figure(format!("quota {all}³: an offer comes back"), events.median(), "µs");
}

fn reviving(arguments: &Arguments, report: &mut Report) {
    let agents = arguments.amount(10_000);
    let (mut rig, frameworks) = offered(agents, 1_000, 1);
    rig.run();
    let (time, offers) = timed(|| {
        for (framework, role) in &frameworks {
            rig.demand.suppress(*framework, std::slice::from_ref(role)).expect("subscribed");
            rig.demand.revive(*framework, std::slice::from_ref(role)).expect("subscribed");
        }
        rig.run()
    });
    assert_eq!(offers, 0);
    let name = format!("1 000 revives, {agents} agents, all offered (Mesos 7 769)");
    report.promised(name, ms(time), "ms", Target::AtMost(10.0));
}

/// Who launches what in Mesos' `MultiFrameworkAllocations`.
struct Kind {
    frameworks: usize,
    own_role: bool,
    tasks: usize,
    cpus_milli: i64,
    mem_mib: i64,
    per_offer: usize,
}

const KINDS: [Kind; 3] = [
    Kind {
        frameworks: 4,
        own_role: true,
        tasks: 4_000,
        cpus_milli: 70,
        mem_mib: 400,
        per_offer: 100,
    },
    Kind {
        frameworks: 500,
        own_role: false,
        tasks: 5,
        cpus_milli: 100,
        mem_mib: 4_000,
        per_offer: 1,
    },
    Kind {
        frameworks: 50,
        own_role: true,
        tasks: 20,
        cpus_milli: 1_000,
        mem_mib: 1_000,
        per_offer: 5,
    },
];

fn mixed_frameworks(_: &Arguments, report: &mut Report) {
    for (how, stated) in [("plain offers", false), ("stated demand", true)] {
        let mut rig = Rig::new(BTreeMap::new());
        for number in 0..80 {
            rig.add_agent(number, Resources::cpus_mem(64_000, 488_000));
        }
        rig.note_agents(0..80);
        let mut pending = BTreeMap::new();
        for (index, kind) in KINDS.iter().enumerate() {
            for number in 0..kind.frameworks {
                let role = role(1_000 * index + if kind.own_role { number } else { 0 });
                let framework = rig.add_framework(std::slice::from_ref(&role));
                rig.demand.set_subscribed(framework, std::slice::from_ref(&role), &[]);
                if stated {
                    let demand = rig.demand.state(framework, &role, vec![kind.demand()], rig.now);
                    demand.expect("subscribed");
                }
                pending.insert(framework, (kind.tasks, kind));
            }
        }
        rig.note_frameworks();
        let (mut rounds, mut launched, mut planning) = (0, 0, Duration::ZERO);
        while launched < 19_500 && rounds < 2_000 {
            planning += timed(|| rig.run()).0;
            rounds += 1;
            launched += launch_round(&mut rig, &mut pending);
            // As a master does: what was just handed back is not offered again within a tick.
            rig.now = Instant(rig.now.0 + 10);
            rig.demand.expire(rig.now);
        }
        let name = format!("mixed frameworks, {how}: launched of 19 500 (Mesos 2 939)");
        let target = if stated { Target::AtLeast(19_500.0) } else { Target::None };
        report.promised(name, launched as f64, "tasks", target);
        report.figure(format!("{how}: rounds"), f64::from(rounds), "");
        report.figure(format!("{how}: all runs together"), ms(planning), "ms");
    }
}

impl Kind {
    fn task(&self) -> Resources {
        Resources::cpus_mem(self.cpus_milli, self.mem_mib)
    }

    fn demand(&self) -> StatedDemand {
        StatedDemand {
            id: DemandId::new("tasks").expect("an id"),
            shape: self.task(),
            count: u32::try_from(self.tasks).expect("few"),
            constraints: Vec::new(),
            per_agent_max: None,
            spread: Vec::new(),
            gang_timeout: None,
            priority: proto::model::Priority::DEFAULT,
            revocable: false,
        }
    }
}

fn launch_round(rig: &mut Rig, pending: &mut BTreeMap<FrameworkId, (usize, &Kind)>) -> usize {
    let mut launched = 0;
    for offer in std::mem::take(&mut rig.offers) {
        let (left, kind) = pending.get_mut(&offer.framework).expect("one of ours");
        let task = kind.task();
        let fit = |name: &ResourceName| offer.resources.scalar(name).0 / task.scalar(name).0;
        let fit = fit(&ResourceName::CPUS).min(fit(&ResourceName::MEM));
        let count = kind.per_offer.min(*left).min(usize::try_from(fit).expect("not negative"));
        *left -= count;
        launched += count;
        rig.view.release(&offer.agent, &offer.role, offer.framework, &offer.resources);
        let used = u32::try_from(count).expect("few");
        let (framework, role) = (offer.framework, &offer.role);
        rig.demand.returned(framework, role, offer.place, &offer.pieces, used);
        let number = offer.agent.as_str().trim_start_matches("agent-").parse().expect("ours");
        if count > 0 {
            let tasks = vec![task; count];
            let command = rig.accept(offer.framework, offer.role.clone(), number, &tasks);
            rig.apply_and_note(&command);
        }
        if *left == 0 || count == 0 {
            let until = Instant(rig.now.0 + 100);
            rig.refuse(&offer, until);
        }
    }
    launched
}

/// One task ends in a full cluster, and what it took is offered: how that grows.
fn one_event(arguments: &Arguments, report: &mut Report) {
    let sizes = [(1_000, 1_000), (10_000, 1_000), (50_000, 1_000), (100_000, 1_000)];
    let by_agents: Vec<_> = sizes
        .iter()
        .map(|(agents, frameworks)| (*agents, event_cost(arguments, *agents, *frameworks, 1)))
        .collect();
    for (agents, micros) in &by_agents {
        let name = format!("one task ended, {agents} agents × 1 000 frameworks: offered again");
        let target = if *agents == 50_000 { Target::AtMost(50.0) } else { Target::None };
        report.promised(name, *micros, "µs", target);
    }
    let by_frameworks: Vec<_> = [10, 100, 1_000, 10_000]
        .map(|count| (count, event_cost(arguments, 10_000, count, 1)))
        .to_vec();
    let by_roles: Vec<_> = [10, 100, 1_000, 10_000]
        .map(|count| (count, event_cost(arguments, 10_000, count, count)))
        .to_vec();
    let mut curves = Vec::new();
    for (what, points) in
        [("agents", by_agents), ("frameworks", by_frameworks), ("roles", by_roles)]
    {
        let text: Vec<_> = points.iter().map(|(n, micros)| format!("{n}: {micros:.1}")).collect();
        let points: Vec<_> = points.iter().map(|(size, micros)| (*size as f64, *micros)).collect();
        let growth = Growth::fit(&points);
        report.note(format!("One event by {what}, µs: {}: {growth}.", text.join(", ")));
        curves.push((what, points));
    }
    if let Some(file) = &arguments.plot {
        let title = "One task ends, what it took is offered";
        plot::draw(file, title, "µs", &curves).expect("a file that can be written");
    }
}

fn event_cost(arguments: &Arguments, agents: usize, frameworks: usize, roles: usize) -> f64 {
    let agents = arguments.amount(agents);
    let (mut rig, _) = offered(agents, frameworks, roles);
    // What is free has been refused by all: only what ends is offered.
    rig.take_back();
    for offer in std::mem::take(&mut rig.offers) {
        rig.refuse(&offer, FOR_GOOD);
    }
    rig.run();
    rig.run();
    let live = |task: &&Task| !task.is_terminal();
    let keys: Vec<TaskKey> = rig
        .ledger
        .tasks()
        .iter()
        .map(|(_, task)| task)
        .filter(live)
        .map(|task| task.key.clone())
        .collect();
    let mut samples = Samples::new();
    for key in keys.iter().step_by((keys.len() / 500).max(1)) {
        let agent = rig.ledger.task(key).expect("it runs").info.agent.clone();
        let offered: Vec<_> = rig.offers.extract_if(.., |offer| offer.agent == agent).collect();
        for offer in offered {
            rig.view.release(&offer.agent, &offer.role, offer.framework, &offer.resources);
            rig.refuse(&offer, FOR_GOOD);
        }
        rig.run();
        let before = rig.offers.len();
        let (time, _) = timed(|| {
            rig.finish(key);
            rig.run()
        });
        assert!(rig.offers.len() > before, "what ended is offered");
        samples.push(time.as_secs_f64() * 1e6);
    }
    samples.median()
}
