//! A cluster of real processes: masters and agents that can be killed, stopped and started again.
//!
//! Each cluster listens on a loopback address of its own with ports that the kernel chose. Outgoing
//! connections have another address, so that nobody takes a port while its master is down. All know
//! each other by certificates. In a network that can fail the operator and the readers of an
//! exercise still reach every master, as if they sat beside it.

use crate::{
    authority::Authority,
    home::Home,
    metrics_page,
    network::{Network, Party, Wires},
    node::Node,
    operator::Operator,
    patience::{eventually, holds, within},
    places::Places,
    reads::Readers,
};
use anyhow::Context as _;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    time::Duration,
};

/// What kind of cluster.
#[derive(Debug, Clone)]
pub struct Shape {
    /// How many masters.
    pub masters: u64,
    /// How many agents.
    pub agents: u64,
    /// What an agent makes of a task.
    pub isolation: Isolation,
    /// What each agent has.
    pub resources: &'static str,
    /// Further flags of each master.
    pub master_flags: Vec<String>,
    /// Further flags of each agent.
    pub agent_flags: Vec<String>,
    /// What is between masters and whoever calls them.
    pub wires: Wires,
}

/// What an agent makes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Nothing for so many milliseconds.
    Emulated(u64),
    /// Plain processes.
    Plain,
    /// Containers where the user is root, else plain processes.
    Best,
}

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    /// By node id.
    pub masters: BTreeMap<u64, Node>,
    /// By agent id.
    pub agents: BTreeMap<String, Node>,
    /// Somebody who may ask everything.
    pub operator: Operator,
    network: Option<Network>,
    authority: Authority,
    /// Everything lies below it.
    pub home: Home,
}

/// What an agent writes to its log before each launch.
pub(crate) const LAUNCH_LINE: &str = "starting a container";

const NAME: &str = "trial";
/// A follower that was killed is there again within this.
const CAUGHT_UP: Duration = Duration::from_secs(60);

impl Shape {
    /// Three masters and agents whose tasks are no processes.
    pub fn emulated(agents: u64, task_ms: u64) -> Self {
        Self {
            masters: 3,
            agents,
            isolation: Isolation::Emulated(task_ms),
            resources: "cpus:64;mem:65536",
            master_flags: Vec::new(),
            agent_flags: Vec::new(),
            wires: Wires::Loopback,
        }
    }
}

impl Cluster {
    /// Everything made and nothing started.
    pub fn prepare(program: &Path, shape: &Shape) -> anyhow::Result<Self> {
        let home = Home::new(program)?;
        let places = Places::new(&home, shape)?;
        let authority = Authority::new(&home, NAME, &places.hosts());
        let Places { masters, agents, network } = places;
        let operator = operator(&home, &authority, &masters)?;
        let mut cluster = Self { masters, agents, operator, network, authority, home };
        cluster.write_flags(shape)?;
        Ok(cluster)
    }

    /// Starts all and waits until they know each other.
    pub fn start(program: &Path, shape: &Shape) -> anyhow::Result<Self> {
        let mut cluster = Self::prepare(program, shape)?;
        cluster.start_all().with_context(|| cluster.log_ends())?;
        Ok(cluster)
    }

    /// Starts what does not run, and waits until all know each other.
    pub fn start_all(&mut self) -> anyhow::Result<()> {
        let ids: Vec<u64> = self.masters.keys().copied().collect();
        for id in ids {
            if !self.master(id)?.is_running() {
                self.start_master(id)?;
            }
        }
        self.operator.cluster()?;
        for node in self.agents.values_mut().filter_map(stopped) {
            node.start(&self.home)?;
        }
        for (id, node) in &self.agents {
            registered(id, node)?;
        }
        Ok(())
    }

    /// Who leads and serves.
    pub fn leader(&self) -> anyhow::Result<u64> {
        Ok(self.operator.cluster()?.leader_id)
    }

    /// A master by its id.
    pub fn master(&mut self, id: u64) -> anyhow::Result<&mut Node> {
        self.masters.get_mut(&id).with_context(|| format!("there is no master {id}"))
    }

    /// Kills a master without a word.
    pub fn kill_master(&mut self, id: u64) -> anyhow::Result<()> {
        self.master(id)?.take()?.kill().with_context(|| format!("master {id}"))
    }

