//! Machines as their list and the study describe them, in words.

use crate::error::RunError;
use std::collections::{BTreeMap, BTreeSet};
use traces::{
    ReadError,
    model::{Change, Kind, MachineEvent, NameId, Names, Shape},
};

/// A machine in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) capacity: Shape,
    pub(super) model: Option<NameId>,
    /// What else is said of it; its own name is not among them.
    pub(super) properties: BTreeSet<String>,
}

/// Those that are there at the start, each by itself: one of several is called by its number, from
/// 1, behind their name. `also` says what those have that have a property.
pub(super) fn describe(
    events: &[MachineEvent],
    also: &BTreeMap<String, Vec<String>>,
    names: &Names,
) -> Vec<Described> {
    let mut machines = Vec::new();
    for event in events {
        let MachineEvent { at_ns: 0, machine: _, change: Change::Add(machine) } = event else {
            continue;
        };
        let name = machine.name.map_or("", |name| names.get(name));
        let said = machine.attributes.iter().map(|(name, _)| names.get(*name).to_owned());
        let mut properties: BTreeSet<String> = said.collect();
        let has = |of: &str| of == "*" || properties.contains(of);
        let more = also.iter().filter(|(of, _)| has(of)).flat_map(|(_, more)| more.clone());
        let more: Vec<_> = more.collect();
        properties.extend(more);
        for number in 1..=machine.count {
            machines.push(Described {
                name: match (name, machine.count) {
                    ("", _) | (_, 1) => name.to_owned(),
                    _ => format!("{name}{number}"),
                },
                capacity: machine.capacity,
                model: machine.gpu_model,
                properties: properties.clone(),
            });
        }
    }
    machines
}

/// What each machine has of the names that somebody may ask for: its properties, its name, and its
/// name with a domain behind it.
pub(super) fn known(machines: &[Described], names: &Names) -> Vec<BTreeSet<NameId>> {
    let mut by_host: BTreeMap<&str, Vec<NameId>> = BTreeMap::new();
    for (id, name) in names.iter() {
        let host = name.split_once('.').map_or(name, |(host, _)| host);
        by_host.entry(host).or_default().push(id);
    }
    let of = |machine: &Described| {
        let properties = machine.properties.iter().filter_map(|name| names.find(name));
        let hosts = by_host.get(machine.name.as_str()).filter(|_| !machine.name.is_empty());
        properties.chain(hosts.into_iter().flatten().copied()).collect()
    };
    machines.iter().map(of).collect()
}

/// How much there is of a kind, in all machines.
pub(super) fn capacity(machines: &[Described], kind: Kind) -> u128 {
    machines.iter().map(|machine| u128::from(machine.capacity[kind])).sum()
}

/// All events of a list.
pub(super) fn read(
    events: impl Iterator<Item = Result<MachineEvent, ReadError>>,
) -> Result<Vec<MachineEvent>, RunError> {
    Ok(events.collect::<Result<_, _>>()?)
}
