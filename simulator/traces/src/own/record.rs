//! The lines of the JSON form: the model with names in place of their numbers, and without what is
//! zero or missing.

use crate::model::{
    Arrival, Change, Class, Constraints, KINDS, Machine, MachineEvent, NameId, Names, PerMachine,
    Property, Scope, Shape,
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, num::NonZeroU32, sync::Arc};

type Text<'a> = Cow<'a, str>;

/// What follows the first line's mark.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head<'a> {
    /// The version of the form.
    pub(super) bourse_trace: u32,
    #[serde(borrow)]
    pub(super) of: Text<'a>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Amounts {
    #[serde(default, skip_serializing_if = "is_zero")]
    cpus: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    mem: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    gpus: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    disk: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    network: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArrivalLine<'a> {
    job: u64,
    submit_ns: u64,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    tasks: NonZeroU32,
    each: Amounts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimate_ns: Option<u64>,
    #[serde(default, skip_serializing_if = "is_batch")]
    class: Class,
    #[serde(default, skip_serializing_if = "is_zero_band")]
    priority: i32,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    user: Option<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    queue: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_false")]
    gang: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    more: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline_ns: Option<u64>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    constraints: Option<ConstraintsLine<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConstraintsLine<'a> {
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    gpu_models: Vec<Text<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    properties: Vec<PropertyLine<'a>>,
    #[serde(default, skip_serializing_if = "is_false")]
    exclusive: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_machine: Option<NonZeroU32>,
    /// What the limit counts; the job's tasks if it is not said.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    group: Option<Text<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PropertyLine<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    wanted: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MachineLine<'a> {
    machine: u64,
    at_ns: u64,
    #[serde(borrow)]
    change: ChangeLine<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeLine<'a> {
    #[serde(borrow)]
    Add(Described<'a>),
    #[serde(borrow)]
    Update(Described<'a>),
    Remove,
    #[serde(borrow)]
    Attribute(AttributeLine<'a>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttributeLine<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    value: Option<Text<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    name: Option<Text<'a>>,
    count: u32,
    capacity: Amounts,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    gpu_model: Option<Text<'a>>,
    #[serde(default, skip_serializing_if = "is_no_card")]
    cards: u32,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<AttributeLine<'a>>,
}

fn one() -> NonZeroU32 {
    NonZeroU32::MIN
}

fn yes() -> bool {
    true
}

fn is_one(count: &NonZeroU32) -> bool {
    *count == NonZeroU32::MIN
}

fn is_zero(amount: &u64) -> bool {
    *amount == 0
}

fn is_zero_band(priority: &i32) -> bool {
    *priority == 0
}

fn is_no_card(cards: &u32) -> bool {
    *cards == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_true(flag: &bool) -> bool {
    *flag
}

fn is_batch(class: &Class) -> bool {
    *class == Class::Batch
}

/// A value as a line, and back. `None` when the table of names is full, or lacks a name.
pub(super) trait Record: Sized {
    type Line<'a>: Serialize + Deserialize<'a>;

    fn line<'a>(&'a self, names: &'a Names) -> Self::Line<'a>;

    fn value(line: Self::Line<'_>, names: &mut Names) -> Option<Self>;
}

impl Record for Arrival {
    type Line<'a> = ArrivalLine<'a>;

    fn line<'a>(&'a self, names: &'a Names) -> ArrivalLine<'a> {
        let text = |id: NameId| Cow::Borrowed(names.get(id));
        ArrivalLine {
            job: self.job,
            submit_ns: self.submit_ns,
            tasks: NonZeroU32::new(self.tasks).unwrap_or(NonZeroU32::MIN),
            each: Amounts::from(self.each),
            duration_ns: self.duration_ns,
            estimate_ns: self.estimate_ns,
            class: self.class,
            priority: self.priority,
            user: self.user.map(text),
            queue: self.queue.map(text),
            gang: self.gang,
            more: self.more,
            deadline_ns: self.deadline_ns,
            constraints: self.constraints.as_deref().map(|it| ConstraintsLine::new(it, names)),
        }
    }

    fn value(line: ArrivalLine<'_>, names: &mut Names) -> Option<Self> {
        Some(Self {
            job: line.job,
            submit_ns: line.submit_ns,
            tasks: line.tasks.get(),
            each: line.each.into(),
            duration_ns: line.duration_ns,
            estimate_ns: line.estimate_ns,
            class: line.class,
            priority: line.priority,
            user: entered(line.user, names)?,
            queue: entered(line.queue, names)?,
            gang: line.gang,
            more: line.more,
            deadline_ns: line.deadline_ns,
            constraints: match line.constraints {
                Some(line) => Some(Arc::new(line.value(names)?)),
                None => None,
            },
        })
    }
}

impl<'a> ConstraintsLine<'a> {
    fn new(constraints: &'a Constraints, names: &'a Names) -> Self {
        let text = |id: NameId| Cow::Borrowed(names.get(id));
        let property = |it: &Property| PropertyLine { name: text(it.name), wanted: it.wanted };
        let limit = constraints.per_machine;
        Self {
            gpu_models: constraints.gpu_models.iter().map(|id| text(*id)).collect(),
            properties: constraints.properties.iter().map(property).collect(),
            exclusive: constraints.exclusive,
            per_machine: limit.map(|limit| limit.at_most),
            group: limit.and_then(|limit| match limit.of {
                Scope::Job => None,
                Scope::Group(id) => Some(text(id)),
            }),
        }
    }

    fn value(self, names: &mut Names) -> Option<Constraints> {
        let mut gpu_models = Vec::new();
        for model in self.gpu_models {
            gpu_models.push(names.intern(&model)?);
        }
        let mut properties = Vec::new();
        for PropertyLine { name, wanted } in self.properties {
            properties.push(Property { name: names.intern(&name)?, wanted });
        }
        let of = entered(self.group, names)?.map_or(Scope::Job, Scope::Group);
        let per_machine = self.per_machine.map(|at_most| PerMachine { at_most, of });
        Some(Constraints { gpu_models, properties, exclusive: self.exclusive, per_machine })
    }
}

impl Record for MachineEvent {
    type Line<'a> = MachineLine<'a>;

    fn line<'a>(&'a self, names: &'a Names) -> MachineLine<'a> {
        let text = |id: NameId| Cow::Borrowed(names.get(id));
        let change = match &self.change {
            Change::Add(machine) => ChangeLine::Add(Described::new(machine, names)),
            Change::Update(machine) => ChangeLine::Update(Described::new(machine, names)),
            Change::Remove => ChangeLine::Remove,
            Change::Attribute { name, value } => {
                ChangeLine::Attribute(AttributeLine { name: text(*name), value: value.map(text) })
            }
        };
        MachineLine { machine: self.machine, at_ns: self.at_ns, change }
    }

    fn value(line: MachineLine<'_>, names: &mut Names) -> Option<Self> {
        let change = match line.change {
            ChangeLine::Add(machine) => Change::Add(machine.value(names)?),
            ChangeLine::Update(machine) => Change::Update(machine.value(names)?),
            ChangeLine::Remove => Change::Remove,
            ChangeLine::Attribute(line) => {
                let name = names.intern(&line.name)?;
                Change::Attribute { name, value: entered(line.value, names)? }
            }
        };
        Some(Self { at_ns: line.at_ns, machine: line.machine, change })
    }
}

impl<'a> Described<'a> {
    fn new(machine: &'a Machine, names: &'a Names) -> Self {
        let text = |id: NameId| Cow::Borrowed(names.get(id));
        let attributes = machine.attributes.iter();
        Self {
            name: machine.name.map(text),
            count: machine.count,
            capacity: Amounts::from(machine.capacity),
            gpu_model: machine.gpu_model.map(text),
            cards: machine.cards,
            attributes: attributes
                .map(|(name, value)| AttributeLine { name: text(*name), value: value.map(text) })
                .collect(),
        }
    }

    fn value(self, names: &mut Names) -> Option<Machine> {
        let mut attributes = Vec::new();
        for AttributeLine { name, value } in self.attributes {
            attributes.push((names.intern(&name)?, entered(value, names)?));
        }
        Some(Machine {
            name: entered(self.name, names)?,
            count: self.count,
            capacity: self.capacity.into(),
            gpu_model: entered(self.gpu_model, names)?,
            cards: self.cards,
            attributes,
        })
    }
}

/// The number of a name that may be missing; none if the table is full.
fn entered(text: Option<Text<'_>>, names: &mut Names) -> Option<Option<NameId>> {
    match text {
        Some(text) => names.intern(&text).map(Some),
        None => Some(None),
    }
}

impl From<Shape> for Amounts {
    fn from(shape: Shape) -> Self {
        let [cpus, mem, gpus, disk, network] = KINDS.map(|kind| shape[kind]);
        Self { cpus, mem, gpus, disk, network }
    }
}

impl From<Amounts> for Shape {
    fn from(amounts: Amounts) -> Self {
        let Amounts { cpus, mem, gpus, disk, network } = amounts;
        Self([cpus, mem, gpus, disk, network])
    }
}
