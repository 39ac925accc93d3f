//! How many commands a second does a group of three masters commit, each with its log on disk?
//!
//! Three real cores on three threads of this process; each writes the real log with its real writer
//! thread and syncs. Their messages are encoded and decoded as between processes, but no socket
//! lies between them. The leader is asked to kill tasks that exist (which changes nothing after the
//! first time), so many calls in flight at a time; a call counts when it is answered.

use anyhow::{Context as _, bail, ensure};
use benches::{
    arguments::Arguments,
    machine::sync_micros,
    processor,
    report::{Report, Target},
    rows,
    samples::Samples,
};
use master::disk::{
    Batch, DataDirectory, LogStore as _, LogWriter, Opening, WriteRequest, WriterEvent,
};
use master_core::{
    Config, Effect, Input, Ledger, Master, Now, Outbox,
    consensus::Restored,
    input::{CallId, StreamId},
    outbox::Persist,
};
use proto::model::{
    Duration, Instant, NodeId, Offer, Operation, Principal, Resources, SchedulerCall,
    SchedulerEvent, Session, WallTime,
};
use protobuf::Message as _;
use raft::eraftpb::Message;
use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread, time,
};

const TICK: time::Duration = time::Duration::from_millis(100);
/// What a master's shell takes in one turn.
const TURN_INPUTS_MAX: usize = proto::model::limits::COMMANDS_PER_BATCH_MAX;
const TASKS: usize = 64;
const AGENT: usize = 1;
const AGENT_STREAM: StreamId = StreamId(1);
const FRAMEWORK_STREAM: StreamId = StreamId(2);

/// What comes to a node's thread.
#[derive(Debug)]
enum Arrival {
    Peer(Vec<u8>),
    Written(u64),
    Input(Box<Input>),
    Load(Load),
    Stop,
}

/// Calls to make, so many in flight.
#[derive(Debug)]
struct Load {
    session: Session,
    in_flight: usize,
    calls: usize,
    done: SyncSender<Loaded>,
}

/// What a load took.
#[derive(Debug, Clone, Copy)]
struct Loaded {
    elapsed: time::Duration,
    entries: u64,
    log_steps: u64,
}

/// A load under way.
#[derive(Debug)]
struct UnderLoad {
    load: Load,
    asked: usize,
    answered: usize,
    begun: time::Instant,
    entries: u64,
    log_steps: u64,
}

/// One master.
struct Node {
    master: Master,
    origin: time::Instant,
    arrivals: Receiver<Arrival>,
    peers: BTreeMap<u64, SyncSender<Arrival>>,
    writer: LogWriter,
    /// Of requests that are not on disk: number, the core's number, what to send then.
    waiting: VecDeque<(u64, u64, Vec<Message>)>,
    requested: u64,
    log_steps: u64,
    principal: Principal,
    under_load: Option<UnderLoad>,
    /// What the core says while it is not under load.
    said: SyncSender<(NodeId, Effect)>,
    node: NodeId,
    outbox: Outbox,
    // Keeps the directory locked.
    _directory: DataDirectory,
}

impl Node {
    fn open(
        node: NodeId,
        folder: &Path,
        arrivals: (SyncSender<Arrival>, Receiver<Arrival>),
        peers: BTreeMap<u64, SyncSender<Arrival>>,
        said: SyncSender<(NodeId, Effect)>,
    ) -> anyhow::Result<Self> {
        let cluster = master::disk::ClusterId::try_from(rows::cluster().to_string())?;
        let opening = Opening { cluster, node: node.0, bootstrap: true };
        let mut directory = DataDirectory::open(folder, &opening)?;
        let mut store = directory.open_log()?;
        store.load()?;
        let (sender, arrivals) = arrivals;
        let writer = LogWriter::start(store, 1_024, move |event| match event {
            // The node's thread is gone only when nothing is to be written any more.
            WriterEvent::Persisted { number } => drop(sender.send(Arrival::Written(number))),
            WriterEvent::Failed { error } => panic!("the log cannot be written: {error:?}"),
            WriterEvent::Stopped => {}
        })?;
        let members = (1..=3).map(|id| (NodeId(id), format!("master-{id}:5050"))).collect();
        let mut config = Config::new(rows::cluster(), node, members);
        config.tick = Duration(u64::try_from(TICK.as_millis())?);
        // Snapshots are another question: no run comes near this.
        config.snapshot_entries = u64::MAX / 2;
        let restored = Restored { voter: true, ..Restored::default() };
        let ledger = Ledger::new(rows::cluster());
        let origin = time::Instant::now();
        let master = Master::open(config, restored, ledger, now_since(origin))?;
        Ok(Self {
            master,
            origin,
            arrivals,
            peers,
            writer,
            waiting: VecDeque::new(),
            requested: 0,
            log_steps: 0,
            principal: rows::principal("framework/bench"),
            under_load: None,
            said,
            node,
            outbox: Outbox::default(),
            _directory: directory,
        })
    }

