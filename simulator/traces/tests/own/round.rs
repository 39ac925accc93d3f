//! What is written in either form and read again is what it was, whatever the model can hold.

use crate::model::{arrival, event, names};
use proptest::{collection::vec, prelude::*};
use std::io::Cursor;
use traces::{
    ReadError, Reader, Source,
    model::{Arrival, MachineEvent, NameId, Names},
    own::{
        BinaryWriter, JsonWriter, Of, Write, WriteError, binary_arrivals, binary_machines,
        json_arrivals, json_machines,
    },
};

type Open<T> = fn(Source, Names) -> Result<Reader<T>, ReadError>;

/// Writes values by one of the forms.
pub(crate) fn arrivals(is_json: bool, values: &[Arrival], names: &Names) -> Vec<u8> {
    let mut out = Vec::new();
    let put = |writer: &mut dyn Write| {
        for value in values {
            writer.arrival(value, names).unwrap();
        }
        writer.finish(names).unwrap();
    };
    if is_json {
        put(&mut JsonWriter::new(&mut out, Of::Arrivals));
    } else {
        put(&mut BinaryWriter::new(&mut out, Of::Arrivals));
    }
    out
}

fn machines(is_json: bool, values: &[MachineEvent], names: &Names) -> Vec<u8> {
    let mut out = Vec::new();
    let put = |writer: &mut dyn Write| {
        for value in values {
            writer.machine(value, names).unwrap();
        }
        writer.finish(names).unwrap();
    };
    if is_json {
        put(&mut JsonWriter::new(&mut out, Of::Machines));
    } else {
        put(&mut BinaryWriter::new(&mut out, Of::Machines));
    }
    out
}

/// Reads values with a table that has all names, so that numbers stay.
pub(crate) fn read<T>(open: Open<T>, bytes: Vec<u8>, names: Names) -> Result<Vec<T>, ReadError> {
    open(Source::new("it", Cursor::new(bytes))?, names)?.collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn arrivals_come_back(values in vec(arrival(), 0..60)) {
        let names = names();
        for (is_json, open) in [(true, json_arrivals as Open<Arrival>), (false, binary_arrivals)] {
            let bytes = arrivals(is_json, &values, &names);
            prop_assert_eq!(&read(open, bytes, names.clone()).unwrap(), &values);
        }
    }

    #[test]
    fn machines_come_back(values in vec(event(), 0..60)) {
        let names = names();
        let opens = [(true, json_machines as Open<MachineEvent>), (false, binary_machines)];
        for (is_json, open) in opens {
            let bytes = machines(is_json, &values, &names);
            prop_assert_eq!(&read(open, bytes, names.clone()).unwrap(), &values);
        }
    }
}

#[test]
fn many_blocks_come_back_with_names_that_come_late() {
    let (mut names, mut values, mut out) = (Names::new(), Vec::new(), Vec::new());
    let mut writer = BinaryWriter::new(&mut out, Of::Arrivals);
    for row in 0..20_000_u64 {
        let mut value = Arrival::new(row * row);
        value.submit_ns = row * 1_000_003 % 777_777;
        value.user = names.intern(&format!("user-{}", row / 100));
        writer.arrival(&value, &names).unwrap();
        values.push(value);
    }
    writer.finish(&names).unwrap();
    let source = Source::new("it", Cursor::new(out)).unwrap();
    let mut reader = binary_arrivals(source, Names::new()).unwrap();
    let found: Vec<_> = reader.by_ref().collect::<Result<_, _>>().unwrap();
    assert_eq!(found, values);
    let texts = |names: &Names| names.iter().map(|(_, text)| text.to_owned()).collect::<Vec<_>>();
    assert_eq!(texts(reader.names()), texts(&names));
}

#[test]
fn numbers_of_names_follow_the_table_of_the_reader() {
    let mut names = Names::new();
    let mut value = Arrival::new(0);
    value.user = names.intern("ann");
    let bytes = arrivals(false, &[value], &names);
    let mut other = Names::new();
    other.intern("bob");
    let found = read(binary_arrivals, bytes, other).unwrap();
    assert_eq!(found[0].user, NameId::from_index(1));
}

#[test]
fn a_name_that_is_not_in_the_table_is_refused() {
    let mut value = Arrival::new(0);
    value.user = NameId::from_index(3);
    for is_json in [true, false] {
        let mut out = Vec::new();
        let refused = if is_json {
            JsonWriter::new(&mut out, Of::Arrivals).arrival(&value, &Names::new())
        } else {
            BinaryWriter::new(&mut out, Of::Arrivals).arrival(&value, &Names::new())
        };
        assert!(matches!(refused, Err(WriteError::Name(3))));
    }
}

#[test]
fn lines_are_what_they_were() {
    let mut names = Names::new();
    let mut value = Arrival::new(7);
    value.submit_ns = 500;
    value.each.0 = [1_000, 2, 0, 0, 0];
    value.user = names.intern("ann");
    let expected = "{\"bourse_trace\":1,\"of\":\"arrivals\"}\n\
                    {\"job\":7,\"submit_ns\":500,\"each\":{\"cpus\":1000,\"mem\":2},\"user\":\"ann\"}\n";
    assert_eq!(String::from_utf8(arrivals(true, &[value.clone()], &names)).unwrap(), expected);
    // The head, a block with one name, one with one arrival in sixteen columns, and the end.
    let bytes = arrivals(false, &[value], &names);
    assert_eq!(bytes.len(), 16 + (24 + 4) + (24 + 16 * 2 + 2) + (24 + 8));
    assert_eq!(&bytes[..12], b"BOURSE\x1aT\x01\x00\x01\x00");
}
