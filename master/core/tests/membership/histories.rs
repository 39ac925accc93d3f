//! Random changes, ends, cuts and writes: whatever happens, the masters agree in the end.

use super::group::{Group, info};
use master_core::{input::OperatorCall, ledger::digest::digest};
use proptest::prelude::*;
use proto::model::NodeId;

#[derive(Debug, Clone)]
enum Step {
    Add,
    Replace(usize),
    Remove(usize),
    Transfer,
    Stop(usize),
    Cut(usize),
    /// One believes of another that it has ended.
    Notice(usize, usize),
    Write,
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Add),
        2 => (0..5usize).prop_map(Step::Replace),
        2 => (0..5usize).prop_map(Step::Remove),
        1 => Just(Step::Transfer),
        1 => (0..5usize).prop_map(Step::Stop),
        1 => (0..5usize).prop_map(Step::Cut),
        2 => (0..5usize, 0..5usize).prop_map(|(who, of)| Step::Notice(who, of)),
        4 => Just(Step::Write),
        4 => (1..40u64).prop_map(Step::Pass),
    ]
}

/// The n-th of those who vote.
fn voter(group: &Group, nth: usize) -> u64 {
    let voters: Vec<u64> =
        group.members().of(master_core::ledger::Standing::Voter).map(|node| node.0).collect();
    voters[nth % voters.len()]
}

/// One machine at a time is away, so that there is always a quorum to come back to.
fn happen(group: &mut Group, step: &Step, next: &mut u64, away: &mut Option<u64>) {
    if group.leader().is_none() {
        return group.pass(10);
    }
    match step {
        Step::Add | Step::Replace(_) => {
            let node = *next;
            *next += 1;
            group.start_joining(node);
            let call = match step {
                Step::Replace(nth) => {
                    let old = NodeId(voter(group, *nth));
                    OperatorCall::ReplaceMaster { old, info: info(node) }
                }
                _ => OperatorCall::AddMaster(info(node)),
            };
            group.call(call);
        }
        Step::Remove(nth) => {
            let node = NodeId(voter(group, *nth));
            group.call(OperatorCall::RemoveMaster(node));
        }
        Step::Transfer => drop(group.call(OperatorCall::TransferLeadership(None))),
        Step::Stop(nth) | Step::Cut(nth) => {
            if let Some(back) = away.take() {
                group.mend(back);
                if !group.runs(back) {
                    group.restart(back);
                }
            } else {
                let node = voter(group, *nth);
                *away = Some(node);
                match step {
                    Step::Stop(_) => group.stop(node),
                    _ => group.cut(node),
                }
            }
        }
        Step::Notice(who, of) => group.notices(voter(group, *who), voter(group, *of)),
        Step::Write => group.write(),
        Step::Pass(ticks) => group.pass(*ticks),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn masters_agree_after_any_history(
        founders in prop_oneof![Just(1u64), Just(3)],
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut group = Group::of(founders);
        let (mut next, mut away) = (founders + 1, None);
        for step in &steps {
            happen(&mut group, step, &mut next, &mut away);
        }
        if let Some(back) = away {
            group.mend(back);
            if !group.runs(back) {
                group.restart(back);
            }
        }
        group.until("calm", |group| {
            group.leader().is_some()
                && group.members().learner().is_none()
                && !group.members().is_joint()
        });
        group.write();
        // Long enough for the removed to be told, and to end.
        group.pass(80);
        let members: Vec<u64> = group.members().iter().map(|member| member.info.node.0).collect();
        let digests: Vec<u128> =
            members.iter().map(|node| digest(group.master(*node).ledger())).collect();
        prop_assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{}", group.transcript);
        let running: Vec<u64> =
            group.hosts.keys().copied().filter(|node| group.runs(*node)).collect();
        for node in running {
            let retired = group.master(group.leader().unwrap()).is_retired(NodeId(node));
            prop_assert!(!retired, "{node} goes on after its removal:\n{}", group.transcript);
        }
    }
}
