//! Task groups by hand: launched as one, ended as their members end.

use super::*;
use crate::group::{GroupSpec, MemberSpec};
use bourse_sdk::model::{OnFailure, task_group::Part};

fn group(retries: u32) -> TaskSpec {
    let member = |name: &str, part| MemberSpec { part, task: spec(name, 1) };
    let group = GroupSpec {
        members: vec![
            member("fetch", Part::Init),
            member("proxy", Part::Sidecar),
            member("serve", Part::Main),
        ],
        on_failure: OnFailure::EndGroup,
    };
    let resources = group.holds();
    let group = Some(Box::new(group));
    TaskSpec { resources, retries, group, ..spec("a", 1) }
}

impl Bench {
    fn member(
        &mut self,
        member: &str,
        state: TaskState,
        reason: StatusReason,
    ) -> Vec<SchedulerCall> {
        let calls = self.event(Event::Update(TaskStatus {
            task: TaskId::new(member).unwrap(),
            agent: AgentId::new("a1").unwrap(),
            state,
            source: StatusSource::Agent,
            reason,
            message: "said".to_owned(),
            exit_code: None,
            signal: None,
            memory_peak_bytes: None,
            at: WallTime(0),
            sequence: 1,
        }));
        calls.into_iter().map(|(_, call)| call).collect()
    }
}

/// Launches the group and takes its answer.
fn launched(bench: &mut Bench) {
    let calls = bench.offer(2);
    let [(call, SchedulerCall::Accept { operations, .. })] = &calls[..] else {
        panic!("{calls:?}")
    };
    let [Operation::LaunchGroup(group)] = &operations[..] else { panic!("{operations:?}") };
    assert_eq!((group.id.as_str(), group.members.len()), ("a-0", 3));
    let tasks: Vec<_> = group.tasks().map(|task| task.id.clone()).collect();
    let results = vec![bourse_sdk::model::OperationResult::Launched { tasks: tasks.clone() }];
    bench.event(Event::Accepted { call: *call, tasks, results });
}

#[test]
fn a_group_succeeds_when_all_that_must_have_finished() {
    use {StatusReason as Why, TaskState as State};
    let mut bench = Bench::new(vec![group(0)]);
    launched(&mut bench);
    bench.member("a-0:fetch", State::Finished, Why::None);
    bench.member("a-0:serve", State::Running, Why::None);
    bench.member("a-0:serve", State::Finished, Why::None);
    let calls = bench.member("a-0:proxy", State::Killed, Why::GroupEnded);
    assert!(calls.contains(&SchedulerCall::Teardown), "{calls:?}");
    let summary = bench.scheduler.summary();
    assert_eq!(summary.tasks[0].outcome, Some(Outcome::Succeeded));
}

#[test]
fn a_group_fails_as_the_first_that_failed_and_is_tried_again_as_a_whole() {
    use {StatusReason as Why, TaskState as State};
    let mut bench = Bench::new(vec![group(1)]);
    launched(&mut bench);
    bench.member("a-0:serve", State::Killed, Why::GroupEnded);
    bench.member("a-0:fetch", State::Failed, Why::CommandExited);
    bench.member("a-0:proxy", State::Killed, Why::GroupEnded);
    bench.now = bench.now + Duration(600_000);
    bench.event(Event::Woken);
    assert_eq!(bench.wanted(), [("a", 1)]);
    let calls = bench.offer(2);
    let SchedulerCall::Accept { operations, .. } = &calls[0].1 else { panic!("{calls:?}") };
    let [Operation::LaunchGroup(group)] = &operations[..] else { panic!("{operations:?}") };
    assert_eq!(group.id.as_str(), "a-0.1");
}

#[test]
fn a_stopped_job_ends_its_groups_by_name() {
    let mut bench = Bench::new(vec![group(0)]);
    launched(&mut bench);
    let calls = bench.event(Event::StopRequested);
    let ends = |call: &SchedulerCall| match call {
        SchedulerCall::KillGroup { group, .. } => group.as_str() == "a-0",
        _ => false,
    };
    assert!(calls.iter().any(|(_, call)| ends(call)), "{calls:?}");
}
