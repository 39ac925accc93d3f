//! A job as a scheduler: offers in, launches out, until every instance has ended.
//!
//! Joins the queue (what may run) with what the cluster is asked for: exactly that. An offer says
//! which task of the job it is for.

use crate::group::group_id;
use crate::job::Job;
use crate::observer::{Observer, Progress};
use crate::packing::{Bin, gather, gather_all};
use crate::placing::Placing;
use crate::queue::{InstanceId, Launch, Queue};
use crate::spread::Homes;
use crate::summary::Summary;
use crate::volumes::Volumes;
use crate::wishes::Wishes;
use bourse_sdk::model::{
    DeclineFilter, DeclineReason, DemandId, Duration, FrameworkId, Instant, InverseOffer, Offer,
    Reason, Refusal, TaskId, VolumeInfo, limits,
};
use bourse_sdk::{CallId, Calls, Event, Remaining, Scheduler};
use pieces::{Piece, piece};
use std::collections::BTreeMap;

/// How long not to be offered the same: no longer than the cluster insists on, which offers what is
/// asked for and nothing else.
const REFUSE: Duration = Duration(0);

/// How long a stopped job waits for its last tasks beyond their longest grace period.
const STOP_PATIENCE: Duration = Duration::from_seconds(30);

/// Runs one job.
pub struct BatchScheduler {
    state: State,
    observer: Box<dyn Observer>,
    framework: Option<FrameworkId>,
    launches: BTreeMap<CallId, Vec<Launch>>,
    kills: BTreeMap<CallId, TaskId>,
    wishes: Wishes,
    volumes: Volumes,
    /// While the job's role is shared.
    placing: Option<Placing>,
    homes: Homes,
    seed: u64,
    stop_deadline: Option<Instant>,
    /// Offers are suppressed until the cluster knows what is wanted: before, it would offer all
    /// that is free.
    is_quiet: bool,
    is_over: bool,
}

enum State {
    /// The job's time begins when the cluster knows it.
    Waiting(Job, u64),
    Running(Box<Queue>),
}

impl std::fmt::Debug for BatchScheduler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BatchScheduler").field("framework", &self.framework).finish_non_exhaustive()
    }
}

impl BatchScheduler {
    /// A scheduler for one job; the seed decides the jitter of retries. It is to subscribe with its
    /// role suppressed ([`crate::run()`] does), and revives it when it has said what it wants.
    pub fn new(job: Job, seed: u64, observer: Box<dyn Observer>) -> Self {
        Self {
            state: State::Waiting(job, seed),
            observer,
            framework: None,
            launches: BTreeMap::new(),
            kills: BTreeMap::new(),
            wishes: Wishes::default(),
            volumes: Volumes::default(),
            placing: None,
            homes: Homes::new(),
            seed,
            stop_deadline: None,
            is_quiet: true,
            is_over: false,
        }
    }

    /// How the job ended, or how it stands.
    pub fn summary(&self) -> Summary {
        match &self.state {
            State::Waiting(job, seed) => {
                let queue = Queue::new(job.clone(), Instant(0), *seed);
                Summary::of(&queue, self.framework)
            }
            State::Running(queue) => Summary::of(queue, self.framework),
        }
    }

    fn tell(&mut self, now: Instant, progress: impl IntoIterator<Item = Progress>) {
        for one in progress {
            self.observer.observe(now, &one);
        }
    }

    fn subscribed(&mut self, now: Instant, framework: FrameworkId) {
        self.framework = Some(framework);
        match &self.state {
            State::Running(_) => {
                self.volumes.forget();
                self.wishes.doubt();
                // The role may be shared no longer: if it is, it is shown anew.
                self.placing = None;
                self.tell(now, [Progress::Reconnected]);
            }
            State::Waiting(job, seed) => {
                let queue = Queue::new(job.clone(), now, *seed);
                let instances = queue.job().instance_count();
                self.state = State::Running(Box::new(queue));
                self.tell(now, [Progress::Submitted { framework, instances }]);
            }
        }
    }

