//! Clients whose leader is silent, and what they ask another master. As the shells do it: whoever
//! is asked answers from what it knows, at once when that is news and after a wait otherwise.

use super::{
    event::{Happening, MasterEvent, Process},
    master_world::address_of,
    streams::Client,
    world::World,
};
use agent_core::{Agent, Input as AgentInput};
use bourse_sdk::session::Input as SdkInput;
use master_core::Master;
use proto::model::{Leadership, NodeId, Question, limits};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asker {
    /// In one of its lives.
    Agent {
        agent: usize,
        life: u64,
    },
    Sdk(usize),
}

/// What was asked of a master.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeaderQuestion {
    asker: Asker,
    question: Question,
    /// The wait for news is over.
    is_last: bool,
}

impl Asker {
    fn client(self) -> Client {
        match self {
            Self::Agent { agent, .. } => Client::Agent(agent),
            Self::Sdk(sdk) => Client::Sdk(sdk),
        }
    }
}

impl World {
    /// A question goes to a master; one that is lost is answered by nobody.
    pub(crate) fn find_leader(&mut self, asker: Asker, question: Question, to: usize) {
        self.sometimes.note("another master asked who leads");
        let Some(delay) = self.call_delay(asker.client()) else { return };
        let asked = LeaderQuestion { asker, question, is_last: false };
        let process = self.masters[to].process(to);
        self.queue.after(delay, Happening::Master(process, MasterEvent::FindLeader(asked)));
    }

    /// A question arrived, or has waited for news.
    pub(crate) fn leader_asked(&mut self, process: Process, asked: LeaderQuestion) {
        let host = &self.masters[process.host];
        let master = host.master.as_ref().expect("it is up");
        let leader = leader(master, host.node);
        let is_news = leader.is_some() && master.term() > asked.question.above_term;
        if !is_news && !asked.is_last {
            let last = MasterEvent::FindLeader(LeaderQuestion { is_last: true, ..asked });
            return self.queue.after(limits::LEADER_NEWS_WAIT, Happening::Master(process, last));
        }
        let (cluster, term) = (self.cluster.clone(), master.term());
        let answer = Leadership { cluster, term, leader };
        if let Some(delay) = self.call_delay(asked.asker.client()) {
            let (asker, question) = (asked.asker, asked.question.number);
            self.queue.after(delay, Happening::LeaderFound { asker, question, answer });
        }
    }

    /// An answer arrived.
    pub(crate) fn leader_found(&mut self, asker: Asker, question: u64, answer: Leadership) {
        let was_connected = self.is_connected(asker);
        match asker {
            Asker::Agent { agent, life } if self.agents[agent].life == life => {
                let answer = Some(answer);
                self.step_agent(agent, AgentInput::LeaderFound { question, answer });
            }
            Asker::Agent { .. } => {}
            Asker::Sdk(sdk) => {
                self.step_sdk(sdk, vec![SdkInput::LeaderFound(question, Some(answer))]);
            }
        }
        if was_connected && !self.is_connected(asker) {
            self.sometimes.note("silent leader left for its successor");
        }
    }

    /// Whom an agent asks: each in turn, but for the one that it is connected to.
    pub(crate) fn other_master(&self, agent: usize, question: Question) -> usize {
        let stream = self.agents[agent].stream.and_then(|(_, stream)| self.connections.get(stream));
        let leader = stream.map_or(0, |connection| connection.process.host);
        let others = self.masters.len().saturating_sub(1).max(1);
        let nth = usize::try_from(question.number).unwrap_or(0) % others;
        (leader + 1 + nth) % self.masters.len()
    }

    fn is_connected(&self, asker: Asker) -> bool {
        match asker {
            Asker::Agent { agent, .. } => {
                self.agents[agent].agent.as_ref().is_some_and(Agent::is_registered)
            }
            Asker::Sdk(sdk) => self.sdks[sdk].is_connected(),
        }
    }
}

/// Who leads, by a master's own knowledge; itself only when it serves.
fn leader(master: &Master, node: NodeId) -> Option<String> {
    let leader = master.leader()?;
    let serves = leader != node || master.is_serving();
    serves.then(|| address_of(leader.0))
}
