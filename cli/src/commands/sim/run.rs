//! `bourse sim run`: all runs of a study, and what they come to.

use super::{progress::Progress, replay::written, text};
use crate::output::{Format, print_text, table};
use anyhow::Context as _;
use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};
use study::{
    campaign::{self, Onlooker},
    error::RunError,
    outcome::{Group, Outcome},
    plan::{Point, Policies, Study, expand},
    records::TaskForm,
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
    /// Record every task of every run, below --out: csv, parquet or both
    #[arg(long, value_name = "FORMS", value_delimiter = ',', requires = "out")]
    tasks: Vec<Form>,
    /// Record how things stand every so many virtual seconds, below --out
    #[arg(long, value_name = "SECONDS", requires = "out")]
    timeline: Option<f64>,
    /// Record every decision of every run, below --out
    #[arg(long, requires = "out")]
    decisions: bool,
    /// Run everything twice and compare what happened
    #[arg(long)]
    check: bool,
}

/// A form of the table of tasks.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Form {
    Csv,
    Parquet,
}

impl RunArgs {
    /// What the flags ask for beside what the study's file does.
    fn adds(&self, point: &mut Point) -> anyhow::Result<()> {
        let outputs = &mut point.study.outputs;
        for form in &self.tasks {
            let form = match form {
                Form::Csv => TaskForm::Csv,
                Form::Parquet => TaskForm::Parquet,
            };
            if !outputs.tasks.contains(&form) {
                outputs.tasks.push(form);
            }
        }
        outputs.timeline_s = self.timeline.or(outputs.timeline_s);
        outputs.decisions |= self.decisions;
        let asked = self.out.is_some() || !outputs.is_asked();
        anyhow::ensure!(asked, "the study asks for records of its runs: say where, by `--out`");
        Ok(())
    }
}

pub(super) fn run(args: &RunArgs, format: Format) -> anyhow::Result<ExitCode> {
    let text = text(&args.study)?;
    let mut points = expand(&text).with_context(|| args.study.clone())?;
    points.iter_mut().try_for_each(|point| args.adds(point))?;
    let study = Study::parse(&text)?;
    let threads = match args.jobs {
        Some(jobs) => usize::from(jobs),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let times = if args.check { 2 } else { 1 };
    let bar = Progress::new(points.len() as u64 * times);
    let once = || {
        let onlooker =
            Onlooker { records: args.out.as_deref(), progress: &|run, at, of| bar.at(run, at, of) };
        let (data, policies) = (&args.data, Policies::new());
        let runs =
            campaign::run_watched(&points, data, &policies, threads, &|_| bar.over(), onlooker);
        runs.map_err(|error| {
            let where_to_look = match error {
                RunError::Data { .. } => " (`--data` or BOURSE_TRACES says where its data is)",
                _ => "",
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
    bar.finish();
    let ran = Ran { study: &study, file: &text, data: &args.data, runs: &runs, outcome: &outcome };
    match format {
        Format::Json => print_text(&(serde_json::to_string_pretty(&ran.summary())? + "\n"))?,
        Format::Table => print_text(&in_words(&study, &outcome))?,
    }
    if let Some(directory) = &args.out {
        written(ran, directory, format)?;
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
    if outcome.warm_up_s > 0.0 {
        text += &format!("\nThe first {} s are warming up and not measured.\n", outcome.warm_up_s);
    }
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
            Some(mean) => with_interval(mean),
            None if group.is_saturated(it) => "saturated".to_owned(),
            None => String::new(),
        });
        of_labels.chain(of_scalars).collect()
    });
    table::render(&titles, rows) + &saturations(groups)
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
    table::render(&titles, rows.into_iter()) + &saturations(&outcome.groups)
}

/// A line for everything that was swept in which a queue still grew at the end.
fn saturations(groups: &[Group]) -> String {
    let said = groups.iter().filter_map(|group| Some((group, group.saturation()?)));
    let lines = said.map(|(group, said)| {
        let labels: Vec<&str> = group.labels.values().map(String::as_str).collect();
        format!("{}{}{said}\n", labels.join(", "), if labels.is_empty() { "" } else { ": " })
    });
    lines.collect()
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
