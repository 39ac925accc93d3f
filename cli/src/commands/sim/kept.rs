//! Runs that `bourse sim run --out` kept, found again: the directory of a study with a number, or
//! that of a single run below it.

use anyhow::Context as _;
use simulator::engine::Time;
use std::path::{Path, PathBuf};
use study::{
    plan::{Point, expand},
    report::{Each, Summary},
};

/// Which run.
#[derive(Debug, clap::Args)]
pub(super) struct KeptArgs {
    /// What `bourse sim run --out` wrote, or the directory of a single run below it
    #[arg(value_name = "RUN")]
    directory: PathBuf,
    /// Which of its runs, from 0 in the order of runs.csv [default: the only one]
    #[arg(long, value_name = "NUMBER")]
    run: Option<usize>,
    /// Directory below which the study's data is [default: where it was]
    #[arg(long, env = "BOURSE_TRACES", value_name = "DIR")]
    data: Option<PathBuf>,
}

/// A run that was made.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) point: Point,
    pub(super) data: PathBuf,
    /// Of all that happened.
    digest: String,
}

impl KeptArgs {
    pub(super) fn open(&self) -> anyhow::Result<Kept> {
        let (directory, below) = of_single(&self.directory);
        let summary = Summary::read(directory)?;
        let number = match (self.run.or(below), summary.each.len()) {
            (Some(number), _) => number,
            (None, 1) => 0,
            (None, count) => anyhow::bail!(
                "{} holds {count} runs: say which one by `--run`, from 0 in the order of runs.csv",
                directory.display()
            ),
        };
        let points = expand(&summary.file).context("the study that was kept")?;
        let found = points.into_iter().nth(number).zip(summary.each.get(number));
        let (point, each): (Point, &Each) = found.with_context(|| {
            format!("{} has no run {number}, but {}", directory.display(), summary.each.len())
        })?;
        let data = self.data.clone().unwrap_or(summary.data);
        Ok(Kept { point, data, digest: each.digest.clone() })
    }
}

impl Kept {
    /// That what was done again is what had been done.
    pub(super) fn check(&self, digest: u64) -> anyhow::Result<()> {
        let again = format!("{digest:016x}");
        anyhow::ensure!(
            again == self.digest,
            "what happened is not what had happened: digests {again} and {}; the program or the \
             data in {} is another one",
            self.digest,
            self.data.display()
        );
        Ok(())
    }
}

/// The directory of a study, and the number of a run when the path is that of one.
fn of_single(path: &Path) -> (&Path, Option<usize>) {
    let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
    let runs = path.parent().filter(|parent| parent.ends_with("runs"));
    match (number, runs.and_then(Path::parent)) {
        (Some(number), Some(study)) if !path.join("summary.json").exists() => (study, Some(number)),
        _ => (path, None),
    }
}

/// Seconds as people write them: `3600`, `1.5`, or with a unit, `90m`, `12h`, `3d`.
pub(super) fn moment(text: &str) -> Result<Time, String> {
    let (number, unit) = match text.find(|letter: char| letter.is_ascii_alphabetic()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let unit = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(format!("`{unit}` is no unit: s, m, h or d")),
    };
    let number: f64 = number.trim().parse().map_err(|_| format!("`{number}` is no number"))?;
    match number * unit {
        // Nanoseconds beyond that are not told from each other.
        seconds if (0.0..=1e10).contains(&seconds) => Ok(Time((seconds * 1e9).round() as u64)),
        _ => Err("from 0 to 10^10 seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_units() {
        assert_eq!(moment("1.5"), Ok(Time::milliseconds(1_500)));
        assert_eq!(moment("90m"), moment("1.5h"));
        assert_eq!(moment("2d"), Ok(Time::seconds(172_800)));
        for bad in ["", "x", "3y", "-1", "nan", "1e12s", "inf"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_run_is_found_below_its_study() {
        assert_eq!(of_single(Path::new("out/runs/00012")), (Path::new("out"), Some(12)));
        assert_eq!(of_single(Path::new("runs/7")), (Path::new(""), Some(7)));
        assert_eq!(of_single(Path::new("out/12")), (Path::new("out/12"), None));
        assert_eq!(of_single(Path::new("out")), (Path::new("out"), None));
    }
}
