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
    ReadError, Source,
    formats::{google2019, omega, openb},
    model::Names,
};

/// A file of published data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// In which form it is.
    pub format: Format,
    /// Its path below the directory of data.
    pub file: String,
}

/// A published form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Alibaba's GPU cluster of 2023.
    Openb,
    /// Google's cells of 2019, as extracted.
    Google2019,
    /// A job list of Google's simulator of the Omega paper.
    Omega,
}

/// What tasks ask for, and how many alike come together; `None` for GPUs as no machine can give
/// them.
pub type Asked = Vec<(Option<Request>, u32)>;

/// Reads machines and tasks.
///
/// # Errors
/// When a file cannot be read, or holds no machines where there should be some.
pub fn read(
    data: &Path,
    machines: &Input,
    tasks: &Input,
) -> Result<(Vec<Machine>, Asked), RunError> {
    let mut models = ModelNumbers::default();
    let source = Source::open(&data.join(&machines.file))?;
    let mut reader = match machines.format {
        Format::Openb => openb::nodes(source, Names::new())?,
        Format::Google2019 => google2019::hosts(source, Names::new())?,
        Format::Omega => return Err(PlanError::NoMachines.into()),
    };
    let events: Vec<_> = reader.by_ref().collect();
    let names = reader.into_names();
    let name_of = |id| names.get(id).to_owned();
    let machines = inputs::machines(events.into_iter(), &name_of, &mut models)?;
    let source = Source::open(&data.join(&tasks.file))?;
    let arrivals = match tasks.format {
        Format::Openb => openb::pods(source, names)?,
        Format::Google2019 => google2019::requests(source, names)?,
        Format::Omega => omega::jobs(source, names)?,
    };
    let asked = arrivals.map(|arrival| {
        let arrival = arrival?;
        Ok((inputs::request(&arrival, &mut models), arrival.tasks))
    });
    Ok((machines, asked.collect::<Result<_, ReadError>>()?))
}
