//! What a framework says it wants: how many pieces of which shape, on which agents.
//!
//! A framework that has said so is offered that and nothing else; one that has not is offered
//! whatever it is its turn for, as Mesos does.

use super::{
    agent::AgentInfo,
    attributes::{Attribute, AttributeValue},
    domain::{Domain, DomainSpread},
    ids::DemandId,
    priority::Priority,
    resources::{Milli, ResourceName, Resources},
    time::Duration,
};

/// One entry of a framework's demand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedDemand {
    /// Chosen by the framework, unique within its role.
    pub id: DemandId,
    /// One piece. Amounts only; an amount of something that agents have by number, such as ports,
    /// means so many of them.
    pub shape: Resources,
    /// Pieces wanted, beyond what runs already; 1 to [`super::limits::DEMAND_PIECES_MAX`].
    pub count: u32,
    /// Every one must hold.
    pub constraints: Vec<Constraint>,
    /// Pieces on one agent at most; at least 1. `None` means any number.
    pub per_agent_max: Option<u32>,
    /// How the pieces are spread over fault domains; each level at most once.
    pub spread: Vec<DomainSpread>,
    /// All pieces at once or none (a gang), given up after this time; `None` means one by one.
    pub gang_timeout: Option<Duration>,
    /// Who goes first.
    pub priority: Priority,
    /// Also what is lent: what others are promised and do not use now.
    pub revocable: bool,
}

/// What an agent must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// What is looked at.
    pub subject: Subject,
    /// What it must be.
    pub rule: Rule,
}

/// What a constraint looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The agent's attributes of this name. An agent may have several.
    Attribute(String),
    /// The agent's host name.
    Hostname,
    /// The agent's id.
    AgentId,
    /// The agent's fault domain; names those that it is, or is inside of.
    Domain,
    /// All that the agent has of a resource.
    Total(ResourceName),
}

/// What it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// It is there.
    Exists,
    /// It is not there.
    Absent,
    /// One of these texts; of ranges, one of these numbers is in them.
    In(Vec<String>),
    /// There, and none of these; or not there.
    NotIn(Vec<String>),
    /// A number, and no less.
    AtLeast(Milli),
    /// A number, and no more.
    AtMost(Milli),
}

impl StatedDemand {
    /// The first constraint that the agent does not meet.
    pub fn unmet(&self, agent: &AgentInfo) -> Option<&Constraint> {
        self.constraints.iter().find(|constraint| !constraint.holds(agent))
    }
}

impl Constraint {
    /// Whether the agent is like that.
    pub fn holds(&self, agent: &AgentInfo) -> bool {
        let is_one_of = |texts: &[String], value: &str| texts.iter().any(|text| text == value);
        match (&self.subject, &self.rule) {
            (Subject::Attribute(name), rule) => {
                let mut own = agent.attributes.iter().filter(|attribute| attribute.name == *name);
                match rule {
                    Rule::Exists => own.next().is_some(),
                    Rule::Absent => own.next().is_none(),
                    Rule::In(texts) => own.any(|attribute| is_in(attribute, texts)),
                    Rule::NotIn(texts) => !own.any(|attribute| is_in(attribute, texts)),
                    Rule::AtLeast(least) => own.any(|own| number(own).is_some_and(|n| n >= *least)),
                    Rule::AtMost(most) => own.any(|own| number(own).is_some_and(|n| n <= *most)),
                }
            }
            (Subject::Hostname, rule) => text_is(&agent.hostname, rule, is_one_of),
            (Subject::AgentId, rule) => text_is(agent.id.as_str(), rule, is_one_of),
            (Subject::Domain, rule) => domain_is(agent.domain.as_ref(), rule),
            (Subject::Total(name), rule) => total_is(agent.resources.count(name), rule),
        }
    }
}

fn text_is(value: &str, rule: &Rule, is_one_of: impl Fn(&[String], &str) -> bool) -> bool {
    match rule {
        Rule::Exists => true,
        Rule::In(texts) => is_one_of(texts, value),
        Rule::NotIn(texts) => !is_one_of(texts, value),
        // A name is always there and never a number.
        Rule::Absent | Rule::AtLeast(_) | Rule::AtMost(_) => false,
    }
}

fn domain_is(domain: Option<&Domain>, rule: &Rule) -> bool {
    let is_in = |paths: &[String]| {
        paths.iter().any(|path| domain.is_some_and(|domain| domain.is_within(path)))
    };
    match rule {
        Rule::Exists => domain.is_some(),
        Rule::Absent => domain.is_none(),
        Rule::In(paths) => is_in(paths),
        Rule::NotIn(paths) => !is_in(paths),
        // A path is never a number.
        Rule::AtLeast(_) | Rule::AtMost(_) => false,
    }
}

