//! Pairs of bags of resources, against the simplest model there is: every number and every item by
//! itself, amounts as wide integers.

use crate::situation::met;
use proto::{
    convert::resources::{read_resources, write_resources},
    model::{Devices, Milli, Ranges, ResourceName, Resources, Value, limits},
};
use simulator::engine::Chance;
use std::collections::{BTreeMap, BTreeSet};

/// One resource, spelled out.
#[derive(Debug, Clone, PartialEq)]
enum Thing {
    Amount(i128),
    Numbers(BTreeSet<u64>),
    Items(BTreeSet<String>),
    Devices(BTreeMap<String, i128>),
}

type Bag = BTreeMap<&'static str, Thing>;

/// Structure out of bytes; zeros when they are used up.
struct Draw<'a>(&'a [u8]);

impl Draw<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    fn amount(&mut self) -> i128 {
        match self.byte() {
            byte @ 0..=199 => i128::from(byte) * 250,
            byte @ 200..=229 => i128::from(limits::MILLI_MAX) - i128::from(byte - 200),
            _ => i128::from(u32::from_le_bytes([self.byte(), self.byte(), self.byte(), 0])),
        }
    }

    /// Near the bottom, or at the very top.
    fn numbers(&mut self) -> BTreeSet<u64> {
        let is_top = self.byte() % 4 == 3;
        let count = self.byte() % 24;
        let place = |number: u64| if is_top { u64::MAX - number } else { number };
        (0..count).map(|_| place(u64::from(self.byte() % 48))).collect()
    }

    fn thing(&mut self, kind: u8) -> Thing {
        match kind {
            0 => Thing::Amount(self.amount()),
            1 => Thing::Numbers(self.numbers()),
            2 => {
                let count = self.byte() % 6;
                Thing::Items((0..count).map(|_| format!("item{}", self.byte() % 8)).collect())
            }
            _ => {
                let count = self.byte() % 6;
                let part = |draw: &mut Self| i128::from(1 + u16::from(draw.byte()) % 20) * 50;
                let device = |draw: &mut Self| (format!("gpu{}", draw.byte() % 6), part(draw));
                Thing::Devices((0..count).map(|_| device(self)).collect())
            }
        }
    }

    fn bag(&mut self) -> Bag {
        let mut bag = Bag::new();
        for (at, name) in ["cpus", "gpus", "items", "mem", "ports"].into_iter().enumerate() {
            let choice = self.byte();
            // Of its usual kind, now and then of another, now and then not there.
            let usual = [0, 3, 2, 0, 1][at];
            match choice % 16 {
                0..=2 => {}
                3 => drop(bag.insert(name, self.thing(choice / 16 % 4))),
                _ => drop(bag.insert(name, self.thing(usual))),
            }
        }
        bag.retain(|_, thing| !is_nothing(thing));
        bag
    }
}

fn is_nothing(thing: &Thing) -> bool {
    match thing {
        Thing::Amount(amount) => *amount == 0,
        Thing::Numbers(numbers) => numbers.is_empty(),
        Thing::Items(items) => items.is_empty(),
        Thing::Devices(devices) => devices.values().all(|part| *part == 0),
    }
}

fn value(thing: &Thing) -> Value {
    let milli = |amount: &i128| Milli(i64::try_from(*amount).expect("in range"));
    match thing {
        Thing::Amount(amount) => Value::Scalar(milli(amount)),
        Thing::Numbers(numbers) => {
            let single = numbers.iter().map(|number| (*number, *number)).collect();
            Value::Ranges(Ranges::new(single).expect("few ranges"))
        }
        Thing::Items(items) => Value::Set(items.iter().map(|item| item.as_str().into()).collect()),
        Thing::Devices(devices) => {
            let parts = devices.iter().filter(|(_, part)| **part > 0);
            let parts = parts.map(|(name, part)| (name.as_str(), milli(part)));
            Value::Devices(Devices::new(parts).expect("parts of devices"))
        }
    }
}

fn resources(bag: &Bag) -> Resources {
    let name = |name: &str| ResourceName::new(name).expect("a name");
    let entries = bag.iter().map(|(text, thing)| (name(text), value(thing)));
    Resources::from_entries(entries).expect("amounts in range")
}

/// What is together; `None` if the kinds do not fit or something is there twice.
fn sum_of(a: &Thing, b: &Thing) -> Option<Thing> {
    match (a, b) {
        (Thing::Amount(a), Thing::Amount(b)) => {
            (a + b <= i64::MAX.into()).then(|| Thing::Amount(a + b))
        }
        (Thing::Numbers(a), Thing::Numbers(b)) => a.is_disjoint(b).then(|| Thing::Numbers(a | b)),
        (Thing::Items(a), Thing::Items(b)) => a.is_disjoint(b).then(|| Thing::Items(a | b)),
        (Thing::Devices(a), Thing::Devices(b)) => {
            let mut sum = a.clone();
            b.iter().for_each(|(name, part)| *sum.entry(name.clone()).or_default() += part);
            sum.values().all(|part| *part <= 1_000).then_some(Thing::Devices(sum))
        }
        _ => None,
    }
}

