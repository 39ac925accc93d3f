//! Frameworks' calls, and the events that they hear.

use super::{
    accept, check,
    tasks::{grace_ms, status, task},
    texts,
};
use proto::{
    convert::{calls::*, framework::read_framework_info, offer::read_offer},
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1::{self, event::Event},
};

fn session() -> Option<v1::FrameworkSession> {
    Some(v1::FrameworkSession { framework_id: "framework-1".to_owned(), epoch: 1 })
}

fn filters() -> Option<v1::Filters> {
    Some(v1::Filters { refuse_ms: Some(1), ..Default::default() })
}

fn offer_ids(count: usize) -> Vec<String> {
    texts(count, |index| format!("offer-1-{index}"))
}

fn framework() -> v1::FrameworkInfo {
    v1::FrameworkInfo {
        name: "a framework".to_owned(),
        roles: vec!["*".to_owned(), "eng/batch".to_owned()],
        failover_timeout_ms: limits::FAILOVER_TIMEOUT_MAX.as_ms(),
        labels: Vec::new(),
        disruption_budget: None,
        offer_terms: Vec::new(),
    }
}

#[test]
fn frameworks() {
    check(
        &framework(),
        read_framework_info,
        &[
            (|f| f.name.push('\n'), "name", Invalid),
            (|f| f.roles.clear(), "roles", Invalid),
            (|f| f.roles[1] = "/".to_owned(), "roles[1]", Invalid),
            (|f| f.roles[1] = "a/../b".to_owned(), "roles[1]", Invalid),
            (|f| f.roles[1] = "x".repeat(129), "roles[1]", Limit),
            (|f| f.roles[1] = "a/b/c/d/e/f/g/h/i".to_owned(), "roles[1]", Limit),
            (|f| f.roles[1] = "*".to_owned(), "roles[1]", Invalid),
            (|f| f.roles = texts(17, |n| format!("r{n}")), "roles", Limit),
            (|f| f.failover_timeout_ms += 1, "failover_timeout_ms", Limit),
            (|f| f.labels.push(v1::Label::default()), "labels[0].key", Invalid),
        ],
    );
    accept(
        &framework(),
        read_framework_info,
        &[
            |f| f.roles = texts(limits::FRAMEWORK_ROLES_MAX, |n| format!("r{n}")),
            |f| f.failover_timeout_ms = 0,
        ],
    );
}

fn terms(framework: &mut v1::FrameworkInfo) -> &mut v1::OfferTerms {
    framework.offer_terms.last_mut().expect("it has some")
}

#[test]
fn offer_terms() {
    let amount = |name: &str| {
        let value = Some(v1::resource::Value::Scalar(v1::Scalar { milli: 1 }));
        v1::Resource { name: name.to_owned(), value }
    };
    let constraint = v1::Constraint {
        subject: v1::ConstraintSubject::SubjectAttribute.into(),
        attribute: "rack".to_owned(),
        rule: Some(v1::constraint::Rule::Exists(true)),
    };
    let group = v1::OfferGroup { constraints: vec![constraint], offered: vec![amount("gpus")] };
    let size = v1::OfferSize { resources: vec![amount("cpus")] };
    let of = |role: &str| v1::OfferTerms {
        role: role.to_owned(),
        groups: vec![group.clone()],
        least: vec![size.clone()],
        revocable: false,
    };
    let offer_terms = vec![of("*"), of("eng/batch")];
    let good = v1::FrameworkInfo { offer_terms, ..framework() };
    check(
        &good,
        read_framework_info,
        &[
            (|f| terms(f).role.clear(), "offer_terms[1].role", Invalid),
            (|f| terms(f).role = "eng".to_owned(), "offer_terms[1].role", Invalid),
            (|f| terms(f).role = "*".to_owned(), "offer_terms[1].role", Invalid),
            (|f| f.offer_terms = vec![f.offer_terms[0].clone(); 17], "offer_terms", Limit),
            (
                |f| terms(f).groups = vec![terms(f).groups[0].clone(); 33],
                "offer_terms[1].groups",
                Limit,
            ),
            (
                |f| terms(f).groups[0] = v1::OfferGroup::default(),
                "offer_terms[1].groups[0].constraints",
                Invalid,
            ),
            (
                |f| terms(f).groups[0].constraints[0].rule = None,
                "offer_terms[1].groups[0].constraints[0].rule",
                Invalid,
            ),
            (
                |f| terms(f).groups[0].offered[0].value = None,
                "offer_terms[1].groups[0].offered[0].value",
                Invalid,
            ),
            (|f| terms(f).least[0].resources.clear(), "offer_terms[1].least[0].resources", Invalid),
            (
                |f| terms(f).least = vec![terms(f).least[0].clone(); 9],
                "offer_terms[1].least",
                Limit,
            ),
        ],
    );
    accept(
        &good,
        read_framework_info,
        &[
            |f| f.offer_terms.reverse(),
            |f| terms(f).groups[0].offered.clear(),
            |f| terms(f).groups[0].constraints.clear(),
            |f| terms(f).groups.clear(),
            |f| terms(f).least.clear(),
        ],
    );
}

