//! Who watches hears each fact once, in order, at its own pace, and what it wants to hear.

use super::rig::{Rig, accept, register, status, task};
use master_core::input::StreamId;
use proto::model::{
    AgentCall, AgentId, OfferId, Reason, Resources, Role, SchedulerCall, TaskState, WatchFilter,
    WatchKind, limits,
};
use std::collections::BTreeSet;

/// Facts: sequence and text.
type Heard = Vec<(u64, String)>;

fn large_agent(rig: &mut Rig, stream: u64, name: &str) {
    let AgentCall::Register { mut info, incarnation, tasks, volumes } = register(name, stream)
    else {
        unreachable!("that is what it is")
    };
    info.resources = Resources::cpus_mem(100_000_000, 100_000_000);
    rig.agent(stream, name, AgentCall::Register { info, incarnation, tasks, volumes });
}

/// A framework launches so many tasks on the newest offer.
fn launch(rig: &mut Rig, prefix: &str, count: usize) {
    let offer = rig.offers.last().expect("an offer");
    let (id, agent): (OfferId, AgentId) = (offer.id, offer.agent.clone());
    let one = |index| task(&format!("{prefix}-{index}"), agent.as_str(), 10);
    rig.call("hello", accept(&[id], (0..count).map(one).collect()));
    // What is left is offered again.
    rig.call("hello", SchedulerCall::Revive { roles: vec![] });
}

/// What a watcher heard of the ledger: offers are told to who keeps up, and are no facts of it.
fn heard(rig: &Rig, stream: u64) -> Heard {
    let own = rig.watched.iter().filter(|(of, ..)| *of == stream);
    let facts = own.filter(|(.., shown)| !shown.contains(" offer ") && !shown.ends_with("started"));
    facts.filter_map(|(_, sequence, shown)| Some((sequence.ok()?, shown.clone()))).collect()
}

fn ending(rig: &Rig, stream: u64) -> Option<Reason> {
    rig.watched.iter().find_map(|(of, sequence, _)| sequence.err().filter(|_| *of == stream))
}

/// More facts than a watcher is sent at once.
fn eventful() -> Rig {
    let mut rig = Rig::serving();
    rig.watch(9, None);
    large_agent(&mut rig, 1, "a");
    rig.subscribe(2, "hello");
    for prefix in ["x", "y", "z"] {
        launch(&mut rig, prefix, 900);
    }
    rig
}

#[test]
fn a_watch_resumes_anywhere_without_a_gap_and_without_a_repetition() {
    let mut rig = eventful();
    let all = heard(&rig, 9);
    assert!(all.len() > 2 * limits::WATCH_CATCH_UP_FACTS, "{} facts", all.len());
    let before = (all[0].0 - 1, 0);
    let places = (0..all.len()).step_by(331).map(|place| (all[place].0, place + 1));
    for (stream, (after, skipped)) in std::iter::once(before).chain(places).enumerate() {
        let stream = 100 + stream as u64;
        rig.watch(stream, Some(after));
        assert_eq!(heard(&rig, stream), all[skipped..], "after {after}");
    }
    // All of them go on together.
    let resumed = rig.watched.len();
    rig.update(1, "a", "hello", status("x-0", "a", TaskState::Running, 1));
    let facts = rig.watched[resumed..].iter().filter(|(.., shown)| shown.contains("Running"));
    assert_eq!(facts.count(), 1 + (all.len().div_ceil(331) + 1), "each once");
}

#[test]
fn whoever_is_behind_is_sent_the_next_part_when_it_has_read_the_last() {
    let mut rig = eventful();
    let all = heard(&rig, 9);
    rig.slow.insert(StreamId(10));
    rig.watch(10, Some(all[0].0 - 1));
    let part = limits::WATCH_CATCH_UP_FACTS;
    assert_eq!(heard(&rig, 10), all[..part], "the first part");
    launch(&mut rig, "late", 900);
    assert_eq!(heard(&rig, 10).len(), part, "it has read nothing, and costs nothing");
    let all = heard(&rig, 9);
    for parts in 2..=all.len() / part + 1 {
        rig.read();
        assert_eq!(heard(&rig, 10), all[..all.len().min(parts * part)]);
    }
    assert_eq!(heard(&rig, 10), all);
    rig.read();
    assert_eq!(heard(&rig, 10), all, "there was nothing more to read");
    rig.update(1, "a", "hello", status("x-0", "a", TaskState::Running, 1));
    assert_eq!(heard(&rig, 10).len(), all.len() + 1, "now it hears what happens as it happens");
}

