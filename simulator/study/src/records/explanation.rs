//! Why a task went where it did: every machine, what the policy thought of it, and what it lacked.

use super::{Decided, PlaceInLine, timeline::units};
use crate::cell::{Cell, MachineId, Request, as_number};
use master_core::placement::devices::{self, Ask};
use proto::model::ResourceName;
use serde::Serialize;
use std::collections::BTreeMap;

/// What can be said of one task.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It was looked for a place among machines.
    Machines(Explanation),
    /// It started, before or behind others.
    Line(PlaceInLine),
}

/// A decision with all that was known.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// When.
    pub at_ns: u64,
    /// Of which job.
    pub job: u64,
    /// Which of its tasks.
    pub task: u64,
    /// Which decision about the job, from 1.
    pub attempt: u64,
    /// What it asks for, in units.
    pub asks: BTreeMap<String, String>,
    /// How it was chosen among equals; `lot` where the policy goes by lot.
    pub tie: String,
    /// What was chosen.
    pub chosen: Option<Fitting>,
    /// All that had room, the best first, of equals the one that the rule for ties prefers.
    pub fitting: Vec<Fitting>,
    /// The others.
    pub lacking: Vec<Lacking>,
}

/// A machine with room.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fitting {
    /// Its place in the list.
    pub machine: MachineId,
    /// Its name.
    pub name: String,
    /// What the policy thought of it; none where it goes by lot.
    pub score: Option<f64>,
}

/// A machine without.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lacking {
    /// Its place in the list.
    pub machine: MachineId,
    /// Its name.
    pub name: String,
    /// What is missing there.
    pub lacks: Vec<Lack>,
}

/// What is missing on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// Of what: a resource, `model` of GPUs, or `whole GPUs`: what is free of them is in pieces.
    pub of: String,
    /// How much, in units; nothing where it cannot be counted.
    pub missing: String,
}

impl Explanation {
    pub(super) fn of(decided: &Decided<'_>) -> Self {
        let Decided { cell, survey, by_lot, request, .. } = *decided;
        let fitting = |machine: MachineId, score| Fitting {
            machine,
            name: cell.name(machine).to_owned(),
            score: if by_lot { None } else { Some(as_number(score)) },
        };
        let chosen = decided.choice.and_then(|choice| {
            survey.score(choice.machine).map(|score| fitting(choice.machine, score))
        });
        let lacking = cell.machines().filter(|machine| survey.score(*machine).is_none());
        let lacking = lacking.map(|machine| Lacking {
            machine,
            name: cell.name(machine).to_owned(),
            lacks: lacks(cell, machine, request),
        });
        let asks = request.shape.iter().map(|(name, milli)| (name.to_string(), units(milli)));
        Self {
            at_ns: decided.sought.at.0,
            job: decided.sought.job,
            task: decided.sought.task,
            attempt: decided.sought.attempt,
            asks: asks.collect(),
            tie: if by_lot { "lot".to_owned() } else { decided.tie.to_string() },
            chosen,
            fitting: survey.ranked().into_iter().map(|(it, score)| fitting(it, score)).collect(),
            lacking: lacking.collect(),
        }
    }

    /// How many machines were as good as the best.
    pub fn equal(&self) -> usize {
        let best = self.fitting.first().and_then(|it| it.score);
        self.fitting.iter().take_while(|it| it.score == best).count()
    }
}

/// What is missing on a machine that has no room.
fn lacks(cell: &Cell, machine: MachineId, request: &Request) -> Vec<Lack> {
    let free = cell.free(machine);
    let short = request.shape.iter().filter_map(|(name, asked)| {
        let missing = asked.checked_sub(free.get(name)).filter(|missing| *missing > 0)?;
        Some(Lack { of: name.to_string(), missing: units(missing) })
    });
    let mut lacks: Vec<Lack> = short.collect();
    let candidate = cell.candidate(machine);
    if request.ask != Ask::Nothing && !candidate.model.is_among(request.models) {
        lacks.push(Lack { of: "model".to_owned(), missing: String::new() });
    }
    let has_gpus = free.get(&ResourceName::GPUS) >= request.shape.get(&ResourceName::GPUS);
    if has_gpus && !devices::fit(candidate.gpus, request.ask) {
        lacks.push(Lack { of: "whole GPUs".to_owned(), missing: String::new() });
    }
    lacks
}
