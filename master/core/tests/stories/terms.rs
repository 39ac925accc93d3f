//! What a master has written, and another term that begins with it.

use super::rig::{Rig, cluster, config};
use master_core::{Config, Ledger, Master, consensus::Restored, outbox::Persist};

impl Rig {
    /// The master dies, and what is on its disk leads in another term. All streams have ended.
    pub(crate) fn begin_another_term(&mut self) {
        self.begin_another_term_as(config(1));
    }

    /// The same, with these settings.
    pub(crate) fn begin_another_term_as(&mut self, config: Config) {
        let (disk, ledger) = (self.disk.clone(), Ledger::new(cluster()));
        self.master = Master::open(config, disk, ledger, self.now).expect("opens");
        self.live.clear();
        for _ in 0..200 {
            self.tick();
            if self.master.is_serving() {
                return;
            }
        }
        panic!("a lone master elects itself within 20 s");
    }
}

/// Keeps everything at once, as a perfect disk.
pub(super) fn write(disk: &mut Restored, persist: &Persist) {
    if let Some(first) = persist.entries.first() {
        disk.entries.retain(|entry| entry.index < first.index);
        disk.entries.extend(persist.entries.iter().cloned());
    }
    if let Some(hard_state) = &persist.hard_state {
        disk.hard_state = hard_state.clone();
    }
    disk.voter |= persist.voter;
}
