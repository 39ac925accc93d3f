//! What frameworks said that were asked to leave agents, counted.
//!
//! Counted are inverse offers, one for each agent and framework. Who runs tasks on an agent that is
//! to be left and could not be asked yet, because it is not connected, has not answered.

use super::Moment;
use crate::{
    Ledger,
    ledger::{Agent, Window},
    offers::inverse::{Asked, Request},
};
use proto::{
    model::{AgentId, FrameworkId, InverseAnswer, WindowId},
    wire::v1,
};
use std::collections::{BTreeMap, BTreeSet};

/// Of one agent; nobody when it is not to be left.
pub(super) fn tally_of_agent(moment: &Moment, agent: &Agent) -> Vec<v1::InverseTally> {
    let (ledger, asked) = (&moment.ledger, &moment.asked);
    let window = ledger.departure(agent).map(|departure| departure.window);
    let window = window.filter(|_| moment.age.is_none());
    let Some(window) = window else { return Vec::new() };
    let mut tallies = BTreeMap::new();
    add(ledger, asked, (&agent.info.id, window), &mut tallies);
    tallies.into_values().collect()
}

/// Of the agents that are to be left because of a window.
pub(super) fn tally_of_window(moment: &Moment, window: &Window) -> Vec<v1::InverseTally> {
    let (ledger, asked) = (&moment.ledger, &moment.asked);
    let mut tallies = BTreeMap::new();
    for id in ledger.agents_of_window(window).filter(|_| moment.age.is_none()) {
        let departure = ledger.agent(id).and_then(|agent| ledger.departure(agent));
        if departure.is_some_and(|departure| departure.window == Some(window.id)) {
            add(ledger, asked, (id, Some(window.id)), &mut tallies);
        }
    }
    tallies.into_values().collect()
}

fn add(
    ledger: &Ledger,
    asked: &Asked,
    (agent, window): (&AgentId, Option<WindowId>),
    tallies: &mut BTreeMap<FrameworkId, v1::InverseTally>,
) {
    let live = ledger.tasks_of_agent(agent).filter(|task| !task.is_terminal());
    let mut frameworks: BTreeSet<FrameworkId> = live.map(|task| task.key.framework).collect();
    let nobody = BTreeMap::new();
    let asked = asked.get(agent).unwrap_or(&nobody);
    let is_current = |request: &Request| request.departure.window == window;
    let current = asked.iter().filter(|(_, request)| is_current(request));
    frameworks.extend(current.map(|(framework, _)| *framework));
    for framework in frameworks {
        let empty =
            || v1::InverseTally { framework_id: framework.to_string(), ..Default::default() };
        let tally = tallies.entry(framework).or_insert_with(empty);
        let request = asked.get(&framework).filter(|request| is_current(request));
        match request.and_then(|request| request.answer.as_ref()) {
            None => tally.unanswered += 1,
            Some(InverseAnswer::Accept) => tally.accepted += 1,
            Some(InverseAnswer::Decline { message }) => {
                tally.declined += 1;
                tally.decline_message.clone_from(message);
            }
        }
    }
}
