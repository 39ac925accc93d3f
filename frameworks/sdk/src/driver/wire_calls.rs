//! One function per direction: reading the event stream, making one call, and asking another master
//! who leads.
//!
//! An error without the API's own refusal in it comes from the transport: then it is not known
//! whether the call happened.

use super::Message;
use crate::model::{self, Leadership, SchedulerCall, Subscribe, doubt, limits};
use crate::session::{Answer, ConnectionId, Failure};
use proto::convert::calls::{WireCall, read_event, write_call, write_subscribe};
use proto::convert::masters::read_leadership;
use proto::convert::operation::read_accept_response;
use proto::convert::refusal::from_status;
use proto::wire::v1::{
    FindLeaderRequest, leadership_client::LeadershipClient, scheduler_client::SchedulerClient,
};
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

pub(super) type Client = SchedulerClient<Channel>;

/// Largest event: all offers of one cycle for a large cluster.
const EVENT_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// A call that takes longer is given up and sent again: a commit takes milliseconds, an election
/// a few seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// A master that cannot answer who leads is not waited for: another one may know.
const ASKED_CONNECT_TIMEOUT: Duration = Duration::from_millis(doubt::CONNECT_TIMEOUT.as_ms());
const ASKED_ANSWER_TIMEOUT: Duration = Duration::from_millis(doubt::ANSWER_TIMEOUT.as_ms());

/// Connects, subscribes and passes on what comes until the stream ends; then says why it did.
pub(super) async fn read_stream(
    endpoint: Option<Endpoint>,
    connection: ConnectionId,
    subscribe: Subscribe,
    sender: &mpsc::Sender<Message>,
) -> (Failure, Option<Status>) {
    let Some(endpoint) = endpoint else { return (Failure::Broken, None) };
    let channel = match endpoint.connect().await {
        Ok(channel) => channel,
        Err(error) => return (Failure::Broken, Some(Status::from_error(error.into()))),
    };
    let mut client = SchedulerClient::new(channel).max_decoding_message_size(EVENT_BYTES_MAX);
    let message = Message::Opened(connection, client.clone());
    if sender.send(message).await.is_err() {
        return (Failure::Broken, None);
    }
    let mut stream = match client.subscribe(write_subscribe(&subscribe)).await {
        Ok(response) => response.into_inner(),
        // Not a master: one that was here is gone, and its port is somebody else's now.
        Err(status) if status.code() == Code::Unimplemented => {
            return (Failure::Broken, Some(status));
        }
        Err(status) => return (failure(&status), Some(status)),
    };
    loop {
        let event = match stream.message().await {
            Ok(Some(event)) => event,
            Ok(None) => return (Failure::Broken, None),
            Err(status) => return (failure(&status), Some(status)),
        };
        match read_event(event) {
            Ok(event) => {
                if sender.send(Message::Event(connection, event)).await.is_err() {
                    return (Failure::Broken, None);
                }
            }
            // Not a master of ours, or a newer one: another may do better.
            Err(refusal) => {
                let status = Status::internal(format!("an event cannot be read: {refusal}"));
                return (Failure::Broken, Some(status));
            }
        }
    }
}

/// Makes one call.
pub(super) async fn call(
    client: Client,
    identity: model::Session,
    call: SchedulerCall,
) -> Result<Answer, Failure> {
    match tokio::time::timeout(CALL_TIMEOUT, send(client, write_call(identity, call))).await {
        Ok(answer) => answer.map_err(|status| failure(&status)),
        Err(_) => Err(Failure::Broken),
    }
}

async fn send(mut client: Client, call: WireCall) -> Result<Answer, Status> {
    match call {
        WireCall::Accept(request) => {
            let response = client.accept(request).await?.into_inner();
            let results = read_accept_response(response);
            // Of a newer master: that it held is known, what came of it is not.
            Ok(results.map_or(Answer::Done, Answer::Accepted))
        }
        WireCall::Decline(request) => client.decline(request).await.map(|_| Answer::Done),
        WireCall::Kill(request) => client.kill(request).await.map(|_| Answer::Done),
        WireCall::Acknowledge(request) => client.acknowledge(request).await.map(|_| Answer::Done),
        WireCall::Reconcile(request) => {
            let response = client.reconcile(request).await?;
            Ok(Answer::Reconciling(response.into_inner().task_count))
        }
        WireCall::Suppress(request) => client.suppress(request).await.map(|_| Answer::Done),
        WireCall::Revive(request) => client.revive(request).await.map(|_| Answer::Done),
        WireCall::ClearFilters(request) => {
            client.clear_filters(request).await.map(|_| Answer::Done)
        }
        WireCall::AnswerInverseOffers(request) => {
            client.answer_inverse_offers(request).await.map(|_| Answer::Done)
        }
        WireCall::Teardown(request) => client.teardown(request).await.map(|_| Answer::Done),
        WireCall::UpdateFramework(request) => {
            client.update_framework(request).await.map(|_| Answer::Done)
        }
        WireCall::StateDemand(request) => client.state_demand(request).await.map(|_| Answer::Done),
    }
}

/// Asks a master who leads, over a connection of its own; nothing when it cannot be asked, or is
/// older than the question.
pub(super) async fn find_leader(endpoint: Option<Endpoint>, above_term: u64) -> Option<Leadership> {
    let endpoint = endpoint?;
    let ask = async {
        let connecting = tokio::time::timeout(ASKED_CONNECT_TIMEOUT, endpoint.connect());
        let channel = connecting.await.ok()?.ok()?;
        let mut client =
            LeadershipClient::new(channel).max_decoding_message_size(limits::CALL_BYTES_MAX);
        let answer = client.find_leader(FindLeaderRequest { above_term }).await;
        let answer = answer.inspect_err(|status| tracing::debug!(%status, "no answer"));
        read_leadership(answer.ok()?.into_inner()).ok()
    };
    tokio::time::timeout(ASKED_ANSWER_TIMEOUT, ask).await.ok()?
}

fn failure(status: &Status) -> Failure {
    let is_transport = matches!(
        status.code(),
        Code::Unavailable
            | Code::Unknown
            | Code::Cancelled
            | Code::Internal
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::DataLoss
    );
    match status.details().is_empty() && is_transport {
        true => Failure::Broken,
        false => Failure::Refused(from_status(status)),
    }
}
