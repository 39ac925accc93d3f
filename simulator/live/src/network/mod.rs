//! A network that fails: which parties there are, and what passes from whom to whom.
//!
//! There are two of a kind. Proxies ([`proxies`]) need no privilege and lose no byte. Network
//! namespaces ([`namespaces`]) need root, and lose packets.

mod callers;
pub mod link;
pub mod namespaces;
pub mod proxies;
mod proxy;
#[cfg(test)]
mod tests;

use namespaces::Namespaces;
use proxies::Proxies;
use std::{fmt, time::Duration};

/// Somebody at one end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A master, by its node id.
    Master(u64),
    /// Agents; and frameworks, but in namespaces: there these reach everybody at all times.
    Clients,
}

/// What is between the parties of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wires {
    /// The host's own loopback interface, which does not fail.
    Loopback,
    /// Proxies.
    Proxies,
    /// Links between network namespaces.
    Namespaces,
}

/// A network that fails.
#[derive(Debug)]
pub enum Network {
    /// Of proxies.
    Proxies(Proxies),
    /// Of namespaces.
    Namespaces(Namespaces),
}

impl Network {
    /// From now on nothing passes from one to the other.
    pub fn cut(&self, from: Party, to: Party) -> anyhow::Result<()> {
        match self {
            Self::Proxies(proxies) => proxies.cut(from, to),
            Self::Namespaces(namespaces) => namespaces.cut(from, to)?,
        }
        Ok(())
    }

    /// Nothing passes between two.
    pub fn cut_between(&self, one: Party, other: Party) -> anyhow::Result<()> {
        self.cut(one, other)?;
        self.cut(other, one)
    }

    /// All links are whole.
    pub fn heal(&self) -> anyhow::Result<()> {
        match self {
            Self::Proxies(proxies) => proxies.heal(),
            Self::Namespaces(namespaces) => namespaces.heal()?,
        }
        Ok(())
    }

    /// Connections that have been silent for longer than this because of a cut, and that one side
    /// or both still believe in.
    pub fn half_open(&self, longer: Duration) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Proxies(proxies) => Ok(proxies.half_open(longer)),
            Self::Namespaces(namespaces) => namespaces.half_open(longer),
        }
    }

    /// The longest time from a cut until a side closed its connection; only proxies know.
    pub fn silence_max(&self) -> Option<Duration> {
        match self {
            Self::Proxies(proxies) => Some(proxies.silence_max()),
            Self::Namespaces(_) => None,
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master(id) => write!(f, "master {id}"),
            Self::Clients => f.write_str("a client"),
        }
    }
}
