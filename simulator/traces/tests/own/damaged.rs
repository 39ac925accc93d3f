//! What is cut or changed, and what is written by hand and wrong.

use crate::round::{arrivals, read};
use std::error::Error as _;
use traces::{
    model::{Arrival, Names},
    own::{binary_arrivals, binary_machines, json_arrivals, json_machines},
};

fn values(rows: u64) -> Vec<Arrival> {
    (0..rows)
        .map(|row| {
            let mut value = Arrival::new(row);
            (value.submit_ns, value.each.0[0]) = (row * 17 % 1_000, row);
            value
        })
        .collect()
}

fn complaint(bytes: &[u8]) -> String {
    let found = read(binary_arrivals, bytes.to_vec(), Names::new());
    found.expect_err("it is damaged").to_string()
}

#[test]
fn a_file_that_was_cut_anywhere_says_so() {
    let whole = arrivals(false, &values(300), &Names::new());
    for cut in 0..whole.len() {
        let message = complaint(&whole[..cut]);
        assert!(message.starts_with("it, byte "), "{cut}: {message}");
    }
    let end = whole.len() - 32;
    let message = format!("it, byte {end}: the file was cut here: its last block is missing");
    assert_eq!(complaint(&whole[..end]), message);
    let message = format!("it, byte {end}: the file was cut in the head of this block");
    assert_eq!(complaint(&whole[..end + 5]), message);
    assert_eq!(complaint(&whole[..20]), "it, byte 16: the file was cut in the head of this block");
    assert_eq!(complaint(&whole[..50]), "it, byte 16: the file was cut in this block");
}

#[test]
fn a_byte_that_was_changed_is_never_taken() {
    let whole = arrivals(false, &values(300), &Names::new());
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        complaint(&changed);
    }
    let mut longer = whole.clone();
    longer.push(0);
    let end = whole.len() - 32;
    assert_eq!(complaint(&longer), format!("it, byte {end}: something follows the last block"));
    let mut changed = whole;
    changed[60] ^= 1;
    assert_eq!(complaint(&changed), "it, byte 16: the checksum of this block does not fit");
}

#[test]
fn a_file_of_another_kind_is_refused() {
    let bytes = arrivals(false, &values(1), &Names::new());
    let message = read(binary_machines, bytes, Names::new()).unwrap_err().to_string();
    assert_eq!(message, "it, byte 0: not a binary trace of machines in version 1");
    let bytes = arrivals(true, &values(1), &Names::new());
    let message = read(json_machines, bytes, Names::new()).unwrap_err().to_string();
    assert_eq!(message, "it:1: not a trace of machines in version 1 of this form");
}

#[test]
fn lines_that_are_wrong_say_where_and_what() {
    let head = "{\"bourse_trace\":1,\"of\":\"arrivals\"}\n";
    let cases = [
        ("{\"job\":1,\"submit_ns\":0,\"each\":{}, \"extra\":1}", "unknown field `extra`"),
        ("{\"job\":1,\"submit_ns\":0}", "missing field `each`"),
        ("{\"job\":1,\"submit_ns\":0,\"each\":{},\"tasks\":0}", "expected a nonzero u32"),
        ("{\"job\":-1,\"submit_ns\":0,\"each\":{}}", "invalid value: integer `-1`, expected u64"),
        ("{\"job\":1.5,\"submit_ns\":0,\"each\":{}}", "expected u64"),
        ("{\"job\":1,\"submit_ns\":0,\"each\":{}", "EOF while parsing an object"),
        ("job", "expected value at line 1 column 1"),
    ];
    for (line, cause) in cases {
        let text = format!("{head}\n{line}\n");
        let error = read(json_arrivals, text.into_bytes(), Names::new()).unwrap_err();
        assert_eq!(error.to_string(), "it:3: not a line of a trace in JSON");
        let found = error.source().expect("a cause").to_string();
        assert!(found.contains(cause), "{line}: {found}");
    }
    let empty = read(json_arrivals, Vec::new(), Names::new()).unwrap_err();
    assert_eq!(empty.to_string(), "it: not a line of a trace in JSON");
}
