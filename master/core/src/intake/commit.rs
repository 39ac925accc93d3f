//! Commits: what the frameworks of a shared role take of what all of them are shown.
//!
//! Judged against the leader's view of this moment: what is free, not on offer to others, not taken
//! by a commit that is under way, and not kept for others. From then on the commit holds what it
//! takes, so that whoever comes later sees a conflict at once and not when the log is applied. That
//! check is the guarantee all the same, as for every accept. Versions are the leader's, as offers
//! are: one that was stated is compared here and nowhere else.

use super::{Turn, Waiter, left::of_members, turn::AcceptWaiter};
use crate::{
    allocator::{Bundle, Place, PlannedOffer},
    input::CallId,
    ledger::{Command, Proposed},
    outbox::Answer,
};
use proto::{
    convert::task_group::refuse_group,
    model::{
        AgentId, AgentVersion, ConflictDetection, DeclineFilter, FrameworkId, Operation,
        OperationResult, Reason, Refusal, RequestId, Resources, Role, Session,
        operation::only_launch, task_group::GroupError,
    },
};
use std::collections::BTreeMap;

/// A commit's fields.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) role: Role,
    pub(super) operations: Vec<Operation>,
    pub(super) partial: bool,
    pub(super) detection: ConflictDetection,
    pub(super) decided_on: BTreeMap<AgentId, AgentVersion>,
    pub(super) request: Option<RequestId>,
}

/// What a commit takes, as far as it is judged.
#[derive(Debug, Clone, Default)]
struct Taking(BTreeMap<AgentId, TakingThere>);

/// On one agent.
#[derive(Debug, Clone)]
struct TakingThere {
    place: Place,
    version: AgentVersion,
    /// What the role may have there and the commit does not take.
    left: Resources,
    taken: Resources,
}

