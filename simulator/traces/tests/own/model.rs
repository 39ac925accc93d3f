//! Anything that the model can hold, for property tests.

use proptest::{collection::vec, option, prelude::*};
use std::{num::NonZeroU32, sync::Arc};
use traces::model::{
    Arrival, Change, Class, Constraints, Machine, MachineEvent, NameId, Names, PerMachine,
    Property, Scope, Shape,
};

/// Names of the table that values speak of.
pub(crate) const NAMES: usize = 40;

/// The table.
pub(crate) fn names() -> Names {
    let mut names = Names::new();
    for index in 0..NAMES {
        // One is empty, one has quotes, one is not ASCII, one is long.
        let text = match index {
            0 => String::new(),
            1 => "a \"quoted\"\\\n\ttext".to_owned(),
            2 => "größe ✓".to_owned(),
            3 => "x".repeat(4_096),
            index => format!("name-{index}"),
        };
        names.intern(&text).unwrap();
    }
    names
}

fn name() -> impl Strategy<Value = NameId> {
    (0..NAMES).prop_map(|index| NameId::from_index(index).unwrap())
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..5_000_u64, any::<u64>(), Just(u64::MAX)]
}

fn shape() -> impl Strategy<Value = Shape> {
    [amount(), amount(), amount(), amount(), amount()].prop_map(Shape)
}

fn constraints() -> impl Strategy<Value = Arc<Constraints>> {
    let property = (name(), any::<bool>()).prop_map(|(name, wanted)| Property { name, wanted });
    let of = prop_oneof![Just(Scope::Job), name().prop_map(Scope::Group)];
    let limit = (1..=u32::MAX, of)
        .prop_map(|(at_most, of)| PerMachine { at_most: NonZeroU32::new(at_most).unwrap(), of });
    (vec(name(), 0..4), vec(property, 0..4), any::<bool>(), option::of(limit)).prop_map(
        |(gpu_models, properties, exclusive, per_machine)| {
            Arc::new(Constraints { gpu_models, properties, exclusive, per_machine })
        },
    )
}

/// Any arrival.
pub(crate) fn arrival() -> impl Strategy<Value = Arrival> {
    let numbers = (amount(), amount(), 1..=u32::MAX, shape(), any::<i32>());
    let times = (option::of(amount()), option::of(amount()), option::of(amount()));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let names = (option::of(name()), option::of(name()), option::of(constraints()));
    (numbers, times, flags, names).prop_map(
        |((job, submit_ns, tasks, each, priority), times, flags, (user, queue, constraints))| {
            Arrival {
                job,
                submit_ns,
                tasks,
                each,
                duration_ns: times.0,
                estimate_ns: times.1,
                class: if flags.0 { Class::Service } else { Class::Batch },
                priority,
                user,
                queue,
                gang: flags.1,
                more: flags.2,
                deadline_ns: times.2,
                constraints,
            }
        },
    )
}

fn machine() -> impl Strategy<Value = Machine> {
    let lists = vec((name(), option::of(name())), 0..4);
    (option::of(name()), any::<u32>(), shape(), option::of(name()), any::<u32>(), lists).prop_map(
        |(name, count, capacity, gpu_model, cards, attributes)| Machine {
            name,
            count,
            capacity,
            gpu_model,
            cards,
            attributes,
        },
    )
}

/// Anything that can happen to a machine.
pub(crate) fn event() -> impl Strategy<Value = MachineEvent> {
    let change = prop_oneof![
        machine().prop_map(Change::Add),
        machine().prop_map(Change::Update),
        Just(Change::Remove),
        (name(), option::of(name())).prop_map(|(name, value)| Change::Attribute { name, value }),
    ];
    (amount(), amount(), change).prop_map(|(at_ns, machine, change)| MachineEvent {
        at_ns,
        machine,
        change,
    })
}
