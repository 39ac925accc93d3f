//! gzip and zstd, by what they begin with, and what is left of a file that was cut.

use crate::kit::{all, file};
use flate2::{Compression, write::GzEncoder};
use std::{
    error::Error as _,
    io::{Cursor, Read as _, Write as _},
};
use traces::{
    ReadError, Source,
    formats::omega::jobs,
    model::{Arrival, Names},
    own::{BinaryWriter, Of, Write, binary_arrivals},
};

fn plain() -> Vec<u8> {
    let mut bytes = Vec::new();
    file("omega_jobs.csv").read_to_end(&mut bytes).unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn source(bytes: Vec<u8>) -> Source {
    Source::new("it", Cursor::new(bytes)).unwrap()
}

#[test]
fn packed_files_read_as_plain_ones_also_in_pieces() {
    let (expected, _) = all(jobs, file("omega_jobs.csv"));
    let bytes = plain();
    let (head, tail) = bytes.split_at(100);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let packed = [
        gzip(&bytes),
        [gzip(head), gzip(tail)].concat(),
        zstd(&bytes),
        [zstd(head), zstd(tail)].concat(),
    ];
    for packed in packed {
        assert_eq!(all(jobs, source(packed)).0, expected);
    }
}

#[test]
fn a_file_that_was_cut_or_changed_is_an_error_with_its_cause() {
    // Long enough that there is something to read before the cut.
    let bytes = plain();
    let head = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut long = bytes[..head].to_vec();
    for job in 0..20_000 {
        long.extend(format!("{job},Batch,{job}.5,{},1,1,1\n", job % 7 + 1).bytes());
    }
    for packed in [gzip(&long), zstd::encode_all(&long[..], 1).unwrap()] {
        let cut = packed[..packed.len() * 2 / 3].to_vec();
        let reader = jobs(source(cut), Names::new()).unwrap();
        let mut rows = 0;
        let error = reader.inspect(|_| rows += 1).find_map(Result::err).expect("it was cut");
        assert!(rows > 1_000, "{rows}");
        assert!(error.to_string().starts_with("it:"), "{error}");
        assert!(matches!(error, ReadError::Io { .. }), "{error:?}");
        assert!(error.source().is_some());
    }
    let mut changed = gzip(&long);
    let middle = changed.len() / 2;
    changed[middle] ^= 0x40;
    let reader = jobs(source(changed), Names::new()).unwrap();
    assert!(reader.into_iter().any(|item| item.is_err()));
}

#[test]
fn a_file_that_is_not_there_is_an_error_with_its_name() {
    let error = Source::open(std::path::Path::new("no/such.csv")).unwrap_err();
    assert_eq!(error.to_string(), "no/such.csv: cannot be read");
}

/// Gives some bytes, then fails as a disk does.
struct Failing(Cursor<Vec<u8>>);

impl std::io::Read for Failing {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.0.read(into)? {
            0 => Err(std::io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

#[test]
fn a_file_that_fails_while_it_is_read_says_where_and_why() {
    let failing = |bytes: &[u8]| Failing(Cursor::new(bytes.to_vec()));
    let source = Source::new("it", failing(&plain())).unwrap();
    let error = jobs(source, Names::new()).unwrap().find_map(Result::err).unwrap();
    assert_eq!(error.to_string(), "it:3: cannot be read");
    assert_eq!(error.source().map(ToString::to_string), Some("the disk is gone".to_owned()));
    let mut binary = Vec::new();
    let mut writer = BinaryWriter::new(&mut binary, Of::Arrivals);
    writer.arrival(&Arrival::new(1), &Names::new()).unwrap();
    writer.finish(&Names::new()).unwrap();
    let source = Source::new("it", failing(&binary[..50])).unwrap();
    let error = binary_arrivals(source, Names::new()).unwrap().find_map(Result::err).unwrap();
    assert_eq!(error.to_string(), "it, byte 50: cannot be read");
    assert!(matches!(error, ReadError::Bytes { .. }));
}
