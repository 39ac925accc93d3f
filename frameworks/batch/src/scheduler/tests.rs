//! The scheduler by hand: what it calls for each event, as the driver would see it.

use super::*;
use crate::job::TaskSpec;
use crate::observer::Silent;
use crate::queue::Outcome;
use bourse_sdk::model::{
    AgentId, AgentNotice, ClusterId, InverseAnswer, InverseOfferId, OfferId, Operation, Resources,
    Role, SchedulerCall, StatusReason, StatusSource, TaskState, TaskStatus, WallTime,
};

mod groups;
mod shared;
mod volumes;

struct Bench {
    scheduler: BatchScheduler,
    calls: Calls,
    now: Instant,
    offers: u64,
    /// What was asked for last.
    wanted: Vec<(String, u32)>,
    /// By which call.
    asked: Option<CallId>,
}

impl Bench {
    fn new(tasks: Vec<TaskSpec>) -> Self {
        let job = Job::new("job".to_owned(), Role::any(), tasks).unwrap();
        let scheduler = BatchScheduler::new(job, 1, Box::new(Silent));
        let (calls, wanted) = (Calls::default(), Vec::new());
        let mut bench = Self { scheduler, calls, now: Instant(0), offers: 0, wanted, asked: None };
        bench.subscribed(true);
        bench
    }

    fn subscribed(&mut self, is_first: bool) -> Vec<(CallId, SchedulerCall)> {
        let cluster = ClusterId::new("c").unwrap();
        self.event(Event::Subscribed { framework: FrameworkId(3), cluster, is_first })
    }

    fn event(&mut self, event: Event) -> Vec<(CallId, SchedulerCall)> {
        self.scheduler.handle(self.now, event, &mut self.calls);
        let calls = self.calls.take();
        for (id, call) in &calls {
            if let SchedulerCall::StateDemand { demands, .. } = call {
                self.asked = Some(*id);
                let demands = demands.iter().flatten();
                self.wanted = demands.map(|it| (it.id.to_string(), it.count)).collect();
            }
        }
        calls
    }

    /// An offer of one agent for these pieces.
    fn pieces(&mut self, agent: &str, pieces: &[(&str, u32)]) -> Offer {
        self.offers += 1;
        let count: u32 = pieces.iter().map(|(_, count)| count).sum();
        let pieces = pieces.iter().map(|(id, count)| (DemandId::new(id).unwrap(), *count));
        Offer {
            volumes: Vec::new(),
            reserved: Vec::new(),
            id: OfferId { term: 1, number: self.offers },
            framework: FrameworkId(3),
            role: Role::any(),
            agent: AgentId::new(agent).unwrap(),
            hostname: String::new(),
            resources: Resources::cpus_mem(i64::from(count) * 100, 1_000),
            attributes: Vec::new(),
            domain: None,
            expires_in: None,
            unavailability: None,
            pieces: pieces.collect(),
            revocable: false,
        }
    }

    /// So many pieces of task `a` are offered.
    fn offer(&mut self, count: u32) -> Vec<(CallId, SchedulerCall)> {
        let offer = self.pieces("a1", &[("a", count)]);
        self.event(Event::Offers(vec![offer]))
    }

