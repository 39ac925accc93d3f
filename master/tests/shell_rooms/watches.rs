//! A watcher that does not read, over a real connection: dropped by itself, missed by nobody.

use crate::{
    flow::{Link, end, event, framework, scalar},
    masters::{PATIENCE, alone, connect, operator, serving},
};
use master::{Running, start};
use proto::{
    convert::refusal::from_status,
    model::{Reason, limits},
    wire::v1::{
        self, cluster_event::Event as Fact, event::Event, scheduler_client::SchedulerClient,
    },
};
use tonic::{Streaming, transport::Channel};

/// More than may wait for a watcher, and enough besides to fill what a connection holds.
const TASKS: usize = 24_000;
const PER_ACCEPT: usize = 1_000;
const _: () = assert!(TASKS > limits::OUTBOUND_MESSAGES_MAX && TASKS.is_multiple_of(PER_ACCEPT));

/// Tasks with names long enough for a connection to be full soon.
fn tasks(agent: &str, from: usize) -> Vec<v1::TaskInfo> {
    let command = v1::Command { arguments: vec!["true".to_owned()], ..v1::Command::default() };
    let task = |number| v1::TaskInfo {
        task_id: format!("t-{number}"),
        name: "x".repeat(900),
        agent_id: agent.to_owned(),
        resources: vec![v1::Resource {
            value: Some(v1::resource::Value::Scalar(v1::Scalar { milli: 1 })),
            ..scalar("mem", 1)
        }],
        command: Some(command.clone()),
        ..v1::TaskInfo::default()
    };
    (from..from + PER_ACCEPT).map(task).collect()
}

async fn watch(master: &Running, after: Option<u64>) -> Streaming<v1::ClusterEvent> {
    let filter = v1::WatchFilter { kinds: vec![v1::WatchKind::Task.into()], ..Default::default() };
    let request = v1::WatchRequest { after_sequence: after, filter: Some(filter) };
    operator(master).await.watch(request).await.unwrap().into_inner()
}

/// The sequence numbers of tasks' facts, until there are so many or the watch ends.
async fn read(
    events: &mut Streaming<v1::ClusterEvent>,
    most: usize,
) -> (Vec<u64>, Option<tonic::Status>) {
    let mut numbers = Vec::new();
    while numbers.len() < most {
        match tokio::time::timeout(PATIENCE, events.message()).await.expect("in time") {
            Ok(Some(event)) => match event.event {
                Some(Fact::TaskChanged(_)) => numbers.push(event.sequence),
                Some(Fact::Started(_) | Fact::Heartbeat(_)) => {}
                other => panic!("asked for tasks and heard {other:?}"),
            },
            Ok(None) => panic!("a watch does not end without a word"),
            Err(status) => return (numbers, Some(status)),
        }
    }
    (numbers, None)
}

/// Launches all tasks, as they are offered.
async fn launch_all(
    client: &mut SchedulerClient<Channel>,
    session: &v1::FrameworkSession,
    events: &mut Streaming<v1::Event>,
) {
    let mut launched = 0;
    while launched < TASKS {
        let Event::Offers(offers) = event(events).await else { continue };
        for offer in offers.offers {
            if launched == TASKS {
                return;
            }
            let session = Some(session.clone());
            let accept = v1::AcceptRequest {
                session: session.clone(),
                offer_ids: vec![offer.offer_id],
                tasks: tasks(&offer.agent_id, launched),
                ..v1::AcceptRequest::default()
            };
            client.accept(accept).await.unwrap();
            launched += PER_ACCEPT;
            // What is left is to be offered again at once.
            client.revive(v1::ReviveRequest { session, roles: Vec::new() }).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_that_does_not_read_is_dropped_and_nobody_else_notices() {
    let folder = tempfile::tempdir().unwrap();
    let master = start(alone(folder.path())).await.unwrap();
    serving(&master).await;
    let mut idle = watch(&master, None).await;
    let mut keen = watch(&master, None).await;
    let keen = tokio::spawn(async move { read(&mut keen, TASKS).await });

    let mut agents = Vec::new();
    for agent in ["a", "b", "c"] {
        // Each on its own connection: what these do not read must not fill the framework's.
        agents.push(Link::open(connect(master.api_address).await, agent).await);
    }
    let mut client = SchedulerClient::new(connect(master.api_address).await);
    let (session, mut events) = framework(&mut client).await;
    let launching = launch_all(&mut client, &session, &mut events);
    tokio::time::timeout(4 * PATIENCE, launching).await.expect("everything is launched in time");

    let (all, ending) = keen.await.unwrap();
    assert!(ending.is_none(), "who reads hears everything: {ending:?}");
    assert!(all.is_sorted_by(|a, b| a < b), "each once, in order");

    let (seen, ending) = read(&mut idle, TASKS).await;
    let refusal = from_status(&ending.expect("who does not read is dropped"));
    assert_eq!(refusal.reason, Reason::Overloaded);
    assert!(refusal.retry_after.is_some(), "and told when to come back");
    assert_eq!(seen, all[..seen.len()], "what it had been sent was in order");
    assert!(seen.len() <= TASKS - limits::OUTBOUND_MESSAGES_MAX, "what waited for it is gone");

    // It misses more than may wait for anybody, and is sent that as fast as it reads.
    let mut back = watch(&master, seen.last().copied()).await;
    let (rest, ending) = read(&mut back, TASKS - seen.len()).await;
    assert!(ending.is_none(), "{ending:?}");
    assert_eq!(rest, all[seen.len()..], "no gap and no repetition");
    drop(agents);
    end(master).await;
}
