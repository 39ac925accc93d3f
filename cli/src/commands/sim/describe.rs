//! `bourse sim trace describe`: what a trace comes to.

use super::trace::InputArgs;
use crate::output::{Format, print_one, table};
use serde::Serialize;
use std::time::Duration;
use traces::{
    describe::{
        Amount, Capacity, MachinesSummary, Mended, Model, Percentiles, WorkSummary, mended,
    },
    open::Opened,
};

/// Flags of `bourse sim trace describe`.
#[derive(Debug, clap::Args)]
pub(crate) struct DescribeArgs {
    #[command(flatten)]
    input: InputArgs,
}

/// What work comes to, as programs read it.
#[derive(Debug, Serialize)]
struct Work {
    arrivals: u64,
    jobs: u64,
    tasks: u128,
    services: u64,
    gangs: u64,
    constrained: u64,
    with_duration: u64,
    with_deadline: u64,
    users: usize,
    queues: usize,
    priority_min: Option<i32>,
    priority_max: Option<i32>,
    first_submit_ns: Option<u64>,
    last_submit_ns: Option<u64>,
    is_sorted: bool,
    /// None when all is submitted at one time.
    jobs_per_hour: Option<f64>,
    tasks_per_hour: Option<f64>,
    tasks_each: Option<Percentiles>,
    duration_ns: Option<Percentiles>,
    asked: Vec<Amount>,
    mended: Vec<Mended>,
}

/// What machines come to, as programs read it.
#[derive(Debug, Serialize)]
struct Machines {
    events: u64,
    machines: u64,
    updates: u64,
    removals: u64,
    attributes: u64,
    last_ns: u64,
    capacity: Vec<Capacity>,
    models: Vec<Model>,
    mended: Vec<Mended>,
}

pub(super) fn describe(args: &DescribeArgs, format: Format) -> anyhow::Result<()> {
    let mut bar = args.input.bar();
    match args.input.open()? {
        Opened::Arrivals(mut arrivals) => {
            let mut summary = WorkSummary::new();
            for arrival in arrivals.by_ref() {
                summary.add(&arrival?);
                bar.row();
            }
            drop(bar);
            let work = Work::new(&summary, mended(arrivals.notes()));
            print_one(format, &work, || work.text())
        }
        Opened::Machines(mut machines) => {
            let mut summary = MachinesSummary::new();
            while let Some(event) = machines.next() {
                summary.add(&event?, machines.names());
                bar.row();
            }
            drop(bar);
            let found = Machines::new(&summary, mended(machines.notes()));
            print_one(format, &found, || found.text())
        }
    }
}

impl Work {
    fn new(summary: &WorkSummary, mended: Vec<Mended>) -> Self {
        let hours = summary.hours();
        let rate = |count: f64| (hours > 0.0).then_some(count / hours);
        Self {
            arrivals: summary.arrivals,
            jobs: summary.jobs,
            tasks: summary.tasks,
            services: summary.services,
            gangs: summary.gangs,
            constrained: summary.constrained,
            with_duration: summary.with_duration,
            with_deadline: summary.with_deadline,
            users: summary.users(),
            queues: summary.queues(),
            priority_min: summary.priorities.map(|(least, _)| least),
            priority_max: summary.priorities.map(|(_, most)| most),
            first_submit_ns: summary.span_ns.map(|(first, _)| first),
            last_submit_ns: summary.span_ns.map(|(_, last)| last),
            is_sorted: summary.is_sorted,
            jobs_per_hour: rate(summary.jobs as f64),
            tasks_per_hour: rate(summary.tasks as f64),
            tasks_each: summary.tasks_each(),
            duration_ns: summary.durations(),
            asked: summary.asked(),
            mended,
        }
    }

