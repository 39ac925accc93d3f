//! What agents have and tasks need: exact amounts, checked arithmetic.
//!
//! A scalar is an integer number of thousandths, so that sums are exact and equal on every replica.
//! Nothing saturates: a subtraction that would go below zero says which resource is missing.

use super::{
    devices::{Ask, Devices, DevicesError},
    limits,
    ranges::{Ranges, RangesError},
};
use smol_str::SmolStr;
use std::{borrow::Cow, collections::BTreeSet, fmt, str::FromStr};

/// An amount in thousandths of a unit; 0 to [`limits::MILLI_MAX`] wherever it was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Milli(pub i64);

/// The name of a resource: `cpus`, `mem` (MiB), `disk` (MiB), `gpus`, `ports`, or an operator's
/// own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName(SmolStr);

/// How much, or which.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// An amount.
    Scalar(Milli),
    /// Numbers, such as ports.
    Ranges(Ranges),
    /// Named things.
    Set(BTreeSet<SmolStr>),
    /// Devices that can be shared, such as GPUs.
    Devices(Devices),
}

/// A bag of resources, ordered by name; holds no zero amount, no empty ranges, no empty set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Resources(Vec<(ResourceName, Value)>);

/// Why resources cannot be built or combined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourceError {
    /// Not a resource name: 1 to 64 of `a-z A-Z 0-9 . _ - /`.
    #[error("{name:?} is not a resource name")]
    Name {
        /// The text.
        name: String,
    },
    /// An amount below zero or above the limit, or more numbers than that.
    #[error("{name} is {milli} thousandths; the range is 0 to {}", limits::MILLI_MAX)]
    Amount {
        /// Which resource.
        name: ResourceName,
        /// The amount, in thousandths.
        milli: i64,
    },
    /// A text that is not an amount with at most three decimals.
    #[error("{text:?} is not a decimal number from 0 to 10^12 with at most three decimals")]
    Decimal {
        /// The text.
        text: String,
    },
    /// The same name twice in one list.
    #[error("{name} is given twice")]
    Duplicate {
        /// Which resource.
        name: ResourceName,
    },
    /// One name with two kinds of value.
    #[error("{name} has two kinds of value")]
    Kind {
        /// Which resource.
        name: ResourceName,
    },
    /// Bad ranges.
    #[error("{name} has bad ranges")]
    Ranges {
        /// Which resource.
        name: ResourceName,
        /// What is wrong.
        #[source]
        source: RangesError,
    },
    /// Bad devices.
    #[error("{name} has bad devices")]
    Devices {
        /// Which resource.
        name: ResourceName,
        /// What is wrong.
        #[source]
        source: Box<DevicesError>,
    },
    /// More is taken than there is.
    #[error("not enough {name}")]
    Missing {
        /// Which resource.
        name: ResourceName,
    },
    /// The sum is out of range, or a number or item would be there twice.
    #[error("{name} would be counted twice or exceed its limit")]
    Excess {
        /// Which resource.
        name: ResourceName,
    },
    /// Too many entries.
    #[error("has {count} entries, more than {limit}")]
    TooMany {
        /// Entries given.
        count: usize,
        /// Entries allowed.
        limit: usize,
    },
}

// === impl Milli ===

impl Milli {
    /// Whole units, such as 2 CPUs; `None` above the limit.
    pub fn from_units(units: u64) -> Option<Milli> {
        let milli = i64::try_from(units).ok()?.checked_mul(1_000)?;
        (milli <= limits::MILLI_MAX).then_some(Milli(milli))
    }

    /// Whether it is in the range of amounts.
    pub fn is_amount(self) -> bool {
        (0..=limits::MILLI_MAX).contains(&self.0)
    }

    /// Whole units, rounded down.
    pub fn units(self) -> u64 {
        u64::try_from(self.0 / 1_000).unwrap_or(0)
    }
}

impl FromStr for Milli {
    type Err = ResourceError;

