//! Checked records: a payload with a checksum that also covers where the payload belongs.
//!
//! The label (an entry's index, a record's name) is part of the checksum, so that a good record in
//! the wrong place is as wrong as a bad one. This file does not know what payloads mean.

/// Bytes in front of every payload.
const CHECKSUM_BYTES: usize = 4;

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordFault {
    /// Shorter than its own checksum.
    #[error("the record has {bytes} bytes, too few to hold its checksum")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// The content is not what was written.
    #[error("the record's checksum is {computed:08x}, it was written as {stored:08x}")]
    Checksum {
        /// As written.
        stored: u32,
        /// As found.
        computed: u32,
    },
    /// The checksum holds, but the content is not of this kind.
    #[error("the record is intact but cannot be decoded")]
    Undecodable,
}

/// Starts a record in `buffer`; append the payload to it and call [`seal`].
pub(super) fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(&[0; CHECKSUM_BYTES]);
}

/// Writes the checksum of a record begun with [`begin`].
pub(super) fn seal(label: &[u8], buffer: &mut [u8]) {
    let sum = checksum(label, &buffer[CHECKSUM_BYTES..]);
    buffer[..CHECKSUM_BYTES].copy_from_slice(&sum.to_le_bytes());
}

/// The payload of a record, if it is the one that was sealed under this label.
pub(super) fn unseal<'r>(label: &[u8], record: &'r [u8]) -> Result<&'r [u8], RecordFault> {
    let Some((stored, payload)) = record.split_first_chunk::<CHECKSUM_BYTES>() else {
        return Err(RecordFault::TooShort { bytes: record.len() });
    };
    let stored = u32::from_le_bytes(*stored);
    let computed = checksum(label, payload);
    if stored == computed { Ok(payload) } else { Err(RecordFault::Checksum { stored, computed }) }
}

/// CRC-32 over the label and the payload.
pub(super) fn checksum(label: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(label);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(label: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut buffer = Vec::new();
        begin(&mut buffer);
        buffer.extend_from_slice(payload);
        seal(label, &mut buffer);
        buffer
    }

    #[test]
    fn only_the_same_bytes_under_the_same_label_come_back() {
        let record = sealed(b"one", b"payload");
        assert_eq!(unseal(b"one", &record), Ok(&b"payload"[..]));
        assert!(matches!(unseal(b"two", &record), Err(RecordFault::Checksum { .. })));
        for bit in 0..record.len() * 8 {
            let mut flipped = record.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(b"one", &flipped).is_err(), "bit {bit}");
        }
        for length in 0..record.len() {
            assert!(unseal(b"one", &record[..length]).is_err(), "cut to {length}");
        }
    }
}
