//! Demands that are not believed.

use super::{accept, check, texts};
use proto::{
    convert::calls::read_state_demand,
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1::{
        self, ConstraintSubject as Subject, constraint::Rule, constraint::Values,
        domain_spread::Share,
    },
};

fn amount(name: &str, milli: i64) -> v1::Resource {
    let value = Some(v1::resource::Value::Scalar(v1::Scalar { milli }));
    v1::Resource { name: name.to_owned(), value }
}

fn ports() -> v1::Resource {
    let ranges = vec![v1::Range { begin: 1, end: 2 }];
    let value = Some(v1::resource::Value::Ranges(v1::Ranges { ranges }));
    v1::Resource { name: "ports".to_owned(), value }
}

fn constraint(subject: Subject, attribute: &str, rule: Rule) -> v1::Constraint {
    let attribute = attribute.to_owned();
    v1::Constraint { subject: subject.into(), attribute, rule: Some(rule) }
}

fn values(values: Vec<String>) -> Values {
    Values { values }
}

fn spread(level: u32, share: Share) -> v1::DomainSpread {
    v1::DomainSpread { level, share: Some(share) }
}

fn good() -> v1::StateDemandRequest {
    let demand = v1::Demand {
        demand_id: "index".to_owned(),
        shape: vec![amount("cpus", 100), amount("mem", 32_000)],
        count: 3,
        constraints: vec![
            constraint(
                Subject::SubjectAttribute,
                "rack",
                Rule::OneOf(values(vec!["r1".to_owned()])),
            ),
            constraint(Subject::SubjectHostname, "", Rule::NoneOf(values(vec!["h1".to_owned()]))),
        ],
        per_agent_max: Some(1),
        spread: vec![spread(2, Share::AtMost(1)), spread(1, Share::Even(true))],
        gang_timeout_ms: Some(60_000),
        priority: Some(9),
        revocable: false,
    };
    let other = v1::Demand { demand_id: "merge".to_owned(), ..demand.clone() };
    let session = v1::FrameworkSession { framework_id: "framework-1".to_owned(), epoch: 1 };
    v1::StateDemandRequest {
        session: Some(session),
        role: "eng/batch".to_owned(),
        demands: vec![demand, other],
        plain: false,
    }
}

/// Devices by name: what is asked is an amount.
fn gpus() -> v1::Resource {
    let device = v1::devices::Device { device_id: "gpu0".to_owned(), milli: 500 };
    let value = v1::resource::Value::Devices(v1::Devices { devices: vec![device] });
    v1::Resource { name: "gpus".to_owned(), value: Some(value) }
}

#[test]
fn demands() {
    check(
        &good(),
        read_state_demand,
        &[
            (|r| r.session = None, "session", Invalid),
            (|r| r.role.clear(), "role", Invalid),
            (|r| r.role = "a/../b".to_owned(), "role", Invalid),
            (|r| r.plain = true, "plain", Invalid),
            (|r| r.demands = vec![r.demands[0].clone(); limits::DEMANDS_MAX + 1], "demands", Limit),
            (|r| r.demands[1].demand_id = "index".to_owned(), "demands[1].demand_id", Invalid),
            (|r| r.demands[1].demand_id.clear(), "demands[1].demand_id", Invalid),
            (|r| r.demands[1].demand_id = "x".repeat(129), "demands[1].demand_id", Limit),
            (|r| r.demands[0].shape.clear(), "demands[0].shape", Invalid),
            (|r| r.demands[0].shape = vec![amount("cpus", 0)], "demands[0].shape", Invalid),
            (|r| r.demands[0].shape.push(ports()), "demands[0].shape", Invalid),
            (|r| r.demands[0].shape.push(amount("gpus", 1_500)), "demands[0].shape", Invalid),
            (|r| r.demands[0].shape.push(gpus()), "demands[0].shape", Invalid),
            (
                |r| r.demands[0].shape.push(amount("gpus", -1)),
                "demands[0].shape[2].scalar",
                Invalid,
            ),
            (|r| r.demands[0].count = 0, "demands[0].count", Invalid),
            (|r| r.demands[0].count = limits::DEMAND_PIECES_MAX + 1, "demands[0].count", Limit),
            (|r| r.demands[0].per_agent_max = Some(0), "demands[0].per_agent_max", Invalid),
            (|r| r.demands[0].gang_timeout_ms = Some(0), "demands[0].gang_timeout_ms", Invalid),
            (
                |r| r.demands[0].gang_timeout_ms = Some(limits::GANG_TIMEOUT_MAX.as_ms() + 1),
                "demands[0].gang_timeout_ms",
                Limit,
            ),
            (|r| r.demands[1].priority = Some(10), "demands[1].priority", Invalid),
            (
                |r| r.demands[0].constraints = vec![r.demands[0].constraints[0].clone(); 33],
                "demands[0].constraints",
                Limit,
            ),
        ],
    );
    accept(
        &good(),
        read_state_demand,
        &[
            |r| r.demands.clear(),
            |r| {
                r.demands.clear();
                r.plain = true;
            },
            |r| r.demands[0].count = limits::DEMAND_PIECES_MAX,
            |r| r.demands[0].per_agent_max = None,
            |r| r.demands[0].priority = None,
            |r| r.demands[0].gang_timeout_ms = Some(limits::GANG_TIMEOUT_MAX.as_ms()),
        ],
    );
}

