//! A cluster of real processes: masters and agents that can be killed, stopped and started again.
//!
//! Each cluster listens on a loopback address of its own with ports that the kernel chose. Outgoing
//! connections have another address, so that nobody takes a port while its master is down.

use super::{Daemon, Home, Operator, Pki, Security, bourse, holds, metric, metrics_page};
use nix::sys::signal::Signal;
use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
};

/// What kind of cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) name: &'a str,
    pub(crate) masters: u64,
    /// Mutual TLS; otherwise `--insecure`.
    pub(crate) secure: bool,
    pub(crate) flags: &'a [&'a str],
}

/// What an agent makes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Nothing for so many milliseconds.
    Emulated(u64),
    Plain,
    Full,
}

/// A party of the cluster, running or not.
#[derive(Debug)]
pub(crate) struct Node {
    daemon: Option<Daemon>,
    flags: Vec<String>,
    log: PathBuf,
    pub(crate) data_dir: PathBuf,
    pub(crate) api: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) metrics: SocketAddr,
}

/// A cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) masters: BTreeMap<u64, Node>,
    pub(crate) agents: BTreeMap<String, Node>,
    pub(crate) operator: Operator,
    pub(crate) pki: Option<Pki>,
    pub(crate) host: IpAddr,
    pub(crate) home: Home,
}

/// The last lines of a log are what matters when a test has failed.
const LOG_LINES: usize = 40;

impl Cluster {
    /// Starts the masters and waits for a leader.
    pub(crate) fn start(shape: Shape<'_>) -> Self {
        let mut cluster = Self::prepare(shape);
        for id in 1..=shape.masters {
            cluster.start_master(id);
        }
        cluster.operator.cluster();
        cluster
    }

    /// A cluster whose masters have not been started.
    pub(crate) fn prepare(shape: Shape<'_>) -> Self {
        let home = Home::new();
        let [a, b, c] = rand::random::<[u8; 3]>();
        let host = IpAddr::V4(Ipv4Addr::new(127, a | 1, b, c.clamp(2, 250)));
        let pki = shape.secure.then(|| Pki::new(&home, "pki", shape.name, host));
        let operator = match &pki {
            None => (PathBuf::new(), PathBuf::new()),
            Some(pki) => pki.issue(&home, "operator", "live-test"),
        };
        let mut masters = BTreeMap::new();
        let ids = 1..=shape.masters;
        for (id, ports) in ids.clone().zip(ports(host, shape.masters)) {
            let node = Node::new(&home, &format!("master-{id}"), ports);
            masters.insert(id, node);
        }
        let members = masters.iter().map(|(id, node)| format!("{id}={}/{}", node.api, node.peer));
        let members = members.collect::<Vec<_>>().join(",");
        for (id, node) in &mut masters {
            let mut flags = vec![format!("--node-id={id}"), format!("--members={members}")];
            flags.extend([format!("--cluster={}", shape.name), format!("--listen={}", node.api)]);
            flags.push(format!("--peer-listen={}", node.peer));
            flags.push(format!("--metrics-listen={}", node.metrics));
            flags.push(format!("--data-dir={}", node.data_dir.display()));
            flags.extend(shape.flags.iter().map(|flag| (*flag).to_owned()));
            if let Some(pki) = &pki {
                pki.issue(&home, "master", &id.to_string());
            }
            flags.extend(security_flags(pki.as_ref(), "master", &id.to_string()));
            node.flags = flags;
        }
        let addresses = masters.values().map(|node| node.api).collect();
        let operator = Operator::of(pki.as_ref(), addresses, operator);
        Self { masters, agents: BTreeMap::new(), operator, pki, host, home }
    }

    /// Makes a master that joins, and starts it; an operator must add it.
    pub(crate) fn join_master(&mut self, id: u64) {
        let mut node =
            Node::new(&self.home, &format!("master-{id}"), ports(self.host, 1).remove(0));
        let (_, other) = self.masters.iter().next().expect("a cluster has masters");
        let own = ["--node-id=", "--members=", "--listen=", "--peer-listen=", "--data-dir="];
        let own = own.into_iter().chain(["--metrics-listen=", "--tls-"]);
        let own: Vec<&str> = own.collect();
        let shared = other.flags.iter().filter(|flag| !own.iter().any(|it| flag.starts_with(it)));
        node.flags = shared.cloned().collect();
        let join = self.addresses().iter().map(ToString::to_string).collect::<Vec<_>>();
        node.flags.push(format!("--join={}", join.join(",")));
        node.flags.extend([format!("--node-id={id}"), format!("--listen={}", node.api)]);
        node.flags.push(format!("--peer-listen={}", node.peer));
        node.flags.push(format!("--metrics-listen={}", node.metrics));
        node.flags.push(format!("--data-dir={}", node.data_dir.display()));
        if let Some(pki) = &self.pki {
            pki.issue(&self.home, "master", &id.to_string());
        }
        node.flags.extend(security_flags(self.pki.as_ref(), "master", &id.to_string()));
        self.operator.learn(node.api);
        self.masters.insert(id, node);
        self.start_master(id);
    }

