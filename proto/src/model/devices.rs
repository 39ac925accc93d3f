//! Devices that can be shared, such as GPUs: how much of each, in thousandths of one.
//!
//! A part of a device belongs to that device: arithmetic is by name, and nothing is ever split over
//! two. How much is there of all together is a sum like that of any amount.

use super::{limits, resources::Milli};
use smol_str::SmolStr;
use std::{collections::BTreeMap, fmt};

/// Thousandths of one device.
pub const WHOLE_MILLI: i64 = 1_000;

/// How much of which devices; none of it nothing, none more than a whole one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Devices(BTreeMap<SmolStr, i64>);

/// What is asked of devices, by an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// None of them.
    Nothing,
    /// So much of one, in thousandths; more than nothing, less than all.
    Part(i64),
    /// So many whole ones.
    Whole(u64),
}

/// Why something is no list of devices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DevicesError {
    /// Not a name: 1 to 64 of `a-z A-Z 0-9 . _ -`.
    #[error("{name:?} is not a device's name")]
    Name {
        /// The text.
        name: String,
    },
    /// Nothing of a device, or more than it is.
    #[error("{name} is {milli} thousandths of a device; the range is 1 to 1000")]
    Amount {
        /// Which.
        name: String,
        /// How much of it.
        milli: i64,
    },
    /// The same device twice.
    #[error("{name} is given twice")]
    Duplicate {
        /// Which.
        name: String,
    },
    /// More devices than a list may hold.
    #[error("has {count} devices, more than {}", limits::DEVICES_MAX)]
    TooMany {
        /// How many.
        count: usize,
    },
}

impl Ask {
    /// An amount as an ask; `None` for what no devices can give, such as one and a half.
    pub fn of(amount: Milli) -> Option<Ask> {
        match (amount.0 / WHOLE_MILLI, amount.0 % WHOLE_MILLI) {
            _ if amount.0 < 0 => None,
            (0, 0) => Some(Ask::Nothing),
            (0, part) => Some(Ask::Part(part)),
            (count, 0) => u64::try_from(count).ok().map(Ask::Whole),
            _ => None,
        }
    }
}

impl Devices {
    /// Checks a list.
    pub fn new<N: Into<SmolStr>>(
        list: impl IntoIterator<Item = (N, Milli)>,
    ) -> Result<Self, DevicesError> {
        let mut devices = BTreeMap::new();
        let mut count = 0;
        for (name, Milli(milli)) in list {
            count += 1;
            let name: SmolStr = name.into();
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
            if !(1..=64).contains(&name.len()) || !name.bytes().all(allowed) {
                return Err(DevicesError::Name { name: name.chars().take(80).collect() });
            }
            if !(1..=WHOLE_MILLI).contains(&milli) {
                return Err(DevicesError::Amount { name: name.to_string(), milli });
            }
            if devices.insert(name.clone(), milli).is_some() {
                return Err(DevicesError::Duplicate { name: name.to_string() });
            }
        }
        match count <= limits::DEVICES_MAX {
            true => Ok(Self(devices)),
            false => Err(DevicesError::TooMany { count }),
        }
    }

