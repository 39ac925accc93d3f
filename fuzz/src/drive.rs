//! Runs a target: first what once failed, then the seeds, then mutants for as long as is wanted.

use crate::{Target, mutate::Mutator, situation};
use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    time::{Duration, Instant},
};

/// Survivors that are mutated on; a target that has more situations than these has told too many.
const POOL_MAX: usize = 20_000;
/// So often is it tried to make an input shorter that failed.
const SHORTER_TRIES_MAX: usize = 400;

/// For how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// So many mutants.
    Executions(u64),
    /// So long.
    Time(Duration),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Runs of the target.
    pub executions: u64,
    /// Different situations that were met.
    pub situations: usize,
    /// Inputs that are worth mutating.
    pub pool: usize,
}

/// Where the inputs are kept with which a target once failed.
pub fn regressions_of(target: &Target) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("regressions").join(target.name)
}

/// Runs a target.
///
/// # Panics
/// As the target does, after the input was made shorter and written to a file.
pub fn drive(target: &Target, bound: Bound, seed: u64) -> Summary {
    let mut run = Run::new(target, seed);
    for (name, input) in regressions(target) {
        eprintln!("{}: once failed with {name}", target.name);
        run.take(input);
    }
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} begins with something", target.name);
    seeds.into_iter().for_each(|input| run.take(input));
    let end = match bound {
        Bound::Executions(_) => None,
        Bound::Time(time) => Some(Instant::now() + time),
    };
    let is_over = |executions: u64| match (bound, end) {
        (Bound::Executions(most), _) => executions >= most,
        (_, end) => executions.is_multiple_of(16) && end.is_some_and(|end| Instant::now() >= end),
    };
    while !is_over(run.executions) {
        let input = run.mutator.mutant(&run.pool);
        run.feed(input);
    }
    let (executions, situations) = (run.executions, run.met.len());
    Summary { executions, situations, pool: run.pool.len() }
}

struct Run<'a> {
    target: &'a Target,
    mutator: Mutator,
    pool: Vec<Vec<u8>>,
    met: BTreeSet<u64>,
    executions: u64,
}

impl<'a> Run<'a> {
    fn new(target: &'a Target, seed: u64) -> Self {
        let mutator = Mutator::new(target.form, seed);
        Self { target, mutator, pool: Vec::new(), met: BTreeSet::new(), executions: 0 }
    }

    /// Runs it, and keeps it whatever it meets.
    fn take(&mut self, input: Vec<u8>) {
        self.feed(input.clone());
        self.mutator.learn(&input);
        if self.pool.last() != Some(&input) {
            self.pool.push(input);
        }
    }

    /// Runs it, and keeps it if it meets something new.
    fn feed(&mut self, input: Vec<u8>) {
        self.executions += 1;
        situation::take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.target.run)(&input))) {
            report(self.target, &input);
            resume_unwind(panic);
        }
        let before = self.met.len();
        self.met.extend(situation::take());
        if self.met.len() > before && self.pool.len() < POOL_MAX {
            self.mutator.learn(&input);
            self.pool.push(input);
        }
    }
}

/// Every file with its name.
fn regressions(target: &Target) -> Vec<(String, Vec<u8>)> {
    // A target that never failed has no folder.
    let Ok(files) = fs::read_dir(regressions_of(target)) else { return Vec::new() };
    let mut found: Vec<_> = files
        .map(|file| {
            let path = file.expect("a folder of the repository").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a file of the repository"))
        })
        .collect();
    found.sort();
    found
}

/// Writes the input that failed, as short as it was made.
fn report(target: &Target, input: &[u8]) {
    let short = shorter(target, input.to_vec());
    let hash = xxhash_rust::xxh3::xxh3_64(&short);
    let path = std::env::temp_dir().join(format!("{}-{hash:016x}", target.name));
    let place = match fs::write(&path, &short) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("nowhere: {error}"),
    };
    let regressions = regressions_of(target);
    eprintln!(
        "{} failed; the input, {} bytes, is in {place}; once it is understood, give it a name in {}",
        target.name,
        short.len(),
        regressions.display()
    );
}

/// Leaves parts out for as long as it still fails.
fn shorter(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let fails = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err();
    let mut part = input.len() / 2;
    let mut tries = 0;
    while part > 0 && tries < SHORTER_TRIES_MAX {
        let mut at = 0;
        while at + part <= input.len() && tries < SHORTER_TRIES_MAX {
            tries += 1;
            let mut without = input.clone();
            without.drain(at..at + part);
            match fails(&without) {
                true => input = without,
                false => at += part,
            }
        }
        part /= 2;
    }
    input
}
