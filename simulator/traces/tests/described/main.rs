//! Formats are seen in the first lines of a file, and a trace is summed up without holding it.

#![forbid(unsafe_code)]

use std::{io::Cursor, path::Path};
use traces::{
    Source,
    describe::{MachinesSummary, Percentiles, WorkSummary, mended},
    model::{Names, Shape},
    open::{FORMATS, Format, Opened, detect, open},
    own::{JsonWriter, Of, Write},
};

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn seen(text: &[u8]) -> Result<Format, String> {
    let mut source = Source::new("it", Cursor::new(text.to_vec())).unwrap();
    detect(&mut source).map_err(|error| error.to_string())
}

fn work(name: &str) -> (WorkSummary, Vec<String>) {
    let Opened::Arrivals(mut arrivals) = open(&data(name), None, Names::new()).unwrap() else {
        panic!("{name} holds machines");
    };
    let mut summary = WorkSummary::new();
    arrivals.by_ref().for_each(|arrival| summary.add(&arrival.unwrap()));
    let mended = mended(arrivals.notes());
    (summary, mended.into_iter().map(|row| format!("{} {}", row.rows, row.what)).collect())
}

#[test]
fn every_file_of_ours_is_known_by_what_it_holds() {
    let files = [
        ("openb_nodes.csv", Format::OpenbNodes),
        ("openb_pods.csv", Format::OpenbPods),
        ("omega_jobs.csv", Format::OmegaJobs),
        ("google2019_hosts.csv", Format::Google2019Hosts),
        ("google2019_requests.csv", Format::Google2019Requests),
        ("log.swf", Format::Swf),
        ("metacentrum.swf", Format::Swf),
        ("log.machines", Format::SwfMachines),
        ("philly.csv", Format::PhillyJobs),
        ("philly_nodes.csv", Format::PhillyNodes),
        ("batch2017.csv", Format::AlibabaBatch2017),
        ("inference2025.csv", Format::AlibabaInference2025),
        ("nodes2026.csv", Format::AlibabaNodes2026),
        ("prefill.log", Format::OmegaPrefill),
        ("machine_events.csv", Format::Google2011Machines),
        ("machine_attributes.csv", Format::Google2011Attributes),
        ("task_events.csv", Format::Google2011Tasks),
        ("tasks_snappy.parquet", Format::SurfTasks),
    ];
    for (file, format) in files {
        let mut source = Source::open(&data(file)).unwrap();
        assert_eq!(detect(&mut source).unwrap(), format, "{file}");
        // Nothing of what was looked at is lost.
        let rows = match open(&data(file), None, Names::new()).unwrap() {
            Opened::Arrivals(arrivals) => arrivals.filter(|it| it.as_ref().is_ok()).count(),
            Opened::Machines(machines) => machines.filter(|it| it.as_ref().is_ok()).count(),
        };
        assert!(rows > 0, "{file}");
    }
}

#[test]
fn our_own_forms_are_known_by_their_marks() {
    let mut out = Vec::new();
    JsonWriter::new(&mut out, Of::Machines).finish(&Names::new()).unwrap();
    assert_eq!(seen(&out), Ok(Format::JsonMachines));
    assert_eq!(seen(b"{\"bourse_trace\":1,\"of\":\"arrivals\"}\n"), Ok(Format::Json));
    assert_eq!(seen(b"BOURSE\x1aT\x01\x00\x02"), Ok(Format::BinaryMachines));
    assert_eq!(seen(b"BOURSE\x1aT\x01\x00\x01"), Ok(Format::Binary));
}

#[test]
fn what_holds_no_trace_is_said_to_be_unknown() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "it is empty"),
        (b"a,b,c\n", "its columns are those of no format that is known"),
        (b"1,2,3\n", "its rows have as many fields as those of no format that is known"),
        (
            b"0,,1,0,u,3,x,y\n",
            "it looks like job_events of 2011, which have neither shapes nor machines",
        ),
        (b"C g 0 0.5\n", "it looks like a distribution, which holds neither work nor machines"),
        (b"hello\n", "its first line is that of no format that is known"),
        (b"\x00\xff\xfe", "its first line is that of no format that is known"),
    ];
    for (text, message) in cases {
        assert_eq!(seen(text), Err(format!("it: {message}; name its format")));
    }
    let error = open(&data("job_events.csv"), None, Names::new()).unwrap_err().to_string();
    assert!(error.ends_with("name its format"), "{error}");
}

