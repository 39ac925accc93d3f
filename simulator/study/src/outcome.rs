//! What a study says: for everything that was swept the means over its repetitions, and for every
//! line of what was expected whether it came.

use crate::{
    campaign::Run,
    measures::{Measures, is_wait},
    plan::{Expectation, Statistic, Study, Where},
    statistics::{Mean, quantile},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Runs that differ in repetitions alone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Group {
    /// What was swept.
    pub labels: BTreeMap<String, String>,
    /// How many.
    #[serde(default)]
    pub count: usize,
    /// Means of numbers by name.
    pub scalars: BTreeMap<String, Mean>,
    /// Means of curves by name, over whole numbers.
    pub curves: BTreeMap<String, BTreeMap<u32, Mean>>,
    /// Queues that still grew at the end of runs, with how many were left in them: waits in these
    /// runs are in no mean.
    #[serde(default)]
    pub saturated: BTreeMap<String, Mean>,
    #[serde(skip)]
    pub(crate) runs: Vec<Measures>,
}

/// Whether a line of what was expected came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was expected, in words.
    pub expected: String,
    /// What came, in words.
    pub got: String,
    /// Whether that is it.
    pub passed: bool,
}

/// What a study says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// By what was swept, in the order of the runs.
    pub groups: Vec<Group>,
    /// By what was expected, in the order of the file.
    pub verdicts: Vec<Verdict>,
    /// How many runs there were.
    pub runs: usize,
    /// Seconds from the start that were not measured, where a study says so and nothing varies it.
    #[serde(default)]
    pub warm_up_s: f64,
    /// Of all runs' events.
    pub digest: String,
}

impl Outcome {
    /// What the runs of a study say.
    pub fn of(study: &Study, runs: &[Run]) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut digest = simulator::engine::Digest::new();
        for run in runs {
            digest.add(&[run.measures.digest]);
            match groups.iter_mut().find(|group| group.labels == run.labels) {
                Some(group) => group.runs.push(run.measures.clone()),
                None => groups.push(Group {
                    labels: run.labels.clone(),
                    count: 0,
                    scalars: BTreeMap::new(),
                    curves: BTreeMap::new(),
                    saturated: BTreeMap::new(),
                    runs: vec![run.measures.clone()],
                }),
            }
        }
        groups.iter_mut().for_each(Group::average);
        let verdicts = study.expect.iter().map(|line| verdict(line, &groups)).collect();
        let digest = format!("{:016x}", digest.value());
        Self { groups, verdicts, runs: runs.len(), warm_up_s: study.warm_up_s, digest }
    }

    /// Whether everything came as expected.
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(|verdict| verdict.passed)
    }
}

impl Group {
    fn average(&mut self) {
        self.count = self.runs.len();
        let names: BTreeSet<&String> =
            self.runs.iter().flat_map(|run| run.scalars.keys()).collect();
        let mean = |name: &String| {
            let settled = self.runs.iter().filter(|run| !run.is_of_saturated(name));
            let numbers: Vec<f64> = settled.filter_map(|run| run.get(name, None)).collect();
            Some((name.clone(), Mean::of(&numbers)?))
        };
        self.scalars = names.into_iter().filter_map(mean).collect();
        let curves = self.runs.iter().flat_map(|run| &run.curves);
        let places: BTreeSet<(&String, u32)> =
            curves.flat_map(|(name, curve)| curve.keys().map(move |at| (name, *at))).collect();
        let mut means: BTreeMap<String, BTreeMap<u32, Mean>> = BTreeMap::new();
        for (name, at) in places {
            if let Some(mean) = Mean::of(&self.numbers(name, Some(at))) {
                means.entry(name.clone()).or_default().insert(at, mean);
            }
        }
        self.curves = means;
        let queues: BTreeSet<&String> =
            self.runs.iter().flat_map(|run| run.saturated.keys()).collect();
        let left = |queue: &&String| {
            let of = |run: &Measures| run.saturated.get(*queue).map(|left| *left as f64);
            self.runs.iter().filter_map(of).collect::<Vec<_>>()
        };
        let left = queues.iter().filter_map(|it| Some(((*it).clone(), Mean::of(&left(it))?)));
        self.saturated = left.collect();
    }

