//! `bourse sim explain`: why a task of a run went where it did.

use super::kept::KeptArgs;
use crate::output::{Format, print_one, table};
use anyhow::Context as _;
use simulator::engine::Time;
use std::{collections::BTreeMap, fmt::Write as _, process::ExitCode};
use study::{
    again,
    plan::Policies,
    records::{Answer, Explanation, Fitting, PlaceInLine},
};

/// Machines with room that are listed.
const LISTED: usize = 10;

/// Flags of `bourse sim explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    kept: KeptArgs,
    /// Which task: its job's place in the list, from 0, or JOB/TASK for one of several, as
    /// tasks.csv and decisions.jsonl have them
    #[arg(value_name = "TASK", value_parser = task)]
    task: (u64, u64),
}

fn task(text: &str) -> Result<(u64, u64), String> {
    let (job, task) = text.split_once('/').unwrap_or((text, "0"));
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number"));
    Ok((number(job)?, number(task)?))
}

pub(super) fn explain(args: &ExplainArgs, format: Format) -> anyhow::Result<ExitCode> {
    let kept = args.kept.open()?;
    let (job, task) = args.task;
    let said = again::explain(&kept.point, &kept.data, &Policies::new(), args.task)?;
    let (answer, digest) = said.context("a study of this kind decides about no single task")?;
    kept.check(digest)?;
    let study = &kept.point.study;
    let answer = answer.with_context(|| match (&study.cluster, &study.probing) {
        (Some(_), _) => "the masters of a cluster decide about offers, not about tasks; see \
                         tasks.csv (`--tasks csv`) for what became of them"
            .to_owned(),
        (_, Some(_)) => "workers are drawn by lot, none has a score; see tasks.csv \
                         (`--tasks csv`) for where a task went"
            .to_owned(),
        _ => format!("no place was sought for task {task} of job {job}"),
    })?;
    print_one(format, &answer, || match &answer {
        Answer::Machines(explanation) => machines(explanation),
        Answer::Line(place) => line(place),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn line(place: &PlaceInLine) -> String {
    format!(
        "Job {} started at {}: it needs {} of {} free processors, {} waited before it, and {}.\n",
        place.job,
        Time(place.at_ns),
        place.processors,
        place.free,
        place.before,
        place.because
    )
}

fn name(machine: u32, name: &str) -> String {
    if name.is_empty() { machine.to_string() } else { format!("{machine} ({name})") }
}

fn machines(it: &Explanation) -> String {
    let asks: Vec<String> = it.asks.iter().map(|(name, much)| format!("{much} {name}")).collect();
    let mut text = format!(
        "Task {} of job {}, decision {} about it, at {}: asks for {}.\n",
        it.task,
        it.job,
        it.attempt,
        Time(it.at_ns),
        asks.join(", ")
    );
    let all = it.fitting.len() + it.lacking.len();
    let _ = writeln!(text, "{} of {all} machines have room.", it.fitting.len());
    match &it.chosen {
        None => text += "None was chosen.\n",
        Some(chosen) => text += &chosen_in_words(it, chosen),
    }
    if !it.fitting.is_empty() {
        let score = |score: Option<f64>| score.map_or("by lot".to_owned(), |it| format!("{it:.6}"));
        let rows = it.fitting.iter().take(LISTED).map(|fitting| {
            let chosen = if Some(fitting) == it.chosen.as_ref() { "chosen" } else { "" };
            vec![name(fitting.machine, &fitting.name), score(fitting.score), chosen.to_owned()]
        });
        text += "\n";
        text += &table::render(&["machine", "score", ""], rows);
        if it.fitting.len() > LISTED {
            let _ = writeln!(text, "and {} more", it.fitting.len() - LISTED);
        }
    }
    text + &lacking(it)
}

fn chosen_in_words(it: &Explanation, chosen: &Fitting) -> String {
    let machine = name(chosen.machine, &chosen.name);
    match (chosen.score, it.equal()) {
        (None, _) => format!("Machine {machine} was drawn by lot.\n"),
        (Some(_), 1) => format!("Machine {machine} has the highest score.\n"),
        (Some(_), equal) => format!(
            "Machine {machine} is one of {equal} with the highest score; ties are broken by {}.\n",
            it.tie
        ),
    }
}

/// Machines that lack the same.
#[derive(Debug, Default)]
struct Alike {
    count: usize,
    /// The one that lacks least, when it is one thing that is counted.
    nearest: Option<(f64, String)>,
}

/// How many machines lack what, and which of them lacks least.
fn lacking(it: &Explanation) -> String {
    let mut kinds: BTreeMap<Vec<&str>, Alike> = BTreeMap::new();
    for machine in &it.lacking {
        let of: Vec<&str> = machine.lacks.iter().map(|lack| lack.of.as_str()).collect();
        let alike = kinds.entry(of).or_default();
        alike.count += 1;
        if let [lack] = machine.lacks.as_slice()
            && let Ok(missing) = lack.missing.parse::<f64>()
            && alike.nearest.as_ref().is_none_or(|(least, _)| missing < *least)
        {
            alike.nearest = Some((missing, name(machine.machine, &machine.name)));
        }
    }
    if kinds.is_empty() {
        return String::new();
    }
    let rows = kinds.into_iter().map(|(of, alike)| {
        let nearest = alike.nearest.map(|(missing, machine)| format!("{missing} at {machine}"));
        vec![of.join(", "), alike.count.to_string(), nearest.unwrap_or_default()]
    });
    "\n".to_owned() + &table::render(&["lacks", "machines", "least missing"], rows)
}
