//! What masters write: when it is on disk, what a disk refuses, what leaves only then.

use super::{
    disk::Dump,
    event::{Happening, MasterEvent, Process},
    master_host::Failing,
    world::World,
};
use master_core::{
    Input,
    ledger::digest::of_records,
    outbox::{Persist, SnapshotMark},
};

impl World {
    pub(super) fn persist(&mut self, process: Process, persist: Persist) {
        let host = &mut self.masters[process.host];
        if persist.compact_to.is_some() {
            self.sometimes.note("log compacted");
        }
        host.disk.pending.push_back(persist);
        if host.disk.pending.len() == 1 {
            self.schedule_write(process);
        }
    }

    fn schedule_write(&mut self, process: Process) {
        let slow = self.masters[process.host].slow_disk;
        let wait = match self.chance.masters.below(40) {
            _ if slow => self.chance.masters.time(30, 5_000),
            0 => self.chance.masters.time(5, 150),
            _ => self.chance.masters.time(0, 5),
        };
        self.queue.after(wait, Happening::Master(process, MasterEvent::DiskWritten));
    }

    pub(super) fn disk_written(&mut self, process: Process) {
        let host = process.host;
        if self.masters[host].failing.is_some() {
            return self.disk_failed(host);
        }
        let count = self.masters[host].disk.pending.len();
        let together = self.chance.masters.between(1, count as u64);
        let mut number = 0;
        for _ in 0..together {
            let persist = self.masters[host].disk.write_next().expect("counted");
            if persist.install.is_some() {
                self.sometimes.note("snapshot installed");
                self.masters[host].installed_snapshot = true;
            }
            if persist.voter && std::mem::take(&mut self.masters[host].rejoining) {
                self.sometimes.note("wiped member rejoined");
            }
            let durable = &self.masters[host].disk.durable;
            let node = self.masters[host].node;
            self.oracles.monotone.written(node, &durable.hard_state);
            self.oracles.log_matching.observe(node, &persist.entries);
            number = persist.number;
            self.send_peers(process, persist.messages);
        }
        if count as u64 > together {
            self.schedule_write(process);
        }
        self.give_master(host, Input::Persisted(number));
    }

    /// A write was refused: the process ends at once, and is started again and again.
    fn disk_failed(&mut self, host: usize) {
        let machine = &mut self.masters[host];
        machine.failing = machine.failing.filter(|failing| *failing == Failing::Always);
        self.sometimes.note("disk refused a write");
        self.crash_master(host);
        let wait = self.chance.faults.time(100, 4_000);
        self.queue.after(wait, Happening::MasterStart(host));
    }

    pub(super) fn write_snapshot(
        &mut self,
        process: Process,
        mark: SnapshotMark,
        of: &master_core::Ledger,
    ) {
        assert_eq!(mark.index, of.applied().index, "the state is as of the mark");
        let dump = Dump::of(of);
        if self.chance.oracles.per_mille(250) {
            let (_, restored) = *dump.ledger();
            let was = of_records(dump.records());
            assert_eq!(restored, was, "D3: a snapshot restores what it was of");
        }
        let host = &mut self.masters[process.host];
        let earlier = host.snapshot.replace((mark, dump));
        assert!(earlier.is_none(), "one snapshot is written at a time");
        let wait = self.chance.masters.time(5, 3_000);
        self.queue.after(wait, Happening::Master(process, MasterEvent::SnapshotWritten));
    }

    pub(super) fn snapshot_written(&mut self, process: Process) {
        let host = &mut self.masters[process.host];
        let (mark, dump) = host.snapshot.take().expect("one is being written");
        let index = mark.index;
        host.disk.keep_snapshot(mark, dump);
        self.give_master(process.host, Input::SnapshotWritten { index });
    }
}
