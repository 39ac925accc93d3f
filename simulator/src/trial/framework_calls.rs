//! Calls of frameworks and operators: sent, lost, answered, repeated. A framework repeats a call
//! until it knows the outcome; an accept keeps its request id, and so is done once.

use super::{
    event::{Happening, MasterEvent, Process},
    framework_host::Known,
    streams::Client,
    world::World,
};
use bourse_sdk::session::{Failure, Input, SendId};
use master_core::{
    Input as MasterInput,
    input::{CallId, OperatorCall},
    outbox::Answer,
};
use proto::model::{
    Duration, Instant, Operation, OperationResult, Reason, Refusal, SchedulerCall, Session, TaskId,
    TaskState,
};
use std::collections::{BTreeMap, BTreeSet};

/// A call without an answer after this long is repeated.
const PATIENCE: Duration = Duration(2_500);

/// What was asked, and by whom.
#[derive(Debug, Clone)]
pub(crate) enum Asked {
    Framework {
        framework: usize,
        session: Session,
        request: SchedulerCall,
    },
    Sdk {
        sdk: usize,
        send: SendId,
        session: Session,
        request: SchedulerCall,
    },
    /// What must be refused, if it is foreign; nobody waits for the answer.
    Hostile {
        who: usize,
        session: Session,
        request: SchedulerCall,
        is_foreign: bool,
    },
    Operator(OperatorCall),
}

/// One call on its way.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) asked: Asked,
    process: Process,
    sent: Instant,
    attempts: u32,
    /// To be repeated as soon as possible.
    again: bool,
    /// The caller has repeated it under another number, or does not care any more.
    dropped: bool,
}

/// All calls.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    pub(crate) pending: BTreeMap<CallId, Pending>,
    made: u64,
}

impl Calls {
    /// Tasks that calls under way acknowledge.
    pub(crate) fn acknowledging(&self, of: usize) -> BTreeSet<TaskId> {
        let mut tasks = BTreeSet::new();
        for request in self.of_framework(of) {
            if let SchedulerCall::Acknowledge { acknowledgements } = request {
                tasks.extend(acknowledgements.iter().map(|(task, _)| task.clone()));
            }
        }
        tasks
    }

    /// Tasks that accepts under way would launch.
    pub(crate) fn launching(&self, of: usize) -> usize {
        let operations = self.of_framework(of).filter_map(SchedulerCall::operations);
        operations.flat_map(|(all, _)| all).map(Operation::task_count).sum()
    }

    /// How many calls a framework waits for.
    pub(crate) fn waiting(&self, of: usize) -> usize {
        self.of_framework(of).count()
    }

    pub(crate) fn forget_framework(&mut self, of: usize) {
        for pending in self.pending.values_mut() {
            if matches!(&pending.asked, Asked::Framework { framework, .. } if *framework == of) {
                pending.dropped = true;
            }
        }
    }

    fn of_framework(&self, of: usize) -> impl Iterator<Item = &SchedulerCall> {
        let live = self.pending.values().filter(|pending| !pending.dropped);
        live.filter_map(move |pending| match &pending.asked {
            Asked::Framework { framework, request, .. } if *framework == of => Some(request),
            _ => None,
        })
    }
}

impl World {
    /// A framework asks its leader.
    pub(crate) fn call(&mut self, framework: usize, request: SchedulerCall) {
        let host = &self.frameworks[framework];
        let Some(session) = host.session else { return };
        let to = host.leader % self.masters.len();
        self.ask(Asked::Framework { framework, session, request }, to, 1);
    }

    pub(crate) fn ask(&mut self, asked: Asked, to: usize, attempts: u32) {
        self.calls.made += 1;
        let call = CallId(self.calls.made);
        let client = match &asked {
            Asked::Framework { framework, .. } => Client::Framework(*framework),
            Asked::Sdk { sdk, .. } => Client::Sdk(*sdk),
            Asked::Hostile { who, .. } => Client::Framework(*who),
            Asked::Operator(_) => Client::Operator,
        };
        let dropped = matches!(asked, Asked::Hostile { .. });
        if matches!(asked, Asked::Sdk { .. }) {
            self.sdk_asks(call);
        }
        let (process, sent) = (self.masters[to].process(to), self.queue.now());
        let pending = Pending { asked, process, sent, attempts, again: false, dropped };
        self.calls.pending.insert(call, pending);
        self.oracles.reads.asked(call);
        if let Some(delay) = self.call_delay(client) {
            self.queue.after(delay, Happening::Master(process, MasterEvent::Call(call)));
        }
    }