    /// Exact decimal text: `2`, `0.25`, `1024`. No sign, exponent, NaN or fourth decimal.
    fn from_str(text: &str) -> Result<Milli, ResourceError> {
        let parse = || {
            let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
            let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
                return None;
            }
            let units = whole.parse::<i64>().ok()?.checked_mul(1_000)?;
            let thousandths = format!("{decimals:0<3}").parse::<i64>().ok()?;
            let milli = units.checked_add(thousandths)?;
            (milli <= limits::MILLI_MAX).then_some(Milli(milli))
        };
        parse().ok_or_else(|| ResourceError::Decimal { text: text.to_owned() })
    }
}

impl fmt::Display for Milli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, rest) = (self.0.unsigned_abs() / 1_000, self.0.unsigned_abs() % 1_000);
        match rest {
            0 => f.pad(&format!("{sign}{whole}")),
            _ => f.pad(format!("{sign}{whole}.{rest:03}").trim_end_matches('0')),
        }
    }
}

// === impl ResourceName ===

impl ResourceName {
    /// CPUs.
    pub const CPUS: ResourceName = ResourceName(SmolStr::new_static("cpus"));
    /// Memory, MiB.
    pub const MEM: ResourceName = ResourceName(SmolStr::new_static("mem"));
    /// Disk space, MiB.
    pub const DISK: ResourceName = ResourceName(SmolStr::new_static("disk"));
    /// `gpus`, in devices.
    pub const GPUS: ResourceName = ResourceName(SmolStr::new_static("gpus"));
    /// Ports of the host.
    pub const PORTS: ResourceName = ResourceName(SmolStr::new_static("ports"));

    /// Checks the text: 1 to 64 of `a-z A-Z 0-9 . _ - /`.
    pub fn new(text: &str) -> Result<Self, ResourceError> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
        match (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(SmolStr::new(text))),
            false => Err(ResourceError::Name { name: text.chars().take(80).collect() }),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

// === impl Value ===

impl Value {
    /// How much it is: of a scalar its amount, of devices their parts together, of numbered and
    /// named things a whole one each. Saturates beyond what [`Resources::from_entries`] takes.
    pub fn milli(&self) -> Milli {
        let things = match self {
            Value::Scalar(milli) => return *milli,
            Value::Devices(devices) => return devices.sum(),
            Value::Ranges(ranges) => ranges.count(),
            Value::Set(items) => items.len() as u64,
        };
        Milli(i64::try_from(things).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    fn is_nothing(&self) -> bool {
        match self {
            Value::Scalar(milli) => milli.0 == 0,
            Value::Ranges(ranges) => ranges.is_empty(),
            Value::Set(items) => items.is_empty(),
            Value::Devices(devices) => devices.is_empty(),
        }
    }

    fn contains(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Scalar(a), Value::Scalar(b)) => a >= b,
            (Value::Ranges(a), Value::Ranges(b)) => a.contains(b),
            (Value::Set(a), Value::Set(b)) => a.is_superset(b),
            (Value::Devices(a), Value::Devices(b)) => a.contains(b),
            _ => false,
        }
    }

    fn checked_add(&self, other: &Value) -> Option<Value> {
        match (self, other) {
            (Value::Scalar(a), Value::Scalar(b)) => {
                let sum = a.0.checked_add(b.0)?;
                Some(Value::Scalar(Milli(sum)))
            }
            (Value::Ranges(a), Value::Ranges(b)) => a.checked_add(b).map(Value::Ranges),
            (Value::Set(a), Value::Set(b)) if a.is_disjoint(b) => {
                Some(Value::Set(a.union(b).cloned().collect()))
            }
            (Value::Devices(a), Value::Devices(b)) => a.checked_add(b).map(Value::Devices),
            _ => None,
        }
    }

