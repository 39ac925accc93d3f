//! Connections of clients to masters: in order, nothing lost between, until they break; then each
//! side learns of it at its own time. A client that is cut off learns nothing before its patience
//! ends.

use super::{
    event::{Happening, MasterEvent, Process},
    world::World,
};
use master_core::{Input, input::StreamId};
use proto::{
    convert::orders,
    model::{AgentCall, Duration, Instant, Order, Refusal, SchedulerEvent, Subscribe, WatchFilter},
    wire::v1,
};
use std::collections::BTreeMap;

/// Who is at the far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    Agent(usize),
    Framework(usize),
    Sdk(usize),
    Operator,
}

/// From a client.
#[derive(Debug)]
pub(crate) enum Up {
    Subscribe(Box<Subscribe>),
    Agent(Box<AgentCall>),
    Watch(Option<u64>),
    /// It has come to the end of what it was sent.
    Read,
    Closed,
}

/// From a master.
#[derive(Debug)]
pub(crate) enum Down {
    /// The connection stands.
    Opened,
    Framework(Box<SchedulerEvent>),
    Agent {
        term: u64,
        order: Box<Order>,
    },
    Watcher(Result<Box<v1::ClusterEvent>, Refusal>),
    /// Nothing: whoever reads this has read everything before it.
    Mark,
    Closed,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The client's own number for it.
    pub(crate) generation: u64,
    pub(crate) process: Process,
    client_open: bool,
    master_open: bool,
    /// Carries nothing any more, whatever its ends believe.
    severed: bool,
    up_until: Instant,
    down_until: Instant,
}

/// All connections that an end still knows.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    by_stream: BTreeMap<StreamId, Connection>,
    opened: u64,
}

impl Connections {
    pub(crate) fn get(&self, stream: StreamId) -> Option<&Connection> {
        self.by_stream.get(&stream)
    }

    /// Streams that a living end knows.
    pub(crate) fn streams(&self) -> Vec<StreamId> {
        self.by_stream.keys().copied().collect()
    }
}

impl World {
    /// A client opens a connection; the answer is `Opened` or `Closed`.
    pub(crate) fn open(&mut self, client: Client, generation: u64, host: usize) -> StreamId {
        self.connections.opened += 1;
        let stream = StreamId(self.connections.opened);
        let now = self.queue.now();
        let reachable = self.masters[host].is_up() && !self.network.is_isolated(client);
        let connection = Connection {
            client,
            generation,
            process: self.masters[host].process(host),
            client_open: true,
            master_open: reachable,
            severed: !reachable,
            up_until: now,
            down_until: now,
        };
        self.connections.by_stream.insert(stream, connection);
        let delay = self.network.delay(false);
        let down = if reachable { Down::Opened } else { Down::Closed };
        self.queue.after(delay, Happening::Down { stream, down });
        stream
    }

    /// The client says something.
    pub(crate) fn up(&mut self, stream: StreamId, up: Up) {
        let Some(connection) = self.connections.by_stream.get_mut(&stream) else { return };
        if !connection.client_open {
            return;
        }
        if matches!(up, Up::Closed) {
            connection.client_open = false;
        }
        if self.network.is_isolated(connection.client) {
            return self.sever(stream);
        }
        if connection.severed {
            return;
        }
        let delay = self.network.delay(false);
        let at = (self.queue.now() + delay).max(connection.up_until);
        connection.up_until = at;
        let process = connection.process;
        self.queue.at(at, Happening::Master(process, MasterEvent::Up { stream, up }));
    }

    /// The master says something.
    pub(crate) fn down(&mut self, stream: StreamId, down: Down) {
        let Some(connection) = self.connections.by_stream.get_mut(&stream) else { return };
        if !connection.master_open {
            return;
        }
        if matches!(down, Down::Closed) {
            connection.master_open = false;
        }
        if self.network.is_isolated(connection.client) {
            return self.sever(stream);
        }
        if connection.severed {
            return;
        }
        let delay = self.network.delay(false);
        let at = (self.queue.now() + delay).max(connection.down_until);
        connection.down_until = at;
        self.queue.at(at, Happening::Down { stream, down });
    }

    /// The client reads nothing for a while: what it is sent waits.
    pub(crate) fn stall(&mut self, stream: StreamId, wait: Duration) {
        let until = self.queue.now() + wait;
        if let Some(connection) = self.connections.by_stream.get_mut(&stream) {
            connection.down_until = connection.down_until.max(until);
        }
    }

    /// The path is gone without a word: each end notices by its keep-alive only.
    fn sever(&mut self, stream: StreamId) {
        self.break_connection(stream, 4_000, 15_000);
    }

