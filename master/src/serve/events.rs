//! A framework's events on their way out, several batches of offers in one message.
//!
//! A message costs the same whether it carries one offer or a hundred, so that batches that wait
//! behind each other are joined, up to a size that any client takes.

use crate::outbound::OutboundStream;
use futures_util::{Stream, StreamExt};
use prost::Message as _;
use proto::{
    convert::{calls::write_event, offer::write_offer, refusal::to_status},
    model::{Offer, Refusal, SchedulerEvent},
    wire::v1::{self, event},
};
use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tonic::Status;

/// A quarter of what gRPC libraries take by default.
const OFFERS_BYTES: usize = 1_024 * 1_024;

/// The stream that answers a subscription.
#[derive(Debug)]
pub(crate) struct EventStream {
    events: OutboundStream<SchedulerEvent>,
    first: Option<SchedulerEvent>,
    /// Offers that did not fit into the message before.
    offers: VecDeque<Offer>,
}

impl EventStream {
    /// Waits for the first event: a refusal answers the call instead of opening the stream.
    pub(crate) async fn open(mut events: OutboundStream<SchedulerEvent>) -> Result<Self, Refusal> {
        match events.next().await {
            Some(Ok(SchedulerEvent::Error(refusal))) | Some(Err(refusal)) => Err(refusal),
            Some(Ok(first)) => Ok(Self { events, first: Some(first), offers: VecDeque::new() }),
            None => Err(crate::inbox::stopping()),
        }
    }

    /// As many offers as fit, at least one.
    fn write_offers(&mut self) -> v1::Event {
        let is_offers = |event: &SchedulerEvent| matches!(event, SchedulerEvent::Offers(_));
        let (mut offers, mut bytes) = (Vec::new(), 0);
        loop {
            while let Some(offer) = self.offers.pop_front() {
                let written = write_offer(&offer);
                bytes += written.encoded_len();
                if bytes > OFFERS_BYTES && !offers.is_empty() {
                    self.offers.push_front(offer);
                    return offers_event(offers);
                }
                offers.push(written);
            }
            match self.events.next_if(is_offers) {
                Some(SchedulerEvent::Offers(more)) => self.offers.extend(more),
                _ => return offers_event(offers),
            }
        }
    }
}

impl Stream for EventStream {
    type Item = Result<v1::Event, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if !this.offers.is_empty() {
            return Poll::Ready(Some(Ok(this.write_offers())));
        }
        let event = match this.first.take() {
            Some(first) => Some(Ok(first)),
            None => ready!(this.events.poll_next_unpin(context)),
        };
        Poll::Ready(match event {
            None => None,
            Some(Err(refusal)) => Some(Err(to_status(&refusal))),
            Some(Ok(SchedulerEvent::Offers(offers))) => {
                this.offers.extend(offers);
                Some(Ok(this.write_offers()))
            }
            Some(Ok(event)) => Some(Ok(write_event(&event))),
        })
    }
}

fn offers_event(offers: Vec<v1::Offer>) -> v1::Event {
    v1::Event { event: Some(event::Event::Offers(event::Offers { offers })) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::outbound;
    use proto::model::{AgentId, FrameworkId, OfferId, Reason, Resources, Role};

    fn offers(from: u64, count: u64, attribute_bytes: usize) -> SchedulerEvent {
        let offer = |number| Offer {
            reserved: Vec::new(),
            id: OfferId { term: 1, number },
            framework: FrameworkId(1),
            agent: AgentId::new("a").unwrap(),
            hostname: "x".repeat(attribute_bytes),
            role: Role::any(),
            resources: Resources::cpus_mem(1_000, 64),
            attributes: Vec::new(),
            domain: None,
            expires_in: None,
            unavailability: None,
            pieces: Vec::new(),
            revocable: false,
            volumes: Vec::new(),
        };
        SchedulerEvent::Offers((from..from + count).map(offer).collect())
    }

    fn count(event: Option<Result<v1::Event, Status>>) -> Option<usize> {
        match event?.unwrap().event? {
            event::Event::Offers(offers) => Some(offers.offers.len()),
            _ => None,
        }
    }

    #[tokio::test]
    async fn waiting_offers_are_joined_in_order_and_cut_by_size() {
        let (sender, events) = outbound(16, || {});
        sender.send(SchedulerEvent::Heartbeat).unwrap();
        sender.send(offers(1, 2, 1)).unwrap();
        sender.send(offers(3, 1, 1)).unwrap();
        sender.send(SchedulerEvent::Heartbeat).unwrap();
        sender.send(offers(4, 3, OFFERS_BYTES / 2)).unwrap();
        sender.finish();
        let mut events = EventStream::open(events).await.unwrap();
        assert_eq!(count(events.next().await), None, "the first event stays first");
        assert_eq!(count(events.next().await), Some(3));
        assert_eq!(count(events.next().await), None, "nothing overtakes");
        let mut rest = Vec::new();
        while let Some(event) = events.next().await {
            rest.push(count(Some(event)).unwrap());
        }
        assert_eq!(rest, [1, 1, 1]);
    }

    #[tokio::test]
    async fn a_refused_subscription_is_a_refused_call() {
        let (sender, events) = outbound(16, || {});
        let refusal = Refusal::new(Reason::NotLeader, "ask another");
        sender.send(SchedulerEvent::Error(refusal.clone())).unwrap();
        sender.finish();
        assert_eq!(EventStream::open(events).await.unwrap_err(), refusal);
    }
}
