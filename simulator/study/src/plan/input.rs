//! Where machines and tasks come from.

use super::PlanError;
use crate::{
    campaign::RunError,
    cell::{Machine, Request},
    inputs::{self, ModelNumbers},
};
use serde::Deserialize;
use std::path::Path;
use traces::{
    Arrivals, Machines, ReadError,
    model::Names,
    open::{self, FORMATS, Opened},
    transform::{self, Transform},
};

/// A file of published data, and what is done with it before it is used.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its path below the directory of data.
    pub file: String,
    /// In which form it is, when its first lines do not tell.
    format: Option<FormatName>,
    /// Steps from arrivals to arrivals; of no use for machines.
    #[serde(default)]
    transform: Vec<Transform>,
    /// Of what the steps draw.
    #[serde(default)]
    transform_seed: u64,
}

/// A format by its name.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
struct FormatName(open::Format);

/// What tasks ask for, and how many alike come together; `None` for GPUs as no machine can give
/// them.
pub type Asked = Vec<(Option<Request>, u32)>;

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
    /// When it cannot be read, or holds machines.
    pub fn arrivals(&self, data: &Path, names: Names) -> Result<Arrivals, RunError> {
        match self.open(data, names)? {
            Opened::Arrivals(arrivals) => {
                Ok(transform::apply(&self.transform, self.transform_seed, arrivals))
            }
            Opened::Machines(_) => Err(PlanError::NoArrivals(self.file.clone()).into()),
        }
    }

    /// Opens it as a list of machines.
    ///
    /// # Errors
    /// When it cannot be read, or holds a workload.
    pub fn machines(&self, data: &Path, names: Names) -> Result<Machines, RunError> {
        match self.open(data, names)? {
            Opened::Machines(machines) => Ok(machines),
            Opened::Arrivals(_) => Err(PlanError::NoMachines(self.file.clone()).into()),
        }
    }

    fn open(&self, data: &Path, names: Names) -> Result<Opened, ReadError> {
        let format = self.format.map(|FormatName(format)| format);
        open::open(&data.join(&self.file), format, names)
    }
}

/// Reads machines and tasks, with one table of names.
///
/// # Errors
/// When a file cannot be read, or holds something else.
pub fn read(
    data: &Path,
    machines: &Input,
    tasks: &Input,
) -> Result<(Vec<Machine>, Asked), RunError> {
    let mut models = ModelNumbers::default();
    let mut reader = machines.machines(data, Names::new())?;
    let events: Vec<_> = reader.by_ref().collect();
    let names = reader.into_names();
    let name_of = |id| names.get(id).to_owned();
    let machines = inputs::machines(events.into_iter(), &name_of, &mut models)?;
    let asked = tasks.arrivals(data, names)?.map(|arrival| {
        let arrival = arrival?;
        Ok((inputs::request(&arrival, &mut models), arrival.tasks))
    });
    Ok((machines, asked.collect::<Result<_, ReadError>>()?))
}
