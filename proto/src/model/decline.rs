//! What a framework does not want to be offered again, for how long, and why not.
//!
//! A reason is kept with every filter, of which there may be as many as agents times frameworks, so
//! that it is two bytes: which resources were too few is kept for the usual names alone.

use super::{limits, resources::ResourceName, time::Duration};
use std::fmt;

/// What becomes of what an accept or a decline hands back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclineFilter {
    /// The same is not offered again for so long, unless there is more of it.
    pub time: Duration,
    /// Why it was not taken.
    pub reason: DeclineReason,
    /// For people; at most [`limits::DECLINE_MESSAGE_BYTES_MAX`].
    pub message: String,
}

/// Why an offer was not taken. Nothing is decided by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum DeclineReason {
    /// Not said.
    #[default]
    Unspecified,
    /// Too little of something.
    NotEnough(Lacking),
    /// The agent is not what is needed.
    ConstraintUnmet,
    /// Enough of the framework's tasks run there.
    Spread,
    /// The framework launches nothing for now.
    Busy,
    /// The framework has nothing to launch.
    NothingPending,
    /// It was not answered in time; only the master says so.
    NotAnswered,
    /// Its use would have taken a role beyond a limit; only the master says so.
    QuotaExceeded,
}

/// Resources of which there was too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Lacking(u8);

/// What has a bit of its own; the bit after these is for everything else.
const NAMED: [ResourceName; 4] =
    [ResourceName::CPUS, ResourceName::MEM, ResourceName::DISK, ResourceName::GPUS];

/// How everything else is shown.
const OTHER: &str = "other";

impl DeclineFilter {
    /// For the default time, for this reason.
    pub fn because(reason: DeclineReason) -> Self {
        Self { reason, ..Self::default() }
    }

    /// The same for another time.
    #[must_use]
    pub fn for_time(self, time: Duration) -> Self {
        Self { time, ..self }
    }
}

impl Default for DeclineFilter {
    fn default() -> Self {
        Self::from(limits::REFUSE_DEFAULT)
    }
}

impl From<Duration> for DeclineFilter {
    /// For so long; why is not said.
    fn from(time: Duration) -> Self {
        Self { time, reason: DeclineReason::Unspecified, message: String::new() }
    }
}

impl DeclineReason {
    /// Too little of these.
    pub fn not_enough<'a>(names: impl IntoIterator<Item = &'a ResourceName>) -> Self {
        Self::NotEnough(names.into_iter().collect())
    }

    /// Of what there was too little.
    pub fn lacking(self) -> Lacking {
        match self {
            Self::NotEnough(lacking) => lacking,
            _ => Lacking::default(),
        }
    }
}

impl Lacking {
    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let names = ["cpus", "mem", "disk", "gpus", OTHER].into_iter().enumerate();
        names.filter(move |(bit, _)| self.0 & (1 << bit) != 0).map(|(_, name)| name)
    }
}

impl<'a> FromIterator<&'a ResourceName> for Lacking {
    fn from_iter<T: IntoIterator<Item = &'a ResourceName>>(names: T) -> Self {
        let bit = |name| 1 << NAMED.iter().position(|named| named == name).unwrap_or(NAMED.len());
        Self(names.into_iter().fold(0, |bits, name| bits | bit(name)))
    }
}

impl fmt::Display for DeclineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unspecified => f.write_str("no reason given"),
            Self::NotEnough(lacking) if lacking.0 == 0 => f.write_str("not enough there"),
            Self::NotEnough(lacking) => {
                write!(f, "not enough {}", lacking.names().collect::<Vec<_>>().join(" and "))
            }
            Self::ConstraintUnmet => f.write_str("the agent is not what it needs"),
            Self::Spread => f.write_str("enough of its tasks run there"),
            Self::Busy => f.write_str("it launches nothing for now"),
            Self::NothingPending => f.write_str("it has nothing to launch"),
            Self::NotAnswered => f.write_str("it did not answer in time"),
            Self::QuotaExceeded => f.write_str("its role would have exceeded a limit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lacks_is_named_as_far_as_it_is_known() {
        let ports = ResourceName::PORTS;
        let names = [&ResourceName::GPUS, &ports, &ResourceName::CPUS, &ports];
        let reason = DeclineReason::not_enough(names);
        assert_eq!(reason.to_string(), "not enough cpus and gpus and other");
        assert_eq!(DeclineReason::not_enough([]).to_string(), "not enough there");
        assert_eq!(size_of::<DeclineReason>(), 2);
        for (name, text) in NAMED.iter().zip(Lacking::from_iter(&NAMED).names()) {
            assert_eq!(name.as_str(), text);
        }
    }
}
