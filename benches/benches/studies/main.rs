//! What does a study cost: an event of its queue, a placement by each policy, a published run?
//!
//! The queue holds so many events; again and again the next one is taken and another one asked for,
//! after an exponential time. A cell is filled to about nine tenths by tasks of twelve shapes; then
//! one task ends and another one is placed, again and again. Policies that are about GPUs meet
//! machines with eight of them, and tasks of parts of one up to all eight. The published runs need
//! their data (`BOURSE_TRACES`). Time is that of this thread on a processor.

mod waiting;

use benches::{allocation::timed, arguments::Arguments, growth::Growth, report::Report};
use master_core::{
    allocator::Amounts,
    placement::{
        BestFit, DotProduct, EPvm, Fgd, FirstFit, GpuClustering, GpuPacking, Pack, Placement,
        Random, Spread, WorstFit,
    },
};
use proto::model::ResourceName;
use simulator::engine::{Chance, RadixHeap};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    path::Path,
};
use study::{
    campaign,
    cell::{Cell, Finder, Machine, Request, Requests, Tie, TieRule},
    plan::{Policies, expand},
    studies,
};

/// Takes the next event and asks for another one, so often; nanoseconds each.
fn hold(pending: usize, rounds: usize, mut next: impl FnMut(u64) -> u64) -> f64 {
    let mut chance = Chance::new(1, 0);
    // Exponential: the number of leading zeros of a draw, with what follows, is −log2 of it.
    let mut wait = || {
        let drawn = chance.number() | 1;
        let whole = u64::from(drawn.leading_zeros()) << 20;
        whole + (1 << 20) - ((drawn << drawn.leading_zeros()) >> 43 & ((1 << 20) - 1))
    };
    for _ in 0..pending {
        next(wait());
    }
    let (time, _) = timed(|| {
        for _ in 0..rounds {
            next(wait());
        }
    });
    time.as_secs_f64() * 1e9 / rounds as f64
}

fn radix(pending: usize, rounds: usize) -> f64 {
    let mut heap = RadixHeap::new();
    hold(pending, rounds, |wait| {
        let now = match heap.len() >= pending {
            true => heap.pop().map_or(0, |(at, _): (u64, u64)| at),
            false => 0,
        };
        heap.push(now + wait, 7);
        now
    })
}

fn binary(pending: usize, rounds: usize) -> f64 {
    let (mut heap, mut number) = (BinaryHeap::new(), 0_u64);
    hold(pending, rounds, |wait| {
        let now = match heap.len() >= pending {
            true => heap.pop().map_or(0, |Reverse((at, _, _)): Reverse<(u64, u64, u64)>| at),
            false => 0,
        };
        number += 1;
        heap.push(Reverse((now + wait, number, 7)));
        now
    })
}

fn amounts(cpus: u128, mem: u128) -> Amounts {
    let mut amounts = Amounts::new();
    amounts.set(&ResourceName::CPUS, cpus);
    amounts.set(&ResourceName::MEM, mem);
    amounts
}

