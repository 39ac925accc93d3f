//! Operations of an accept, and their results.

use super::{accept, check, tasks::task, texts};
use proto::{
    convert::{calls::read_accept, operation::*},
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1::{
        self,
        operation::{Launch, Operation as Kind},
        operation_result::{Launched, Result as ResultKind},
    },
};

fn launch(ids: &[&str]) -> v1::Operation {
    let named = |id: &&str| v1::TaskInfo { task_id: (*id).to_owned(), ..task() };
    let tasks = ids.iter().map(named).collect();
    v1::Operation { operation: Some(Kind::Launch(Launch { tasks })) }
}

fn launched(request: &mut v1::AcceptRequest, index: usize) -> &mut Launch {
    match request.operations[index].operation.as_mut().expect("it has one") {
        Kind::Launch(launch) => launch,
        other => panic!("{other:?} is no launch"),
    }
}

fn resize() -> v1::Operation {
    let (task_id, resources) = ("t".to_owned(), task().resources);
    v1::Operation { operation: Some(Kind::Resize(v1::Resize { task_id, resources })) }
}

fn resized(request: &mut v1::AcceptRequest) -> &mut v1::Resize {
    match request.operations[0].operation.as_mut().expect("it has one") {
        Kind::Resize(resize) => resize,
        other => panic!("{other:?} is no resize"),
    }
}

fn request() -> v1::AcceptRequest {
    let framework_id = "framework-1".to_owned();
    v1::AcceptRequest {
        session: Some(v1::FrameworkSession { framework_id, epoch: 1 }),
        offer_ids: vec!["offer-1-1".to_owned()],
        operations: vec![launch(&["t1"]), launch(&["t2", "t3"])],
        partial: true,
        ..Default::default()
    }
}

#[test]
fn operations() {
    check(
        &request(),
        read_accept,
        &[
            (|a| a.tasks.push(task()), "operations", Invalid),
            (|a| a.operations[1].operation = None, "operations[1].operation", Invalid),
            (|a| launched(a, 1).tasks.clear(), "operations[1].launch.tasks", Invalid),
            (
                |a| launched(a, 1).tasks[1].command = None,
                "operations[1].launch.tasks[1].command",
                Invalid,
            ),
            (
                |a| launched(a, 1).tasks[1].task_id = "t1".to_owned(),
                "operations[1].launch.tasks[1].task_id",
                Invalid,
            ),
            (|a| a.operations = vec![launch(&["t"]); 101], "operations", Limit),
            (
                |a| launched(a, 1).tasks = vec![v1::TaskInfo::default(); 1_001],
                "operations[1].launch.tasks",
                Limit,
            ),
            (
                |a| {
                    let names = texts(limits::TASKS_PER_ACCEPT_MAX, |n| format!("n{n}"));
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    a.operations[1] = launch(&names);
                },
                "operations",
                Limit,
            ),
        ],
    );
    accept(
        &request(),
        read_accept,
        &[
            |a| a.operations.clear(),
            |a| a.partial = false,
            |a| {
                let names = texts(limits::OPERATIONS_PER_ACCEPT_MAX, |n| format!("n{n}"));
                a.operations = names.iter().map(|name| launch(&[name])).collect();
            },
        ],
    );
}

#[test]
fn resizes() {
    let request = || v1::AcceptRequest { operations: vec![resize()], ..request() };
    check(
        &request(),
        read_accept,
        &[
            (|a| resized(a).task_id.clear(), "operations[0].resize.task_id", Invalid),
            (|a| resized(a).resources.clear(), "operations[0].resize.resources", Invalid),
            (
                |a| resized(a).resources[0].value = None,
                "operations[0].resize.resources[0].value",
                Invalid,
            ),
            (|a| a.offer_ids.push("offer".to_owned()), "offer_ids[1]", Invalid),
            (
                |a| {
                    a.offer_ids.clear();
                    a.operations.push(launch(&["t1"]));
                },
                "offer_ids",
                Invalid,
            ),
            (
                |a| {
                    a.offer_ids.clear();
                    a.operations.clear();
                },
                "offer_ids",
                Invalid,
            ),
        ],
    );
    accept(&request(), read_accept, &[|a| a.offer_ids.clear(), |a| a.operations.push(resize())]);
}

#[test]
fn results() {
    let result = |ids: &[&str]| {
        let task_ids = ids.iter().map(|id| (*id).to_owned()).collect();
        v1::OperationResult { result: Some(ResultKind::Launched(Launched { task_ids })) }
    };
    let good = v1::AcceptResponse {
        task_ids: vec!["t1".to_owned()],
        results: vec![result(&["t1"]), result(&["t2", "t3"])],
    };
    check(
        &good,
        read_accept_response,
        &[(|r| r.results[1].result = None, "results[1].result", Invalid)],
    );
    let bad = v1::OperationResult {
        result: Some(ResultKind::Launched(Launched { task_ids: vec![String::new()] })),
    };
    let refusal = read_operation_result(bad).expect_err("no id");
    assert_eq!(refusal.field, "launched.task_ids[0]");
    accept(
        &good,
        read_accept_response,
        &[
            |r| r.results.clear(),
            |r| {
                r.results.clear();
                r.task_ids.clear();
            },
        ],
    );
}
