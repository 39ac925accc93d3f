//! What an operator says of an agent, for frameworks to choose by; never consumed.

use super::{ranges::Ranges, resources::Milli};
use std::fmt;

/// One attribute: `rack: r1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    /// Under the rule for resource names.
    pub name: String,
    /// Its value.
    pub value: AttributeValue,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttributeValue {
    /// Text, without control characters.
    Text(String),
    /// A number.
    Scalar(Milli),
    /// Several numbers.
    Ranges(Ranges),
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            AttributeValue::Text(text) => write!(f, "{}:{text}", self.name),
            AttributeValue::Scalar(milli) => write!(f, "{}:{milli}", self.name),
            AttributeValue::Ranges(ranges) => write!(f, "{}:{ranges}", self.name),
        }
    }
}
