//! Protocol stories: what is said when, word for word.

mod rig;

use proto::model::{AgentCall, Duration, SchedulerCall, TaskId, TaskState};
use rig::{Rig, register, status, task};

#[track_caller]
fn assert_story(rig: &Rig, expected: &str) {
    let trim = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(trim(&rig.transcript), trim(expected), "\ngot:\n{}", rig.transcript);
}

#[test]
fn a_task_from_offer_to_acknowledgement() {
    let mut rig = Rig::serving();
    rig.agent(1, "a", register("a", 7));
    rig.subscribe(2, "hello", "request-0000000001");
    let accept = SchedulerCall::Accept {
        offers: vec![rig.offers[0].id],
        tasks: vec![task("t", "a", 500)],
        refuse: Duration(5_000),
        request: None,
    };
    rig.call("hello", accept);
    let framework = rig.session.expect("subscribed").framework;
    let running = status("t", "a", TaskState::Running, 1);
    rig.agent(1, "a", AgentCall::Update { framework, status: running });
    let finished = status("t", "a", TaskState::Finished, 2);
    rig.agent(1, "a", AgentCall::Update { framework, status: finished });
    let acknowledgements = vec![(TaskId::new("t").expect("an id"), 2)];
    rig.call("hello", SchedulerCall::Acknowledge { acknowledgements });
    assert_story(
        &rig,
        "agent stream 1 registered
         framework stream 2 subscribed framework-1 epoch 1
         framework stream 2 offers offer-1-1 a cpus:2;mem:1024
         agent stream 1 launch framework-1/t
         reply 1 Accepted([TaskId(t)])
         framework stream 2 update t TASK_RUNNING None #1
         agent stream 1 committed framework-1/t #1
         framework stream 2 update t TASK_FINISHED None #2
         agent stream 1 committed framework-1/t #2
         framework stream 2 offers offer-1-2 a cpus:2;mem:1024
         reply 2 Done",
    );
}