    fn run(mut self) {
        let mut next_tick = time::Instant::now() + TICK;
        loop {
            let wants_calls = self.under_load.as_ref().is_some_and(UnderLoad::wants_calls);
            let patience = next_tick.saturating_duration_since(time::Instant::now());
            let patience = if wants_calls { time::Duration::ZERO } else { patience };
            let mut left = TURN_INPUTS_MAX;
            match self.arrivals.recv_timeout(patience) {
                Ok(Arrival::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(arrival) => self.take(arrival),
                Err(RecvTimeoutError::Timeout) => {}
            }
            while left > 0
                && let Ok(arrival) = self.arrivals.try_recv()
            {
                left -= 1;
                match arrival {
                    Arrival::Stop => return,
                    arrival => self.take(arrival),
                }
            }
            self.call(left);
            if time::Instant::now() >= next_tick {
                next_tick += TICK;
                self.step(Input::Tick);
            }
            self.master.flush(now_since(self.origin), &mut self.outbox);
            self.execute();
        }
    }

    fn step(&mut self, input: Input) {
        self.master.step(now_since(self.origin), input, &mut self.outbox);
    }

    fn take(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Peer(bytes) => {
                let message = Message::parse_from_bytes(&bytes).expect("encoded by a peer");
                self.step(Input::Peer(message));
            }
            Arrival::Written(number) => {
                self.log_steps += 1;
                while self.waiting.front().is_some_and(|(request, ..)| *request <= number) {
                    let (_, number, messages) = self.waiting.pop_front().expect("checked");
                    self.send(&messages);
                    self.step(Input::Persisted(number));
                }
            }
            Arrival::Input(input) => self.step(*input),
            Arrival::Load(load) => {
                self.under_load = Some(UnderLoad {
                    asked: 0,
                    answered: 0,
                    begun: time::Instant::now(),
                    entries: self.master.figures().entries_proposed,
                    log_steps: self.log_steps,
                    load,
                });
            }
            Arrival::Stop => unreachable!("taken by run"),
        }
    }

    /// Makes the calls of a load, as many as may be in flight.
    fn call(&mut self, at_most: usize) {
        for _ in 0..at_most {
            let Some(under) = self.under_load.as_mut().filter(|under| under.wants_calls()) else {
                return;
            };
            under.asked += 1;
            let call = CallId(under.asked as u64);
            let task = rows::task_id(under.asked % TASKS);
            let request = SchedulerCall::Kill { task, grace_period: None };
            let (principal, session) = (self.principal.clone(), under.load.session);
            self.step(Input::FrameworkCall { call, principal, session, request });
        }
    }

    fn execute(&mut self) {
        let mut outbox = std::mem::take(&mut self.outbox);
        for effect in outbox.drain() {
            match effect {
                Effect::Persist(persist) => self.persist(persist),
                Effect::SendPeers(messages) => self.send(&messages),
                Effect::Reply { answer, .. } if self.under_load.is_some() => {
                    answer.expect("a kill of a task that exists is answered");
                    self.answered();
                }
                // The order to the agent that a kill makes: there is no agent here.
                Effect::ToAgent { .. } if self.under_load.is_some() => {}
                other => drop(self.said.try_send((self.node, other))),
            }
        }
        self.outbox = outbox;
    }