/// A policy by its name.
type Named = (&'static str, Box<dyn Placement>);

/// Machines that are all alike, and what is asked of them, each as often.
struct Bed {
    total: Amounts,
    shapes: Vec<Amounts>,
    /// Of which nine tenths are in use.
    counted: ResourceName,
}

impl Bed {
    fn cpus() -> Self {
        let shapes = [500, 1_000, 2_000, 4_000].into_iter();
        let shapes =
            shapes.flat_map(|cpus| [1_024_000, 4_096_000, 8_192_000].map(|mem| amounts(cpus, mem)));
        let counted = ResourceName::CPUS;
        Self { total: amounts(16_000, 65_536_000), shapes: shapes.collect(), counted }
    }

    fn gpus() -> Self {
        let with = |gpus: u128, cpus, mem| {
            let mut amounts = amounts(cpus, mem);
            amounts.set(&ResourceName::GPUS, gpus);
            amounts
        };
        let of_gpus = [200, 500, 1_000, 2_000, 4_000, 8_000].into_iter();
        let shapes = of_gpus.flat_map(|gpus| [4, 8].map(|times| with(gpus, gpus * times, 1_000)));
        let counted = ResourceName::GPUS;
        Self { total: with(8_000, 96_000, 262_144_000), shapes: shapes.collect(), counted }
    }
}

fn gpu_policies() -> Vec<Named> {
    let typical: Vec<_> = Bed::gpus().shapes.into_iter().map(|shape| (shape, 1)).collect();
    vec![
        ("gpu-clustering", Box::new(GpuClustering)),
        ("gpu-packing", Box::new(GpuPacking)),
        ("fgd", Box::new(Fgd::new(&typical))),
    ]
}

fn cpu_policies() -> Vec<Named> {
    vec![
        ("random", Box::new(Random::new(1))),
        ("first-fit", Box::new(FirstFit)),
        ("pack", Box::new(Pack)),
        ("spread", Box::new(Spread)),
        ("best-fit", Box::new(BestFit::default())),
        ("worst-fit", Box::new(WorstFit::default())),
        ("dot-product", Box::new(DotProduct::default())),
        ("e-pvm", Box::new(EPvm)),
    ]
}

/// Placements for each second of processor time.
fn placements(bed: Bed, machines: usize, policy: Box<dyn Placement>, rounds: usize) -> f64 {
    let Bed { total, shapes, counted } = bed;
    let most = total.get(&counted) * machines as u128 * 9 / 10;
    let machine = Machine { total, ..Machine::default() };
    let mut cell = Cell::new(vec![machine; machines]);
    let mut requests = Requests::new();
    for shape in shapes {
        requests.number(Request::new(shape).expect("whole GPUs, or a part of one"));
    }
    let mut finder = Finder::new(policy, Tie::new(TieRule::Index, &cell, 1));
    let mut chance = Chance::new(2, 0);
    let (mut running, mut used) = (Vec::new(), 0);
    while used < most {
        let number = u32::try_from(chance.index(requests.len())).expect("few");
        let Some(choice) = finder.best(&cell, &requests, number) else { break };
        let request = requests.get(number);
        used += request.shape.get(&counted);
        running.push((choice.machine, number, cell.take(choice.machine, request, choice.gpu)));
    }
    let (time, placed) = timed(|| {
        let mut placed = 0_u32;
        for _ in 0..rounds {
            let index = chance.index(running.len());
            let (machine, number, taken) = running.swap_remove(index);
            cell.give_back(machine, requests.get(number), &taken);
            let number = u32::try_from(chance.index(requests.len())).expect("few");
            let Some(choice) = finder.best(&cell, &requests, number) else { continue };
            let taken = cell.take(choice.machine, requests.get(number), choice.gpu);
            running.push((choice.machine, number, taken));
            placed += 1;
        }
        placed
    });
    f64::from(placed) / time.as_secs_f64()
}

/// Seconds of processor time for the first run of a study whose labels are these.
fn run(name: &str, labels: &[(&str, &str)], data: &Path) -> anyhow::Result<f64> {
    let text = studies::find(name).map_or("", |study| study.text);
    let wanted: BTreeMap<String, String> =
        labels.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
    let points = expand(text)?;
    let point = points.iter().find(|point| point.labels == wanted);
    let point = std::slice::from_ref(point.ok_or_else(|| anyhow::anyhow!("{name}: {labels:?}"))?);
    // A thread of its own would have its own time: reading is part of it.
    let (time, runs) = timed(|| campaign::run_here(point, data, &Policies::new()));
    runs?;
    Ok(time.as_secs_f64())
}

/// What a placement costs by each of some policies, on three sizes of a cell.
fn by_policy(
    report: &mut Report,
    arguments: &Arguments,
    bed: fn() -> Bed,
    policies: fn() -> Vec<Named>,
) {
    for (index, (name, _)) in policies().iter().enumerate() {
        let mut costs = Vec::new();
        for machines in [1_000, 10_000, 50_000].map(|full| arguments.amount(full)) {
            let policy = policies().swap_remove(index).1;
            let speed = placements(bed(), machines, policy, arguments.amount(200_000));
            report.figure(format!("{name}, {machines} machines"), speed, "placements/s");
            costs.push((machines as f64, 1e6 / speed));
        }
        report.note(format!("µs by {name}: {}", Growth::fit(&costs)));
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of_process();
    let mut report = Report::new("Studies: what they cost", &arguments);
    for pending in [10_000, 100_000, 1_000_000, 5_000_000].map(|full| arguments.amount(full)) {
        let rounds = arguments.amount(2_000_000);
        report.figure(format!("queue, {pending} pending"), radix(pending, rounds), "ns");
        report.figure(format!("binary heap, {pending} pending"), binary(pending, rounds), "ns");
    }
    by_policy(&mut report, &arguments, Bed::cpus, cpu_policies);
    by_policy(&mut report, &arguments, Bed::gpus, gpu_policies);
    waiting::report(&mut report, &arguments)?;
    match std::env::var_os("BOURSE_TRACES") {
        None => report.note("published runs: SKIPPED, BOURSE_TRACES is not set"),
        Some(data) => {
            let data = Path::new(&data);
            for policy in ["random", "best-fit-percent", "fgd-percent"] {
                let seconds = run("fgd-fig9", &[("policy", policy)], data)?;
                report.figure(format!("fgd-fig9, one run of {policy}, with reading"), seconds, "s");
            }
            let one = run("omega-monolithic", &[("job_s", "0.1")], data)?;
            report.figure("exp-loaded, one scheduler, with reading", one, "s");
            let shared = run("omega-fig8", &[("job_s", "1.0")], data)?;
            report.figure("exp-loaded, shared, with reading", shared, "s");
            let offers = run("omega-fig7", &[("job_s", "1.0")], data)?;
            report.figure("exp-loaded, exclusive offers (compat), with reading", offers, "s");
        }
    }
    report.print();
    Ok(())
}