#[test]
fn names_of_formats_are_all_different_and_lead_back() {
    for (format, name) in FORMATS {
        assert_eq!((Format::of_name(name), format.name()), (Some(format), name));
    }
    assert_eq!(Format::of_name("csv"), None);
}

#[test]
fn work_is_summed_up() {
    let (summary, notes) = work("metacentrum.swf");
    assert_eq!((summary.arrivals, summary.jobs, summary.tasks), (5, 4, 7));
    assert_eq!((summary.users(), summary.queues()), (2, 2));
    assert_eq!((summary.gangs, summary.constrained, summary.with_duration), (3, 3, 4));
    assert_eq!(summary.span_ns, Some((0, 100_000_000_000)));
    assert!(!summary.is_sorted);
    let asked = summary.asked();
    assert_eq!((asked[0].kind, asked[0].unit, asked[0].asked), ("cpus", "cores", 72.5));
    let each = Percentiles { min: 1_000, p50: 1_500, p90: 64_000, p99: 64_000, max: 64_000 };
    assert_eq!(asked[0].each, Some(each));
    assert_eq!(asked.len(), 2);
    // 64 cores for 500 s, 5 for 500 s, 2 for 9 s.
    assert!((asked[0].unit_hours - 34_518.0 / 3_600.0).abs() < 1e-9);
    assert_eq!(notes.len(), 2);
    assert_eq!(summary.durations().map(|it| it.max), Some(500_000_000_000));
}

#[test]
fn machines_are_summed_up() {
    let mut summary = MachinesSummary::new();
    let Opened::Machines(mut machines) =
        open(&data("openb_nodes.csv"), None, Names::new()).unwrap()
    else {
        panic!("they are machines");
    };
    while let Some(event) = machines.next() {
        summary.add(&event.unwrap(), machines.names());
    }
    assert_eq!((summary.events, summary.added, summary.updates), (2, 2, 0));
    let models: Vec<_> =
        summary.models().into_iter().map(|it| (it.model, it.machines, it.cards)).collect();
    assert_eq!(models, [(String::new(), 1, 0), ("G9".into(), 1, 8)]);
    let capacity: Vec<_> = summary.capacity().into_iter().map(|it| (it.kind, it.amount)).collect();
    assert_eq!(capacity, [("cpus", 128.0), ("mem", 524_288.0), ("gpus", 8.0)]);
    assert!(Shape::ZERO.is_zero());
}

/// Published files that hold neither work nor machines, by the ends of their names.
const OTHERS: [&str; 6] = [
    "README.md",
    "results.csv",
    "_discrete.csv.gz",
    "job_events-sample.csv.gz",
    "task_usage-sample.csv.gz",
    "fragments.parquet",
];

#[test]
fn every_published_file_is_known() {
    let Some(folder) = std::env::var_os("BOURSE_TRACES") else {
        // Not a failure anywhere: they may not be published together with this repository.
        println!("SKIPPED every_published_file_is_known: BOURSE_TRACES names no folder of traces");
        return;
    };
    let (mut folders, mut known) = (vec![std::path::PathBuf::from(folder)], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !OTHERS.iter().any(|end| name.ends_with(end)) {
                let first = match open(&path, None, Names::new()) {
                    Ok(Opened::Arrivals(mut arrivals)) => arrivals.next().map(|it| it.map(drop)),
                    Ok(Opened::Machines(mut machines)) => machines.next().map(|it| it.map(drop)),
                    Err(error) => panic!("{error}"),
                };
                first.unwrap().unwrap_or_else(|error| panic!("{error}"));
                known += 1;
            }
        }
    }
    assert!(known > 60, "{known}");
}
