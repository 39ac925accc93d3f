//! The test cluster keeps its word: real offers, real refusals, recovery, agents that come and go.

use super::*;
use crate::model::{OfferId, Reason, TaskState};
use crate::scheduler::{Calls, Event};
use crate::{CallId, TaskBuilder};

/// Wants `total` tasks of half a CPU, one per offer, and writes down what it hears.
#[derive(Default)]
struct Half {
    total: u32,
    launched: u32,
    open: BTreeMap<CallId, u32>,
    states: BTreeMap<String, Vec<TaskState>>,
    refusals: Vec<Reason>,
    held: Vec<OfferId>,
    holds_offers: bool,
}

impl Scheduler for Half {
    fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Offers(offers) if self.holds_offers => {
                self.held.extend(offers.iter().map(|offer| offer.id));
            }
            Event::Offers(offers) => {
                for offer in offers {
                    let wanted = crate::model::Resources::cpus_mem(500, 1);
                    if self.launched == self.total || !offer.resources.contains(&wanted) {
                        calls.decline_briefly(vec![offer.id]);
                        continue;
                    }
                    let builder = TaskBuilder::new(format!("t{}", self.launched));
                    let task = builder.resources(&wanted).shell("true");
                    let task = task.build(&offer.agent).unwrap();
                    let call = calls.accept(vec![offer.id], vec![task], Duration(0));
                    self.open.insert(call, self.launched);
                    self.launched += 1;
                }
            }
            Event::Refused { refusal, .. } => self.refusals.push(refusal.reason),
            Event::Update(status) => {
                self.states.entry(status.task.to_string()).or_default().push(status.state);
            }
            Event::StopRequested => {
                calls.teardown();
            }
            _ => {}
        }
        let mut lists = self.states.values();
        if self.states.len() == self.total as usize
            && lists.all(|states| states.last().is_some_and(|state| state.is_terminal()))
        {
            calls.done();
        }
    }
}

#[test]
fn tasks_run_and_resources_come_back() {
    let mut cluster = TestCluster::new(1);
    cluster.add_agent("a1", 1_000, 100);
    let mut half = Half { total: 6, ..Half::default() };
    let ended = cluster.run(&mut half, Duration(120_000)).unwrap();
    assert_eq!(ended, Ended::Done { is_drained: true });
    for states in half.states.values() {
        assert_eq!(*states, [TaskState::Starting, TaskState::Running, TaskState::Finished]);
    }
    assert!(half.refusals.is_empty(), "{:?}", half.refusals);
}

#[test]
fn an_exit_code_is_a_failure() {
    let mut cluster = TestCluster::new(1);
    cluster.add_agent("a1", 1_000, 100);
    cluster.set_behaviour(|_| Behaviour { runs_for: Duration(10), exit_code: 3 });
    let mut half = Half { total: 1, ..Half::default() };
    cluster.run(&mut half, Duration(60_000)).unwrap();
    assert_eq!(half.states["t0"].last(), Some(&TaskState::Failed));
}

#[test]
fn a_restarted_master_remembers_and_nothing_runs_twice() {
    for restart_ms in (1_500..9_000).step_by(500) {
        let mut cluster = TestCluster::new(restart_ms);
        cluster.add_agent("a1", 1_000, 100);
        cluster.add_agent("a2", 1_000, 100);
        cluster.set_behaviour(|_| Behaviour { runs_for: Duration(3_000), exit_code: 0 });
        cluster.schedule(Instant(restart_ms), Fault::RestartMaster);
        cluster.schedule(Instant(restart_ms + 4_000), Fault::CutFramework);
        let mut half = Half { total: 8, ..Half::default() };
        let ended = cluster.run(&mut half, Duration(300_000));
        // A refused accept is not repeated by this scheduler; then it never has all.
        assert!(ended.is_ok() || !half.refusals.is_empty(), "restart at {restart_ms} ms");
        assert!(cluster.launches().values().all(|times| *times == 1), "at {restart_ms} ms");
    }
}

#[test]
fn an_agent_that_comes_back_brings_its_tasks() {
    let mut cluster = TestCluster::new(1);
    cluster.add_agent("a1", 1_000, 100);
    cluster.set_behaviour(|_| Behaviour { runs_for: Duration(120_000), exit_code: 0 });
    cluster.schedule(Instant(10_000), Fault::CutAgent("a1".to_owned()));
    cluster.schedule(Instant(80_000), Fault::HealAgent("a1".to_owned()));
    let mut half = Half { total: 1, ..Half::default() };
    cluster.run(&mut half, Duration(300_000)).unwrap();
    let states = &half.states["t0"];
    assert!(states.contains(&TaskState::Unreachable), "{states:?}");
    assert_eq!(states.last(), Some(&TaskState::Finished));
}

#[test]
fn a_scheduler_that_never_ends_is_reported_and_one_that_is_stopped_ends() {
    let mut cluster = TestCluster::new(1);
    cluster.add_agent("a1", 1_000, 100);
    let mut half = Half { total: 1, holds_offers: true, ..Half::default() };
    let limit = Duration(90_000);
    assert_eq!(cluster.run(&mut half, limit), Err(NotOver { limit }));
    assert!(half.held.len() >= 2, "an offer that is held runs out, and the next one comes");

    let mut cluster = TestCluster::new(1);
    cluster.schedule(Instant(5_000), Fault::RequestStop);
    let ended = cluster.run(&mut Half { total: 1, ..Half::default() }, Duration(60_000));
    assert_eq!(ended, Ok(Ended::TornDown));
}
