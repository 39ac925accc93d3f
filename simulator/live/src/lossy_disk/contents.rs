//! The bytes of one file: as whoever has it open sees them, and as a power cut leaves them.

use rand::{Rng, RngExt as _};

/// What a disk writes whole or not at all.
pub const BLOCK_BYTES: usize = 512;

/// One file's bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// What makes the one into the other, in order.
    pending: Vec<Change>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Resize(usize),
}

/// What becomes of pending changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// None of them has reached the disk.
    All,
    /// The disk keeps an order: some first ones have, and a part of the next.
    Rest,
    /// It keeps none: any blocks of any of them have.
    Any,
}

impl Contents {
    /// As it is seen now.
    pub fn bytes(&self) -> &[u8] {
        &self.live
    }

    /// What a power cut that loses all leaves.
    pub fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// A part, shorter at the end of the file.
    pub fn read(&self, at: usize, length: usize) -> &[u8] {
        let from = at.min(self.live.len());
        let to = at.saturating_add(length).min(self.live.len());
        &self.live[from..to]
    }

    /// Puts bytes at a place; a gap before it is of zeros.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.change(Change::Write { at, bytes: bytes.to_vec() });
    }

    /// Makes it shorter, or longer by zeros.
    pub fn resize(&mut self, length: usize) {
        self.change(Change::Resize(length));
    }

    /// Makes everything durable.
    pub fn sync(&mut self) {
        for change in self.pending.drain(..) {
            apply(&mut self.durable, &change);
        }
    }

    /// Loses what is pending, or some of it.
    pub fn cut_power(&mut self, loss: Loss, chance: &mut impl Rng) {
        let pending = std::mem::take(&mut self.pending);
        let kept = match loss {
            Loss::All => 0,
            Loss::Rest => chance.random_range(..=pending.len()),
            Loss::Any => pending.len(),
        };
        for (index, change) in
            pending.iter().enumerate().take(kept + usize::from(loss == Loss::Rest))
        {
            let is_torn = loss == Loss::Any || index == kept;
            match change {
                change if !is_torn => apply(&mut self.durable, change),
                Change::Write { at, bytes } => tear(&mut self.durable, *at, bytes, loss, chance),
                change => {
                    if chance.random() {
                        apply(&mut self.durable, change);
                    }
                }
            }
        }
        self.live.clone_from(&self.durable);
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.live, &change);
        self.pending.push(change);
    }
}

fn apply(to: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Resize(length) => to.resize(*length, 0),
        Change::Write { at, bytes } => put(to, *at, bytes),
    }
}

fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    to[at..end].copy_from_slice(bytes);
}

/// Some of the blocks that a write touches: the first ones on a disk that keeps an order, else any.
fn tear(to: &mut Vec<u8>, at: usize, bytes: &[u8], loss: Loss, chance: &mut impl Rng) {
    let mut offset = 0;
    while offset < bytes.len() {
        let length = BLOCK_BYTES - (at + offset) % BLOCK_BYTES;
        let end = (offset + length).min(bytes.len());
        if chance.random() {
            put(to, at + offset, &bytes[offset..end]);
        } else if loss == Loss::Rest {
            return;
        }
        offset = end;
    }
}
