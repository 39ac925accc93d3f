//! The stream of a watch: opened by the first event, or not at all.

use super::gateway::Gateway;
use crate::{
    inbox::{Arrival, Sink, stopping},
    outbound::{OutboundStream, outbound},
};
use futures_util::{Stream, StreamExt as _};
use master_core::Input;
use proto::{
    convert::{refusal::to_status, watch::read_watch_filter},
    model::{Principal, Refusal, WatchFilter, limits},
    wire::v1,
};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::Status;

/// The stream of a watch.
#[derive(Debug)]
pub(crate) struct WatchStream {
    first: Option<v1::ClusterEvent>,
    events: OutboundStream<v1::ClusterEvent>,
}

impl WatchStream {
    /// A watch that is refused is a refused call, not an opened stream.
    pub(super) async fn open(
        gateway: &Gateway,
        principal: Principal,
        request: v1::WatchRequest,
    ) -> Result<Self, Refusal> {
        let (after, filter) = read(request)?;
        let stream = gateway.next_stream();
        let inbox = Arc::clone(&gateway.inbox);
        let (sender, mut events) =
            outbound(limits::OUTBOUND_MESSAGES_MAX, move || inbox.closed(stream));
        let input = Input::OperatorWatch { stream, principal, after, filter };
        let arrival = Arrival::Stream(stream, Sink::Watcher(sender), input);
        gateway.inbox.offer(arrival).await.map_err(|_| stopping())?;
        match events.next().await {
            Some(Ok(first)) => Ok(Self { first: Some(first), events }),
            Some(Err(refusal)) => Err(refusal),
            None => Err(stopping()),
        }
    }
}

fn read(request: v1::WatchRequest) -> Result<(Option<u64>, WatchFilter), Refusal> {
    let filter =
        request.filter.map(|filter| read_watch_filter(filter).map_err(|no| no.under("filter")));
    Ok((request.after_sequence, filter.transpose()?.unwrap_or_default()))
}

impl Stream for WatchStream {
    type Item = Result<v1::ClusterEvent, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let item = self.events.poll_next_unpin(context);
        item.map(|item| item.map(|item| item.map_err(|refusal| to_status(&refusal))))
    }
}
