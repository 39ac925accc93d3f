//! The state of a cell as a framework of a shared role sees it: what is free where, as of the last
//! word of the master.
//!
//! A scheduler hands in each [`SharedState`] and decides on what is here. What it is about to
//! commit it takes off, or it would take the same twice; when a commit is refused, it restores what
//! was shown last. A state may cross a commit on its way: then something is thought to be free that
//! is not, which costs a conflict and nothing else.

use crate::model::{
    AgentId, AgentVersion, Constraint, Resources, Role, SharedState, shared::SharedDescription,
};
use std::collections::BTreeMap;

/// What is free in one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellState {
    role: Role,
    agents: BTreeMap<AgentId, CellAgent>,
    is_complete: bool,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CellAgent {
    /// Of what is free, as it was last shown.
    pub version: AgentVersion,
    /// What a commit may take, less what was taken here since it was shown.
    pub free: Resources,
    shown: Resources,
    /// How it describes itself: its host, attributes, fault domain, and all that it has.
    pub description: SharedDescription,
}

impl CellState {
    /// Of a role that was not shown yet.
    pub fn new(role: Role) -> Self {
        Self { role, agents: BTreeMap::new(), is_complete: false }
    }

    /// The role.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Takes in what is shown. Answers whether there may be more free anywhere than before; what is
    /// of another role is none of its business.
    pub fn update(&mut self, state: &SharedState) -> bool {
        if state.role != self.role {
            return false;
        }
        if state.begins || state.ended {
            self.agents.clear();
            self.is_complete = false;
        }
        let mut is_more = false;
        for shown in &state.agents {
            let agent = self.agents.entry(shown.agent.clone()).or_default();
            if shown.version < agent.version {
                continue;
            }
            is_more |= !agent.free.contains(&shown.free);
            agent.version = shown.version;
            agent.free = shown.free.clone();
            agent.shown = shown.free.clone();
            if let Some(description) = &shown.description {
                agent.description = description.clone();
            }
        }
        self.is_complete |= state.complete && !state.ended;
        is_more
    }

    /// Whether everything has been shown since it began.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Every agent that was shown, by id.
    pub fn agents(&self) -> impl Iterator<Item = (&AgentId, &CellAgent)> {
        self.agents.iter()
    }

    /// One agent.
    pub fn agent(&self, agent: &AgentId) -> Option<&CellAgent> {
        self.agents.get(agent)
    }

    /// Whether an agent that was shown is as every constraint wants it.
    pub fn meets(&self, agent: &AgentId, constraints: &[Constraint]) -> bool {
        let there = self.agents.get(agent);
        there.is_some_and(|there| there.description.meets(agent, constraints))
    }

    /// Takes resources off that are about to be committed; answers whether they were there.
    pub fn take(&mut self, agent: &AgentId, resources: &Resources) -> bool {
        let Some(there) = self.agents.get_mut(agent) else { return false };
        match there.free.checked_sub(resources) {
            Ok(left) => {
                there.free = left;
                true
            }
            Err(_) => false,
        }
    }

    /// Takes off what a task that asks for these amounts gets, if it is there: of devices the ones
    /// that it is to have, as [`crate::Remaining::pick`] does of an offer.
    pub fn pick(&mut self, agent: &AgentId, wanted: &Resources) -> Option<Resources> {
        let picked = self.agents.get(agent)?.free.pick(wanted)?;
        self.take(agent, &picked).then_some(picked)
    }

    /// A commit was refused: what was shown last of the agent is all that is known.
    pub fn restore(&mut self, agent: &AgentId) {
        if let Some(there) = self.agents.get_mut(agent) {
            there.free = there.shown.clone();
        }
    }

