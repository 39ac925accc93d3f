//! `bourse sim run`: all runs of a study, and what they come to.

use super::text;
use crate::output::{Format, print_text, stderr_is_terminal, table};
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};
use study::{
    campaign,
    error::RunError,
    outcome::Outcome,
    plan::{Policies, Study, expand},
    report::Ran,
    statistics::Mean,
};

/// Flags of `bourse sim run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// A study's name, or a file
    #[arg(value_name = "STUDY")]
    study: String,
    /// Directory below which the study's data is
    #[arg(long, env = "BOURSE_TRACES", value_name = "DIR", default_value = ".")]
    data: PathBuf,
    /// Directory for tables, charts and a page about it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads [default: one for each processor]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    jobs: Option<u16>,
    /// Run everything twice and compare what happened
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &RunArgs, format: Format) -> anyhow::Result<ExitCode> {
    let text = text(&args.study)?;
    let points = expand(&text).with_context(|| args.study.clone())?;
    let study = Study::parse(&text)?;
    let threads = match args.jobs {
        Some(jobs) => usize::from(jobs),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let times = if args.check { 2 } else { 1 };
    let bar = bar(points.len() as u64 * times);
    let once = || {
        let runs = campaign::run(&points, &args.data, &Policies::new(), threads, &|_| bar.inc(1));
        runs.map_err(|error| {
            let where_to_look = match error {
                RunError::Data { .. } => " (`--data` or BOURSE_TRACES says where its data is)",
                RunError::Plan(_) => "",
            };
            anyhow::Error::new(error).context(format!("{}{where_to_look}", args.study))
        })
    };
    let runs = once()?;
    let outcome = Outcome::of(&study, &runs);
    if args.check {
        let again = Outcome::of(&study, &once()?);
        anyhow::ensure!(
            again.digest == outcome.digest,
            "what happened is not the same twice: digests {} and {}",
            outcome.digest,
            again.digest
        );
    }
    bar.finish_and_clear();
    let ran = Ran { study: &study, file: &text, runs: &runs, outcome: &outcome };
    match format {
        Format::Json => print_text(&(serde_json::to_string_pretty(&ran.summary())? + "\n"))?,
        Format::Table => print_text(&in_words(&study, &outcome))?,
    }
    if let Some(directory) = &args.out {
        let files = ran.write(directory).with_context(|| directory.display().to_string())?;
        if format == Format::Table {
            let page = directory.join("report.html");
            print_text(&format!("{} files written; see {}\n", files.len(), page.display()))?;
        }
    }
    Ok(if outcome.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_words(study: &Study, outcome: &Outcome) -> String {
    let mut text = means(study, outcome);
    if !outcome.verdicts.is_empty() {
        let rows = outcome.verdicts.iter().map(|verdict| {
            let came = if verdict.passed { "yes" } else { "NO" };
            vec![came.to_owned(), verdict.expected.clone(), verdict.got.clone()]
        });
        text += "\n";
        text += &table::render(&["came", "expected", "got"], rows);
    }
    let came = outcome.verdicts.iter().filter(|verdict| verdict.passed).count();
    text += &format!("\n{}: {} runs, digest {}", study.name, outcome.runs, outcome.digest);
    if !outcome.verdicts.is_empty() {
        text += &format!("; {came} of {} expectations came", outcome.verdicts.len());
    }
    text + "\n"
}

/// More columns do not fit a terminal.
const COLUMNS_MAX: usize = 8;

/// A row for everything that was swept; of many measures those of which something was expected,
/// each in a row of its own. Everything else, and curves, are in files.
fn means(study: &Study, outcome: &Outcome) -> String {
    let groups = &outcome.groups;
    let labels: BTreeSet<&str> =
        groups.iter().flat_map(|it| it.labels.keys()).map(String::as_str).collect();
    let scalars: BTreeSet<&str> =
        groups.iter().flat_map(|it| it.scalars.keys()).map(String::as_str).collect();
    if labels.len() + scalars.len() > COLUMNS_MAX {
        return by_measure(study, outcome, &labels);
    }
    let titles: Vec<&str> = labels.iter().chain(&scalars).copied().collect();
    let rows = groups.iter().map(|group| {
        let of_labels = labels.iter().map(|it| group.labels.get(*it).cloned().unwrap_or_default());
        let of_scalars = scalars.iter().map(|it| match group.scalars.get(*it) {
            None => String::new(),
            Some(mean) => with_interval(mean),
        });
        of_labels.chain(of_scalars).collect()
    });
    table::render(&titles, rows)
}

fn by_measure(study: &Study, outcome: &Outcome, labels: &BTreeSet<&str>) -> String {
    let expected: BTreeSet<&str> = study.expect.iter().map(|line| line.measure.as_str()).collect();
    let titles: Vec<&str> = labels.iter().copied().chain(["measure", "mean"]).collect();
    let mut rows = Vec::new();
    for group in &outcome.groups {
        for (measure, mean) in &group.scalars {
            if expected.is_empty() || expected.contains(measure.as_str()) {
                let of_labels =
                    labels.iter().map(|it| group.labels.get(*it).cloned().unwrap_or_default());
                rows.push(of_labels.chain([measure.clone(), with_interval(mean)]).collect());
            }
        }
    }
    table::render(&titles, rows.into_iter())
}

fn with_interval(mean: &Mean) -> String {
    match mean.count {
        1 => number(mean.mean),
        _ => format!("{} ± {}", number(mean.mean), number(mean.interval)),
    }
}

/// With as many digits as tell something.
fn number(number: f64) -> String {
    match number.abs() {
        size if size >= 1_000.0 => format!("{number:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{number:.3}"),
        _ => format!("{number:.5}"),
    }
}

/// A bar on a terminal, nothing elsewhere.
fn bar(total: u64) -> ProgressBar {
    if !stderr_is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{elapsed_precise} {bar:40} {pos}/{len} runs, {per_sec}, {eta} left";
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::new(total).with_style(style)
}
