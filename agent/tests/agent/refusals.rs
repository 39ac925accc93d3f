//! What an agent does not put up with, and what masters do not put up with.

use crate::kit::{self, eventually, expect, launch, master::Master, settings, shell, start};
use agent::AgentError;
use proto::{
    convert::refusal::to_status,
    model::{Order, Reason, Refusal, TaskState},
};
use std::error::Error;

#[tokio::test]
async fn a_damaged_journal_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = start(settings(&master, place.path()), &mut master).await;
    agent.stop().await.expect("an orderly end");
    let path = place.path().join("journal.redb");
    let mut bytes = std::fs::read(&path).expect("a journal");
    bytes[..512].fill(0x5a);
    std::fs::write(&path, &bytes).expect("damaged");
    let error = agent::start(settings(&master, place.path())).await.expect_err("refused");
    assert!(matches!(error, AgentError::Journal(_)), "{error:?}");
    assert!(error.to_string().contains("journal.redb"), "{error}");
    assert_eq!(std::fs::read(&path).expect("still there").len(), bytes.len(), "left as it was");
}

#[tokio::test]
async fn a_journal_belongs_to_one_agent_and_one_process() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = start(settings(&master, place.path()), &mut master).await;
    let error = agent::start(settings(&master, place.path())).await.expect_err("in use");
    assert!(matches!(error, AgentError::Lock(_)), "{error:?}");
    agent.stop().await.expect("an orderly end");
    let mut other = settings(&master, place.path());
    other.agent_id = Some("somebody-else".parse().expect("an id"));
    let error = agent::start(other).await.expect_err("not its journal");
    let cause = error.source().expect("a cause").to_string();
    assert!(cause.contains(kit::AGENT) && cause.contains("somebody-else"), "{cause}");
}

#[tokio::test]
async fn an_agent_without_a_name_keeps_the_one_it_made_up() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut names = Vec::new();
    for _ in 0..2 {
        let mut settings = settings(&master, place.path());
        settings.agent_id = None;
        let agent = agent::start(settings).await.expect("the agent starts");
        names.push(master.registration().await.info.id);
        assert_eq!(agent.agent_id(), &names[0]);
        agent.stop().await.expect("an orderly end");
    }
    assert_eq!(names[0], names[1]);
}

#[tokio::test]
async fn an_order_of_an_older_term_starts_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let agent = start(settings(&master, place.path()), &mut master).await;
    master.set_term(4);
    master.order(launch(shell("stale", "true"))).await;
    // The agent hangs up and comes back; from the right term it takes orders again.
    let registration = master.registration_only().await;
    master.set_term(5);
    master.welcome().await;
    assert!(registration.tasks.is_empty());
    master.order(launch(shell("fresh", "true"))).await;
    let update = expect(&mut master, TaskState::Running).await;
    assert_eq!(update.status.task.as_str(), "fresh");
    assert!(!place.path().join("sandboxes/framework-7/stale").exists());
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn a_follower_names_the_leader() {
    let place = tempfile::tempdir().expect("a directory");
    let mut leader = Master::start().await;
    let mut refusal = Refusal::new(Reason::NotLeader, "ask the leader");
    refusal.leader_address = Some(leader.address().to_string());
    let follower = Master::refusing(to_status(&refusal)).await;
    let agent = start(settings(&follower, place.path()), &mut leader).await;
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn masters_that_are_not_there_are_passed_over() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = nobody.local_addr().expect("an address").to_string();
    drop(nobody);
    let mut settings = settings(&master, place.path());
    settings.masters = vec![address.clone(), address, master.address().to_string()];
    let agent = start(settings, &mut master).await;
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn a_removed_agent_ends_its_tasks_and_starts_afresh() {
    let place = tempfile::tempdir().expect("a directory");
    let mut master = Master::start().await;
    let mut agent = agent::start(settings(&master, place.path())).await.expect("starts");
    let before = master.registration().await;
    master.order(launch(shell("t", "exec sleep 600"))).await;
    expect(&mut master, TaskState::Running).await;
    let refusal = Refusal::new(Reason::AgentRemoved, "removed by an operator");
    master.order(Order::Refused(refusal)).await;
    let error = agent.wait().await.expect_err("it ends by itself");
    assert!(matches!(&error, AgentError::Removed { journal, .. } if journal.exists()), "{error}");
    let run = place.path().join("run");
    let agent = agent::start(settings(&master, place.path())).await.expect("starts");
    let after = master.registration().await;
    assert_ne!(before.incarnation, after.incarnation);
    assert!(after.tasks.is_empty());
    let empty = || std::fs::read_dir(&run).expect("a directory").next().is_none();
    eventually("nothing is left of the task", empty).await;
    agent.stop().await.expect("an orderly end");
}
