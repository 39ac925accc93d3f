//! How many rows a second does each form of trace give? `cargo run --release -p traces --example
//! reading [FORM]`; with `BOURSE_TRACES`, the largest published files as well.
//!
//! Rows are made in memory, then read once to warm up and five times for the figure. Time is that
//! of this thread on a processor, so that it says the same on a busy machine. The targets of the
//! simulator are a million rows of text and ten million of our binary form.

#![forbid(unsafe_code)]

use std::{
    env, fs,
    io::{self, Cursor, Write as _},
    path::{Path, PathBuf},
};
use traces::{
    ReadError, Reader, Source,
    formats::{alibaba, google2019, omega, openb, philly, surf, swf},
    model::{Arrival, Names},
    own::{BinaryWriter, JsonWriter, Of, Write, binary_arrivals, json_arrivals},
};

const ROWS: u64 = 1_000_000;
const RUNS: u32 = 5;

type Open = fn(Source, Names) -> Result<Reader<Arrival>, ReadError>;

/// Nanoseconds of this thread on a processor.
fn processor_ns() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux kernel");
    text.split(' ').next().and_then(|text| text.parse().ok()).expect("a number of nanoseconds")
}

fn count<T>(reader: Result<Reader<T>, ReadError>) -> u64 {
    let mut rows = 0;
    for item in reader.expect("a head") {
        std::hint::black_box(item.expect("a row"));
        rows += 1;
    }
    rows
}

/// Prints how fast `read` is, which says how many rows it gave.
fn measure(name: &str, bytes: u64, read: impl Fn() -> u64) {
    if env::args().nth(1).is_some_and(|wanted| !name.contains(&wanted)) {
        return;
    }
    let rows = read();
    let began = processor_ns();
    for _ in 0..RUNS {
        assert_eq!(read(), rows);
    }
    let seconds = (processor_ns() - began) as f64 / 1e9 / f64::from(RUNS);
    println!(
        "{name:<28} {rows:>9} rows, {:>6.1} MB: {:>6.2} M rows/s, {:>5.0} MB/s",
        bytes as f64 / 1e6,
        rows as f64 / seconds / 1e6,
        bytes as f64 / seconds / 1e6,
    );
}

fn measure_bytes(name: &str, bytes: &[u8], open: Open) {
    // The copy is a part of the time, and some hundred times faster than what is measured.
    let source = || Source::new(name, Cursor::new(bytes.to_vec())).expect("bytes");
    measure(name, bytes.len() as u64, || count(open(source(), Names::new())));
}