fn total_is(total: Milli, rule: &Rule) -> bool {
    match rule {
        Rule::AtLeast(least) => total >= *least,
        Rule::AtMost(most) => total <= *most,
        // An amount is no text, and what an agent has not is an amount of zero.
        Rule::Exists | Rule::Absent | Rule::In(_) | Rule::NotIn(_) => false,
    }
}

impl Subject {
    /// Whether this can be asked of it.
    pub fn allows(&self, rule: &Rule) -> bool {
        match self {
            Subject::Attribute(_) => true,
            Subject::Hostname | Subject::AgentId => matches!(rule, Rule::In(_) | Rule::NotIn(_)),
            Subject::Domain => !matches!(rule, Rule::AtLeast(_) | Rule::AtMost(_)),
            Subject::Total(_) => matches!(rule, Rule::AtLeast(_) | Rule::AtMost(_)),
        }
    }
}

fn is_in(attribute: &Attribute, texts: &[String]) -> bool {
    texts.iter().any(|text| match &attribute.value {
        AttributeValue::Text(own) => own == text,
        AttributeValue::Scalar(own) => text.parse::<Milli>().is_ok_and(|milli| milli == *own),
        AttributeValue::Ranges(own) => text
            .parse::<u64>()
            .is_ok_and(|number| own.iter().any(|(begin, end)| (begin..=end).contains(&number))),
    })
}

fn number(attribute: &Attribute) -> Option<Milli> {
    match attribute.value {
        AttributeValue::Scalar(milli) => Some(milli),
        AttributeValue::Text(_) | AttributeValue::Ranges(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AgentId, Ranges};

    fn agent() -> AgentInfo {
        let attribute = |name: &str, value| Attribute { name: name.to_owned(), value };
        AgentInfo {
            reservations: Vec::new(),
            id: AgentId::new("a-1").unwrap(),
            hostname: "host-1".to_owned(),
            address: String::new(),
            resources: Resources::new(),
            attributes: vec![
                attribute("rack", AttributeValue::Text("r1".to_owned())),
                attribute("rack", AttributeValue::Text("backup".to_owned())),
                attribute("generation", AttributeValue::Scalar(Milli(7_500))),
                attribute("vlan", AttributeValue::Ranges(Ranges::new(vec![(10, 20)]).unwrap())),
            ],
            domain: None,
            version: String::new(),
        }
    }

    fn holds(subject: Subject, rule: Rule) -> bool {
        Constraint { subject, rule }.holds(&agent())
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn attributes_are_there_or_not() {
        let of = |name: &str| Subject::Attribute(name.to_owned());
        assert!(holds(of("rack"), Rule::Exists) && !holds(of("gpu"), Rule::Exists));
        assert!(!holds(of("rack"), Rule::Absent) && holds(of("gpu"), Rule::Absent));
    }

    #[test]
    fn one_of_several_values_is_enough_and_one_too_many() {
        let rack = || Subject::Attribute("rack".to_owned());
        assert!(holds(rack(), Rule::In(texts(&["r2", "backup"]))));
        assert!(!holds(rack(), Rule::In(texts(&["r2"]))));
        assert!(!holds(rack(), Rule::NotIn(texts(&["backup"]))));
        assert!(holds(Subject::Attribute("gpu".to_owned()), Rule::NotIn(texts(&["x"]))));
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let generation = || Subject::Attribute("generation".to_owned());
        assert!(holds(generation(), Rule::In(texts(&["7.50"]))));
        assert!(holds(generation(), Rule::AtLeast(Milli(7_500))));
        assert!(!holds(generation(), Rule::AtLeast(Milli(7_501))));
        assert!(holds(generation(), Rule::AtMost(Milli(7_500))));
        assert!(!holds(Subject::Attribute("rack".to_owned()), Rule::AtMost(Milli(7_500))));
        let vlan = || Subject::Attribute("vlan".to_owned());
        assert!(
            holds(vlan(), Rule::In(texts(&["20"]))) && !holds(vlan(), Rule::In(texts(&["21"])))
        );
    }

    #[test]
    fn names_are_texts_that_are_always_there() {
        assert!(holds(Subject::Hostname, Rule::In(texts(&["host-1"]))));
        assert!(!holds(Subject::Hostname, Rule::NotIn(texts(&["host-1"]))));
        assert!(holds(Subject::AgentId, Rule::Exists) && !holds(Subject::AgentId, Rule::Absent));
        assert!(!holds(Subject::AgentId, Rule::AtLeast(Milli(0))));
    }
}