#[test]
fn subscriptions() {
    let good = v1::SubscribeRequest {
        framework: Some(framework()),
        framework_id: String::new(),
        request_id: "request-01234567".to_owned(),
        suppressed_roles: vec!["eng/batch".to_owned()],
    };
    check(
        &good,
        read_subscribe,
        &[
            (|s| s.framework = None, "framework", Invalid),
            (
                |s| s.framework.as_mut().expect("it has one").roles.clear(),
                "framework.roles",
                Invalid,
            ),
            (|s| s.framework_id = "framework-x".to_owned(), "framework_id", Invalid),
            (|s| s.request_id.clear(), "request_id", Invalid),
            (|s| s.request_id = "x".repeat(15), "request_id", Invalid),
            (|s| s.request_id = "x".repeat(65), "request_id", Limit),
            (|s| s.request_id = " ".repeat(16), "request_id", Invalid),
            (|s| s.suppressed_roles.push("eng".to_owned()), "suppressed_roles[1]", Invalid),
            (|s| s.suppressed_roles.push("eng/batch".to_owned()), "suppressed_roles[1]", Invalid),
            (|s| s.suppressed_roles.push(String::new()), "suppressed_roles[1]", Invalid),
            (|s| s.suppressed_roles = texts(17, |n| format!("r{n}")), "suppressed_roles", Limit),
        ],
    );
    accept(
        &good,
        read_subscribe,
        &[
            |s| s.framework_id = "framework-7".to_owned(),
            |s| s.request_id = "x".repeat(16),
            |s| s.request_id = "x".repeat(64),
            |s| s.suppressed_roles.clear(),
        ],
    );
}

#[test]
fn accepts() {
    let good = v1::AcceptRequest {
        session: session(),
        offer_ids: offer_ids(2),
        tasks: vec![task(), v1::TaskInfo { task_id: "task-2".to_owned(), ..task() }],
        filters: filters(),
        request_id: "request-01234567".to_owned(),
        ..Default::default()
    };
    check(
        &good,
        read_accept,
        &[
            (|a| a.session = None, "session", Invalid),
            (
                |a| a.session.as_mut().expect("it has one").framework_id.clear(),
                "session.framework_id",
                Invalid,
            ),
            (|a| a.offer_ids.clear(), "offer_ids", Invalid),
            (|a| a.offer_ids[1] = "offer-1".to_owned(), "offer_ids[1]", Invalid),
            (|a| a.offer_ids[1] = "offer-1-0".to_owned(), "offer_ids[1]", Invalid),
            (|a| a.offer_ids = offer_ids(1_001), "offer_ids", Limit),
            (|a| a.tasks[1].task_id = "task-1".to_owned(), "tasks[1].task_id", Invalid),
            (|a| a.tasks[1].resources[0].value = None, "tasks[1].resources[0].value", Invalid),
            (|a| a.tasks[1].command = None, "tasks[1].command", Invalid),
            (|a| a.tasks = vec![v1::TaskInfo::default(); 1_001], "tasks", Limit),
            (|a| a.operations.push(v1::Operation::default()), "operations", Invalid),
            (|a| a.request_id = "short".to_owned(), "request_id", Invalid),
            (|a| a.request_id = "x".repeat(65), "request_id", Limit),
        ],
    );
    accept(
        &good,
        read_accept,
        &[
            |a| a.offer_ids = offer_ids(limits::OFFERS_PER_CALL_MAX),
            |a| a.tasks.clear(),
            |a| a.filters = None,
            |a| a.request_id.clear(),
        ],
    );
}