    fn covering(&self, other: &Value) -> Option<Value> {
        match (self, other) {
            (Value::Scalar(a), Value::Scalar(b)) => Some(Value::Scalar(*a.max(b))),
            (Value::Ranges(a), Value::Ranges(b)) => Some(Value::Ranges(a.covering(b))),
            (Value::Set(a), Value::Set(b)) => Some(Value::Set(a.union(b).cloned().collect())),
            (Value::Devices(a), Value::Devices(b)) => Some(Value::Devices(a.covering(b))),
            _ => None,
        }
    }

    fn checked_sub(&self, other: &Value) -> Option<Value> {
        match (self, other) {
            (Value::Scalar(a), Value::Scalar(b)) if a >= b => Some(Value::Scalar(Milli(a.0 - b.0))),
            (Value::Ranges(a), Value::Ranges(b)) => a.checked_sub(b).map(Value::Ranges),
            (Value::Set(a), Value::Set(b)) if a.is_superset(b) => {
                Some(Value::Set(a.difference(b).cloned().collect()))
            }
            (Value::Devices(a), Value::Devices(b)) => a.checked_sub(b).map(Value::Devices),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Scalar(milli) => write!(f, "{milli}"),
            Value::Ranges(ranges) => write!(f, "{ranges}"),
            Value::Set(items) => {
                let items: Vec<_> = items.iter().map(SmolStr::as_str).collect();
                write!(f, "{{{}}}", items.join(","))
            }
            Value::Devices(devices) => write!(f, "{devices}"),
        }
    }
}

// === impl Resources ===

impl Resources {
    /// Nothing at all.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Checks and orders a list; entries of nothing are left out.
    pub fn from_entries(
        entries: impl IntoIterator<Item = (ResourceName, Value)>,
    ) -> Result<Self, ResourceError> {
        let mut list: Vec<_> = entries.into_iter().collect();
        if list.len() > limits::RESOURCES_MAX {
            let limit = limits::RESOURCES_MAX;
            return Err(ResourceError::TooMany { count: list.len(), limit });
        }
        for (name, value) in &list {
            let milli = value.milli();
            if !(0..=limits::MILLI_MAX).contains(&milli.0) {
                return Err(ResourceError::Amount { name: name.clone(), milli: milli.0 });
            }
        }
        list.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(pair) = list.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ResourceError::Duplicate { name: pair[0].0.clone() });
        }
        list.retain(|(_, value)| !value.is_nothing());
        Ok(Self(list))
    }

    /// CPUs (thousandths) and memory (MiB): what most tasks ask for.
    ///
    /// # Panics
    /// When an amount is out of range; for literals in code, not for input.
    pub fn cpus_mem(cpus_milli: i64, mem_mib: i64) -> Self {
        let mem = mem_mib.checked_mul(1_000).expect("memory in range");
        Self::from_entries([
            (ResourceName::CPUS, Value::Scalar(Milli(cpus_milli))),
            (ResourceName::MEM, Value::Scalar(Milli(mem))),
        ])
        .expect("amounts in range")
    }

    /// The entries, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, &Value)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// One entry.
    pub fn get(&self, name: &ResourceName) -> Option<&Value> {
        let index = self.0.binary_search_by(|(n, _)| n.cmp(name)).ok()?;
        Some(&self.0[index].1)
    }

    /// A scalar's amount; zero when it is absent or no scalar.
    pub fn scalar(&self, name: &ResourceName) -> Milli {
        match self.get(name) {
            Some(Value::Scalar(milli)) => *milli,
            _ => Milli(0),
        }
    }

    /// How much there is of one resource, as [`Value::milli`] counts it; zero when it is absent.
    pub fn count(&self, name: &ResourceName) -> Milli {
        self.get(name).map_or(Milli(0), Value::milli)
    }

    /// The same as scalars: what adds up over agents, and what quotas and sums are of.
    pub fn counts(&self) -> Cow<'_, Resources> {
        if self.0.iter().all(|(_, value)| matches!(value, Value::Scalar(_))) {
            return Cow::Borrowed(self);
        }
        let scalar =
            |(name, value): &(ResourceName, Value)| (name.clone(), Value::Scalar(value.milli()));
        Cow::Owned(Self(self.0.iter().map(scalar).collect()))
    }

    /// Whether there are devices among them.
    pub fn has_devices(&self) -> bool {
        self.0.iter().any(|(_, value)| matches!(value, Value::Devices(_)))
    }

    /// What a task that asks for amounts would take of this: of devices the ones that it gets, of
    /// everything else what it asks. `None` when it is not here.
    pub fn pick(&self, asked: &Resources) -> Option<Resources> {
        let pick = |(name, value): &(ResourceName, Value)| {
            let value = match (self.get(name)?, value) {
                (Value::Devices(own), Value::Scalar(amount)) => {
                    Value::Devices(own.pick(Ask::of(*amount)?)?)
                }
                (own, value) => own.contains(value).then(|| value.clone())?,
            };
            Some((name.clone(), value))
        };
        Some(Self(asked.0.iter().map(pick).collect::<Option<_>>()?))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all of `other` could be taken from this.
    pub fn contains(&self, other: &Resources) -> bool {
        other.iter().all(|(name, value)| self.get(name).is_some_and(|mine| mine.contains(value)))
    }

    /// Both together.
    pub fn checked_add(&self, other: &Resources) -> Result<Resources, ResourceError> {
        let mut sum = self.clone();
        for (name, value) in &other.0 {
            match sum.0.binary_search_by(|(n, _)| n.cmp(name)) {
                Ok(index) => {
                    let excess = || ResourceError::Excess { name: name.clone() };
                    sum.0[index].1 = sum.0[index].1.checked_add(value).ok_or_else(excess)?;
                }
                Err(index) => sum.0.insert(index, (name.clone(), value.clone())),
            }
        }
        Ok(sum)
    }

    /// What both have: of amounts and of each device the smaller one, of numbers and items those
    /// that `other` names when all of them are here.
    pub fn common(&self, other: &Resources) -> Resources {
        let common = |(name, theirs): (&ResourceName, &Value)| {
            let value = match (self.get(name)?, theirs) {
                (Value::Scalar(mine), Value::Scalar(theirs)) => Value::Scalar(*mine.min(theirs)),
                (Value::Devices(mine), Value::Devices(theirs)) => {
                    let common = mine.common(theirs);
                    (!common.is_empty()).then_some(Value::Devices(common))?
                }
                (mine, theirs) if mine.contains(theirs) => theirs.clone(),
                _ => return None,
            };
            Some((name.clone(), value))
        };
        Resources(other.iter().filter_map(common).collect())
    }

    /// The least that holds each of both, though not both at once: the larger amounts, and every
    /// number and thing of either.
    pub fn covering(&self, other: &Resources) -> Result<Resources, ResourceError> {
        let mut both = self.clone();
        for (name, value) in &other.0 {
            match both.0.binary_search_by(|(n, _)| n.cmp(name)) {
                Ok(index) => {
                    let kind = || ResourceError::Kind { name: name.clone() };
                    both.0[index].1 = both.0[index].1.covering(value).ok_or_else(kind)?;
                }
                Err(index) => both.0.insert(index, (name.clone(), value.clone())),
            }
        }
        Ok(both)
    }

    /// This without `other`.
    pub fn checked_sub(&self, other: &Resources) -> Result<Resources, ResourceError> {
        let missing = |name: &ResourceName| ResourceError::Missing { name: name.clone() };
        let mut left = Vec::with_capacity(self.0.len());
        let mut taken = other.0.iter().peekable();
        for (name, value) in &self.0 {
            // A name that is not here is never reached, nor are those after it.
            let rest = match taken.next_if(|(taken, _)| taken == name) {
                None => value.clone(),
                Some((_, part)) => value.checked_sub(part).ok_or_else(|| missing(name))?,
            };
            if !rest.is_nothing() {
                left.push((name.clone(), rest));
            }
        }
        match taken.next() {
            Some((name, _)) => Err(missing(name)),
            None => Ok(Self(left)),
        }
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{name}:{value}")?;
        }
        Ok(())
    }
}
