//! What frameworks want, and what of it an offer is for.

use super::{
    domain::{read_spread, write_spread},
    form::{self, Read},
    preemption::{read_priority, write_priority},
    resources::{read_name, read_resources, write_resources},
    text,
};
use crate::model::{
    Constraint, DemandId, Domain, Duration, Milli, Refusal, ResourceName, Resources, StatedDemand,
    Value,
    demand::{Rule, Subject},
    devices::Ask,
    limits,
};
use crate::wire::v1::{self, ConstraintSubject, constraint as wire};

/// Reads all that a framework wants in a role.
pub fn read_demands(list: Vec<v1::Demand>) -> Result<Vec<StatedDemand>, Refusal> {
    let demands = form::each("demands", list, limits::DEMANDS_MAX, read_demand)?;
    form::distinct(&demands, |demand| &demand.id, |index| format!("demands[{index}].demand_id"))?;
    Ok(demands)
}

/// Reads one demand.
pub fn read_demand(demand: v1::Demand) -> Result<StatedDemand, Refusal> {
    let constraints = demand.constraints;
    Ok(StatedDemand {
        id: form::id("demand_id", &demand.demand_id)?,
        shape: read_shape("shape", demand.shape)?,
        count: read_count("count", demand.count)?,
        constraints: form::each(
            "constraints",
            constraints,
            limits::CONSTRAINTS_MAX,
            read_constraint,
        )?,
        per_agent_max: demand
            .per_agent_max
            .map(|most| positive("per_agent_max", most))
            .transpose()?,
        spread: read_spread(demand.spread)?,
        gang_timeout: demand.gang_timeout_ms.map(read_gang_timeout).transpose()?,
        priority: read_priority(demand.priority)?,
        revocable: demand.revocable,
    })
}

/// Writes one demand.
pub fn write_demand(demand: &StatedDemand) -> v1::Demand {
    v1::Demand {
        demand_id: demand.id.to_string(),
        shape: write_resources(&demand.shape),
        count: demand.count,
        constraints: demand.constraints.iter().map(write_constraint).collect(),
        per_agent_max: demand.per_agent_max,
        spread: demand.spread.iter().map(write_spread).collect(),
        gang_timeout_ms: demand.gang_timeout.map(Duration::as_ms),
        priority: write_priority(demand.priority),
        revocable: demand.revocable,
    }
}

/// Reads what an offer is for.
pub fn read_pieces(pieces: v1::DemandPieces) -> Result<(DemandId, u32), Refusal> {
    Ok((form::id("demand_id", &pieces.demand_id)?, read_count("count", pieces.count)?))
}

/// Writes what an offer is for.
pub fn write_pieces((demand, count): &(DemandId, u32)) -> v1::DemandPieces {
    v1::DemandPieces { demand_id: demand.to_string(), count: *count }
}

/// Reads what an agent must be like.
pub fn read_constraint(constraint: v1::Constraint) -> Result<Constraint, Refusal> {
    let subject = read_subject(constraint.subject, &constraint.attribute)?;
    let rule = read_rule(form::required("rule", constraint.rule)?)?;
    if !subject.allows(&rule) {
        let problem = match subject {
            Subject::Total(_) => {
                "cannot be asked of an amount; use at_least_milli or at_most_milli"
            }
            _ => "cannot be asked of a name; use one_of or none_of",
        };
        return Err(Refusal::invalid(rule_field(&rule), problem));
    }
    if let (Subject::Domain, Rule::In(paths) | Rule::NotIn(paths)) = (&subject, &rule) {
        let place = |index| format!("{}.values[{index}]", rule_field(&rule));
        let mut paths = paths.iter().enumerate();
        paths.try_for_each(|(index, path)| form::id::<Domain>(&place(index), path).map(drop))?;
    }
    Ok(Constraint { subject, rule })
}

/// Writes what an agent must be like.
pub fn write_constraint(constraint: &Constraint) -> v1::Constraint {
    let (subject, attribute) = match &constraint.subject {
        Subject::Attribute(name) => (ConstraintSubject::SubjectAttribute, name.clone()),
        Subject::Hostname => (ConstraintSubject::SubjectHostname, String::new()),
        Subject::AgentId => (ConstraintSubject::SubjectAgentId, String::new()),
        Subject::Domain => (ConstraintSubject::SubjectDomain, String::new()),
        Subject::Total(name) => (ConstraintSubject::SubjectTotal, name.to_string()),
    };
    let rule = match &constraint.rule {
        Rule::Exists => wire::Rule::Exists(true),
        Rule::Absent => wire::Rule::Exists(false),
        Rule::In(values) => wire::Rule::OneOf(wire::Values { values: values.clone() }),
        Rule::NotIn(values) => wire::Rule::NoneOf(wire::Values { values: values.clone() }),
        Rule::AtLeast(Milli(milli)) => wire::Rule::AtLeastMilli(*milli),
        Rule::AtMost(Milli(milli)) => wire::Rule::AtMostMilli(*milli),
    };
    v1::Constraint { subject: subject.into(), attribute, rule: Some(rule) }
}

