//! A disk that keeps everything at once until it hangs, for masters that a story restarts.

use master_core::{
    Ledger,
    consensus::Restored,
    ledger::dump::{self, Restore},
    outbox::{Persist, SnapshotMark},
};
use proto::model::ClusterId;
use raft::eraftpb::{Entry, HardState, Message, MessageType};

pub(crate) type Dump = Vec<Vec<u8>>;

/// What a master finds when it starts again.
#[derive(Default)]
pub(crate) struct Disk {
    hard_state: HardState,
    entries: Vec<Entry>,
    pub(crate) snapshot: Option<(SnapshotMark, Dump)>,
    /// Streamed by a leader, not installed.
    pub(crate) received: Option<Dump>,
    voter: bool,
    hanging: Option<Hanging>,
}

/// What a disk that hangs has been given, from the first write on that made it hang.
struct Hanging {
    at: fn(&Persist) -> bool,
    unwritten: Vec<Persist>,
}

impl Disk {
    /// It confirms nothing from the first write on that is like this.
    pub(crate) fn hang(&mut self, at: fn(&Persist) -> bool) {
        self.hanging = Some(Hanging { at, unwritten: Vec::new() });
    }

    /// It hangs no longer; what it was given meanwhile comes back, in order, to be given again.
    pub(crate) fn unhang(&mut self) -> Vec<Persist> {
        self.hanging.take().map_or_else(Vec::new, |hanging| hanging.unwritten)
    }

    pub(crate) fn hangs(&self) -> bool {
        self.hanging.as_ref().is_some_and(|hanging| !hanging.unwritten.is_empty())
    }

    /// A write, which comes back once it is durable.
    pub(crate) fn write(&mut self, persist: Persist) -> Option<Persist> {
        if let Some(hanging) = &mut self.hanging
            && (!hanging.unwritten.is_empty() || (hanging.at)(&persist))
        {
            hanging.unwritten.push(persist);
            return None;
        }
        self.apply(&persist);
        Some(persist)
    }

    /// A message of a term is a promise to have been in it.
    pub(crate) fn has_promised(&self, message: &Message) -> bool {
        // To ask who would vote promises nothing.
        let asks = [MessageType::MsgRequestPreVote, MessageType::MsgRequestPreVoteResponse];
        asks.contains(&message.get_msg_type()) || message.term <= self.hard_state.term
    }

    fn apply(&mut self, persist: &Persist) {
        if let Some(mark) = &persist.install {
            let dump = self.received.take().expect("installed what was received");
            self.snapshot = Some((mark.clone(), dump));
            self.entries.clear();
        }
        if let Some(first) = persist.entries.first() {
            self.entries.retain(|entry| entry.index < first.index);
            self.entries.extend(persist.entries.iter().cloned());
        }
        if let Some(hard_state) = &persist.hard_state {
            self.hard_state = hard_state.clone();
        }
        if let Some(to) = persist.compact_to {
            self.entries.retain(|entry| entry.index > to);
        }
        self.voter |= persist.voter;
    }

    pub(crate) fn load(&self, cluster: &ClusterId) -> (Restored, Ledger) {
        let ledger = match &self.snapshot {
            Some((_, dump)) => restore(dump),
            None => Ledger::new(cluster.clone()),
        };
        let restored = Restored {
            hard_state: self.hard_state.clone(),
            snapshot: self.snapshot.as_ref().map(|(mark, _)| mark.clone()),
            entries: self.entries.clone(),
            voter: self.voter,
        };
        (restored, ledger)
    }
}

pub(crate) fn dump_of(ledger: &Ledger) -> Dump {
    dump::records(ledger).collect()
}

pub(crate) fn restore(dump: &Dump) -> Ledger {
    let mut restore = Restore::new();
    dump.iter().for_each(|record| restore.push(record).expect("a dump of our own"));
    restore.finish().expect("a dump of our own")
}
