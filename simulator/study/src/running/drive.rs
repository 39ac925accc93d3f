//! Takes a run from its beginning to its end, and stops wherever somebody wants to look.

use super::{Running, Waiting, trend::Trend};
use crate::{error::RunError, measures::Measures, records::Timeline};
use simulator::engine::Time;
use std::fmt;

/// So many times the progress of a run is told, at most.
const STEPS: u64 = 256;

/// Who looks on.
pub struct Watch<'a> {
    /// What happens before is warming up.
    pub warm_up: Time,
    /// Lines of a timeline.
    pub timeline: Option<Timeline>,
    /// Is told how far it is and how far it goes.
    pub progress: &'a dyn Fn(Time, Time),
    /// Somebody who does something in the middle.
    pub stop: Option<Stop<'a>>,
}

/// What is done when all that comes before a moment has happened; at the end, when it ends before.
pub struct Stop<'a> {
    /// When.
    pub at: Time,
    /// What.
    pub then: &'a mut dyn FnMut(&mut dyn Running) -> Result<(), RunError>,
}

impl fmt::Debug for Stop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("at", &self.at).finish_non_exhaustive()
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("timeline", &self.timeline).finish_non_exhaustive()
    }
}

impl Watch<'_> {
    /// Nobody.
    pub fn nobody() -> Self {
        Self { warm_up: Time::ZERO, timeline: None, progress: &|_, _| {}, stop: None }
    }
}

/// From the beginning to the end.
///
/// # Errors
/// When a line of the timeline cannot be written, or the run could not read what it needs.
pub fn drive(mut run: Box<dyn Running + '_>, watch: &mut Watch<'_>) -> Result<Measures, RunError> {
    let (from, to) = run.span();
    let step = Time((to.0.saturating_sub(from.0) / STEPS).max(1));
    let mut told = from + step;
    let mut trend = Trend::new((from, to));
    let mut warm_up = Some(watch.warm_up).filter(|it| *it > Time::ZERO);
    loop {
        let line = watch.timeline.as_ref().map_or(Time(u64::MAX), Timeline::next);
        let take = trend.next().filter(|_| run.settles()).unwrap_or(Time(u64::MAX));
        let warm = warm_up.unwrap_or(Time(u64::MAX));
        let stop = watch.stop.as_ref().map_or(Time(u64::MAX), |stop| stop.at);
        let next = line.min(told).min(take).min(warm).min(stop);
        // When nothing happens any more, lines still go on to where the run ends.
        let is_over = run.is_over();
        if next == Time(u64::MAX) || is_over && line.min(take).min(warm) > run.span().1 {
            break;
        }
        if !is_over {
            run.run(Some(next));
        }
        if stop <= next
            && let Some(stop) = watch.stop.take()
        {
            (stop.then)(&mut *run)?;
        }
        if warm <= next {
            run.count_from(warm);
            warm_up = None;
        }
        if take <= next {
            trend.take(&*run);
        }
        if told <= next {
            (watch.progress)(next.min(to), to);
            told = if next < to { told + step } else { Time(u64::MAX) };
        }
        if let Some(timeline) = watch.timeline.as_mut().filter(|it| it.next() <= next) {
            timeline.line(next, &run.waiting(), &run.state())?;
        }
    }
    run.run(None);
    if let Some(stop) = watch.stop.take() {
        (stop.then)(&mut *run)?;
    }
    let growing = trend.growing();
    let at_the_end = run.waiting();
    let mut measures = run.finish()?;
    for Waiting { queue, count, .. } in growing {
        let is_drained = at_the_end.iter().any(|it| it.queue == queue && it.count == 0);
        measures.is_saturated(queue, count, is_drained);
    }
    Ok(measures)
}
