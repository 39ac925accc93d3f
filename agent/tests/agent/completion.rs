//! Tasks that may run for so long and no longer, also across a restart of the agent; asked to end
//! in the way that they want to be asked.

use crate::kit::{expect, launch, master::Master, sandbox, settings, shell, start};
use proto::model::{Duration, KillStep, StatusReason, StopSignal, TaskState};

#[tokio::test]
async fn a_task_is_ended_when_its_time_is_over_whichever_agent_sees_it() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = start(settings(&master, place.path()), &mut master).await;
    let line = "trap 'echo INT' INT; trap 'echo QUIT; exit 3' QUIT; while :; do sleep 0.02; done";
    let mut task = shell("t", line);
    task.max_completion_time = Some(Duration(2_000));
    task.kill_policy.grace_period = Some(Duration(60_000));
    task.kill_policy.signal = StopSignal::Int;
    task.kill_policy.steps = vec![KillStep { after: Duration(100), signal: StopSignal::Quit }];
    master.order(launch(task)).await;
    expect(&mut master, TaskState::Running).await;
    agent.stop().await.expect("an orderly end");
    let agent = start(settings(&master, place.path()), &mut master).await;
    let last = loop {
        let update = master.update().await;
        master.commit(&update).await;
        if update.status.state != TaskState::Running {
            break update.status;
        }
    };
    assert_eq!((last.state, last.reason), (TaskState::Failed, StatusReason::MaxCompletionTime));
    assert_eq!(last.exit_code, Some(3));
    let said = std::fs::read_to_string(sandbox(place.path(), "t").join("stdout")).expect("a file");
    assert_eq!(said, "INT\nQUIT\n");
    agent.stop().await.expect("an orderly end");
}