    /// Starts a master on its data directory.
    pub fn start_master(&mut self, id: u64) -> anyhow::Result<()> {
        let node = self.masters.get_mut(&id).context("there is no such master")?;
        let mut start = || {
            node.start(&self.home)?;
            Ok(node.process()?.pid())
        };
        match &self.network {
            // They have to know who calls.
            Some(Network::Proxies(proxies)) => proxies.introduce(id, start),
            Some(Network::Namespaces(_)) | None => start().map(drop),
        }
    }

    /// The network that can fail.
    pub fn network(&self) -> anyhow::Result<&Network> {
        self.network.as_ref().context("nothing is between these masters")
    }

    /// Everybody but one master.
    pub fn others(&self, master: u64) -> Vec<Party> {
        let others = self.masters.keys().copied().filter(|id| *id != master);
        others.map(Party::Master).chain([Party::Clients]).collect()
    }

    /// An agent by its id.
    pub fn agent(&mut self, id: &str) -> anyhow::Result<&mut Node> {
        self.agents.get_mut(id).with_context(|| format!("there is no agent {id}"))
    }

    /// Starts an agent on its data directory.
    pub fn start_agent(&mut self, id: &str) -> anyhow::Result<()> {
        let node = self.agents.get_mut(id).context("there is no such agent")?;
        node.start(&self.home)
    }

    /// Waits until a member holds everything that was committed when this was called.
    pub fn caught_up(&self, id: u64) -> anyhow::Result<()> {
        let committed = self.operator.cluster()?.committed_index;
        let api = self.masters.get(&id).context("there is no such master")?.api;
        within(CAUGHT_UP, &format!("master {id} catches up with {committed}"), || {
            // The leader remembers what a member held before it was started again.
            std::net::TcpStream::connect(api).ok()?;
            let members = self.operator.cluster_now()?.members;
            let held = members.iter().find(|member| member.node_id == id)?.matched_index;
            (held >= committed).then_some(())
        })
    }

    /// What a framework of this name connects with.
    pub fn for_framework(&self, name: &str) -> anyhow::Result<bourse_sdk::Masters> {
        let files = self.authority.issue(&self.home, "framework", name)?;
        let security = bourse_sdk::Security::Tls(bourse_sdk::TlsSettings {
            ca_pem: fs::read(files.ca)?,
            certificate_pem: fs::read(files.certificate)?,
            key_pem: fs::read(files.key)?,
        });
        let addresses = self.masters.values().map(|node| node.told.api.to_string()).collect();
        Ok(bourse_sdk::Masters { addresses, security })
    }

    /// Another client of the operator API, for a thread of its own.
    pub fn another_operator(&self) -> anyhow::Result<Operator> {
        let files = self.authority.issue(&self.home, "operator", "trial")?;
        Operator::new(&api_addresses(&self.masters), &files)
    }

    /// Readers that keep asking all masters.
    pub fn readers(&self) -> anyhow::Result<Readers> {
        let files = self.authority.issue(&self.home, "operator", "trial")?;
        Readers::start(&api_addresses(&self.masters), &files)
    }

    /// How often each task was launched, on all agents and in all their lives, as their logs say.
    pub fn launches(&self) -> anyhow::Result<BTreeMap<String, u32>> {
        let mut launches = BTreeMap::new();
        for id in self.agents.keys() {
            let file = fs::File::open(self.home.log(id))?;
            for line in BufReader::new(file).lines() {
                let line = line?;
                if let Some(task) = launched(&line) {
                    *launches.entry(task.to_owned()).or_default() += 1;
                }
            }
        }
        Ok(launches)
    }

    /// Processes that ended by themselves, which none may.
    pub fn fallen(&mut self) -> Vec<String> {
        let masters = self.masters.iter_mut().map(|(id, node)| (format!("master-{id}"), node));
        let agents = self.agents.iter_mut().map(|(id, node)| (id.clone(), node));
        let fallen = |(name, node): (String, &mut Node)| {
            (node.process().is_ok() && !node.is_running()).then_some(name)
        };
        masters.chain(agents).filter_map(fallen).collect()
    }

