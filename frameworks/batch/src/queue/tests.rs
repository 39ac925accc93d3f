//! The queue against a cluster that does what it likes: each instance ends exactly once, nothing
//! starts before what it waits for, and attempts are bounded.

use super::*;
use bourse_sdk::model::{Resources, Role, StatusReason, StatusSource, WallTime};
use proptest::prelude::*;

fn status(task: &TaskId, state: TaskState) -> TaskStatus {
    TaskStatus {
        task: task.clone(),
        agent: agent(),
        state,
        source: StatusSource::Agent,
        reason: StatusReason::None,
        message: "said so".to_owned(),
        exit_code: (state == TaskState::Failed).then_some(3),
        signal: None,
        memory_peak_bytes: None,
        at: WallTime(0),
        sequence: 1,
    }
}

fn agent() -> AgentId {
    AgentId::new("a1").unwrap()
}

fn offer() -> OfferId {
    OfferId { term: 1, number: 1 }
}

fn spec(name: &str, instances: u32, retries: u32, depends_on: &[&str]) -> TaskSpec {
    let mut spec = TaskSpec::new(name, vec!["true".to_owned()], Resources::cpus_mem(100, 1));
    (spec.instances, spec.retries) = (instances, retries);
    spec.depends_on = depends_on.iter().map(|&name| name.to_owned()).collect();
    spec
}

fn queue(tasks: Vec<TaskSpec>) -> Queue {
    Queue::new(Job::new("job".to_owned(), Role::any(), tasks).unwrap(), Instant(0), 1)
}

/// Launches everything that is ready; the ids in the cluster.
fn launch_all(queue: &mut Queue, now: Instant) -> Vec<TaskId> {
    let ready: Vec<InstanceId> = queue.ready().map(|(id, _)| id).collect();
    let launch = |id: InstanceId| {
        queue.launch(now, id, agent(), offer());
        queue.accepted(id);
        queue.news(id).task
    };
    ready.into_iter().map(launch).collect()
}

fn outcomes(queue: &Queue) -> Vec<Option<Outcome>> {
    let rows = queue.rows();
    rows.map(|(_, instance)| match instance.phase {
        Phase::Ended(outcome) => Some(outcome),
        _ => None,
    })
    .collect()
}

#[test]
fn a_failed_attempt_is_repeated_under_a_new_id_after_a_pause() {
    let mut queue = queue(vec![spec("t", 1, 1, &[])]);
    let first = launch_all(&mut queue, Instant(0)).remove(0);
    assert_eq!(first.as_str(), "t-0");
    let progress = queue.status(Instant(10), &status(&first, TaskState::Failed));
    let [Progress::Ended { outcome: Outcome::Failed, retry_in: Some(pause), .. }] = &progress[..]
    else {
        panic!("{progress:?}");
    };
    assert!((250..=500).contains(&pause.0));
    let at = queue.deadline().unwrap();
    assert_eq!(at, Instant(10) + *pause);
    queue.tick(Instant(at.0 - 1));
    assert!(!queue.has_ready());
    queue.tick(at);
    let second = launch_all(&mut queue, at).remove(0);
    assert_eq!(second.as_str(), "t-0.1");
    assert!(queue.status(at, &status(&first, TaskState::Finished)).is_empty(), "an old attempt");
    queue.status(at, &status(&second, TaskState::Failed));
    assert_eq!(outcomes(&queue), [Some(Outcome::Failed)]);
    assert!(queue.is_over());
}

#[test]
fn what_waits_for_a_failure_is_skipped_all_the_way_down() {
    let mut queue = queue(vec![
        spec("a", 2, 0, &[]),
        spec("b", 1, 0, &["a"]),
        spec("c", 1, 0, &["b"]),
        spec("d", 1, 0, &[]),
    ]);
    let tasks = launch_all(&mut queue, Instant(0));
    assert_eq!(tasks.len(), 3, "two of a, one of d");
    queue.status(Instant(1), &status(&tasks[0], TaskState::Finished));
    queue.status(Instant(1), &status(&tasks[1], TaskState::Failed));
    queue.status(Instant(1), &status(&tasks[2], TaskState::Finished));
    let [succeeded, failed, skipped] = [Outcome::Succeeded, Outcome::Failed, Outcome::Skipped];
    let expected = [succeeded, failed, skipped, skipped, succeeded].map(Some);
    assert_eq!(outcomes(&queue), expected);
    assert!(queue.is_over());
}

