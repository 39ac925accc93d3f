//! Resources with how much they are, shared by all who hold the same.
//!
//! What is free on an agent goes into an offer, is held, refused and handed back: always the same
//! bundle. It is made once and passed on by pointer, which also makes the question whether one
//! contains the other cheap when they are the same.

use super::{Amounts, CPUS_MIN, MEM_MIN};
use proto::model::{ResourceName, Resources};
use std::{
    fmt,
    ops::Deref,
    sync::{Arc, LazyLock},
};

/// The bundle. Reads as its resources.
#[derive(Clone)]
pub struct Bundle(Arc<Content>);

#[derive(PartialEq, Eq)]
struct Content {
    resources: Resources,
    amounts: Amounts,
    is_enough: bool,
}

impl Default for Bundle {
    fn default() -> Self {
        Self::nothing()
    }
}

static NOTHING: LazyLock<Bundle> = LazyLock::new(|| Bundle::of(Resources::new()));

impl Bundle {
    /// A bundle of these resources.
    pub fn new(resources: Resources) -> Self {
        match resources.is_empty() {
            true => Self::nothing(),
            false => Self::of(resources),
        }
    }

    fn of(resources: Resources) -> Self {
        let amounts = Amounts::of(&resources);
        let is_enough = is_enough(&amounts);
        Self(Arc::new(Content { resources, amounts, is_enough }))
    }

    /// The empty bundle.
    pub fn nothing() -> Self {
        NOTHING.clone()
    }

    /// A place that stays empty, to point to.
    pub fn nothing_ref() -> &'static Self {
        &NOTHING
    }

    /// Its resources.
    pub fn resources(&self) -> &Resources {
        &self.0.resources
    }

    /// How much they are.
    pub fn amounts(&self) -> &Amounts {
        &self.0.amounts
    }

    /// Whether both are one in memory, which is quicker to know than whether they are equal.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether all of `other` could be taken from this.
    pub fn covers(&self, other: &Self) -> bool {
        self.is_same(other) || self.0.resources.contains(&other.0.resources)
    }

    /// Whether an offer of this is worth making.
    pub fn is_enough(&self) -> bool {
        self.0.is_enough
    }
}

/// Whether an offer of so much is worth making.
pub fn is_enough(amounts: &Amounts) -> bool {
    let at_least = |name: &ResourceName, least: i64| {
        amounts.get(name) >= u128::try_from(least).expect("a least amount is positive")
    };
    at_least(&ResourceName::CPUS, CPUS_MIN.0) || at_least(&ResourceName::MEM, MEM_MIN.0)
}

impl Deref for Bundle {
    type Target = Resources;

    fn deref(&self) -> &Resources {
        &self.0.resources
    }
}

impl PartialEq for Bundle {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || self.0 == other.0
    }
}

impl Eq for Bundle {}

impl PartialEq<Resources> for Bundle {
    fn eq(&self, other: &Resources) -> bool {
        self.0.resources == *other
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.resources.fmt(f)
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.resources.fmt(f)
    }
}
