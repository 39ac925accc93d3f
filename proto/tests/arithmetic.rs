//! Exact arithmetic against the simplest model there is: sets of numbers, and wide integers.

use crate::strategies::{ranges_of, resources};
use proptest::{collection, prelude::*};
use proto::model::{
    Devices, Milli, Ranges, ResourceName, Resources, Value, devices::Ask, limits,
    ranges::RangesError, resources::ResourceError,
};
use std::collections::BTreeSet;

type Numbers = BTreeSet<u64>;

/// Numbers at the bottom or, so that ends overflow when handled wrongly, at the very top.
fn numbers() -> impl Strategy<Value = (Numbers, Numbers)> {
    let few = || collection::btree_set(0..48_u64, 0..40);
    (few(), few(), any::<bool>()).prop_map(|(a, b, top)| {
        let place = |set: Numbers| set.into_iter().map(|n| if top { u64::MAX - n } else { n });
        (place(a).collect(), place(b).collect())
    })
}

fn numbers_of(ranges: &Ranges) -> Numbers {
    ranges.iter().flat_map(|(begin, end)| begin..=end).collect()
}

fn assert_normal(ranges: &Ranges) {
    let list: Vec<_> = ranges.iter().collect();
    assert!(list.iter().all(|(begin, end)| begin <= end), "{ranges}");
    assert!(list.windows(2).all(|pair| pair[0].1 < pair[1].0 && pair[1].0 - pair[0].1 > 1));
}

/// How much of each of a few devices; zero for those that are not there.
fn amounts_of_devices() -> impl Strategy<Value = Vec<i64>> {
    collection::vec(prop_oneof![Just(0), Just(1_000), Just(500), 0..=1_000_i64], 5)
}

fn devices(amounts: &[i64]) -> Devices {
    let list = amounts.iter().enumerate().filter(|(_, milli)| **milli > 0);
    let list = list.map(|(at, milli)| (format!("gpu{at}"), Milli(*milli)));
    Devices::new(list).expect("parts of devices")
}

