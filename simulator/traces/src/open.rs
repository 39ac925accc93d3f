//! Opens a file whose format is told, or seen in its first lines.
//!
//! What a file is called does not count. Tables with a header are known by the columns in it,
//! header-less ones by how many fields they have, the others by their marks.

use crate::{
    error::ReadError,
    formats::{alibaba, google2011, google2019, omega, openb, philly, surf, swf},
    model::{Arrival, MachineEvent, Names},
    own,
    reader::{Arrivals, Machines, Reader},
    source::Source,
};
use std::{fs, path::Path};

/// How much of a file is looked at.
const LOOK_BYTES: u64 = 64 << 10;

/// Every format that holds arrivals or machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the name of a function of `formats` or `own`")]
pub enum Format {
    Binary,
    BinaryMachines,
    Json,
    JsonMachines,
    OpenbPods,
    OpenbNodes,
    OmegaJobs,
    OmegaPrefill,
    OmegaPrefillOfTasks,
    Google2019Requests,
    Google2019Hosts,
    Google2011Tasks,
    Google2011Machines,
    Google2011Attributes,
    Swf,
    SwfMachines,
    PhillyJobs,
    PhillyNodes,
    AlibabaBatch2017,
    AlibabaInference2025,
    AlibabaNodes2026,
    SurfTasks,
}

/// A file that is open.
#[derive(Debug)]
pub enum Opened {
    /// Work.
    Arrivals(Arrivals),
    /// Machines.
    Machines(Machines),
}

use Format::{
    AlibabaBatch2017, AlibabaInference2025, AlibabaNodes2026, Binary, BinaryMachines,
    Google2011Attributes, Google2011Machines, Google2011Tasks, Google2019Hosts, Google2019Requests,
    Json, JsonMachines, OmegaJobs, OmegaPrefill, OmegaPrefillOfTasks, OpenbNodes, OpenbPods,
    PhillyJobs, PhillyNodes, SurfTasks, Swf, SwfMachines,
};

/// Every format, with the name by which people choose it.
pub const FORMATS: [(Format, &str); 22] = [
    (Binary, "binary"),
    (BinaryMachines, "binary-machines"),
    (Json, "json"),
    (JsonMachines, "json-machines"),
    (OpenbPods, "openb-pods"),
    (OpenbNodes, "openb-nodes"),
    (OmegaJobs, "omega-jobs"),
    (OmegaPrefill, "omega-prefill"),
    (OmegaPrefillOfTasks, "omega-prefill-of-tasks"),
    (Google2019Requests, "google2019-requests"),
    (Google2019Hosts, "google2019-hosts"),
    (Google2011Tasks, "google2011-tasks"),
    (Google2011Machines, "google2011-machines"),
    (Google2011Attributes, "google2011-attributes"),
    (Swf, "swf"),
    (SwfMachines, "swf-machines"),
    (PhillyJobs, "philly-jobs"),
    (PhillyNodes, "philly-nodes"),
    (AlibabaBatch2017, "alibaba-batch2017"),
    (AlibabaInference2025, "alibaba-inference2025"),
    (AlibabaNodes2026, "alibaba-nodes2026"),
    (SurfTasks, "surf-tasks"),
];

/// Columns by which a header is known; the first entry of which it has all counts.
const HEADERS: [(Format, &[&str]); 10] = [
    (OpenbPods, &["cpu_milli", "num_gpu"]),
    (OpenbNodes, &["sn", "cpu_milli"]),
    (OmegaJobs, &["workload", "num_tasks"]),
    (Google2019Hosts, &["ram", "machine_count"]),
    (Google2019Requests, &["ram", "collection_id"]),
    (PhillyJobs, &["num_gpu", "submit_time"]),
    (PhillyNodes, &["time", "active"]),
    (AlibabaBatch2017, &["instances_num", "submit_time"]),
    (AlibabaInference2025, &["app_name", "rdma_request"]),
    (AlibabaNodes2026, &["gpu_capacity_num", "cpu_num"]),
];

/// Opens a file; its format is looked for if it is not told. A packed file must hold text or one of
/// our own forms.
pub fn open(path: &Path, format: Option<Format>, names: Names) -> Result<Opened, ReadError> {
    let mut source = Source::open(path)?;
    let format = match format {
        Some(format) => format,
        None => detect(&mut source)?,
    };
    if format == SurfTasks {
        let (name, file) = in_place(path)?;
        return surf::tasks(&name, file, names).map(Opened::Arrivals);
    }
    format.read(source, names)
}

/// Opens a file of what tasks used, as SURF's.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn fragments(path: &Path, names: Names) -> Result<Reader<surf::Fragment>, ReadError> {
    let (name, file) = in_place(path)?;
    surf::fragments(&name, file, names)
}

/// A file that is read from its end, with its name.
fn in_place(path: &Path) -> Result<(String, fs::File), ReadError> {
    let name = path.display().to_string();
    let opened = fs::File::open(path);
    let file = opened.map_err(|source| ReadError::Bytes {
        file: name.as_str().into(),
        offset: 0,
        source,
    })?;
    Ok((name, file))
}

