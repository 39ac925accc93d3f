//! How a role is served: by which placement policy, in which offer mode, up to which priority.
//!
//! A role may have some of the settings and inherit the others from the nearest role above it that
//! has them. It does not know what the settings do.

use super::Priority;
use std::{fmt, str::FromStr};

/// Which agents are given first to who bids in a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PlacementPolicy {
    /// In the masters' own order of agents.
    #[default]
    FirstFit,
    /// The emptiest first.
    Spread,
    /// The fullest first.
    Pack,
    /// Those first whose free resources are best aligned with what is asked for.
    DotProduct,
    /// By lot.
    Random,
    /// Fragmentation gradient descent: those first whose free devices become least useless to what
    /// is usually asked for.
    Fgd,
}

/// Who else is shown what is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum OfferMode {
    /// A resource is in at most one live offer.
    #[default]
    Exclusive,
    /// The same is shown to many; who commits first has it.
    Shared,
}

/// Settings of a role; `None` is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleSettings {
    /// Which agents are given first.
    pub placement: Option<PlacementPolicy>,
    /// Who else is shown what is free.
    pub offer_mode: Option<OfferMode>,
    /// The highest priority that may be asked for.
    pub priority_max: Option<Priority>,
}

/// What is to become of one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is inherited again.
    Reset,
    /// It is this from now on.
    Set(T),
}

/// A change of a role's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleSettingsChange {
    /// Which agents are given first.
    pub placement: Change<PlacementPolicy>,
    /// Who else is shown what is free.
    pub offer_mode: Change<OfferMode>,
    /// The highest priority that may be asked for.
    pub priority_max: Change<Priority>,
}

/// A word that is none of those known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is none of {known}")]
pub struct UnknownWord {
    /// As it was written.
    pub word: String,
    /// Those known.
    pub known: String,
}

impl PlacementPolicy {
    /// Every policy.
    pub const ALL: [PlacementPolicy; 6] =
        [Self::FirstFit, Self::Spread, Self::Pack, Self::DotProduct, Self::Random, Self::Fgd];

    /// As people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            PlacementPolicy::FirstFit => "first-fit",
            PlacementPolicy::Spread => "spread",
            PlacementPolicy::Pack => "pack",
            PlacementPolicy::DotProduct => "dot-product",
            PlacementPolicy::Random => "random",
            PlacementPolicy::Fgd => "fgd",
        }
    }
}

impl OfferMode {
    /// Every mode.
    pub const ALL: [OfferMode; 2] = [Self::Exclusive, Self::Shared];

    /// As people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            OfferMode::Exclusive => "exclusive",
            OfferMode::Shared => "shared",
        }
    }
}

impl RoleSettings {
    /// Whether everything is inherited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These, and for what they do not say, those above.
    pub fn or(self, above: RoleSettings) -> RoleSettings {
        RoleSettings {
            placement: self.placement.or(above.placement),
            offer_mode: self.offer_mode.or(above.offer_mode),
            priority_max: self.priority_max.or(above.priority_max),
        }
    }

    /// These after a change.
    pub fn changed(self, change: &RoleSettingsChange) -> RoleSettings {
        RoleSettings {
            placement: change.placement.of(self.placement),
            offer_mode: change.offer_mode.of(self.offer_mode),
            priority_max: change.priority_max.of(self.priority_max),
        }
    }
}

impl RoleSettingsChange {
    /// Whether everything stays.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl<T> Change<T> {
    fn of(self, old: Option<T>) -> Option<T> {
        match self {
            Change::Keep => old,
            Change::Reset => None,
            Change::Set(new) => Some(new),
        }
    }
}

/// Something by its word.
fn find<T: Copy>(word: &str, all: &[T], as_str: fn(T) -> &'static str) -> Result<T, UnknownWord> {
    all.iter().copied().find(|it| as_str(*it) == word).ok_or_else(|| {
        let known: Vec<_> = all.iter().copied().map(as_str).collect();
        UnknownWord { word: word.to_owned(), known: known.join(", ") }
    })
}

impl fmt::Display for PlacementPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PlacementPolicy {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        find(text, &Self::ALL, Self::as_str)
    }
}

impl fmt::Display for OfferMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for OfferMode {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        find(text, &Self::ALL, Self::as_str)
    }
}

/// As people read them, such as `placement pack, priority-max 5`.
impl fmt::Display for RoleSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.placement.map(|policy| format!("placement {policy}")),
            self.offer_mode.map(|mode| format!("offers {mode}")),
            self.priority_max.map(|most| format!("priority-max {most}")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_again() {
        for policy in PlacementPolicy::ALL {
            assert_eq!(policy.as_str().parse(), Ok(policy));
        }
        for mode in OfferMode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        let unknown = "tightest".parse::<PlacementPolicy>().unwrap_err().to_string();
        let known = "first-fit, spread, pack, dot-product, random, fgd";
        assert_eq!(unknown, format!("\"tightest\" is none of {known}"));
    }

    #[test]
    fn a_change_touches_what_it_names() {
        let old = RoleSettings {
            placement: Some(PlacementPolicy::Pack),
            offer_mode: Some(OfferMode::Shared),
            priority_max: None,
        };
        let change = RoleSettingsChange {
            placement: Change::Reset,
            offer_mode: Change::Keep,
            priority_max: Change::Set(Priority::MAX),
        };
        let new = old.changed(&change);
        assert_eq!(new.to_string(), "offers shared, priority-max 9");
        assert_eq!(old.changed(&RoleSettingsChange::default()), old);
        assert_eq!(new.or(old).to_string(), "placement pack, offers shared, priority-max 9");
    }
}
