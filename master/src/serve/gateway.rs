//! From a service to the core and back: numbers for calls and streams, and the wait for an answer.

use crate::inbox::{Arrival, Inbox, stopping};
use edge::identity::Caller;
use master_core::{
    Input,
    input::{CallId, StreamId},
    outbox::Answer,
};
use proto::{
    convert::refusal::to_status,
    model::{ClusterId, NodeId, Reason, Refusal},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::oneshot;
use tonic::{Extensions, Status};

/// What every service holds.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) cluster: ClusterId,
    pub(crate) node: NodeId,
    pub(crate) node_label: Arc<str>,
    next_number: AtomicU64,
}

impl Gateway {
    pub(crate) fn new(inbox: Arc<Inbox>, cluster: ClusterId, node: NodeId) -> Self {
        let node_label = node.to_string().into();
        Self { inbox, cluster, node, node_label, next_number: AtomicU64::new(1) }
    }

    /// Never used before in this process.
    pub(crate) fn next_stream(&self) -> StreamId {
        StreamId(self.next_number.fetch_add(1, Ordering::Relaxed))
    }

    /// Asks the core and waits. A caller that goes away does not undo what it asked for.
    pub(crate) async fn call(&self, make: impl FnOnce(CallId) -> Input) -> Result<Answer, Status> {
        let call = CallId(self.next_number.fetch_add(1, Ordering::Relaxed));
        let (reply, answer) = oneshot::channel();
        let arrival = Arrival::Call(call, reply, make(call));
        if self.inbox.offer(arrival).await.is_err() {
            return Err(self.refuse(&stopping()));
        }
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(refusal)) => Err(self.refuse(&refusal)),
            // It was handed over and never answered: it may be in the log.
            Err(_) => {
                let message = "this master stopped before it could answer";
                Err(self.refuse(&Refusal::new(Reason::OutcomeUnknown, message)))
            }
        }
    }

    /// A refusal on its way out, counted.
    pub(crate) fn refuse(&self, refusal: &Refusal) -> Status {
        crate::metrics::refused(&self.node_label, refusal.reason);
        to_status(refusal)
    }
}

/// Who makes the call; the gate has put it there.
pub(crate) fn caller(extensions: &Extensions) -> Caller {
    extensions.get::<Caller>().expect("no service is reached around the gate").clone()
}

/// An answer of a kind that the call does not have: the core is torn.
pub(crate) fn unexpected(answer: &Answer) -> ! {
    panic!("the core answered a call with {answer:?}")
}