    /// Each with how much of it, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&SmolStr, Milli)> {
        self.0.iter().map(|(name, milli)| (name, Milli(*milli)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All together.
    pub fn sum(&self) -> Milli {
        Milli(self.0.values().sum())
    }

    /// Whether all of `other` is here.
    pub fn contains(&self, other: &Devices) -> bool {
        other.0.iter().all(|(name, milli)| self.0.get(name).is_some_and(|own| own >= milli))
    }

    /// What both have of each.
    pub fn common(&self, other: &Devices) -> Devices {
        let common = self.0.iter().filter_map(|(name, own)| {
            let theirs = other.0.get(name)?;
            Some((name.clone(), *own.min(theirs)))
        });
        Self(common.collect())
    }

    /// Both together; `None` when that would be more than all of a device.
    pub fn checked_add(&self, other: &Devices) -> Option<Devices> {
        let mut sum = self.0.clone();
        for (name, milli) in &other.0 {
            let own = sum.entry(name.clone()).or_insert(0);
            *own += milli;
            if *own > WHOLE_MILLI {
                return None;
            }
        }
        Some(Self(sum))
    }

    /// Of each device the larger part.
    pub fn covering(&self, other: &Devices) -> Devices {
        let mut larger = self.0.clone();
        for (name, milli) in &other.0 {
            let own = larger.entry(name.clone()).or_insert(0);
            *own = (*own).max(*milli);
        }
        Self(larger)
    }

    /// These without `other`; `None` when that is not here.
    pub fn checked_sub(&self, other: &Devices) -> Option<Devices> {
        let mut left = self.0.clone();
        for (name, milli) in &other.0 {
            let own = left.get_mut(name).filter(|own| **own >= *milli)?;
            *own -= milli;
            if *own == 0 {
                left.remove(name);
            }
        }
        Some(Self(left))
    }

    /// What an ask would take: a part of the device with least left that has so much, or the first
    /// whole ones. `None` when it is not to be had.
    pub fn pick(&self, ask: Ask) -> Option<Devices> {
        let chosen: BTreeMap<SmolStr, i64> = match ask {
            Ask::Nothing => BTreeMap::new(),
            Ask::Part(part) => {
                let fitting = self.0.iter().filter(|(_, left)| **left >= part);
                let (name, _) = fitting.min_by_key(|(name, left)| (**left, *name))?;
                [(name.clone(), part)].into()
            }
            Ask::Whole(count) => {
                let count = usize::try_from(count).ok()?;
                let whole = self.0.iter().filter(|(_, left)| **left == WHOLE_MILLI).take(count);
                let whole: BTreeMap<_, _> =
                    whole.map(|(name, milli)| (name.clone(), *milli)).collect();
                (whole.len() == count).then_some(whole)?
            }
        };
        Some(Self(chosen))
    }

    /// The first ones, together no more than an amount; of the last one perhaps a part.
    pub fn first(&self, amount: Milli) -> Devices {
        let mut rest = amount.0.max(0);
        let mut first = BTreeMap::new();
        for (name, milli) in &self.0 {
            let some = rest.min(*milli);
            if some == 0 {
                break;
            }
            first.insert(name.clone(), some);
            rest -= some;
        }
        Self(first)
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<_> = self.0.iter().map(|(name, milli)| format!("{name}:{milli}")).collect();
        write!(f, "{{{}}}", list.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn devices(list: &[(&str, i64)]) -> Devices {
        Devices::new(list.iter().map(|(name, milli)| (*name, Milli(*milli)))).unwrap()
    }

    #[test]
    fn a_list_names_each_device_once_and_no_more_than_all_of_it() {
        let new = |list: &[(&str, i64)]| {
            Devices::new(list.iter().map(|(name, milli)| (*name, Milli(*milli))))
        };
        assert_eq!(devices(&[("b", 1), ("a", 1_000)]).to_string(), "{a:1000,b:1}");
        assert!(matches!(new(&[("a", 0)]), Err(DevicesError::Amount { .. })));
        assert!(matches!(new(&[("a", 1_001)]), Err(DevicesError::Amount { .. })));
        assert!(matches!(new(&[("a", 1), ("a", 1)]), Err(DevicesError::Duplicate { .. })));
        for bad in ["", "a:b", "a b", "a,b"] {
            assert!(matches!(new(&[(bad, 1)]), Err(DevicesError::Name { .. })), "{bad}");
        }
        let many = (0..=limits::DEVICES_MAX).map(|n| (n.to_string(), Milli(1)));
        assert!(matches!(Devices::new(many), Err(DevicesError::TooMany { .. })));
    }

    #[test]
    fn a_part_is_of_one_device_and_whole_ones_are_wholly_free() {
        let ask = |milli| Ask::of(Milli(milli));
        assert_eq!((ask(0), ask(999)), (Some(Ask::Nothing), Some(Ask::Part(999))));
        assert_eq!((ask(2_000), ask(1_500), ask(-1)), (Some(Ask::Whole(2)), None, None));
        let free = devices(&[("a", 600), ("b", 1_000), ("c", 500), ("d", 1_000)]);
        let pick = |milli| free.pick(ask(milli).unwrap()).map(|it| it.to_string());
        assert_eq!(pick(500).as_deref(), Some("{c:500}"), "the fullest");
        assert_eq!(pick(700).as_deref(), Some("{b:700}"), "of equals the first");
        assert_eq!(pick(2_000).as_deref(), Some("{b:1000,d:1000}"));
        assert_eq!(pick(3_000), None);
        assert_eq!(devices(&[("a", 600), ("b", 600)]).pick(Ask::Part(700)), None);
        assert_eq!(free.first(Milli(1_700)).to_string(), "{a:600,b:1000,c:100}");
    }
}
