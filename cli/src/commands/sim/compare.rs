//! `bourse sim compare`: two studies that were run, run by run.

use crate::output::{Format, print_one, table};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use study::statistics::Mean;

/// Flags of `bourse sim compare`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// What `bourse sim run --out` wrote, or its `summary.json`
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The same of the study that it is compared with
    #[arg(value_name = "B")]
    after: PathBuf,
}

/// As much of a summary as is compared.
#[derive(Debug, Deserialize)]
struct Summary {
    each: Vec<Each>,
}

#[derive(Debug, Deserialize)]
struct Each {
    labels: BTreeMap<String, String>,
    repeats: BTreeMap<String, u64>,
    scalars: BTreeMap<String, f64>,
    digest: String,
}

/// A measure of what was swept, in both.
#[derive(Debug, Serialize)]
struct Row {
    labels: BTreeMap<String, String>,
    measure: String,
    before: f64,
    after: f64,
    /// Of the differences of runs with the same seeds, B less A.
    difference: Mean,
    /// Whether the interval of the difference leaves out nothing.
    differs: bool,
}

#[derive(Debug, Serialize)]
struct Comparison {
    pairs: usize,
    /// Pairs in which the same happened.
    same: usize,
    /// Runs that only one of them has.
    alone: usize,
    rows: Vec<Row>,
}

pub(super) fn compare(args: &CompareArgs, format: Format) -> anyhow::Result<ExitCode> {
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let comparison = Comparison::of(&before, &after);
    anyhow::ensure!(
        comparison.pairs > 0,
        "no run of {} has the labels and seeds of one of {}",
        args.after.display(),
        args.before.display()
    );
    print_one(format, &comparison, || comparison.text())?;
    let differs = comparison.same < comparison.pairs || comparison.alone > 0;
    Ok(if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(path: &Path) -> anyhow::Result<Summary> {
    let file = if path.is_dir() { path.join("summary.json") } else { path.to_owned() };
    let text = fs::read_to_string(&file).with_context(|| {
        format!("{}: `bourse sim run STUDY --out DIR` writes it", file.display())
    })?;
    serde_json::from_str(&text).with_context(|| file.display().to_string())
}

impl Comparison {
    fn of(before: &Summary, after: &Summary) -> Self {
        let twin = |each: &Each| {
            after.each.iter().find(|it| it.labels == each.labels && it.repeats == each.repeats)
        };
        let pairs: Vec<(&Each, &Each)> =
            before.each.iter().filter_map(|each| Some((each, twin(each)?))).collect();
        let mut numbers: BTreeMap<_, Vec<(f64, f64)>> = BTreeMap::new();
        for (one, other) in &pairs {
            for (measure, number) in &one.scalars {
                if let Some(twin) = other.scalars.get(measure) {
                    numbers.entry((&one.labels, measure)).or_default().push((*number, *twin));
                }
            }
        }
        let rows = numbers.into_iter().filter_map(|((labels, measure), pairs)| {
            let mean =
                |of: fn(&(f64, f64)) -> f64| Mean::of(&pairs.iter().map(of).collect::<Vec<_>>());
            let difference = mean(|(before, after)| after - before)?;
            Some(Row {
                labels: labels.clone(),
                measure: measure.clone(),
                before: mean(|pair| pair.0)?.mean,
                after: mean(|pair| pair.1)?.mean,
                differs: difference.mean.abs() > difference.interval,
                difference,
            })
        });
        Self {
            same: pairs.iter().filter(|(one, other)| one.digest == other.digest).count(),
            alone: before.each.len() + after.each.len() - 2 * pairs.len(),
            pairs: pairs.len(),
            rows: rows.collect(),
        }
    }

    fn text(&self) -> String {
        let differing = self.rows.iter().filter(|row| row.differs);
        let rows = differing.map(|row| {
            let labels: Vec<&str> = row.labels.values().map(String::as_str).collect();
            let Mean { mean, interval, .. } = row.difference;
            vec![
                labels.join(", "),
                row.measure.clone(),
                format!("{:.5}", row.before),
                format!("{:.5}", row.after),
                format!("{mean:+.5} ± {interval:.5}"),
            ]
        });
        let rows: Vec<_> = rows.collect();
        let mut text = String::new();
        if !rows.is_empty() {
            let titles = ["of", "measure", "A", "B", "B less A, run by run"];
            text += &table::render(&titles, rows.into_iter());
        }
        text += &format!(
            "{} pairs of runs with the same labels and seeds; in {} the same happened\n",
            self.pairs, self.same
        );
        if self.alone > 0 {
            text += &format!("{} runs are in one of them alone\n", self.alone);
        }
        text
    }
}
