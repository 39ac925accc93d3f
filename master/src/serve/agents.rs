//! The `Agent` service: one stream each way.
//!
//! The first message says which agent it is. Each message is read into the model here; one that
//! cannot be read ends the stream with the reason, because what an agent says in order must not
//! have holes.

use super::gateway::{Gateway, caller};
use crate::{
    inbox::{Arrival, Sink},
    outbound::{Cutter, Outbound, OutboundStream, outbound},
};
use edge::identity::Caller;
use futures_util::{Stream, StreamExt};
use master_core::{Input, input::StreamId};
use proto::{
    convert::{
        orders::{read_agent_message, write_master_message},
        refusal::{from_status, to_status},
    },
    model::{AgentCall, Order, Principal, Reason, Refusal, limits, principal::PrincipalKind},
    wire::v1::{self, agent_server::Agent},
};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time;
use tonic::{Request, Response, Status, Streaming};

/// Within this an agent says who it is, or loses the connection.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(10);

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct AgentService(pub(crate) Arc<Gateway>);

/// The stream of orders.
#[derive(Debug)]
pub(crate) struct OrderStream(OutboundStream<(u64, Order)>);

/// The reading of one agent's messages.
struct Reader {
    gateway: Arc<Gateway>,
    stream: StreamId,
    messages: Streaming<v1::AgentMessage>,
    cutter: Cutter<(u64, Order)>,
}

#[tonic::async_trait]
impl Agent for AgentService {
    type ConnectStream = OrderStream;

    async fn connect(
        &self,
        request: Request<Streaming<v1::AgentMessage>>,
    ) -> Result<Response<OrderStream>, Status> {
        let caller = caller(request.extensions());
        let stream = self.0.next_stream();
        let inbox = Arc::clone(&self.0.inbox);
        let (sender, orders) =
            outbound(limits::OUTBOUND_MESSAGES_MAX, move || inbox.closed(stream));
        let (gateway, messages) = (Arc::clone(&self.0), request.into_inner());
        let reader = Reader { gateway, stream, messages, cutter: sender.cutter() };
        tokio::spawn(reader.run(caller, sender));
        Ok(Response::new(OrderStream(orders)))
    }
}

impl Reader {
    async fn run(mut self, caller: Caller, sender: Outbound<(u64, Order)>) {
        // When the orders end, so does the reading: the core has closed the stream or the agent
        // left.
        let over = self.cutter.over();
        let outcome = tokio::select! {
            () = over => Ok(()),
            outcome = self.read_all(caller, sender) => outcome,
        };
        if let Err(refusal) = outcome {
            crate::metrics::refused(&self.gateway.node_label, refusal.reason);
            self.cutter.refuse(refusal);
        }
        // Once the client has ended its direction, nothing keeps the other one open.
        self.gateway.inbox.closed(self.stream);
    }

    async fn read_all(
        &mut self,
        caller: Caller,
        sender: Outbound<(u64, Order)>,
    ) -> Result<(), Refusal> {
        let first = match self.first().await {
            Ok(Some(first)) => first,
            Ok(None) => {
                sender.finish();
                return Ok(());
            }
            Err(refusal) => {
                sender.refuse(refusal.clone());
                return Err(refusal);
            }
        };
        let principal = self.principal(&caller, &first);
        let input = self.input(&principal, first);
        let arrival = Arrival::Stream(self.stream, Sink::Agent(sender), input);
        if self.gateway.inbox.offer(arrival).await.is_err() {
            return Ok(());
        }
        while let Some(message) = self.next().await? {
            let arrival = Arrival::Input(self.input(&principal, message));
            if self.gateway.inbox.offer(arrival).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn first(&mut self) -> Result<Option<AgentCall>, Refusal> {
        time::timeout(REGISTER_TIMEOUT, self.next()).await.unwrap_or_else(|_| {
            let message = format!("no registration came within {} s", REGISTER_TIMEOUT.as_secs());
            Err(Refusal::new(Reason::InvalidField, message).at("register"))
        })
    }

    /// The next message, or nothing when the agent has gone.
    async fn next(&mut self) -> Result<Option<AgentCall>, Refusal> {
        match self.messages.message().await {
            Ok(Some(message)) => read_agent_message(message).map(Some),
            Ok(None) => Ok(None),
            // Too large or no message; a broken connection ends here as well and hears nothing.
            Err(status) => Err(from_status(&status)),
        }
    }

    fn principal(&self, caller: &Caller, first: &AgentCall) -> Principal {
        let claimed = match first {
            AgentCall::Register { info, .. } => info.id.as_str(),
            // The core refuses the message; whose it is does not matter.
            AgentCall::Heartbeat | AgentCall::Update { .. } | AgentCall::Volume(_) => "insecure",
        };
        caller.or_claimed(PrincipalKind::Agent, claimed, &self.gateway.cluster)
    }

    fn input(&self, principal: &Principal, message: AgentCall) -> Input {
        Input::AgentMessage { stream: self.stream, principal: principal.clone(), message }
    }
}

impl Stream for OrderStream {
    type Item = Result<v1::MasterMessage, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context).map(|item| {
            Some(match item? {
                Ok((term, order)) => Ok(write_master_message(term, &order)),
                Err(refusal) => Err(to_status(&refusal)),
            })
        })
    }
}
