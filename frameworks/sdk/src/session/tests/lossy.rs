//! The whole engine against a small model of the cluster, over connections that break at random and
//! answers that get lost: every task runs once, every update is delivered once and in order, and
//! what the scheduler believes in the end is what the cluster did.

use super::*;
use crate::engine::Engine;
use crate::scheduler::{Calls, Scheduler};
use proptest::prelude::*;

const TASKS: usize = 40;
const STATES: [TaskState; 3] = [TaskState::Starting, TaskState::Running, TaskState::Finished];

/// Launches tasks, tries again what was refused, and writes down everything.
#[derive(Default)]
struct Recorder {
    open: BTreeMap<CallId, TaskId>,
    wanted: Vec<usize>,
    accepted: BTreeSet<TaskId>,
    updates: BTreeMap<TaskId, Vec<u64>>,
    ended: usize,
}

impl Recorder {
    fn launch(&mut self, calls: &mut Calls) {
        while let Some(number) = self.wanted.pop() {
            let info = task(&format!("t{number}"));
            let id = info.id.clone();
            let call = calls.accept(vec![], vec![info], Duration(0));
            self.open.insert(call, id);
        }
    }
}

impl Scheduler for Recorder {
    fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Subscribed { .. } => self.launch(calls),
            Event::Accepted { call, tasks, .. } => {
                let task = self.open.remove(&call).expect("answered once");
                assert_eq!(tasks, std::slice::from_ref(&task));
                assert!(self.accepted.insert(task), "launched once");
            }
            Event::Refused { call, .. } => {
                let task = self.open.remove(&call).expect("answered once");
                let number = task.as_str()[1..].parse().unwrap();
                self.wanted.push(number);
                self.launch(calls);
            }
            Event::Update(status) => {
                assert!(self.accepted.contains(&status.task), "after Accepted");
                assert_ne!(status.state, TaskState::Unknown, "{status:?}");
                if status.sequence > 0 {
                    self.updates.entry(status.task).or_default().push(status.sequence);
                }
                if status.state == TaskState::Finished {
                    self.ended += 1;
                }
            }
            _ => {}
        }
        if self.ended == TASKS {
            calls.done();
        }
    }
}

/// The cluster: its tasks with unacknowledged updates, and answers to accepts by request id.
#[derive(Default)]
struct Cluster {
    runs: BTreeMap<TaskId, u32>,
    pending: BTreeMap<TaskId, Vec<u64>>,
    answers: BTreeMap<RequestId, Result<(), Reason>>,
    epoch: u64,
}

impl Cluster {
    fn call(&mut self, call: SchedulerCall, chance: &mut Jitter) -> Result<Answer, Failure> {
        match call {
            SchedulerCall::Accept { operations, request, .. } => {
                let tasks: Vec<_> = operations[0].tasks().collect();
                let request = request.unwrap();
                // Offers are void now and then, and old answers are forgotten now and then.
                let forgets = chance.draw().is_multiple_of(8);
                let known = self.answers.get(&request).filter(|_| !forgets).copied();
                let answer = known.unwrap_or_else(|| {
                    let is_known = self.runs.contains_key(&tasks[0].id);
                    match is_known || chance.draw().is_multiple_of(4) {
                        true => Err(Reason::OfferInvalid),
                        false => {
                            *self.runs.entry(tasks[0].id.clone()).or_default() += 1;
                            self.pending.insert(tasks[0].id.clone(), vec![1, 2, 3]);
                            Ok(())
                        }
                    }
                });
                self.answers.insert(request, answer);
                let refuse = |reason| Failure::Refused(Refusal::new(reason, "no"));
                answer.map(|()| Answer::Done).map_err(refuse)
            }
            SchedulerCall::Acknowledge { acknowledgements } => {
                for (task, sequence) in acknowledgements {
                    if let Some(pending) = self.pending.get_mut(&task) {
                        pending.retain(|number| *number > sequence);
                    }
                }
                Ok(Answer::Done)
            }
            _ => Ok(Answer::Done),
        }
    }

    fn reconcile(&self, tasks: &[TaskId]) -> Vec<SchedulerEvent> {
        let answer = |task: &TaskId| {
            let state = match self.pending.get(task).map(|pending| pending.first().copied()) {
                None => TaskState::Unknown,
                Some(None) => TaskState::Finished,
                Some(Some(next)) if next > 1 => STATES[usize::try_from(next).unwrap() - 2],
                Some(Some(_)) => TaskState::Staging,
            };
            SchedulerEvent::Update(status(task.as_str(), state, 0))
        };
        tasks.iter().map(answer).collect()
    }

    fn redeliver(&self, task: &TaskId) -> Vec<SchedulerEvent> {
        let update = |number: &u64| {
            let state = STATES[usize::try_from(*number).unwrap() - 1];
            SchedulerEvent::Update(status(task.as_str(), state, *number))
        };
        self.pending.get(task).into_iter().flatten().map(update).collect()
    }
}

/// Everything that is on its way to the engine.
struct World {
    engine: Engine,
    recorder: Recorder,
    cluster: Cluster,
    chance: Jitter,
    open: Option<ConnectionId>,
    inbox: VecDeque<Input>,
    loss_percent: u64,
    now: Instant,
}