    fn offers(&mut self, now: Instant, offers: Vec<Offer>, calls: &mut Calls) {
        let State::Running(queue) = &mut self.state else {
            let ids = offers.into_iter().map(|offer| offer.id).collect();
            calls.decline(ids, DeclineFilter::because(DeclineReason::Busy));
            return;
        };
        let (mut launched, mut accepts, mut unused) = (Vec::new(), Vec::new(), Vec::new());
        offers.iter().for_each(|offer| self.volumes.offered(offer));
        for filled in fill(queue, &offers) {
            let mut bins = Vec::new();
            for (offer, pieces) in filled.offers {
                let bin = self.load(now, offer, (pieces, filled.is_gang), &mut launched);
                match bin.items.is_empty() {
                    true => unused.push(offer.id),
                    false => bins.push(bin),
                }
            }
            match filled.is_gang {
                true if bins.is_empty() => {}
                true => accepts.push(gather_all(bins)),
                false => accepts.extend(gather(bins)),
            }
        }
        for call in accepts {
            let (ids, pieces): (Vec<_>, Vec<_>) =
                call.items.into_iter().map(|(item, _)| item).unzip();
            let offers = call.offers.into_iter().map(|offer| offer.id).collect();
            let operations = pieces::together(pieces);
            let call = calls.accept_operations(offers, operations, false, REFUSE);
            if let State::Running(queue) = &self.state {
                let launches = ids.into_iter().map(|id| queue.last_launch(id));
                self.launches.insert(call, launches.collect());
            }
        }
        let asked_for = |offer: &&Offer| !offer.pieces.is_empty();
        if offers.iter().filter(asked_for).any(|offer| unused.contains(&offer.id)) {
            // More than is wanted: what the cluster knows is out of date. An offer for nothing in
            // particular was made before it knew anything.
            self.wishes.doubt();
        }
        for chunk in unused.chunks(limits::OFFERS_PER_CALL_MAX) {
            let refuse = DeclineFilter::because(DeclineReason::NothingPending).for_time(REFUSE);
            calls.decline(chunk.to_vec(), refuse);
        }
        self.tell(now, launched);
    }

    /// Launches on an offer what it is for.
    fn load(
        &mut self,
        now: Instant,
        offer: &Offer,
        (pieces, is_gang): (Vec<(usize, u32)>, bool),
        launched: &mut Vec<Progress>,
    ) -> Bin<(InstanceId, Piece)> {
        let mut bin = Bin::new(offer.clone());
        let State::Running(queue) = &mut self.state else { return bin };
        let mut left = Remaining::new(offer.clone());
        for (task, count) in pieces {
            let size_bytes = queue.job().tasks()[task].size_bytes();
            for _ in 0..count {
                let Some(id) = queue.first_ready(task) else { break };
                if !is_gang && !bin.has_room(size_bytes) {
                    break;
                }
                let spec = queue.spec(id);
                let Some(mounts) = self.volumes.mounts(spec, offer) else {
                    let reason = self.volumes.missing(now, (task, spec), offer);
                    let name = spec.name.clone();
                    launched.extend(reason.map(|reason| Progress::Waiting { name, reason }));
                    self.wishes.doubt();
                    break;
                };
                // Asked for by amount, taken by name where the agent's devices have names.
                let Some(resources) = left.pick(&spec.resources) else { break };
                queue.launch(now, id, offer.agent.clone(), offer.id);
                self.volumes.launched(id, task, &mounts);
                self.wishes.launched(task);
                launched.push(Progress::Launched(queue.news(id)));
                let piece = piece(queue, id, &offer.agent, &resources, mounts);
                bin.put((id, piece), size_bytes);
            }
        }
        bin
    }

    fn volume_changed(&mut self, volume: &VolumeInfo) {
        let State::Running(queue) = &self.state else { return };
        if self.volumes.changed(queue.job().role(), volume) {
            self.wishes.doubt();
        }
    }

    /// The cluster has found no room for all of a task at once.
    fn demand_failed(&mut self, now: Instant, demand: &DemandId) {
        let State::Running(queue) = &mut self.state else { return };
        let Some(task) = queue.task_named(demand.as_str()) else { return };
        let message = "there was no room for all instances at once";
        let progress = queue.give_up(now, task, message);
        self.wishes.doubt();
        self.tell(now, progress);
    }

    /// What was asked for is refused: for the task that is named it always will be.
    fn demand_refused(&mut self, now: Instant, tasks: &[usize], refusal: &Refusal) {
        let State::Running(queue) = &mut self.state else { return };
        let task = tasks.get(place_in("demands[", &refusal.field));
        if let Some(task) = task.filter(|_| is_fatal(refusal.reason) && refusal.field != "role") {
            let progress = queue.give_up(now, *task, &refusal.to_string());
            self.wishes.doubt();
            self.tell(now, progress);
        }
    }

    /// Offers are wanted once the first statement of what they are for is answered.
    fn speak_up(&mut self, call: CallId, calls: &mut Calls) {
        let State::Running(queue) = &self.state else { return };
        if self.is_quiet && self.wishes.awaits(call) {
            self.is_quiet = false;
            calls.revive(vec![queue.job().role().clone()]);
        }
    }

