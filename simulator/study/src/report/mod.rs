//! What is kept of a study: numbers for programs, tables for spreadsheets, charts and one page for
//! people.
//!
//! | file | what it holds |
//! |---|---|
//! | `summary.json` | the study's file, every run, means, what was expected and came, the digest |
//! | `runs.csv` | a line for each run: what was swept and repeated, its numbers, its digest |
//! | `curves.csv` | a line for each point of each curve: mean, deviation, interval |
//! | `NAME.svg` | a chart for each measure |
//! | `report.html` | all of it on one page that needs nothing else |

mod chart;
mod page;
mod tables;

pub(crate) use tables::quoted;

use crate::{campaign::Run, outcome::Outcome, plan::Study};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// What is kept of a study, for programs.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    /// The study's name.
    pub name: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Where it comes from.
    pub source: &'a str,
    /// Of the program that ran it.
    pub version: &'static str,
    /// The study's file.
    pub file: &'a str,
    /// What it says.
    #[serde(flatten)]
    pub outcome: &'a Outcome,
    /// Every run.
    pub each: Vec<Each<'a>>,
}

/// One run, for programs.
#[derive(Debug, Serialize)]
pub struct Each<'a> {
    /// What was swept.
    pub labels: &'a BTreeMap<String, String>,
    /// What was repeated.
    pub repeats: &'a BTreeMap<String, u64>,
    /// Its numbers.
    pub scalars: &'a BTreeMap<String, f64>,
    /// Queues that still grew at the end, with how many were left.
    pub saturated: &'a BTreeMap<String, u64>,
    /// Of everything that happened, in hexadecimal.
    pub digest: String,
}

/// A study that was run.
#[derive(Debug, Clone, Copy)]
pub struct Ran<'a> {
    /// What was asked.
    pub study: &'a Study,
    /// Its file.
    pub file: &'a str,
    /// What the runs said.
    pub runs: &'a [Run],
    /// What that comes to.
    pub outcome: &'a Outcome,
}

impl<'a> Ran<'a> {
    /// For programs.
    pub fn summary(self) -> Summary<'a> {
        let each = self.runs.iter().map(|run| Each {
            labels: &run.labels,
            repeats: &run.repeats,
            scalars: &run.measures.scalars,
            saturated: &run.measures.saturated,
            digest: format!("{:016x}", run.measures.digest),
        });
        Summary {
            name: &self.study.name,
            title: &self.study.title,
            source: &self.study.source,
            version: env!("CARGO_PKG_VERSION"),
            file: self.file,
            outcome: self.outcome,
            each: each.collect(),
        }
    }

    /// Writes all files into a directory, which is made.
    ///
    /// # Errors
    /// When a file cannot be written; those before it are.
    pub fn write(self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        fs::create_dir_all(directory)?;
        let charts = chart::all(self.outcome);
        let page = page::page(self, &charts);
        let mut files = vec![
            ("summary.json".to_owned(), serde_json::to_string_pretty(&self.summary())?),
            ("runs.csv".to_owned(), tables::runs(self.runs)),
            ("curves.csv".to_owned(), tables::curves(self.outcome)),
            ("report.html".to_owned(), page),
        ];
        files.extend(charts.into_iter().map(|chart| (format!("{}.svg", chart.name), chart.svg)));
        let write = |(name, text): (String, String)| {
            let path = directory.join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        files.into_iter().map(write).collect()
    }
}
