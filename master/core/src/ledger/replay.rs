//! The log once more: entries applied to a ledger that nobody serves from, for whoever asks what
//! has happened. Refusals were answered then, and say nothing now.

use super::{
    Event, Ledger, Stamp,
    codec::{CodecError, decode_batch},
};
use crate::consensus::commands_of;
use raft::eraftpb::Entry;

impl Ledger {
    /// Applies a committed entry as every member did; `seen` has each fact with the ledger as it is
    /// after the command that made it. Answers when the entry was written.
    ///
    /// # Errors
    /// When its commands cannot be read: another version wrote them, or they are damaged.
    ///
    /// # Panics
    /// When it is not the one after the last that was applied.
    pub fn replay(
        &mut self,
        entry: &Entry,
        seen: &mut dyn FnMut(&Self, Stamp, &Event),
    ) -> Result<Stamp, CodecError> {
        assert_eq!(entry.index, self.applied().index + 1, "entries are applied in their order");
        let mut stamp = Stamp { index: entry.index, term: entry.term, ..self.applied() };
        let written = commands_of(entry);
        let mut events = Vec::new();
        if !written.is_empty() {
            let batch = decode_batch(written)?;
            stamp = Stamp { time: batch.time.max(stamp.time), wall: batch.wall, ..stamp };
            for command in &batch.commands {
                // Refused then is refused now, and changes nothing.
                let _ = self.apply(stamp, command, &mut events);
                events.drain(..).for_each(|event| seen(self, stamp, &event));
            }
        }
        self.set_applied(stamp);
        Ok(stamp)
    }
}
