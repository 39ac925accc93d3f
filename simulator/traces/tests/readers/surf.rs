//! Parquet: what other writers made of one table, in each way in which they write it, and files
//! that were cut or changed. The table's values are formulas of the row.

use crate::kit::line;
use std::{fs, io::Cursor, path::Path};
use traces::{
    ReadError,
    formats::surf::{Fragment, fragments, tasks},
    model::{Arrival, Names},
};

/// One table: without packing; snappy with dictionaries; gzip and zstd in pages of the second
/// version; differences.
const FORMS: [&str; 5] = ["plain", "snappy", "gzip2", "zstd2", "deltas"];

fn bytes(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    fs::read(folder.join(name)).unwrap()
}

fn read(bytes: Vec<u8>) -> Result<Vec<Arrival>, ReadError> {
    tasks("it", Cursor::new(bytes), Names::new())?.collect()
}

fn complaint(bytes: Vec<u8>) -> String {
    read(bytes).expect_err("it is damaged").to_string()
}

#[test]
fn one_table_reads_alike_in_every_form() {
    for form in FORMS {
        let found = read(bytes(&format!("tasks_{form}.parquet"))).unwrap();
        assert_eq!(found.len(), 300, "{form}");
        for (task, row) in found.iter().zip(0_u64..) {
            assert_eq!(task.job, row + 1_000, "{form}");
            assert_eq!(
                task.submit_ns,
                (row * row * 7 % 1_000 + row * 60_000) * 1_000_000,
                "{form}"
            );
            assert_eq!(task.duration_ns, Some(row * 37 % 11 * 500_000_000), "{form}");
            assert_eq!(task.each.0, [1_000 << (row % 5), 4_096_000, 0, 0, 0], "{form}");
            let deadline_ns = (row % 4 == 1).then_some(row * 100_000_000_000);
            assert_eq!(task.deadline_ns, deadline_ns, "{form}");
        }
    }
}

#[test]
fn an_arrival_is_one_task_with_all_its_cores() {
    let found = read(bytes("tasks_plain.parquet")).unwrap();
    let expected = "1001 at 60007000000: 1 x [2000, 4096000, 0, 0, 0] for 2000000000 of -, \
                    batch 0, - in -, until 100000000000";
    assert_eq!(line(&found[1], &Names::new()), expected);
}

#[test]
fn fragments_have_parts_of_megahertz() {
    let source = Cursor::new(bytes("fragments.parquet"));
    let found: Result<Vec<Fragment>, _> = fragments("it", source, Names::new()).unwrap().collect();
    let found = found.unwrap();
    let usage: Vec<_> = found.iter().map(|it| (it.task, it.duration_ns, it.cpu_usage)).collect();
    let expected =
        [(7, 30_000_000_000, 500), (7, 30_000_000_000, 1_600_250), (8, 15_000_000_000, 0)];
    assert_eq!(usage, expected);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let missing = bytes("fragments.parquet");
    let message = "it:1, column `submission_time`: `` is not a number of milliseconds from 0 to \
                   18 trillion";
    assert_eq!(complaint(missing), message);
    let fragments = fragments("it", Cursor::new(bytes("tasks_plain.parquet")), Names::new());
    let message = "it: no column `cpu_usage`; this is not a table of fragments as of SURF";
    assert_eq!(fragments.unwrap_err().to_string(), message);
    assert_eq!(complaint(b"PAR1".to_vec()), "it, byte 0: too short for a Parquet file");
    let text = b"name,cpu_milli,memory_mib\n".to_vec();
    assert_eq!(complaint(text), "it, byte 18: no Parquet file, or one that was cut");
    let long = [b"PAR1".to_vec(), vec![0xff; 4], b"PAR1".to_vec()].concat();
    assert_eq!(complaint(long), "it, byte 4: the footer's length is impossible");
}

#[test]
fn no_byte_of_a_file_can_make_more_than_an_error_or_another_value() {
    for form in FORMS {
        let whole = bytes(&format!("tasks_{form}.parquet"));
        // Bytes all over the file, and all bits of each: enough to reach the fields of every head.
        for at in (0..whole.len()).step_by(13) {
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            if let Ok(found) = read(changed) {
                assert!(found.len() <= 300, "{form} {at}");
            }
            assert!(read(whole[..at].to_vec()).is_err(), "{form} {at}");
        }
    }
}
