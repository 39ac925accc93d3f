//! The process's one recorder, and the page on which it is read.
//!
//! Whoever starts first installs it, all others use it: where masters and agents live in one
//! process, each one's page has the series of all. What the series are is said by who writes them.

use axum::{Router, routing::get};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use proto::{
    convert::refusal::write_refusal,
    model::{Reason, Refusal},
    wire::v1,
};
use std::sync::OnceLock;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// From a tenth of a millisecond, a fast disk, to ten seconds, a lost quorum.
const SECONDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the recorder, once; `None` when somebody else's is in place.
///
/// To be called before the first series is written, and by everybody who writes any. Histograms are
/// those whose names end in `_seconds`.
pub fn install() -> Option<&'static PrometheusHandle> {
    let install = || {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .expect("the list of buckets is not empty")
            .install_recorder()
            .ok()
    };
    RECORDER.get_or_init(install).as_ref()
}

/// Serves `/metrics` until told to stop.
pub fn serve(listener: TcpListener, stop: CancellationToken) -> JoinHandle<()> {
    let router = Router::new().route("/metrics", get(async || page()));
    tokio::spawn(async move {
        let served =
            axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the metrics page ended");
        }
    })
}

/// The label of a refusal: as in the schema.
pub fn reason_name(reason: Reason) -> &'static str {
    let number = write_refusal(&Refusal::new(reason, "")).reason;
    v1::RefusalReason::try_from(number).expect("every reason is in the schema").as_str_name()
}

fn page() -> String {
    match install() {
        Some(handle) => {
            handle.run_upkeep();
            handle.render()
        }
        None => "# another recorder is installed in this process\n".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    async fn read() -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let mut socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stop = CancellationToken::new();
        let page = serve(listener, stop.clone());
        let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        socket.write_all(request).await.unwrap();
        let mut text = String::new();
        socket.read_to_string(&mut text).await.unwrap();
        stop.cancel();
        page.await.unwrap();
        text
    }

    /// As a master and an agent of one process: whoever comes second loses nothing.
    #[tokio::test]
    async fn every_page_has_what_everybody_wrote() {
        install();
        ::metrics::counter!("edge_first_total").increment(1);
        install();
        ::metrics::histogram!("edge_second_seconds").record(0.002);
        for page in [read().await, read().await] {
            assert!(page.contains("edge_first_total 1"), "{page}");
            assert!(page.contains("edge_second_seconds_bucket{le=\"0.0025\"} 1"), "{page}");
        }
    }
}
