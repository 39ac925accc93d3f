//! Commits that are not believed, and what is shown that is not.

use super::{accept, check, tasks::task};
use proto::{
    convert::{calls::*, shared::read_shared_state},
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit, limits},
    wire::v1,
};

const COARSE: i32 = v1::ConflictDetection::Coarse as i32;

fn version() -> Option<v1::AgentVersion> {
    Some(v1::AgentVersion { term: 1, number: 7 })
}

#[test]
fn commits() {
    let decided_on = v1::DecidedOn { agent_id: task().agent_id, version: version() };
    let good = v1::AcceptRequest {
        session: Some(v1::FrameworkSession { framework_id: "framework-1".to_owned(), epoch: 1 }),
        tasks: vec![task()],
        role: "eng/batch".to_owned(),
        conflict_detection: COARSE,
        decided_on: vec![decided_on],
        ..Default::default()
    };
    check(
        &good,
        read_accept,
        &[
            (|a| a.session = None, "session", Invalid),
            (|a| a.role = "eng/".to_owned(), "role", Invalid),
            (|a| a.role = "x".repeat(129), "role", Limit),
            (|a| a.offer_ids.push("offer-1-1".to_owned()), "role", Invalid),
            (|a| a.filters = Some(v1::Filters::default()), "filters", Invalid),
            (|a| a.tasks.clear(), "operations", Invalid),
            (|a| a.conflict_detection = 7, "conflict_detection", Invalid),
            (|a| a.decided_on.clear(), "decided_on", Invalid),
            (|a| a.decided_on[0].version = None, "decided_on[0].version", Invalid),
            (|a| a.decided_on[0].agent_id.clear(), "decided_on[0].agent_id", Invalid),
            (|a| a.decided_on.push(a.decided_on[0].clone()), "decided_on[1].agent_id", Invalid),
            (|a| a.decided_on = vec![v1::DecidedOn::default(); 1_001], "decided_on", Limit),
            (|a| a.request_id = "short".to_owned(), "request_id", Invalid),
            // What is of commits is of nothing else.
            (|a| a.role.clear(), "conflict_detection", Invalid),
            (|a| (a.role, a.conflict_detection) = (String::new(), 0), "decided_on", Invalid),
        ],
    );
    accept(
        &good,
        read_accept,
        &[
            |a| (a.conflict_detection, a.decided_on) = (0, Vec::new()),
            |a| a.conflict_detection = v1::ConflictDetection::Fine.into(),
            |a| a.partial = true,
        ],
    );
}

#[test]
fn shared_states() {
    let agent = v1::SharedAgent {
        agent_id: "a".to_owned(),
        version: version(),
        free: task().resources,
        description: Some(v1::SharedAgentDescription {
            hostname: "host".to_owned(),
            attributes: Vec::new(),
            domain: "eu/eu-1".to_owned(),
            total: task().resources,
        }),
        unavailability: None,
    };
    let good = v1::SharedState {
        role: "eng".to_owned(),
        agents: vec![agent],
        begins: true,
        complete: true,
        ended: false,
    };
    check(
        &good,
        read_shared_state,
        &[
            (|s| s.role.clear(), "role", Invalid),
            (|s| s.agents[0].agent_id.clear(), "agents[0].agent_id", Invalid),
            (|s| s.agents[0].version = None, "agents[0].version", Invalid),
            (|s| s.agents[0].free[0].value = None, "agents[0].free[0].value", Invalid),
            (
                |s| s.agents[0].description.as_mut().expect("there is one").hostname.push('\n'),
                "agents[0].description.hostname",
                Invalid,
            ),
            (
                |s| s.agents[0].description.as_mut().expect("there is one").domain.push('/'),
                "agents[0].description.domain",
                Invalid,
            ),
            (
                |s| s.agents[0].description.as_mut().expect("there is one").total[0].value = None,
                "agents[0].description.total[0].value",
                Invalid,
            ),
            (
                |s| {
                    let most = limits::SHARED_AGENTS_PER_MESSAGE_MAX;
                    s.agents = vec![v1::SharedAgent::default(); most + 1];
                },
                "agents",
                Limit,
            ),
        ],
    );
    accept(
        &good,
        read_shared_state,
        &[
            |s| s.agents.clear(),
            |s| s.agents[0].free.clear(),
            // As from a master that does not say so yet.
            |s| {
                let description = s.agents[0].description.as_mut().expect("there is one");
                (description.domain, description.total) = (String::new(), Vec::new());
            },
        ],
    );
}
