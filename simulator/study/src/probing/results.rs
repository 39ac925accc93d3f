//! What is measured, in seconds. Response: from a job's arrival to the end of its last task, as
//! Sparrow's and Hawk's papers have it. Wait: from its arrival to the start of its last task.

use super::jobs::ProbedJob;
use crate::{measures::Measures, statistics::quantile};
use simulator::engine::Time;

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ran {
    /// Until its last task began.
    pub(super) wait: Time,
    /// Until its last task ended.
    pub(super) response: Time,
}

/// A number of one job.
type Number = fn(&Ran) -> Time;

const QUANTILES: [(&str, f64); 3] = [("-p50", 0.5), ("-p90", 0.9), ("-p99", 0.99)];
const NUMBERS: [(&str, Number); 2] = [("response", |ran| ran.response), ("wait", |ran| ran.wait)];

/// All jobs, and the short and long ones apart if there is a line between them; `bound` is what
/// became of the same jobs in the omniscient queue, and every response is also given as a ratio to
/// that.
pub(super) fn measure(
    measures: &mut Measures,
    jobs: &[ProbedJob],
    ran: &[Ran],
    bound: &[Ran],
    cutoff: Option<Time>,
) {
    let mut add = |class: &str, is_meant: &dyn Fn(&ProbedJob) -> bool| {
        for (name, number) in NUMBERS {
            let of = summary(jobs, ran, is_meant, number);
            let bounds = summary(jobs, bound, is_meant, number);
            for ((end, value), (_, least)) in of.into_iter().zip(bounds) {
                measures.scalars.insert(format!("{class}{name}{end}"), value);
                if name == "response" && least > 0.0 {
                    let ratio = value / least;
                    measures.scalars.insert(format!("{class}{name}{end}-ratio"), ratio);
                }
            }
        }
    };
    add("", &|_| true);
    if let Some(cutoff) = cutoff {
        add("short-", &|job| job.estimate < cutoff);
        add("long-", &|job| job.estimate >= cutoff);
        let work = |job: &ProbedJob| job.estimate.0 as f64 * f64::from(job.tasks);
        let all: f64 = jobs.iter().map(work).sum();
        let is_short = |job: &&ProbedJob| job.estimate < cutoff;
        let short = jobs.iter().filter(is_short);
        let part = |of: f64, whole: f64| if whole > 0.0 { of / whole } else { 0.0 };
        let count = short.clone().count() as f64;
        measures.scalars.insert("short-jobs".to_owned(), part(count, jobs.len() as f64));
        measures.scalars.insert("short-work".to_owned(), part(short.map(work).sum(), all));
    }
}

/// The mean and quantiles of those that are meant, in seconds; nothing of none.
fn summary(
    jobs: &[ProbedJob],
    ran: &[Ran],
    is_meant: &dyn Fn(&ProbedJob) -> bool,
    number: Number,
) -> Vec<(&'static str, f64)> {
    let meant = jobs.iter().zip(ran).filter(|(job, _)| is_meant(job));
    let mut seconds: Vec<f64> = meant.map(|(_, ran)| number(ran).as_seconds()).collect();
    if seconds.is_empty() {
        return Vec::new();
    }
    let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
    seconds.sort_by(f64::total_cmp);
    let quantiles = QUANTILES.map(|(end, part)| (end, quantile(&seconds, part).unwrap_or(0.0)));
    [("", mean)].into_iter().chain(quantiles).collect()
}
