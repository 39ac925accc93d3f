//! Calls between being asked and being answered: sent, sent again with the same request id, and in
//! the end answered exactly once.
//!
//! A call whose connection broke may or may not have happened. It is sent again as it is; the
//! cluster remembers what it answered to an accept, by the request id. If it no longer does and
//! refuses, the session asks for the accept's first task: known means that it was launched (all or
//! none), unknown that it was not. So the scheduler never has to live with a doubt.

use super::answers::is_about_link;
use super::{Answer, Failure, SendId};
use crate::jitter::{Backoff, Jitter};
use crate::model::{
    FrameworkInfo, Instant, Operation, OperationResult, Reason, Refusal, RequestId, Role,
    SchedulerCall, TaskId, TaskInfo, TaskState, TaskStatus, operation::only_launch,
};
use crate::scheduler::{CallId, Event};
use std::collections::{BTreeMap, BTreeSet};

/// Calls on the way at one time. The cluster remembers 64 answered accepts per framework: a retry
/// must find its answer.
const IN_FLIGHT_MAX: usize = 24;
const _: () = assert!(2 * IN_FLIGHT_MAX <= crate::model::limits::ACCEPT_OUTCOMES_PER_FRAMEWORK_MAX);

/// Calls that are not answered yet. More is a scheduler that does not look at answers.
const CALLS_MAX: usize = 8_192;

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// In `ready`, or in `delayed` until the time.
    Waiting(Option<Instant>),
    InFlight(SendId),
    /// Refused after a doubt; the answer to the question about its first task decides.
    Probing(Refusal),
}

#[derive(Debug)]
struct Pending {
    call: SchedulerCall,
    state: State,
    /// An earlier attempt may have taken effect.
    is_in_doubt: bool,
    attempts: u32,
}

/// What to do after an answer.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Tell the scheduler.
    Answered(Event),
    /// The framework is gone, as asked.
    TornDown,
    /// Ask for this task's status.
    Probe(TaskId),
    /// It will be sent again.
    Retry,
    /// The master that refused does not lead, or does not know this subscription.
    LinkStale(Refusal),
}

/// All calls that are not answered yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pending: BTreeMap<CallId, Pending>,
    ready: BTreeSet<CallId>,
    delayed: BTreeSet<(Instant, CallId)>,
    in_flight: usize,
    /// Accepts by the tasks they launch.
    launching: BTreeMap<TaskId, CallId>,
    /// Suppress, revive, cleared filters, what is wanted and answers to inverse offers, in the
    /// order asked; only the first is sent.
    lane: BTreeSet<CallId>,
}

impl Requests {
    /// Takes a call, or says why not.
    pub(super) fn ask(
        &mut self,
        id: CallId,
        mut call: SchedulerCall,
        request_id: RequestId,
    ) -> Result<(), Refusal> {
        if self.pending.len() >= CALLS_MAX {
            let count = self.pending.len() + 1;
            return Err(Refusal::limit("calls without an answer", count, CALLS_MAX));
        }
        match &mut call {
            SchedulerCall::Accept { operations, partial, request, .. }
            | SchedulerCall::Commit { operations, partial, request, .. } => {
                let _ = request.get_or_insert(request_id);
                for task in told_by_tasks(operations, *partial) {
                    self.launching.insert(task.id.clone(), id);
                }
            }
            SchedulerCall::Suppress { .. }
            | SchedulerCall::Revive { .. }
            | SchedulerCall::ClearFilters { .. }
            | SchedulerCall::StateDemand { .. }
            | SchedulerCall::AnswerInverse { .. } => {
                self.lane.insert(id);
            }
            _ => {}
        }
        let state = State::Waiting(None);
        self.pending.insert(id, Pending { call, state, is_in_doubt: false, attempts: 0 });
        self.ready.insert(id);
        Ok(())
    }

    /// The next call to send now, if any.
    pub(super) fn next_send(
        &mut self,
        now: Instant,
        send: SendId,
        lane_open: bool,
    ) -> Option<(CallId, SchedulerCall)> {
        while let Some((at, id)) = self.delayed.first().copied()
            && at <= now
        {
            self.delayed.remove(&(at, id));
            self.ready.insert(id);
        }
        if self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        let first_of_lane = self.lane.first();
        let may_go =
            |id: &&CallId| !self.lane.contains(id) || (lane_open && first_of_lane == Some(id));
        let id = *self.ready.iter().find(may_go)?;
        self.ready.remove(&id);
        let pending = self.pending.get_mut(&id).expect("what is ready is pending");
        pending.state = State::InFlight(send);
        self.in_flight += 1;
        Some((id, pending.call.clone()))
    }

