//! Where masters answer, told to everybody who is connected: a connection must outlive any of them.

use crate::{
    input::StreamId,
    intake::{Turn, sessions::Party},
};
use proto::model::{Order, SchedulerEvent};

impl Turn<'_> {
    /// To whoever was just let in.
    pub(crate) fn tell_masters(&mut self, stream: StreamId) {
        let masters = self.ledger.members().addresses();
        match self.leader.sessions.party(stream) {
            Some(Party::Framework(_)) => {
                self.tell_framework(stream, SchedulerEvent::Masters(masters));
            }
            Some(Party::Agent(_)) => self.tell_agent(stream, Order::Masters(masters)),
            _ => {}
        }
    }

    /// To everybody, because they have changed.
    pub(crate) fn masters_changed(&mut self) {
        let streams: Vec<_> = self.leader.sessions.streams().map(|(stream, _)| stream).collect();
        for stream in streams {
            self.tell_masters(stream);
        }
    }
}
