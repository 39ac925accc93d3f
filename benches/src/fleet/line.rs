//! One connection and the agents on it: opened, kept, and opened again when it breaks.

use super::{
    Shared,
    agent::{Agent, Heard},
    dial::dial,
    frames::Frames,
};
use bytes::{Bytes, BytesMut};
use h2::{RecvStream, SendStream, client::SendRequest};
use prost::Message as _;
use proto::{
    model::jitter::{Backoff, Jitter},
    wire::v1::MasterMessage,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time;

/// What the other side may send ahead of us.
const WINDOW_BYTES: u32 = 64 * 1_024;
/// Pauses before a broken line is opened again, as agents make them.
const RECONNECT: Backoff =
    Backoff { min: proto::model::Duration(100), max: proto::model::Duration(15_000) };
/// Heartbeats of different agents fall on different moments.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection and who is on it.
#[derive(Debug)]
pub(crate) struct Line {
    number: usize,
    agents: Vec<Agent>,
    shared: Arc<Shared>,
    /// Grows with every attempt: the next master of the list.
    attempts: usize,
    /// Attempts since an agent was registered on it.
    failures: u32,
    jitter: Jitter,
    /// Who leads, if a master said so.
    leader: Option<SocketAddr>,
}

impl Line {
    pub(crate) fn new(number: usize, agents: Vec<Agent>, shared: Arc<Shared>) -> Self {
        let jitter = Jitter::new(number as u64);
        Self { number, agents, shared, attempts: 0, failures: 0, jitter, leader: None }
    }

    pub(crate) async fn run(mut self) {
        loop {
            // Whatever ended it, it is tried again; who waits for agents has a deadline.
            let redirected = self.connect().await.is_ok_and(|leader| {
                self.leader = leader;
                leader.is_some()
            });
            self.attempts += 1;
            if !redirected {
                let pause = self.jitter.pause(RECONNECT, self.failures);
                self.failures = self.failures.saturating_add(1);
                time::sleep(Duration::from_millis(pause.0)).await;
            }
        }
    }

    /// One connection from its beginning to its end; answers with the leader, if somebody named
    /// one.
    async fn connect(&mut self) -> anyhow::Result<Option<SocketAddr>> {
        let shared = Arc::clone(&self.shared);
        let masters = &shared.target.masters;
        let master = self.leader.take().unwrap_or(masters[self.attempts % masters.len()]);
        let first = self.agents.first().expect("a line has agents").number;
        let permit = shared.dials.acquire().await?;
        let dialled = dial(master, self.number, first, shared.identities.as_ref());
        let socket = time::timeout(PATIENCE, dialled).await??;
        let (client, connection) = h2::client::Builder::new()
            .initial_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_send_buffer_size(WINDOW_BYTES as usize)
            .enable_push(false)
            .handshake::<_, Bytes>(socket)
            .await?;
        drop(permit);
        let is_welcome = AtomicBool::new(false);
        let sessions = self.agents.iter_mut();
        let sessions = sessions.map(|agent| session(agent, client.clone(), &shared, &is_welcome));
        let sessions = futures_util::future::select_all(sessions.map(Box::pin));
        let outcome = tokio::select! {
            ended = connection => ended.map(|()| None).map_err(Into::into),
            (outcome, _, _) = sessions => outcome,
        };
        if is_welcome.into_inner() {
            self.failures = 0;
        }
        outcome
    }
}

/// Counts an agent as registered for as long as it lives.
struct Present<'a>(&'a Shared);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.registered.fetch_sub(1, Relaxed);
    }
}

/// One agent's stream; ends when the master ends it.
async fn session(
    agent: &mut Agent,
    client: SendRequest<Bytes>,
    shared: &Shared,
    is_welcome: &AtomicBool,
) -> anyhow::Result<Option<SocketAddr>> {
    let (mut sending, mut receiving) = open(agent, client).await?;
    let (mut frames, mut out) = (Frames::default(), BytesMut::new());
    let mut present = None;
    let mut interval = PATIENCE;
    let mut refused = None;
    let mut next = Box::pin(time::sleep(PATIENCE));
    loop {
        tokio::select! {
            data = receiving.data() => {
                let Some(data) = data.transpose()? else { return Ok(None) };
                let length = data.len();
                frames.take(data, |message| {
                    let message = MasterMessage::decode(message)?.message;
                    let Some(order) = message else { return Ok(()) };
                    match agent.hear(order, shared.begun, &mut out) {
                        Heard::Nothing => {}
                        Heard::Registered { interval_ms } if present.is_none() => {
                            shared.registered.fetch_add(1, Relaxed);
                            shared.registrations.fetch_add(1, Relaxed);
                            present = Some(Present(shared));
                            is_welcome.store(true, Relaxed);
                            interval = Duration::from_millis(interval_ms);
                            // The first one anywhere in an interval: agents do not beat in step.
                            let phase = interval.mul_f64((agent.number % 997) as f64 / 997.0);
                            next.as_mut().reset(time::Instant::now() + phase);
                        }
                        Heard::Registered { .. } => {}
                        Heard::Refused { leader } => {
                            shared.refusals.fetch_add(1, Relaxed);
                            refused = Some(leader.and_then(|leader| leader.parse().ok()));
                        }
                    }
                    Ok(())
                })?;
                receiving.flow_control().release_capacity(length)?;
            }
            () = &mut next => {
                agent.heartbeat(&mut out);
                next.as_mut().reset(time::Instant::now() + interval);
            }
        }
        if let Some(leader) = refused {
            return Ok(leader);
        }
        if !out.is_empty() {
            sending.send_data(out.split().freeze(), false)?;
            // Silent most of the time, and then without memory.
            out = BytesMut::new();
        }
    }
}

async fn open(
    agent: &Agent,
    client: SendRequest<Bytes>,
) -> anyhow::Result<(SendStream<Bytes>, RecvStream)> {
    let mut client = client.ready().await?;
    let request = http::Request::post("http://master/bourse.v1.Agent/Connect")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())?;
    let (response, mut sending) = client.send_request(request, false)?;
    let mut out = BytesMut::new();
    agent.register(&mut out);
    sending.send_data(out.freeze(), false)?;
    let response = response.await?;
    anyhow::ensure!(response.status() == 200, "a master answered {}", response.status());
    Ok((sending, response.into_body()))
}