    /// Ends the statements about a role that are not on their way, because there is a newer one.
    pub(super) fn overtake(&mut self, role: &Role) -> Vec<CallId> {
        let waits = |id: &&CallId| {
            let pending = &self.pending[*id];
            states(&pending.call, role) && matches!(pending.state, State::Waiting(_))
        };
        let overtaken: Vec<CallId> = self.lane.iter().filter(waits).copied().collect();
        overtaken.iter().for_each(|id| drop(self.remove(*id)));
        overtaken
    }

    /// Whether a statement about a role is not answered.
    pub(super) fn is_stating(&self, role: &Role) -> bool {
        self.lane.iter().any(|id| states(&self.pending[id].call, role))
    }

    /// When a call that waits may be sent again.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.delayed.first().map(|(at, _)| *at)
    }

    /// Whether every call is answered.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether a teardown was asked and is not answered.
    pub(super) fn teardown(&self) -> bool {
        self.pending.values().any(|pending| pending.call == SchedulerCall::Teardown)
    }

    /// An attempt was answered; `None` when that is not the last attempt of an open call.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        (id, send): (CallId, SendId),
        answer: Result<Answer, Failure>,
        (backoff, jitter): (Backoff, &mut Jitter),
    ) -> Option<Outcome> {
        let pending = self.pending.get_mut(&id)?;
        if pending.state != State::InFlight(send) {
            return None;
        }
        self.in_flight -= 1;
        let refusal = match answer {
            Ok(answer) => return Some(self.finish(id, answer)),
            Err(Failure::Refused(refusal)) => Some(refusal),
            Err(Failure::Broken) => None,
        };
        let reason = refusal.as_ref().map_or(Reason::OutcomeUnknown, |refusal| refusal.reason);
        match (reason, refusal) {
            (reason, Some(refusal)) if is_about_link(reason) => {
                self.wait(id, None);
                Some(Outcome::LinkStale(refusal))
            }
            (Reason::NotReady | Reason::Overloaded | Reason::OutcomeUnknown, refusal) => {
                pending.is_in_doubt |= reason == Reason::OutcomeUnknown;
                let pause = jitter.pause(backoff, pending.attempts);
                let asked = refusal.and_then(|refusal| refusal.retry_after);
                pending.attempts += 1;
                self.wait(id, Some(now + pause.max(asked.unwrap_or_default())));
                Some(Outcome::Retry)
            }
            (_, Some(refusal)) => Some(self.refused(id, refusal)),
            (_, None) => None,
        }
    }

    fn wait(&mut self, id: CallId, until: Option<Instant>) {
        let pending = self.pending.get_mut(&id).expect("only an open call waits");
        pending.state = State::Waiting(until);
        match until {
            Some(at) => self.delayed.insert((at, id)),
            None => self.ready.insert(id),
        };
    }

    fn refused(&mut self, id: CallId, refusal: Refusal) -> Outcome {
        let pending = self.pending.get_mut(&id).expect("an open call was refused");
        match (&pending.call, pending.is_in_doubt) {
            (
                SchedulerCall::Accept { operations, partial, .. }
                | SchedulerCall::Commit { operations, partial, .. },
                true,
            ) => {
                match told_by_tasks(operations, *partial).first() {
                    Some(task) => {
                        let task = task.id.clone();
                        pending.state = State::Probing(refusal);
                        Outcome::Probe(task)
                    }
                    None => {
                        // Nothing that can be asked about tells what became of it.
                        let reason = Reason::OutcomeUnknown;
                        self.remove(id);
                        let refusal = Refusal { reason, ..refusal };
                        Outcome::Answered(Event::Refused { call: id, refusal })
                    }
                }
            }
            // Gone is what was asked for.
            (SchedulerCall::Teardown, _)
                if matches!(
                    refusal.reason,
                    Reason::FrameworkRemoved | Reason::FrameworkUnknown
                ) =>
            {
                self.remove(id);
                Outcome::TornDown
            }
            _ => {
                self.remove(id);
                Outcome::Answered(Event::Refused { call: id, refusal })
            }
        }
    }

    fn finish(&mut self, id: CallId, answer: Answer) -> Outcome {
        let call = self.remove(id);
        Outcome::Answered(match (call, answer) {
            (
                SchedulerCall::Accept { .. } | SchedulerCall::Commit { .. },
                Answer::Accepted(results),
            ) => {
                let tasks = results.iter().flat_map(OperationResult::tasks).cloned().collect();
                Event::Accepted { call: id, tasks, results }
            }
            (
                SchedulerCall::Accept { operations, .. } | SchedulerCall::Commit { operations, .. },
                _,
            ) => {
                let tasks = operations.iter().flat_map(Operation::tasks);
                let tasks: Vec<TaskId> = tasks.map(|task| task.id.clone()).collect();
                let results = match tasks.is_empty() {
                    true => Vec::new(),
                    false => vec![OperationResult::Launched { tasks: tasks.clone() }],
                };
                Event::Accepted { call: id, tasks, results }
            }
            (SchedulerCall::Reconcile { .. }, Answer::Reconciling(task_count)) => {
                Event::Reconciling { call: id, task_count }
            }
            (SchedulerCall::Teardown, _) => return Outcome::TornDown,
            _ => Event::Done { call: id },
        })
    }

    /// The description that a call about to be answered gives the framework.
    pub(super) fn description(&self, id: CallId) -> Option<&FrameworkInfo> {
        match &self.pending.get(&id)?.call {
            SchedulerCall::UpdateFramework { info } => Some(info),
            _ => None,
        }
    }

    fn remove(&mut self, id: CallId) -> SchedulerCall {
        self.lane.remove(&id);
        self.ready.remove(&id);
        let pending = self.pending.remove(&id).expect("an open call ends once");
        if let State::Waiting(Some(at)) = pending.state {
            self.delayed.remove(&(at, id));
        }
        if let Some((operations, partial)) = pending.call.operations() {
            for task in told_by_tasks(operations, partial) {
                self.launching.remove(&task.id);
            }
        }
        pending.call
    }

    /// News of a task may answer the accept that launches it before the answer itself comes.
    pub(super) fn heard_of(&mut self, status: &TaskStatus) -> Option<Event> {
        let id = *self.launching.get(&status.task)?;
        let pending = self.pending.get(&id).expect("an accept that launches is open");
        if status.state == TaskState::Unknown {
            // The answer to a question asked before the accept says nothing about it.
            let State::Probing(refusal) = &pending.state else { return None };
            let refusal = refusal.clone();
            self.remove(id);
            return Some(Event::Refused { call: id, refusal });
        }
        if matches!(pending.state, State::InFlight(_)) {
            self.in_flight -= 1;
        }
        match self.finish(id, Answer::Done) {
            Outcome::Answered(event) => Some(event),
            _ => None,
        }
    }

    /// Whether a probe for this task is open: its answer is not news to the scheduler.
    pub(super) fn is_launching(&self, task: &TaskId) -> bool {
        self.launching.contains_key(task)
    }

    /// The connection is gone: what was on the way may have arrived.
    pub(super) fn disconnected(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let open: Vec<CallId> = self.pending.keys().copied().collect();
        for id in open {
            let pending = self.pending.get_mut(&id).expect("listed above");
            match (&pending.state, &pending.call) {
                // Its offers are void with the connection: what it wanted has happened.
                (State::InFlight(_) | State::Waiting(_), SchedulerCall::Decline { .. }) => {
                    self.remove(id);
                    events.push(Event::Done { call: id });
                }
                (State::InFlight(_), _) => {
                    pending.is_in_doubt = true;
                    self.wait(id, None);
                }
                _ => {}
            }
        }
        self.in_flight = 0;
        events
    }

    /// Tasks whose probes must be asked again on a new connection.
    pub(super) fn probes(&self) -> Vec<TaskId> {
        let probing = self.pending.values().filter_map(|pending| match &pending.state {
            State::Probing(_) => {
                let (operations, partial) = pending.call.operations()?;
                told_by_tasks(operations, partial).first().map(|task| task.id.clone())
            }
            _ => None,
        });
        probing.collect()
    }
}

/// The tasks of an accept that tell what became of it: those of one that launches them all or none
/// and does nothing else.
fn told_by_tasks(operations: &[Operation], partial: bool) -> &[TaskInfo] {
    only_launch(operations, partial).unwrap_or_default()
}

/// Whether a call says what is wanted in a role.
fn states(call: &SchedulerCall, role: &Role) -> bool {
    matches!(call, SchedulerCall::StateDemand { role: of, .. } if of == role)
}