    /// The versions of some agents, for commits with coarse detection.
    pub fn versions<'a>(
        &self,
        agents: impl IntoIterator<Item = &'a AgentId>,
    ) -> BTreeMap<AgentId, AgentVersion> {
        let known = agents.into_iter().filter_map(|id| Some((id.clone(), self.agents.get(id)?)));
        known.map(|(id, agent)| (id, agent.version)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SharedAgent;

    fn role() -> Role {
        Role::new("shared").expect("a role")
    }

    fn id(name: &str) -> AgentId {
        AgentId::new(name).expect("an id")
    }

    fn agent(name: &str, number: u64, cpus_milli: i64, hostname: Option<&str>) -> SharedAgent {
        let description = |hostname: &str| SharedDescription {
            hostname: hostname.to_owned(),
            domain: Some("eu/eu-1/r7".parse().expect("a domain")),
            total: Resources::cpus_mem(8_000, 64),
            ..SharedDescription::default()
        };
        SharedAgent {
            agent: id(name),
            version: AgentVersion { term: 1, number },
            free: match cpus_milli {
                0 => Resources::new(),
                _ => Resources::cpus_mem(cpus_milli, 64),
            },
            description: hostname.map(description),
            unavailability: None,
        }
    }

    fn state(agents: Vec<SharedAgent>, begins: bool, complete: bool) -> SharedState {
        SharedState { role: role(), agents, begins, complete, ended: false }
    }

    #[test]
    fn it_is_what_was_shown_last() {
        let mut cell = CellState::new(role());
        assert!(cell.update(&state(vec![agent("a", 1, 2_000, Some("host-a"))], true, false)));
        assert!(!cell.is_complete());
        cell.update(&state(vec![agent("b", 2, 1_000, Some("host-b"))], false, true));
        assert!(cell.is_complete());
        assert!(!cell.update(&state(vec![agent("a", 3, 500, None)], false, true)), "less is free");
        let a = cell.agent(&id("a")).expect("shown");
        assert_eq!((a.version.number, a.description.hostname.as_str()), (3, "host-a"));
        assert!(cell.update(&state(vec![agent("a", 4, 800, None)], false, true)));
        let other = SharedState { role: Role::any(), ..state(vec![], true, true) };
        assert!(!cell.update(&other), "of another role");
        assert_eq!(cell.agents().count(), 2);
        cell.update(&state(vec![], true, true));
        assert_eq!(cell.agents().count(), 0, "it began anew");
    }

    #[test]
    fn constraints_hold_of_how_an_agent_describes_itself() {
        let mut cell = CellState::new(role());
        cell.update(&state(vec![agent("a", 1, 1_000, Some("host-a"))], true, true));
        // Descriptions are shown once.
        cell.update(&state(vec![agent("a", 2, 500, None)], false, true));
        let meets = |agent: &str, texts: &[&str]| {
            let constraints: Vec<Constraint> =
                texts.iter().map(|text| text.parse().expect("a constraint")).collect();
            cell.meets(&id(agent), &constraints)
        };
        let all = ["domain in eu/eu-1", "hostname in host-a", "id in a", "total cpus >= 8"];
        assert!(meets("a", &all) && meets("a", &[]));
        for no in ["domain in eu/eu-2", "domain not in eu", "total cpus >= 9", "rack exists"] {
            assert!(!meets("a", &[no]) && !meets("a", &[all[0], no]), "{no}");
        }
        assert!(!meets("b", &[]), "nobody has shown it");
    }

    #[test]
    fn what_is_taken_is_not_free_until_it_is_restored() {
        let mut cell = CellState::new(role());
        cell.update(&state(vec![agent("a", 1, 2_000, Some("host"))], true, true));
        assert!(cell.take(&id("a"), &Resources::cpus_mem(1_500, 32)));
        assert!(!cell.take(&id("a"), &Resources::cpus_mem(1_000, 1)));
        assert!(!cell.take(&id("nobody"), &Resources::cpus_mem(1, 1)));
        assert_eq!(cell.agent(&id("a")).expect("shown").free, Resources::cpus_mem(500, 32));
        cell.restore(&id("a"));
        assert_eq!(cell.agent(&id("a")).expect("shown").free, Resources::cpus_mem(2_000, 64));
        let versions = cell.versions([&id("a"), &id("nobody")]);
        assert_eq!(versions, BTreeMap::from([(id("a"), AgentVersion { term: 1, number: 1 })]));
    }
}
