//! Operators who read the whole state, page after page, again and again.
//!
//! They look only at what they must (the token of the next page), so that it is the master's work
//! that is measured and not theirs.

use bytes::Bytes;
use edge::{
    connect::{Connector, Patience},
    tls::Tls,
};
use proto::wire::v1;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time};
use tonic::{Request, client::Grpc, codegen::http::uri::PathAndQuery, transport::Channel};
use tonic_prost::ProstCodec;

use crate::rows;

/// A page with the longest rows.
const ANSWER_BYTES_MAX: usize = 128 * 1_024 * 1_024;

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    probe_interval: Duration::from_secs(20),
    probe_timeout: Duration::from_secs(60),
};

/// The calls that together show everything.
const LISTINGS: [&str; 3] = ["ListAgents", "ListTasks", "ListFrameworks"];

/// Any listing's question: all have their page in the same place.
#[derive(Clone, PartialEq, prost::Message)]
struct Listing {
    #[prost(message, optional, tag = "1")]
    page: Option<v1::Page>,
}

/// Any listing's answer, its rows unread.
#[derive(Clone, PartialEq, prost::Message)]
struct Listed {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    rows: Vec<Bytes>,
    #[prost(string, tag = "2")]
    next_page_token: String,
}

/// Pollers at work until this is dropped.
#[derive(Debug)]
pub struct Pollers {
    tasks: JoinSet<()>,
    counts: Arc<Counts>,
}

/// What they have read.
#[derive(Debug, Default)]
struct Counts {
    states: AtomicU64,
    pages: AtomicU64,
    rows: AtomicU64,
    failures: AtomicU64,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Read {
    /// Whole states.
    pub states: u64,
    /// Pages.
    pub pages: u64,
    /// Rows on them.
    pub rows: u64,
    /// Calls that failed.
    pub failures: u64,
}

impl Pollers {
    /// So many of them, each on a connection of its own, each with this pause between two states.
    pub fn start(count: usize, master: SocketAddr, tls: Option<&Tls>, pause: Duration) -> Self {
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        let cluster = rows::cluster();
        let secure = tls.map(|tls| (tls, &cluster));
        let connector = Connector::new(master.to_string(), None, secure, PATIENCE);
        for _ in 0..count {
            let (counts, connector) = (Arc::clone(&counts), connector.clone());
            tasks.spawn(async move {
                while let Err(error) = poll(&connector, pause, &counts).await {
                    note(&error, &counts);
                    time::sleep(Duration::from_millis(100)).await;
                }
            });
        }
        Self { tasks, counts }
    }

    /// What they have read so far.
    pub fn read(&self) -> Read {
        let Counts { states, pages, rows, failures } = &*self.counts;
        let [states, pages, rows, failures] =
            [states, pages, rows, failures].map(|count| count.load(Relaxed));
        Read { states, pages, rows, failures }
    }

    /// Ends them.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// The first failure is shown, all are counted.
fn note(error: &anyhow::Error, counts: &Counts) {
    if counts.failures.fetch_add(1, Relaxed) == 0 {
        eprintln!("a poller failed: {error:#}");
    }
}

async fn poll(connector: &Connector, pause: Duration, counts: &Counts) -> anyhow::Result<()> {
    let channel = connector.connect().await?;
    let mut client = Grpc::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    loop {
        for listing in LISTINGS {
            let path = PathAndQuery::try_from(format!("/bourse.v1.Operator/{listing}"))?;
            read_all(&mut client, &path, counts).await?;
        }
        counts.states.fetch_add(1, Relaxed);
        time::sleep(pause).await;
    }
}

async fn read_all(
    client: &mut Grpc<Channel>,
    path: &PathAndQuery,
    counts: &Counts,
) -> anyhow::Result<()> {
    let mut token = String::new();
    loop {
        client.ready().await?;
        let page = Some(v1::Page { size: 1_000, token });
        let codec = ProstCodec::<Listing, Listed>::default();
        let request = Request::new(Listing { page });
        let listed = client.unary(request, path.clone(), codec).await?.into_inner();
        counts.pages.fetch_add(1, Relaxed);
        counts.rows.fetch_add(listed.rows.len() as u64, Relaxed);
        if listed.next_page_token.is_empty() {
            return Ok(());
        }
        token = listed.next_page_token;
    }
}