    fn wanted(&self) -> Vec<(&str, u32)> {
        self.wanted.iter().map(|(id, count)| (id.as_str(), *count)).collect()
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
        SchedulerCall::Accept { operations, .. } => {
            operations.iter().flat_map(Operation::tasks).map(|task| task.id.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

fn accepted(call: CallId) -> Event {
    Event::Accepted { call, tasks: Vec::new(), results: Vec::new() }
}

fn is_statement(calls: &[(CallId, SchedulerCall)]) -> bool {
    matches!(calls, [(_, SchedulerCall::StateDemand { .. })])
}

fn inverse_offer(number: u64, ends_tasks: bool) -> InverseOffer {
    InverseOffer {
        id: InverseOfferId { term: 1, number },
        agent: AgentId::new("a1").unwrap(),
        tasks: Vec::new(),
        begins_in: Duration(0),
        deadline: Duration(60_000),
        ends_tasks,
        window: None,
        comment: String::new(),
        agent_goes: false,
    }
}

#[test]
fn a_job_leaves_where_its_tasks_are_ended_and_says_where_it_stays() {
    let mut bench = Bench::new(vec![spec("a", 3)]);
    let offers = vec![inverse_offer(1, true), inverse_offer(2, false), inverse_offer(3, true)];
    let ids = |numbers: &[usize]| numbers.iter().map(|at| offers[*at].id).collect::<Vec<_>>();
    let (leaves, stays) = (ids(&[0, 2]), ids(&[1]));
    let agents = vec![AgentId::new("a1").unwrap()];
    let notice = AgentNotice::Draining { deadline: Duration(60_000) };
    let event =
        Event::AgentNotice { agents, notice, inverse_offers: offers, rescinded: Vec::new() };
    let calls: Vec<_> = bench.event(event).into_iter().map(|(_, call)| call).collect();
    let message = "its tasks are not moved before they end".to_owned();
    let expected = [
        SchedulerCall::AnswerInverse { offers: leaves, answer: InverseAnswer::Accept },
        SchedulerCall::AnswerInverse { offers: stays, answer: InverseAnswer::Decline { message } },
    ];
    assert_eq!(calls, expected);
}

#[test]
fn a_job_runs_to_its_end_and_is_torn_down() {
    let mut bench = Bench::new(vec![spec("a", 3)]);
    assert_eq!(bench.wanted(), [("a", 3)]);
    let first = bench.offer(2);
    assert_eq!(tasks_of(&first[0].1), ["a-0", "a-1"]);
    assert_eq!(first.len(), 1, "the cluster counts by itself");
    let second = bench.offer(1);
    assert_eq!(tasks_of(&second[0].1), ["a-2"]);
    assert_eq!(second.len(), 1);
    for call in [first[0].0, second[0].0] {
        assert!(bench.event(accepted(call)).is_empty());
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
fn what_the_quota_does_not_allow_waits_for_room() {
    let mut bench = Bench::new(vec![spec("a", 3)]);
    let refusal = |field: &str| Refusal::new(Reason::QuotaExceeded, "full").at(field);
    let calls = bench.offer(3);
    assert_eq!(tasks_of(&calls[0].1), ["a-0", "a-1", "a-2"]);
    let call = calls[0].0;
    let calls = bench.event(Event::Refused { call, refusal: refusal("tasks[1].resources[0]") });
    assert!(is_statement(&calls), "{calls:?}");
    assert_eq!(bench.wanted(), [("a", 1)], "as many as fitted");
    let calls = bench.offer(1);
    assert_eq!(tasks_of(&calls[0].1), ["a-0"]);
    bench.event(accepted(calls[0].0));

    let calls = bench.update("a-0", TaskState::Finished);
    assert!(is_statement(&calls), "its end makes room");
    assert_eq!(bench.wanted(), [("a", 2)]);
    let calls = bench.offer(2);
    assert_eq!(tasks_of(&calls[0].1), ["a-1", "a-2"]);
    let call = calls[0].0;
    bench.event(Event::Refused { call, refusal: refusal("tasks[0].resources[0]") });
    assert!(bench.wanted().is_empty(), "not asked for again at once");
    bench.now = Instant(60_000);
    bench.event(Event::Woken);
    assert_eq!(bench.wanted(), [("a", 2)], "others may have ended");
    assert_eq!(tasks_of(&bench.offer(2)[0].1), ["a-1", "a-2"]);
    assert_eq!(bench.scheduler.summary().counts.get(&Outcome::Lost), None);
}

#[test]
fn a_refused_accept_is_wanted_still() {
    let mut bench = Bench::new(vec![spec("a", 1)]);
    let calls = bench.offer(1);
    let refusal = Refusal::new(Reason::OfferInvalid, "of an earlier term");
    let calls = bench.event(Event::Refused { call: calls[0].0, refusal });
    assert!(calls.is_empty(), "the cluster knows: {calls:?}");
    assert_eq!(tasks_of(&bench.offer(1)[0].1), ["a-0"]);
}

/// The session repeats an accept that broke off with its connection, and meanwhile the cluster was
/// told what is wanted beside it.
#[test]
fn an_accept_that_is_refused_after_a_reconnect_is_asked_for_again() {
    let mut bench = Bench::new(vec![spec("a", 1)]);
    let calls = bench.offer(1);
    bench.event(Event::Disconnected);
    bench.subscribed(false);
    assert!(bench.wanted().is_empty(), "it may have been launched");
    let refusal = Refusal::new(Reason::OfferInvalid, "of an earlier term");
    bench.event(Event::Refused { call: calls[0].0, refusal });
    assert_eq!(bench.wanted(), [("a", 1)]);
}

/// A task may end before the call that launched it is answered: when that call broke off with its
/// connection and is made again.
#[test]
fn an_answer_to_the_launch_before_is_said_of_nobody() {
    let mut bench = Bench::new(vec![TaskSpec { retries: 1, ..spec("a", 1) }]);
    let first = bench.offer(1)[0].0;
    bench.update("a-0", TaskState::Failed);
    bench.now = Instant(60_000);
    bench.event(Event::Woken);
    let calls = bench.offer(1);
    assert_eq!(tasks_of(&calls[0].1), ["a-0.1"]);
    bench.event(accepted(first));
    let refusal = Refusal::new(Reason::OfferInvalid, "of an earlier term");
    bench.event(Event::Refused { call: calls[0].0, refusal });
    assert_eq!(tasks_of(&bench.offer(1)[0].1), ["a-0.1"], "it is wanted still");
}

#[test]
fn each_task_goes_where_it_may() {
    let mut picky = spec("b", 2);
    picky.constraints = vec!["rack in r1".parse().unwrap()];
    picky.per_agent_max = Some(1);
    let mut bench = Bench::new(vec![spec("a", 2), picky]);
    assert_eq!(bench.wanted(), [("a", 2), ("b", 2)]);
    let offers = vec![bench.pieces("a1", &[("b", 1)]), bench.pieces("a2", &[("a", 2), ("b", 1)])];
    let calls = bench.event(Event::Offers(offers));
    assert_eq!(tasks_of(&calls[0].1), ["b-0", "a-0", "a-1", "b-1"]);
    let SchedulerCall::Accept { operations, .. } = &calls[0].1 else { panic!("{calls:?}") };
    let tasks = operations[0].tasks();
    let agents: Vec<_> = tasks.map(|task| task.agent.as_str()).collect();
    assert_eq!(agents, ["a1", "a2", "a2", "a2"]);
}

#[test]
fn a_gang_is_launched_whole_or_not_at_all() {
    let mut gang = spec("a", 3);
    gang.gang_timeout = Some(Duration(60_000));
    let mut bench = Bench::new(vec![gang]);
    let half = bench.pieces("a1", &[("a", 2)]);
    let calls = bench.event(Event::Offers(vec![half]));
    assert!(matches!(calls[0].1, SchedulerCall::Decline { .. }), "{calls:?}");
    bench.now = Instant(20_000);
    let offers = vec![bench.pieces("a1", &[("a", 2)]), bench.pieces("a2", &[("a", 1)])];
    let calls = bench.event(Event::Offers(offers));
    assert_eq!(tasks_of(&calls[0].1), ["a-0", "a-1", "a-2"]);
}

#[test]
fn a_gang_that_finds_no_room_is_given_up() {
    let mut gang = spec("a", 3);
    gang.gang_timeout = Some(Duration(60_000));
    let mut after = spec("b", 1);
    after.depends_on = vec!["a".to_owned()];
    let mut bench = Bench::new(vec![gang, after]);
    let demand = DemandId::new("a").unwrap();
    let calls = bench.event(Event::DemandFailed { role: Role::any(), demand });
    assert!(matches!(calls.last(), Some((_, SchedulerCall::Teardown))), "{calls:?}");
    let outcomes: Vec<_> = bench.scheduler.summary().tasks.iter().map(|row| row.outcome).collect();
    let refused = Some(Outcome::Refused);
    assert_eq!(outcomes, [refused, refused, refused, Some(Outcome::Skipped)]);
}

#[test]
fn a_task_that_may_not_be_asked_for_is_given_up_and_the_others_run() {
    let mut bench = Bench::new(vec![spec("a", 1), spec("b", 2)]);
    let refusal = Refusal::new(Reason::LimitExceeded, "up to 3").at("demands[1].priority");
    let call = bench.asked.expect("it asked");
    bench.event(Event::Refused { call, refusal: refusal.clone() });
    let outcomes: Vec<_> = bench.scheduler.summary().tasks.iter().map(|row| row.outcome).collect();
    assert_eq!(outcomes, [None, Some(Outcome::Refused), Some(Outcome::Refused)]);
    assert_eq!(bench.wanted(), [("a", 1)], "it is asked for again");
    // An answer to what was said before says nothing about what is said now.
    bench.event(Event::Refused { call, refusal });
    assert_eq!(bench.scheduler.summary().tasks[0].outcome, None);
}

#[test]
fn a_gang_does_not_wait_longer_when_it_is_asked_for_again() {
    let mut gang = spec("a", 2);
    gang.gang_timeout = Some(Duration(60_000));
    let mut later = spec("b", 1);
    later.submit_at = Duration(20_000);
    let mut bench = Bench::new(vec![gang, later]);
    bench.now = Instant(20_000);
    let calls = bench.event(Event::Woken);
    let [(_, SchedulerCall::StateDemand { demands: Some(demands), .. })] = &calls[..] else {
        panic!("{calls:?}")
    };
    assert_eq!(demands[0].gang_timeout, Some(Duration(40_000)));
    assert_eq!(demands[1].gang_timeout, None);
}

#[test]
fn what_can_never_be_launched_fails_at_once() {
    let mut bench = Bench::new(vec![spec("a", 1)]);
    let calls = bench.offer(1);
    let refusal = Refusal::invalid("tasks[0].command.user", "no such user");
    let calls = bench.event(Event::Refused { call: calls[0].0, refusal });
    assert!(matches!(calls[..], [(_, SchedulerCall::Teardown)]));
    let summary = bench.scheduler.summary();
    assert!(!summary.success);
    assert_eq!(summary.tasks[0].outcome, Some(Outcome::Refused));
    assert_eq!(summary.tasks[0].message, "tasks[0].command.user: no such user");
}

#[test]
fn what_is_not_wanted_is_handed_back_and_said_again() {
    let mut bench = Bench::new(vec![spec("a", 1)]);
    let plain = bench.pieces("a1", &[]);
    let calls = bench.event(Event::Offers(vec![plain]));
    // It was made before anything was stated; stating it again would race with the offers for it.
    assert!(matches!(&calls[..], [(_, SchedulerCall::Decline { .. })]), "{calls:?}");
    bench.offer(1);
    let calls = bench.offer(1);
    assert!(matches!(calls[0].1, SchedulerCall::Decline { .. }), "{calls:?}");
    assert!(matches!(calls[1].1, SchedulerCall::StateDemand { .. }), "{calls:?}");
    assert!(bench.wanted().is_empty(), "nothing is wanted any more");
}

#[test]
fn a_retry_is_asked_for_when_its_time_has_come() {
    let mut again = spec("a", 1);
    again.retries = 1;
    let mut bench = Bench::new(vec![again]);
    bench.offer(1);
    bench.update("a-0", TaskState::Failed);
    bench.now = bench.calls.alarm().expect("an alarm for the retry");
    let calls = bench.event(Event::Woken);
    assert!(is_statement(&calls), "{calls:?}");
    assert_eq!(tasks_of(&bench.offer(1)[0].1), ["a-0.1"]);
}

#[test]
fn a_kill_that_is_refused_asks_what_became_of_the_task() {
    let mut slow = spec("a", 1);
    slow.timeout = Some(Duration(10));
    let mut bench = Bench::new(vec![slow]);
    bench.offer(1);
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
    let calls = bench.offer(1);
    bench.event(accepted(calls[0].0));
    let calls = bench.event(Event::StopRequested);
    assert!(matches!(calls[0].1, SchedulerCall::Kill { .. }), "{calls:?}");
    assert!(bench.wanted().is_empty() && calls.len() == 2, "{calls:?}");
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