#[test]
fn a_timeout_counts_from_running_and_kills() {
    let mut slow = spec("t", 1, 0, &[]);
    slow.timeout = Some(Duration(1_000));
    let mut queue = queue(vec![slow]);
    let task = launch_all(&mut queue, Instant(0)).remove(0);
    assert_eq!(queue.deadline(), None);
    queue.status(Instant(500), &status(&task, TaskState::Running));
    assert_eq!(queue.deadline(), Some(Instant(1_500)));
    queue.tick(Instant(1_500));
    assert_eq!(queue.take_kills(), std::slice::from_ref(&task));
    queue.status(Instant(1_600), &status(&task, TaskState::Killed));
    assert_eq!(outcomes(&queue), [Some(Outcome::TimedOut)]);
}

#[test]
fn a_loss_is_repeated_without_retries_but_not_for_ever() {
    let mut queue = queue(vec![spec("t", 1, 0, &[])]);
    let mut now = Instant(0);
    for _ in 0..=LOSSES_MAX {
        assert_eq!(outcomes(&queue), [None]);
        queue.tick(now);
        let task = launch_all(&mut queue, now).remove(0);
        queue.status(now, &status(&task, TaskState::Unreachable));
        assert_eq!(queue.deadline(), None, "it may come back");
        queue.status(now, &status(&task, TaskState::Gone));
        now = queue.deadline().unwrap_or(now);
    }
    assert_eq!(outcomes(&queue), [Some(Outcome::Lost)]);
}

/// Its agent was emptied: that is not its failure, and it has no retries.
#[test]
fn what_a_drain_ends_is_run_again() {
    let mut queue = queue(vec![spec("t", 1, 0, &[])]);
    let first = launch_all(&mut queue, Instant(0)).remove(0);
    let mut ended = status(&first, TaskState::Killed);
    ended.reason = StatusReason::AgentDraining;
    let progress = queue.status(Instant(10), &ended);
    assert!(
        matches!(
            &progress[..],
            [Progress::Ended { outcome: Outcome::Lost, retry_in: Some(_), .. }]
        ),
        "{progress:?}"
    );
    let at = queue.deadline().unwrap();
    queue.tick(at);
    let second = launch_all(&mut queue, at).remove(0);
    queue.status(at, &status(&second, TaskState::Finished));
    assert_eq!(outcomes(&queue), [Some(Outcome::Succeeded)]);
}

/// Its agent ended it for having run too long: one more attempt, and then it is told so.
#[test]
fn what_takes_too_long_is_tried_again_and_told_apart() {
    let mut queue = queue(vec![spec("t", 1, 1, &[])]);
    let mut now = Instant(0);
    for _ in 0..2 {
        let task = launch_all(&mut queue, now).remove(0);
        let mut ended = status(&task, TaskState::Failed);
        ended.reason = StatusReason::MaxCompletionTime;
        queue.status(now, &ended);
        now = queue.deadline().unwrap_or(now);
        queue.tick(now);
    }
    assert_eq!(outcomes(&queue), [Some(Outcome::TimedOut)]);
}

#[test]
fn an_operators_kill_and_an_impossible_task_are_final() {
    for (state, outcome) in
        [(TaskState::Killed, Outcome::Killed), (TaskState::Error, Outcome::Refused)]
    {
        let mut queue = queue(vec![spec("t", 1, 5, &[])]);
        let task = launch_all(&mut queue, Instant(0)).remove(0);
        queue.status(Instant(0), &status(&task, state));
        assert_eq!(outcomes(&queue), [Some(outcome)]);
    }
}

#[test]
fn a_refused_launch_is_ready_again_unless_it_never_can_be() {
    let mut queue = queue(vec![spec("t", 2, 0, &[])]);
    let ids: Vec<InstanceId> = queue.ready().map(|(id, _)| id).collect();
    for id in &ids {
        queue.launch(Instant(0), *id, agent(), offer());
    }
    assert!(!queue.has_ready());
    assert!(queue.refused(Instant(0), ids[0], None).is_empty());
    assert_eq!(queue.ready().map(|(id, _)| id).collect::<Vec<_>>(), [ids[0]]);
    assert_eq!(queue.news(ids[0]).task.as_str(), "t-0", "the id was never used");
    queue.refused(Instant(0), ids[1], Some("no such user"));
    assert_eq!(outcomes(&queue), [None, Some(Outcome::Refused)]);
}

#[test]
fn stopping_skips_kills_and_waits() {
    let mut queue = queue(vec![spec("a", 2, 3, &[]), spec("b", 1, 0, &["a"])]);
    let ids: Vec<InstanceId> = queue.ready().map(|(id, _)| id).collect();
    queue.launch(Instant(0), ids[0], agent(), offer());
    queue.launch(Instant(0), ids[1], agent(), offer());
    queue.accepted(ids[0]);
    queue.stop(Instant(1));
    assert_eq!(queue.take_kills().len(), 1, "the other is not known to be there");
    queue.accepted(ids[1]);
    let late = queue.take_kills();
    assert_eq!(late.len(), 1);
    let other = queue.news(ids[0]).task;
    queue.status(Instant(2), &status(&other, TaskState::Failed));
    queue.status(Instant(2), &status(&late[0], TaskState::Finished));
    let expected = [Outcome::Killed, Outcome::Succeeded, Outcome::Skipped].map(Some);
    assert_eq!(outcomes(&queue), expected);
}

