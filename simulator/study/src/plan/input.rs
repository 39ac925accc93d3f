//! Where machines and tasks come from.

use super::PlanError;
use crate::{
    cell::{Machine, Request},
    error::RunError,
    inputs::{self, ModelNumbers},
    limits::{MACHINES_MAX, within},
};
use serde::Deserialize;
use std::path::Path;
use traces::{
    Arrivals, Machines, ReadError,
    generate::{self, Each, End, Stream},
    model::{Change, MachineEvent, Names, Shape},
    open::{self, FORMATS, Opened},
    transform::{self, Transform},
};

/// A file of published data, a workload that is drawn, or machines that are written down; and what
/// is done with it before it is used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its path below the directory of data.
    file: Option<String>,
    /// What is drawn instead, by the study's seed.
    #[serde(default)]
    generate: Vec<Stream>,
    /// Where what is drawn ends.
    end: Option<End>,
    /// Machines that are written down here.
    #[serde(default)]
    list: Vec<Alike>,
    /// In which form it is, when its first lines do not tell.
    format: Option<FormatName>,
    /// Steps from arrivals to arrivals; of no use for machines.
    #[serde(default)]
    transform: Vec<Transform>,
    /// Of what the steps draw.
    #[serde(default)]
    transform_seed: u64,
}

/// Machines that are all alike.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alike {
    /// How many.
    count: u32,
    /// What each has, in thousandths.
    each: Each,
}

/// A format by its name.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct FormatName(open::Format);

impl TryFrom<String> for FormatName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = FORMATS.iter().find(|(_, name)| *name == text);
        known.map(|(format, _)| Self(*format)).ok_or_else(|| {
            let names: Vec<&str> = FORMATS.iter().map(|(_, name)| *name).collect();
            format!("`{text}` is no format; one of {}", names.join(", "))
        })
    }
}

impl Input {
    /// Opens it as a workload.
    ///
    /// # Errors
    /// When it cannot be read or drawn, or holds machines.
    pub fn arrivals(&self, data: &Path, seed: u64, names: Names) -> Result<Arrivals, RunError> {
        let arrivals = match (&self.file, self.end) {
            (None, Some(end)) => generate::generate(&self.generate, end, seed, names)
                .map_err(|source| PlanError::Generate { source })?,
            (Some(file), None) => match self.open(file, data, names)? {
                Opened::Arrivals(arrivals) => arrivals,
                Opened::Machines(_) => return Err(PlanError::NoArrivals(file.clone()).into()),
            },
            _ => return Err(PlanError::NoInput.into()),
        };
        Ok(transform::apply(&self.transform, self.transform_seed, arrivals))
    }

    /// Whether it can be read as often as is wanted, and nothing of what is done with it holds all
    /// of it.
    pub(crate) fn streams(&self, data: &Path) -> bool {
        let is_regular = |file| data.join(file).metadata().is_ok_and(|it| it.is_file());
        !self.transform.iter().any(Transform::holds_all)
            && self.file.as_ref().is_none_or(is_regular)
    }

    /// What of a run's seed it depends on, for those who keep what was read.
    pub fn seed(&self, seed: u64) -> u64 {
        if self.file.is_some() { 0 } else { seed }
    }

    /// Opens it as a list of machines.
    ///
    /// # Errors
    /// When it cannot be read, or holds a workload.
    pub fn machines(&self, data: &Path, names: Names) -> Result<Machines, RunError> {
        let file = match (&self.file, self.list.as_slice()) {
            (Some(file), []) => file,
            (None, list @ [_, ..]) => return Ok(Machines::of(written_down(list)?, names)),
            _ => return Err(PlanError::NoMachineInput.into()),
        };
        match self.open(file, data, names)? {
            Opened::Machines(machines) => Ok(machines),
            Opened::Arrivals(_) => Err(PlanError::NoMachines(file.clone()).into()),
        }
    }

    fn open(&self, file: &str, data: &Path, names: Names) -> Result<Opened, ReadError> {
        let format = self.format.map(|FormatName(format)| format);
        open::open(&data.join(file), format, names)
    }
}

fn written_down(list: &[Alike]) -> Result<Vec<MachineEvent>, PlanError> {
    let count = list.iter().map(|alike| u64::from(alike.count)).sum();
    within("machines.list", count, MACHINES_MAX)?;
    let event = |(machine, alike): (u64, &Alike)| {
        let Each { cpus, mem, gpus, disk, network } = alike.each;
        let capacity = Shape([cpus, mem, gpus, disk, network]);
        let cards = u32::try_from(gpus / 1_000).unwrap_or(u32::MAX);
        let of =
            traces::model::Machine { count: alike.count, capacity, cards, ..Default::default() };
        MachineEvent { at_ns: 0, machine, change: Change::Add(of) }
    };
    Ok((0..).zip(list).map(event).collect())
}

/// Reads machines and tasks, with one table of names; `each` is told what tasks ask for, and how
/// many alike come together. `None` is for GPUs as no machine can give them.
///
/// # Errors
/// When a file cannot be read, or holds something else.
pub fn read(
    data: &Path,
    machines: &Input,
    tasks: &Input,
    seed: u64,
    mut each: impl FnMut(Option<Request>, u32),
) -> Result<Vec<Machine>, RunError> {
    let mut models = ModelNumbers::default();
    let mut reader = machines.machines(data, Names::new())?;
    let events: Vec<_> = reader.by_ref().collect();
    let names = reader.into_names();
    let name_of = |id| names.get(id).to_owned();
    let machines = inputs::machines(events.into_iter(), &name_of, &mut models)?;
    for arrival in tasks.arrivals(data, seed, names)? {
        let arrival = arrival?;
        each(inputs::request(&arrival, &mut models), arrival.tasks);
    }
    Ok(machines)
}