impl World {
    fn is_lost(&mut self) -> bool {
        self.chance.draw() % 100 < self.loss_percent
    }

    fn run(&mut self) {
        for _ in 0..20_000 {
            if self.engine.ended().is_some() {
                return;
            }
            let count = usize::try_from(self.chance.draw() % 5).unwrap().min(self.inbox.len());
            if count == 0 && self.inbox.is_empty() {
                self.now = self.now.max(self.engine.deadline().unwrap());
            }
            let inputs: Vec<Input> = self.inbox.drain(..count).collect();
            let mut effects = Vec::new();
            self.engine.step(self.now, inputs, &mut self.recorder, &mut effects);
            for effect in effects {
                self.execute(effect);
            }
        }
        panic!("not over after 20,000 steps: {:?}", self.engine);
    }

    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::Connect { connection, .. } => {
                if self.is_lost() {
                    self.inbox.push_back(Input::Ended(connection, Failure::Broken));
                    return;
                }
                self.open = Some(connection);
                self.cluster.epoch += 1;
                let subscribed = SchedulerEvent::Subscribed {
                    session: identity(self.cluster.epoch),
                    heartbeat_interval: Duration(1_000),
                    cluster: crate::model::ClusterId::new("c1").unwrap(),
                    term: self.cluster.epoch,
                };
                self.inbox.push_back(Input::Event(connection, subscribed));
                let tasks: Vec<TaskId> = self.cluster.pending.keys().cloned().collect();
                for event in tasks.iter().flat_map(|task| self.cluster.redeliver(task)) {
                    self.inbox.push_back(Input::Event(connection, event));
                }
            }
            Effect::FindLeader { question, .. } => {
                let answer =
                    (!self.is_lost()).then(|| leads(question.above_term + self.chance.draw() % 2));
                self.inbox.push_back(Input::LeaderFound(question.number, answer));
            }
            Effect::Disconnect(connection) => {
                if self.open == Some(connection) {
                    self.open = None;
                }
            }
            Effect::Send { send, connection, identity, call } => {
                self.send(send, connection, identity, call);
            }
        }
    }

    fn send(
        &mut self,
        send: SendId,
        connection: ConnectionId,
        identity: model::Session,
        call: SchedulerCall,
    ) {
        if self.open != Some(connection) || self.is_lost() {
            self.inbox.push_back(Input::Answered(send, Err(Failure::Broken)));
            self.inbox.push_back(Input::Ended(connection, Failure::Broken));
            return;
        }
        assert_eq!(identity.epoch, self.cluster.epoch, "an instance does not fence itself");
        let answer = self.cluster.call(call.clone(), &mut self.chance);
        let mut events = match &call {
            SchedulerCall::Reconcile { tasks } => self.cluster.reconcile(tasks),
            SchedulerCall::Accept { operations, .. } if answer.is_ok() => {
                let first = operations[0].tasks().next().expect("a task");
                self.cluster.redeliver(&first.id)
            }
            _ => Vec::new(),
        };
        // Updates and answers travel by different ways, and the stream breaks at any place.
        let kept = usize::try_from(self.chance.draw() % 8).unwrap();
        let breaks = self.is_lost();
        if breaks {
            events.truncate(kept);
        }
        let is_answer_first = self.chance.draw().is_multiple_of(2);
        let answer = if self.is_lost() { Err(Failure::Broken) } else { answer };
        let answer = Input::Answered(send, answer);
        if is_answer_first {
            self.inbox.push_back(answer.clone());
        }
        self.inbox.extend(events.into_iter().map(|event| Input::Event(connection, event)));
        if !is_answer_first {
            self.inbox.push_back(answer);
        }
        if breaks {
            self.inbox.push_back(Input::Ended(connection, Failure::Broken));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_breaks_each_task_runs_once_and_each_update_is_heard_once(
        seed in any::<u64>(),
        loss_percent in 0_u64..30,
    ) {
        // As long as it takes: one try in four is lost, and the pauses between two tries grow.
        let drain_timeout = Duration(600_000);
        let settings = SessionSettings { seed, drain_timeout, ..settings(&["m1:1", "m2:1"]) };
        let mut world = World {
            engine: Engine::new(settings),
            recorder: Recorder { wanted: (0..TASKS).collect(), ..Recorder::default() },
            cluster: Cluster::default(),
            chance: Jitter::new(seed ^ 0xabcd),
            open: None,
            inbox: VecDeque::new(),
            loss_percent,
            now: Instant(0),
        };
        world.run();
        prop_assert_eq!(world.engine.ended(), Some(&Ended::Done { is_drained: true }));
        prop_assert_eq!(world.recorder.ended, TASKS);
        prop_assert!(world.cluster.runs.values().all(|runs| *runs == 1));
        prop_assert_eq!(world.cluster.runs.len(), TASKS);
        for (task, numbers) in &world.recorder.updates {
            let is_ordered = numbers.windows(2).all(|pair| pair[0] < pair[1]);
            prop_assert!(is_ordered, "{} heard {:?}", task, numbers);
        }
        let pending = world.cluster.pending.values().map(Vec::len).sum::<usize>();
        prop_assert_eq!(pending, 0, "everything is acknowledged");
    }
}