#[test]
fn spreads_over_domains() {
    check(
        &good(),
        read_state_demand,
        &[
            (|r| r.demands[1].spread[0].level = 0, "demands[1].spread[0].level", Invalid),
            (|r| r.demands[1].spread[0].level = 9, "demands[1].spread[0].level", Limit),
            (|r| r.demands[1].spread[0].level = 1, "demands[1].spread[1].level", Invalid),
            (|r| r.demands[1].spread[1].share = None, "demands[1].spread[1].share", Invalid),
            (
                |r| r.demands[1].spread[1] = spread(1, Share::Even(false)),
                "demands[1].spread[1].even",
                Invalid,
            ),
            (
                |r| r.demands[1].spread[1] = spread(1, Share::AtMost(0)),
                "demands[1].spread[1].at_most",
                Invalid,
            ),
            (
                |r| r.demands[1].spread = vec![spread(1, Share::Even(true)); 9],
                "demands[1].spread",
                Limit,
            ),
        ],
    );
    accept(&good(), read_state_demand, &[|r| r.demands[1].spread.clear()]);
}

/// Makes a constraint one of another subject.
fn ask(request: &mut v1::StateDemandRequest, subject: Subject, attribute: &str, rule: Rule) {
    request.demands[1].constraints[0] = constraint(subject, attribute, rule);
}

#[test]
fn domains_and_totals() {
    check(
        &good(),
        read_state_demand,
        &[
            (
                |r| ask(r, Subject::SubjectDomain, "zone", Rule::Exists(true)),
                "demands[1].constraints[0].attribute",
                Invalid,
            ),
            (
                |r| ask(r, Subject::SubjectDomain, "", Rule::AtLeastMilli(1)),
                "demands[1].constraints[0].at_least_milli",
                Invalid,
            ),
            (
                |r| {
                    let paths = values(vec!["eu".to_owned(), "eu//r7".to_owned()]);
                    ask(r, Subject::SubjectDomain, "", Rule::NoneOf(paths));
                },
                "demands[1].constraints[0].none_of.values[1]",
                Invalid,
            ),
            (
                |r| ask(r, Subject::SubjectTotal, "", Rule::AtLeastMilli(1)),
                "demands[1].constraints[0].attribute",
                Invalid,
            ),
            (
                |r| ask(r, Subject::SubjectTotal, "cpus", Rule::Exists(true)),
                "demands[1].constraints[0].exists",
                Invalid,
            ),
        ],
    );
    accept(
        &good(),
        read_state_demand,
        &[
            |r| ask(r, Subject::SubjectDomain, "", Rule::Exists(false)),
            |r| {
                let paths = values(vec!["eu/eu-1".to_owned()]);
                ask(r, Subject::SubjectDomain, "", Rule::OneOf(paths));
            },
            |r| ask(r, Subject::SubjectTotal, "licences", Rule::AtMostMilli(0)),
        ],
    );
}

/// Sets the rule of a constraint: the first is of an attribute, the second of the host name.
fn set(request: &mut v1::StateDemandRequest, index: usize, rule: Rule) {
    request.demands[1].constraints[index].rule = Some(rule);
}

#[test]
fn subjects_of_constraints() {
    check(
        &good(),
        read_state_demand,
        &[
            (
                |r| r.demands[1].constraints[0].subject = 0,
                "demands[1].constraints[0].subject",
                Invalid,
            ),
            (
                |r| r.demands[1].constraints[0].subject = 9,
                "demands[1].constraints[0].subject",
                Invalid,
            ),
            (
                |r| r.demands[1].constraints[0].attribute.clear(),
                "demands[1].constraints[0].attribute",
                Invalid,
            ),
            (
                |r| r.demands[1].constraints[1].attribute.push('x'),
                "demands[1].constraints[1].attribute",
                Invalid,
            ),
        ],
    );
}

#[test]
fn rules_of_constraints() {
    check(
        &good(),
        read_state_demand,
        &[
            (
                |r| r.demands[1].constraints[0].rule = None,
                "demands[1].constraints[0].rule",
                Invalid,
            ),
            (
                |r| set(r, 0, Rule::OneOf(values(vec![]))),
                "demands[1].constraints[0].one_of.values",
                Invalid,
            ),
            (
                |r| set(r, 0, Rule::NoneOf(values(texts(65, |n| n.to_string())))),
                "demands[1].constraints[0].none_of.values",
                Limit,
            ),
            (
                |r| set(r, 0, Rule::OneOf(values(vec!["a".to_owned(), "b\u{7}".to_owned()]))),
                "demands[1].constraints[0].one_of.values[1]",
                Invalid,
            ),
            (
                |r| set(r, 0, Rule::AtLeastMilli(-1)),
                "demands[1].constraints[0].at_least_milli",
                Invalid,
            ),
            (
                |r| set(r, 0, Rule::AtMostMilli(limits::MILLI_MAX + 1)),
                "demands[1].constraints[0].at_most_milli",
                Invalid,
            ),
            (
                |r| set(r, 1, Rule::AtLeastMilli(1)),
                "demands[1].constraints[1].at_least_milli",
                Invalid,
            ),
            (|r| set(r, 1, Rule::Exists(false)), "demands[1].constraints[1].exists", Invalid),
        ],
    );
    accept(
        &good(),
        read_state_demand,
        &[
            |r| set(r, 0, Rule::Exists(false)),
            |r| set(r, 0, Rule::AtMostMilli(0)),
            |r| r.demands[1].constraints[0].attribute = "hostname".to_owned(),
            |r| r.demands[1].constraints.clear(),
        ],
    );
}
