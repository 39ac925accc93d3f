//! Open streams: where the core's events go.

use crate::{
    inbox::Sink,
    outbound::{Lost, Outbound},
};
use master_core::input::StreamId;
use std::collections::BTreeMap;

/// By stream.
#[derive(Debug)]
pub(super) struct Sinks(BTreeMap<StreamId, Sink>);

impl Sinks {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    pub(super) fn insert(&mut self, stream: StreamId, sink: Sink) {
        let before = self.0.insert(stream, sink);
        assert!(before.is_none(), "stream numbers are never used again");
    }

    /// Forgets a stream after what was sent on it; answers whether it was still known.
    pub(super) fn remove(&mut self, stream: StreamId) -> bool {
        match self.0.remove(&stream) {
            None => return false,
            Some(Sink::Framework(outbound)) => outbound.finish(),
            Some(Sink::Agent(outbound)) => outbound.finish(),
            Some(Sink::Watcher(outbound)) => outbound.finish(),
        }
        true
    }

    pub(super) fn get(&self, stream: StreamId) -> Option<&Sink> {
        self.0.get(&stream)
    }

    /// Takes a stream out, to end it with something else than an orderly end.
    pub(super) fn take(&mut self, stream: StreamId) -> Option<Sink> {
        self.0.remove(&stream)
    }
}

/// Sends to a stream that may have ended; `Err` when it has to be cut.
pub(super) fn send<T>(outbound: Option<&Outbound<T>>, item: T) -> Result<(), Lost> {
    outbound.map_or(Ok(()), |outbound| outbound.send(item))
}
