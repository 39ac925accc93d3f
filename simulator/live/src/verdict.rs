//! The oracles: what a history and the cluster in the end say of each other.
//!
//! Names in brackets are those of the invariants that a violation breaks: T2 (an accept is done or
//! refused), T3 (no task is launched twice), C3 (what was acknowledged is in every later leader),
//! U1 (an update that was confirmed is kept), U2 (updates in order, without gaps).

use crate::load::history::{Accept, Answer, History};
use bourse_sdk::model::TaskState;
use proto::wire::v1;
use std::collections::BTreeMap;

/// More of one kind say nothing new.
pub(crate) const SHOWN_MAX: usize = 5;

/// What the oracles found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Each a sentence.
    pub violations: Vec<String>,
    /// Accepts that were acknowledged.
    pub accepted: usize,
    /// Accepts that were refused.
    pub refused: usize,
    /// Acknowledged accepts whose task is not as it must be.
    pub lost: usize,
    /// Tasks that were there twice, or although refused.
    pub duplicated: usize,
    /// Tasks of which they themselves say something else than the cluster.
    pub disturbed: usize,
}

/// How tasks of a load may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Well: nothing was done to their agents.
    Finished,
    /// Somehow: their agents were harmed.
    Somehow,
    /// Well if they began, of which they are witnesses: their agents were harmed.
    Witnessed,
    /// Well if they are said to have, of which they are witnesses: they were harmed themselves.
    IfSaid,
}

impl Verdict {
    /// Compares a history that has settled with what the cluster knows.
    pub fn of(history: &History, known: &[v1::TaskSummary], ends: Ends) -> Self {
        let mut verdict = Self::default();
        verdict.violations.extend(history.nonsense.iter().take(SHOWN_MAX).cloned());
        let mut known = by_id(known, &mut verdict);
        let (mut lost, mut duplicated) = (Vec::new(), Vec::new());
        for (task, accept) in &history.accepts {
            let in_ledger = known.remove(task.as_str());
            match &accept.answer {
                Answer::Open => lost.push(format!("{task} was never answered (T2)")),
                Answer::Accepted => {
                    verdict.accepted += 1;
                    let is_due = history.withheld.contains(task);
                    match in_ledger.is_none() && is_due {
                        true => lost.push(format!("{task} has ended and is forgotten (U1)")),
                        false => lost.extend(lost_task(task, accept, in_ledger, ends)),
                    }
                }
                Answer::Refused(why) => {
                    verdict.refused += 1;
                    if in_ledger.is_some() || !accept.updates.is_empty() {
                        duplicated.push(format!("{task} exists although refused: {why} (T2)"));
                    }
                }
            }
            verdict.violations.extend(disorder(task, accept).into_iter().take(SHOWN_MAX));
        }
        duplicated.extend(known.keys().map(|task| format!("nobody asked for {task} (T2)")));
        (verdict.lost, verdict.duplicated) = (lost.len(), duplicated.len());
        verdict.violations.extend(lost.into_iter().take(SHOWN_MAX));
        verdict.violations.extend(duplicated.into_iter().take(SHOWN_MAX));
        verdict
    }

    /// Compares which tasks agents have launched with which were acknowledged.
    pub fn judge_launches(
        &mut self,
        history: &History,
        launches: &BTreeMap<String, u32>,
        ends: Ends,
    ) {
        let mut wrong = Vec::new();
        for (task, count) in launches {
            let answer = history.accepts.get(task).map(|accept| &accept.answer);
            if *count > 1 || answer != Some(&Answer::Accepted) {
                wrong.push(format!("{task} was launched {count} times, answer: {answer:?} (T3)"));
            }
        }
        self.duplicated += wrong.len();
        if ends == Ends::Finished {
            let accepted = history.accepts.iter();
            let accepted = accepted.filter(|(_, accept)| accept.answer == Answer::Accepted);
            let idle = accepted.filter(|(task, _)| !launches.contains_key(*task));
            let before = wrong.len();
            wrong.extend(idle.map(|(task, _)| format!("{task} was never launched (T2)")));
            self.lost += wrong.len() - before;
        }
        self.violations.extend(wrong.into_iter().take(SHOWN_MAX));
    }
}

fn by_id<'a>(
    known: &'a [v1::TaskSummary],
    verdict: &mut Verdict,
) -> BTreeMap<&'a str, v1::TaskState> {
    let mut states = BTreeMap::new();
    for task in known {
        let id = task.info.as_ref().map_or("", |info| info.task_id.as_str());
        let state = task.status.as_ref().map_or(v1::TaskState::Unspecified, |s| s.state());
        if states.insert(id, state).is_some() {
            verdict.duplicated += 1;
            verdict.violations.push(format!("{id} is listed twice (T1)"));
        }
    }
    states
}

