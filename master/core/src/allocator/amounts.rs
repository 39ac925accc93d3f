//! Sums of scalars over many agents. Ports and named things do not add up across agents and do not
//! count towards a share, so that they are left out.

use proto::model::{ResourceName, Resources, Value};

/// Thousandths by resource, ordered by name, none of them zero.
///
/// 10^5 agents with 10^15 thousandths each are 10^20: too much for 64 bits, little for 128.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amounts(Vec<(ResourceName, u128)>);

impl Amounts {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The scalars among resources.
    pub fn of(resources: &Resources) -> Self {
        Self(scalars(resources).map(|(name, milli)| (name.clone(), milli)).collect())
    }

    /// Thousandths of one resource; zero when there are none.
    pub fn get(&self, name: &ResourceName) -> u128 {
        match self.0.binary_search_by(|(other, _)| other.cmp(name)) {
            Ok(index) => self.0[index].1,
            Err(_) => 0,
        }
    }

    /// The same, quicker when it is the one at this position: mostly two sums hold the same
    /// resources.
    pub(super) fn get_near(&self, position: usize, name: &ResourceName) -> u128 {
        match self.0.get(position).filter(|(own, _)| own == name) {
            Some((_, milli)) => *milli,
            None => self.get(name),
        }
    }

    /// Every resource with its thousandths, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, u128)> {
        self.0.iter().map(|(name, milli)| (name, *milli))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds another sum.
    pub fn add(&mut self, other: &Amounts) {
        for (index, (name, milli)) in other.0.iter().enumerate() {
            // Mostly both hold the same resources.
            match self.0.get_mut(index).filter(|(own, _)| own == name) {
                Some((_, own)) => *own += milli,
                None => self.add_one(name, *milli),
            }
        }
    }

    /// Takes another sum away.
    ///
    /// # Panics
    /// When there is less: a sum holds all of its parts.
    pub fn subtract(&mut self, other: &Amounts) {
        other.iter().for_each(|(name, milli)| self.subtract_one(name, milli));
    }

    /// Sets one resource.
    pub fn set(&mut self, name: &ResourceName, milli: u128) {
        match (self.0.binary_search_by(|(other, _)| other.cmp(name)), milli) {
            (Ok(index), 0) => drop(self.0.remove(index)),
            (Ok(index), _) => self.0[index].1 = milli,
            (Err(_), 0) => {}
            (Err(index), _) => self.0.insert(index, (name.clone(), milli)),
        }
    }

    /// Adds another sum so many times.
    pub fn add_times(&mut self, other: &Amounts, times: u32) {
        other.iter().for_each(|(name, milli)| self.add_one(name, milli * u128::from(times)));
    }

    /// Takes another sum away so many times.
    ///
    /// # Panics
    /// When there is less.
    pub fn take(&mut self, other: &Amounts, times: u32) {
        other.iter().for_each(|(name, milli)| self.subtract_one(name, milli * u128::from(times)));
    }

    /// How many times the other sum is in this one; the largest number for nothing.
    pub fn holds_times(&self, other: &Amounts) -> u128 {
        other.iter().map(|(name, milli)| self.get(name) / milli).min().unwrap_or(u128::MAX)
    }

    /// Whether there is at least as much of everything as in the other.
    pub fn contains(&self, other: &Amounts) -> bool {
        other.iter().all(|(name, milli)| self.get(name) >= milli)
    }

    fn add_one(&mut self, name: &ResourceName, milli: u128) {
        match self.0.binary_search_by(|(other, _)| other.cmp(name)) {
            Ok(index) => self.0[index].1 += milli,
            Err(index) => self.0.insert(index, (name.clone(), milli)),
        }
    }

    fn subtract_one(&mut self, name: &ResourceName, milli: u128) {
        let index = self.0.binary_search_by(|(other, _)| other.cmp(name));
        let index = index.expect("a sum holds all of its parts");
        let left = self.0[index].1.checked_sub(milli).expect("a sum holds all of its parts");
        match left {
            0 => drop(self.0.remove(index)),
            _ => self.0[index].1 = left,
        }
    }
}

fn scalars(resources: &Resources) -> impl Iterator<Item = (&ResourceName, u128)> {
    resources.iter().filter_map(|(name, value)| match value {
        Value::Scalar(milli) => {
            Some((name, u128::try_from(milli.0).expect("checked amounts are not negative")))
        }
        Value::Ranges(_) | Value::Set(_) => None,
    })
}
