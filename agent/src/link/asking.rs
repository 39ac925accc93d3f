//! The question who leads, asked of a master over a connection of its own.
//!
//! It has deadlines of its own, shorter than those of a stream: one that cannot answer is not
//! waited for, another one may know.

use edge::{
    connect::{Connector, Patience},
    errors::chain,
};
use proto::{
    convert::masters::read_leadership,
    model::{Leadership, doubt, limits},
    wire::v1::{FindLeaderRequest, leadership_client::LeadershipClient},
};
use std::time::Duration;
use tokio::time::timeout;

/// The connection lives as long as the question.
pub(super) const PATIENCE: Patience = Patience {
    connect: Duration::from_millis(doubt::CONNECT_TIMEOUT.as_ms()),
    probe_interval: Duration::from_secs(10),
    probe_timeout: Duration::from_secs(10),
};
const ANSWER_TIMEOUT: Duration = Duration::from_millis(doubt::ANSWER_TIMEOUT.as_ms());

#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("cannot connect")]
    Connect(#[source] tonic::transport::Error),
    #[error("the master does not say")]
    Status(#[source] Box<tonic::Status>),
    #[error("the master said something that makes no sense")]
    Answer(#[source] proto::model::Refusal),
    #[error("no answer in time")]
    Silent,
}

/// What the master says; nothing when it cannot be asked, or is older than the question.
pub(super) async fn ask(connector: &Connector, above_term: u64) -> Option<Leadership> {
    let answer = timeout(ANSWER_TIMEOUT, try_ask(connector, above_term)).await;
    match answer.unwrap_or(Err(AskError::Silent)) {
        Ok(leadership) => Some(leadership),
        Err(error) => {
            tracing::info!(error = %chain(&error), "the question who leads has no answer");
            None
        }
    }
}

async fn try_ask(connector: &Connector, above_term: u64) -> Result<Leadership, AskError> {
    let connected = timeout(PATIENCE.connect, connector.connect()).await;
    let channel = connected.map_err(|_| AskError::Silent)?.map_err(AskError::Connect)?;
    let mut client =
        LeadershipClient::new(channel).max_decoding_message_size(limits::CALL_BYTES_MAX);
    let answer = client.find_leader(FindLeaderRequest { above_term }).await;
    let answer = answer.map_err(|status| AskError::Status(Box::new(status)))?;
    read_leadership(answer.into_inner()).map_err(AskError::Answer)
}
