//! What masters say to each other: late, twice, in another order, or never; and what only a master
//! says that is confused.
//!
//! An input is a list of steps of three masters with disks that keep everything: time, a message
//! that arrives, is lost, or arrives once more long after it was sent, restarts, ends of
//! connections, work. Confused messages ask and refuse; they do not claim what is not so of a log,
//! since raft believes its members that. There is one leader in a term, and the same state at the
//! same index; and once all is delivered again somebody leads, and all have the same.

mod group;

use super::{kind_of, part};
use crate::wire::{self, Field, varint};
use group::{Group, MEMBERS};
use raft::eraftpb::{Message, MessageType};

/// Steps of one input that are taken, at most.
const STEPS_MAX: usize = 80;
const TICKS_MAX: u64 = 25;

const TICK: usize = 0;
const ARRIVES: usize = 1;
const LOST: usize = 2;
const AGAIN: usize = 3;
const RESTART: usize = 4;
const GONE: usize = 5;
const WORK: usize = 6;
const CONFUSED: usize = 7;
const KINDS: usize = 8;

/// Fields of a step: who, how many or which, and what a confused message says.
const WHO: u64 = 1;
const COUNT: u64 = 2;
const SAID: u64 = 3;
const TERM: u64 = 4;

/// What a frame may hold, and what does not claim anything of a log.
const ASKS: [MessageType; 9] = [
    MessageType::MsgTimeoutNow,
    MessageType::MsgTransferLeader,
    MessageType::MsgReadIndex,
    MessageType::MsgReadIndexResp,
    MessageType::MsgRequestVote,
    MessageType::MsgRequestPreVote,
    MessageType::MsgRequestVoteResponse,
    MessageType::MsgRequestPreVoteResponse,
    MessageType::MsgAppendResponse,
];

fn step(kind: usize, who: u64, count: u64, said: u64, term: u64) -> Field {
    let fields = [(WHO, who), (COUNT, count), (SAID, said), (TERM, term)];
    part(kind, wire::write(&fields.map(|(field, value)| varint(field, value))))
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for seed in 0_u64..60 {
        // Knuth's numbers for a generator of this kind.
        let mut state = seed;
        let mut draw = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let steps = (0..40).map(|_| {
            const DRAWN: [usize; 12] = [
                TICK, TICK, TICK, ARRIVES, ARRIVES, ARRIVES, LOST, AGAIN, RESTART, GONE, WORK,
                CONFUSED,
            ];
            let kind = DRAWN[usize::try_from(draw(12)).expect("an index")];
            step(kind, draw(4), draw(30), draw(20), draw(4))
        });
        inputs.push(wire::write(&steps.collect::<Vec<_>>()));
    }
    inputs
}

pub(super) fn talk(bytes: &[u8]) {
    let mut group = Group::new();
    for (number, said) in wire::parts(bytes).into_iter().take(STEPS_MAX) {
        let field = |field| wire::number(said, field);
        let (who, count) = (field(WHO), field(COUNT));
        match kind_of(number, KINDS) {
            TICK => (0..=count % TICKS_MAX).for_each(|_| group.tick(who)),
            ARRIVES => group.arrives(count),
            LOST => group.lost(count),
            AGAIN => group.again(count),
            RESTART => group.restart(who),
            GONE => group.gone(who, count),
            WORK => group.work(who),
            CONFUSED => group.confused(confused(&group, who, count, field(SAID), field(TERM))),
            _ => unreachable!("there are {KINDS} kinds"),
        }
    }
    group.end();
}

/// A message that nobody has sent.
fn confused(group: &Group, from: u64, to: u64, said: u64, term: u64) -> Message {
    let kinds = ASKS.len() as u64;
    let kind = ASKS[usize::try_from(said % kinds).expect("an index")];
    let mut message = Message::default();
    message.set_msg_type(kind);
    // Also from somebody who is no member.
    message.from = 1 + from % (MEMBERS + 1);
    message.to = 1 + to % MEMBERS;
    // Of the past, of the present, and of the future.
    message.term = (group.highest_term() + 1).saturating_sub(term % 4);
    let is_answer = matches!(
        kind,
        MessageType::MsgRequestVoteResponse
            | MessageType::MsgRequestPreVoteResponse
            | MessageType::MsgAppendResponse
    );
    message.reject = is_answer;
    if kind == MessageType::MsgReadIndex && said >= kinds {
        message.mut_entries().push(Default::default());
    }
    message
}
