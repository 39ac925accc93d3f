//! Where figures were taken: without it they mean nothing.

use crate::samples::Samples;
use std::{fs, io, os::unix::fs::FileExt as _, path::Path, time::Instant};

/// The host, as far as it decides speed.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Processors.
    pub processors: usize,
    /// Their model.
    pub model: String,
    /// Version of the kernel.
    pub kernel: String,
}

impl Machine {
    /// This host.
    pub fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let information = read("/proc/cpuinfo");
        let model = information.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map_or("unknown", |text| text.trim_start_matches([':', '\t', ' ']));
        Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            model: model.to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

/// Load averages over 1, 5 and 15 minutes, as the kernel prints them.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// What one 4 KiB write and its sync take in a directory: the middle of so many, in microseconds.
/// Beside it figures from different disks can be compared.
pub fn sync_micros(directory: &Path, count: u64) -> io::Result<f64> {
    let path = directory.join("sync-probe");
    let file = fs::File::create(&path)?;
    file.set_len(4_096 * 64)?;
    file.sync_all()?;
    let mut times = Samples::default();
    for number in 0..count {
        let block = [u8::try_from(number % 251).expect("below 251"); 4_096];
        let start = Instant::now();
        file.write_all_at(&block, number % 64 * 4_096)?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    fs::remove_file(path)?;
    Ok(times.median())
}