    fn answered(&mut self, now: Instant, call: CallId, refusal: Option<Refusal>) -> Option<TaskId> {
        if let (Some(tasks), Some(refusal)) = (self.wishes.answered(call), &refusal) {
            self.demand_refused(now, &tasks, refusal);
            return None;
        }
        let State::Running(queue) = &mut self.state else { return None };
        let launches = self.launches.remove(&call).unwrap_or_default();
        let launched: Vec<InstanceId> =
            launches.into_iter().filter_map(|launch| queue.launched_by(launch)).collect();
        let killed = self.kills.remove(&call);
        let Some(refusal) = refusal else {
            launched.into_iter().for_each(|id| queue.accepted(id));
            return None;
        };
        launched.iter().for_each(|id| self.wishes.taken_back(call, queue.task_of(*id)));
        if is_of_volumes(refusal.reason) {
            launched.iter().for_each(|id| self.volumes.refused(now, queue.task_of(*id)));
        }
        for id in &launched {
            if let (Some(placing), Some(agent)) = (&mut self.placing, queue.agent_of(*id)) {
                placing.conflicted(now, &agent);
            }
        }
        if refusal.reason == Reason::QuotaExceeded {
            // The first so many fit; the others wait for room.
            let fitting = place_in("tasks[", &refusal.field);
            let launched = launched.into_iter().enumerate();
            let progress: Vec<Progress> = launched
                .flat_map(|(place, id)| match place < fitting {
                    true => queue.refused(now, id, None),
                    false => queue.hold_back(now, id),
                })
                .collect();
            self.tell(now, progress);
            return killed;
        }
        // What is wrong with the role is that it is, or is not, shared any longer.
        let is_fatal = is_fatal(refusal.reason) && refusal.field != "role";
        let fatal = is_fatal.then(|| refusal.to_string());
        let progress: Vec<Progress> =
            launched.into_iter().flat_map(|id| queue.refused(now, id, fatal.as_deref())).collect();
        self.tell(now, progress);
        killed
    }

    fn stop(&mut self, now: Instant, calls: &mut Calls) {
        let State::Running(queue) = &mut self.state else {
            self.is_over = true;
            calls.done();
            return;
        };
        if self.stop_deadline.is_some() {
            // Asked twice: do not wait.
            self.stop_deadline = Some(now);
            return;
        }
        let tasks = queue.job().tasks().iter();
        let grace = tasks.map(|task| task.kill_policy.grace_period()).max().unwrap_or_default();
        self.stop_deadline = Some(now + grace + STOP_PATIENCE);
        let progress = queue.stop(now);
        self.wishes.doubt();
        self.tell(now, progress);
    }

    /// What follows from whatever happened: kills, demand for offers, the alarm, the end.
    fn settle(&mut self, now: Instant, calls: &mut Calls) {
        let State::Running(queue) = &mut self.state else { return };
        if self.is_over {
            return;
        }
        queue.tick(now);
        if self.volumes.settle(queue) | self.volumes.tick(now) {
            self.wishes.doubt();
        }
        for task in queue.take_kills() {
            let call = match queue.is_group(&task) {
                true => calls.kill_group(group_id(&task), None),
                false => calls.kill(task.clone(), None),
            };
            self.kills.insert(call, task);
        }
        let is_newly_ready = queue.take_newly_ready();
        if self.placing.is_some() {
            self.place(now, calls);
        }
        let State::Running(queue) = &mut self.state else { return };
        let is_over = queue.is_over();
        if !is_over
            && self.placing.is_none()
            && let Some(demands) =
                self.wishes.statement(now, (&*queue, &self.volumes), is_newly_ready)
        {
            self.wishes.said(calls.state_demand(queue.job().role().clone(), demands));
        }
        let is_late = self.stop_deadline.is_some_and(|deadline| deadline <= now);
        let abandoned = if is_late { queue.abandon(now) } else { Vec::new() };
        let placing = self.placing.as_ref().and_then(|placing| placing.deadline(now, queue));
        let volumes = self.volumes.deadline(now, queue);
        let deadlines = [queue.deadline(), self.stop_deadline, placing, volumes];
        if let Some(deadline) = deadlines.into_iter().flatten().min() {
            calls.wake_at(deadline);
        }
        if queue.is_over() {
            self.is_over = true;
            calls.teardown();
        }
        self.tell(now, abandoned);
    }
}

