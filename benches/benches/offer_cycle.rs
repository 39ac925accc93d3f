//! What does it cost to offer what one ended task has freed, and how does that grow with the
//! cluster?
//!
//! One master's core with a disk and a network that take no time. Every agent is full; again and
//! again one task ends, what it took is offered, accepted, and another one runs. Each message is a
//! turn of its own: nothing is shared, which is the worst case.

use benches::{arguments::Arguments, report::Report, rows, samples::Samples};
use master_core::{
    Config, Effect, Input, Ledger, Master, Now, Outbox,
    consensus::Restored,
    input::{CallId, StreamId},
};
use proto::model::{
    AgentCall, Duration, FrameworkId, Instant, NodeId, Offer, Operation, Order, Resources,
    SchedulerCall, SchedulerEvent, Session, TaskState, WallTime,
};
use std::{collections::BTreeMap, time};

const TASKS_PER_AGENT: usize = 4;
const FRAMEWORK_STREAM: StreamId = StreamId(1);

fn task_resources() -> Resources {
    Resources::cpus_mem(1_000, 1_024)
}

fn agent_resources() -> Resources {
    let tasks = i64::try_from(TASKS_PER_AGENT).expect("few");
    Resources::cpus_mem(1_000 * tasks, 1_024 * tasks)
}

/// A lone master in which everything that is asked happens at once.
struct World {
    master: Master,
    now: Now,
    offers: Vec<Offer>,
    session: Option<Session>,
    launched: usize,
    calls: u64,
    next_task: usize,
    /// The last task launched on each agent's turn: numbers of agents by task.
    agents: BTreeMap<usize, usize>,
}

impl World {
    fn new(agents: usize) -> Self {
        let node = NodeId(1);
        let members = [(node, "master-1:5050".to_owned())].into();
        let mut config = Config::new(rows::cluster(), node, members);
        config.snapshot_entries = u64::MAX / 2;
        config.offer_timeout = None;
        let now = Now { monotonic: Instant(1_000), wall: WallTime(1_700_000_000_000) };
        let ledger = Ledger::new(rows::cluster());
        let restored = Restored { voter: true, ..Restored::default() };
        let master = Master::open(config, restored, ledger, now).expect("an empty log opens");
        let mut world = Self {
            master,
            now,
            offers: Vec::new(),
            session: None,
            launched: 0,
            calls: 0,
            next_task: 0,
            agents: BTreeMap::new(),
        };
        while !world.master.is_serving() {
            world.now.monotonic = world.now.monotonic + Duration(100);
            world.step(Input::Tick);
        }
        for agent in 0..agents {
            world.agent(agent, rows::register(agent, agent_resources()));
        }
        let (principal, subscribe) = (rows::principal("framework/bench"), rows::subscribe("bench"));
        world.step(Input::FrameworkSubscribe { stream: FRAMEWORK_STREAM, principal, subscribe });
        for offer in std::mem::take(&mut world.offers) {
            let tasks = world.accept(&offer, TASKS_PER_AGENT);
            tasks.for_each(|task| world.tell(task, TaskState::Running, 1));
        }
        assert_eq!(world.launched, agents * TASKS_PER_AGENT);
        assert!(world.offers.is_empty(), "every agent is full");
        world
    }

    /// One input and all that follows; how long it took.
    fn step(&mut self, input: Input) -> time::Duration {
        let mut outbox = Outbox::default();
        let begun = time::Instant::now();
        self.master.step(self.now, input, &mut outbox);
        self.master.flush(self.now, &mut outbox);
        let mut effects = Vec::new();
        loop {
            let mut persisted = None;
            for effect in outbox.drain() {
                if let Effect::Persist(persist) = &effect {
                    persisted = Some(persist.number);
                }
                effects.push(effect);
            }
            let Some(number) = persisted else { break };
            self.master.step(self.now, Input::Persisted(number), &mut outbox);
            self.master.flush(self.now, &mut outbox);
        }
        let elapsed = begun.elapsed();
        effects.into_iter().for_each(|effect| self.note(effect));
        elapsed
    }

    fn note(&mut self, effect: Effect) {
        match effect {
            Effect::Reply { answer, .. } => drop(answer.expect("every call is in order")),
            Effect::ToFramework { event, .. } => match event {
                SchedulerEvent::Offers(offers) => self.offers.extend(offers),
                SchedulerEvent::Subscribed { session, .. } => self.session = Some(session),
                SchedulerEvent::Error(refusal) => panic!("the framework is refused: {refusal}"),
                _ => {}
            },
            Effect::ToAgent { order, .. } => match order {
                Order::Launch { .. } => self.launched += 1,
                Order::Refused(refusal) => panic!("an agent is refused: {refusal}"),
                _ => {}
            },
            _ => {}
        }
    }

