//! The volumes of this agent: what was ordered about them, whether their data are there, and when
//! they may be deleted.
//!
//! ```text
//!  make ──▶ Making ──▶ Ready ◀──▶ Shrinking          journal ─▶ directory ─▶ journal ─▶ report
//!             └─▶ Failed   └── delete ──▶ Destroying ──no user left──▶ deleted ──▶ no row
//! ```
//!
//! Everything that is ordered is in the journal before its directory is touched, and what became of
//! it before that is reported. Nothing acknowledges a report: what the leader still waits for, it
//! orders again after the next registration, and the row has the answer.
//!
//! A volume whose directory is not found at the start of a life is missing: it is not listed, and
//! nothing can use it; it is never made anew, since what people would find in it is not what they
//! left. Its row stays, so that a disk that comes back is taken for what it is.

mod answers;
mod deletion;
mod launch;
mod orders;
pub(crate) mod users;

use crate::{
    agent::Agent,
    due::DueTimes,
    journal::{Record, RecoverError, VolumeRow, VolumeStage},
    outbox::{Effect, Outbox},
};
use proto::{
    model::VolumeKey,
    planted::{self, Bug},
};
use std::collections::{BTreeMap, BTreeSet};

/// All rows, and what of them is true of this life of the agent only.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    rows: BTreeMap<VolumeKey, VolumeRow>,
    /// Rows that should have a directory, for which none was found.
    missing: BTreeSet<VolumeKey>,
    /// Directories that were found, and of which no row knows.
    strangers: BTreeSet<VolumeKey>,
    /// What the shell is deleting.
    deleting: BTreeSet<VolumeKey>,
    /// When to try again to delete what could not be.
    retries: DueTimes<VolumeKey>,
    /// To be looked at: perhaps they can be deleted now.
    touched: BTreeSet<VolumeKey>,
}

impl Volumes {
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &VolumeRow> {
        self.rows.values()
    }

    pub(crate) fn get(&self, key: &VolumeKey) -> Option<&VolumeRow> {
        self.rows.get(key)
    }

    pub(crate) fn is_missing(&self, key: &VolumeKey) -> bool {
        self.missing.contains(key)
    }

    pub(crate) fn strangers(&self) -> impl ExactSizeIterator<Item = &VolumeKey> {
        self.strangers.iter()
    }

    pub(crate) fn is_being_deleted(&self, key: &VolumeKey) -> bool {
        self.deleting.contains(key)
    }

    pub(crate) fn waits_for_retry(&self, key: &VolumeKey) -> bool {
        self.retries.holds(key)
    }

    pub(crate) fn deadline(&self) -> Option<proto::model::Instant> {
        self.retries.deadline()
    }

    /// What a registration lists: the data are there, and are to stay.
    pub(crate) fn present(&self) -> Vec<VolumeKey> {
        let rows = self.rows.values().filter(|row| row.has_data() && !self.is_missing(&row.key));
        rows.map(|row| row.key).collect()
    }
}

impl Agent {
    /// Takes the rows of an earlier life, and goes on with what was under way.
    pub(crate) fn restore_volumes(
        &mut self,
        rows: Vec<VolumeRow>,
        mut found: BTreeSet<VolumeKey>,
        outbox: &mut Outbox,
    ) -> Result<(), RecoverError> {
        for row in rows {
            let (key, version) = (row.key, row.version);
            let is_found = found.remove(&key);
            if row.has_data() && !is_found && planted::is(Bug::MissingVolumeForgotten) {
                continue;
            }
            match row.stage {
                VolumeStage::Making => outbox.push(Effect::MakeVolume { key, version }),
                VolumeStage::Shrinking { to: size } => {
                    outbox.push(Effect::ShrinkVolume { key, version, size });
                }
                VolumeStage::Destroying => drop(self.volumes.touched.insert(key)),
                VolumeStage::Ready | VolumeStage::Failed => {}
            }
            if row.has_data() && !is_found {
                self.volumes.missing.insert(key);
            }
            if self.volumes.rows.insert(key, row).is_some() {
                return Err(RecoverError::VolumeTwice { key });
            }
        }
        self.volumes.strangers = found;
        Ok(())
    }

    /// Puts the volume's row into the journal as it is now.
    fn record_volume(&self, key: &VolumeKey, outbox: &mut Outbox) {
        let row = self.volumes.get(key).expect("the caller has just seen the row");
        outbox.record(Record::Volume(Box::new(row.clone())));
    }
}