/// Numbers without a pattern that a processor could learn.
fn mixed(row: u64) -> u64 {
    let mixed = (row ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 29
}

fn text(head: &str, line: impl Fn(u64, &mut Vec<u8>) -> io::Result<()>) -> Vec<u8> {
    let mut out = head.as_bytes().to_vec();
    for row in 0..ROWS {
        line(row, &mut out).expect("memory takes it");
    }
    out
}

fn openb_text() -> Vec<u8> {
    let head = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,\
                deletion_time,scheduled_time\n";
    text(head, |row, out| {
        let it = mixed(row);
        let (cpus, mem, milli) = (it % 96_000, it >> 8 & 0x3ffff, it % 1_000 + 1);
        let (spec, qos) = (["", "G2", "V1|V2"][it as usize % 3], ["LS", "BE"][it as usize & 1]);
        writeln!(
            out,
            "openb-pod-{row:07},{cpus},{mem},1,{milli},{spec},{qos},Running,{row},{},{}",
            row + 9_000,
            row + 2,
        )
    })
}

fn google_text() -> Vec<u8> {
    text("time,user,collection_id,instance_index,cpus,ram,collection_type\n", |row, out| {
        let it = mixed(row);
        let (cpus, ram) = (it % 1_000 * 7, it >> 12 & 0xffff_ffff);
        writeln!(
            out,
            "{},ly4HE4d+6E8BqXgm6E1eGNKu8OiiZE+Gj{:03}YUMRFDU=,{},{row},0.00{cpus:04}09082,\
             0.0{ram:012},0",
            row * 61,
            it % 500,
            374_471_491_589 + it % 999,
        )
    })
}

fn swf_text() -> Vec<u8> {
    text("; Version: 2.2\n", |row, out| {
        let it = mixed(row);
        let (procs, ran) = (1 + it % 64, it >> 9 & 0xffff);
        writeln!(
            out,
            "{row:>7} {:>9} {:>6} {ran:>6} {procs:>4} {ran} -1 {procs:>4} {:>6} -1 1 {:>3} 1 1 -1 1 \
             -1 -1",
            row * 7,
            it % 300,
            ran * 2,
            it % 200,
        )
    })
}

fn omega_text() -> Vec<u8> {
    let head = "job_id,workload,submit_s,num_tasks,task_duration_s,cpus_per_task,mem_gb_per_task\n";
    text(head, |row, out| {
        let it = mixed(row);
        let (part, tasks) = (it % 1_000_000, 1 + it % 300);
        writeln!(out, "{row},Batch,{row}.{part:06},{tasks},{}.{part:06},1.0,2.0", it % 900)
    })
}

/// The same arrivals in our own forms.
fn own(is_json: bool, from: &[u8], open: Open) -> Vec<u8> {
    let source = Source::new("made", Cursor::new(from.to_vec())).expect("bytes");
    let mut reader = open(source, Names::new()).expect("a head");
    let mut out = Vec::new();
    {
        let mut writer: Box<dyn Write + '_> = if is_json {
            Box::new(JsonWriter::new(&mut out, Of::Arrivals))
        } else {
            Box::new(BinaryWriter::new(&mut out, Of::Arrivals))
        };
        while let Some(arrival) = reader.next() {
            writer.arrival(&arrival.expect("a row"), reader.names()).expect("memory takes it");
        }
        writer.finish(reader.names()).expect("memory takes it");
    }
    out
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).and_then(|()| out.finish()).expect("memory takes it")
}

fn published(folder: &Path) {
    let files: [(&str, Open); 4] = [
        ("swf/LCG-2005-1.swf.gz", swf::jobs),
        ("philly-derived/trace_job_Philly_MIX2.csv.gz", philly::jobs),
        ("alibaba-dlrm-gpu-2025/disaggregated_DLRM_trace.csv.gz", alibaba::inference2025),
        ("omega-sim-reference/exp-loaded.jobs.csv.gz", omega::jobs),
    ];
    for (file, open) in files {
        let path = folder.join(file);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let size = fs::metadata(&path).map_or(0, |meta| meta.len());
        measure(&name.unwrap_or_default(), size, || {
            count(open(Source::open(&path).expect("a file"), Names::new()))
        });
    }
    let path = folder.join("surf-lisa-2022/surf_week_fragments.parquet");
    let size = fs::metadata(&path).map_or(0, |meta| meta.len());
    measure("surf_week_fragments.parquet", size, || {
        count(surf::fragments("it", fs::File::open(&path).expect("a file"), Names::new()))
    });
}

fn main() {
    let texts: [(&str, Vec<u8>, Open); 4] = [
        ("openb", openb_text(), openb::pods),
        ("google2019", google_text(), google2019::requests),
        ("swf", swf_text(), swf::jobs),
        ("omega", omega_text(), omega::jobs),
    ];
    for (name, bytes, open) in &texts {
        measure_bytes(name, bytes, *open);
        measure_bytes(&format!("{name}, gzip"), &packed(bytes), *open);
        measure_bytes(&format!("{name} as JSON"), &own(true, bytes, *open), json_arrivals);
        measure_bytes(&format!("{name} as binary"), &own(false, bytes, *open), binary_arrivals);
    }
    if let Some(folder) = env::var_os("BOURSE_TRACES") {
        published(&PathBuf::from(folder));
    }
}
