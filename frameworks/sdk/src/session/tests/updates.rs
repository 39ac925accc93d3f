//! Updates: each once, acknowledged in batches, checked after a reconnect.

use super::*;
use TaskState::*;

fn acknowledged(call: &SchedulerCall) -> Vec<(String, u64)> {
    match call {
        SchedulerCall::Acknowledge { acknowledgements } => {
            acknowledgements.iter().map(|(task, at)| (task.to_string(), *at)).collect()
        }
        other => panic!("not an acknowledgement: {other:?}"),
    }
}

/// Delivers everything that waits, and handles it as the engine would.
fn handle(bench: &mut Bench) -> Vec<(String, TaskState, u64)> {
    let mut seen = Vec::new();
    for event in bench.events() {
        if let Event::Update(status) = event {
            bench.session.handled(&status.task, status.sequence);
            seen.push((status.task.to_string(), status.state, status.sequence));
        }
    }
    bench.flush();
    seen
}

#[test]
fn a_repeat_is_acknowledged_again_and_goes_no_further() {
    let mut bench = Bench::subscribed();
    bench.update(1, "t", Starting, 1);
    bench.update(1, "t", Running, 2);
    assert_eq!(handle(&mut bench).len(), 2);
    let (send, call) = bench.only_send();
    assert_eq!(acknowledged(&call), [("t".to_owned(), 2)], "one call, the highest number");
    bench.answer(send, Ok(Answer::Done));
    bench.update(1, "t", Starting, 1);
    bench.update(1, "t", Running, 2);
    assert!(handle(&mut bench).is_empty());
    let again = bench.sends();
    assert!(again.iter().all(|(_, call)| acknowledged(call) == [("t".to_owned(), 2)]));
    assert!(!again.is_empty());
}

#[test]
fn an_unhandled_update_is_not_acknowledged() {
    let mut bench = Bench::subscribed();
    bench.update(1, "t", Running, 1);
    bench.update(1, "t", Running, 1);
    assert!(bench.sends().is_empty());
    bench.session.handled(&task_id("t"), 99);
    bench.flush();
    assert_eq!(acknowledged(&bench.only_send().1), [("t".to_owned(), 1)], "what was delivered");
}

#[test]
fn batches_grow_while_calls_are_on_the_way() {
    let mut bench = Bench::subscribed();
    let mut sends = Vec::new();
    for number in 0..50 {
        bench.update(1, &format!("t{number:02}"), Running, 1);
        handle(&mut bench);
        sends.extend(bench.sends());
    }
    assert_eq!(sends.len(), 2);
    bench.answer(sends[0].0, Ok(Answer::Done));
    assert_eq!(acknowledged(&bench.only_send().1).len(), 48);
}

#[test]
fn nothing_comes_after_the_end() {
    let mut bench = Bench::subscribed();
    bench.update(1, "t", Running, 1);
    bench.update(1, "t", Gone, 0);
    bench.update(1, "t", Finished, 2);
    let seen = handle(&mut bench);
    assert_eq!(seen, [("t".to_owned(), Running, 1), ("t".to_owned(), Gone, 0)]);
    let last = bench.sends().pop().unwrap();
    assert_eq!(acknowledged(&last.1), [("t".to_owned(), 2)], "but it is acknowledged");
}

#[test]
fn after_a_reconnect_live_tasks_are_checked_and_only_news_is_told() {
    let mut bench = Bench::subscribed();
    for (task, state) in [("t1", Running), ("t2", Running), ("t3", Finished)] {
        bench.update(1, task, state, 1);
    }
    handle(&mut bench);
    bench.sends();
    bench.reconnect(1);
    let (_, call) = bench.only_send();
    let live = vec![task_id("t1"), task_id("t2")];
    assert_eq!(call, SchedulerCall::Reconcile { tasks: live });
    bench.update(2, "t1", Running, 0);
    bench.update(2, "t2", Unreachable, 0);
    assert_eq!(handle(&mut bench), [("t2".to_owned(), Unreachable, 0)]);
}

#[test]
fn unconfirmed_acknowledgements_come_back_with_the_repeats() {
    let mut bench = Bench::subscribed();
    bench.update(1, "t1", Finished, 1);
    handle(&mut bench);
    bench.only_send();
    bench.reconnect(1);
    assert!(bench.sends().is_empty(), "whether it arrived is for the master to say");
    bench.update(2, "t1", Finished, 1);
    assert!(handle(&mut bench).is_empty());
    assert_eq!(acknowledged(&bench.only_send().1), [("t1".to_owned(), 1)]);
}

#[test]
fn an_overloaded_cluster_gets_the_acknowledgements_later() {
    let mut bench = Bench::subscribed();
    bench.update(1, "t", Running, 1);
    handle(&mut bench);
    let (send, first) = bench.only_send();
    bench.refuse(send, Reason::Overloaded);
    assert!(bench.effects.is_empty(), "the connection stays");
    bench.wait();
    assert_eq!(bench.only_send().1, first);
}

#[test]
fn one_bad_acknowledgement_does_not_hold_up_the_others() {
    let mut bench = Bench::subscribed();
    // Two calls are kept on the way, so that the rest gathers in one batch.
    for number in 0..10 {
        bench.update(1, &format!("t{number}"), Running, 1);
        handle(&mut bench);
    }
    let mut taken = Vec::new();
    for _ in 0..100 {
        let sends = bench.sends();
        if sends.is_empty() {
            break;
        }
        for (send, call) in sends {
            let batch = acknowledged(&call);
            match batch.iter().any(|(task, _)| task == "t6") {
                true => bench.refuse(send, Reason::SequenceUnknown),
                false => {
                    taken.extend(batch);
                    bench.answer(send, Ok(Answer::Done));
                }
            }
        }
    }
    taken.sort();
    let tasks: Vec<&str> = taken.iter().map(|(task, _)| task.as_str()).collect();
    assert_eq!(tasks, ["t0", "t1", "t2", "t3", "t4", "t5", "t7", "t8", "t9"]);
}

#[test]
fn a_framework_that_is_taken_over_is_told_what_there_is() {
    let mut settings = settings(&["m1:1"]);
    settings.framework = Some(FrameworkId(7));
    let mut bench = Bench::new(&["m1:1"]);
    bench.session = ClientSession::new(settings);
    bench.flush();
    bench.subscribe(1, 5);
    assert_eq!(bench.only_send().1, SchedulerCall::Reconcile { tasks: Vec::new() });
    bench.events();
    bench.update(1, "t1", Running, 0);
    bench.update(1, "t1", Finished, 9);
    let seen = handle(&mut bench);
    assert_eq!(seen, [("t1".to_owned(), Running, 0), ("t1".to_owned(), Finished, 9)]);
}

#[test]
fn what_a_scheduler_asks_it_is_told_even_if_it_is_no_news() {
    let mut bench = Bench::subscribed();
    bench.update(1, "t", Running, 1);
    handle(&mut bench);
    bench.update(1, "t", Running, 0);
    assert_eq!(handle(&mut bench), [("t".to_owned(), Running, 0)]);
}
