//! Policies by name, with their parameters: the masters' own objects.

use super::{PlanError, Study};
use master_core::placement::{
    Alignment, BestFit, DotProduct, EPvm, Fgd, FirstFit, GpuClustering, GpuPacking, Pack,
    Placement, Random, Reference, Resolution, Spread, TypicalTask, WorstFit,
};
use proto::model::ResourceName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The names of policies without parameters.
pub(super) const KNOWN: &str = "random, first-fit, pack, spread, best-fit, worst-fit, dot-product, \
                                e-pvm, gpu-clustering, gpu-packing, fgd";

/// A policy with its parameters.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PolicyKind {
    /// By lot.
    Random,
    /// The first that has room.
    FirstFit,
    /// Best fit on the dominant resource.
    Pack,
    /// Worst fit on the dominant resource.
    Spread,
    /// Least left of everything.
    BestFit {
        /// What counts as one of each resource; otherwise all that a machine has.
        reference: Option<BTreeMap<ResourceKey, f64>>,
        /// Scores in whole percent.
        #[serde(default)]
        percent: bool,
    },
    /// Most left of everything.
    WorstFit {
        /// As for best fit.
        reference: Option<BTreeMap<ResourceKey, f64>>,
        /// Scores in whole percent.
        #[serde(default)]
        percent: bool,
    },
    /// Alignment of what is asked with what is free.
    DotProduct {
        /// As for best fit.
        reference: Option<BTreeMap<ResourceKey, f64>>,
        /// The smallest product is best, as in the FGD study.
        #[serde(default)]
        least: bool,
        /// Scores in whole percent.
        #[serde(default)]
        percent: bool,
    },
    /// Least marginal cost.
    EPvm,
    /// Tasks that ask for GPUs alike run together.
    GpuClustering,
    /// GPUs in use first.
    GpuPacking,
    /// Fragmentation gradient descent.
    Fgd {
        /// Scores in whole percent of the logistic function.
        #[serde(default)]
        percent: bool,
    },
}

/// A resource by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct ResourceKey(pub ResourceName);

impl TryFrom<String> for ResourceKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        ResourceName::new(&text).map(Self).map_err(|problem| format!("`{text}`: {problem}"))
    }
}

/// What makes a policy of one's own: from a seed, and from typical tasks for those that look ahead.
pub type Make = fn(u64, &[TypicalTask]) -> Box<dyn Placement>;

/// The policies that studies may name: those of the program, and one's own.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    own: BTreeMap<String, Make>,
}

/// What makes the policy that was named, again for every run.
#[derive(Debug, Clone)]
pub struct Maker(Which);

#[derive(Debug, Clone)]
enum Which {
    Known(PolicyKind),
    Own(Make),
}

impl Policies {
    /// Those of the program.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one of one's own, by a name; it goes before one of the program with that name.
    #[must_use]
    pub fn with(mut self, name: &str, make: Make) -> Self {
        self.own.insert(name.to_owned(), make);
        self
    }

    /// The policy with this name: one's own, one that the study defines, or one of the program.
    ///
    /// # Errors
    /// When nobody knows the name.
    pub fn find(&self, study: &Study, name: &str) -> Result<Maker, PlanError> {
        let own = self.own.get(name).copied().map(Which::Own);
        let defined = || study.policies.get(name).cloned().or_else(|| PolicyKind::named(name));
        let which = own.or_else(|| defined().map(Which::Known));
        which.map(Maker).ok_or_else(|| PlanError::NoPolicy(name.to_owned()))
    }
}

impl Maker {
    /// The object that decides. `typical` tasks are for those that look ahead.
    pub fn make(&self, seed: u64, typical: &[TypicalTask]) -> Box<dyn Placement> {
        match &self.0 {
            Which::Known(kind) => kind.build(seed, typical),
            Which::Own(make) => make(seed, typical),
        }
    }
}

impl PolicyKind {
    /// The policy without parameters that has this name.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "random" => Self::Random,
            "first-fit" => Self::FirstFit,
            "pack" => Self::Pack,
            "spread" => Self::Spread,
            "best-fit" => Self::BestFit { reference: None, percent: false },
            "worst-fit" => Self::WorstFit { reference: None, percent: false },
            "dot-product" => Self::DotProduct { reference: None, least: false, percent: false },
            "e-pvm" => Self::EPvm,
            "gpu-clustering" => Self::GpuClustering,
            "gpu-packing" => Self::GpuPacking,
            "fgd" => Self::Fgd { percent: false },
            _ => return None,
        })
    }

    /// The object that decides. `typical` tasks are for those that look ahead.
    fn build(&self, seed: u64, typical: &[TypicalTask]) -> Box<dyn Placement> {
        match self {
            Self::Random => Box::new(Random::new(seed)),
            Self::FirstFit => Box::new(FirstFit),
            Self::Pack => Box::new(Pack),
            Self::Spread => Box::new(Spread),
            Self::BestFit { reference, percent } => Box::new(BestFit {
                reference: reference_of(reference),
                resolution: resolution(*percent),
            }),
            Self::WorstFit { reference, percent } => Box::new(WorstFit {
                reference: reference_of(reference),
                resolution: resolution(*percent),
            }),
            Self::DotProduct { reference, least, percent } => Box::new(DotProduct {
                reference: reference_of(reference),
                alignment: if *least { Alignment::Least } else { Alignment::Most },
                resolution: resolution(*percent),
            }),
            Self::EPvm => Box::new(EPvm),
            Self::GpuClustering => Box::new(GpuClustering),
            Self::GpuPacking => Box::new(GpuPacking),
            Self::Fgd { percent } => Box::new(Fgd::with_models(typical, resolution(*percent))),
        }
    }
}

fn reference_of(reference: &Option<BTreeMap<ResourceKey, f64>>) -> Reference {
    match reference {
        None => Reference::Agent,
        Some(of) => {
            Reference::Fixed(of.iter().map(|(key, one)| (key.0.clone(), milli(*one))).collect())
        }
    }
}

fn resolution(percent: bool) -> Resolution {
    if percent { Resolution::Percent } else { Resolution::Exact }
}

/// Thousandths, rounded; nothing for what is negative or no number.
fn milli(amount: f64) -> u64 {
    // A cast of floats saturates.
    (amount * 1_000.0).round() as u64
}
