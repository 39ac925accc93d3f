//! A disk in memory whose power can be cut.
//!
//! Every 512-byte sector written since the last sync survives a cut with probability one half,
//! independently, and so does a change of the file's length. Whoever held the disk before the cut
//! gets errors from then on. It can also fail like a dying disk, without a cut.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use redb::StorageBackend;

const SECTOR_BYTES: usize = 512;

/// The disk itself, shared with the cables plugged into it.
#[derive(Debug, Clone, Default)]
pub(crate) struct PowerCutDisk(Arc<Mutex<State>>);

/// The storage a database is opened on; dead after the next cut.
#[derive(Debug)]
pub(crate) struct Cable {
    disk: PowerCutDisk,
    epoch: u64,
}

#[derive(Debug, Default)]
struct State {
    /// What a cut leaves for certain.
    durable: Vec<u8>,
    /// What a reader sees.
    current: Vec<u8>,
    /// Sectors that differ between the two.
    dirty: BTreeSet<usize>,
    epoch: u64,
    /// Writing operations until the power goes.
    operations_left: Option<u64>,
    failing: bool,
    syncs: u64,
}

impl PowerCutDisk {
    /// A disk that holds these bytes, durably.
    pub(crate) fn holding(bytes: Vec<u8>) -> Self {
        let state = State { durable: bytes.clone(), current: bytes, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn cable(&self) -> Cable {
        Cable { disk: self.clone(), epoch: self.state().epoch }
    }

    /// Lets the power go in the middle of the `operations`-th write, sync or change of length.
    pub(crate) fn cut_after(&self, operations: u64) {
        self.state().operations_left = Some(operations);
    }

    /// Every write and sync fails from now on.
    pub(crate) fn fail(&self) {
        self.state().failing = true;
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// What a reader sees, as a copy.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.state().current.clone()
    }

    /// Cuts the power, decides what survives, and answers how many sectors were in flight.
    pub(crate) fn cut(&self, random: &mut Pcg64Mcg) -> usize {
        let state = &mut *self.state();
        state.epoch += 1;
        state.operations_left = None;
        let in_flight = std::mem::take(&mut state.dirty);
        if random.random::<bool>() {
            state.durable.resize(state.current.len(), 0);
        }
        for sector in &in_flight {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(state.current.len()).min(state.durable.len());
            if start < end && random.random::<bool>() {
                state.durable[start..end].copy_from_slice(&state.current[start..end]);
            }
        }
        state.current.clone_from(&state.durable);
        in_flight.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while holding the disk")
    }
}

impl State {
    fn mark_dirty(&mut self, start: usize, end: usize) {
        self.dirty.extend(start / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }

    /// Counts a writing operation; `false` when the power goes in the middle of it.
    fn power_holds(&mut self) -> bool {
        match &mut self.operations_left {
            Some(0) => {
                self.epoch += 1;
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    fn sync(&mut self) {
        self.durable.resize(self.current.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(self.current.len());
            if start < end {
                self.durable[start..end].copy_from_slice(&self.current[start..end]);
            }
        }
        self.syncs += 1;
    }
}

impl Cable {
    fn live(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.epoch == self.epoch { Ok(state) } else { Err(io::Error::from_raw_os_error(5)) }
    }

    /// The state for a writing operation, and whether the power outlasts it.
    fn writable(&self) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.live()?;
        if state.failing {
            return Err(io::Error::from_raw_os_error(5));
        }
        let holds = state.power_holds();
        Ok((state, holds))
    }
}

fn finished(holds: bool) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::Error::from_raw_os_error(5)) }
}

impl StorageBackend for Cable {
    fn len(&self) -> io::Result<u64> {
        Ok(self.live()?.current.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.live()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let range = start..start.checked_add(out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(state.current.get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let (mut state, holds) = self.writable()?;
        let (old, new) = (state.current.len(), usize::try_from(len).map_err(io::Error::other)?);
        state.current.resize(new, 0);
        state.mark_dirty(old.min(new), old.max(new));
        finished(holds)
    }

    fn sync_data(&self) -> io::Result<()> {
        let (mut state, holds) = self.writable()?;
        if holds {
            state.sync();
        }
        finished(holds)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let (mut state, holds) = self.writable()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + data.len();
        if end > state.current.len() {
            state.current.resize(end, 0);
        }
        state.current[start..end].copy_from_slice(data);
        state.mark_dirty(start, end);
        finished(holds)
    }
}