    /// The connection is reset: both ends learn of it soon.
    pub(crate) fn reset(&mut self, stream: StreamId) {
        self.break_connection(stream, 1, 300);
    }

    fn break_connection(&mut self, stream: StreamId, first: u64, last: u64) {
        let Some(connection) = self.connections.by_stream.get_mut(&stream) else { return };
        if connection.severed {
            return;
        }
        connection.severed = true;
        let process = connection.process;
        let (to_client, to_master) =
            (self.network.chance.time(first, last), self.network.chance.time(first, last));
        let down = Happening::Down { stream, down: Down::Closed };
        // What was sent before arrives before.
        let at = (self.queue.now() + to_client).max(connection.down_until);
        self.queue.at(at, down);
        let up = MasterEvent::Up { stream, up: Up::Closed };
        let at = (self.queue.now() + to_master).max(connection.up_until);
        self.queue.at(at, Happening::Master(process, up));
    }

    /// A client's process ends: its connections with it.
    pub(crate) fn client_died(&mut self, client: Client) {
        let mine = |(stream, connection): (&StreamId, &Connection)| {
            (connection.client == client && connection.client_open).then_some(*stream)
        };
        let streams: Vec<_> = self.connections.by_stream.iter().filter_map(mine).collect();
        for stream in streams {
            self.up(stream, Up::Closed);
            self.forget_if_dead(stream);
        }
    }

    /// A master's process ends: its connections with it.
    pub(crate) fn master_died(&mut self, process: Process) {
        let mine = |(stream, connection): (&StreamId, &Connection)| {
            (connection.process == process && connection.master_open).then_some(*stream)
        };
        let streams: Vec<_> = self.connections.by_stream.iter().filter_map(mine).collect();
        for stream in streams {
            self.down(stream, Down::Closed);
            self.forget_if_dead(stream);
        }
    }

    fn forget_if_dead(&mut self, stream: StreamId) {
        let dead = |connection: &Connection| !connection.client_open && !connection.master_open;
        if self.connections.by_stream.get(&stream).is_some_and(dead) {
            self.connections.by_stream.remove(&stream);
        }
    }

    /// Something arrived at a master that lives and runs.
    pub(crate) fn up_arrives(&mut self, process: Process, stream: StreamId, up: Up) {
        let Some(connection) = self.connections.by_stream.get_mut(&stream) else { return };
        if !connection.master_open {
            return;
        }
        let client = connection.client;
        let input = match up {
            Up::Closed => {
                connection.master_open = false;
                self.forget_if_dead(stream);
                self.oracles.offers.stream_closed(stream);
                Input::StreamClosed(stream)
            }
            Up::Subscribe(subscribe) => {
                let principal = self.principal(client);
                Input::FrameworkSubscribe { stream, principal, subscribe: *subscribe }
            }
            Up::Agent(call) => {
                // As the shell does: over the wire, where everything is checked.
                let wire = orders::write_agent_message(&call);
                let message = orders::read_agent_message(wire)
                    .unwrap_or_else(|refusal| panic!("an agent wrote {call:?}: {refusal:?}"));
                assert_eq!(message, *call, "an agent's message survives the wire");
                Input::AgentMessage { stream, principal: self.principal(client), message }
            }
            Up::Watch(after) => {
                let (principal, filter) = (self.principal(client), WatchFilter::default());
                Input::OperatorWatch { stream, principal, after, filter }
            }
            Up::Read => Input::StreamRead(stream),
        };
        self.give_master(process.host, input);
    }

    /// Something arrived at a client.
    pub(crate) fn down_arrives(&mut self, stream: StreamId, down: Down) {
        let Some(connection) = self.connections.by_stream.get_mut(&stream) else { return };
        if !connection.client_open {
            return;
        }
        let (client, generation) = (connection.client, connection.generation);
        if matches!(down, Down::Closed) {
            connection.client_open = false;
            self.forget_if_dead(stream);
        }
        if matches!(down, Down::Mark) {
            return self.up(stream, Up::Read);
        }
        match client {
            Client::Agent(agent) => self.agent_hears(agent, generation, down),
            Client::Framework(framework) => self.framework_hears(framework, stream, down),
            Client::Sdk(sdk) => self.sdk_hears(sdk, stream, down),
            Client::Operator => self.operator_hears(stream, down),
        }
    }

    /// How long a call or its answer takes; `None` when it is lost.
    pub(crate) fn call_delay(&mut self, client: Client) -> Option<Duration> {
        if self.network.is_isolated(client) {
            return None;
        }
        let lost = !self.healed && self.network.chance.per_mille(30);
        (!lost).then(|| self.network.delay(false))
    }
}
