//! What monitoring asks for: Prometheus pages, health, and the schemas by reflection.

use crate::rig::{
    Cluster, Isolation, Security, Shape, bourse, channel, holds, metric, metrics_page, run,
};
use std::net::SocketAddr;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const OF_MASTERS: [&str; 16] = [
    "bourse_master_leader",
    "bourse_master_serving",
    "bourse_master_term",
    "bourse_master_committed_index",
    "bourse_master_applied_index",
    "bourse_master_proposals_in_flight",
    "bourse_master_offers_live",
    "bourse_master_offers_total",
    "bourse_master_tasks_launched_total",
    "bourse_master_tasks",
    "bourse_master_agents",
    "bourse_master_frameworks",
    "bourse_master_queue_length",
    "bourse_master_commit_seconds",
    "bourse_log_fsync_seconds",
    "bourse_log_entries_total",
];

const OF_AGENTS: [&str; 5] = [
    "bourse_agent_tasks",
    "bourse_agent_updates_pending",
    "bourse_agent_connected",
    "bourse_agent_stale_orders_total",
    "bourse_agent_journal_commit_seconds",
];

fn page(address: SocketAddr) -> String {
    let text = metrics_page(address).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    text
}

#[test]
fn prometheus_finds_what_was_promised() {
    let shape = Shape { name: "measured", masters: 3, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("one", Isolation::Plain, "cpus:2;mem:256");
    let mut command = bourse(&cluster.home);
    command.arg("run").args(cluster.client_flags("framework", "batch"));
    run(command.args(["--instances=3", "--", "true"])).success();
    let leader = cluster.leader();
    let address = cluster.masters[&leader].metrics;
    let launched = |page: &str| metric(page, "bourse_master_tasks_launched_total", "");
    holds("the launches are counted", || launched(&page(address)) == Some(3.0));
    let text = page(address);
    for name in OF_MASTERS {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} in {text}");
    }
    assert_eq!(metric(&text, "bourse_master_leader", ""), Some(1.0));
    assert_eq!(metric(&text, "bourse_master_agents", ""), Some(1.0));
    assert_eq!(metric(&text, "bourse_master_tasks", "TASK_FINISHED"), Some(3.0));
    assert!(metric(&text, "bourse_log_fsync_seconds_count", "").is_some_and(|count| count > 0.0));
    for (id, node) in cluster.masters.iter().filter(|(id, _)| **id != leader) {
        holds("a follower says so", || {
            metric(&page(node.metrics), "bourse_master_leader", "") == Some(0.0)
        });
        assert_ne!(*id, leader);
    }
    let address = cluster.agents["one"].metrics;
    let text = page(address);
    for name in OF_AGENTS {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} in {text}");
    }
    let launches = "bourse_agent_container_launch_seconds_count";
    assert_eq!(metric(&text, launches, ""), Some(3.0), "{text}");
    assert_eq!(metric(&text, "bourse_agent_connected", ""), Some(1.0));
    cluster.finish();
}

/// 1 is serving, 2 is not.
async fn health(address: SocketAddr, security: &Security, name: &str, service: &str) -> i32 {
    let mut client = HealthClient::new(channel(address, security, name));
    let message = HealthCheckRequest { service: service.to_owned() };
    client.check(message).await.unwrap().into_inner().status
}

async fn services(address: SocketAddr, security: &Security, name: &str) -> Vec<String> {
    let mut client = ServerReflectionClient::new(channel(address, security, name));
    let question = MessageRequest::ListServices(String::new());
    let message = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let stream = tokio_stream::once(message);
    let mut answers = client.server_reflection_info(stream).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    list.service.into_iter().map(|service| service.name).collect()
}

#[test]
fn health_and_schemas_are_told() {
    let shape = Shape { name: "healthy", masters: 3, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("one", Isolation::Plain, "cpus:1;mem:64");
    let security = cluster.security("operator", "monitor");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let master = "master.bourse.internal";
    let leader = cluster.leader();
    for (id, node) in &cluster.masters {
        let ask = |service| runtime.block_on(health(node.api, &security, master, service));
        assert_eq!(ask(""), 1, "master {id} is up");
        let expected = if *id == leader { 1 } else { 2 };
        for service in ["bourse.v1.Scheduler", "bourse.v1.Operator", "bourse.v1.Agent"] {
            assert_eq!(ask(service), expected, "{service} of master {id}, {leader} leads");
        }
    }
    let found = runtime.block_on(services(cluster.masters[&leader].api, &security, master));
    for service in ["bourse.v1.Scheduler", "bourse.v1.Operator", "bourse.v1.Agent"] {
        assert!(found.iter().any(|name| name == service), "{service} in {found:?}");
    }
    let (agent, name) = (cluster.agents["one"].api, "one.agent.bourse.internal");
    assert_eq!(runtime.block_on(health(agent, &security, name, "")), 1);
    let found = runtime.block_on(services(agent, &security, name));
    assert!(found.iter().any(|name| name == "bourse.v1.Sandbox"), "{found:?}");
    cluster.finish();
}