    /// Forgets a master that has ended, and answers with how.
    pub(crate) fn forget_master(&mut self, id: u64) -> std::process::ExitStatus {
        let mut node = self.masters.remove(&id).expect("a master");
        self.operator.forget(node.api);
        node.daemon.take().expect("it was started").wait()
    }

    pub(crate) fn start_master(&mut self, id: u64) {
        let command = self.master_command(id, &[]);
        let node = self.masters.get_mut(&id).unwrap();
        assert!(node.daemon.is_none(), "master {id} runs already");
        node.daemon = Some(Daemon::start(command, &node.log));
    }

    /// The command of a master, with further flags, which replace its own of the same name.
    pub(crate) fn master_command(&self, id: u64, more: &[&str]) -> Command {
        let mut command = bourse(&self.home);
        command.arg("master").args(replaced(&self.masters[&id].flags, more)).args(more);
        command
    }

    pub(crate) fn kill_master(&mut self, id: u64) {
        self.masters.get_mut(&id).unwrap().daemon.take().unwrap().kill();
    }

    /// Stops a master's time; the kernel still answers for its sockets.
    pub(crate) fn pause_master(&self, id: u64) {
        self.masters[&id].daemon.as_ref().unwrap().pause();
    }

    pub(crate) fn resume_master(&self, id: u64) {
        self.masters[&id].daemon.as_ref().unwrap().signal(Signal::SIGCONT);
    }

    /// Ends a master as an operator does.
    pub(crate) fn stop_master(&mut self, id: u64) {
        let status = self.masters.get_mut(&id).unwrap().daemon.take().unwrap().terminate();
        assert!(status.success(), "master {id} ended with {status}");
    }

    /// Forgets everything that a master knows.
    pub(crate) fn wipe_master(&mut self, id: u64) {
        assert!(self.masters[&id].daemon.is_none(), "master {id} runs");
        fs::remove_dir_all(&self.masters[&id].data_dir).unwrap();
    }

    /// Who leads and serves.
    pub(crate) fn leader(&self) -> u64 {
        self.operator.cluster().leader_id
    }

    /// Waits until a member holds everything that was committed when this was called.
    pub(crate) fn caught_up(&self, id: u64) {
        let committed = self.operator.cluster().committed_index;
        let api = self.masters[&id].api;
        holds(&format!("member {id} catches up with {committed}"), || {
            // The leader remembers what a member held before it was started again.
            let answers = std::net::TcpStream::connect(api).is_ok();
            let members = self.operator.cluster().members;
            answers
                && members
                    .iter()
                    .any(|member| member.node_id == id && member.matched_index >= committed)
        });
    }

    /// Makes an agent and waits until it is registered.
    pub(crate) fn add_agent(&mut self, id: &str, isolation: Isolation, resources: &str) {
        self.prepare_agent(id, isolation, resources);
        self.start_agent(id);
    }

    /// As [`Self::add_agent`], with further flags.
    pub(crate) fn add_agent_with(
        &mut self,
        id: &str,
        isolation: Isolation,
        resources: &str,
        flags: &[&str],
    ) {
        self.prepare_agent(id, isolation, resources);
        let node = self.agents.get_mut(id).expect("it was just made");
        node.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self.start_agent(id);
    }

    /// Makes an agent that has not been started.
    pub(crate) fn prepare_agent(&mut self, id: &str, isolation: Isolation, resources: &str) {
        let mut node = Node::new(&self.home, id, ports(self.host, 1).remove(0));
        if isolation == Isolation::Full {
            self.home.watch_agent(&node.data_dir);
        }
        let masters = self.addresses().iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut flags = vec![format!("--master={}", masters.join(",")), format!("--agent-id={id}")];
        flags.push(format!("--data-dir={}", node.data_dir.display()));
        flags.push(format!("--listen={}", node.api));
        flags.push(format!("--metrics-listen={}", node.metrics));
        flags.push(format!("--resources={resources}"));
        flags.extend(match isolation {
            Isolation::Emulated(ms) => {
                vec!["--isolation=emulated".to_owned(), format!("--emulated-task-ms={ms}")]
            }
            Isolation::Plain => vec!["--isolation=none".to_owned()],
            Isolation::Full => vec!["--isolation=full".to_owned()],
        });
        if let Some(pki) = &self.pki {
            pki.issue(&self.home, "agent", id);
        }
        flags.extend(security_flags(self.pki.as_ref(), "agent", id));
        node.flags = flags;
        self.agents.insert(id.to_owned(), node);
    }

