//! Runs and curves as CSV (RFC 4180).

use super::Each;
use crate::outcome::Outcome;
use std::{borrow::Cow, collections::BTreeSet};

/// A line for each run.
pub(super) fn runs(runs: &[Each]) -> String {
    let labels: BTreeSet<&str> =
        runs.iter().flat_map(|it| it.labels.keys()).map(|it| &**it).collect();
    let repeats: BTreeSet<&str> =
        runs.iter().flat_map(|it| it.repeats.keys()).map(|it| &**it).collect();
    let scalars: BTreeSet<&str> =
        runs.iter().flat_map(|it| it.scalars.keys()).map(|it| &**it).collect();
    let titles = labels.iter().chain(&repeats).chain(&scalars).copied();
    let mut text = line(titles.chain(["saturated", "digest"]).map(str::to_owned));
    for run in runs {
        let of_labels = labels.iter().map(|it| run.labels.get(*it).cloned().unwrap_or_default());
        let of_repeats =
            repeats.iter().map(|it| run.repeats.get(*it).map(u64::to_string).unwrap_or_default());
        let of_scalars =
            scalars.iter().map(|it| run.scalars.get(*it).map(f64::to_string).unwrap_or_default());
        // A queue that still grew, and how many were left in it: `batch 12; service 7`.
        let saturated = run.saturated.iter();
        let saturated: Vec<_> =
            saturated.map(|(queue, left)| format!("{queue} {left}").trim().to_owned()).collect();
        let last = [saturated.join("; "), run.digest.clone()];
        text += &line(of_labels.chain(of_repeats).chain(of_scalars).chain(last));
    }
    text
}

/// A line for each point of each curve.
pub(super) fn curves(outcome: &Outcome) -> String {
    let labels: BTreeSet<&str> =
        outcome.groups.iter().flat_map(|it| it.labels.keys()).map(|it| &**it).collect();
    let titles = ["measure", "at", "runs", "mean", "deviation", "interval"];
    let mut text = line(labels.iter().copied().chain(titles).map(str::to_owned));
    for group in &outcome.groups {
        for (measure, curve) in &group.curves {
            for (at, mean) in curve {
                let of_labels =
                    labels.iter().map(|it| group.labels.get(*it).cloned().unwrap_or_default());
                let numbers = [
                    measure.clone(),
                    at.to_string(),
                    mean.count.to_string(),
                    mean.mean.to_string(),
                    mean.deviation.to_string(),
                    mean.interval.to_string(),
                ];
                text += &line(of_labels.chain(numbers));
            }
        }
    }
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell).into_owned()).collect();
    cells.join(",") + "\n"
}

/// A cell as a file of comma-separated values has it.
pub(crate) fn quoted(cell: &str) -> Cow<'_, str> {
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")).into(),
        false => cell.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_run() {
        let run = |policy: &str, seed, placed| Each {
            labels: [("policy".to_owned(), policy.to_owned())].into(),
            repeats: [("seed".to_owned(), seed)].into(),
            scalars: [("placed".to_owned(), placed)].into(),
            saturated: [("batch".to_owned(), 7)].into(),
            digest: "00000000000000ff".to_owned(),
        };
        let text = runs(&[run("a, b", 0, 2.5), run("c", 1, 3.0)]);
        assert_eq!(
            text,
            "policy,seed,placed,saturated,digest\n\"a, b\",0,2.5,batch 7,00000000000000ff\n\
             c,1,3,batch 7,00000000000000ff\n"
        );
    }
}
