//! The stream to the leading master.
//!
//! One stream at a time, each under the number that the core gave it. The core decides when to
//! connect and whether to register; this file finds a master, carries messages, and says when the
//! stream ends. A stream whose master does not keep up is closed: memory is bounded, and all that
//! was on it is said again after the next registration.

mod asking;

use crate::{identity::Credentials, metrics};
use agent_core::Input;
use edge::{
    connect::{Connector, Patience},
    errors::chain,
};
use proto::{
    convert::{
        orders::{read_master_message, write_agent_message},
        refusal::from_status,
    },
    model::{AgentCall, Order, Question, Reason, Rota, limits},
    wire::v1::{self, agent_client::AgentClient},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, task::AbortHandle};
use tokio_stream::wrappers::ReceiverStream;

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    probe_interval: Duration::from_secs(10),
    probe_timeout: Duration::from_secs(10),
};

/// Where masters are, and the stream to one of them.
#[derive(Debug)]
pub(crate) struct Link {
    /// The stream's task learns from what a leader says.
    rota: Arc<Mutex<Rota>>,
    credentials: Option<Credentials>,
    inputs: mpsc::Sender<Input>,
    current: Option<Stream>,
    /// The question about the leader, if one is asked.
    asking: Option<AbortHandle>,
    /// Whether a stream was opened before.
    was_opened: bool,
}

