//! What exercises that harm the network stand on: a cluster on such a network, and what they look
//! at besides the load, which is terms, and connections that nobody uses any more.

use super::{
    Order,
    stage::{Limits, Stage},
};
use crate::{
    cluster::Shape,
    figures::{Figure, Report},
    load::Plan,
    patience::pause_until,
    verdict::Ends,
};
use std::time::{Duration, Instant};

/// Silent connections are closed by both sides within this (N7); a master's probe and its patience
/// take just as long.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// Timers fire late on a busy machine.
const LATENESS: Duration = Duration::from_secs(2);
/// Harm for so long lets every connection that is cut be given up.
pub(super) const GIVEN_UP_AFTER: Duration = Duration::from_secs(35);

/// Between the end of one cut and the next.
pub(super) const WHOLE: Duration = Duration::from_secs(3);
/// Nobody hears a leader go that is cut off; frameworks and agents ask others once it is silent.
/// One that hears nobody is obeyed until it steps down, within two seconds, and the election begins
/// only then: four, and one for each master that is called in vain. The rest is for busy machines.
const LEFT: Duration = Duration::from_secs(8);
/// Of exercises in which the leader is cut off.
pub(super) const LIMITS: Limits =
    Limits { gap_p99: LEFT, gap_max: LEFT, resumed_max: Duration::MAX };

/// Elections that there may be; terms are counted, of which each takes one or more.
#[derive(Debug, Clone, Copy)]
pub(super) enum Elections {
    /// Harm may cause so many each time.
    PerFault(u64),
    /// So many in a minute.
    PerMinute(u64),
}

/// What was seen of terms and connections.
#[derive(Debug)]
pub(super) struct Watch {
    first_term: u64,
    last_term: u64,
    faults: u64,
    silence_max: Option<Duration>,
    violations: Vec<String>,
}

/// Runs rounds of harm to the network, and judges what came of them.
pub(super) fn perform(
    name: &'static str,
    order: &Order<'_>,
    limits: Limits,
    elections: Elections,
    mut round: impl FnMut(&mut Stage, &mut Watch) -> anyhow::Result<()>,
) -> anyhow::Result<Report> {
    let shape = Shape { wires: order.wires, ..Shape::emulated(8, 300) };
    let stage = Stage::start(order, &shape, &Plan::steady())?;
    let mut watch = Watch::begin(&stage)?;
    let mut report = stage.perform(name, order, Ends::Finished, limits, |stage, _| {
        round(stage, &mut watch)?;
        watch.look(stage)
    })?;
    watch.judge(&mut report, elections);
    Ok(report)
}

impl Watch {
    fn begin(stage: &Stage) -> anyhow::Result<Self> {
        let term = stage.cluster.operator.cluster()?.term;
        let (silence_max, violations) = (None, Vec::new());
        Ok(Self { first_term: term, last_term: term, faults: 0, silence_max, violations })
    }

    /// Leaves cut what is cut for a time, then all links whole for another.
    pub(super) fn sit_out(
        &mut self,
        stage: &Stage,
        cut: Duration,
        whole: Duration,
    ) -> anyhow::Result<()> {
        pause_until(Instant::now() + cut);
        self.heal(stage)?;
        pause_until(Instant::now() + whole);
        Ok(())
    }

    /// Harm of this kind is over: whatever is cut has been cut for as long as it will be, and all
    /// links are made whole.
    fn heal(&mut self, stage: &Stage) -> anyhow::Result<()> {
        let network = stage.cluster.network()?;
        let half_open = network.half_open(SILENCE_MAX + LATENESS)?;
        self.violations
            .extend(half_open.iter().map(|it| format!("half-open connection {it} (N7)")));
        self.faults += 1;
        network.heal()
    }

    /// Looks at the term, once a leader serves.
    fn look(&mut self, stage: &Stage) -> anyhow::Result<()> {
        self.last_term = stage.cluster.operator.cluster()?.term;
        self.silence_max = stage.cluster.network()?.silence_max();
        Ok(())
    }

    fn judge(self, report: &mut Report, elections: Elections) {
        let terms = self.last_term.saturating_sub(self.first_term);
        let most = match elections {
            Elections::PerFault(each) => each * self.faults,
            Elections::PerMinute(each) => each * report.elapsed.as_secs().div_ceil(60),
        };
        report.violations.extend(self.violations);
        if terms > most {
            report.violations.push(format!("{terms} new terms, more than {most}"));
        }
        let terms = usize::try_from(terms).unwrap_or(usize::MAX);
        report.figures.push(Figure::count("new terms", terms));
        if let Some(seen) = self.silence_max {
            let name = "silent connections closed after, max";
            report.figures.push(Figure::seconds(name, seen));
            if seen > SILENCE_MAX + LATENESS {
                let text = format!("a silent connection was closed after {seen:.1?} (N7)");
                report.violations.push(text);
            }
        }
    }
}
