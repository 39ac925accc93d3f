//! Decisions: where places were sought and what spoke for the one that was taken.

use crate::cell::{Cell, Choice, MachineId, Request, Survey, TieRule};
use serde::Serialize;
use simulator::engine::Time;

/// A place is sought for a task.
#[derive(Debug, Clone, Copy)]
pub struct Sought {
    /// When.
    pub at: Time,
    /// For a task of which job, by its place in the list.
    pub job: u64,
    /// Which of the job's tasks.
    pub task: u64,
    /// Which decision about the job it is, from 1.
    pub attempt: u64,
}

/// A place was sought for a task.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    /// For which, and when.
    pub sought: Sought,
    /// What it asks for.
    pub request: &'a Request,
    /// The machines as they were.
    pub cell: &'a Cell,
    /// Those that had room, with what the policy thought of them.
    pub survey: &'a Survey,
    /// What was chosen.
    pub choice: Option<Choice>,
    /// Among equals.
    pub tie: TieRule,
    /// Whether the policy goes by lot.
    pub by_lot: bool,
}

/// A line of `decisions.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct Decision<'a> {
    at_ns: u64,
    job: u64,
    task: u64,
    attempt: u64,
    machine: Option<MachineId>,
    name: Option<&'a str>,
    /// Which of the machine's GPUs gives a part.
    gpu: Option<usize>,
    /// None where the policy goes by lot.
    score: Option<f64>,
    /// How it was chosen among equals; `lot` where the policy goes by lot.
    tie: String,
    /// Machines with room.
    feasible: usize,
    /// Of them, as good as the one that was chosen, with it.
    equal: usize,
    runner_up: Option<RunnerUp<'a>>,
}

/// The one that would have been next.
#[derive(Debug, Serialize)]
struct RunnerUp<'a> {
    machine: MachineId,
    name: &'a str,
    score: f64,
}

impl<'a> Decision<'a> {
    pub(super) fn of(decided: &Decided<'a>) -> Self {
        let Decided { sought, cell, survey, choice, by_lot, .. } = *decided;
        let chosen = choice.map(|choice| choice.machine);
        let score = chosen.and_then(|machine| survey.score(machine)).filter(|_| !by_lot);
        let second = survey.second(chosen).filter(|_| !by_lot);
        Self {
            at_ns: sought.at.0,
            job: sought.job,
            task: sought.task,
            attempt: sought.attempt,
            machine: chosen,
            name: chosen.map(|machine| cell.name(machine)).filter(|name| !name.is_empty()),
            gpu: choice.and_then(|choice| choice.gpu),
            score: score.map(crate::cell::as_number),
            tie: if by_lot { "lot".to_owned() } else { decided.tie.to_string() },
            feasible: survey.len(),
            equal: match (by_lot, score) {
                (true, _) => survey.len(),
                (false, score) => score.map_or(0, |score| survey.count(score)),
            },
            runner_up: second.map(|(machine, score)| RunnerUp {
                machine,
                name: cell.name(machine),
                score: crate::cell::as_number(score),
            }),
        }
    }
}

/// A parallel job started, before or behind others: also a line of `decisions.jsonl`.
#[derive(Debug, Clone, Serialize)]
pub struct PlaceInLine {
    /// When.
    pub at_ns: u64,
    /// Which job, by its place in the list.
    pub job: u64,
    /// How many processors it needs.
    pub processors: u64,
    /// How many were free.
    pub free: u64,
    /// How many waited before it.
    pub before: usize,
    /// Why it might go before them.
    pub because: &'static str,
}
