//! What traces hold, as a cell and its requests.

use crate::cell::{Machine, Peers, Request, Rules};
use master_core::{allocator::Amounts, placement::Models};
use proto::model::ResourceName;
use std::iter;
use traces::{
    ReadError,
    model::{Arrival, Change, Constraints, KINDS, Kind, MachineEvent, NameId, Scope, Shape},
};

/// Models of GPUs by the names that a trace has for them: at most 64 are told apart.
#[derive(Debug, Clone, Default)]
pub struct ModelNumbers(Vec<NameId>);

impl ModelNumbers {
    /// The model with this name, numbered when it is met for the first time. Names beyond 64 models
    /// are no model.
    pub fn model(&mut self, name: NameId) -> Models {
        let known = self.0.iter().position(|known| *known == name);
        Models::one(known.unwrap_or_else(|| {
            self.0.push(name);
            self.0.len() - 1
        }))
    }

    /// Those that constraints accept.
    pub fn accepted(&mut self, constraints: Option<&Constraints>) -> Models {
        let models = constraints.map_or([].as_slice(), |constraints| &constraints.gpu_models);
        match models {
            [] => Models::ANY,
            models => {
                models.iter().fold(Models::default(), |models, name| models.with(self.model(*name)))
            }
        }
    }
}

/// Amounts by name.
pub fn amounts(shape: &Shape) -> Amounts {
    let mut amounts = Amounts::new();
    for kind in KINDS {
        let milli = u128::from(shape[kind]);
        match kind {
            Kind::Cpus => amounts.set(&ResourceName::CPUS, milli),
            Kind::Mem => amounts.set(&ResourceName::MEM, milli),
            Kind::Gpus => amounts.set(&ResourceName::GPUS, milli),
            Kind::Disk => amounts.set(&ResourceName::DISK, milli),
            Kind::Network if milli == 0 => {}
            Kind::Network => {
                let network = ResourceName::new("network").expect("a name");
                amounts.set(&network, milli);
            }
        }
    }
    amounts
}

/// The machines that are there at the start, each one by itself.
///
/// # Errors
/// When the trace cannot be read.
pub fn machines(
    events: impl Iterator<Item = Result<MachineEvent, ReadError>>,
    names: &dyn Fn(NameId) -> String,
    models: &mut ModelNumbers,
) -> Result<Vec<Machine>, ReadError> {
    let mut machines = Vec::new();
    for event in events {
        let MachineEvent { at_ns: 0, machine: _, change: Change::Add(machine) } = event? else {
            continue;
        };
        let one = Machine {
            name: machine.name.map_or_else(String::new, names),
            total: amounts(&machine.capacity),
            model: machine.gpu_model.map_or(Models::default(), |name| models.model(name)),
            properties: machine.attributes.iter().map(|(name, _)| *name).collect(),
        };
        machines.extend(iter::repeat_n(one, machine.count as usize));
    }
    Ok(machines)
}

/// What each task of an arrival asks of a machine; `None` for GPUs as no machine can give them.
pub fn request(arrival: &Arrival, models: &mut ModelNumbers) -> Option<Request> {
    let mut request = Request::new(amounts(&arrival.each))?;
    let constraints = arrival.constraints.as_deref();
    request.models = models.accepted(constraints);
    let rules = constraints.map(|constraints| rules(constraints, arrival.job));
    request.rules = rules.filter(|rules| *rules != Rules::default()).map(Box::new);
    Some(request)
}

/// What constraints say beside models.
fn rules(constraints: &Constraints, job: u64) -> Rules {
    let properties = |wanted| {
        let said = constraints.properties.iter().filter(move |it| it.wanted == wanted);
        said.map(|property| property.name).collect()
    };
    let per_machine = constraints.per_machine.map(|limit| match limit.of {
        Scope::Job => (limit.at_most, Peers::Job(job)),
        Scope::Group(name) => (limit.at_most, Peers::Group(name)),
    });
    Rules {
        wanted: properties(true),
        unwanted: properties(false),
        exclusive: constraints.exclusive,
        per_machine,
    }
}
