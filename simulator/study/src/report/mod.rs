//! What is kept of a study: numbers for programs, tables for spreadsheets, charts and one page for
//! people.
//!
//! | file | what it holds |
//! |---|---|
//! | `summary.json` | the study's file, every run, means, what was expected and came, the digest |
//! | `runs.csv` | a line for each run: what was swept and repeated, its numbers, its digest |
//! | `curves.csv` | a line for each point of each curve: mean, deviation, interval |
//! | `NAME.svg` | a chart for each measure |
//! | `runs/N/*.svg` | where tasks or a timeline of a run were recorded, what they show |
//! | `report.html` | all of it on one page that needs nothing else |

mod chart;
mod comparison;
mod page;
mod plot;
mod single;
mod tables;

pub use comparison::comparison;
pub(crate) use tables::quoted;

use crate::{VERSION, campaign::Run, outcome::Outcome, plan::Study};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// What is kept of a study: everything that tables, charts and the page are made of, again if need
/// be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Summary {
    /// The study's name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// Where it comes from.
    pub source: String,
    /// What a reader has to know.
    #[serde(default)]
    pub about: String,
    /// Of the program that ran it.
    pub version: String,
    /// Where its data was.
    #[serde(default)]
    pub data: PathBuf,
    /// The study's file.
    pub file: String,
    /// What it says.
    #[serde(flatten, skip_deserializing)]
    pub outcome: Outcome,
    /// Every run.
    pub each: Vec<Each>,
}

/// One run, for programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Each {
    /// What was swept.
    pub labels: BTreeMap<String, String>,
    /// What was repeated.
    pub repeats: BTreeMap<String, u64>,
    /// Its numbers.
    pub scalars: BTreeMap<String, f64>,
    /// Queues that still grew at the end, with how many were left.
    #[serde(default)]
    pub saturated: BTreeMap<String, u64>,
    /// Of everything that happened, in hexadecimal.
    pub digest: String,
}

/// Why what was kept of a study cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// The file is not there, or cannot be read.
    #[error("{}: `bourse sim run STUDY --out DIR` writes it", file.display())]
    File {
        /// Which one.
        file: PathBuf,
        /// What was wrong.
        source: io::Error,
    },
    /// It is no summary, or one of a program that kept something else.
    #[error("{} is no summary of a study", file.display())]
    Summary {
        /// Which one.
        file: PathBuf,
        /// What was wrong.
        source: serde_json::Error,
    },
}

/// The file that holds a summary.
const SUMMARY: &str = "summary.json";

/// A study that was run.
#[derive(Debug, Clone, Copy)]
pub struct Ran<'a> {
    /// What was asked.
    pub study: &'a Study,
    /// Its file.
    pub file: &'a str,
    /// Where its data is.
    pub data: &'a Path,
    /// What the runs said.
    pub runs: &'a [Run],
    /// What that comes to.
    pub outcome: &'a Outcome,
}

impl Ran<'_> {
    /// What is kept of it.
    pub fn summary(self) -> Summary {
        let each = self.runs.iter().map(|run| Each {
            labels: run.labels.clone(),
            repeats: run.repeats.clone(),
            scalars: run.measures.scalars.clone(),
            saturated: run.measures.saturated.clone(),
            digest: format!("{:016x}", run.measures.digest),
        });
        Summary {
            name: self.study.name.clone(),
            title: self.study.title.clone(),
            source: self.study.source.clone(),
            about: self.study.about.clone(),
            version: VERSION.to_owned(),
            // Somebody may ask from another place.
            data: self.data.canonicalize().unwrap_or_else(|_| self.data.to_owned()),
            file: self.file.to_owned(),
            outcome: self.outcome.clone(),
            each: each.collect(),
        }
    }

    /// Writes all files into a directory, which is made.
    ///
    /// # Errors
    /// When a file cannot be written; those before it are.
    pub fn write(self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let summary = self.summary();
        fs::create_dir_all(directory)?;
        let text = serde_json::to_string_pretty(&summary)?;
        let path = directory.join(SUMMARY);
        fs::write(&path, text)?;
        let mut files = vec![path];
        files.extend(summary.draw(directory)?);
        Ok(files)
    }
}

impl Summary {
    /// Reads what was kept in a directory, or in a file of it.
    ///
    /// # Errors
    /// When there is none that can be read.
    pub fn read(path: &Path) -> Result<Self, KeptError> {
        let file = if path.is_dir() { path.join(SUMMARY) } else { path.to_owned() };
        let text = fs::read_to_string(&file)
            .map_err(|source| KeptError::File { file: file.clone(), source })?;
        // Whole numbers as keys are not read through what is flattened, so that part is read apart.
        let read = serde_json::from_str::<Self>(&text)
            .and_then(|summary| Ok(Self { outcome: serde_json::from_str(&text)?, ..summary }));
        read.map_err(|source| KeptError::Summary { file, source })
    }

    /// Writes tables, charts and the page into a directory; records that are there are drawn, too.
    ///
    /// # Errors
    /// When a file cannot be written; those before it are.
    pub fn draw(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let charts = chart::all(&self.outcome);
        let single = single::all(self, directory)?;
        let mut files = vec![
            ("runs.csv".to_owned(), tables::runs(&self.each)),
            ("curves.csv".to_owned(), tables::curves(&self.outcome)),
            ("report.html".to_owned(), page::page(self, &charts, &single)),
        ];
        let all = charts.into_iter().chain(single);
        files.extend(all.map(|chart| (format!("{}.svg", chart.name), chart.svg)));
        let write = |(name, text): (String, String)| {
            let path = directory.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&path, text)?;
            Ok(path)
        };
        files.into_iter().map(write).collect()
    }
}