    fn answered(&mut self) {
        let entries = self.master.figures().entries_proposed;
        let under = self.under_load.as_mut().expect("checked by the caller");
        under.answered += 1;
        if under.answered == under.load.calls {
            let loaded = Loaded {
                elapsed: under.begun.elapsed(),
                entries: entries - under.entries,
                log_steps: self.log_steps - under.log_steps,
            };
            let _ = under.load.done.send(loaded);
            self.under_load = None;
        }
    }

    fn persist(&mut self, persist: Persist) {
        let Persist { number, entries, hard_state, messages, .. } = persist;
        let batch = Batch { hard_state, entries, ..Batch::default() };
        if batch == Batch::default() && self.waiting.is_empty() {
            self.send(&messages);
            self.step(Input::Persisted(number));
            return;
        }
        if batch != Batch::default() {
            self.requested += 1;
            let request = WriteRequest { number: self.requested, batch };
            self.writer.submit(request).expect("fewer requests than the queue holds");
        }
        self.waiting.push_back((self.requested, number, messages));
    }

    fn send(&self, messages: &[Message]) {
        for message in messages {
            let bytes = message.write_to_bytes().expect("no required field is missing");
            // A full queue loses the message, as a network does; raft sends it again.
            let _ = self.peers[&message.to].try_send(Arrival::Peer(bytes));
        }
    }
}

impl UnderLoad {
    fn wants_calls(&self) -> bool {
        self.asked < self.load.calls && self.asked - self.answered < self.load.in_flight
    }
}

fn now_since(origin: time::Instant) -> Now {
    let ms = u64::try_from(origin.elapsed().as_millis()).expect("not that long");
    Now { monotonic: Instant(ms), wall: WallTime(1_700_000_000_000 + ms) }
}

/// The three, from outside.
struct Group {
    nodes: BTreeMap<u64, SyncSender<Arrival>>,
    threads: Vec<thread::JoinHandle<()>>,
    said: Receiver<(NodeId, Effect)>,
    leader: NodeId,
}

