//! `bourse sim replay` and `bourse sim resume`: how things stood in a run at a moment, and going on
//! from there, also in another way.

use super::kept::{KeptArgs, moment};
use crate::output::{Format, print_one, print_text, table};
use anyhow::Context as _;
use serde::Serialize;
use simulator::engine::Time;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};
use study::{
    again::{self, Checkpoint, Look},
    campaign::Run,
    outcome::Outcome,
    plan::Policies,
    report::Ran,
};

/// Flags of `bourse sim replay`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    kept: KeptArgs,
    /// The moment, from the start: seconds, or 90m, 12h, 3d; all before it has happened
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Time,
    /// Show each machine
    #[arg(long)]
    machines: bool,
    /// Write a checkpoint, from which `bourse sim resume` goes on
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

/// Flags of `bourse sim resume`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    /// A checkpoint
    #[arg(value_name = "FILE")]
    checkpoint: PathBuf,
    /// A key of the study that is another one from there on: filling.policy=best-fit
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = change)]
    changes: Vec<(String, toml::Value)>,
    /// Directory for tables, charts and a page about it
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A value as TOML has it, or else a word.
fn change(text: &str) -> Result<(String, toml::Value), String> {
    let (key, value) = text.split_once('=').ok_or("give KEY=VALUE")?;
    let parsed = toml::from_str::<toml::Table>(&format!("value = {value}")).ok();
    let value = parsed.and_then(|mut table| table.remove("value"));
    let word = || toml::Value::String(text[key.len() + 1..].to_owned());
    Ok((key.trim().to_owned(), value.unwrap_or_else(word)))
}

pub(super) fn replay(args: &ReplayArgs, format: Format) -> anyhow::Result<ExitCode> {
    let kept = args.kept.open()?;
    let looked = again::look(&kept.point, &kept.data, &Policies::new(), args.until)?;
    let (mut look, digest) = looked.context("a study of this kind happens at once")?;
    kept.check(digest)?;
    if let Some(file) = &args.checkpoint {
        let checkpoint = Checkpoint::of(&kept.point, &kept.data, args.until, &look);
        let text = serde_json::to_string_pretty(&checkpoint)? + "\n";
        fs::write(file, text).with_context(|| file.display().to_string())?;
    }
    if !args.machines {
        look.machines.clear();
    }
    print_one(format, &look, || in_words(args.until, &look))?;
    Ok(ExitCode::SUCCESS)
}

fn in_words(until: Time, look: &Look) -> String {
    let state = &look.state;
    let mut text =
        format!("All before {until} has happened, at last something at {}.\n\n", state.at);
    let rows = state.resources.iter().map(|(name, it)| {
        let part =
            |amount: u128| format!("{:.1} %", amount as f64 / it.capacity.max(1) as f64 * 100.0);
        let capacity = it.capacity as f64 / 1e3;
        let parts = [it.allocated, it.used, it.held, it.stranded].map(part);
        [name.clone(), capacity.to_string()].into_iter().chain(parts).collect()
    });
    let titles = ["resource", "capacity", "allocated", "used", "held", "stranded"];
    text += &table::render(&titles, rows);
    text += &format!("\n{} tasks run\n", state.running);
    for it in &look.waiting {
        let queue = if it.queue.is_empty() { String::new() } else { format!(" of {}", it.queue) };
        text += &format!("{} wait{queue}, of {} that have come\n", it.count, it.come);
    }
    for (name, share) in &state.shares {
        text += &format!("{name} has a dominant share of {:.1} %\n", share * 100.0);
    }
    if !look.machines.is_empty() {
        let rows = look.machines.iter().enumerate().map(|(number, machine)| {
            let free = machine.capacity.iter().map(|(name, capacity)| {
                let free = machine.free.get(name).copied().unwrap_or(0);
                format!("{} of {} {name}", free as f64 / 1e3, *capacity as f64 / 1e3)
            });
            let free: Vec<String> = free.collect();
            vec![number.to_string(), machine.name.clone(), free.join(", ")]
        });
        text += "\n";
        text += &table::render(&["machine", "name", "free"], rows);
    }
    text + &format!("\ndigest so far {:016x}\n", state.digest)
}

#[derive(Debug, Serialize)]
struct Resumed<'a> {
    from_ns: u64,
    scalars: &'a std::collections::BTreeMap<String, f64>,
    saturated: &'a std::collections::BTreeMap<String, u64>,
    digest: String,
}

pub(super) fn resume(args: &ResumeArgs, format: Format) -> anyhow::Result<ExitCode> {
    let file = &args.checkpoint;
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let checkpoint: Checkpoint = serde_json::from_str(&text)
        .with_context(|| format!("{} is no checkpoint", file.display()))?;
    let resumed = checkpoint.resume(&args.changes, &Policies::new());
    let (point, measures) = resumed.with_context(|| file.display().to_string())?;
    let (labels, repeats) = (point.labels.clone(), point.repeats.clone());
    let runs = [Run { labels, repeats, measures }];
    let measures = &runs[0].measures;
    let said = Resumed {
        from_ns: checkpoint.at().0,
        scalars: &measures.scalars,
        saturated: &measures.saturated,
        digest: format!("{:016x}", measures.digest),
    };
    print_one(format, &said, || {
        let rows = said.scalars.iter().map(|(name, value)| vec![name.clone(), value.to_string()]);
        let mut text = table::render(&["measure", "value"], rows);
        for (queue, left) in said.saturated {
            text += &format!("{queue} saturated, {left} left\n");
        }
        text + &format!("\nfrom {} on; digest {}\n", checkpoint.at(), said.digest)
    })?;
    if let Some(directory) = &args.out {
        // What was expected of whole runs is not expected of this one.
        let mut study = point.study.clone();
        study.expect.clear();
        let outcome = Outcome::of(&study, &runs);
        let (file, data) = (point.table.to_string(), checkpoint.data());
        let ran = Ran { study: &study, file: &file, data, runs: &runs, outcome: &outcome };
        written(ran, directory, format)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes everything about a study, and says where.
pub(super) fn written(ran: Ran<'_>, directory: &Path, format: Format) -> anyhow::Result<()> {
    let files = ran.write(directory).with_context(|| directory.display().to_string())?;
    let page = directory.join("report.html");
    match format {
        Format::Json => Ok(()),
        Format::Table => {
            print_text(&format!("{} files written; see {}\n", files.len(), page.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_a_value_or_a_word() {
        let of = |text: &str| change(text).unwrap();
        assert_eq!(of("a.b=best-fit"), ("a.b".to_owned(), "best-fit".into()));
        assert_eq!(of("a = 2.5").1, toml::Value::Float(2.5));
        assert_eq!(of("a=\"x=y\"").1, "x=y".into());
        assert_eq!(of("a=").1, "".into());
        assert!(change("a").is_err());
    }
}