    /// A call reached a master.
    pub(crate) fn call_arrives(&mut self, process: Process, call: CallId) {
        let Some(pending) = self.calls.pending.get(&call) else { return };
        let input = match pending.asked.clone() {
            Asked::Framework { framework, session, request } => {
                let principal = self.principal(Client::Framework(framework));
                MasterInput::FrameworkCall { call, principal, session, request }
            }
            Asked::Sdk { sdk, session, request, .. } => {
                let principal = self.principal(Client::Sdk(sdk));
                MasterInput::FrameworkCall { call, principal, session, request }
            }
            Asked::Hostile { who, session, request, .. } => {
                let principal = self.principal(Client::Framework(who));
                MasterInput::FrameworkCall { call, principal, session, request }
            }
            Asked::Operator(request) => {
                let principal = self.principal(Client::Operator);
                MasterInput::OperatorCall { call, principal, request }
            }
        };
        self.give_master(process.host, input);
    }

    /// A master answers; the oracles see every answer, callers only those that arrive.
    pub(crate) fn reply(
        &mut self,
        process: Process,
        call: CallId,
        answer: Result<Answer, Refusal>,
    ) {
        self.watch_reply(process, call, &answer);
        let pending = self.calls.pending.get(&call).expect("a call is answered once");
        assert_eq!(pending.process, process, "a call is answered by whom it was given to");
        let client = match &pending.asked {
            Asked::Framework { framework, session, request } => {
                let (framework, session, request) = (*framework, *session, request.clone());
                self.watch_answer(call, session, &request, &answer);
                Client::Framework(framework)
            }
            Asked::Sdk { sdk, session, request, .. } => {
                let (sdk, session, request) = (*sdk, *session, request.clone());
                self.watch_answer(call, session, &request, &answer);
                Client::Sdk(sdk)
            }
            Asked::Hostile { who, request, is_foreign, .. } => {
                let who = *who;
                if answer.as_ref().is_err_and(|refusal| refusal.reason == Reason::Overloaded) {
                    self.sometimes.note("flood held back");
                }
                assert!(!is_foreign || answer.is_err(), "I4: {request:?} of {who} is done");
                Client::Framework(who)
            }
            Asked::Operator(_) => Client::Operator,
        };
        match self.call_delay(client) {
            Some(delay) => self.queue.after(delay, Happening::Reply { call, answer }),
            None => {
                if self.calls.pending.get(&call).is_some_and(|pending| pending.dropped) {
                    self.calls.pending.remove(&call);
                }
            }
        }
    }

    /// A master died: nobody will answer its calls.
    pub(crate) fn calls_died(&mut self, process: Process) {
        let dead = |pending: &Pending| pending.process == process && pending.dropped;
        self.calls.pending.retain(|_, pending| !dead(pending));
    }

    /// A scheduler on the SDK has waited for long enough.
    pub(crate) fn sdk_gives_up(&mut self, call: CallId) {
        let Some(pending) = self.calls.pending.get_mut(&call) else { return };
        let Asked::Sdk { sdk, send, .. } = pending.asked else { return };
        // An answer may still come, to nobody.
        pending.dropped = true;
        self.step_sdk(sdk, vec![Input::Answered(send, Err(Failure::Broken))]);
    }

    /// An answer reached its caller.
    pub(crate) fn reply_arrives(&mut self, call: CallId, answer: Result<Answer, Refusal>) {
        let Some(pending) = self.calls.pending.remove(&call) else { return };
        if pending.dropped {
            return;
        }
        let (framework, request) = match pending.asked.clone() {
            Asked::Framework { framework, request, .. } => (framework, request),
            Asked::Sdk { sdk, send, .. } => return self.sdk_answered((sdk, send), answer),
            Asked::Hostile { .. } => return,
            Asked::Operator(_) => return self.operator_answered(answer),
        };
        match answer {
            Ok(answer) => self.call_done(framework, &request, &answer),
            Err(refusal) if is_passing(&refusal) => {
                self.follow(framework, &refusal);
                let again = Pending { again: true, ..pending };
                self.calls.made += 1;
                self.calls.pending.insert(CallId(self.calls.made), again);
            }
            Err(refusal) => self.call_refused(framework, request, &refusal),
        }
    }