impl Group {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let (say, said) = sync_channel(65_536);
        let mut receivers = BTreeMap::new();
        let mut nodes = BTreeMap::new();
        for id in 1..=3 {
            let (sender, receiver) = sync_channel(65_536);
            nodes.insert(id, sender);
            receivers.insert(id, receiver);
        }
        let mut threads = Vec::new();
        for (id, receiver) in receivers {
            let (own, peers) = (nodes[&id].clone(), nodes.clone());
            let folder = folder.join(format!("master-{id}"));
            let node = Node::open(NodeId(id), &folder, (own, receiver), peers, say.clone())?;
            let thread = thread::Builder::new().name(format!("master-{id}"));
            threads.push(thread.spawn(move || node.run())?);
        }
        let mut group = Self { nodes, threads, said, leader: NodeId(0) };
        group.leader = group.wait_for(|node, effect| match effect {
            Effect::Role(role) if role.serving => Some(node),
            _ => None,
        })?;
        Ok(group)
    }

    fn wait_for<T>(&self, mut what: impl FnMut(NodeId, Effect) -> Option<T>) -> anyhow::Result<T> {
        let deadline = time::Instant::now() + time::Duration::from_secs(30);
        loop {
            let left = deadline.saturating_duration_since(time::Instant::now());
            let (node, effect) = self.said.recv_timeout(left).context("the group is silent")?;
            if let Some(found) = what(node, effect) {
                return Ok(found);
            }
        }
    }

    fn tell(&self, input: Input) -> anyhow::Result<()> {
        self.nodes[&self.leader.0].send(Arrival::Input(Box::new(input)))?;
        Ok(())
    }

    /// An agent, a framework, and tasks to kill.
    fn furnish(&self) -> anyhow::Result<Session> {
        let message = rows::register(AGENT, Resources::cpus_mem(1_000_000, 1_000_000));
        let principal = rows::principal(&format!("agent/{}", rows::agent_id(AGENT)));
        self.tell(Input::AgentMessage { stream: AGENT_STREAM, principal, message })?;
        let (stream, subscribe) = (FRAMEWORK_STREAM, rows::subscribe("bench"));
        let principal = rows::principal("framework/bench");
        self.tell(Input::FrameworkSubscribe { stream, principal, subscribe })?;
        let mut session = None;
        let offer: Offer = self.wait_for(|_, effect| match effect {
            Effect::ToFramework {
                event: SchedulerEvent::Subscribed { session: ours, .. }, ..
            } => {
                session = Some(ours);
                None
            }
            Effect::ToFramework { event: SchedulerEvent::Offers(offers), .. } => {
                offers.into_iter().next()
            }
            _ => None,
        })?;
        let session = session.context("subscribed before offered")?;
        let task = |number| rows::task_info(number, &offer.agent, Resources::cpus_mem(100, 64));
        let request = SchedulerCall::Accept {
            offers: vec![offer.id],
            operations: Operation::launch((0..TASKS).map(task).collect()),
            partial: false,
            refuse: Duration::from_seconds(3_600).into(),
            request: None,
        };
        let (call, principal) = (CallId(0), rows::principal("framework/bench"));
        self.tell(Input::FrameworkCall { call, principal, session, request })?;
        let answer = self.wait_for(|_, effect| match effect {
            Effect::Reply { answer, .. } => Some(answer),
            _ => None,
        })?;
        ensure!(answer.is_ok(), "the tasks are refused: {answer:?}");
        Ok(session)
    }

    fn load(&self, session: Session, in_flight: usize, calls: usize) -> anyhow::Result<Loaded> {
        let (done, loaded) = sync_channel(1);
        let load = Load { session, in_flight, calls, done };
        self.nodes[&self.leader.0].send(Arrival::Load(load))?;
        let patience = time::Duration::from_secs(120);
        loaded.recv_timeout(patience).context("leadership was lost, or all of this is very slow")
    }

    fn stop(self) -> anyhow::Result<()> {
        for node in self.nodes.values() {
            node.send(Arrival::Stop)?;
        }
        for thread in self.threads {
            if thread.join().is_err() {
                bail!("a master panicked");
            }
        }
        Ok(())
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of_process();
    let mut report = Report::new("Commits: a group of three masters in one process", &arguments);
    let folder = tempfile::tempdir()?;
    let group = Group::start(folder.path())?;
    let session = group.furnish()?;
    for (in_flight, calls) in [(64, 50_000), (1_024, 400_000), (4_096, 800_000), (16_384, 800_000)]
    {
        let calls = arguments.amount(calls);
        group.load(session, in_flight, calls / 4)?;
        let [mut rate, mut batch, mut steps, mut cpu] = [const { Samples::new() }; 4];
        for _ in 0..arguments.amount(50).min(5) {
            let before = processor::of_process();
            let loaded = group.load(session, in_flight, calls)?;
            let used = processor::of_process() - before;
            let seconds = loaded.elapsed.as_secs_f64();
            rate.push(calls as f64 / seconds);
            batch.push(calls as f64 / loaded.entries as f64);
            steps.push(loaded.log_steps as f64 / seconds);
            cpu.push(used.as_secs_f64() * 1e6 / calls as f64);
        }
        let target = if in_flight >= 4_096 { Target::AtLeast(200_000.0) } else { Target::None };
        let name = |what: &str| format!("{in_flight} in flight: {what}");
        report.promised(name("commands applied"), rate.median(), "/s", target);
        report.figure(name("commands per entry"), batch.median(), "");
        report.figure(name("leader's log steps"), steps.median(), "/s");
        report.figure(name("processor, all three"), cpu.median(), "µs/command");
    }
    group.stop()?;
    report.figure("one 4 KiB write and sync here", sync_micros(folder.path(), 300)?, "µs");
    report.note("A log step is one transaction: two syncs, for as many entries as were waiting.");
    report.print();
    Ok(())
}
