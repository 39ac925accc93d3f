//! Traces that others published: text and Parquet, and our own binary form.
//!
//! Whatever is read can be summed up, transformed, written in both of our forms and read from them
//! again as the same; what is not read says where it is wrong, and then the stream is over.

use crate::situation::{met, met_error};
use std::io::Cursor;
use traces::{
    Arrivals, Machines, ReadError, Reader, Source,
    describe::{MachinesSummary, WorkSummary},
    formats::{google2011, omega, surf},
    model::{Arrival, MachineEvent, Names},
    open::{FORMATS, Format, Opened, detect},
    own::{
        BinaryWriter, JsonWriter, Of, Write, binary_arrivals, binary_machines, json_arrivals,
        json_machines,
    },
    transform::{PerMille, Ratio, Transform, apply},
};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// More rows than inputs have; readers that go on for ever are found by it.
const ROWS_MAX: usize = 100_000;

macro_rules! data {
    ($($name:literal)*) => {
        vec![$(include_bytes!(concat!("../../../simulator/traces/tests/data/", $name)).to_vec()),*]
    };
}

pub(super) fn text_seeds() -> Vec<Vec<u8>> {
    data!(
        "openb_nodes.csv" "openb_pods.csv" "omega_jobs.csv" "prefill.log" "prefill_google.log"
        "distribution.txt" "google2019_hosts.csv" "google2019_requests.csv" "machine_events.csv"
        "machine_attributes.csv" "job_events.csv" "task_events.csv" "task_usage.csv" "log.swf"
        "metacentrum.swf" "log.machines" "philly.csv" "philly_nodes.csv" "batch2017.csv"
        "inference2025.csv" "nodes2026.csv"
    )
}

pub(super) fn parquet_seeds() -> Vec<Vec<u8>> {
    data!(
        "fragments.parquet" "tasks_snappy.parquet" "tasks_gzip2.parquet" "tasks_zstd2.parquet"
        "tasks_deltas.parquet"
    )
}

/// Our own forms of what the texts hold.
pub(super) fn own_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for text in text_seeds() {
        let Ok(format) = detect(&mut source(&text)) else { continue };
        match format.read(source(&text), Names::new()) {
            Ok(Opened::Arrivals(arrivals)) => {
                let (found, names) = all(arrivals);
                seeds.extend([true, false].map(|is_json| arrivals_as(is_json, &found, &names)));
            }
            Ok(Opened::Machines(machines)) => {
                let (found, names) = all(machines);
                seeds.extend([true, false].map(|is_json| machines_as(is_json, &found, &names)));
            }
            Err(_) => {}
        }
    }
    seeds
}

/// As what it looks like, and as every format of text.
pub(super) fn text(bytes: &[u8]) {
    match detect(&mut source(bytes)) {
        Ok(format) => met(("seen", format.name())),
        Err(error) => met_read_error("unseen", &error),
    }
    for (format, _) in FORMATS {
        if !matches!(format, Format::SurfTasks) {
            opened(format, bytes);
        }
    }
    drop(all_of(google2011::job_events(source(bytes), Names::new())));
    drop(all_of(google2011::task_events(source(bytes), Names::new())));
    drop(all_of(google2011::task_usage(source(bytes), Names::new())));
    let measure = omega::Measure::Time;
    drop(all_of(omega::distribution(source(bytes), Names::new(), measure)));
}

/// As tasks, and as fragments.
pub(super) fn parquet(bytes: &[u8]) {
    opened(Format::SurfTasks, bytes);
    let bytes = Cursor::new(bytes.to_vec());
    drop(all_of(surf::fragments("it", bytes, Names::new())));
}

/// As it is, which its checksums refuse, and with checksums that fit, so that what is behind them
/// is met.
pub(super) fn own(bytes: &[u8]) {
    for format in [Format::Binary, Format::BinaryMachines, Format::Json, Format::JsonMachines] {
        opened(format, bytes);
        if matches!(format, Format::Binary | Format::BinaryMachines) {
            opened(format, &sealed(bytes, format == Format::Binary));
        }
    }
}

/// The bytes with a head, lengths and checksums that fit.
fn sealed(bytes: &[u8], of_arrivals: bool) -> Vec<u8> {
    let mut out = b"BOURSE\x1aT\x01\x00".to_vec();
    out.extend([if of_arrivals { 1 } else { 2 }, 0]);
    out.extend(&(xxh3_64(&out) as u32).to_le_bytes());
    let mut rest = bytes.get(16..).unwrap_or_default();
    while let Some((head, more)) = rest.split_at_checked(24) {
        let length = u32::from_le_bytes([head[8], head[9], head[10], head[11]]) as usize;
        let (payload, more) = more.split_at(length.min(more.len()));
        let mut block = head[..8].to_vec();
        block.extend(&(payload.len() as u32).to_le_bytes());
        block.extend(&head[12..16]);
        let checked = [&block[..], payload].concat();
        block.extend(&xxh3_64_with_seed(&checked, 0).to_le_bytes());
        out.extend(block);
        out.extend(payload);
        rest = more;
    }
    out
}