proptest! {
    #[test]
    fn devices_are_amounts_one_by_one(a in amounts_of_devices(), b in amounts_of_devices()) {
        let (left, right) = (devices(&a), devices(&b));
        let pairs: Vec<_> = a.iter().zip(&b).collect();
        let holds = pairs.iter().all(|(a, b)| a >= b);
        prop_assert_eq!(left.contains(&right), holds);
        let rest: Vec<i64> = pairs.iter().map(|(a, b)| **a - **b).collect();
        prop_assert_eq!(left.checked_sub(&right), holds.then(|| devices(&rest)));
        let sum: Vec<i64> = pairs.iter().map(|(a, b)| **a + **b).collect();
        let fits = sum.iter().all(|milli| *milli <= 1_000);
        prop_assert_eq!(left.checked_add(&right), fits.then(|| devices(&sum)));
        prop_assert_eq!(left.sum(), Milli(a.iter().sum()));
    }

    #[test]
    fn what_is_picked_is_one_part_or_whole_devices(
        free in amounts_of_devices(),
        part in 1..1_000_i64,
        count in 1..6_u64,
    ) {
        let all = devices(&free);
        match all.pick(Ask::Part(part)) {
            None => prop_assert!(free.iter().all(|milli| *milli < part)),
            Some(picked) => {
                prop_assert!(all.contains(&picked) && picked.iter().len() == 1);
                prop_assert_eq!(picked.sum(), Milli(part));
                let rest = all.checked_sub(&picked).expect("it was contained");
                let least = free.iter().filter(|milli| **milli >= part).min().expect("one has");
                let chosen = picked.iter().next().expect("one").0.as_str();
                let left = rest.iter().find(|(name, _)| name.as_str() == chosen);
                prop_assert_eq!(left.map_or(0, |(_, milli)| milli.0), least - part);
            }
        }
        let whole = free.iter().filter(|milli| **milli == 1_000).count() as u64;
        let picked = all.pick(Ask::Whole(count));
        prop_assert_eq!(picked.is_some(), whole >= count);
        if let Some(picked) = picked {
            prop_assert!(all.contains(&picked) && picked.iter().all(|(_, it)| it.0 == 1_000));
            prop_assert_eq!(picked.iter().len() as u64, count);
        }
    }

    #[test]
    fn ranges_are_sets_of_numbers((a, b) in numbers()) {
        let (left, right) = (ranges_of(a.clone()), ranges_of(b.clone()));
        prop_assert_eq!(numbers_of(&left), a.clone());
        prop_assert_eq!(left.count(), a.len() as u64);
        prop_assert_eq!(left.contains(&right), a.is_superset(&b));

        let sum = left.checked_add(&right);
        let expected = a.is_disjoint(&b).then(|| a.union(&b).copied().collect::<Numbers>());
        prop_assert_eq!(sum.as_ref().map(numbers_of), expected);

        let rest = left.checked_sub(&right);
        let expected = a.is_superset(&b).then(|| a.difference(&b).copied().collect::<Numbers>());
        prop_assert_eq!(rest.as_ref().map(numbers_of), expected);
        sum.iter().chain(&rest).chain([&left, &right]).for_each(assert_normal);
    }

    #[test]
    fn parts_of_ranges_come_back((a, b) in numbers()) {
        let part = ranges_of(a.intersection(&b).copied());
        let whole = ranges_of(a);
        let rest = whole.checked_sub(&part).expect("it is a part");
        prop_assert_eq!(rest.checked_add(&part), Some(whole));
    }

    #[test]
    fn ranges_are_refused_or_hold_what_was_given(
        list in collection::vec((0..64_u64, 0..64_u64), 0..8),
    ) {
        let reversed = list.iter().any(|(begin, end)| begin > end);
        let all: Vec<u64> = list.iter().flat_map(|(begin, end)| *begin..=*end).collect();
        let distinct: Numbers = all.iter().copied().collect();
        match Ranges::new(list) {
            Ok(ranges) => {
                prop_assert!(!reversed && distinct.len() == all.len());
                prop_assert_eq!(numbers_of(&ranges), distinct);
                assert_normal(&ranges);
            }
            Err(RangesError::Reversed { begin, end }) => prop_assert!(begin > end),
            Err(RangesError::Overlap { number }) => {
                prop_assert!(all.iter().filter(|n| **n == number).count() > 1);
            }
            Err(RangesError::TooMany { .. }) => prop_assert!(false, "eight are not too many"),
        }
    }

    #[test]
    fn scalars_add_and_subtract_like_wide_integers(
        a in 0..=limits::MILLI_MAX, b in 0..=limits::MILLI_MAX,
    ) {
        let (left, right) = (cpus(a), cpus(b));
        let sum = left.checked_add(&right).expect("two amounts add up");
        let total = i128::from(sum.scalar(&ResourceName::CPUS).0);
        prop_assert_eq!(total, i128::from(a) + i128::from(b));
        prop_assert_eq!(left.contains(&right), a >= b);
        match left.checked_sub(&right) {
            Ok(rest) => prop_assert_eq!(rest, cpus(a - b)),
            Err(error) => {
                prop_assert!(a < b);
                prop_assert_eq!(error, ResourceError::Missing { name: ResourceName::CPUS });
            }
        }
    }

    #[test]
    fn resources_obey_the_laws(a in resources(), b in resources(), c in resources()) {
        let nothing = Resources::new();
        prop_assert!(a.checked_add(&nothing).as_ref() == Ok(&a));
        prop_assert!(a.checked_sub(&nothing).as_ref() == Ok(&a));
        prop_assert_eq!(a.checked_sub(&a), Ok(nothing));
        prop_assert!(a.contains(&a));
        prop_assert_eq!(a.contains(&b), a.checked_sub(&b).is_ok());
        let sum = a.checked_add(&b);
        prop_assert_eq!(sum.clone().ok(), b.checked_add(&a).ok());
        if let Ok(sum) = &sum {
            prop_assert!(sum.contains(&a) && sum.contains(&b));
            prop_assert!(sum.checked_sub(&b).as_ref() == Ok(&a));
        }
        let left_first = sum.ok().and_then(|sum| sum.checked_add(&c).ok());
        let right_first = b.checked_add(&c).ok().and_then(|sum| a.checked_add(&sum).ok());
        prop_assert_eq!(left_first, right_first);
    }

    /// Two parts of one whole, taken and given back in either order.
    #[test]
    fn parts_of_resources_come_back(whole in resources(), chosen: u64, cut in 0..1_000_i64) {
        let (first, second) = split(&whole, chosen, cut);
        prop_assert!(first.checked_add(&second).as_ref() == Ok(&whole));
        let rest = whole.checked_sub(&first).expect("a part");
        prop_assert_eq!(&rest, &second);
        prop_assert!(rest.iter().all(|(_, value)| !is_nothing(value)));
        prop_assert_eq!(rest.checked_sub(&second), Ok(Resources::new()));
        prop_assert!(second.checked_add(&first).as_ref() == Ok(&whole));
    }

    #[test]
    fn amounts_are_printed_exactly(milli in 0..=limits::MILLI_MAX) {
        prop_assert_eq!(Milli(milli).to_string().parse(), Ok(Milli(milli)));
    }

    #[test]
    fn small_amounts_are_printed_exactly(milli in 0..10_000_i64) {
        prop_assert_eq!(Milli(milli).to_string().parse(), Ok(Milli(milli)));
    }

    #[test]
    fn any_text_is_an_amount_or_refused(text in "[0-9.eE+-]{0,20}|\\PC{0,8}") {
        if let Ok(amount) = text.parse::<Milli>() {
            prop_assert!((0..=limits::MILLI_MAX).contains(&amount.0));
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }
}

fn cpus(milli: i64) -> Resources {
    Resources::from_entries([(ResourceName::CPUS, Value::Scalar(Milli(milli)))]).expect("in range")
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Scalar(milli) => milli.0 == 0,
        Value::Ranges(ranges) => ranges.is_empty(),
        Value::Set(items) => items.is_empty(),
        Value::Devices(devices) => devices.is_empty(),
    }
}