/// What is left; `None` if there is less than is taken.
fn rest_of(a: &Thing, b: &Thing) -> Option<Thing> {
    match (a, b) {
        (Thing::Amount(a), Thing::Amount(b)) => (a >= b).then(|| Thing::Amount(a - b)),
        (Thing::Numbers(a), Thing::Numbers(b)) => b.is_subset(a).then(|| Thing::Numbers(a - b)),
        (Thing::Items(a), Thing::Items(b)) => b.is_subset(a).then(|| Thing::Items(a - b)),
        (Thing::Devices(a), Thing::Devices(b)) => {
            let mut rest = a.clone();
            b.iter().for_each(|(name, part)| *rest.entry(name.clone()).or_default() -= part);
            let is_there = rest.values().all(|part| *part >= 0);
            rest.retain(|_, part| *part > 0);
            is_there.then_some(Thing::Devices(rest))
        }
        _ => None,
    }
}

/// Resource by resource; `alone` says what of the second has no counterpart in the first.
fn by_name(
    a: &Bag,
    b: &Bag,
    both: impl Fn(&Thing, &Thing) -> Option<Thing>,
    alone: impl Fn(&Thing) -> Option<Thing>,
) -> Option<Bag> {
    let mut result = a.clone();
    for (name, theirs) in b {
        let thing = match a.get(name) {
            Some(mine) => both(mine, theirs)?,
            None => alone(theirs)?,
        };
        result.insert(name, thing);
    }
    result.retain(|_, thing| !is_nothing(thing));
    Some(result)
}

pub(super) fn pairs() -> Vec<Vec<u8>> {
    let mut chance = Chance::new(1, 3);
    let mut input = || (0..80).map(|_| chance.number().to_le_bytes()[0]).collect();
    (0..60).map(|_| input()).collect()
}

pub(super) fn arithmetic(bytes: &[u8]) {
    let mut draw = Draw(bytes);
    let (a, b) = (draw.bag(), draw.bag());
    let (left, right) = (resources(&a), resources(&b));

    let sum = by_name(&a, &b, sum_of, |theirs| Some(theirs.clone()));
    let added = left.checked_add(&right);
    assert_eq!(
        added.as_ref().ok(),
        sum.as_ref().map(resources_of_sum).as_ref(),
        "{left} + {right}"
    );
    assert_eq!(added.as_ref().ok(), right.checked_add(&left).as_ref().ok(), "in either order");
    if let Ok(added) = &added {
        met(("sum", a.len(), b.len()));
        assert!(added.contains(&left) && added.contains(&right));
        assert_eq!(added.checked_sub(&right).as_ref(), Ok(&left), "what was added is taken again");
    }

    let rest = by_name(&a, &b, rest_of, |_| None);
    let taken = left.checked_sub(&right);
    assert_eq!(taken.as_ref().ok(), rest.as_ref().map(resources).as_ref(), "{left} - {right}");
    assert_eq!(left.contains(&right), rest.is_some(), "{left} contains {right}");
    if let Ok(taken) = &taken {
        met(("rest", taken.iter().count(), right.iter().count()));
        assert_eq!(taken.checked_add(&right).as_ref(), Ok(&left), "what was taken is put back");
        assert_eq!(left.pick(&right), Some(right.clone()), "what is there can be picked");
    }

    let common = left.common(&right);
    assert!(left.contains(&common) && right.contains(&common), "{common} of {left} and {right}");
    if let Ok(covering) = left.covering(&right) {
        met(("covering", covering.iter().count()));
        assert!(covering.contains(&left) && covering.contains(&right));
        assert_eq!(right.covering(&left), Ok(covering));
    }
    for resources in [&left, &right] {
        assert_eq!(read_resources(write_resources(resources)).as_ref(), Ok(resources));
    }
}

/// As [`resources`], for amounts that only a sum can have.
fn resources_of_sum(bag: &Bag) -> Resources {
    let mut bag = bag.clone();
    let mut sum = Resources::new();
    while let Some((name, thing)) = bag.pop_first() {
        let halves = match thing {
            Thing::Amount(amount) => {
                vec![Thing::Amount(amount / 2), Thing::Amount(amount - amount / 2)]
            }
            other => vec![other],
        };
        for half in halves {
            sum = sum.checked_add(&resources(&Bag::from([(name, half)]))).expect("by itself");
        }
    }
    sum
}
