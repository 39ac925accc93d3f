//! Where the parties of a cluster are, and what is between them.

use crate::{
    cluster::Shape,
    home::Home,
    network::{Network, Party, Wires, namespaces::Namespaces, proxies::Proxies},
    node::{Node, Told},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
};

/// Parties, not started, and the network that can fail, if there is one.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) masters: BTreeMap<u64, Node>,
    pub(crate) agents: BTreeMap<String, Node>,
    pub(crate) network: Option<Network>,
}

/// Ports that the kernel chose at a loopback address, held until all are chosen: so they differ.
#[derive(Debug)]
struct Ports {
    host: Ipv4Addr,
    held: Vec<TcpListener>,
}

/// Ports in a namespace, where nobody else is: of a master, and of the first agent.
const PORT: u16 = 5_050;

impl Places {
    pub(crate) fn new(home: &Home, shape: &Shape) -> anyhow::Result<Self> {
        match shape.wires {
            Wires::Loopback | Wires::Proxies => Self::on_loopback(home, shape),
            Wires::Namespaces => Self::in_namespaces(home, shape),
        }
    }

    /// Where masters and agents are reached.
    pub(crate) fn hosts(&self) -> BTreeSet<IpAddr> {
        self.masters.values().chain(self.agents.values()).map(|node| node.api.ip()).collect()
    }

    /// All at an address of this cluster's own.
    fn on_loopback(home: &Home, shape: &Shape) -> anyhow::Result<Self> {
        let mut ports = Ports::new();
        let mut masters = BTreeMap::new();
        for id in 1..=shape.masters {
            masters.insert(id, Node::new(home, "master", &master_name(id), ports.three()?));
        }
        let mut agents = BTreeMap::new();
        for id in (1..=shape.agents).map(agent_name) {
            agents.insert(id.clone(), Node::new(home, "agent", &id, ports.three()?));
        }
        let network = match shape.wires {
            Wires::Proxies => Some(Network::Proxies(proxies(&mut masters)?)),
            Wires::Loopback | Wires::Namespaces => None,
        };
        Ok(Self { masters, agents, network })
    }

    fn in_namespaces(home: &Home, shape: &Shape) -> anyhow::Result<Self> {
        let namespaces = Namespaces::new(home, shape.masters)?;
        let place = |kind, name: &str, party, first_port: u16| -> anyhow::Result<Node> {
            let address = IpAddr::V4(namespaces.address(party)?);
            let addresses = [0, 1, 2].map(|more| SocketAddr::new(address, first_port + more));
            let mut node = Node::new(home, kind, name, addresses);
            node.launcher = namespaces.launcher(party)?;
            Ok(node)
        };
        let masters = (1..=shape.masters)
            .map(|id| Ok((id, place("master", &master_name(id), Party::Master(id), PORT)?)));
        let masters = masters.collect::<anyhow::Result<_>>()?;
        let agents = (1..=shape.agents).zip((PORT..).step_by(3)).map(|(number, port)| {
            let id = agent_name(number);
            let node = place("agent", &id, Party::Clients, port)?;
            Ok((id, node))
        });
        let agents = agents.collect::<anyhow::Result<_>>()?;
        Ok(Self { masters, agents, network: Some(Network::Namespaces(namespaces)) })
    }
}

impl Ports {
    fn new() -> Self {
        let [a, b, c] = rand::random::<[u8; 3]>();
        let host = Ipv4Addr::new(127, a | 1, b, c.clamp(2, 250));
        Self { host, held: Vec::new() }
    }

    fn three(&mut self) -> io::Result<[SocketAddr; 3]> {
        let [one, two, three] = [(); 3].map(|()| {
            let socket = TcpListener::bind((self.host, 0))?;
            let address = socket.local_addr();
            self.held.push(socket);
            address
        });
        Ok([one?, two?, three?])
    }
}

/// Puts proxies before all addresses of masters.
fn proxies(masters: &mut BTreeMap<u64, Node>) -> io::Result<Proxies> {
    let proxies = Proxies::new()?;
    for (id, node) in masters {
        let (api, peer) = (proxies.proxy(*id, node.api)?, proxies.proxy(*id, node.peer)?);
        node.told = Told { api, peer };
    }
    Ok(proxies)
}

fn master_name(id: u64) -> String {
    format!("master-{id}")
}

fn agent_name(number: u64) -> String {
    format!("agent-{number}")
}