    /// Repeats what has no answer.
    pub(crate) fn retry_calls(&mut self, framework: usize) {
        let Some(session) = self.frameworks[framework].session else { return };
        let now = self.queue.now();
        let due = |pending: &Pending| {
            let late = now.since(pending.sent) > PATIENCE;
            let mine = matches!(
                &pending.asked, Asked::Framework { framework: whose, .. } if *whose == framework
            );
            mine && !pending.dropped && (late || pending.again)
        };
        let calls: Vec<CallId> = self
            .calls
            .pending
            .iter()
            .filter(|(_, pending)| due(pending))
            .map(|(call, _)| *call)
            .collect();
        for call in calls {
            let pending = self.calls.pending.get_mut(&call).expect("just seen");
            let (asked, attempts) = (pending.asked.clone(), pending.attempts);
            if pending.again {
                self.calls.pending.remove(&call);
            } else {
                // Its answer may still come, to nobody.
                pending.dropped = true;
                self.sometimes.note("call timed out");
            }
            let Asked::Framework { request, .. } = asked else { continue };
            let to = self.frameworks[framework].leader % self.masters.len();
            self.ask(Asked::Framework { framework, session, request }, to, attempts + 1);
        }
    }

    fn call_done(&mut self, framework: usize, request: &SchedulerCall, answer: &Answer) {
        if *request == SchedulerCall::Teardown {
            self.sometimes.note("framework torn down");
            return self.begin_anew(framework);
        }
        let host = &mut self.frameworks[framework];
        match (request, answer) {
            (
                SchedulerCall::Accept { operations, .. } | SchedulerCall::Commit { operations, .. },
                Answer::Accepted(results),
            ) => {
                for id in results.iter().flat_map(OperationResult::tasks) {
                    let mut tasks = operations.iter().flat_map(Operation::tasks);
                    let task = tasks.find(|task| task.id == *id);
                    let task = task.expect("a task of this accept");
                    let (agent, size) = (task.agent.clone(), task.resources.clone());
                    let state = TaskState::Staging;
                    let fresh = Known { state, agent, seen: 0, acknowledged: 0, size };
                    host.tasks.entry(id.clone()).or_insert(fresh);
                }
            }
            (SchedulerCall::Acknowledge { acknowledgements }, Answer::Done) => {
                for (task, sequence) in acknowledgements {
                    acknowledged(host.tasks.get_mut(task), *sequence);
                }
            }
            _ => {}
        }
    }

    fn call_refused(&mut self, framework: usize, request: SchedulerCall, refusal: &Refusal) {
        if refusal.reason == Reason::FrameworkRemoved {
            return self.begin_anew(framework);
        }
        let host = &mut self.frameworks[framework];
        match (request, refusal.reason) {
            (SchedulerCall::Accept { operations, offers, .. }, reason) => {
                assert!(reason != Reason::InvalidField, "an accept was refused with {refusal:?}");
                for offer in offers {
                    host.offers.remove(&offer);
                }
                // It may have named an older task once more: that one is not refused.
                let tasks = operations.iter().flat_map(Operation::tasks);
                let ids = tasks.map(|task| task.id.clone());
                host.refused.extend(ids.filter(|id| !host.tasks.contains_key(id)));
            }
            (SchedulerCall::Commit { operations, .. }, _) => {
                let ids = operations.iter().flat_map(Operation::tasks).map(|task| task.id.clone());
                host.refused.extend(ids);
            }
            // One of them is done with for long, its row forgotten: each for itself.
            (SchedulerCall::Acknowledge { acknowledgements }, Reason::TaskUnknown) => {
                match &acknowledgements[..] {
                    [(task, sequence)] => acknowledged(host.tasks.get_mut(task), *sequence),
                    several => {
                        for one in several.iter().cloned() {
                            let acknowledgements = vec![one];
                            self.call(framework, SchedulerCall::Acknowledge { acknowledgements });
                        }
                    }
                }
            }
            (SchedulerCall::Acknowledge { .. }, _) => {
                panic!("an acknowledgement was refused with {refusal:?}")
            }
            _ => {}
        }
    }
}

fn acknowledged(task: Option<&mut Known>, sequence: u64) {
    if let Some(task) = task {
        task.acknowledged = task.acknowledged.max(sequence);
    }
}

/// Whether the same call may succeed later, elsewhere, or from the newest instance.
fn is_passing(refusal: &Refusal) -> bool {
    matches!(
        refusal.reason,
        Reason::NotLeader
            | Reason::NotReady
            | Reason::OutcomeUnknown
            | Reason::Overloaded
            | Reason::NotSubscribed
            | Reason::FrameworkFenced
    )
}
