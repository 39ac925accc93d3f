//! `bourse trial live`: real processes of this very program under faults, judged afterwards.
//!
//! Without an exercise it lists them. An interrupt ends it after the round that is under way.

use super::bar;
use crate::{
    output::{Format, print_text, table},
    shutdown,
};
use anyhow::Context as _;
use live::{
    exercises::{EXERCISES, Exercise, Length, Order},
    figures::Report,
    guard,
    network::{Wires, namespaces},
};
use std::{
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

/// Flags of `bourse trial live`.
#[derive(Debug, clap::Args)]
pub(crate) struct LiveArgs {
    /// The exercise; without one they are listed
    exercise: Option<String>,
    /// How often harm is done [default: as many as a full run has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rounds: Option<u64>,
    /// Rounds for so long, such as `90s` or `10m`
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "rounds")]
    #[arg(value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// Where harm is done to one call after another: the number of the first, as failures name it
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u32).range(1..))]
    from: Option<u32>,
    /// How long each harm lasts that does, such as `4s` [default: as in a full run]
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    lasting: Option<Duration>,
    /// Where the network is harmed: masters in network namespaces, and packets that are lost; needs
    /// root and the tools `unshare`, `nsenter` and `ip`
    #[arg(long)]
    namespaces: bool,
    /// How this program calls itself in a network namespace of its own
    #[arg(long, hide = true)]
    inside: bool,
    /// How this program calls itself to clean up after an exercise that is killed
    #[arg(long, hide = true)]
    guard: bool,
}

pub(super) fn live(args: &LiveArgs, format: Format) -> anyhow::Result<ExitCode> {
    if args.guard {
        return guard::stand().map(|()| ExitCode::SUCCESS);
    }
    let Some(name) = &args.exercise else {
        print_text(&list(format)?)?;
        return Ok(ExitCode::SUCCESS);
    };
    let exercise = Exercise::named(name).with_context(|| {
        format!("there is no exercise {name:?}; `bourse trial live` lists them")
    })?;
    let length = match (args.rounds, args.time) {
        (_, Some(time)) => Length::For(time),
        (Some(rounds), None) => Length::Rounds(rounds),
        (None, None) => Length::Rounds(exercise.rounds),
    };
    let total = match length {
        Length::Rounds(rounds) => rounds,
        Length::For(_) => exercise.rounds,
    };
    for (flag, is_given) in
        [("--lasting", args.lasting.is_some()), ("--namespaces", args.namespaces)]
    {
        anyhow::ensure!(
            !is_given || exercise.harms_network,
            "{name} does no harm to the network, which {flag} is about; leave it out"
        );
    }
    anyhow::ensure!(
        args.from.is_none() || exercise.has_steps,
        "{name} has no numbered steps, which --from is about; leave it out"
    );
    if args.namespaces && !(args.inside && namespaces::is_hub()) {
        return enter_namespace();
    }
    let bar = bar(total, "{elapsed_precise} {bar:40} {pos}/{len} rounds");
    let stop = stop_when_asked();
    let watch = |done| {
        bar.set_position(done);
        !stop.load(Relaxed)
    };
    let program = std::env::current_exe().context("cannot find this program")?;
    let wires = if args.namespaces { Wires::Namespaces } else { Wires::Proxies };
    let from = usize::try_from(args.from.unwrap_or(1))?;
    let lasting = args.lasting;
    let report = exercise.run(&Order { program, length, from, lasting, wires, watch: &watch })?;
    bar.finish_and_clear();
    match format {
        Format::Json => print_text(&(serde_json::to_string_pretty(&json(&report))? + "\n"))?,
        Format::Table => print_text(&text(&report))?,
    }
    let passed = report.violations.is_empty();
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Becomes the same command in a network namespace of its own; returns only if that is not to be.
fn enter_namespace() -> anyhow::Result<ExitCode> {
    anyhow::ensure!(nix::unistd::geteuid().is_root(), "network namespaces need root");
    let mut command = Command::new("unshare");
    command.arg("--net").arg(std::env::current_exe().context("cannot find this program")?);
    let error = command.args(std::env::args_os().skip(1)).arg("--inside").exec();
    Err(error).context("cannot run `unshare`")
}

/// Becomes true with an interrupt or TERM: what was started is to be judged and ended in order.
fn stop_when_asked() -> Arc<AtomicBool> {
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), shutdown::asked());
    let told = Arc::clone(&stop);
    tokio::spawn(async move {
        asked.await;
        told.store(true, Relaxed);
        eprintln!("bourse: this round is the last one; everything is ended after it");
    });
    stop
}

fn list(format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        let rows = EXERCISES.iter().map(
            |it| serde_json::json!({ "name": it.name, "about": it.about, "rounds": it.rounds }),
        );
        return Ok(serde_json::to_string_pretty(&rows.collect::<Vec<_>>())? + "\n");
    }
    let rows = EXERCISES
        .iter()
        .map(|it| vec![it.name.to_owned(), it.about.to_owned(), it.rounds.to_string()]);
    Ok(table::render(&["exercise", "what is done", "rounds"], rows))
}

fn json(report: &Report) -> serde_json::Value {
    let figures = report.figures.iter().map(|figure| {
        serde_json::json!({ "name": figure.name, "value": figure.value, "unit": figure.unit })
    });
    serde_json::json!({
        "exercise": report.exercise,
        "passed": report.violations.is_empty(),
        "rounds": report.rounds,
        "elapsed_s": report.elapsed.as_secs_f64(),
        "figures": figures.collect::<Vec<_>>(),
        "violations": report.violations,
        "logs": report.logs,
    })
}

fn text(report: &Report) -> String {
    let rows = report.figures.iter().map(|figure| {
        let value = match figure.unit {
            "" => format!("{:.0}", figure.value),
            unit => format!("{:.2} {unit}", figure.value),
        };
        vec![figure.name.clone(), value]
    });
    let mut text = table::render(&[report.exercise, "value"], rows);
    let seconds = report.elapsed.as_secs_f64();
    text += &format!("{} rounds in {seconds:.0} s\n", report.rounds);
    for violation in &report.violations {
        text += &format!("{violation}\n");
    }
    match report.violations.is_empty() {
        true => text += "nothing wrong\n",
        false => text += &report.logs,
    }
    text
}
