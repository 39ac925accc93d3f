//! Sums over many agents: of scalars, of parts of devices, and of how many ports and named things
//! there are.
//!
//! Sums are added and compared for every offer. What every cluster has stands in fixed slots: no
//! name is compared, nothing is allocated. An operator's own resources follow by name.

use proto::model::{ResourceName, Resources, Value};
use std::iter;

/// Resources with a slot, ordered by name.
static COMMON: [ResourceName; SLOTS] = [
    ResourceName::CPUS,
    ResourceName::DISK,
    ResourceName::GPUS,
    ResourceName::MEM,
    ResourceName::PORTS,
];

const SLOTS: usize = 5;

/// Thousandths by resource: first the common ones, then an operator's own, both by name.
///
/// 10^5 agents with 10^15 thousandths each are 10^20: too much for 64 bits, little for 128.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amounts {
    common: [u128; SLOTS],
    /// None of them zero.
    own: Vec<(ResourceName, u128)>,
}

impl Amounts {
    /// Nothing.
    pub const fn new() -> Self {
        Self { common: [0; SLOTS], own: Vec::new() }
    }

    /// How much resources are, by [`Value::milli`].
    pub fn of(resources: &Resources) -> Self {
        Self::of_those(resources, |_| true)
    }

    /// The same without ports and named things, of which an agent has as many as its operator chose
    /// to name: they are no reason why somebody should have a larger share than others.
    pub fn of_measured(resources: &Resources) -> Self {
        Self::of_those(resources, |value| matches!(value, Value::Scalar(_) | Value::Devices(_)))
    }

    fn of_those(resources: &Resources, counts: impl Fn(&Value) -> bool) -> Self {
        let mut amounts = Self::new();
        for (name, value) in resources.iter().filter(|(_, value)| counts(value)) {
            let milli = u128::try_from(value.milli().0);
            amounts.set(name, milli.expect("checked amounts are not negative"));
        }
        amounts
    }

    /// Thousandths of one resource; zero when there are none.
    pub fn get(&self, name: &ResourceName) -> u128 {
        match slot(name) {
            Some(slot) => self.common[slot],
            None => self.position(name).map_or(0, |index| self.own[index].1),
        }
    }

    /// Every resource of which there is any, with its thousandths.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, u128)> {
        let common = iter::zip(&COMMON, self.common).filter(|(_, milli)| *milli > 0);
        common.chain(self.own.iter().map(|(name, milli)| (name, *milli)))
    }

    /// Thousandths of every resource of which there is any here, beside those in the other sum.
    pub(super) fn beside(&self, other: &Amounts) -> impl Iterator<Item = (u128, u128)> {
        let common =
            iter::zip(&self.common, &other.common).map(|(milli, beside)| (*milli, *beside));
        let common = common.filter(|(milli, _)| *milli > 0);
        common.chain(self.own.iter().map(|(name, milli)| (*milli, other.get(name))))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.common == [0; SLOTS] && self.own.is_empty()
    }

    /// Sets one resource.
    pub fn set(&mut self, name: &ResourceName, milli: u128) {
        match slot(name) {
            Some(slot) => self.common[slot] = milli,
            None => self.set_own(name, milli),
        }
    }

    /// Adds another sum.
    pub fn add(&mut self, other: &Amounts) {
        iter::zip(&mut self.common, &other.common).for_each(|(own, milli)| *own += milli);
        for (name, milli) in &other.own {
            self.set_own(name, self.get(name) + milli);
        }
    }

    /// Takes another sum away.
    ///
    /// # Panics
    /// When there is less: a sum holds all of its parts.
    pub fn subtract(&mut self, other: &Amounts) {
        assert!(self.contains(other), "a sum holds all of its parts");
        self.take_some(other);
    }

    /// Adds another sum so many times.
    pub fn add_times(&mut self, other: &Amounts, times: u32) {
        let times = u128::from(times);
        iter::zip(&mut self.common, &other.common).for_each(|(own, milli)| *own += milli * times);
        for (name, milli) in &other.own {
            self.set_own(name, self.get(name) + milli * times);
        }
    }

    /// Takes another sum away so many times.
    ///
    /// # Panics
    /// When there is less.
    pub fn take(&mut self, other: &Amounts, times: u32) {
        let mut all = Amounts::new();
        all.add_times(other, times);
        self.subtract(&all);
    }

    /// Takes away as much of another sum as there is.
    pub fn take_some(&mut self, other: &Amounts) {
        let both = iter::zip(&mut self.common, &other.common);
        both.for_each(|(own, part)| *own = own.saturating_sub(*part));
        for (name, part) in &other.own {
            self.set_own(name, self.get(name).saturating_sub(*part));
        }
    }

    /// How many times the other sum is in this one; the largest number for nothing.
    pub fn holds_times(&self, other: &Amounts) -> u128 {
        other.beside(self).map(|(one, milli)| milli / one).min().unwrap_or(u128::MAX)
    }

    /// Whether there is at least as much of everything as in the other.
    pub fn contains(&self, other: &Amounts) -> bool {
        other.beside(self).all(|(part, milli)| milli >= part)
    }

    fn set_own(&mut self, name: &ResourceName, milli: u128) {
        match (self.position(name), milli) {
            (Ok(index), 0) => drop(self.own.remove(index)),
            (Ok(index), _) => self.own[index].1 = milli,
            (Err(_), 0) => {}
            (Err(index), _) => self.own.insert(index, (name.clone(), milli)),
        }
    }

    fn position(&self, name: &ResourceName) -> Result<usize, usize> {
        self.own.binary_search_by(|(other, _)| other.cmp(name))
    }
}

/// Where a common resource stands.
fn slot(name: &ResourceName) -> Option<usize> {
    match name.as_str() {
        "cpus" => Some(0),
        "disk" => Some(1),
        "gpus" => Some(2),
        "mem" => Some(3),
        "ports" => Some(4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Amounts, COMMON, ResourceName, slot};

    #[test]
    fn every_slot_is_that_of_its_name() {
        for (index, name) in COMMON.iter().enumerate() {
            assert_eq!(slot(name), Some(index));
        }
        assert!(COMMON.is_sorted());
    }

    /// Common resources and an operator's own calculate alike.
    #[test]
    fn sums_of_both_kinds() {
        let own = ResourceName::new("licences").unwrap();
        for (name, other) in [(&ResourceName::MEM, &own), (&own, &ResourceName::MEM)] {
            let amount = |milli| {
                let mut amounts = Amounts::new();
                amounts.set(name, milli);
                amounts
            };
            let mut sum = amount(5);
            sum.add(&amount(2));
            assert_eq!((sum.get(name), sum.get(other)), (7, 0));
            sum.add_times(&amount(3), 3);
            assert_eq!(sum.iter().collect::<Vec<_>>(), [(name, 16)]);
            assert!(sum.contains(&amount(16)) && !sum.contains(&amount(17)));
            assert_eq!((sum.holds_times(&amount(5)), sum.holds_times(&amount(17))), (3, 0));
            assert_eq!(sum.beside(&amount(4)).collect::<Vec<_>>(), [(16, 4)]);
            sum.take(&amount(5), 2);
            sum.take_some(&amount(1));
            assert_eq!(sum, amount(5));
            sum.subtract(&amount(5));
            assert!(sum.is_empty() && sum == Amounts::new());
            sum.take_some(&amount(1));
            assert!(sum.is_empty());
        }
    }
}