impl Scheduler for BatchScheduler {
    fn handle(&mut self, now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Subscribed { framework, .. } => self.subscribed(now, framework),
            Event::Disconnected => self.tell(now, [Progress::Disconnected]),
            Event::Offers(offers) => self.offers(now, offers, calls),
            Event::DemandFailed { demand, .. } => self.demand_failed(now, &demand),
            // What ends comes back as lost and is started again.
            Event::PreemptionNotice(_) => {}
            Event::VolumeUpdate(volume) => self.volume_changed(&volume),
            Event::AgentNotice { inverse_offers, .. } => answer_inverse(inverse_offers, calls),
            Event::Update(status) => {
                if let State::Running(queue) = &mut self.state {
                    let progress = queue.status(now, &status);
                    self.tell(now, progress);
                }
            }
            Event::SharedState(state) => self.shown(&state, calls),
            Event::Accepted { call, results, .. } => self.accepted(now, call, &results),
            Event::Done { call } => {
                self.speak_up(call, calls);
                self.answered(now, call, None);
            }
            Event::Refused { call, refusal } => {
                self.speak_up(call, calls);
                // A task that cannot be killed may have ended, or never been: ask.
                if let Some(task) = self.answered(now, call, Some(refusal)) {
                    calls.reconcile(vec![task]);
                }
            }
            Event::StopRequested => self.stop(now, calls),
            Event::Rescinded(_)
            | Event::AgentLost { .. }
            | Event::Reconciling { .. }
            | Event::Woken => {}
        }
        self.settle(now, calls);
    }
}

/// What is ended there is launched again elsewhere (see the queue): so the job is gone by a
/// deadline that ends its tasks. It moves none by itself, and says so where none are ended.
fn answer_inverse(offers: Vec<InverseOffer>, calls: &mut Calls) {
    let (leaves, stays): (Vec<_>, Vec<_>) = offers.into_iter().partition(|offer| offer.ends_tasks);
    for offers in leaves.chunks(limits::OFFERS_PER_CALL_MAX) {
        calls.accept_inverse(offers.iter().map(|offer| offer.id).collect());
    }
    for offers in stays.chunks(limits::OFFERS_PER_CALL_MAX) {
        let offers = offers.iter().map(|offer| offer.id).collect();
        calls.decline_inverse(offers, "its tasks are not moved before they end");
    }
}

/// Offers of one kind: for a gang, which are used together, or for anything else.
struct Filled<'a> {
    is_gang: bool,
    /// Each with the tasks of the job that it is for, by their places, and how many instances.
    offers: Vec<(&'a Offer, Vec<(usize, u32)>)>,
}

/// Says which instances go where. Offers that are for nothing come with no pieces.
fn fill<'a>(queue: &Queue, offers: &'a [Offer]) -> Vec<Filled<'a>> {
    // Revocable offers and others cannot be used in one accept.
    let (mut single, mut revocable) = (Vec::new(), Vec::new());
    let mut gangs = BTreeMap::<usize, Vec<_>>::new();
    for offer in offers {
        let pieces = offer
            .pieces
            .iter()
            .filter_map(|(demand, count)| Some((queue.task_named(demand.as_str())?, *count)));
        let pieces: Vec<(usize, u32)> = pieces.collect();
        let tasks = queue.job().tasks();
        match pieces.iter().find(|(task, _)| tasks[*task].gang_timeout.is_some()) {
            Some((task, _)) => gangs.entry(*task).or_default().push((offer, pieces)),
            None if offer.revocable => revocable.push((offer, pieces)),
            None => single.push((offer, pieces)),
        }
    }
    let mut filled = vec![Filled { is_gang: false, offers: single }];
    if !revocable.is_empty() {
        filled.push(Filled { is_gang: false, offers: revocable });
    }
    for (task, mut offers) in gangs {
        let offered: u32 = offers.iter().flat_map(|(_, pieces)| pieces).map(|(_, n)| n).sum();
        if offered < queue.ready_count(task) {
            // Not all of it: none of it.
            offers.iter_mut().for_each(|(_, pieces)| pieces.clear());
        }
        filled.push(Filled { is_gang: true, offers });
    }
    filled
}

/// The place in a list that a refusal names, such as 3 in `tasks[3].resources[0]`; 0 when it names
/// none.
fn place_in(list: &str, field: &str) -> usize {
    let place = field.strip_prefix(list).and_then(|rest| rest.split_once(']'));
    place.and_then(|(place, _)| place.parse().ok()).unwrap_or(0)
}

/// Whether a volume is not, or not free, any longer.
fn is_of_volumes(reason: Reason) -> bool {
    use Reason::{VolumeBroken, VolumeDestroying, VolumeInUse, VolumeUnknown};
    matches!(reason, VolumeBroken | VolumeDestroying | VolumeInUse | VolumeUnknown)
}

/// Whether the same tasks would be refused on any offer.
fn is_fatal(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::InvalidField | Reason::LimitExceeded | Reason::TaskExists | Reason::NotAuthorized
    )
}

mod pieces;
mod shared;
#[cfg(test)]
mod tests;
