//! Volumes by hand: looked for, used one after the other, waited for.

use super::*;
use crate::group::{GroupSpec, MemberSpec};
use crate::volumes::{VolumeSelector, VolumeSpec};
use bourse_sdk::model::{
    Constraint, OfferedVolume, OnFailure, ReservationId, VolumeId, VolumeInfo, VolumeName,
    VolumeRef, VolumeState, task_group::Part,
};

fn name(text: &str) -> VolumeName {
    VolumeName::new(text).unwrap()
}

fn using(name: &str, volume: &str, instances: u32) -> TaskSpec {
    let volume = VolumeSelector::Name(self::name(volume));
    let volumes = vec![VolumeSpec { volume, path: "data".to_owned(), read_only: false }];
    TaskSpec { volumes, ..spec(name, instances) }
}

fn offered(id: u64, volume: &str, shared: bool) -> OfferedVolume {
    OfferedVolume {
        id: VolumeId(id),
        name: name(volume),
        role: Role::new("eng").unwrap(),
        size: bourse_sdk::model::Milli(1_000),
        shared,
    }
}

/// What the last statement asks for, with its constraints.
fn asked(calls: &[(CallId, SchedulerCall)]) -> Vec<(String, u32, Vec<String>)> {
    let last = calls.iter().rev().find_map(|(_, call)| match call {
        SchedulerCall::StateDemand { demands, .. } => demands.as_ref(),
        _ => None,
    });
    let demands = last.into_iter().flatten();
    let demands = demands.map(|demand| {
        let constraints = demand.constraints.iter().map(Constraint::to_string).collect();
        (demand.id.to_string(), demand.count, constraints)
    });
    demands.collect()
}

impl Bench {
    /// An offer for these pieces of task `a`, on which these volumes are free.
    fn with_volumes(
        &mut self,
        agent: &str,
        count: u32,
        volumes: Vec<OfferedVolume>,
    ) -> Vec<(CallId, SchedulerCall)> {
        let offer = Offer { volumes, ..self.pieces(agent, &[("a", count)]) };
        self.event(Event::Offers(vec![offer]))
    }

    fn pass(&mut self, ms: u64) -> Vec<(CallId, SchedulerCall)> {
        self.now = self.now + Duration(ms);
        self.event(Event::Woken)
    }
}

/// The volumes that an accept's tasks use.
fn used(calls: &[(CallId, SchedulerCall)]) -> Vec<(String, VolumeRef, String)> {
    let operations = calls.iter().flat_map(|(_, call)| match call {
        SchedulerCall::Accept { operations, .. } => operations.as_slice(),
        _ => &[],
    });
    let tasks = operations.flat_map(Operation::tasks);
    let mounts = tasks.flat_map(|task| task.volumes.iter().map(move |mount| (task, mount)));
    mounts.map(|(task, mount)| (task.id.to_string(), mount.volume, mount.path.clone())).collect()
}

fn call_of(calls: &[(CallId, SchedulerCall)]) -> CallId {
    let is_accept =
        |(_, call): &&(CallId, SchedulerCall)| matches!(call, SchedulerCall::Accept { .. });
    calls.iter().find(is_accept).expect("an accept").0
}

#[test]
fn an_agent_without_the_volume_is_not_looked_at_again() {
    let mut bench = Bench::new(vec![using("a", "data", 3)]);
    assert_eq!(bench.wanted(), [("a", 1)], "one at a time until it is found");
    let calls = bench.with_volumes("a1", 1, vec![offered(1, "other", false)]);
    assert!(used(&calls).is_empty());
    let wanted = |rule: &str| vec![("a".to_owned(), 1, vec![rule.to_owned()])];
    assert_eq!(asked(&calls), wanted("id not in a1"));
    let calls = bench.with_volumes("a2", 1, vec![offered(7, "data", false)]);
    let data = VolumeRef::Known(VolumeId(7));
    assert_eq!(used(&calls), [("a-0".to_owned(), data, "data".to_owned())]);
    assert_eq!(asked(&calls), [], "it is used, by a task of this job: no more is asked for");
    bench.event(accepted(call_of(&calls)));
    let calls = bench.update("a-0", TaskState::Finished);
    assert_eq!(asked(&calls), wanted("id in a2"));
}