#[test]
fn whoever_reads_more_slowly_than_facts_are_forgotten_is_dropped_and_nobody_else() {
    let mut rig = Rig::forgetful(2_000);
    rig.watch(9, None);
    large_agent(&mut rig, 1, "a");
    rig.subscribe(2, "hello");
    launch(&mut rig, "x", 900);
    launch(&mut rig, "y", 900);
    let first = heard(&rig, 9)[0].0;
    rig.slow.insert(StreamId(10));
    rig.watch(10, Some(first));
    launch(&mut rig, "z", 900);
    launch(&mut rig, "w", 900);
    assert_eq!(ending(&rig, 10), None, "it is not asked before it has read");
    rig.read();
    assert_eq!(ending(&rig, 10), Some(Reason::SequenceExpired));
    rig.tell("one comes back with a number that is too old");
    rig.watch(11, Some(first));
    assert_eq!(ending(&rig, 11), Some(Reason::SequenceExpired));
    rig.watch(12, Some(1 << 60));
    assert_eq!(ending(&rig, 12), Some(Reason::SequenceExpired), "that has not happened");
    let before = heard(&rig, 9).len();
    rig.update(1, "a", "hello", status("x-0", "a", TaskState::Running, 1));
    assert_eq!(heard(&rig, 9).len(), before + 1);
    assert_eq!(ending(&rig, 9), None);
}

#[test]
fn a_watcher_hears_what_it_asks_for() {
    let mut rig = Rig::serving();
    let none = WatchFilter::default;
    let kinds = |kinds: &[WatchKind]| kinds.iter().copied().collect::<BTreeSet<_>>();
    let agent = Some(AgentId::new("b").expect("an id"));
    let eng = Some(Role::new("eng").expect("a role"));
    rig.watch_for(20, None, WatchFilter { agent, ..none() });
    rig.watch_for(21, None, WatchFilter { role: eng, ..none() });
    rig.watch_for(22, None, WatchFilter { kinds: kinds(&[WatchKind::Task]), ..none() });
    rig.tell("two agents, and frameworks in two roles");
    rig.agent(1, "a", register("a", 7));
    rig.subscribe_in(2, "hello", &["eng/batch"]);
    let framework = Some(rig.framework("hello"));
    rig.watch_for(23, None, WatchFilter { framework, ..none() });
    let offer = rig.offers.last().expect("an offer").id;
    rig.call("hello", accept(&[offer], vec![task("t", "a", 500)]));
    rig.agent(3, "b", register("b", 8));
    rig.subscribe_in(4, "other", &["ops"]);
    rig.update(1, "a", "hello", status("t", "a", TaskState::Finished, 1));
    rig.tell("the same facts, later");
    let role = Some(Role::new("ops").expect("a role"));
    let after = Some(rig.watched[0].1.expect("it has started"));
    rig.watch_for(24, after, WatchFilter { role, ..none() });
    let filter = WatchFilter { kinds: kinds(&[WatchKind::Agent]), framework, ..none() };
    rig.watch_for(25, after, filter);
    rig.matches("watch_filters");
}

#[test]
fn watchers_are_so_many_and_no_more() {
    let mut rig = Rig::serving();
    let most = limits::WATCHERS_MAX as u64;
    (0..=most).for_each(|stream| rig.watch(100 + stream, None));
    assert_eq!(ending(&rig, 100 + most), Some(Reason::LimitExceeded));
    rig.close(100);
    rig.watch(99, None);
    assert_eq!(ending(&rig, 99), None, "one has left");
}
