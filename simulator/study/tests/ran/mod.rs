//! A study that is run with records of its single runs, and the rows of these.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use study::{
    campaign::{self, Onlooker, Run},
    error::RunError,
    plan::{Policies, expand},
};

/// Cells by title.
pub(crate) type Row = BTreeMap<String, String>;

/// A study that was run, below a directory of its own.
pub(crate) struct Ran {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) runs: Vec<Run>,
}

impl Ran {
    pub(crate) fn new(files: &[(&str, &str)], text: &str) -> Result<Self, RunError> {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let text = format!("name = \"small\"\ntitle = \"small\"\n{text}");
        let points = expand(&text)?;
        let records = directory.path().join("out");
        let onlooker = Onlooker { records: Some(&records), progress: &|_, _, _| {} };
        let data = directory.path();
        let runs = campaign::run_watched(&points, data, &Policies::new(), 2, &|_| {}, onlooker)?;
        let unwatched = campaign::run(&points, data, &Policies::new(), 1, &|_| {})?;
        for (one, other) in runs.iter().zip(&unwatched) {
            assert_eq!(one.measures, other.measures, "whoever looks on changes nothing");
        }
        Ok(Self { directory, runs })
    }

    pub(crate) fn path(&self, run: usize, name: &str) -> PathBuf {
        campaign::directory(&self.directory.path().join("out"), run).join(name)
    }

    pub(crate) fn rows(&self, run: usize, name: &str) -> Vec<Row> {
        rows(&self.path(run, name))
    }

    pub(crate) fn scalars(&self, run: usize) -> &BTreeMap<String, f64> {
        &self.runs[run].measures.scalars
    }
}

fn rows(path: &Path) -> Vec<Row> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let titles: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), titles.len(), "{line}");
        titles
            .iter()
            .zip(cells)
            .map(|(title, cell)| (title.to_string(), cell.to_string()))
            .collect()
    };
    lines.map(row).collect()
}

/// A time of a row in seconds.
pub(crate) fn seconds(row: &Row, title: &str) -> Option<f64> {
    let cell = &row[title];
    (!cell.is_empty()).then(|| cell.parse::<u64>().unwrap() as f64 / 1e9)
}
