//! The driver over real sockets, against a small model of a master.

mod model_master;

use bourse_sdk::model::{
    Duration, FrameworkInfo, Instant, Reason, Refusal, Role, TaskId, TaskState,
};
use bourse_sdk::{
    Calls, Driver, DriverError, Event, Finished, Masters, Scheduler, Security, Settings,
    TaskBuilder,
};
use model_master::{ModelMaster, Script};
use std::collections::BTreeMap;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;

/// Launches `per_offer` tasks on every offer until `total` were launched, and ends when all ended.
#[derive(Default)]
struct Launcher {
    total: usize,
    per_offer: usize,
    launched: usize,
    heard: BTreeMap<TaskId, Vec<u64>>,
    ended: usize,
}

impl Scheduler for Launcher {
    fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Offers(offers) => {
                for offer in offers {
                    let count = self.per_offer.min(self.total - self.launched);
                    let task = |number: usize| {
                        let builder = TaskBuilder::new(format!("t{number}"));
                        builder.cpus_milli(1).shell("true").build(&offer.agent).unwrap()
                    };
                    let tasks = (self.launched..self.launched + count).map(task).collect();
                    self.launched += count;
                    calls.accept(vec![offer.id], tasks, Duration(0));
                }
            }
            Event::Update(status) => {
                let state = status.state;
                self.heard.entry(status.task).or_default().push(status.sequence);
                if state == TaskState::Finished {
                    self.ended += 1;
                }
                if self.ended == self.total {
                    calls.done();
                }
            }
            Event::StopRequested => {
                calls.teardown();
            }
            _ => {}
        }
    }
}

fn settings(addresses: &[&str]) -> Settings {
    let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
    let masters = Masters { addresses, security: Security::Insecure };
    let info = FrameworkInfo {
        name: "test".to_owned(),
        roles: vec![Role::any()],
        failover_timeout: Duration(60_000),
        labels: Vec::new(),
        disruption_budget: None,
        offer_terms: Vec::new(),
    };
    Settings::new(masters, info)
}

async fn run_all(master: &ModelMaster, settings: Settings, total: usize, per_offer: usize) {
    let mut launcher = Launcher { total, per_offer, ..Launcher::default() };
    let finished = Driver::new(settings).run(&mut launcher).await.unwrap();
    assert!(finished.is_drained);
    assert_eq!(finished.framework.unwrap().0, 1);
    assert!(launcher.heard.values().all(|numbers| *numbers == [1, 2, 3]), "each once, in order");
    assert_eq!(launcher.heard.len(), total);
    assert!(master.runs().values().all(|runs| *runs == 1));
    assert_eq!(master.pending(), 0, "everything is acknowledged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_run_to_their_end_and_are_acknowledged() {
    let master = ModelMaster::start(Script { offers: 100, ..Script::default() }).await;
    let started = std::time::Instant::now();
    run_all(&master, settings(&[&master.address]), 5_000, 50).await;
    println!("5,000 tasks through one driver in {:?}", started.elapsed());
}

#[tokio::test]
async fn a_cut_stream_is_mended_without_loss_or_repeat() {
    let script = Script { offers: 40, cut_after_accepts: Some(7), ..Script::default() };
    let master = ModelMaster::start(script).await;
    run_all(&master, settings(&[&master.address]), 200, 10).await;
    assert_eq!(master.subscriptions(), 2);
}

#[tokio::test]
async fn a_follower_leads_to_the_leader() {
    let leader = ModelMaster::start(Script { offers: 1, ..Script::default() }).await;
    let mut refusal = Refusal::new(Reason::NotLeader, "ask the leader");
    refusal.leader_address = Some(leader.address.clone());
    let follower = ModelMaster::start(Script { refuse: Some(refusal), ..Script::default() }).await;
    run_all(&leader, settings(&[&follower.address]), 3, 3).await;
    assert_eq!(follower.subscriptions(), 0);
}

#[tokio::test]
async fn somebody_else_at_a_masters_address_is_passed_by() {
    // As when a master was replaced, and another server got its port.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stranger = listener.local_addr().unwrap().to_string();
    let server = tonic::transport::Server::builder().add_routes(Routes::default());
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    let master = ModelMaster::start(Script { offers: 1, ..Script::default() }).await;
    run_all(&master, settings(&[&stranger, &master.address]), 3, 3).await;
}

#[tokio::test]
async fn a_leader_that_hangs_is_left_for_its_successor() {
    let script = Script { offers: 1, term: 3, ..Script::default() };
    let hanging = ModelMaster::start(Script { hangs: true, ..script.clone() }).await;
    let successor = ModelMaster::start(Script { term: 4, ..script }).await;
    run_all(&successor, settings(&[&hanging.address, &successor.address]), 3, 3).await;
    assert_eq!((hanging.subscriptions(), hanging.runs().len()), (1, 0));
}

#[tokio::test]
async fn a_refused_framework_learns_the_field() {
    let refusal = Refusal::invalid("framework.name", "is empty");
    let script = Script { refuse: Some(refusal.clone()), ..Script::default() };
    let master = ModelMaster::start(script).await;
    let run = Driver::new(settings(&[&master.address])).run(&mut Launcher::default()).await;
    assert!(matches!(run, Err(DriverError::Refused(heard)) if heard == refusal));
}

#[tokio::test]
async fn a_cluster_that_never_answers_is_reported_with_its_addresses() {
    // Bound and dropped: nobody listens there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut settings = settings(&[&address]);
    settings.first_contact_timeout = Some(Duration(300));
    let run = Driver::new(settings).run(&mut Launcher::default()).await;
    let Err(DriverError::Unreachable { addresses, source, .. }) = run else {
        panic!("{run:?}");
    };
    assert_eq!(addresses, address);
    assert!(source.is_some(), "the last failure is the cause");
}

#[tokio::test]
async fn a_stop_request_reaches_the_scheduler() {
    let master = ModelMaster::start(Script::default()).await;
    let driver = Driver::new(settings(&[&master.address]));
    let stopper = driver.stopper();
    stopper.stop().await;
    let mut launcher = Launcher { total: 1, ..Launcher::default() };
    let finished = driver.run(&mut launcher).await.unwrap();
    assert!(matches!(finished, Finished { is_torn_down: true, .. }));
    assert!(master.is_torn_down());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let run = Driver::new(settings(&[])).run(&mut Launcher::default()).await;
    assert!(matches!(run, Err(DriverError::NoMasters)));
    let run = Driver::new(settings(&["no port"])).run(&mut Launcher::default()).await;
    assert!(matches!(run, Err(DriverError::Address { address }) if address == "no port"));
    let mut settings = settings(&["127.0.0.1:1"]);
    settings.masters.security = Security::Tls(bourse_sdk::TlsSettings {
        ca_pem: b"not a certificate".to_vec(),
        certificate_pem: Vec::new(),
        key_pem: Vec::new(),
    });
    let run = Driver::new(settings).run(&mut Launcher::default()).await;
    assert!(matches!(run, Err(DriverError::Tls(_))), "{run:?}");
}