    fn agent(&mut self, number: usize, message: AgentCall) -> time::Duration {
        let stream = StreamId(2 + number as u64);
        let principal = rows::principal(&format!("agent/{}", rows::agent_id(number)));
        self.step(Input::AgentMessage { stream, principal, message })
    }

    fn call(&mut self, request: SchedulerCall) -> time::Duration {
        self.calls += 1;
        let (call, session) = (CallId(self.calls), self.session.expect("subscribed"));
        let principal = rows::principal("framework/bench");
        self.step(Input::FrameworkCall { call, principal, session, request })
    }

    fn accept(&mut self, offer: &Offer, count: usize) -> std::ops::Range<usize> {
        self.timed_accept(offer, count).0
    }

    fn timed_accept(
        &mut self,
        offer: &Offer,
        count: usize,
    ) -> (std::ops::Range<usize>, time::Duration) {
        let numbers = self.next_task..self.next_task + count;
        self.next_task = numbers.end;
        let agent = offer.agent.as_str().trim_start_matches("agent-").parse();
        let agent: usize = agent.expect("agents are numbered");
        self.agents.extend(numbers.clone().map(|task| (task, agent)));
        let task = |number| rows::task_info(number, &offer.agent, task_resources());
        let request = SchedulerCall::Accept {
            offers: vec![offer.id],
            operations: Operation::launch(numbers.clone().map(task).collect()),
            partial: false,
            refuse: Duration(0).into(),
            request: None,
        };
        let elapsed = self.call(request);
        (numbers, elapsed)
    }

    fn tell(&mut self, task: usize, state: TaskState, sequence: u64) {
        self.timed_tell(task, state, sequence);
    }

    fn timed_tell(&mut self, task: usize, state: TaskState, sequence: u64) -> time::Duration {
        let agent = self.agents[&task];
        let framework: FrameworkId = self.session.expect("subscribed").framework;
        let status = rows::status(task, &rows::agent_id(agent), state, sequence);
        self.agent(agent, AgentCall::Update { framework, status })
    }
}

/// Microseconds, per step of a cycle.
#[derive(Default)]
struct Cycle {
    freed: Samples,
    accept: Samples,
    running: Samples,
    acknowledge: Samples,
}

impl Cycle {
    fn measure(agents: usize, rounds: usize) -> Self {
        let mut world = World::new(agents);
        let mut cycle = Cycle::default();
        let micros = |elapsed: time::Duration| elapsed.as_secs_f64() * 1e6;
        let warm_up = rounds / 5;
        for round in 0..warm_up + rounds {
            let ending = *world.agents.keys().next().expect("tasks run");
            let freed = world.timed_tell(ending, TaskState::Finished, 2);
            world.agents.remove(&ending);
            let offers = std::mem::take(&mut world.offers);
            let [offer] = offers.as_slice() else { panic!("one offer, not {offers:?}") };
            let (tasks, accept) = world.timed_accept(offer, 1);
            let running = world.timed_tell(tasks.start, TaskState::Running, 1);
            let acknowledgements =
                vec![(rows::task_id(tasks.start), 1), (rows::task_id(ending), 2)];
            let acknowledge = world.call(SchedulerCall::Acknowledge { acknowledgements });
            if round >= warm_up {
                cycle.freed.push(micros(freed));
                cycle.accept.push(micros(accept));
                cycle.running.push(micros(running));
                cycle.acknowledge.push(micros(acknowledge));
            }
        }
        assert!(world.offers.is_empty());
        cycle
    }
}

fn main() {
    let arguments = Arguments::of_process();
    let title =
        "Offer cycle: one master's core, every agent full, 4 tasks each, one turn per message";
    let mut report = Report::new(title, &arguments);
    let rounds = arguments.amount(5_000);
    let mut freed = Vec::new();
    for agents in [100, 1_000, 10_000] {
        let cycle = Cycle::measure(agents, rounds);
        let name = |what: &str| format!("{agents} agents: {what}");
        report.figure(name("a task ends, the next offer is made"), cycle.freed.median(), "µs");
        report.figure(name("… 99th percentile"), cycle.freed.quantile(0.99), "µs");
        report.figure(name("an accept of one task"), cycle.accept.median(), "µs");
        report.figure(name("a task runs"), cycle.running.median(), "µs");
        report.figure(name("an acknowledgement of two"), cycle.acknowledge.median(), "µs");
        freed.push(cycle.freed.median());
    }
    let growth = freed[2] / freed[0];
    report.figure("growth of the offer's cost with 100 × the agents", growth, "×");
    report
        .note("Each figure is the whole of it: log entry made, applied, all messages written out.");
    report.print();
}
