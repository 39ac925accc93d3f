//! The master of the histories: it orders, commits what it hears, and checks that this is what it
//! was promised.

use super::{
    World,
    orders::{kill_order, resize_order},
};
use crate::stage::{key, registered_order};
use agent_core::Input;
use proto::model::{AgentCall, Order, StatusReason, TaskState, TaskStatus};
use std::collections::BTreeSet;

/// What the master knows of a task.
#[derive(Debug, Default)]
pub(super) struct Committed {
    pub(super) state: Option<TaskState>,
    pub(super) sequence: u64,
    pub(super) updates: Vec<TaskStatus>,
    pub(super) kill: bool,
    /// Sizes that were ordered, and that became something.
    pub(super) sizes: (u64, u64),
    pub(super) cpus: u8,
}
impl World {
    pub(super) fn hear(&mut self, call: AgentCall) {
        match call {
            AgentCall::Register { tasks, volumes, .. } => {
                let session = self.session.expect("connected");
                let term = self.term;
                let mut orders = vec![registered_order()];
                orders.extend(self.volumes_again(&volumes));
                let listed: BTreeSet<_> = tasks.iter().map(|task| task.key.clone()).collect();
                let groups = self.groups_again(&listed).into_iter();
                orders.extend(groups.map(|group| self.group_order_of(group)));
                for (key, committed) in &self.master {
                    match committed.state {
                        None if committed.kill => orders.push(kill_order(key)),
                        None if Self::is_of_group(key) => {}
                        None if !listed.contains(key) => orders.push(self.launch_order_of(key)),
                        Some(TaskState::Running) if committed.sizes.0 > committed.sizes.1 => {
                            orders.push(resize_order(key, committed));
                        }
                        Some(state) if !state.is_terminal() => {
                            assert!(listed.contains(key), "{key} was forgotten while it lived");
                        }
                        _ => {}
                    }
                }
                let inputs = orders.into_iter().map(|order| Input::Order { session, term, order });
                self.inputs.extend(inputs);
            }
            AgentCall::Heartbeat => {}
            AgentCall::Volume(report) => self.hear_of_volume(report),
            AgentCall::Update { status, .. } => {
                let key = key(status.task.as_str());
                let durable = &self.disk.rows[&key].pending;
                assert!(durable.contains(&status), "D9: sent before it was journaled");
                self.wire.push_back(status);
            }
        }
    }

    /// The master commits the next update on the wire and says so.
    pub(super) fn answer(&mut self) {
        self.answer_volume();
        let Some(status) = self.wire.pop_front() else { return };
        let key = key(status.task.as_str());
        let committed = self.master.entry(key.clone()).or_default();
        if status.sequence <= committed.sequence {
            let first = &committed.updates[status.sequence as usize - 1];
            assert_eq!(first, &status, "the same number says the same");
        } else {
            assert_eq!(status.sequence, committed.sequence + 1, "U2: no gaps for {key}");
            let from = committed.state.unwrap_or(TaskState::Staging);
            assert!(from.may_become(status.state), "T4: {from} to {} for {key}", status.state);
            committed.state = Some(status.state);
            committed.sequence = status.sequence;
            let is_sized =
                matches!(status.reason, StatusReason::Resized | StatusReason::ResizeFailed);
            committed.sizes.1 += u64::from(is_sized);
            assert!(committed.sizes.1 <= committed.sizes.0, "R1: one outcome for one order");
            committed.updates.push(status.clone());
            self.check_unavailable(&key, status.reason);
        }
        let sequence = self.master[&key].sequence;
        self.order(self.term, Order::Committed { key, sequence });
    }

    pub(super) fn order(&mut self, term: u64, order: Order) {
        if let Some(session) = self.session.filter(|_| self.agent.is_registered()) {
            self.give(Input::Order { session, term, order });
        }
    }
}
