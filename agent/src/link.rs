//! The stream to the leading master.
//!
//! One stream at a time, each under the number that the core gave it. The core decides when to
//! connect and whether to register; this file finds a master, carries messages, and says when the
//! stream ends. A stream whose master does not keep up is closed: memory is bounded, and all that
//! was on it is said again after the next registration.

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
    model::{AgentCall, Masters, Order, limits},
    wire::v1::{self, agent_client::AgentClient},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
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
    /// As the settings have them.
    given: Vec<String>,
    /// As the last leader named them.
    heard: Arc<Mutex<Masters>>,
    next: usize,
    credentials: Option<Credentials>,
    inputs: mpsc::Sender<Input>,
    current: Option<Stream>,
    connections: u64,
}

#[derive(Debug)]
struct Stream {
    session: u64,
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

impl Link {
    /// `first` chooses which master is tried first, so that agents spread.
    pub(crate) fn new(
        masters: Vec<String>,
        first: u64,
        credentials: Option<Credentials>,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let count = u64::try_from(masters.len().max(1)).unwrap_or(1);
        let next = usize::try_from(first % count).unwrap_or(0);
        Self {
            given: masters,
            heard: Arc::default(),
            next,
            credentials,
            inputs,
            current: None,
            connections: 0,
        }
    }

    /// Opens a stream to the leader if its address is known, else to the next master of the list.
    pub(crate) fn connect(&mut self, session: u64, leader: Option<String>) {
        self.disconnect(None);
        if self.connections > 0 {
            metrics::reconnecting();
        }
        self.connections += 1;
        let address = leader.unwrap_or_else(|| self.next_master());
        let (messages, outgoing) = mpsc::channel(limits::OUTBOUND_MESSAGES_MAX);
        let tls = self.credentials.as_ref().map(|own| (&own.tls, &own.principal.cluster));
        let connector = Connector::new(address.clone(), None, tls, PATIENCE);
        let (inputs, heard) = (self.inputs.clone(), Arc::clone(&self.heard));
        let task = tokio::spawn(async move {
            let talk = converse(&connector, session, outgoing, &inputs, &heard);
            // A conversation only ends with an error, be it the other side's farewell.
            if let Err(error) = talk.await {
                tracing::info!(session, master = address, error = %chain(&error), "stream ended");
            }
            let _ = inputs.send(Input::Disconnected { session }).await;
        });
        self.current = Some(Stream { session, messages, task: task.abort_handle() });
    }

    /// Closes the stream with this number, or whichever is open.
    pub(crate) fn disconnect(&mut self, session: Option<u64>) {
        let matches = |stream: &mut Stream| session.is_none_or(|wanted| wanted == stream.session);
        if let Some(stream) = self.current.take_if(matches) {
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

    fn next_master(&mut self) -> String {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let masters = heard.with_given(&self.given);
        self.next %= masters.len().max(1);
        let master = masters.get(self.next).cloned().unwrap_or_default();
        self.next += 1;
        master
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.disconnect(None);
    }
}

async fn converse(
    connector: &Connector,
    session: u64,
    outgoing: mpsc::Receiver<v1::AgentMessage>,
    inputs: &mpsc::Sender<Input>,
    heard: &Mutex<Masters>,
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
            heard.lock().unwrap_or_else(PoisonError::into_inner).learn(masters);
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