/// Splits each entry in two by the bits of `chosen` and a share in thousandths.
fn split(whole: &Resources, chosen: u64, cut: i64) -> (Resources, Resources) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (name, value) in whole.iter() {
        let bit = |index: usize| chosen & (1 << (index % 64)) != 0;
        let (left, right) = match value {
            Value::Scalar(milli) => {
                let left = i64::try_from(i128::from(milli.0) * i128::from(cut) / 1_000)
                    .expect("less than the whole");
                (Value::Scalar(Milli(left)), Value::Scalar(Milli(milli.0 - left)))
            }
            Value::Ranges(ranges) => {
                let numbers = numbers_of(ranges).into_iter().enumerate();
                let (a, b): (Vec<_>, Vec<_>) = numbers.partition(|(index, _)| bit(*index));
                let ranges = |list: Vec<(usize, u64)>| ranges_of(list.into_iter().map(|(_, n)| n));
                (Value::Ranges(ranges(a)), Value::Ranges(ranges(b)))
            }
            Value::Set(items) => {
                let items = items.iter().cloned().enumerate();
                let (a, b): (Vec<_>, Vec<_>) = items.partition(|(index, _)| bit(*index));
                let set = |list: Vec<(usize, _)>| list.into_iter().map(|(_, item)| item).collect();
                (Value::Set(set(a)), Value::Set(set(b)))
            }
            Value::Devices(devices) => {
                let parts = devices.iter().map(|(name, Milli(milli))| {
                    let left = milli * cut / 1_000;
                    ((name.clone(), Milli(left)), (name.clone(), Milli(milli - left)))
                });
                let (a, b): (Vec<_>, Vec<_>) = parts.unzip();
                let some = |list: Vec<(_, Milli)>| {
                    let list = list.into_iter().filter(|(_, milli)| milli.0 > 0);
                    Value::Devices(Devices::new(list).expect("parts of devices"))
                };
                (some(a), some(b))
            }
        };
        first.push((name.clone(), left));
        second.push((name.clone(), right));
    }
    let build = |entries| Resources::from_entries(entries).expect("parts of valid entries");
    (build(first), build(second))
}

