//! The binary form: blocks of columns, each with a checksum, after a head of sixteen bytes.
//!
//! ```text
//!  head    magic (8), version (2), 1 arrivals or 2 machines (1), 0 (1), checksum (4)
//!  block   kind (1), 0 (3), rows (4), bytes (4), 0 (4), checksum (8), then the bytes
//! ```
//!
//! Kinds of blocks: 1 names, 2 constraints, 3 arrivals, 4 machines, 255 the end, which says how
//! many arrivals or machines there are and after which nothing follows. Names and constraints stand
//! before the first block that speaks of them, and have the numbers of their order. Numbers are
//! little-endian; checksums are XXH3, of a block over its first sixteen bytes and its bytes.
//!
//! A file that was cut lacks its last block, and one that was changed has a checksum that does not
//! fit; either error says at which byte.

mod arrivals;
mod block;
mod columns;
mod machines;
mod shared;
mod writer;

pub(super) use arrivals::Arrivals;
pub(super) use machines::Machines;
pub use writer::BinaryWriter;

use super::{BINARY_MAGIC, Of};
use xxhash_rust::xxh3::xxh3_64;

/// The version that is written, and the only one that is read.
const VERSION: u16 = 1;
/// Bytes of the head.
const HEAD_BYTES: usize = 16;
/// Rows of a block: few enough that its columns stay in the processor's second cache.
const BLOCK_ROWS: usize = 4_096;
/// Bytes of a block. Rows of arrivals have 160 bytes at most; those of machines have attributes.
const BLOCK_BYTES_MAX: usize = 32 << 20;

/// The first bytes of a file.
fn head(of: Of) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(BINARY_MAGIC);
    head[8..10].copy_from_slice(&VERSION.to_le_bytes());
    head[10] = match of {
        Of::Arrivals => 1,
        Of::Machines => 2,
    };
    let checksum = xxh3_64(&head[..12]) as u32;
    head[12..].copy_from_slice(&checksum.to_le_bytes());
    head
}