#[derive(Debug)]
struct Stream {
    session: u64,
    address: String,
    messages: mpsc::Sender<v1::AgentMessage>,
    task: AbortHandle,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    #[error("cannot connect")]
    Connect(#[source] tonic::transport::Error),
    #[error("the master ended the stream")]
    Status(#[source] Box<tonic::Status>),
    #[error("the master said something that makes no sense")]
    Message(#[source] proto::model::Refusal),
    #[error("the agent ends")]
    Ending,
}

impl LinkError {
    /// Whether the master has answered that it will lead in a moment.
    fn is_not_ready(&self) -> bool {
        match self {
            Self::Status(status) => from_status(status).reason == Reason::NotReady,
            Self::Connect(_) | Self::Message(_) | Self::Ending => false,
        }
    }
}

impl Link {
    /// `first` chooses which master is tried first, so that agents spread.
    pub(crate) fn new(
        masters: Vec<String>,
        first: u64,
        credentials: Option<Credentials>,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let count = u64::try_from(masters.len().max(1)).unwrap_or(1);
        let first = usize::try_from(first % count).unwrap_or(0);
        let rota = Arc::new(Mutex::new(Rota::new(masters, first)));
        Self { rota, credentials, inputs, current: None, asking: None, was_opened: false }
    }

    /// Opens a stream to the leader if its address is known, else to the next master of the list.
    pub(crate) fn connect(&mut self, session: u64, leader: Option<String>) {
        self.disconnect(None);
        if std::mem::replace(&mut self.was_opened, true) {
            metrics::reconnecting();
        }
        let address = leader.or_else(|| lock(&self.rota).next_to_try()).unwrap_or_default();
        let (messages, outgoing) = mpsc::channel(limits::OUTBOUND_MESSAGES_MAX);
        let connector = self.connector(address.clone(), PATIENCE);
        let (inputs, rota) = (self.inputs.clone(), Arc::clone(&self.rota));
        let master = address.clone();
        let task = tokio::spawn(async move {
            let talk = converse(&connector, session, outgoing, &inputs, &rota);
            // A conversation only ends with an error, be it the other side's farewell.
            if let Err(error) = talk.await {
                tracing::info!(session, master, error = %chain(&error), "stream ended");
                if !error.is_not_ready() {
                    lock(&rota).pass_over(&master);
                }
            }
            let _ = inputs.send(Input::Disconnected { session }).await;
        });
        self.current = Some(Stream { session, address, messages, task: task.abort_handle() });
    }

    /// Asks another master than the silent one of this session who leads.
    pub(crate) fn find_leader(&mut self, session: u64, question: Question) {
        let Some(stream) = self.current.as_ref().filter(|stream| stream.session == session) else {
            return;
        };
        let address = lock(&self.rota).next_to_ask(&stream.address);
        let Some(address) = address else { return };
        tracing::info!(session, silent = stream.address, asked = address, "who leads?");
        let connector = self.connector(address, asking::PATIENCE);
        let inputs = self.inputs.clone();
        let task = tokio::spawn(async move {
            let answer = asking::ask(&connector, question.above_term).await;
            // A loop that has ended wants no answer.
            let _ = inputs.send(Input::LeaderFound { question: question.number, answer }).await;
        });
        self.stop_asking();
        self.asking = Some(task.abort_handle());
    }

    fn stop_asking(&mut self) {
        if let Some(task) = self.asking.take() {
            task.abort();
        }
    }

    fn connector(&self, address: String, patience: Patience) -> Connector {
        let tls = self.credentials.as_ref().map(|own| (&own.tls, &own.principal.cluster));
        Connector::new(address, None, tls, patience)
    }

    /// Closes the stream with this number, or whichever is open.
    pub(crate) fn disconnect(&mut self, session: Option<u64>) {
        let matches = |stream: &mut Stream| session.is_none_or(|wanted| wanted == stream.session);
        if let Some(stream) = self.current.take_if(matches) {
            // Not reached in time, or silent: the others come first.
            if !stream.task.is_finished() {
                lock(&self.rota).pass_over(&stream.address);
            }
            stream.task.abort();
        }
    }

    /// Says something on a stream, or nothing if it is not open any more. `false` if the master did
    /// not keep up and the stream was closed for it.
    pub(crate) fn send(&mut self, session: u64, call: &AgentCall) -> bool {
        let Some(stream) = self.current.as_ref().filter(|stream| stream.session == session) else {
            return true;
        };
        match stream.messages.try_send(write_agent_message(call)) {
            // Closed: the task has ended and has said so, or is about to.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::warn!(session, "the master does not keep up: the stream is closed");
                self.disconnect(Some(session));
                false
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.disconnect(None);
        self.stop_asking();
    }
}

fn lock(rota: &Mutex<Rota>) -> MutexGuard<'_, Rota> {
    rota.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn converse(
    connector: &Connector,
    session: u64,
    outgoing: mpsc::Receiver<v1::AgentMessage>,
    inputs: &mpsc::Sender<Input>,
    rota: &Mutex<Rota>,
) -> Result<(), LinkError> {
    let channel = connector.connect().await.map_err(LinkError::Connect)?;
    // Said before the call is answered: a master may wait for the registration before it answers.
    give(inputs, Input::Connected { session }).await?;
    let mut client = AgentClient::new(channel)
        .max_decoding_message_size(limits::CALL_BYTES_MAX)
        .max_encoding_message_size(limits::AGENT_MESSAGE_BYTES_MAX);
    let mut incoming = match client.connect(ReceiverStream::new(outgoing)).await {
        Ok(response) => response.into_inner(),
        Err(status) => return Err(refused(session, status, inputs).await),
    };
    loop {
        let message = match incoming.message().await {
            Ok(Some(message)) => message,
            Ok(None) => {
                let farewell = tonic::Status::unavailable("the stream was closed");
                return Err(LinkError::Status(Box::new(farewell)));
            }
            Err(status) => return Err(refused(session, status, inputs).await),
        };
        let (term, order) = read_master_message(message).map_err(LinkError::Message)?;
        if let Order::Refused(refusal) = &order {
            tracing::info!(session, reason = ?refusal.reason, %refusal, "refused by the master");
        }
        if let Order::Masters(masters) = &order {
            lock(rota).learn(masters);
        }
        give(inputs, Input::Order { session, term, order }).await?;
    }
}

/// A status may carry a refusal, such as who leads: the core decides what to make of it.
async fn refused(session: u64, status: tonic::Status, inputs: &mpsc::Sender<Input>) -> LinkError {
    let order = Order::Refused(from_status(&status));
    match give(inputs, Input::Order { session, term: 0, order }).await {
        Ok(()) => LinkError::Status(Box::new(status)),
        Err(error) => error,
    }
}

async fn give(inputs: &mpsc::Sender<Input>, input: Input) -> Result<(), LinkError> {
    inputs.send(input).await.map_err(|_| LinkError::Ending)
}