#[test]
fn what_is_no_amount_is_refused() {
    let refused = [
        "",
        " ",
        "NaN",
        "inf",
        "-1",
        "+1",
        "-0",
        "1e3",
        "0x10",
        "1_000",
        "1,5",
        "0.0001",
        "1.",
        ".5",
        ".",
        "1.2.3",
        " 1",
        "1 ",
        "10000000000000",
        "1000000000000.001",
        "99999999999999999999",
        "١",
    ];
    for text in refused {
        let error = ResourceError::Decimal { text: text.to_owned() };
        assert_eq!(text.parse::<Milli>(), Err(error), "{text:?}");
    }
    let accepted = [
        ("0", 0),
        ("2", 2_000),
        ("0.25", 250),
        ("0.001", 1),
        ("007.5", 7_500),
        ("1.100", 1_100),
        ("1000000000000", limits::MILLI_MAX),
    ];
    for (text, milli) in accepted {
        assert_eq!(text.parse(), Ok(Milli(milli)), "{text:?}");
    }
    let printed = [(0, "0"), (1, "0.001"), (100, "0.1"), (1_050, "1.05"), (20_000, "20")];
    for (milli, text) in printed {
        assert_eq!(Milli(milli).to_string(), text);
    }
}

#[test]
fn sums_that_make_no_sense_are_refused() {
    let ports = |begin, end| {
        let ranges = Ranges::new(vec![(begin, end)]).expect("a range");
        Resources::from_entries([(ResourceName::PORTS, Value::Ranges(ranges))]).expect("valid")
    };
    let twice = ResourceError::Excess { name: ResourceName::PORTS };
    assert_eq!(ports(1, 5).checked_add(&ports(5, 9)), Err(twice));
    let missing = ResourceError::Missing { name: ResourceName::PORTS };
    assert_eq!(ports(1, 5).checked_sub(&ports(5, 9)), Err(missing.clone()));
    assert_eq!(cpus(1_000).checked_sub(&ports(5, 9)), Err(missing));

    let port_count = Value::Scalar(Milli(1_000));
    let other_kind = Resources::from_entries([(ResourceName::PORTS, port_count)]).expect("valid");
    assert!(!ports(1, 5).contains(&other_kind));
    assert!(ports(1, 5).checked_add(&other_kind).is_err());
    assert!(ports(1, 5).checked_sub(&other_kind).is_err());

    // Nine thousand of the largest amounts add up; an overflow is refused and not wrapped.
    let most = cpus(limits::MILLI_MAX);
    let sum = (0..9_223).try_fold(Resources::new(), |sum, _| sum.checked_add(&most));
    assert!(sum.is_ok_and(|sum| sum.checked_add(&most).is_err()));
}

#[test]
fn lists_of_resources_are_checked() {
    let entry =
        |name: &str, milli| (ResourceName::new(name).expect("a name"), Value::Scalar(Milli(milli)));
    let twice = Resources::from_entries([entry("cpus", 1), entry("mem", 1), entry("cpus", 0)]);
    assert_eq!(twice, Err(ResourceError::Duplicate { name: ResourceName::CPUS }));
    for milli in [-1, limits::MILLI_MAX + 1, i64::MIN, i64::MAX] {
        let amount = ResourceError::Amount { name: ResourceName::CPUS, milli };
        assert_eq!(Resources::from_entries([entry("cpus", milli)]), Err(amount));
    }
    let many = (0..=limits::RESOURCES_MAX).map(|index| entry(&format!("r{index}"), 1));
    assert!(matches!(Resources::from_entries(many), Err(ResourceError::TooMany { .. })));
    let ranges = (0..=limits::RANGES_MAX as u64).map(|n| (2 * n, 2 * n)).collect();
    assert!(matches!(Ranges::new(ranges), Err(RangesError::TooMany { .. })));
    for bad in ["", "a b", "a:b", "ä", &"x".repeat(65)] {
        assert!(ResourceName::new(bad).is_err(), "{bad:?}");
    }
}
