//! Every call with which a master or an agent changes its data directory goes wrong once: the
//! process is killed in it, or it fails.
//!
//! First the calls of undisturbed lives are counted: of the first life on an empty directory, of a
//! later start, and of some work. Then each of them has its round. Whatever happens in it, the next
//! life starts without help, knows all that was acknowledged, and goes on. Who meets an error stops
//! and says why, with one exception that is the agent's: for want of room it refuses launches.

mod party;
mod rounds;

use super::{
    Order, Steps,
    stage::{Limits, Stage},
};
use crate::{
    cluster::{Isolation, Shape},
    figures::{Figure, Report},
    load::Plan,
    tracer::{self, CHANGES, GROWS, Harm, Injection, SYNCS},
    verdict::Ends,
    witness,
};
use party::{PARTIES, Party};
use rounds::{Outcome, Rig};

/// A kind of harm, and the calls that it is done to.
type Plans = &'static [(Harm, &'static [&'static str])];

/// A part of a node's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Its first start, on an empty directory.
    Founding,
    /// A start on what an earlier life has left.
    Start,
    /// Some tasks.
    Work,
}

/// One round.
#[derive(Debug, Clone, Copy)]
struct Step {
    party: Party,
    part: Part,
    injection: Injection,
}

pub(super) fn killed(order: &Order<'_>) -> anyhow::Result<Report> {
    run("calls-killed", order, &[(Harm::Kill, CHANGES)])
}

pub(super) fn failing(order: &Order<'_>) -> anyhow::Result<Report> {
    run("calls-failing", order, &[(Harm::Broken, SYNCS), (Harm::Full, GROWS)])
}

fn run(name: &'static str, order: &Order<'_>, plans: Plans) -> anyhow::Result<Report> {
    tracer::check()?;
    let shape = Shape {
        masters: 1,
        isolation: Isolation::Best,
        // A snapshot for every few entries.
        master_flags: ["--snapshot-entries=8", "--log-tail-entries=4"].map(str::to_owned).to_vec(),
        ..Shape::emulated(1, 0)
    };
    let script = witness::script(1);
    let plan = Plan { accepts_per_second: 5, frameworks: 1, script, mem_mib: 16 };
    let mut stage = Stage::start(order, &shape, &plan)?;
    let mut rig = Rig::new(order.program.clone(), shape);
    let steps = steps(&mut rig, &mut stage, plans)?;
    let count = steps.len();
    let steps = Steps::of(steps, order)?;
    let (mut missed, mut survived) = (0, 0);
    let mut report = stage.perform(
        name,
        &steps.shorten(order),
        Ends::Witnessed,
        Limits::NONE,
        |stage, round| {
            let (number, step) = steps.at(round);
            match rig.perform(stage, number, step) {
                Ok(Outcome::Died) => {}
                Ok(Outcome::Survived) => survived += 1,
                Ok(Outcome::Missed) => missed += 1,
                // It was in a cluster of its own.
                Err(error) if step.part == Part::Founding => {
                    rig.violations.push(format!("step {number}, {step}: {error:#}"));
                }
                Err(error) => return Err(error.context(format!("step {number}, {step}"))),
            }
            Ok(())
        },
    )?;
    report.violations.append(&mut rig.violations);
    let rounds = usize::try_from(report.rounds)?;
    // Lives differ in how often they call, so that the last steps of each part are often missed.
    if order.from == 1 && missed * 2 > rounds {
        report.violations.push(format!("{missed} of {rounds} rounds did no harm"));
    }
    report.figures.push(Figure::count("calls of undisturbed lives", count));
    report.figures.push(Figure::count("failures that were survived", survived));
    report.figures.push(Figure::count("rounds without harm", missed));
    Ok(report)
}

/// Everything that can go wrong once.
fn steps(rig: &mut Rig, stage: &mut Stage, plans: Plans) -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    for party in PARTIES {
        for part in [Part::Founding, Part::Start, Part::Work] {
            let seen = rig.count(stage, party, part)?;
            for (harm, calls) in plans {
                let counted = seen.calls.iter().filter(|(call, _)| calls.contains(call));
                steps.extend(counted.flat_map(|(call, count)| {
                    (1..=*count).map(move |number| Step {
                        party,
                        part,
                        injection: Injection { call, number, harm: *harm },
                    })
                }));
            }
        }
    }
    Ok(steps)
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let part = match self.part {
            Part::Founding => "in its first start",
            Part::Start => "in a later start",
            Part::Work => "at work",
        };
        write!(f, "{} {part}: {}", self.party.name(), self.injection)
    }
}