    fn text(&self) -> String {
        let mut facts = vec![
            fact("arrivals", self.arrivals),
            fact("jobs", self.jobs),
            fact("tasks", self.tasks),
            fact("jobs that serve", self.services),
            fact("gangs", self.gangs),
            fact("with constraints", self.constrained),
            fact("with a duration", self.with_duration),
            fact("with a deadline", self.with_deadline),
            fact("users", self.users),
            fact("queues", self.queues),
        ];
        if let (Some(least), Some(most)) = (self.priority_min, self.priority_max) {
            facts.push(fact("priorities", format!("{least} to {most}")));
        }
        if let (Some(first), Some(last)) = (self.first_submit_ns, self.last_submit_ns) {
            facts.push(fact("submitted", format!("{} to {}", time(first), time(last))));
            let order = if self.is_sorted { "by time" } else { "not by time: sort before replay" };
            facts.push(fact("order", order));
        }
        if let (Some(jobs), Some(tasks)) = (self.jobs_per_hour, self.tasks_per_hour) {
            facts.push(fact("rate", format!("{jobs:.1} jobs/h, {tasks:.1} tasks/h")));
        }
        let mut text = table::render(&["what", "value"], facts.into_iter());
        let mut spreads = Vec::new();
        if let Some(tasks) = self.tasks_each {
            spreads.push(spread("tasks of an arrival", tasks, |value| value.to_string()));
        }
        if let Some(durations) = self.duration_ns {
            spreads.push(spread("duration of a task", durations, time));
        }
        for amount in &self.asked {
            if let Some(each) = amount.each {
                let title = format!("{} of a task, {}", amount.kind, amount.unit);
                spreads.push(spread(&title, each, thousandths));
            }
        }
        text += "\n";
        text += &table::render(&["of", "min", "p50", "p90", "p99", "max"], spreads.into_iter());
        let asked = self.asked.iter().map(|it| {
            let hours = format!("{:.1}", it.unit_hours);
            vec![it.kind.to_owned(), it.unit.to_owned(), format!("{:.3}", it.asked), hours]
        });
        text += "\n";
        text += &table::render(&["kind", "unit", "asked by all", "unit-hours"], asked);
        text + &mended_text(&self.mended)
    }
}

impl Machines {
    fn new(summary: &MachinesSummary, mended: Vec<Mended>) -> Self {
        Self {
            events: summary.events,
            machines: summary.added,
            updates: summary.updates,
            removals: summary.removals,
            attributes: summary.attributes,
            last_ns: summary.last_ns,
            capacity: summary.capacity(),
            models: summary.models(),
            mended,
        }
    }

    fn text(&self) -> String {
        let facts = [
            fact("events", self.events),
            fact("machines that come", self.machines),
            fact("changes of capacity", self.updates),
            fact("machines that go", self.removals),
            fact("changes of attributes", self.attributes),
            fact("last event", time(self.last_ns)),
        ];
        let mut text = table::render(&["what", "value"], facts.into_iter());
        let capacity = self
            .capacity
            .iter()
            .map(|it| vec![it.kind.to_owned(), it.unit.to_owned(), format!("{:.3}", it.amount)]);
        text += "\n";
        text += &table::render(&["kind", "unit", "capacity of all"], capacity);
        let models = self.models.iter().map(|it| {
            let model = if it.model.is_empty() { "–" } else { &it.model };
            vec![model.to_owned(), it.machines.to_string(), it.cards.to_string()]
        });
        text += "\n";
        text += &table::render(&["model of cards", "machines", "cards"], models);
        text + &mended_text(&self.mended)
    }
}

fn fact(what: &str, value: impl ToString) -> Vec<String> {
    vec![what.to_owned(), value.to_string()]
}

fn spread(of: &str, at: Percentiles, shown: impl Fn(u64) -> String) -> Vec<String> {
    let values = [at.min, at.p50, at.p90, at.p99, at.max].map(shown);
    std::iter::once(of.to_owned()).chain(values).collect()
}

/// A time that people read: at most three parts, none below a millisecond if there is a second.
fn time(ns: u64) -> String {
    let time = Duration::from_nanos(ns);
    let time = match time.as_secs() {
        0 => time,
        1..3_600 => Duration::from_millis(time.as_millis().try_into().unwrap_or(u64::MAX)),
        seconds => Duration::from_secs(seconds),
    };
    humantime::format_duration(time).to_string()
}

fn thousandths(value: u64) -> String {
    let (whole, part) = (value / 1_000, value % 1_000);
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}") }
}

fn mended_text(mended: &[Mended]) -> String {
    if mended.is_empty() {
        return "\nevery row was taken as it stands\n".to_owned();
    }
    let rows = mended.iter().map(|it| vec![it.rows.to_string(), it.what.clone()]);
    "\n".to_owned() + &table::render(&["rows", "not taken as they stand"], rows)
}
