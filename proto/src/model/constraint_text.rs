//! Constraints as people write them: `rack in r1,r2`, `hostname not in h7`, `generation >= 7.5`,
//! `ssd exists`, `gpu absent`.
//!
//! `hostname` and `id` are the agent's; `domain in eu/eu-1` is its fault domain, that one or one
//! inside it; `total cpus >= 8` is all that it has; every other name is an attribute's. What is
//! written out is read back as the same constraint, as long as no value has a comma or ends in
//! spaces.

use super::{
    demand::{Constraint, Rule, Subject},
    domain::Domain,
    ids::IdError,
    limits,
    resources::{Milli, ResourceError, ResourceName},
};
use std::{fmt, str::FromStr};

/// Why a text is not a constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// Not of any of the forms.
    #[error(
        "{text:?} is not a constraint: write `NAME in A,B`, `NAME not in A,B`, `NAME >= N`, \
         `NAME <= N`, `NAME exists` or `NAME absent`"
    )]
    Form {
        /// The text.
        text: String,
    },
    /// The name cannot be an attribute's.
    #[error("the name of the attribute is malformed")]
    Name(#[source] ResourceError),
    /// What is compared with is no number.
    #[error("the number is malformed")]
    Number(#[source] ResourceError),
    /// A host name, an id or a domain is compared with a number, a host name or an id asked for
    /// whether it is there, or an amount compared with texts.
    #[error(
        "{text:?} asks what cannot be asked; of a name use `in` or `not in`, of a total `>=` or `<=`"
    )]
    OfName {
        /// The text.
        text: String,
    },
    /// A value is no fault domain.
    #[error("the fault domain is malformed")]
    Domain(#[from] IdError),
    /// An empty value, or none.
    #[error("{text:?} has an empty value")]
    EmptyValue {
        /// The text.
        text: String,
    },
    /// More values than a constraint may have, or a longer one.
    #[error(
        "{text:?} has more than {} values, or one of more than {} bytes",
        limits::CONSTRAINT_VALUES_MAX,
        limits::TEXT_BYTES_MAX
    )]
    TooMuch {
        /// The beginning of the text.
        text: String,
    },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Attribute(name) => f.write_str(name),
            Subject::Hostname => f.write_str("hostname"),
            Subject::AgentId => f.write_str("id"),
            Subject::Domain => f.write_str("domain"),
            Subject::Total(name) => write!(f, "total {name}"),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = &self.subject;
        match &self.rule {
            Rule::Exists => write!(f, "{subject} exists"),
            Rule::Absent => write!(f, "{subject} absent"),
            Rule::In(values) => write!(f, "{subject} in {}", values.join(",")),
            Rule::NotIn(values) => write!(f, "{subject} not in {}", values.join(",")),
            Rule::AtLeast(number) => write!(f, "{subject} >= {number}"),
            Rule::AtMost(number) => write!(f, "{subject} <= {number}"),
        }
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        let form = || ConstraintError::Form { text: text.to_owned() };
        let (name, rest) = text.trim().split_once(char::is_whitespace).ok_or_else(form)?;
        let rest = rest.trim();
        // `total in a,b` is of an attribute with that name.
        let of_total = match read_rule(rest, text)? {
            None if name == "total" => rest.split_once(char::is_whitespace),
            _ => None,
        };
        let subject = match (name, of_total) {
            (_, Some((resource, _))) => {
                Subject::Total(ResourceName::new(resource).map_err(ConstraintError::Name)?)
            }
            ("hostname", _) => Subject::Hostname,
            ("id", _) => Subject::AgentId,
            ("domain", _) => Subject::Domain,
            (name, _) => {
                let name = ResourceName::new(name).map_err(ConstraintError::Name)?;
                Subject::Attribute(name.to_string())
            }
        };
        let rest = of_total.map_or(rest, |(_, rest)| rest.trim());
        let rule = read_rule(rest, text)?.ok_or_else(form)?;
        if !subject.allows(&rule) {
            return Err(ConstraintError::OfName { text: text.to_owned() });
        }
        if let (Subject::Domain, Rule::In(paths) | Rule::NotIn(paths)) = (&subject, &rule) {
            paths.iter().try_for_each(|path| path.parse::<Domain>().map(drop))?;
        }
        Ok(Constraint { subject, rule })
    }
}