impl Turn<'_> {
    pub(super) fn commit(&mut self, call: CallId, session: Session, commit: Commit) {
        let framework = session.framework;
        if self.answered_before(call, framework, commit.request.as_ref()) {
            return;
        }
        if let Err(refusal) = self.check_shared(framework, &commit.role) {
            return self.reply(call, Err(refusal));
        }
        // As of now: earlier calls of this turn come before this one.
        self.leader.view.settle_versions();
        let short = only_launch(&commit.operations, commit.partial).is_some();
        let (taking, operations) = match self.judge_commit(&commit, short) {
            Ok(judged) => judged,
            Err(refusal) => {
                self.count_commit(framework, &commit.role, [&refusal]);
                return self.reply(call, Err(refusal));
            }
        };
        let refused = operations.iter().filter_map(|operation| operation.as_ref().err());
        self.count_commit(framework, &commit.role, refused);
        if operations.iter().all(Result::is_err) {
            // Nothing is to be done: no log entry says so.
            let refused = operations.into_iter().filter_map(Result::err);
            let results = refused.map(OperationResult::Refused).collect();
            return self.reply(call, Ok(Answer::Accepted(results)));
        }
        let planned = taking.planned(framework, &commit.role);
        let accepting = self.leader.book.begin_commit(&planned);
        planned.iter().for_each(|planned| self.leader.view.hold(planned));
        let Commit { role, partial, request, .. } = commit;
        if let Some(request) = &request {
            self.leader.accepts.insert((framework, request.clone()), Vec::new());
        }
        let waiter = AcceptWaiter {
            call,
            session,
            request: request.clone(),
            accepting: Some(accepting),
            returned: Vec::new(),
            role: role.clone(),
            left: BTreeMap::new(),
            refuse: DeclineFilter::default(),
        };
        let revocable = false;
        let command = Command::Accept { session, role, request, operations, partial, revocable };
        self.propose(command, Waiter::Accept(waiter));
    }

    fn check_shared(&self, framework: FrameworkId, role: &Role) -> Result<(), Refusal> {
        if self.leader.demand.suppressed(framework, role).is_none() {
            let problem = format!("{framework} did not subscribe in role {role}");
            return Err(Refusal::invalid("role", problem));
        }
        match self.leader.shared.shows(framework, role) {
            true => Ok(()),
            false => {
                let problem = format!("{role} is not shared: accept what is offered in it");
                Err(Refusal::invalid("role", problem))
            }
        }
    }

    /// Judges the operations one after the other. The first that conflicts refuses the commit; in a
    /// partial one it is refused alone, and takes nothing.
    fn judge_commit(
        &self,
        commit: &Commit,
        short: bool,
    ) -> Result<(Taking, Vec<Proposed>), Refusal> {
        let mut taking = Taking::default();
        let mut proposed = Vec::with_capacity(commit.operations.len());
        for (index, operation) in commit.operations.iter().enumerate() {
            // Only a partial commit goes on after a refusal, and needs what there was before.
            let before = commit.partial.then(|| taking.clone());
            match (self.judge_operation(commit, operation, &mut taking), before) {
                (Ok(()), _) => proposed.push(Ok(operation.clone())),
                (Err(refusal), Some(before)) => {
                    taking = before;
                    proposed.push(Err(refusal.under(operation.name())));
                }
                (Err(refusal), None) if short => return Err(refusal),
                (Err(refusal), None) => {
                    let part = operation.name();
                    return Err(refusal.under(&format!("operations[{index}].{part}")));
                }
            }
        }
        Ok((taking, proposed))
    }

    fn judge_operation(
        &self,
        commit: &Commit,
        operation: &Operation,
        taking: &mut Taking,
    ) -> Result<(), Refusal> {
        let tasks = match operation {
            Operation::Launch { tasks } => tasks,
            Operation::LaunchGroup(group) => {
                let refuse = |error| refuse_group(&GroupError::Resources(error));
                let judged = group.holds().map_err(refuse).and_then(|holds| {
                    self.judge_part(commit, &group.members[0].task.agent, &holds, taking)
                });
                return judged.map_err(|refusal| of_members(refusal).under("group"));
            }
            Operation::Resize(_)
            | Operation::Reserve(_)
            | Operation::Unreserve(_)
            | Operation::MoveReservation { .. }
            | Operation::CreateVolume(_)
            | Operation::GrowVolume(_)
            | Operation::ShrinkVolume(_)
            | Operation::DestroyVolume(_) => {
                return Err(Refusal::invalid("", "is not for commits, which launch tasks"));
            }
        };
        for (index, task) in tasks.iter().enumerate() {
            let judged = self.judge_part(commit, &task.agent, &task.resources, taking);
            judged.map_err(|refusal| refusal.under(&format!("tasks[{index}]")))?;
        }
        Ok(())
    }

    fn judge_part(
        &self,
        commit: &Commit,
        agent: &AgentId,
        wanted: &Resources,
        taking: &mut Taking,
    ) -> Result<(), Refusal> {
        if !taking.0.contains_key(agent) {
            let there = self.seen_there(&commit.role, agent)?;
            if commit.detection == ConflictDetection::Coarse {
                check_version(agent, commit.decided_on.get(agent), there.version)?;
            }
            taking.0.insert(agent.clone(), there);
        }
        let there = taking.0.get_mut(agent).expect("was just put there");
        there.left = there.left.checked_sub(wanted).map_err(|problem| {
            let (role, version) = (&commit.role, there.version);
            let message = format!("agent {agent} at version {version} has for {role} {problem}");
            Refusal::new(Reason::Conflict, message).at("resources")
        })?;
        // Parts of what is free, which is disjoint.
        there.taken = there.taken.checked_add(wanted).expect("no more than is free");
        Ok(())
    }

    /// What the frameworks of a role see of an agent now.
    fn seen_there(&self, role: &Role, agent: &AgentId) -> Result<TakingThere, Refusal> {
        let view = &self.leader.view;
        let Some(place) = view.place(agent) else {
            let message = format!("there is no agent {agent}");
            return Err(Refusal::new(Reason::AgentUnknown, message).at("agent_id"));
        };
        let free = self.leader.allocator.left_for(role, place, view.free_at(place));
        let version = AgentVersion { term: self.leader.term, number: view.version_at(place) };
        let (left, taken) = (free.resources().clone(), Resources::new());
        Ok(TakingThere { place, version, left, taken })
    }

    /// Counts a commit, and whether anything in it conflicted.
    pub(crate) fn count_commit<'a>(
        &mut self,
        framework: FrameworkId,
        role: &Role,
        refusals: impl IntoIterator<Item = &'a Refusal>,
    ) {
        let mut refusals = refusals.into_iter();
        let conflicts = refusals.any(|refusal| refusal.reason == Reason::Conflict);
        self.figures.commits.entry(role.clone()).or_default().count(conflicts);
        self.leader.commits.entry(framework).or_default().count(conflicts);
    }
}

impl Turn<'_> {
    /// What was judged to be free no longer was when the log was applied: its agent has come back
    /// with less.
    pub(crate) fn count_late_conflict(&mut self, framework: FrameworkId, role: &Role) {
        self.figures.commits.entry(role.clone()).or_default().conflicts += 1;
        self.leader.commits.entry(framework).or_default().conflicts += 1;
    }
}

impl Taking {
    /// As offers that nobody is shown.
    fn planned(&self, framework: FrameworkId, role: &Role) -> Vec<PlannedOffer> {
        let taken = self.0.iter().filter(|(_, there)| !there.taken.is_empty());
        let planned = taken.map(|(agent, there)| PlannedOffer {
            framework,
            role: role.clone(),
            agent: agent.clone(),
            place: there.place,
            resources: Bundle::new(there.taken.clone()),
            pieces: Vec::new(),
            revocable: false,
        });
        planned.collect()
    }
}

fn check_version(
    agent: &AgentId,
    stated: Option<&AgentVersion>,
    now: AgentVersion,
) -> Result<(), Refusal> {
    match stated {
        Some(stated) if *stated == now => Ok(()),
        Some(stated) => {
            let message = format!("agent {agent} is at version {now} and no longer at {stated}");
            Err(Refusal::new(Reason::Conflict, message).at("agent_id"))
        }
        None => {
            let message = format!("no version of agent {agent} is stated");
            Err(Refusal::new(Reason::Conflict, message).at("agent_id"))
        }
    }
}
