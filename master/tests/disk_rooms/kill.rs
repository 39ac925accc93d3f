//! A real process on a real directory, killed with signal 9 while it writes.
//!
//! The test starts itself again as the victim, reads the indexes it reports as durable, kills it
//! at a random report, and opens what is left.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use master::disk::{
    Batch, ClusterId, DataDirectory, LogStore, LogWriter, Opening, WriteRequest, WriterEvent,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::scribe::{entry, hard_state};

/// Set only in the victim: the data directory.
const VICTIM: &str = "BOURSE_TEST_DISK_VICTIM";
/// What the victim's reports start with, to tell them from the test harness's own lines.
const REPORT: &str = "durable ";
const ROUNDS: u64 = 8;

fn opening() -> Opening {
    let cluster: ClusterId = "north".to_owned().try_into().unwrap();
    Opening { cluster, node: 1, bootstrap: true }
}

/// What entry `index` must contain, so that a reader needs nothing but the index.
fn content(index: u64) -> Vec<u8> {
    let length = (index * 37 % 500) as usize;
    index.to_le_bytes().into_iter().cycle().take(length).collect()
}

/// Writes until it is killed.
fn be_the_victim(path: &Path) {
    let mut directory = DataDirectory::open(path, &opening()).unwrap();
    let mut log = directory.open_log().unwrap();
    let mut index = log.load().unwrap().last().index;
    let first_number = index + 1;
    let (sender, events) = std::sync::mpsc::sync_channel(64);
    let writer = LogWriter::start(log, 16, move |event| sender.send(event).unwrap()).unwrap();
    let mut durable = index;
    loop {
        while index < durable + 8 {
            index += 1;
            let batch = Batch {
                hard_state: Some(hard_state(1, 1, index.max(first_number) - 1)),
                entries: vec![entry(index, 1, &content(index))],
                ..Batch::default()
            };
            writer.submit(WriteRequest { number: index, batch }).unwrap();
        }
        match events.recv().unwrap() {
            WriterEvent::Persisted { number } => durable = number,
            other => panic!("{other:?}"),
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{REPORT}{durable}").unwrap();
        out.flush().unwrap();
    }
}

/// Killed also when the test fails.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a victim, lets it report some steps, kills it; answers its last report.
fn kill_after(path: &Path, reports: usize) -> u64 {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::nothing_reported_durable_is_lost_by_kill_nine", "--nocapture"])
        .env(VICTIM, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut victim = Victim(child);
    let mut lines = BufReader::new(victim.0.stdout.take().unwrap()).lines();
    let mut last = None;
    let mut seen = 0;
    while seen < reports {
        let line = lines.next().expect("the victim ended by itself").unwrap();
        if let Some(index) = line.strip_prefix(REPORT) {
            last = Some(index.parse().unwrap());
            seen += 1;
        }
    }
    victim.0.kill().unwrap();
    // Reports it made before the signal reached it count as well; the very last may be torn.
    for line in lines.map_while(Result::ok) {
        if let Some(Ok(index)) = line.strip_prefix(REPORT).map(str::parse::<u64>) {
            last = last.max(Some(index));
        }
    }
    last.expect("at least one report was read")
}

#[test]
fn nothing_reported_durable_is_lost_by_kill_nine() {
    if let Some(path) = std::env::var_os(VICTIM) {
        be_the_victim(Path::new(&path));
    }
    let mut random = Pcg64Mcg::seed_from_u64(3);
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("data");
    let mut before = 0;
    for round in 0..ROUNDS {
        let reported = kill_after(&path, random.random_range(1..60));
        assert!(reported > before, "round {round}: the victim made no progress");
        let mut directory = DataDirectory::open(&path, &opening()).unwrap();
        let restored = directory.open_log().unwrap().load().unwrap();
        let last = restored.last().index;
        assert!(last >= reported, "round {round}: reported {reported}, found {last}");
        assert_eq!(restored.entries.len() as u64, last);
        for entry in &restored.entries {
            assert_eq!(entry.data, content(entry.index), "round {round}, entry {}", entry.index);
        }
        before = last;
    }
}