#[test]
fn declines_and_kills() {
    let decline =
        v1::DeclineRequest { session: session(), offer_ids: offer_ids(1), filters: filters() };
    check(
        &decline,
        read_decline,
        &[
            (|d| d.session = None, "session", Invalid),
            (|d| d.offer_ids.clear(), "offer_ids", Invalid),
            (|d| d.offer_ids.push("offer-1-0".to_owned()), "offer_ids[1]", Invalid),
            (|d| d.offer_ids = offer_ids(1_001), "offer_ids", Limit),
        ],
    );
    let kill =
        v1::KillRequest { session: session(), task_id: "task".to_owned(), ..Default::default() };
    check(
        &kill,
        read_kill,
        &[
            (|k| k.session = None, "session", Invalid),
            (|k| k.task_id.clear(), "task_id", Invalid),
            (|k| k.kill_policy = Some(grace_ms(3_600_001)), "kill_policy.grace_period_ms", Limit),
        ],
    );
}

#[test]
fn acknowledgements_and_reconciliations() {
    let entry = v1::Acknowledgement { task_id: "task".to_owned(), sequence: 1 };
    let good =
        v1::AcknowledgeRequest { session: session(), acknowledgements: vec![entry.clone(), entry] };
    check(
        &good,
        read_acknowledge,
        &[
            (|a| a.session = None, "session", Invalid),
            (|a| a.acknowledgements.clear(), "acknowledgements", Invalid),
            (|a| a.acknowledgements[1].task_id.clear(), "acknowledgements[1].task_id", Invalid),
            (|a| a.acknowledgements[1].sequence = 0, "acknowledgements[1].sequence", Invalid),
            (
                |a| a.acknowledgements = vec![a.acknowledgements[0].clone(); 10_001],
                "acknowledgements",
                Limit,
            ),
        ],
    );
    let good = v1::ReconcileRequest { session: session(), task_ids: vec!["task".to_owned()] };
    check(
        &good,
        read_reconcile,
        &[
            (|r| r.session = None, "session", Invalid),
            (|r| r.task_ids[0].clear(), "task_ids[0]", Invalid),
            (|r| r.task_ids = texts(10_001, |n| n.to_string()), "task_ids", Limit),
        ],
    );
    accept(&good, read_reconcile, &[|r| r.task_ids.clear()]);
}

#[test]
fn roles_and_teardowns() {
    let suppress = v1::SuppressRequest { session: session(), roles: vec!["a".to_owned()] };
    check(
        &suppress,
        read_suppress,
        &[
            (|s| s.session = None, "session", Invalid),
            (|s| s.roles.push("a".to_owned()), "roles[1]", Invalid),
            (|s| s.roles.push("a b".to_owned()), "roles[1]", Invalid),
            (|s| s.roles = texts(17, |n| format!("r{n}")), "roles", Limit),
        ],
    );
    accept(&suppress, read_suppress, &[|s| s.roles.clear()]);
    let revive = v1::ReviveRequest { session: session(), roles: vec!["a".to_owned()] };
    check(
        &revive,
        read_revive,
        &[
            (|r| r.session = None, "session", Invalid),
            (|r| r.roles.push("a".to_owned()), "roles[1]", Invalid),
            (|r| r.roles = texts(17, |n| format!("r{n}")), "roles", Limit),
        ],
    );
    let clear = v1::ClearFiltersRequest { session: session(), roles: vec!["a".to_owned()] };
    check(
        &clear,
        read_clear_filters,
        &[
            (|c| c.session = None, "session", Invalid),
            (|c| c.roles.push("a".to_owned()), "roles[1]", Invalid),
            (|c| c.roles.push(String::new()), "roles[1]", Invalid),
            (|c| c.roles = texts(17, |n| format!("r{n}")), "roles", Limit),
        ],
    );
    accept(&clear, read_clear_filters, &[|c| c.roles.clear()]);
    check(
        &v1::TeardownRequest { session: session() },
        read_teardown,
        &[
            (|t| t.session = None, "session", Invalid),
            (
                |t| t.session.as_mut().expect("it has one").framework_id.push('x'),
                "session.framework_id",
                Invalid,
            ),
        ],
    );
}

