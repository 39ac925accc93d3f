//! Fault domains: where an agent is, as a path from the outside in, such as `eu/eu-1/r7`; and how
//! pieces of a demand are spread over them.
//!
//! How many levels there are and what they are called is the cluster's own affair: a level is
//! counted from the outside, 1 for regions, 2 for zones, 3 for racks, where that is how a cluster
//! is built. Two domains of a level are the same when their whole paths are: `r7` of `eu-1` is not
//! `r7` of `eu-2`.

use super::{
    ids::{IdError, check_id},
    limits,
};
use smol_str::SmolStr;
use std::{fmt, str::FromStr};

/// A fault domain: a path of components, each under the rule for ids, separated by `/`.
///
/// At most [`limits::ID_BYTES_MAX`] bytes and [`limits::DOMAIN_LEVELS_MAX`] components.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(SmolStr);

/// How the pieces of a demand are spread over the domains of a level. An agent whose domain has
/// fewer levels, or that has none, gets no piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DomainSpread {
    /// Counted from the outside, 1 to [`limits::DOMAIN_LEVELS_MAX`].
    pub level: u8,
    /// How many pieces one domain may have.
    pub share: DomainShare,
}

/// How many pieces one domain may have, among those on offer or launched since the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DomainShare {
    /// At most so many; at least 1.
    AtMost(u32),
    /// Its equal part of all, rounded up, of the domains in which some agent that takes tasks meets
    /// the constraints.
    Even,
}

/// Why a text says nothing of a spread.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no spread: write `at most N per level L` or `even over level L`, L from 1")]
pub struct SpreadError {
    /// The text.
    pub text: String,
}

impl Domain {
    /// Checks the text: components separated by `/`.
    pub fn new(text: &str) -> Result<Self, IdError> {
        let (length_bytes, limit_bytes) = (text.len(), limits::ID_BYTES_MAX);
        if length_bytes > limit_bytes {
            return Err(IdError::TooLong { length_bytes, limit_bytes });
        }
        text.split('/').try_for_each(check_id)?;
        let (depth, limit) = (text.split('/').count(), limits::DOMAIN_LEVELS_MAX);
        match depth > limit {
            true => Err(IdError::TooDeep { depth, limit }),
            false => Ok(Self(SmolStr::new(text))),
        }
    }

    /// The whole path.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain of a level that it is in; `None` when it has fewer levels. The first is 1.
    pub fn at_level(&self, level: u8) -> Option<Domain> {
        let ends = self.0.match_indices('/').map(|(end, _)| end);
        let end = ends.chain([self.0.len()]).nth(usize::from(level).checked_sub(1)?)?;
        Some(Self(SmolStr::new(&self.0[..end])))
    }

    /// Whether it is the domain of this path or inside it.
    pub fn is_within(&self, path: &str) -> bool {
        let rest = self.0.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({:?})", self.0)
    }
}

impl FromStr for Domain {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl fmt::Display for DomainSpread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.share {
            DomainShare::AtMost(most) => write!(f, "at most {most} per level {}", self.level),
            DomainShare::Even => write!(f, "even over level {}", self.level),
        }
    }
}

impl FromStr for DomainSpread {
    type Err = SpreadError;
    fn from_str(text: &str) -> Result<Self, SpreadError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let read = |share, level: &str| {
            let level: u8 = level.parse().ok()?;
            let is_level = (1..=limits::DOMAIN_LEVELS_MAX).contains(&usize::from(level));
            is_level.then_some(Self { level, share })
        };
        let spread = match words[..] {
            ["at", "most", most, "per", "level", level] => {
                let most = most.parse().ok().filter(|most| *most > 0);
                most.and_then(|most| read(DomainShare::AtMost(most), level))
            }
            ["even", "over", "level", level] => read(DomainShare::Even, level),
            _ => None,
        };
        spread.ok_or_else(|| SpreadError { text: text.chars().take(60).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_within_those_outside_it() {
        let domain: Domain = "eu/eu-1/r7".parse().unwrap();
        assert!(["eu", "eu/eu-1", "eu/eu-1/r7"].iter().all(|path| domain.is_within(path)));
        assert!(["e", "eu/eu-", "eu-1", "eu/eu-1/r7/x"].iter().all(|path| !domain.is_within(path)));
        let at = |level| domain.at_level(level).map(|domain| domain.to_string());
        assert_eq!(
            (at(0), at(1).as_deref(), at(2).as_deref()),
            (None, Some("eu"), Some("eu/eu-1"))
        );
        assert_eq!((at(3).as_deref(), at(4)), (Some("eu/eu-1/r7"), None));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", "/", "eu/", "eu//r7", "eu/r 7", "eu/.."] {
            assert!(text.parse::<Domain>().is_err(), "{text}");
        }
        assert!(matches!("a/b/c/d/e/f/g/h/i".parse::<Domain>(), Err(IdError::TooDeep { .. })));
        assert!(matches!("x".repeat(129).parse::<Domain>(), Err(IdError::TooLong { .. })));
    }

    #[test]
    fn spreads_are_written_as_they_are_read() {
        for text in ["at most 3 per level 2", "even over level 1"] {
            assert_eq!(text.parse::<DomainSpread>().unwrap().to_string(), text);
        }
        for text in ["", "even", "even over level 0", "even over level 9", "at most 0 per level 1"]
        {
            assert!(text.parse::<DomainSpread>().is_err(), "{text}");
        }
    }
}
