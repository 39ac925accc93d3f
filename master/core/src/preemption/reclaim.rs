//! What is lent of a guarantee is taken back for who wants plain offers of it.
//!
//! Whoever has stated a demand says how large a piece is, and tasks give way to it as to any other.
//! Who has stated none wants what it is promised, where that is kept for it: for each piece the
//! cheapest revocable tasks of that agent, whatever their priority. Once it has declined anything
//! after that, it has to say again that it wants offers: otherwise what was taken back, offered and
//! declined would be lent again, and taken back again, without end.

use super::choice::{Candidate, Problem};
use crate::{
    allocator::{Amounts, Claim, lending::WantedBack},
    intake::Turn,
    ledger::{Preemption, Task},
};
use proto::model::{AgentId, Priority, TaskKey, TaskState, limits};
use std::collections::BTreeSet;

/// Pieces that are taken back at once.
const PIECES_MAX: usize = 32;

impl Turn<'_> {
    /// Whether anything is lent; costs nothing much.
    pub(super) fn may_reclaim(&self) -> bool {
        self.leader.allocator.has_lent()
    }

    /// Takes back what is lent of the guarantee of one who wants it. Whether there was anything.
    pub(super) fn reclaim(&mut self) -> bool {
        if !self.may_reclaim() {
            return false;
        }
        let leader = &*self.leader;
        let all = leader.allocator.wanted_back(self.now.monotonic, &leader.view, &leader.demand);
        let claims = leader.demand.claims();
        let is_open = |it: &&WantedBack| {
            leader.view.agent_at(it.place).is_some_and(|agent| !claims.has(agent))
        };
        let mut open = all.iter().filter(is_open);
        let Some(first) = open.next() else { return false };
        let bidder = first.bidder.clone();
        let own = all.iter().filter(is_open).filter(|it| it.bidder == bidder).take(PIECES_MAX);
        let (mut victims, mut kept, mut rescinded) = (Vec::new(), Vec::new(), Vec::new());
        for wanted in own {
            let agent = leader.view.agent(wanted.place);
            let Some(chosen) = self.cheapest_of(agent, &wanted.lent) else { continue };
            if victims.len() + chosen.len() > limits::PREEMPTION_TASKS_MAX {
                break;
            }
            victims.extend(chosen);
            rescinded.push(agent.clone());
            kept.push((agent.clone(), wanted.piece.clone()));
        }
        if kept.is_empty() {
            return false;
        }
        let until = self.kept_until(victims.iter());
        let claim = |(agent, shape)| Claim {
            bidder: bidder.clone(),
            demand: None,
            agent,
            shape,
            count: 1,
            until,
        };
        let claims = kept.into_iter().map(claim).collect();
        let most = self.ledger.roles().priority_max(&bidder.role);
        let preemption = Preemption {
            framework: bidder.framework,
            role: bidder.role.clone(),
            demand: None,
            priority: Priority::DEFAULT.min(most),
            victims,
        };
        self.make_way(preemption, claims, &rescinded);
        true
    }

    /// The cheapest revocable tasks of an agent that hold this much, beside what is on offer there
    /// and can be taken back at once.
    fn cheapest_of(&self, agent: &AgentId, lent: &Amounts) -> Option<Vec<TaskKey>> {
        let mut missing = lent.clone();
        for offer in self.leader.book.of_agent(agent).filter(|offer| offer.revocable) {
            missing.take_some(&Amounts::of(&offer.resources));
        }
        if missing.is_empty() {
            return Some(Vec::new());
        }
        let gives_way = |task: &&Task| {
            let lives = !task.is_terminal() && task.state() != TaskState::Unreachable;
            lives && task.info.revocable && !task.is_ending()
        };
        let candidate = |task: &Task| {
            let takes = Amounts::of(&task.info.resources);
            Candidate {
                key: task.key.clone(),
                revocable: true,
                priority: task.info.priority,
                launched: task.launched,
                gives: missing.iter().map(|(name, _)| takes.get(name)).collect(),
                takes,
                purses: Vec::new(),
            }
        };
        let problem = Problem {
            needs: missing.iter().map(|(_, milli)| milli).collect(),
            candidates: self
                .ledger
                .tasks_of_agent(agent)
                .filter(gives_way)
                .map(candidate)
                .collect(),
            purses: Vec::new(),
        };
        let choice = problem.choose()?;
        let keys = choice.victims.iter().map(|at| problem.candidates[*at].key.clone());
        Some(keys.collect::<BTreeSet<_>>().into_iter().collect())
    }
}
