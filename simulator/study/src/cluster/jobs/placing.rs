//! Where tasks of a job go: into offers one after the other, or onto agents that are drawn by lot.

use bourse_sdk::{CellState, TaskBuilder};
use proto::model::{AgentId, Offer, OfferId, Operation, Resources, SharedState, TaskInfo, limits};
use simulator::engine::Chance;

/// Tasks of a job on one agent.
#[derive(Debug)]
pub(super) struct Placed {
    /// None for what is shown.
    pub(super) offer: Option<OfferId>,
    pub(super) tasks: Vec<TaskInfo>,
}

/// Makes tasks of a job, each with a name of its own.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) job: usize,
    /// Of the next task.
    pub(super) number: &'a mut u32,
    pub(super) each: &'a Resources,
}

impl Maker<'_> {
    fn task(&mut self, agent: &AgentId) -> TaskInfo {
        let name = format!("job-{}-{}", self.job, self.number);
        *self.number += 1;
        let task = TaskBuilder::new(name).resources(self.each).shell("study");
        task.build(agent).expect("a name of letters, and resources")
    }
}

/// Fills offers with as many tasks as there are; offers that hold none are left.
pub(super) fn fill(offers: &mut Vec<Offer>, mut left: u32, maker: &mut Maker<'_>) -> Vec<Placed> {
    let mut placed = Vec::new();
    offers.retain(|offer| {
        let mut free = offer.resources.clone();
        let mut tasks = Vec::new();
        while left > 0
            && let Ok(rest) = free.checked_sub(maker.each)
        {
            free = rest;
            left -= 1;
            tasks.push(maker.task(&offer.agent));
        }
        let is_unused = tasks.is_empty();
        if !is_unused {
            placed.push(Placed { offer: Some(offer.id), tasks });
        }
        is_unused
    });
    placed
}

/// What is free, with the agents in a list to draw of.
#[derive(Debug)]
pub(super) struct Cell {
    state: CellState,
    agents: Vec<AgentId>,
}

impl Cell {
    pub(super) fn new(shown: &SharedState) -> Self {
        let mut cell = Self { state: CellState::new(shown.role.clone()), agents: Vec::new() };
        cell.update(shown);
        cell
    }

    pub(super) fn update(&mut self, shown: &SharedState) {
        if shown.begins || shown.ended {
            self.agents.clear();
        }
        let is_new = |agent: &&AgentId| self.state.agent(agent).is_none() || shown.begins;
        let new = shown.agents.iter().map(|shown| &shown.agent).filter(is_new);
        self.agents.extend(new.cloned());
        self.state.update(shown);
    }

    pub(super) fn is_complete(&self) -> bool {
        self.state.is_complete()
    }

    pub(super) fn restore(&mut self, agent: &AgentId) {
        self.state.restore(agent);
    }

    /// Random first fit: an agent is drawn, and filled as long as it has room.
    pub(super) fn choose(
        &mut self,
        mut left: u32,
        chance: &mut Chance,
        maker: &mut Maker<'_>,
    ) -> Vec<Placed> {
        let mut placed = Vec::new();
        let mut undrawn = self.agents.len();
        while left > 0 && undrawn > 0 {
            let drawn = chance.below(undrawn as u64) as usize;
            let agent = &self.agents[drawn];
            if self.state.take(agent, maker.each) {
                left -= 1;
                placed.push(Placed { offer: None, tasks: vec![maker.task(agent)] });
            } else {
                undrawn -= 1;
                self.agents.swap(drawn, undrawn);
            }
        }
        placed
    }
}

/// Placements in calls as large as calls may be.
pub(super) fn calls(placed: Vec<Placed>) -> Vec<Vec<Placed>> {
    let mut calls: Vec<Vec<Placed>> = Vec::new();
    let mut tasks = 0;
    for one in placed {
        let is_full = calls.last().is_none_or(|call| {
            call.len() == limits::OPERATIONS_PER_ACCEPT_MAX
                || tasks + one.tasks.len() > limits::TASKS_PER_ACCEPT_MAX
        });
        if is_full {
            calls.push(Vec::new());
            tasks = 0;
        }
        tasks += one.tasks.len();
        calls.last_mut().expect("there is one").push(one);
    }
    calls
}

impl Placed {
    pub(super) fn into_operation(self) -> Operation {
        Operation::Launch { tasks: self.tasks }
    }
}
