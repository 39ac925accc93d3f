//! A framework that calls more often than it may is told when to come back, comes back by itself,
//! and loses nothing but time.

use crate::rig::{Cluster, Isolation, Shape, bourse, metric, metrics_page, run};

#[test]
fn a_job_that_asks_too_much_succeeds_all_the_same() {
    let flags = &["--call-rates=default=10/2,probe=none"];
    let mut cluster = Cluster::start(Shape { name: "pushed", masters: 1, secure: false, flags });
    // Room for two at a time: launches and acknowledgements come one after the other.
    cluster.add_agent("one", Isolation::Emulated(10), "cpus:0.2;mem:256");
    let mut command = bourse(&cluster.home);
    command.arg("run").args(cluster.client_flags("framework", "batch"));
    run(command.args(["--quiet", "--instances=10", "--cpus=0.1", "--", "true"])).success();
    let page = metrics_page(cluster.masters[&1].metrics).unwrap();
    let refused = metric(&page, "bourse_master_refusals_total", "OVERLOADED").unwrap_or_default();
    assert!(refused >= 1.0, "nothing was pushed back: {page}");
    cluster.finish();
}
