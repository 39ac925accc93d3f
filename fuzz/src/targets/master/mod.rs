//! Whatever frameworks, agents and operators say to a master, in any order.
//!
//! An input is a list of steps: calls as messages, streams that open and close, time, a restart.
//! Callers may lie; a step can also be made to mean what is so (`HONEST`), since lies alone do not
//! get far. After each step the ledger's invariants hold, and the effects are bounded; each call is
//! answered once; what was logged can be read by the next leader, who knows the same tasks.

mod world;

use super::{kind_of, part};
use crate::{
    schema::Inventor,
    wire::{self, Field, varint},
};
use master::testing::OPERATOR_CALLS;
use prost::Message as _;
use proto::{
    convert::{body::read_body, calls, orders},
    model::{AgentCall, AgentId, AgentInfo, Refusal, SchedulerCall, Session},
};
use world::World;

/// Steps of one input that are taken, at most.
const STEPS_MAX: usize = 40;

const TICK: usize = 0;
const SUBSCRIBE: usize = 1;
const AGENT: usize = 2;
const OPERATOR: usize = 3;
const WATCH: usize = 4;
const CLOSE: usize = 5;
const RESTART: usize = 6;
/// The first of the calls of schedulers.
const CALLS: usize = 7;
const KINDS: usize = CALLS + CALL_NAMES.len();

/// Fields of a step.
const WHO: u64 = 1;
const MESSAGE: u64 = 2;
const HONEST: u64 = 3;
const MORE: u64 = 4;

const CALL_NAMES: [&str; 12] = [
    "AcceptRequest",
    "DeclineRequest",
    "KillRequest",
    "AcknowledgeRequest",
    "ReconcileRequest",
    "SuppressRequest",
    "ReviveRequest",
    "ClearFiltersRequest",
    "AnswerInverseOffersRequest",
    "TeardownRequest",
    "UpdateFrameworkRequest",
    "StateDemandRequest",
];

type ReadCall = fn(&[u8]) -> Result<(Session, SchedulerCall), Refusal>;

/// In the order of the names.
const READ_CALLS: [ReadCall; CALL_NAMES.len()] = [
    |bytes| read_body(bytes).and_then(calls::read_accept),
    |bytes| read_body(bytes).and_then(calls::read_decline),
    |bytes| read_body(bytes).and_then(calls::read_kill),
    |bytes| read_body(bytes).and_then(calls::read_acknowledge),
    |bytes| read_body(bytes).and_then(calls::read_reconcile),
    |bytes| read_body(bytes).and_then(calls::read_suppress),
    |bytes| read_body(bytes).and_then(calls::read_revive),
    |bytes| read_body(bytes).and_then(calls::read_clear_filters),
    |bytes| read_body(bytes).and_then(calls::read_answer_inverse_offers),
    |bytes| read_body(bytes).and_then(calls::read_teardown),
    |bytes| read_body(bytes).and_then(calls::read_update_framework),
    |bytes| read_body(bytes).and_then(calls::read_state_demand),
];

fn step(kind: usize, who: u64, message: Option<Vec<u8>>, honest: bool, more: u64) -> Field {
    let mut fields = vec![varint(WHO, who), varint(HONEST, honest.into()), varint(MORE, more)];
    fields.extend(message.map(|message| wire::bytes(MESSAGE, message)));
    part(kind, wire::write(&fields))
}

/// An agent that has enough of everything that is asked for.
fn registration(which: u64) -> Vec<u8> {
    let text = "cpus:8;mem:8192;disk:8192;ports:[31000-31100];gpus:{gpu0:1000,gpu1:1000}";
    let resources = agent::settings::resources_from_text(text).unwrap_or_else(|error| {
        panic!("a bag of resources: {error}");
    });
    let info = AgentInfo {
        reservations: Vec::new(),
        id: agent_id(which),
        hostname: format!("host-{which}.example"),
        address: String::new(),
        resources,
        attributes: Vec::new(),
        domain: format!("zone-1/rack-{}", which % 2).parse().ok(),
        version: "1".to_owned(),
    };
    let (tasks, volumes) = (Vec::new(), Vec::new());
    let call = AgentCall::Register { info, incarnation: 1, tasks, volumes };
    orders::write_agent_message(&call).encode_to_vec()
}

fn agent_id(which: u64) -> AgentId {
    format!("a{}", 1 + which % 3).parse().expect("an id")
}

pub(super) fn input_seeds() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for seed in 0..150 {
        let mut inventor = Inventor::new(seed);
        let mut steps = vec![
            step(AGENT, 0, Some(registration(0)), true, 1),
            step(AGENT, 1, Some(registration(1)), true, 1),
        ];
        let v1 = |name: &str| format!("bourse.v1.{name}");
        let subscribe = inventor.believed(&v1("SubscribeRequest"), |bytes| {
            read_body(bytes)
                .and_then(calls::read_subscribe)
                .is_ok_and(|it| it.suppressed.is_empty())
        });
        steps.push(step(SUBSCRIBE, seed % 2, Some(subscribe), true, 0));
        steps.push(step(TICK, 12, None, true, 0));
        for at in 0..10 {
            let honest = (seed + at) % 4 != 3;
            let next = match at % 5 {
                0 | 3 => {
                    let accept = if at < 5 { 0 } else { usize::try_from(seed + at).unwrap_or(0) };
                    let kind = accept % CALL_NAMES.len();
                    let is_believed = |bytes: &[u8]| READ_CALLS[kind](bytes).is_ok();
                    let message = inventor.believed(&v1(CALL_NAMES[kind]), is_believed);
                    step(CALLS + kind, seed % 2, Some(message), honest, 0)
                }
                1 => {
                    let is_believed = |bytes: &[u8]| {
                        read_body(bytes).and_then(orders::read_agent_message).is_ok()
                    };
                    let message = inventor.believed(&v1("AgentMessage"), is_believed);
                    step(AGENT, at % 2, Some(message), honest, 0)
                }
                2 => {
                    let kind = (seed * 10 + at) % OPERATOR_CALLS.len() as u64;
                    let (name, read) = OPERATOR_CALLS[usize::try_from(kind).expect("an index")];
                    let message = inventor.believed(&v1(name), |bytes| read(bytes).is_ok());
                    step(OPERATOR, kind, Some(message), honest, at % 3)
                }
                _ => match seed % 5 {
                    0 => step(WATCH, 0, Some(inventor.message(&v1("WatchFilter"))), true, 0),
                    1 => step(CLOSE, seed, None, true, 0),
                    2 => step(RESTART, 0, None, true, 0),
                    _ => step(TICK, seed, None, true, 0),
                },
            };
            steps.push(next);
        }
        inputs.push(wire::write(&steps));
    }
    inputs
}

pub(super) fn inputs(bytes: &[u8]) {
    let mut world = World::new();
    for (number, said) in wire::parts(bytes).into_iter().take(STEPS_MAX) {
        world.take(kind_of(number, KINDS), said);
    }
    world.end();
}
