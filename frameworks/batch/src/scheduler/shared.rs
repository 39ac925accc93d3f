//! A job in a shared role: what is shown is placed on and committed, instead of being offered.

use super::{
    BatchScheduler, State, is_fatal,
    pieces::{Piece, piece, together},
};
use crate::observer::Progress;
use crate::placing::{Placed, Placing, Seat};
use bourse_sdk::model::{ConflictDetection, Instant, OperationResult, Reason, SharedState};
use bourse_sdk::{CallId, Calls};
use std::collections::BTreeMap;

impl BatchScheduler {
    pub(super) fn shown(&mut self, state: &SharedState, calls: &mut Calls) {
        let State::Running(queue) = &self.state else { return };
        let role = queue.job().role();
        if state.role != *role {
            return;
        }
        match &mut self.placing {
            _ if state.ended => {
                // What is wanted is asked for again.
                self.placing = None;
                self.wishes.doubt();
            }
            Some(placing) => placing.update(state),
            None => {
                self.placing = Some(Placing::new(state, self.seed));
                // Nobody is to look for room for what this looks for itself.
                calls.take_any_offers(role.clone());
            }
        }
    }

    /// Commits whatever is ready and fits.
    pub(super) fn place(&mut self, now: Instant, calls: &mut Calls) {
        let (State::Running(queue), Some(placing)) = (&mut self.state, &mut self.placing) else {
            return;
        };
        if self.stop_deadline.is_some() {
            return;
        }
        let mut progress = Vec::new();
        let ready = queue.ready_by_task().map(|(task, _)| task);
        let with_volumes = ready.filter(|task| queue.job().tasks()[*task].uses_volumes());
        for task in with_volumes.collect::<Vec<_>>() {
            let message = "volumes are found with offers, and in a shared role nothing is offered";
            progress.extend(queue.give_up(now, task, message));
        }
        for task in placing.take_late(now, queue) {
            let message = "there was no room for all instances at once";
            progress.extend(queue.give_up(now, task, message));
        }
        for Placed { instances, is_gang } in placing.place(now, queue, &mut self.homes) {
            let (mut ids, mut tasks) = (Vec::new(), Vec::new());
            for (id, Seat { agent, seen, resources }) in instances {
                queue.launch(now, id, agent.clone(), seen);
                progress.push(Progress::Launched(queue.news(id)));
                tasks.push(piece(queue, id, &agent, &resources, Vec::new()));
                ids.push(id);
            }
            let operations = match is_gang {
                true => together(tasks),
                false => tasks.into_iter().map(Piece::into_operation).collect(),
            };
            let (role, detection) = (queue.job().role().clone(), ConflictDetection::Fine);
            let call =
                calls.commit_operations(role, operations, !is_gang, detection, BTreeMap::new());
            let launches = ids.into_iter().map(|id| queue.last_launch(id));
            self.launches.insert(call, launches.collect());
        }
        self.tell(now, progress);
    }

    /// An accept or a commit is answered: of a commit's instances some may be refused.
    pub(super) fn accepted(&mut self, now: Instant, call: CallId, results: &[OperationResult]) {
        if results.iter().all(|result| result.refusal().is_none()) {
            if let Some(placing) = &mut self.placing {
                placing.launched();
            }
            self.answered(now, call, None);
            return;
        }
        let State::Running(queue) = &mut self.state else { return };
        let launches = self.launches.remove(&call).unwrap_or_default();
        let mut progress = Vec::new();
        for (launch, result) in launches.into_iter().zip(results) {
            let Some(id) = queue.launched_by(launch) else { continue };
            let Some(refusal) = result.refusal() else {
                queue.accepted(id);
                continue;
            };
            if let (Some(placing), Some(agent)) = (&mut self.placing, queue.agent_of(id)) {
                placing.conflicted(now, &agent);
            }
            progress.extend(match refusal.reason {
                Reason::QuotaExceeded => queue.hold_back(now, id),
                reason => {
                    let fatal = is_fatal(reason).then(|| refusal.to_string());
                    queue.refused(now, id, fatal.as_deref())
                }
            });
        }
        self.tell(now, progress);
    }
}
