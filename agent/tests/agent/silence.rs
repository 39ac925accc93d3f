//! A leader that says nothing any more, and another that has its place.

use crate::kit::{expect, key, launch, master::Master, settings, shell, start};
use proto::model::{Masters, Order, StatusReason, TaskState};

#[tokio::test]
async fn a_silent_leader_is_left_for_its_successor() {
    let place = tempfile::tempdir().expect("a directory");
    let (mut silent, mut successor) = (Master::start().await, Master::start().await);
    successor.set_term(6);
    let agent = start(settings(&silent, place.path()), &mut silent).await;
    let addresses = vec![silent.address().to_string(), successor.address().to_string()];
    silent.order(Order::Masters(Masters { version: 1, addresses })).await;
    silent.order(launch(shell("t", "exec sleep 1000"))).await;
    assert_eq!(silent.update().await.status.state, TaskState::Running, "and is not confirmed");
    let registration = successor.registration().await;
    assert_eq!(registration.tasks.len(), 1);
    let update = successor.update().await;
    assert_eq!(update.status.state, TaskState::Running, "said again");
    successor.commit(&update).await;
    let kill =
        Order::Kill { key: key("t"), grace_period: None, reason: StatusReason::KilledByOperator };
    successor.order(kill).await;
    expect(&mut successor, TaskState::Killed).await;
    agent.stop().await.expect("an orderly end");
}
