//! Typed identifiers: an agent's id cannot be passed where a task's is wanted.
//!
//! Text ids are 1 to 128 bytes of letters, digits and `. _ - : @ +`, so that they can stand in file
//! names, cgroup names, URIs, logs and terminals without escaping. They never start with a dot.

use super::limits;
use smol_str::SmolStr;
use std::{fmt, str::FromStr};

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// The text has more bytes than allowed.
    #[error("has {length_bytes} bytes, more than {limit_bytes}")]
    TooLong {
        /// Bytes in the text.
        length_bytes: usize,
        /// Bytes allowed.
        limit_bytes: usize,
    },
    /// A character that ids do not have.
    #[error(
        "has the character {character:?} at byte {position}; ids are letters, digits and . _ - : @ +"
    )]
    Character {
        /// The character.
        character: char,
        /// Where, in bytes from the start.
        position: usize,
    },
    /// A path with more components than allowed.
    #[error("has {depth} components, more than {limit}")]
    TooDeep {
        /// Components in the path.
        depth: usize,
        /// Components allowed.
        limit: usize,
    },
    /// Starts with a dot, which would hide or escape in a path.
    #[error("starts with a dot")]
    LeadingDot,
    /// Not of the form that this kind of id has.
    #[error("is not of the form {form}")]
    Form {
        /// The form wanted.
        form: &'static str,
    },
}

/// The module's rule.
pub(super) fn check_id(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > limits::ID_BYTES_MAX {
        return Err(IdError::TooLong {
            length_bytes: text.len(),
            limit_bytes: limits::ID_BYTES_MAX,
        });
    }
    // By bytes, since ids are read most of all; what is allowed has one byte each.
    let refused = |byte: u8| !byte.is_ascii_alphanumeric() && !b"._-:@+".contains(&byte);
    if let Some(position) = text.bytes().position(refused) {
        let character = text[position..].chars().next().expect("only whole characters are before");
        return Err(IdError::Character { character, position });
    }
    if text.starts_with('.') {
        return Err(IdError::LeadingDot);
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(SmolStr);

        impl $name {
            /// Checks the text; see the module's rule.
            pub fn new(text: &str) -> Result<Self, IdError> {
                check_id(text)?;
                Ok(Self(SmolStr::new(text)))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
    };
}

text_id!(
    /// Names one cluster; members, agents and logs of another are refused.
    ClusterId
);
text_id!(
    /// Names one agent: the id in its certificate.
    AgentId
);
text_id!(
    /// A task's id, chosen by its framework and unique within it.
    TaskId
);
text_id!(
    /// A task group's id, chosen by its framework and unique within it.
    GroupId
);
text_id!(
    /// Names an entry of a framework's demand, chosen by it and unique within its role.
    DemandId
);
text_id!(
    /// Who owns a framework: the id in its certificate.
    OwnerId
);
text_id!(
    /// Names a volume, chosen by whoever makes it and unique among those of its agent and role.
    VolumeName
);
text_id!(
    /// Chosen by a client so that a retried call finds the first one's answer.
    RequestId
);

/// A framework's id, given by the ledger: `framework-` and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameworkId(pub u64);

/// An offer's id: the term of the leader that made it, and a number within the term.
///
/// A new term voids every offer of the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId {
    /// Raft term of the leader that made the offer.
    pub term: u64,
    /// From 1 within the term.
    pub number: u64,
}

/// Raft's number of one master; 1 to 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// A task's full name: its framework and its id there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskKey {
    /// Whose task it is.
    pub framework: FrameworkId,
    /// Its id within the framework.
    pub task: TaskId,
}

/// A task group's full name: its framework and its id there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// Whose group it is.
    pub framework: FrameworkId,
    /// Its id within the framework.
    pub group: GroupId,
}

// === impl FrameworkId ===

impl fmt::Display for FrameworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "framework-{}", self.0)
    }
}

impl FromStr for FrameworkId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        text.strip_prefix("framework-")
            .and_then(canonical_number)
            .map(FrameworkId)
            .ok_or(IdError::Form { form: "framework-NUMBER" })
    }
}

// === impl OfferId ===

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offer-{}-{}", self.term, self.number)
    }
}

impl FromStr for OfferId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let parse = || {
            let (term, number) = text.strip_prefix("offer-")?.split_once('-')?;
            Some(OfferId { term: canonical_number(term)?, number: canonical_number(number)? })
        };
        parse().ok_or(IdError::Form { form: "offer-TERM-NUMBER" })
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for TaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.framework, self.task)
    }
}

impl fmt::Display for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.framework, self.group)
    }
}

/// Decimal digits without sign or leading zeros, so that every id has one spelling.
pub(super) fn canonical_number(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with(['0', '+']);
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_refuse_what_cannot_stand_in_a_path() {
        assert_eq!(TaskId::new(""), Err(IdError::Empty));
        assert_eq!(TaskId::new(".."), Err(IdError::LeadingDot));
        let control = TaskId::new("a\u{7}b");
        assert_eq!(control, Err(IdError::Character { character: '\u{7}', position: 1 }));
        assert!(matches!(TaskId::new("a/b"), Err(IdError::Character { character: '/', .. })));
        assert!(matches!(TaskId::new(&"x".repeat(129)), Err(IdError::TooLong { .. })));
        assert!(TaskId::new(&"x".repeat(128)).is_ok());
    }

    #[test]
    fn numbered_ids_have_one_spelling() {
        let offer = OfferId { term: 3, number: 17 };
        assert_eq!(offer.to_string().parse(), Ok(offer));
        for bad in ["offer-03-1", "offer-+3-1", "offer-3", "3-1", "offer--1-2", "offer-3-1-1"] {
            assert!(bad.parse::<OfferId>().is_err(), "{bad}");
        }
        assert_eq!("framework-7".parse(), Ok(FrameworkId(7)));
        assert!("framework-007".parse::<FrameworkId>().is_err());
    }
}
