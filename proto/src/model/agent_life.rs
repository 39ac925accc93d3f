//! What operators direct about agents, and what frameworks are told of it: drains, deactivation,
//! maintenance windows, budgets of disruption.
//!
//! Times are lengths from when they are said: a window's start too, since no wall clock decides
//! anything. It does not know which agents there are.

use super::{
    agent::AgentInfo,
    ids::{IdError, canonical_number},
    limits,
    task::TaskInfo,
    time::Duration,
};
use std::{fmt, str::FromStr};

/// How an agent is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainPlan {
    /// Until then tasks end within their frameworks' budgets; then all that are left.
    pub deadline: Duration,
    /// No task gets longer than this between TERM and KILL; `None` leaves each its own.
    pub max_grace: Option<Duration>,
    /// Once it is empty, the agent is gone for good.
    pub mark_gone: bool,
}

/// What an operator directs about one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentDirective {
    /// No new tasks; what runs there runs on.
    Deactivate,
    /// New tasks again.
    Reactivate,
    /// No new tasks, and those that run there end.
    Drain(DrainPlan),
    /// What still runs there runs on.
    CancelDrain,
    /// It never comes back: its tasks are gone.
    DeclareGone,
}

/// When an agent will be away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailability {
    /// From now; zero when it has begun.
    pub starts_in: Duration,
    /// From then, or, when it has begun, what is left of it.
    pub duration: Duration,
    /// Whether tasks are ended when it begins; otherwise they run on, if the machine does.
    pub drains: bool,
}

/// What is to become of an agent that runs tasks of a framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentNotice {
    /// It is being emptied, at the latest from then on regardless of budgets.
    Draining {
        /// From now.
        deadline: Duration,
    },
    /// It will be away.
    Unavailable(Unavailability),
    /// It stays: the drain or the window was cancelled, or is over.
    Available,
}

/// Names one maintenance window: `window-` and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowId(pub u64);

/// Which agents: all of some conditions `name=value`, where the name is `id`, `hostname`, `domain`
/// (that fault domain or one inside it) or an attribute's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector(Vec<(String, String)>);

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// It would select everything.
    #[error("is empty; write name=value, such as rack=r1 or hostname=h1")]
    Empty,
    /// A part of another form.
    #[error("has the part {part:?}, which is not of the form name=value")]
    Form {
        /// The part.
        part: String,
    },
    /// More than anybody needs.
    #[error("has {count} conditions, more than {}", limits::SELECTOR_CONDITIONS_MAX)]
    Many {
        /// How many.
        count: usize,
    },
}

/// A maintenance window to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowPlan {
    /// Whose.
    pub selector: Selector,
    /// From now.
    pub starts_in: Duration,
    /// From then.
    pub duration: Duration,
    /// How agents are emptied when it begins; `None` leaves their tasks alone.
    pub drain: Option<DrainPlan>,
    /// For people.
    pub comment: String,
}

/// How many tasks of a framework the cluster may be ending at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisruptionBudget {
    /// Tasks with the same value of this label are a group, those without it another; `None` makes
    /// one group of all.
    pub label: Option<String>,
    /// Of one group; zero leaves all to the deadline.
    pub tasks_max: u32,
}

impl fmt::Display for WindowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "window-{}", self.0)
    }
}

impl FromStr for WindowId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let number = text.strip_prefix("window-").and_then(canonical_number);
        number.map(WindowId).ok_or(IdError::Form { form: "window-NUMBER" })
    }
}

impl Selector {
    /// Whether it names this agent.
    pub fn matches(&self, agent: &AgentInfo) -> bool {
        self.0.iter().all(|(name, value)| match name.as_str() {
            "id" => agent.id.as_str() == value,
            "hostname" => agent.hostname == *value,
            "domain" if agent.domain.is_some() => {
                agent.domain.as_ref().is_some_and(|domain| domain.is_within(value))
            }
            // An attribute shows as `name:value`.
            name => agent.attributes.iter().any(|attribute| {
                attribute.name == name && attribute.to_string()[name.len() + 1..] == **value
            }),
        })
    }
}

impl FromStr for Selector {
    type Err = SelectorError;
    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Err(SelectorError::Empty);
        }
        let count = text.split(',').count();
        if count > limits::SELECTOR_CONDITIONS_MAX {
            return Err(SelectorError::Many { count });
        }
        let read = |part: &str| {
            let form = || SelectorError::Form { part: part.to_owned() };
            let (name, value) = part.trim().split_once('=').ok_or_else(form)?;
            let is_odd = |text: &str| text.is_empty() || text.chars().any(char::is_control);
            match is_odd(name) || is_odd(value) {
                true => Err(form()),
                false => Ok((name.to_owned(), value.to_owned())),
            }
        };
        Ok(Self(text.split(',').map(read).collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

impl DisruptionBudget {
    /// The group of a task.
    pub fn group<'a>(&self, task: &'a TaskInfo) -> &'a str {
        let of = |wanted: &String| task.labels.iter().find(|(key, _)| key == wanted);
        self.label.as_ref().and_then(of).map_or("", |(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attribute, AttributeValue, Milli, Resources};

    fn agent() -> AgentInfo {
        let text = |name: &str, value: &str| Attribute {
            name: name.to_owned(),
            value: AttributeValue::Text(value.to_owned()),
        };
        let units = AttributeValue::Scalar(Milli(1_500));
        AgentInfo {
            reservations: Vec::new(),
            id: "a1".parse().expect("an id"),
            hostname: "h1.example".to_owned(),
            address: String::new(),
            resources: Resources::new(),
            attributes: vec![
                text("rack", "r1"),
                Attribute { name: "units".to_owned(), value: units },
            ],
            domain: None,
            version: String::new(),
        }
    }

    #[test]
    fn a_selector_wants_all_of_its_conditions() {
        let yes =
            ["rack=r1", "id=a1", "hostname=h1.example", "rack=r1,units=1.5", "id=a1, rack=r1"];
        let no = ["rack=r2", "rack=r", "rack=r11", "zone=r1", "id=a1,rack=r2", "id=a", "units=1"];
        for (texts, expected) in [(&yes[..], true), (&no[..], false)] {
            for text in texts {
                let selector: Selector = text.parse().expect("a selector");
                assert_eq!(selector.matches(&agent()), expected, "{text}");
                assert_eq!(selector.to_string().parse(), Ok(selector), "{text}");
            }
        }
    }

    #[test]
    fn what_selects_everything_or_nothing_is_no_selector() {
        assert_eq!("".parse::<Selector>(), Err(SelectorError::Empty));
        for text in ["rack", "=r1", "rack=", "rack=r1,", "a=b\u{7}"] {
            assert!(matches!(text.parse::<Selector>(), Err(SelectorError::Form { .. })), "{text}");
        }
        let many = vec!["a=b"; limits::SELECTOR_CONDITIONS_MAX + 1].join(",");
        assert!(matches!(many.parse::<Selector>(), Err(SelectorError::Many { .. })));
    }

    #[test]
    fn windows_have_one_spelling() {
        assert_eq!("window-7".parse(), Ok(WindowId(7)));
        assert!("window-07".parse::<WindowId>().is_err());
        assert_eq!(WindowId(7).to_string(), "window-7");
    }
}
