//! The scheduler by hand: what it calls for each event, as the driver would see it.

use super::*;
use crate::job::TaskSpec;
use crate::observer::Silent;
use crate::queue::Outcome;
use bourse_sdk::model::{
    AgentId, ClusterId, OfferId, Resources, Role, SchedulerCall, StatusReason, StatusSource,
    TaskState, TaskStatus, WallTime,
};

struct Bench {
    scheduler: BatchScheduler,
    calls: Calls,
    now: Instant,
    offers: u64,
}

impl Bench {
    fn new(tasks: Vec<TaskSpec>) -> Self {
        let job = Job::new("job".to_owned(), Role::any(), tasks).unwrap();
        let scheduler = BatchScheduler::new(job, 1, Box::new(Silent));
        let mut bench = Self { scheduler, calls: Calls::default(), now: Instant(0), offers: 0 };
        bench.event(Event::Subscribed {
            framework: FrameworkId(3),
            cluster: ClusterId::new("c").unwrap(),
            is_first: true,
        });
        bench
    }

    fn event(&mut self, event: Event) -> Vec<(CallId, SchedulerCall)> {
        self.scheduler.handle(self.now, event, &mut self.calls);
        self.calls.take()
    }

    fn offer(&mut self, cpus_milli: i64) -> Vec<(CallId, SchedulerCall)> {
        self.offers += 1;
        let offer = Offer {
            id: OfferId { term: 1, number: self.offers },
            framework: FrameworkId(3),
            role: Role::any(),
            agent: AgentId::new("a1").unwrap(),
            hostname: String::new(),
            resources: Resources::cpus_mem(cpus_milli, 1_000),
            attributes: Vec::new(),
            expires_in: None,
        };
        self.event(Event::Offers(vec![offer]))
    }