#[test]
fn what_is_made_later_is_asked_for_where_it_is() {
    let mut bench = Bench::new(vec![using("a", "data", 1)]);
    bench.with_volumes("a1", 1, vec![]);
    let volume = VolumeInfo {
        id: VolumeId(2),
        agent: AgentId::new("a1").unwrap(),
        reservation: ReservationId(1),
        role: Role::any(),
        owner: "ann".to_owned(),
        name: name("data"),
        size: bourse_sdk::model::Milli(1_000),
        shared: true,
        labels: Vec::new(),
        state: VolumeState::Creating,
        resizing_to: None,
        message: String::new(),
        version: 1,
        incarnation: 1,
        task_count: 0,
    };
    let calls = bench.event(Event::VolumeUpdate(Box::new(volume.clone())));
    assert_eq!(asked(&calls)[0].2, ["id in a1"]);
    let lost = VolumeInfo { state: VolumeState::Lost, ..volume };
    let calls = bench.event(Event::VolumeUpdate(Box::new(lost)));
    assert_eq!(asked(&calls)[0].2, [""; 0], "looked for again");
}

#[test]
fn what_others_use_is_asked_for_after_a_while() {
    let mut bench = Bench::new(vec![using("a", "data", 2)]);
    let volumes = || vec![offered(7, "data", false)];
    let calls = bench.with_volumes("a2", 1, volumes());
    let call = call_of(&calls);
    let refusal = Refusal::new(Reason::VolumeInUse, "in use").at("tasks[0].volumes[0].volume");
    bench.event(Event::Refused { call, refusal });
    assert_eq!(bench.wanted(), []);
    let calls = bench.pass(2_000);
    assert_eq!(asked(&calls)[0].2, ["id in a2"]);
    bench.with_volumes("a2", 1, vec![]);
    assert_eq!(bench.wanted(), [], "not free as yet");
    bench.pass(2_000);
    let calls = bench.with_volumes("a2", 1, volumes());
    assert_eq!(used(&calls).len(), 1);
}

#[test]
fn a_shared_volume_is_for_all_at_once() {
    let mut bench = Bench::new(vec![using("a", "data", 3)]);
    let calls = bench.with_volumes("a2", 1, vec![offered(7, "data", true)]);
    assert_eq!(used(&calls).len(), 1);
    assert_eq!(bench.wanted(), [("a", 2)]);
    let calls = bench.with_volumes("a2", 2, vec![offered(7, "data", true)]);
    assert_eq!(used(&calls).len(), 2);
}

/// What the init member fills the main member uses: to the cluster they are one user.
#[test]
fn members_of_a_group_use_the_same_volume() {
    let member = |name: &str, part| MemberSpec { part, task: using(name, "data", 1) };
    let members = vec![member("fill", Part::Init), member("work", Part::Main)];
    let group = GroupSpec { members, on_failure: OnFailure::EndGroup };
    let resources = group.holds();
    let spec = TaskSpec { resources, group: Some(Box::new(group)), ..spec("a", 1) };
    let mut bench = Bench::new(vec![spec]);
    assert!(used(&bench.with_volumes("a1", 1, vec![])).is_empty(), "not without it");
    let calls = bench.with_volumes("a2", 1, vec![offered(7, "data", false)]);
    let data = VolumeRef::Known(VolumeId(7));
    let expected = ["a-0:fill", "a-0:work"].map(|id| (id.to_owned(), data, "data".to_owned()));
    assert_eq!(used(&calls), expected);
}

#[test]
fn volumes_of_which_a_task_cannot_be_are_no_job() {
    let refused = |spec: TaskSpec| {
        let job = Job::new("job".to_owned(), Role::any(), vec![spec]);
        job.expect_err("is none").to_string()
    };
    let mut outside = using("a", "data", 1);
    outside.volumes[0].path = "../x".to_owned();
    assert!(refused(outside).contains("volumes[0].path"));
    let mut twice = using("a", "data", 1);
    twice.volumes.push(VolumeSpec { path: "more".to_owned(), ..twice.volumes[0].clone() });
    assert!(refused(twice).contains("name data twice"));
    let gang = TaskSpec { gang_timeout: Some(Duration(1_000)), ..using("a", "data", 2) };
    assert!(refused(gang).contains("gang"));
}