/// Says what a source holds, by its first bytes.
pub fn detect(source: &mut Source) -> Result<Format, ReadError> {
    let file = std::sync::Arc::clone(source.file());
    let first = source.peek(LOOK_BYTES)?;
    seen(first).map_err(|what| ReadError::Unknown { file, what })
}

impl Format {
    /// The name by which people choose it.
    pub fn name(self) -> &'static str {
        FORMATS.iter().find(|(it, _)| *it == self).map_or("", |(_, name)| name)
    }

    /// The format of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        FORMATS.iter().find(|(_, it)| *it == name).map(|(format, _)| *format)
    }

    /// Reads a stream of this format. Parquet is held whole, as it is read from its end.
    pub fn read(self, mut source: Source, names: Names) -> Result<Opened, ReadError> {
        type Open<T> = fn(Source, Names) -> Result<Reader<T>, ReadError>;
        let arrivals: Open<Arrival> = match self {
            Binary => own::binary_arrivals,
            Json => own::json_arrivals,
            OpenbPods => openb::pods,
            OmegaJobs => omega::jobs,
            OmegaPrefill => omega::prefill,
            OmegaPrefillOfTasks => omega::prefill_of_tasks,
            Google2019Requests => google2019::requests,
            Google2011Tasks => google2011::tasks,
            Swf => swf::jobs,
            PhillyJobs => philly::jobs,
            AlibabaBatch2017 => alibaba::batch2017,
            AlibabaInference2025 => alibaba::inference2025,
            SurfTasks => {
                let file = std::sync::Arc::clone(source.file());
                let bytes = source.all()?;
                let read = surf::tasks(&file, std::io::Cursor::new(bytes), names);
                return read.map(Opened::Arrivals);
            }
            _ => return self.machines(source, names),
        };
        arrivals(source, names).map(Opened::Arrivals)
    }

    fn machines(self, source: Source, names: Names) -> Result<Opened, ReadError> {
        let machines: fn(Source, Names) -> Result<Reader<MachineEvent>, ReadError> = match self {
            JsonMachines => own::json_machines,
            OpenbNodes => openb::nodes,
            Google2019Hosts => google2019::hosts,
            Google2011Machines => google2011::machine_events,
            Google2011Attributes => google2011::machine_attributes,
            SwfMachines => swf::machines,
            PhillyNodes => philly::nodes,
            AlibabaNodes2026 => alibaba::nodes2026,
            _ => own::binary_machines,
        };
        machines(source, names).map(Opened::Machines)
    }
}

/// What the first bytes of a file say that it is.
fn seen(first: &[u8]) -> Result<Format, &'static str> {
    if let Some(rest) = first.strip_prefix(own::BINARY_MAGIC) {
        return Ok(if rest.get(2) == Some(&2) { BinaryMachines } else { Binary });
    }
    if first.starts_with(b"PAR1") {
        return Ok(SurfTasks);
    }
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first);
    let mut lines = first.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let Some(line) = lines.find(|line| !line.is_empty()) else { return Err("it is empty") };
    if line.starts_with(own::JSON_MAGIC) {
        let is_machines = memchr::memmem::find(line, b"\"machines\"").is_some();
        return Ok(if is_machines { JsonMachines } else { Json });
    }
    if line.starts_with(b";") {
        return Ok(Swf);
    }
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
    // MetaCentrum's lists of nodes have commas, and no table with commas has so many blanks.
    let is_table = fields.len() > 1 && of_blanks(line) != Ok(Swf);
    if is_table { of_commas(&fields) } else { of_blanks(line) }
}

fn of_commas(fields: &[&[u8]]) -> Result<Format, &'static str> {
    let bare = |field: &&[u8]| {
        let field = field.strip_prefix(b"\"").unwrap_or(field);
        field.strip_suffix(b"\"").unwrap_or(field).to_vec()
    };
    let names: Vec<Vec<u8>> = fields.iter().map(bare).collect();
    let has = |name: &&str| names.iter().any(|it| it == name.as_bytes());
    if let Some((format, _)) = HEADERS.iter().find(|(_, columns)| columns.iter().all(has)) {
        return Ok(*format);
    }
    let is_number = |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    if !fields.first().is_some_and(|field| is_number(field)) {
        return Err("its columns are those of no format that is known");
    }
    match fields.len() {
        5 => Ok(Google2011Attributes),
        6 => Ok(Google2011Machines),
        8 => Err("it looks like job_events of 2011, which have neither shapes nor machines"),
        13 => Ok(Google2011Tasks),
        20 => Err("it looks like task_usage of 2011, which holds neither work nor machines"),
        _ => Err("its rows have as many fields as those of no format that is known"),
    }
}

fn of_blanks(line: &[u8]) -> Result<Format, &'static str> {
    if line.split(|byte| *byte == b'\t').count() == 6 {
        return Ok(SwfMachines);
    }
    let fields: Vec<&[u8]> =
        line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|it| !it.is_empty()).collect();
    match (fields.first(), fields.len()) {
        (Some(&b"11"), 8) | (Some(&b"12"), 6) => Ok(OmegaPrefill),
        (_, 17 | 18 | 21) => Ok(Swf),
        (_, 4) => Err("it looks like a distribution, which holds neither work nor machines"),
        _ => Err("its first line is that of no format that is known"),
    }
}