fn offer() -> v1::Offer {
    v1::Offer {
        reserved: Vec::new(),
        offer_id: "offer-1-1".to_owned(),
        framework_id: "framework-1".to_owned(),
        role: "*".to_owned(),
        agent_id: "agent-1".to_owned(),
        hostname: "host-1".to_owned(),
        resources: task().resources,
        attributes: Vec::new(),
        expires_in_ms: 0,
        unavailability: None,
        domain: "eu/eu-1".to_owned(),
        pieces: Vec::new(),
        revocable: false,
        volumes: Vec::new(),
    }
}

#[test]
fn offers() {
    check(
        &offer(),
        read_offer,
        &[
            (|o| o.domain.push('/'), "domain", Invalid),
            (|o| o.offer_id.clear(), "offer_id", Invalid),
            (|o| o.framework_id.clear(), "framework_id", Invalid),
            (|o| o.role.clear(), "role", Invalid),
            (|o| o.agent_id.clear(), "agent_id", Invalid),
            (|o| o.hostname = "x".repeat(256), "hostname", Limit),
            (|o| o.resources[0].value = None, "resources[0].value", Invalid),
            (|o| o.attributes.push(v1::Attribute::default()), "attributes[0].name", Invalid),
        ],
    );
}

#[test]
fn events() {
    let subscribed = v1::Subscribed {
        framework_id: "framework-1".to_owned(),
        epoch: 1,
        heartbeat_interval_ms: 1,
        cluster_id: "test".to_owned(),
        term: 3,
    };
    let read = |it| read_event(v1::Event { event: Some(Event::Subscribed(it)) });
    check(
        &subscribed,
        read,
        &[
            (|s| s.framework_id.clear(), "subscribed.framework_id", Invalid),
            (|s| s.heartbeat_interval_ms = 0, "subscribed.heartbeat_interval_ms", Invalid),
            (|s| s.cluster_id.clear(), "subscribed.cluster_id", Invalid),
        ],
    );
    let heartbeat = v1::Event { event: Some(Event::Heartbeat(v1::event::Heartbeat {})) };
    check(
        &heartbeat,
        read_event,
        &[
            (|e| e.event = None, "event", Invalid),
            (
                |e| {
                    let offers = vec![offer(), v1::Offer::default()];
                    e.event = Some(Event::Offers(v1::event::Offers { offers }));
                },
                "offers.offers[1].offer_id",
                Invalid,
            ),
            (
                |e| {
                    let offer_ids = vec![String::new()];
                    e.event = Some(Event::Rescind(v1::event::Rescind { offer_ids }));
                },
                "rescind.offer_ids[0]",
                Invalid,
            ),
            (
                |e| e.event = Some(Event::Update(v1::event::Update { status: None })),
                "update.status",
                Invalid,
            ),
            (
                |e| {
                    let status = Some(v1::TaskStatus { state: 0, ..status() });
                    e.event = Some(Event::Update(v1::event::Update { status }));
                },
                "update.status.state",
                Invalid,
            ),
            (
                |e| e.event = Some(Event::Failure(v1::event::Failure::default())),
                "failure.agent_id",
                Invalid,
            ),
            (
                |e| e.event = Some(Event::Error(v1::event::Error { refusal: None })),
                "error.refusal",
                Invalid,
            ),
        ],
    );
}