/// Reads amounts, at least one.
pub(super) fn read_shape(field: &str, list: Vec<v1::Resource>) -> Read<Resources> {
    let shape = read_resources(list).map_err(|no| no.under(field))?;
    if shape.is_empty() {
        return Err(Refusal::invalid(field, "is empty"));
    }
    let other = shape.iter().find(|(_, value)| !matches!(value, Value::Scalar(_)));
    if let Some((name, _)) = other {
        let problem = format!("{name} is not an amount; say how many");
        return Err(Refusal::invalid(field, problem));
    }
    let gpus = shape.scalar(&ResourceName::GPUS);
    if Ask::of(gpus).is_none() {
        let problem = format!(
            "{gpus} gpus are neither a part of one nor whole ones; ask for less than 1 or for 1, 2, …"
        );
        return Err(Refusal::invalid("shape", problem));
    }
    Ok(shape)
}

fn positive(field: &str, count: u32) -> Read<u32> {
    match count {
        0 => Err(Refusal::invalid(field, "is zero")),
        _ => Ok(count),
    }
}

fn read_count(field: &str, count: u32) -> Read<u32> {
    let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    form::at_most(field, size(count), size(limits::DEMAND_PIECES_MAX))?;
    positive(field, count)
}

fn read_gang_timeout(ms: u64) -> Read<Duration> {
    let field = "gang_timeout_ms";
    form::interval(field, ms)?;
    form::duration(field, ms, limits::GANG_TIMEOUT_MAX)
}

fn read_subject(subject: i32, attribute: &str) -> Read<Subject> {
    let subject = ConstraintSubject::try_from(subject)
        .map_err(|_| Refusal::invalid("subject", "is not known here"))?;
    let name = || read_name(attribute).map_err(|no| Refusal::invalid("attribute", no.message));
    match (subject, attribute.is_empty()) {
        (ConstraintSubject::Unspecified, _) => Err(Refusal::invalid("subject", "is missing")),
        (ConstraintSubject::SubjectAttribute, _) => Ok(Subject::Attribute(name()?.to_string())),
        (ConstraintSubject::SubjectTotal, _) => Ok(Subject::Total(name()?)),
        (_, false) => Err(Refusal::invalid("attribute", "is not what is looked at")),
        (ConstraintSubject::SubjectHostname, true) => Ok(Subject::Hostname),
        (ConstraintSubject::SubjectAgentId, true) => Ok(Subject::AgentId),
        (ConstraintSubject::SubjectDomain, true) => Ok(Subject::Domain),
    }
}

fn read_rule(rule: wire::Rule) -> Read<Rule> {
    let number = |field: &str, milli: i64| match Milli(milli) {
        milli if milli.is_amount() => Ok(milli),
        Milli(milli) => {
            let limit = limits::MILLI_MAX;
            let problem = format!("is {milli} thousandths; the range is 0 to {limit}");
            Err(Refusal::invalid(field, problem))
        }
    };
    Ok(match rule {
        wire::Rule::Exists(true) => Rule::Exists,
        wire::Rule::Exists(false) => Rule::Absent,
        wire::Rule::OneOf(list) => Rule::In(read_values("one_of.values", list)?),
        wire::Rule::NoneOf(list) => Rule::NotIn(read_values("none_of.values", list)?),
        wire::Rule::AtLeastMilli(milli) => Rule::AtLeast(number("at_least_milli", milli)?),
        wire::Rule::AtMostMilli(milli) => Rule::AtMost(number("at_most_milli", milli)?),
    })
}

fn read_values(field: &str, list: wire::Values) -> Read<Vec<String>> {
    let values = form::some(field, list.values)?;
    form::each(field, values, limits::CONSTRAINT_VALUES_MAX, |value| text::read_line("", value))
}

fn rule_field(rule: &Rule) -> &'static str {
    match rule {
        Rule::Exists | Rule::Absent => "exists",
        Rule::In(_) => "one_of",
        Rule::NotIn(_) => "none_of",
        Rule::AtLeast(_) => "at_least_milli",
        Rule::AtMost(_) => "at_most_milli",
    }
}
