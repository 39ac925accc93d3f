//! Unpacks pages. What a page says about its size is believed only up to a limit.

use super::Wrong;
use std::io::Read as _;

/// Unpacks to exactly so many bytes.
pub(crate) fn unpack(codec: i64, packed: Vec<u8>, size: usize) -> Result<Vec<u8>, Wrong> {
    let unpacked = match codec {
        0 => packed,
        1 => snappy(&packed, size)?,
        2 => limited(flate2::read::MultiGzDecoder::new(&packed[..]), size)?,
        6 => match zstd::stream::read::Decoder::with_buffer(&packed[..]) {
            Ok(decoder) => limited(decoder, size)?,
            Err(_) => return Err("a page cannot be unpacked"),
        },
        _ => return Err("packed in another way than snappy, gzip or zstd"),
    };
    if unpacked.len() == size { Ok(unpacked) } else { Err("a page has another size than it says") }
}

fn snappy(packed: &[u8], size: usize) -> Result<Vec<u8>, Wrong> {
    match snap::raw::decompress_len(packed) {
        Ok(length) if length == size => {}
        _ => return Err("a page has another size than it says"),
    }
    snap::raw::Decoder::new().decompress_vec(packed).map_err(|_| "a page cannot be unpacked")
}

fn limited(decoder: impl std::io::Read, size: usize) -> Result<Vec<u8>, Wrong> {
    let mut unpacked = Vec::new();
    let read = decoder.take(size as u64 + 1).read_to_end(&mut unpacked);
    read.map(|_| unpacked).map_err(|_| "a page cannot be unpacked")
}
