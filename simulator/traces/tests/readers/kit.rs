//! What the tests of all formats need: sources of text, files of ours, and messages that must be.

use std::path::Path;
use traces::{
    ReadError, Reader, Source,
    model::{Arrival, Change, Machine, MachineEvent, Names},
};

/// Makes a reader.
pub(crate) type Open<T> = fn(Source, Names) -> Result<Reader<T>, ReadError>;

/// Text as a file of the name `it`.
pub(crate) fn text(text: &str) -> Source {
    Source::new("it", std::io::Cursor::new(text.as_bytes().to_vec())).unwrap()
}

/// A file of ours.
pub(crate) fn file(name: &str) -> Source {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    Source::open(&folder.join(name)).unwrap()
}

/// Everything of a source, with the reader that gave it.
pub(crate) fn all<T>(open: Open<T>, source: Source) -> (Vec<T>, Reader<T>) {
    let mut reader = open(source, Names::new()).unwrap();
    let mut items = Vec::new();
    for item in reader.by_ref() {
        items.push(item.unwrap_or_else(|error| panic!("{error}")));
    }
    (items, reader)
}

/// The message with which reading a text ends.
pub(crate) fn complaint<T>(open: Open<T>, wrong: &str) -> String {
    let mut reader = match open(text(wrong), Names::new()) {
        Ok(reader) => reader,
        Err(error) => return error.to_string(),
    };
    let error = reader.by_ref().find_map(Result::err);
    assert!(reader.next().is_none(), "it goes on after an error");
    error.unwrap_or_else(|| panic!("nothing is wrong with {wrong:?}")).to_string()
}

/// Asserts each text's message.
pub(crate) fn complaints<T>(open: Open<T>, cases: &[(&str, &str)]) {
    for (wrong, expected) in cases {
        assert_eq!(complaint(open, wrong), *expected, "{wrong:?}");
    }
}

/// What was left out or mended, as text.
pub(crate) fn notes<T>(reader: &Reader<T>) -> Vec<String> {
    reader.notes().iter().map(|(note, count)| format!("{count} {note}")).collect()
}

/// The machine that an event adds.
pub(crate) fn added(event: &MachineEvent) -> &Machine {
    match &event.change {
        Change::Add(machine) => machine,
        change => panic!("{change:?}"),
    }
}

/// An arrival as a line, with the names of its reader.
pub(crate) fn line(arrival: &Arrival, names: &Names) -> String {
    let Arrival { job, submit_ns, tasks, each, duration_ns, estimate_ns, .. } = arrival;
    let name = |id: Option<_>| id.map_or("-", |id| names.get(id)).to_owned();
    let number = |value: &Option<u64>| value.map_or("-".to_owned(), |value| value.to_string());
    let mut line = format!(
        "{job} at {submit_ns}: {tasks} x {:?} for {} of {}, {} {}, {} in {}",
        each.0,
        number(duration_ns),
        number(estimate_ns),
        arrival.class.name(),
        arrival.priority,
        name(arrival.user),
        name(arrival.queue),
    );
    if arrival.gang {
        line += ", gang";
    }
    if arrival.more {
        line += ", more";
    }
    if let Some(deadline_ns) = arrival.deadline_ns {
        line += &format!(", until {deadline_ns}");
    }
    if let Some(constraints) = &arrival.constraints {
        for model in &constraints.gpu_models {
            line += &format!(", on {}", names.get(*model));
        }
        for property in &constraints.properties {
            let sign = if property.wanted { '+' } else { '-' };
            line += &format!(", {sign}{}", names.get(property.name));
        }
        if constraints.exclusive {
            line += ", exclusive";
        }
        if let Some(limit) = constraints.per_machine {
            line += &format!(", at most {} of {:?}", limit.at_most, limit.of);
        }
    }
    line
}

/// Every arrival of a source as a line.
pub(crate) fn lines(open: Open<Arrival>, source: Source) -> Vec<String> {
    let (arrivals, reader) = all(open, source);
    arrivals.iter().map(|arrival| line(arrival, reader.names())).collect()
}