fn read_rule(rule: &str, text: &str) -> Result<Option<Rule>, ConstraintError> {
    let number = |text: &str| text.trim().parse::<Milli>().map_err(ConstraintError::Number);
    let after = |words: &str| after_words(rule, words);
    Ok(Some(match rule {
        "exists" => Rule::Exists,
        "absent" => Rule::Absent,
        _ => {
            if let Some(rest) = rule.strip_prefix(">=") {
                Rule::AtLeast(number(rest)?)
            } else if let Some(rest) = rule.strip_prefix("<=") {
                Rule::AtMost(number(rest)?)
            } else if let Some(rest) = after("in") {
                Rule::In(values(rest, text)?)
            } else if let Some(rest) = after("not").and_then(|rest| after_words(rest, "in")) {
                Rule::NotIn(values(rest, text)?)
            } else {
                return Ok(None);
            }
        }
    }))
}

/// What comes after a word and the white space behind it.
fn after_words<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim())
}

fn values(list: &str, text: &str) -> Result<Vec<String>, ConstraintError> {
    let values: Vec<String> = list.split(',').map(|value| value.trim().to_owned()).collect();
    let is_long = |value: &String| value.len() > limits::TEXT_BYTES_MAX;
    if values.len() > limits::CONSTRAINT_VALUES_MAX || values.iter().any(is_long) {
        return Err(ConstraintError::TooMuch { text: text.chars().take(60).collect() });
    }
    match values.iter().any(String::is_empty) {
        true => Err(ConstraintError::EmptyValue { text: text.to_owned() }),
        false => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "rack in r1,r2",
            "rack not in r1",
            "hostname in h1.example",
            "id not in a-1,a-2",
            "generation >= 7.5",
            "generation <= 0",
            "ssd exists",
            "gpu absent",
            "domain in eu/eu-1,us",
            "domain not in eu",
            "domain exists",
            "total cpus >= 8",
            "total gpus <= 0",
            "total in many,few",
            "total >= 1",
        ] {
            let constraint: Constraint = text.parse().unwrap_or_else(|no| panic!("{text}: {no}"));
            assert_eq!(constraint.to_string(), text);
        }
        let spaced: Constraint = "  rack   not  in  r1 , r2 ".parse().unwrap();
        assert_eq!(spaced.to_string(), "rack not in r1,r2");
        let tight: Constraint = "generation >=7.5".parse().unwrap();
        assert_eq!(tight.rule, Rule::AtLeast(Milli(7_500)));
    }

    #[test]
    fn what_is_no_constraint_is_refused() {
        let refused = |text: &str| text.parse::<Constraint>().expect_err(text);
        for text in ["", "rack", "rack is r1", "rack inr1", "rack in", "rack not r1", "rack = r1"] {
            assert!(matches!(refused(text), ConstraintError::Form { .. }), "{text}");
        }
        assert!(matches!(refused("ra:ck in r1"), ConstraintError::Name(_)));
        assert!(matches!(refused("generation >= many"), ConstraintError::Number(_)));
        for text in ["hostname exists", "domain >= 1", "total cpus in 1", "total cpus exists"] {
            assert!(matches!(refused(text), ConstraintError::OfName { .. }), "{text}");
        }
        assert!(matches!(refused("domain in eu//r7"), ConstraintError::Domain(_)));
        assert!(matches!(refused("total c:pus >= 1"), ConstraintError::Name(_)));
        assert!(matches!(refused("rack in r1,,r2"), ConstraintError::EmptyValue { .. }));
        let many = format!("rack in {}", vec!["r"; 65].join(","));
        assert!(matches!(refused(&many), ConstraintError::TooMuch { .. }));
    }
}