    /// Ends everything in good order and sees that nothing is left.
    pub fn finish(mut self) -> anyhow::Result<()> {
        for node in self.agents.values_mut().chain(self.masters.values_mut()) {
            if node.is_running() {
                node.take()?.terminate()?;
            }
            node.disk.take().map_or(Ok(()), |mut disk| disk.unmount())?;
        }
        drop(self.network);
        self.home.close()
    }

    /// The ends of all logs, for a report of what went wrong.
    pub fn log_ends(&self) -> String {
        let nodes = self.masters.values().chain(self.agents.values());
        nodes.map(|node| node.log_end(&self.home)).collect()
    }

    fn write_flags(&mut self, shape: &Shape) -> anyhow::Result<()> {
        let members = self.masters.iter();
        let members =
            members.map(|(id, node)| format!("{id}={}/{}", node.told.api, node.told.peer));
        let members = members.collect::<Vec<_>>().join(",");
        for (id, node) in &mut self.masters {
            let files = self.authority.issue(&self.home, "master", &id.to_string())?;
            node.flags = vec![
                format!("--cluster={NAME}"),
                format!("--node-id={id}"),
                format!("--members={members}"),
                format!("--peer-listen={}", node.peer),
            ];
            node.flags.extend(shared_flags(node));
            node.flags.extend(files.flags());
            node.flags.extend(shape.master_flags.iter().cloned());
        }
        let masters = self.masters.values().map(|node| node.told.api.to_string());
        let masters = masters.collect::<Vec<_>>().join(",");
        for (id, node) in &mut self.agents {
            let files = self.authority.issue(&self.home, "agent", id)?;
            node.flags = vec![
                format!("--master={masters}"),
                format!("--agent-id={id}"),
                format!("--resources={}", shape.resources),
            ];
            node.flags.extend(shared_flags(node));
            node.flags.extend(match shape.isolation {
                Isolation::Emulated(ms) => {
                    vec!["--isolation=emulated".to_owned(), format!("--emulated-task-ms={ms}")]
                }
                Isolation::Plain => vec!["--isolation=none".to_owned()],
                Isolation::Best => vec!["--isolation=auto".to_owned()],
            });
            node.flags.extend(files.flags());
            node.flags.extend(shape.agent_flags.iter().cloned());
        }
        Ok(())
    }
}

/// Waits until an agent itself says that it is registered: masters may still believe in its last
/// life.
pub fn registered(id: &str, node: &Node) -> anyhow::Result<()> {
    holds(&format!("{id} registers"), || is_registered(node))
}

/// Whether an agent says that it is registered.
pub fn is_registered(node: &Node) -> bool {
    let page = metrics_page::read(node.metrics).unwrap_or_default();
    metrics_page::value(&page, "bourse_agent_connected") == Some(1.0)
}

/// The task that a line of an agent's log launches. The line is part of no contract; should it
/// change, every task is missing from the count, and every exercise fails.
fn launched(line: &str) -> Option<&str> {
    let (_, fields) = line.split_once(LAUNCH_LINE)?;
    let task = fields.split_once("task=")?.1.split(' ').next()?;
    Some(task.split_once('/').map_or(task, |(_, task)| task))
}

fn stopped(node: &mut Node) -> Option<&mut Node> {
    (!node.is_running()).then_some(node)
}

fn shared_flags(node: &Node) -> [String; 2] {
    [format!("--listen={}", node.api), format!("--metrics-listen={}", node.metrics)]
}

fn api_addresses(masters: &BTreeMap<u64, Node>) -> BTreeMap<u64, SocketAddr> {
    masters.iter().map(|(id, node)| (*id, node.api)).collect()
}

fn operator(
    home: &Home,
    authority: &Authority,
    masters: &BTreeMap<u64, Node>,
) -> anyhow::Result<Operator> {
    let files = authority.issue(home, "operator", "trial")?;
    let addresses = api_addresses(masters);
    eventually("a client of the operator API", || Operator::new(&addresses, &files).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launch_is_found_in_a_log() {
        let line = "2026-11-29T00:05:20Z  INFO agent::run: starting a container \
                    container=c058 task=framework-2/load-2-912";
        assert_eq!(launched(line), Some("load-2-912"));
        assert_eq!(launched("INFO agent::run: connected task=framework-2/load-2-912"), None);
    }
}
