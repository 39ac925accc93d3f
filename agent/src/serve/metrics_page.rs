//! Metrics: recorded once for the process, read as text under `/metrics`.
//!
//! The names are those of [`describe`]. A process has one recorder; where a master runs in the same
//! one, whichever comes first owns it, and its page shows both.

use crate::run::Figures;
use axum::{Router, routing::get};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use proto::model::TaskState;
use std::{io, sync::OnceLock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const LAUNCH: &str = "bourse_agent_container_launch_seconds";
const COMMIT: &str = "bourse_agent_journal_commit_seconds";
const BUCKETS_SECONDS: &[f64] =
    &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// The recorder of this process, if it is ours.
pub(crate) fn recorder() -> Option<PrometheusHandle> {
    static OURS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets(BUCKETS_SECONDS).ok()?;
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        Some(handle)
    };
    let handle = OURS.get_or_init(install).clone();
    describe();
    handle
}

fn describe() {
    describe_gauge!("bourse_agent_tasks", "Tasks in the journal, by state");
    describe_gauge!("bourse_agent_updates_pending", "Tasks with updates that no leader confirmed");
    describe_gauge!("bourse_agent_connected", "1 while registered with a leader");
    describe_counter!("bourse_agent_reconnects_total", "Attempts to connect after the first");
    describe_counter!("bourse_agent_stale_orders_total", "Orders of a term that was over");
    describe_histogram!(LAUNCH, Unit::Seconds, "From the order to the running task");
    describe_histogram!(COMMIT, Unit::Seconds, "One commit of the journal");
}

/// Sets the gauges.
pub(crate) fn publish(figures: &Figures) {
    let ours = [TaskState::Staging, TaskState::Running, TaskState::Killing];
    let ends = TaskState::ALL.into_iter().filter(|state| state.is_terminal());
    for state in ours.into_iter().chain(ends) {
        let count = figures.tasks.get(&state).copied().unwrap_or(0);
        gauge!("bourse_agent_tasks", "state" => state.name()).set(f64::from(count));
    }
    gauge!("bourse_agent_updates_pending").set(f64::from(figures.unconfirmed));
    gauge!("bourse_agent_connected").set(f64::from(u8::from(figures.registered)));
    counter!("bourse_agent_stale_orders_total").absolute(figures.stale_orders);
}

/// Serves the page until the agent ends.
pub(crate) async fn serve(
    listener: TcpListener,
    handle: Option<PrometheusHandle>,
    ending: CancellationToken,
) -> io::Result<()> {
    let page = move || async move {
        match &handle {
            Some(handle) => {
                handle.run_upkeep();
                handle.render()
            }
            None => "# another part of this process has the metrics\n".to_owned(),
        }
    };
    let routes = Router::new().route("/metrics", get(page));
    axum::serve(listener, routes).with_graceful_shutdown(ending.cancelled_owned()).await
}