    /// Starts an agent and waits until it is registered.
    pub(crate) fn start_agent(&mut self, id: &str) {
        let command = self.agent_command(id, &[]);
        let node = self.agents.get_mut(id).unwrap();
        assert!(node.daemon.is_none(), "agent {id} runs already");
        node.daemon = Some(Daemon::start(command, &node.log));
        // The masters may still believe in its last life: ask itself.
        let address = node.metrics;
        holds(&format!("agent {id} registers"), || {
            let page = metrics_page(address).unwrap_or_default();
            metric(&page, "bourse_agent_connected", "") == Some(1.0)
        });
    }

    /// The command of an agent, with further flags, which replace its own of the same name.
    pub(crate) fn agent_command(&self, id: &str, more: &[&str]) -> Command {
        let mut command = bourse(&self.home);
        command.arg("agent").args(replaced(&self.agents[id].flags, more)).args(more);
        command
    }

    pub(crate) fn kill_agent(&mut self, id: &str) {
        self.agents.get_mut(id).unwrap().daemon.take().unwrap().kill();
    }

    /// Ends an agent as an operator does.
    pub(crate) fn stop_agent(&mut self, id: &str) {
        let status = self.agents.get_mut(id).unwrap().daemon.take().unwrap().terminate();
        assert!(status.success(), "agent {id} ended with {status}");
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.masters.values().map(|node| node.api).collect()
    }

    /// Flags of a client command that calls as `kind/id`, whose certificate is made here.
    pub(crate) fn client_flags(&self, kind: &str, id: &str) -> Vec<String> {
        let masters = self.addresses().iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut flags = vec!["--masters".to_owned(), masters.join(",")];
        match &self.pki {
            None => flags.push("--insecure".to_owned()),
            Some(pki) => {
                pki.issue(&self.home, kind, id);
                flags.extend(pki.flags("", kind, id));
            }
        }
        flags
    }

    /// The security of a client that calls as `kind/id`.
    pub(crate) fn security(&self, kind: &str, id: &str) -> Security {
        match &self.pki {
            None => Security::Insecure,
            Some(pki) => {
                let (certificate, key) = pki.issue(&self.home, kind, id);
                Security::Tls(pki.ca(), certificate, key)
            }
        }
    }

    /// Ends everything in good order and sees that nothing is left.
    pub(crate) fn finish(mut self) {
        let agents: Vec<String> = running(&self.agents).cloned().collect();
        agents.iter().for_each(|id| self.stop_agent(id));
        let masters: Vec<u64> = running(&self.masters).copied().collect();
        masters.iter().for_each(|id| self.stop_master(*id));
        self.home.assert_clean();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for node in self.masters.values().chain(self.agents.values()) {
            let log = fs::read_to_string(&node.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            println!("=== the end of {}", node.log.display());
            lines.iter().skip(lines.len().saturating_sub(LOG_LINES)).for_each(|l| println!("{l}"));
        }
    }
}

impl Node {
    fn new(home: &Home, name: &str, [api, peer, metrics]: [SocketAddr; 3]) -> Self {
        let log = home.path().join("logs").join(format!("{name}.log"));
        let data_dir = home.path().join(name);
        Self { daemon: None, flags: Vec::new(), log, data_dir, api, peer, metrics }
    }

    /// Everything that it has logged, in earlier lives too.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has logged something.
    pub(crate) fn logs(&self, text: &str) {
        holds(&format!("{text:?} in {}", self.log.display()), || self.log().contains(text));
    }

    /// Whether its process is there.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(|daemon| daemon.ended().is_none())
    }
}

fn running<K>(nodes: &BTreeMap<K, Node>) -> impl Iterator<Item = &K> {
    nodes.iter().filter(|(_, node)| node.daemon.is_some()).map(|(id, _)| id)
}

/// Flags of the form `--name=value`, without those that come again.
fn replaced<'a>(flags: &'a [String], more: &[&str]) -> impl Iterator<Item = &'a String> {
    fn name(flag: &str) -> &str {
        flag.split_once('=').map_or(flag, |(name, _)| name)
    }
    flags.iter().filter(|flag| !more.iter().any(|other| name(flag) == name(other)))
}

fn security_flags(pki: Option<&Pki>, kind: &str, id: &str) -> Vec<String> {
    match pki {
        None => vec!["--insecure".to_owned()],
        Some(pki) => pki.flags("tls-", kind, id),
    }
}

/// Three addresses for each of some parties; free, and different from each other.
fn ports(host: IpAddr, parties: u64) -> Vec<[SocketAddr; 3]> {
    let bind = || TcpListener::bind((host, 0)).unwrap();
    let held: Vec<[TcpListener; 3]> = (0..parties).map(|_| [bind(), bind(), bind()]).collect();
    held.iter().map(|three| three.each_ref().map(|one| one.local_addr().unwrap())).collect()
}