    /// What is to be said of queues that still grew at the end: nothing when none did.
    pub fn saturation(&self) -> Option<String> {
        let said = self.saturated.iter().map(|(queue, left)| {
            let name = if queue.is_empty() { "" } else { &format!("{queue}: ") };
            let part = match left.count as usize == self.count {
                true => String::new(),
                false => format!(" in {} of {} runs", left.count, self.count),
            };
            format!("{name}saturated{part}, {} left", left.mean.round())
        });
        let said: Vec<String> = said.collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// Whether a measure is one of waiting in a queue that still grew in every run.
    pub fn is_saturated(&self, measure: &str) -> bool {
        let whole = |left: &Mean| left.count as usize == self.count;
        self.saturated.iter().any(|(queue, left)| whole(left) && is_wait(measure, queue))
    }

    /// The numbers of all runs that have one.
    pub fn numbers(&self, measure: &str, at: Option<u32>) -> Vec<f64> {
        self.runs.iter().filter_map(|run| run.get(measure, at)).collect()
    }

    fn is(&self, of: &Where) -> bool {
        of.iter().all(|(label, value)| self.labels.get(label) == Some(value))
    }
}

/// The statistic over all runs of the groups that are meant.
fn find(
    groups: &[Group],
    of: &Where,
    measure: &str,
    at: Option<u32>,
    statistic: Statistic,
) -> Option<f64> {
    let meant = groups.iter().filter(|group| group.is(of));
    let mut numbers: Vec<f64> = meant.flat_map(|group| group.numbers(measure, at)).collect();
    match statistic {
        Statistic::Mean => Mean::of(&numbers).map(|mean| mean.mean),
        Statistic::P90 => {
            numbers.sort_by(f64::total_cmp);
            quantile(&numbers, 0.9)
        }
    }
}

/// Of the mean over all runs of the groups that are meant.
fn standard_error(groups: &[Group], of: &Where, measure: &str, at: Option<u32>) -> f64 {
    let meant = groups.iter().filter(|group| group.is(of));
    let numbers: Vec<f64> = meant.flat_map(|group| group.numbers(measure, at)).collect();
    Mean::of(&numbers).map_or(0.0, |mean| mean.deviation / (mean.count as f64).sqrt())
}

fn verdict(line: &Expectation, groups: &[Group]) -> Verdict {
    let Expectation { measure, at, statistic, of, .. } = line;
    let what = format!("{statistic}{measure}{}{}", place(*at), words(of));
    let find = |of: &Where| find(groups, of, measure, *at, *statistic);
    let (expected, found) = if let Some(order) = &line.order {
        let along = line.along.clone().unwrap_or_default();
        let values: Vec<Option<f64>> = order
            .iter()
            .map(|value| {
                let mut of = of.clone();
                of.insert(along.clone(), value.clone());
                find(&of)
            })
            .collect();
        let rises = values.windows(2).all(|pair| match pair {
            [Some(first), Some(next)] => next + line.slack >= *first,
            _ => false,
        });
        let got: Vec<_> = values
            .iter()
            .map(|value| value.map_or("nothing".to_owned(), |value| format!("{value:.3}")))
            .collect();
        (format!("{what} rises along {along}: {}", order.join(", ")), Some((got.join(", "), rises)))
    } else {
        let value = match &line.minus {
            None => find(of),
            Some(minus) => find(of).zip(find(minus)).map(|(one, other)| one - other),
        };
        let (least, most) = line.bounds(standard_error(groups, of, measure, *at));
        let less = line
            .minus
            .as_ref()
            .map_or(String::new(), |minus| format!(" less that{}", words(minus)));
        let expected = match (line.value, line.within) {
            (Some(value), _) => format!("{what}{less} is {value} ± {:.4}", most - value),
            _ => format!("{what}{less} is {}", span(least, most)),
        };
        let got = value.map(|value| (format!("{value:.4}"), (least..=most).contains(&value)));
        (expected, got)
    };
    let (got, passed) = found.unwrap_or(("nothing".to_owned(), false));
    Verdict { expected, got, passed }
}

fn span(least: f64, most: f64) -> String {
    match (least.is_finite(), most.is_finite()) {
        (true, true) => format!("from {least} to {most}"),
        (true, false) => format!("{least} or more"),
        (false, true) => format!("{most} or less"),
        (false, false) => "there".to_owned(),
    }
}

fn place(at: Option<u32>) -> String {
    at.map_or(String::new(), |at| format!(" at {at}"))
}

fn words(of: &Where) -> String {
    if of.is_empty() {
        return String::new();
    }
    let parts: Vec<_> = of.iter().map(|(label, value)| format!("{label} {value}")).collect();
    format!(" of {}", parts.join(", "))
}
