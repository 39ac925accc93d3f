//! What became of a job: one row per instance, ready for a table or for JSON.

use crate::instance::Phase;
use crate::queue::{Outcome, Queue};
use bourse_sdk::model::{FrameworkId, Instant};
use serde::Serialize;
use std::collections::BTreeMap;

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    /// Its last attempt's id in the cluster.
    pub task_id: String,
    /// The task's name in the job.
    pub name: String,
    /// Which instance, from 0.
    pub instance: u32,
    /// How it ended; absent while it has not.
    pub outcome: Option<Outcome>,
    /// Attempts made.
    pub attempts: u32,
    /// Where the last attempt ran.
    pub agent: Option<String>,
    /// On which offer it was launched.
    pub offer: Option<String>,
    /// Counts the job's launches from 1, in the order in which they were asked for.
    pub launch_number: Option<u32>,
    /// Milliseconds from the job's beginning to the last launch.
    pub launched_ms: Option<u64>,
    /// To its running.
    pub started_ms: Option<u64>,
    /// To its end.
    pub ended_ms: Option<u64>,
    /// When the command exited by itself.
    pub exit_code: Option<i32>,
    /// When a signal ended it.
    pub signal: Option<i32>,
    /// Highest memory use seen, bytes.
    pub memory_peak_bytes: Option<u64>,
    /// What the cluster says about the end.
    pub message: String,
}

/// A job's outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The job's name.
    pub job: String,
    /// The framework that ran it.
    pub framework: Option<String>,
    /// Whether every instance succeeded.
    pub success: bool,
    /// How many instances ended how.
    pub counts: BTreeMap<Outcome, usize>,
    /// Instances that have not ended.
    pub open: usize,
    /// Milliseconds from the beginning to the last end.
    pub duration_ms: u64,
    /// Every instance, in the order of submission.
    pub tasks: Vec<TaskRow>,
}

impl Summary {
    pub(crate) fn of(queue: &Queue, framework: Option<FrameworkId>) -> Self {
        let since = |at: Option<Instant>| at.map(|at| at.since(queue.began()).0);
        let rows = queue.rows().map(|(spec, instance)| {
            let outcome = match instance.phase {
                Phase::Ended(outcome) => Some(outcome),
                _ => None,
            };
            TaskRow {
                task_id: crate::job::task_id(&spec.name, instance.index, instance.attempt)
                    .map_or_else(|_| spec.name.clone(), |id| id.to_string()),
                name: spec.name.clone(),
                instance: instance.index,
                outcome,
                attempts: instance.attempt + u32::from(instance.launched.is_some()),
                agent: instance.agent.as_ref().map(ToString::to_string),
                offer: instance.offer.as_ref().map(ToString::to_string),
                launch_number: instance.launch_number,
                launched_ms: since(instance.launched),
                started_ms: since(instance.started),
                ended_ms: since(instance.ended),
                exit_code: instance.exit_code,
                signal: instance.signal,
                memory_peak_bytes: instance.memory_peak_bytes,
                message: instance.message.clone(),
            }
        });
        let tasks: Vec<TaskRow> = rows.collect();
        let mut counts = BTreeMap::new();
        for outcome in tasks.iter().filter_map(|row| row.outcome) {
            *counts.entry(outcome).or_default() += 1;
        }
        Self {
            job: queue.job().name().to_owned(),
            framework: framework.map(|framework| framework.to_string()),
            success: tasks.iter().all(|row| row.outcome == Some(Outcome::Succeeded)),
            counts,
            open: tasks.iter().filter(|row| row.outcome.is_none()).count(),
            duration_ms: tasks.iter().filter_map(|row| row.ended_ms).max().unwrap_or(0),
            tasks,
        }
    }
}
