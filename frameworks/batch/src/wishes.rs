//! What the cluster is asked for: one demand for each task of the job that has ready instances.
//!
//! The cluster counts down by itself what is launched, so that it is told again only when what it
//! knows is no longer what is wanted: something became ready, was refused, is given up.

use crate::job::TaskSpec;
use crate::queue::Queue;
use crate::volumes::Volumes;
use bourse_sdk::CallId;
use bourse_sdk::model::{Constraint, DemandId, Duration, Instant, StatedDemand, limits};
use std::collections::BTreeMap;

/// The least time that a gang has left when it is stated again.
const GANG_LEFT_MIN: Duration = Duration(1);

/// What the cluster was told, less what was launched since.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// By the task's place in the job; `None` before anything was said.
    stated: Option<BTreeMap<usize, u32>>,
    /// When each gang was first asked for.
    gangs: BTreeMap<usize, Instant>,
    /// The last call that said so, until it is answered, and the tasks that it named, in order.
    unanswered: Option<(CallId, Vec<usize>)>,
    /// The last call that said so; calls have rising numbers.
    said_last: Option<CallId>,
    /// What the cluster knows may be wrong.
    is_doubtful: bool,
}

impl Wishes {
    /// An instance of a task was launched on an offer for it.
    pub(crate) fn launched(&mut self, task: usize) {
        if let Some(count) = self.stated.as_mut().and_then(|stated| stated.get_mut(&task)) {
            *count = count.saturating_sub(1);
            // There is room for other tasks in what is said.
            self.is_doubtful |= *count == 0;
        }
    }

    /// A launch by this call did not happen: the cluster still holds it for wanted, unless it was
    /// told anew since.
    pub(crate) fn taken_back(&mut self, call: CallId, task: usize) {
        match &mut self.stated {
            Some(stated) if self.said_last.is_none_or(|last| last < call) => {
                *stated.entry(task).or_default() += 1;
            }
            _ => self.stated = None,
        }
        self.is_doubtful = true;
    }

    /// The cluster does not know what is wanted as well as was thought.
    pub(crate) fn doubt(&mut self) {
        self.stated = None;
        self.is_doubtful = true;
    }

    /// What was to be said is said by this call.
    pub(crate) fn said(&mut self, call: CallId) {
        let stated = self.stated.iter().flat_map(|stated| stated.keys().copied());
        self.unanswered = Some((call, stated.collect()));
        self.said_last = Some(call);
    }

    /// Whether this is the last call that said so, and it is not answered.
    pub(crate) fn awaits(&self, call: CallId) -> bool {
        self.unanswered.as_ref().is_some_and(|(last, _)| *last == call)
    }

    /// The tasks that were named by a call that is now answered, if it is the last one.
    pub(crate) fn answered(&mut self, call: CallId) -> Option<Vec<usize>> {
        self.unanswered.take_if(|(last, _)| *last == call).map(|(_, tasks)| tasks)
    }

    /// What to say now, if anything needs to be said; `is_news` when something became ready.
    pub(crate) fn statement(
        &mut self,
        now: Instant,
        (queue, volumes): (&Queue, &Volumes),
        is_news: bool,
    ) -> Option<Vec<StatedDemand>> {
        if !is_news && !self.is_doubtful && self.stated.is_some() {
            return None;
        }
        self.is_doubtful = false;
        let tasks = queue.job().tasks();
        let ready = queue.ready_by_task().filter_map(|(task, count)| {
            let count = count.min(limits::DEMAND_PIECES_MAX);
            let (count, constraints) = volumes.wanted(now, (task, &tasks[task]), count)?;
            Some((task, (count, constraints)))
        });
        let asked: BTreeMap<usize, (u32, Vec<Constraint>)> =
            ready.take(limits::DEMANDS_MAX).collect();
        let wanted: BTreeMap<usize, u32> =
            asked.iter().map(|(task, (count, _))| (*task, *count)).collect();
        let stated = self.stated.iter().flatten().filter(|(_, count)| **count > 0);
        if self.stated.is_some() && stated.eq(&wanted) {
            return None;
        }
        self.gangs.retain(|task, _| wanted.contains_key(task));
        let demands = asked.into_iter().map(|(task, (count, constraints))| {
            let mut demand = self.demand(now, task, &tasks[task], count);
            demand.constraints.extend(constraints);
            demand
        });
        let demands = demands.collect();
        self.stated = Some(wanted);
        Some(demands)
    }

    fn demand(&mut self, now: Instant, task: usize, spec: &TaskSpec, count: u32) -> StatedDemand {
        let gang_timeout = spec.gang_timeout.map(|timeout| {
            let waited = now.since(*self.gangs.entry(task).or_insert(now));
            Duration(timeout.as_ms().saturating_sub(waited.as_ms())).max(GANG_LEFT_MIN)
        });
        StatedDemand {
            id: demand_id(spec),
            shape: spec.resources.clone(),
            count,
            constraints: spec.constraints.clone(),
            per_agent_max: spec.per_agent_max,
            spread: spec.domain_spread.clone(),
            gang_timeout,
            priority: spec.priority,
            revocable: spec.revocable,
        }
    }
}

/// A task's demand is called as the task is.
pub(crate) fn demand_id(spec: &TaskSpec) -> DemandId {
    DemandId::new(&spec.name).expect("a job's names make good ids")
}
