//! Runs a study that may name the policy: `cargo run -p own-policy --release -- STUDY DATA OUT`.

#![forbid(unsafe_code)]

use anyhow::Context as _;
use own_policy::policies;
use std::{env, fs, path::PathBuf};
use study::{
    campaign,
    outcome::Outcome,
    plan::{Study, expand},
    report::Ran,
};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [file, data, out] = arguments.as_slice() else {
        anyhow::bail!("give a study's file, the directory of its data, and one for the report");
    };
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let (points, study) = (expand(&text)?, Study::parse(&text)?);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runs = campaign::run(&points, data, &policies(), threads, &|_| {})?;
    let outcome = Outcome::of(&study, &runs);
    for verdict in &outcome.verdicts {
        let came = if verdict.passed { "yes" } else { "NO " };
        println!("{came} {}: {}", verdict.expected, verdict.got);
    }
    let ran = Ran { study: &study, file: &text, data, runs: &runs, outcome: &outcome };
    ran.write(out).with_context(|| out.display().to_string())?;
    println!("see {}", out.join("report.html").display());
    Ok(())
}
