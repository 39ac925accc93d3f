//! How a layer's archive is compressed: told from its first bytes.
//!
//! Not from its media type, which tools get wrong (`docker save` calls plain archives anything).

use std::io::{self, BufRead, BufReader, Read};

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A frame may not ask for more memory than this to be read: 2^27 bytes, what `zstd` itself takes
/// without being asked for more.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// The archive without its compression: gzip (of several members too), zstd, or none.
pub(crate) fn plain<'a>(inner: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut inner = BufReader::with_capacity(64 << 10, inner);
    let begin = inner.fill_buf()?;
    if begin.starts_with(&GZIP) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(inner)));
    }
    if begin.starts_with(&ZSTD) {
        let mut decoder = zstd::Decoder::with_buffer(inner)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
        return Ok(Box::new(decoder));
    }
    Ok(Box::new(inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut found = Vec::new();
        plain(bytes)?.read_to_end(&mut found).map(|_| found)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_compression_is_told_from_its_first_bytes() {
        assert_eq!(read(b"plain").unwrap(), b"plain");
        assert_eq!(read(b"").unwrap(), b"");
        assert_eq!(read(&gzip(b"packed")).unwrap(), b"packed");
        assert_eq!(read(&zstd::encode_all(&b"packed"[..], 1).unwrap()).unwrap(), b"packed");
    }

    #[test]
    fn gzip_of_several_members_is_read_to_its_end() {
        let two = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(read(&two).unwrap(), b"one two");
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        for packed in [gzip(&[7; 999]), zstd::encode_all(&[7; 999][..], 1).unwrap()] {
            assert!(read(&packed[..packed.len() - 3]).is_err());
        }
    }
}