    fn update(&mut self, task: &str, state: TaskState) -> Vec<(CallId, SchedulerCall)> {
        self.event(Event::Update(TaskStatus {
            task: TaskId::new(task).unwrap(),
            agent: AgentId::new("a1").unwrap(),
            state,
            source: StatusSource::Agent,
            reason: StatusReason::None,
            message: String::new(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: WallTime(0),
            sequence: 1,
        }))
    }
}

fn spec(name: &str, instances: u32) -> TaskSpec {
    let mut spec = TaskSpec::new(name, vec!["true".to_owned()], Resources::cpus_mem(100, 1));
    spec.instances = instances;
    spec
}

fn tasks_of(call: &SchedulerCall) -> Vec<&str> {
    match call {
        SchedulerCall::Accept { tasks, .. } => tasks.iter().map(|task| task.id.as_str()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_job_runs_to_its_end_and_is_torn_down() {
    let mut bench = Bench::new(vec![spec("a", 3)]);
    let first = bench.offer(250);
    assert_eq!(tasks_of(&first[0].1), ["a-0", "a-1"]);
    assert_eq!(first.len(), 1, "one is still wanted: nothing is suppressed");
    let second = bench.offer(1_000);
    assert_eq!(tasks_of(&second[0].1), ["a-2"]);
    assert!(matches!(second[1].1, SchedulerCall::Suppress { .. }));
    for (call, tasks) in [(first[0].0, vec![]), (second[0].0, vec![])] {
        assert!(bench.event(Event::Accepted { call, tasks }).is_empty());
    }
    assert!(bench.update("a-0", TaskState::Running).is_empty());
    bench.update("a-0", TaskState::Finished);
    bench.update("a-1", TaskState::Finished);
    let last = bench.update("a-2", TaskState::Finished);
    assert!(matches!(last[..], [(_, SchedulerCall::Teardown)]));
    let summary = bench.scheduler.summary();
    assert!(summary.success);
    assert_eq!(summary.counts[&Outcome::Succeeded], 3);
    let numbers: Vec<_> = summary.tasks.iter().map(|row| row.launch_number.unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["tasks"][0]["outcome"], "succeeded");
    assert_eq!(json["counts"]["succeeded"], 3);
}

#[test]
fn a_refused_accept_is_wanted_again() {
    let mut bench = Bench::new(vec![spec("a", 1)]);
    let calls = bench.offer(100);
    let refusal = Refusal::new(Reason::OfferInvalid, "of an earlier term");
    let calls = bench.event(Event::Refused { call: calls[0].0, refusal });
    assert!(matches!(calls[..], [(_, SchedulerCall::Revive { .. })]));
    assert_eq!(tasks_of(&bench.offer(100)[0].1), ["a-0"]);
}

#[test]
fn what_can_never_be_launched_fails_at_once() {
    let mut bench = Bench::new(vec![spec("a", 1)]);
    let calls = bench.offer(100);
    let refusal = Refusal::invalid("tasks[0].command.user", "no such user");
    let calls = bench.event(Event::Refused { call: calls[0].0, refusal });
    assert!(matches!(calls[..], [(_, SchedulerCall::Teardown)]));
    let summary = bench.scheduler.summary();
    assert!(!summary.success);
    assert_eq!(summary.tasks[0].outcome, Some(Outcome::Refused));
    assert_eq!(summary.tasks[0].message, "tasks[0].command.user: no such user");
}

#[test]
fn offers_that_do_not_fit_are_handed_back() {
    let mut bench = Bench::new(vec![spec("a", 1)]);
    let calls = bench.offer(50);
    let [(_, SchedulerCall::Decline { refuse, .. })] = calls[..] else { panic!("{calls:?}") };
    assert_eq!(refuse, limits::REFUSE_DEFAULT);
    bench.offer(100);
    let calls = bench.offer(100);
    let (_, SchedulerCall::Decline { refuse, .. }) = calls[0] else { panic!("{calls:?}") };
    assert_eq!(refuse, REFUSE_IDLE, "nothing is wanted any more");
}

#[test]
fn a_retry_revives_when_its_time_has_come() {
    let mut again = spec("a", 1);
    again.retries = 1;
    let mut bench = Bench::new(vec![again]);
    bench.offer(100);
    assert!(bench.update("a-0", TaskState::Failed).is_empty());
    bench.now = bench.calls.alarm().expect("an alarm for the retry");
    let calls = bench.event(Event::Woken);
    assert!(matches!(calls[..], [(_, SchedulerCall::Revive { .. })]));
    assert_eq!(tasks_of(&bench.offer(100)[0].1), ["a-0.1"]);
}

#[test]
fn a_kill_that_is_refused_asks_what_became_of_the_task() {
    let mut slow = spec("a", 1);
    slow.timeout = Some(Duration(10));
    let mut bench = Bench::new(vec![slow]);
    bench.offer(100);
    bench.update("a-0", TaskState::Running);
    bench.now = Instant(10);
    let calls = bench.event(Event::Woken);
    let [(call, SchedulerCall::Kill { .. })] = calls[..] else { panic!("{calls:?}") };
    let refusal = Refusal::new(Reason::TaskUnknown, "no such task");
    let calls = bench.event(Event::Refused { call, refusal });
    let task = TaskId::new("a-0").unwrap();
    assert_eq!(calls[0].1, SchedulerCall::Reconcile { tasks: vec![task] });
}

#[test]
fn a_stopped_job_kills_and_a_second_stop_does_not_wait() {
    let mut bench = Bench::new(vec![spec("a", 2)]);
    let calls = bench.offer(100);
    bench.event(Event::Accepted { call: calls[0].0, tasks: vec![] });
    let calls = bench.event(Event::StopRequested);
    assert!(matches!(calls[0].1, SchedulerCall::Kill { .. }), "{calls:?}");
    let calls = bench.event(Event::StopRequested);
    assert!(matches!(calls[..], [(_, SchedulerCall::Teardown)]));
    let outcomes: Vec<_> = bench.scheduler.summary().tasks.iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Killed), Some(Outcome::Skipped)]);
}

#[test]
fn stopping_before_the_cluster_answers_ends_at_once() {
    let job = Job::new("job".to_owned(), Role::any(), vec![spec("a", 1)]).unwrap();
    let mut scheduler = BatchScheduler::new(job, 1, Box::new(Silent));
    let mut calls = Calls::default();
    scheduler.handle(Instant(0), Event::StopRequested, &mut calls);
    assert!(calls.is_done());
    assert_eq!(scheduler.summary().open, 1);
}
