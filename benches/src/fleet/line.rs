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
use proto::wire::v1::MasterMessage;
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::time;

/// What the other side may send ahead of us.
const WINDOW_BYTES: u32 = 64 * 1_024;
/// Pause before a broken line is opened again; each line has its own, so that not all come back in
/// the same moment.
const PAUSE_MIN_MS: u64 = 100;
const PAUSE_SPREAD_MS: u64 = 400;
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
    /// Who leads, if a master said so.
    leader: Option<SocketAddr>,
}

impl Line {
    pub(crate) fn new(number: usize, agents: Vec<Agent>, shared: Arc<Shared>) -> Self {
        Self { number, agents, shared, attempts: 0, leader: None }
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
                let spread =
                    (self.number as u64 * 7_919 + self.attempts as u64 * 104_729) % PAUSE_SPREAD_MS;
                time::sleep(Duration::from_millis(PAUSE_MIN_MS + spread)).await;
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
        let sessions = self.agents.iter_mut().map(|agent| session(agent, client.clone(), &shared));
        let sessions = futures_util::future::select_all(sessions.map(Box::pin));
        tokio::select! {
            ended = connection => ended.map(|()| None).map_err(Into::into),
            (outcome, _, _) = sessions => outcome,
        }
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
