//! Whether every name that a value speaks of is in the table that came with it.

use super::WriteError;
use crate::model::{Arrival, Change, Constraints, MachineEvent, NameId, Names, Scope};

/// Fails for the first name of an arrival that is not there.
pub(super) fn arrival(arrival: &Arrival, names: &Names) -> Result<(), WriteError> {
    let own = [arrival.user, arrival.queue].into_iter().flatten();
    all(own, names)?;
    arrival.constraints.as_deref().map_or(Ok(()), |it| constraints(it, names))
}

/// Fails for the first name of an event that is not there.
pub(super) fn machine(event: &MachineEvent, names: &Names) -> Result<(), WriteError> {
    match &event.change {
        Change::Add(machine) | Change::Update(machine) => {
            all([machine.name, machine.gpu_model].into_iter().flatten(), names)?;
            let attributes = machine.attributes.iter();
            all(attributes.flat_map(|(name, value)| [Some(*name), *value]).flatten(), names)
        }
        Change::Remove => Ok(()),
        Change::Attribute { name, value } => {
            all([Some(*name), *value].into_iter().flatten(), names)
        }
    }
}

fn constraints(constraints: &Constraints, names: &Names) -> Result<(), WriteError> {
    let models = constraints.gpu_models.iter().copied();
    let properties = constraints.properties.iter().map(|property| property.name);
    let group = constraints.per_machine.and_then(|limit| match limit.of {
        Scope::Job => None,
        Scope::Group(group) => Some(group),
    });
    all(models.chain(properties).chain(group), names)
}

fn all(mut ids: impl Iterator<Item = NameId>, names: &Names) -> Result<(), WriteError> {
    match ids.find(|id| id.index() >= names.len()) {
        Some(id) => Err(WriteError::Name(id.index())),
        None => Ok(()),
    }
}
