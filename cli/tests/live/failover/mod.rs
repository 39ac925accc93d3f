//! The leader is killed ten times under load, and nobody loses what was promised.
//!
//! A framework in this process launches short tasks all the time. What the cluster has answered
//! with `Accepted` is known to it afterwards, and ends; what it has refused never existed. For each
//! kill the time until the next offer is measured and printed.

pub(crate) mod load;

use crate::rig::{Cluster, Isolation, Shape, eventually, holds, refusal_of};
use bourse_sdk::{Masters, TlsSettings};
use load::{LoadRun, Seen};
use proto::{model::Reason, wire::v1};
use std::{
    collections::BTreeSet,
    fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

const KILLS: usize = 10;
/// The target is three seconds, on a host of its own. Here other tests run at the same time.
const OFFER_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn ten_leaders_die_and_nothing_is_lost() {
    let shape = Shape { name: "failover", masters: 3, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("busy", Isolation::Emulated(300), "cpus:64;mem:65536");
    let seen = Arc::new(Mutex::new(Seen::default()));
    let run = LoadRun::start(masters(&cluster), Arc::clone(&seen));
    holds("the first tasks end", || seen.lock().unwrap().ended.len() >= 10);

    let (subscriptions, offers): (Vec<Duration>, Vec<Duration>) =
        (0..KILLS).map(|_| kill_the_leader(&mut cluster, &seen)).unzip();
    let ended = seen.lock().unwrap().ended.len();
    holds("tasks end under the last leader", || seen.lock().unwrap().ended.len() > ended + 10);

    run.ask_to_stop();
    holds("every accepted task ends", || {
        let seen = seen.lock().unwrap();
        seen.is_stopping && seen.open_calls == 0 && seen.ended.len() == seen.accepted.len()
    });
    nothing_is_lost(&cluster, &seen.lock().unwrap());
    run.tear_down();
    cluster.finish();

    report("subscription", subscriptions);
    let slowest = report("offer", offers);
    assert!(slowest <= OFFER_WITHIN, "{slowest:?}");
}

/// Prints how long something took after each kill; answers with the longest.
fn report(what: &str, mut delays: Vec<Duration>) -> Duration {
    delays.sort();
    let (middle, last) = (delays[KILLS / 2], delays[KILLS - 1]);
    println!("failover: kill -9 of the leader to the next {what}: p50 {middle:?}, max {last:?}");
    last
}

/// A leader that stands still for a while must not answer as one when it goes on.
#[test]
fn a_paused_leader_is_replaced() {
    let shape = Shape { name: "paused", masters: 3, secure: false, flags: &[] };
    let mut cluster = Cluster::start(shape);
    let before = cluster.operator.cluster();
    cluster.pause_master(before.leader_id);
    cluster.add_agent("busy", Isolation::Emulated(1), "cpus:1;mem:64");
    let after = cluster.operator.cluster();
    assert_ne!(after.leader_id, before.leader_id, "another one leads");
    assert!(after.term > before.term);
    let held = cluster.masters[&before.leader_id].api;
    cluster.resume_master(before.leader_id);
    // Whatever it says from now on, it is nothing of its own old term.
    holds("the old leader knows the new one", || match cluster.operator.cluster_at(held) {
        Ok(answer) => {
            assert!(answer.term >= after.term || answer.leader_id == 0, "{answer:?}");
            answer.term >= after.term
        }
        Err(status) => refusal_of(&status).reason == Reason::NotLeader,
    });
    cluster.caught_up(before.leader_id);
    assert_eq!(cluster.operator.agents().len(), 1, "the agent is known");
    cluster.finish();
}

pub(crate) fn masters(cluster: &Cluster) -> Masters {
    let pki = cluster.pki.as_ref().unwrap();
    let (certificate, key) = pki.issue(&cluster.home, "framework", "load");
    let [ca_pem, certificate_pem, key_pem] =
        [pki.ca(), certificate, key].map(|file| fs::read(file).unwrap());
    let security = bourse_sdk::Security::Tls(TlsSettings { ca_pem, certificate_pem, key_pem });
    let addresses = cluster.addresses().iter().map(ToString::to_string).collect();
    Masters { addresses, security }
}

/// Launches of all kinds are under way when the leader dies.
const TASKS_BETWEEN_KILLS: usize = 40;

/// Kills the leader, and brings it back once another has made an offer. Answers with the
/// delays until the framework was subscribed again, and until it had an offer.
fn kill_the_leader(cluster: &mut Cluster, seen: &Mutex<Seen>) -> (Duration, Duration) {
    let ended = seen.lock().unwrap().ended.len();
    holds("there is work", || seen.lock().unwrap().ended.len() >= ended + TASKS_BETWEEN_KILLS);
    let leader = cluster.leader();
    let subscriptions = seen.lock().unwrap().subscriptions;
    let began = Instant::now();
    cluster.kill_master(leader);
    // Offers of the dead leader may still be on their way; those of the next come after a new
    // subscription.
    let offered = eventually("an offer of the next leader", || {
        let seen = seen.lock().unwrap();
        seen.offered.filter(|(subscription, _)| *subscription > subscriptions)
    });
    cluster.start_master(leader);
    cluster.caught_up(leader);
    let subscribed = seen.lock().unwrap().subscribed.expect("it was subscribed before the offer");
    (subscribed.duration_since(began), offered.1.duration_since(began))
}

/// Compares what the framework was told with what the cluster knows.
pub(crate) fn nothing_is_lost(cluster: &Cluster, seen: &Seen) {
    let states = cluster.operator.states();
    for task in &seen.accepted {
        assert_eq!(states.get(task), Some(&v1::TaskState::TaskFinished), "{task}");
        assert_eq!(seen.ended.get(task), Some(&1), "endings of {task}");
    }
    for (task, refusal) in &seen.refused {
        assert!(!states.contains_key(task), "{task} exists although refused: {refusal}");
    }
    assert_eq!(states.len(), seen.accepted.len(), "tasks that nobody was told of");
    let reasons: BTreeSet<&String> = seen.refused.values().collect();
    println!("failover: refusals: {reasons:?}");
    println!(
        "failover: {} tasks accepted, {} refused, {} subscriptions",
        seen.accepted.len(),
        seen.refused.len(),
        seen.subscriptions
    );
}