/// An error, with what is wrong where that is a text of ours.
fn met_read_error(place: &str, error: &ReadError) {
    met_error(place, error);
    match error {
        ReadError::Damaged { what, .. }
        | ReadError::Line { what, .. }
        | ReadError::Unknown { what, .. } => met((place, *what)),
        ReadError::Value { column, expected, .. } => met((place, *column, *expected)),
        _ => {}
    }
}

fn source(bytes: &[u8]) -> Source {
    let plain = Source::new("it", Cursor::new(bytes.to_vec()));
    // Bytes that begin as a packed file and are none have no first byte.
    plain.unwrap_or_else(|_| Source::new("it", Cursor::new(Vec::new())).expect("nothing"))
}

fn opened(format: Format, bytes: &[u8]) {
    match format.read(source(bytes), Names::new()) {
        Ok(Opened::Arrivals(arrivals)) => work(format, arrivals),
        Ok(Opened::Machines(found)) => machines(format, found),
        Err(error) => met_read_error(format.name(), &error),
    }
}

/// Everything that a reader gives; it says why when it ends early, and is over then.
fn all<T>(mut reader: Reader<T>) -> (Vec<T>, Names) {
    let mut found = Vec::new();
    for item in reader.by_ref() {
        match item {
            Ok(item) => found.push(item),
            Err(error) => {
                met_read_error("ended", &error);
                assert!(!error.to_string().is_empty());
            }
        }
        assert!(found.len() <= ROWS_MAX, "it does not end");
    }
    assert!(reader.next().is_none(), "it goes on after its end");
    for (note, _) in reader.notes().iter() {
        met(note.why);
    }
    (found, reader.into_names())
}

fn all_of<T>(reader: Result<Reader<T>, ReadError>) -> Vec<T> {
    match reader {
        Ok(reader) => all(reader).0,
        Err(error) => {
            met_read_error("refused", &error);
            Vec::new()
        }
    }
}

fn work(format: Format, arrivals: Arrivals) {
    let (found, names) = all(arrivals);
    met((format.name(), found.len().min(9)));
    let mut summary = WorkSummary::new();
    for arrival in &found {
        assert!(arrival.tasks > 0, "{arrival:?}");
        summary.add(arrival);
        met((arrival.gang, arrival.more, arrival.constraints.is_some(), arrival.class));
    }
    drop((summary.asked(), summary.durations(), summary.hours()));
    if found.is_empty() {
        return;
    }
    let again = |is_json, open: fn(_, _) -> _| {
        let bytes = arrivals_as(is_json, &found, &names);
        assert_eq!(all_of::<Arrival>(open(source(&bytes), names.clone())), found);
    };
    again(true, json_arrivals);
    again(false, binary_arrivals);
    let steps = [
        Transform::Sort,
        Transform::ScaleTime("7/3".parse::<Ratio>().expect("a ratio")),
        Transform::Sample { per_mille: PerMille::new(900).expect("a part") },
        Transform::Shuffle { keep_times: true },
    ];
    let count = apply(&steps, 1, Arrivals::of(found.clone(), names)).count();
    assert!(count <= found.len());
}

fn machines(format: Format, machines: Machines) {
    let (found, names) = all(machines);
    met((format.name(), found.len().min(9)));
    let mut summary = MachinesSummary::new();
    found.iter().for_each(|event| summary.add(event, &names));
    drop((summary.capacity(), summary.models()));
    let again = |is_json, open: fn(_, _) -> _| {
        let bytes = machines_as(is_json, &found, &names);
        assert_eq!(all_of::<MachineEvent>(open(source(&bytes), names.clone())), found);
    };
    again(true, json_machines);
    again(false, binary_machines);
}

fn arrivals_as(is_json: bool, found: &[Arrival], names: &Names) -> Vec<u8> {
    written(is_json, Of::Arrivals, names, |writer| {
        for arrival in found {
            writer.arrival(arrival, names).expect("memory takes it");
        }
    })
}

fn machines_as(is_json: bool, found: &[MachineEvent], names: &Names) -> Vec<u8> {
    written(is_json, Of::Machines, names, |writer| {
        for event in found {
            writer.machine(event, names).expect("memory takes it");
        }
    })
}

fn written(is_json: bool, of: Of, names: &Names, put: impl Fn(&mut dyn Write)) -> Vec<u8> {
    let mut out = Vec::new();
    {
        let mut writer: Box<dyn Write + '_> = match is_json {
            true => Box::new(JsonWriter::new(&mut out, of)),
            false => Box::new(BinaryWriter::new(&mut out, of)),
        };
        put(&mut *writer);
        writer.finish(names).expect("memory takes it");
    }
    out
}
