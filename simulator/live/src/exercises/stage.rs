//! A cluster under a load that is harmed, and judged in the end: what most exercises stand on.

use super::Order;
use crate::{
    cluster::{Cluster, Shape},
    figures::{Figure, Report},
    load::{Load, Plan, history::History},
    patience::eventually,
    reads::Readers,
    verdict::{Ends, SHOWN_MAX, Verdict},
    witness,
};
use anyhow::Context as _;
use std::time::{Duration, Instant};

/// Until the load runs at its pace.
const WARM_UP: Duration = Duration::from_secs(60);
/// Until everything that was asked has an answer and an end.
const SETTLE: Duration = Duration::from_secs(90);

/// A cluster, its load, and when it was harmed.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    pub(super) load: Load,
    readers: Readers,
    faults: Vec<Instant>,
    /// From the end of each harm until something was acknowledged.
    resumed: Vec<Duration>,
}

/// How long what may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Time without acknowledgements around a fault, of 99 in 100.
    pub(super) gap_p99: Duration,
    /// The same, of all.
    pub(super) gap_max: Duration,
    /// From the end of the harm until something is acknowledged.
    pub(super) resumed_max: Duration,
}

impl Limits {
    /// Time is not what the exercise is about.
    pub(super) const NONE: Self =
        Self { gap_p99: Duration::MAX, gap_max: Duration::MAX, resumed_max: Duration::MAX };
}

impl Stage {
    pub(super) fn start(order: &Order<'_>, shape: &Shape, plan: &Plan) -> anyhow::Result<Self> {
        Self::on(Cluster::prepare(&order.program, shape)?, plan)
    }

    /// On a cluster that may not run yet.
    pub(super) fn on(mut cluster: Cluster, plan: &Plan) -> anyhow::Result<Self> {
        cluster.start_all().with_context(|| cluster.log_ends())?;
        let load = Load::start(&cluster, plan)?;
        let warm = usize::try_from(plan.accepts_per_second).unwrap_or(usize::MAX);
        load.makes_progress(warm, WARM_UP).with_context(|| cluster.log_ends())?;
        let readers = cluster.readers()?;
        Ok(Self { cluster, load, readers, faults: Vec::new(), resumed: Vec::new() })
    }

    /// Writes down that harm is done now.
    pub(super) fn harm(&mut self) {
        self.faults.push(Instant::now());
    }

    /// Waits until something is acknowledged after the harm has ended.
    pub(super) fn resumes(&mut self, since: Instant) -> anyhow::Result<()> {
        let at = eventually("an acknowledgement after the harm", || {
            let history = self.load.history();
            let later = history.acknowledged.partition_point(|at| *at <= since);
            history.acknowledged.get(later).copied()
        })?;
        self.resumed.push(at.duration_since(since));
        Ok(())
    }

    /// Runs the rounds, lets everything settle, compares, and ends it all.
    pub(super) fn perform(
        mut self,
        name: &'static str,
        order: &Order<'_>,
        ends: Ends,
        limits: Limits,
        mut round: impl FnMut(&mut Self, u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<Report> {
        let begun = Instant::now();
        let rounds = order.length.repeat(order.watch, |number| round(&mut self, number));
        let rounds = rounds.with_context(|| self.cluster.log_ends())?;
        let ended = Instant::now();
        let report = Report {
            exercise: name,
            rounds,
            elapsed: ended.duration_since(begun),
            figures: Vec::new(),
            violations: Vec::new(),
            logs: String::new(),
        };
        // The last gap ends with the first acknowledgement after the last round.
        let last = self.load.makes_progress(1, WARM_UP);
        self.judge(report, ended, ends, limits, last)
    }

    fn judge(
        self,
        mut report: Report,
        ended: Instant,
        ends: Ends,
        limits: Limits,
        last: anyhow::Result<()>,
    ) -> anyhow::Result<Report> {
        let Self { mut cluster, load, readers, faults, resumed } = self;
        report.violations.extend(last.err().map(|error| format!("{error:#}")));
        load.settle(SETTLE);
        let read = readers.stop();
        report
            .violations
            .extend(cluster.fallen().into_iter().map(|name| format!("{name} has ended by itself")));
        let known = cluster.operator.tasks().with_context(|| cluster.log_ends())?;
        let launches = cluster.launches()?;
        let history = load.tear_down().with_context(|| cluster.log_ends())?;
        let mut verdict = Verdict::of(&history, &known, ends);
        verdict.judge_launches(&history, &launches, ends);
        if matches!(ends, Ends::Witnessed | Ends::IfSaid) {
            let witnesses = witness::read(&cluster.home)?;
            let never_began = verdict.judge_witnesses(&history, &witnesses, ends);
            report.figures.push(Figure::count("launches cut off", never_began));
            report.figures.push(Figure::count("tasks disturbed", verdict.disturbed));
        }
        report.violations.append(&mut verdict.violations);
        describe(&mut report, &verdict, &history, ended);
        let reads = usize::try_from(read.reads).unwrap_or(usize::MAX);
        report.figures.push(Figure::count("reads", reads));
        report.figures.push(Figure::count("stale reads", read.stale.len()));
        report.violations.extend(read.stale.into_iter().take(SHOWN_MAX));
        judge_resumed(&mut report, resumed, limits);
        judge_gaps(&mut report, &history.write_gaps(&faults, ended), limits);
        if !report.violations.is_empty() {
            report.logs = cluster.log_ends();
        }
        let clean = cluster.finish();
        report.violations.extend(clean.err().map(|error| format!("{error:#}")));
        Ok(report)
    }
}

fn describe(report: &mut Report, verdict: &Verdict, history: &History, ended: Instant) {
    let count = |name, value| Figure::count(name, value);
    report.figures.extend([
        count("accepts acknowledged", verdict.accepted),
        count("accepts refused", verdict.refused),
        count("acknowledged and lost", verdict.lost),
        count("there twice", verdict.duplicated),
    ]);
    let seconds = ended.duration_since(history.begun).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
    let value = verdict.accepted as f64 / seconds;
    let name = "accepts per second, faults included".to_owned();
    report.figures.push(Figure { name, value, unit: "/s" });
}

fn judge_resumed(report: &mut Report, mut times: Vec<Duration>, limits: Limits) {
    times.sort();
    if let Some(longest) = times.last() {
        report.figures.extend(Figure::spread("serving again after", &times));
        if *longest > limits.resumed_max {
            let most = limits.resumed_max;
            report.violations.push(format!("serving again after {longest:.1?}, not {most:?}"));
        }
    }
}

fn judge_gaps(report: &mut Report, gaps: &[Option<Duration>], limits: Limits) {
    let silent = gaps.iter().filter(|gap| gap.is_none()).count();
    if silent > 0 {
        report.violations.push(format!("after {silent} faults nothing was acknowledged"));
    }
    let mut times: Vec<Duration> = gaps.iter().flatten().copied().collect();
    times.sort();
    report.figures.extend(Figure::spread("write gap", &times));
    for (what, percent, most) in [("p99", 99, limits.gap_p99), ("max", 100, limits.gap_max)] {
        let seen = crate::figures::percentile(&times, percent).unwrap_or_default();
        if seen > most {
            let text = format!("write gap {what} is {seen:.1?}, more than {most:?}");
            report.violations.push(text);
        }
    }
}
