//! Certificates that do not say what they should, or are not there.

use crate::rig::{
    Cluster, Daemon, Isolation, Operator, Pki, Security, Shape, bourse, channel, holds, refusal_of,
    run,
};
use proto::{
    model::Reason,
    wire::v1::{self, scheduler_client::SchedulerClient},
};
use tonic::Status;

const SECURE: Shape<'_> = Shape { name: "guarded", masters: 1, secure: true, flags: &[] };

fn refused(security: Security, cluster: &Cluster) -> Status {
    let stranger = Operator::new(cluster.addresses(), security);
    stranger.cluster_at(cluster.addresses()[0]).expect_err("refused")
}

#[test]
fn only_who_may_call_gets_an_answer() {
    let cluster = Cluster::start(SECURE);
    let before = cluster.operator.cluster();
    // A master may: one that joins asks who is there.
    for (kind, id) in [("framework", "curious"), ("agent", "curious")] {
        let status = refused(cluster.security(kind, id), &cluster);
        assert_eq!(refusal_of(&status).reason, Reason::NotAuthorized, "{kind}: {status:?}");
    }
    // The binary's own words for it.
    let mut command = bourse(&cluster.home);
    let flags = cluster.client_flags("framework", "curious");
    let problem = run(command.arg("status").args(flags)).failure();
    assert!(problem.contains("framework may not call"), "{problem}");
    // Nor does an operator run jobs; it is told with what they are.
    let mut command = bourse(&cluster.home);
    let flags = cluster.client_flags("operator", "live-test");
    let problem = run(command.arg("run").args(flags).args(["--", "true"])).failure();
    assert!(problem.contains("framework.toml"), "{problem}");
    // An operator does not launch tasks.
    let subscribed = cluster.operator.block_on(async {
        let security = cluster.security("operator", "live-test");
        let channel = channel(cluster.addresses()[0], &security, "master.bourse.internal");
        let request = v1::SubscribeRequest::default();
        SchedulerClient::new(channel).subscribe(request).await.map(|_| ())
    });
    let reason = refusal_of(&subscribed.expect_err("refused")).reason;
    assert_eq!(reason, Reason::NotAuthorized);
    let after = cluster.operator.cluster();
    assert_eq!(
        (after.ledger_digest, after.applied_index),
        (before.ledger_digest, before.applied_index)
    );
    cluster.finish();
}

#[test]
fn without_a_certificate_of_the_cluster_there_is_no_answer() {
    let cluster = Cluster::start(SECURE);
    let before = cluster.operator.cluster();
    // Plain text to a listener that wants TLS: the transport fails, in one way or another.
    let status = refused(Security::Insecure, &cluster);
    assert!(status.details().is_empty(), "no answer of the API: {status:?}");
    // A certificate of another authority, for the same cluster and of the right kind.
    let other = Pki::new(&cluster.home, "forged", "guarded", cluster.host);
    let (certificate, key) = other.issue(&cluster.home, "operator", "live-test");
    let ca = cluster.pki.as_ref().unwrap().ca();
    let status = refused(Security::Tls(ca, certificate, key), &cluster);
    assert!(status.details().is_empty(), "no answer of the API: {status:?}");
    // The right authority, another cluster's name.
    let cluster_pki = cluster.home.path().join("pki");
    let mut command = bourse(&cluster.home);
    command.args(["certificates", "--cluster", "elsewhere", "--directory"]).arg(&cluster_pki);
    run(command.args(["operator", "stray"])).success();
    let files = ["ca.pem", "operator-stray.pem", "operator-stray.key"];
    let [ca, certificate, key] = files.map(|file| cluster_pki.join(file));
    let status = refused(Security::Tls(ca, certificate, key), &cluster);
    assert_eq!(refusal_of(&status).reason, Reason::Unauthenticated, "{status:?}");
    let after = cluster.operator.cluster();
    assert_eq!(
        (after.ledger_digest, after.applied_index),
        (before.ledger_digest, before.applied_index)
    );
    cluster.finish();
}

#[test]
fn an_agent_of_another_cluster_does_not_get_in() {
    let mut cluster = Cluster::start(SECURE);
    cluster.prepare_agent("stray", Isolation::Emulated(1), "cpus:1;mem:64");
    let forged = Pki::new(&cluster.home, "forged", "elsewhere", cluster.host);
    forged.issue(&cluster.home, "agent", "stray");
    let before = cluster.operator.cluster();
    let certificates = forged.flags("tls-", "agent", "stray");
    let certificates: Vec<&str> = certificates.iter().map(String::as_str).collect();
    let command = cluster.agent_command("stray", &certificates);
    let daemon = Daemon::start(command, &cluster.home.path().join("logs").join("forged.log"));
    holds("the agent says why it cannot connect", || {
        let log = daemon.log().to_lowercase();
        log.contains("certificate") && (log.contains("unknown") || log.contains("invalid"))
    });
    assert!(cluster.operator.agents().is_empty(), "it is not registered");
    let after = cluster.operator.cluster();
    assert_eq!(after.ledger_digest, before.ledger_digest);
    assert_eq!(after.applied_index, before.applied_index);
    assert!(daemon.terminate().success());
    cluster.finish();
}

#[test]
fn an_agent_is_who_its_certificate_says() {
    let mut cluster = Cluster::start(SECURE);
    cluster.prepare_agent("stray", Isolation::Emulated(1), "cpus:1;mem:64");
    let problem = run(&mut cluster.agent_command("stray", &["--agent-id=another"])).failure();
    assert!(problem.contains("another") && problem.contains("stray"), "{problem}");
    assert!(cluster.operator.agents().is_empty(), "it is not registered");
    cluster.finish();
}