#[test]
fn nothing_is_ready_before_its_time() {
    let mut late = spec("late", 1, 0, &[]);
    late.submit_at = Duration(700);
    let mut queue = queue(vec![late]);
    assert!(!queue.has_ready());
    assert_eq!(queue.deadline(), Some(Instant(700)));
    queue.tick(Instant(700));
    assert!(queue.has_ready() && queue.take_newly_ready() && !queue.take_newly_ready());
}

/// What the cluster may say about a task at any time.
const NEWS: [TaskState; 8] = {
    use TaskState::*;
    [Running, Running, Finished, Failed, Gone, Killed, Dropped, Unreachable]
};

/// A job whose tasks wait only for earlier ones.
fn jobs() -> impl Strategy<Value = Vec<TaskSpec>> {
    let task = (1_u32..4, 0_u32..3, proptest::collection::vec(any::<usize>(), 0..3), 0_u64..3_000);
    proptest::collection::vec(task, 1..8).prop_map(|tasks| {
        let build = |(index, task): (usize, (u32, u32, Vec<usize>, u64))| {
            let (instances, retries, on, submit_ms) = task;
            let mut spec = spec(&format!("t{index}"), instances, retries, &[]);
            spec.submit_at = Duration(submit_ms);
            spec.timeout = (submit_ms % 2 == 0).then_some(Duration(submit_ms + 100));
            if index > 0 {
                spec.depends_on = on.iter().map(|on| format!("t{}", on % index)).collect();
            }
            spec
        };
        tasks.into_iter().enumerate().map(build).collect()
    })
}

proptest! {
    #[test]
    fn each_instance_ends_once_in_order_and_within_its_attempts(
        tasks in jobs(),
        seed in any::<u64>(),
        stop_after in proptest::option::of(0_usize..200),
    ) {
        let mut queue = queue(tasks);
        let mut chance = Jitter::new(seed);
        let mut now = Instant(0);
        let mut live: Vec<TaskId> = Vec::new();
        let mut ends: BTreeMap<(String, u32), u32> = BTreeMap::new();
        for step in 0..20_000 {
            if queue.is_over() {
                break;
            }
            let mut progress = Vec::new();
            if Some(step) == stop_after {
                progress.extend(queue.stop(now));
            }
            queue.tick(now);
            for (id, spec) in queue.ready() {
                let on = &spec.depends_on;
                let done = |name: &String| {
                    let mut rows = queue.rows().filter(|(spec, _)| &spec.name == name);
                    rows.all(|(_, row)| row.phase == Phase::Ended(Outcome::Succeeded))
                };
                prop_assert!(on.iter().all(done), "{id:?} starts too early");
                prop_assert!(now >= queue.began() + spec.submit_at);
            }
            let ready: Vec<InstanceId> = queue.ready().map(|(id, _)| id).collect();
            for id in ready {
                queue.launch(now, id, agent(), offer());
                match chance.draw() % 4 {
                    0 => progress.extend(queue.refused(now, id, None)),
                    _ => {
                        queue.accepted(id);
                        live.push(queue.news(id).task);
                    }
                }
            }
            // A task that was asked to die does so sooner or later, like every other.
            queue.take_kills();
            if !live.is_empty() {
                let which = usize::try_from(chance.draw()).unwrap() % live.len();
                let state = NEWS[usize::try_from(chance.draw()).unwrap() % NEWS.len()];
                progress.extend(queue.status(now, &status(&live[which], state)));
                if state.is_terminal() {
                    live.swap_remove(which);
                }
            } else if let Some(at) = queue.deadline() {
                now = now.max(at);
            }
            for one in progress {
                let news = match one {
                    Progress::Ended { news, retry_in: None, .. }
                    | Progress::Skipped { news, .. } => news,
                    _ => continue,
                };
                *ends.entry((news.name, news.instance)).or_default() += 1;
            }
        }
        prop_assert!(queue.is_over());
        prop_assert_eq!(ends.len(), queue.job().instance_count());
        prop_assert!(ends.values().all(|count| *count == 1), "{:?}", ends);
        for (spec, row) in queue.rows() {
            prop_assert!(row.failures <= spec.retries + 1);
            prop_assert!(row.losses <= LOSSES_MAX + 1);
            prop_assert!(row.attempt <= spec.retries + LOSSES_MAX);
        }
        prop_assert!(!queue.has_live() && !queue.has_ready());
    }
}