/// What is wrong with a task that was acknowledged.
fn lost_task(
    task: &str,
    accept: &Accept,
    in_ledger: Option<v1::TaskState>,
    ends: Ends,
) -> Option<String> {
    let end = match accept.end() {
        None => return Some(format!("{task} was accepted and never ended (C3)")),
        Some(end) => end,
    };
    if matches!(end, TaskState::Gone | TaskState::Unknown) {
        return Some(format!("{task} was accepted and is said to be {end} (C3)"));
    }
    if ends == Ends::Finished && end != TaskState::Finished {
        return Some(format!("{task} was accepted and ended as {end} (C3)"));
    }
    // Old ends are forgotten when they were acknowledged; what is known must agree.
    let known = in_ledger.map(|state| state.as_str_name());
    (known.is_some_and(|known| known != end.name())).then(|| {
        format!("{task} ended as {end}, and the cluster says {} (U1)", known.unwrap_or_default())
    })
}

/// Sequence numbers that a framework must not see.
fn disorder(task: &str, accept: &Accept) -> Option<String> {
    let numbers = accept.updates.iter().map(|(_, sequence)| *sequence).filter(|n| *n != 0);
    let numbers: Vec<u64> = numbers.collect();
    let is_ordered = numbers.iter().zip(1..).all(|(seen, due)| *seen == due);
    (!is_ordered).then(|| format!("updates of {task} came as {numbers:?} (U2)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(task: &str, state: v1::TaskState) -> v1::TaskSummary {
        let info = v1::TaskInfo { task_id: task.to_owned(), ..Default::default() };
        let mut status = v1::TaskStatus::default();
        status.set_state(state);
        v1::TaskSummary { info: Some(info), status: Some(status), ..Default::default() }
    }

    /// One task that was accepted and finished, and one that was refused.
    fn good() -> History {
        let mut history = History::new();
        history.asked("a");
        history.accepted("a", true);
        history.updated("a", TaskState::Running, 1);
        history.updated("a", TaskState::Finished, 2);
        history.asked("b");
        history.refused("b", "void");
        history
    }

    fn verdict(history: &History, known: &[v1::TaskSummary]) -> (usize, usize, usize) {
        let verdict = Verdict::of(history, known, Ends::Finished);
        (verdict.lost, verdict.duplicated, verdict.violations.len())
    }

    #[test]
    fn a_good_run_is_let_pass() {
        let finished = [known("a", v1::TaskState::TaskFinished)];
        assert_eq!(verdict(&good(), &finished), (0, 0, 0));
        assert_eq!(verdict(&good(), &[]), (0, 0, 0), "old ends may be forgotten");
    }

    #[test]
    fn what_is_lost_is_seen() {
        let mut history = good();
        history.withheld.insert("a".to_owned());
        assert_eq!(verdict(&history, &[]), (1, 0, 1), "an unconfirmed end is forgotten");
        let other = [known("a", v1::TaskState::TaskRunning)];
        assert_eq!(verdict(&good(), &other), (1, 0, 1), "an end that the cluster does not know");
        let mut history = good();
        history.asked("c");
        assert_eq!(verdict(&history, &[]), (1, 0, 1), "no answer");
        history.accepted("c", true);
        assert_eq!(verdict(&history, &[]), (1, 0, 1), "no end");
        history.updated("c", TaskState::Gone, 1);
        assert_eq!(verdict(&history, &[]), (1, 0, 1), "gone");
    }

    #[test]
    fn what_is_there_twice_is_seen() {
        let refused = [known("b", v1::TaskState::TaskRunning)];
        assert_eq!(verdict(&good(), &refused), (0, 1, 1), "refused, and there");
        assert_eq!(verdict(&good(), &[known("x", v1::TaskState::TaskRunning)]), (0, 1, 1));
        let mut history = good();
        history.updated("a", TaskState::Finished, 2);
        assert_eq!(verdict(&history, &[]), (0, 0, 1), "an update twice");
    }

    #[test]
    fn launches_are_counted() {
        let judge = |launches: &[(&str, u32)]| {
            let launches = launches.iter().map(|(task, n)| ((*task).to_owned(), *n)).collect();
            let mut verdict = Verdict::default();
            verdict.judge_launches(&good(), &launches, Ends::Finished);
            (verdict.lost, verdict.duplicated)
        };
        assert_eq!(judge(&[("a", 1)]), (0, 0));
        assert_eq!(judge(&[("a", 2)]), (0, 1));
        assert_eq!(judge(&[("a", 1), ("b", 1)]), (0, 1), "refused, and launched");
        assert_eq!(judge(&[]), (1, 0), "accepted, and never launched");
    }
}
