//! How fast does the ledger apply commands, and how much memory does a running task take in it?
//!
//! The ledger alone: no log, no network, no allocator. It holds 100 000 running tasks on 1 000
//! agents while it is measured; every command is about one task, which is the worst case.

use benches::{
    arguments::Arguments,
    report::{Report, Target},
    rows,
    samples::Samples,
};
use master_core::ledger::{
    Command, Event, Ledger, Stamp,
    codec::{Batch, decode_batch, encode_batch},
};
use proto::model::{AgentId, Instant, Resources, Role, Session, TaskState, WallTime};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
    time,
};

const AGENTS: usize = 1_000;
/// What a log entry holds in a busy cluster.
const COMMANDS_PER_BATCH: usize = 1_000;

/// The system's allocator, counting the bytes that were asked for and not given back.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator cannot be written without; this one only counts")]
// SAFETY: every call goes to the system's allocator as it is, and its answer comes back as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// A ledger that is filled entry by entry.
struct World {
    ledger: Ledger,
    stamp: Stamp,
    session: Session,
    events: Vec<Event>,
}

impl World {
    fn new() -> Self {
        let stamp = Stamp { index: 0, term: 1, time: Instant(1_000), wall: WallTime(1_000) };
        let session = Session { framework: proto::model::FrameworkId(1), epoch: 1 };
        let ledger = Ledger::new(rows::cluster());
        let mut world = Self { ledger, stamp, session, events: Vec::new() };
        let resources = Resources::cpus_mem(1_000_000, 1_000_000);
        let agent = |number| Command::RegisterAgent {
            info: rows::agent_info(number, resources.clone()),
            incarnation: 1,
            tasks: vec![],
            volumes: vec![],
        };
        let subscribe = rows::subscribe("bench");
        let framework = Command::SubscribeFramework {
            info: subscribe.info,
            framework: None,
            principal: "bench".to_owned(),
            request: subscribe.request,
        };
        let commands: Vec<_> = (0..AGENTS).map(agent).chain([framework]).collect();
        world.apply(&commands);
        world
    }

    /// Applies the commands, so many per entry; how long that took.
    fn apply(&mut self, commands: &[Command]) -> time::Duration {
        let begun = time::Instant::now();
        for entry in commands.chunks(COMMANDS_PER_BATCH) {
            self.stamp.index += 1;
            self.stamp.time.0 += 1;
            for command in entry {
                let outcome = self.ledger.apply(self.stamp, command, &mut self.events);
                outcome.expect("every command of this question is in order");
            }
            self.ledger.set_applied(self.stamp);
            black_box(&self.events);
            self.events.clear();
        }
        begun.elapsed()
    }

    fn accept(&self, task: usize) -> Command {
        let info = rows::task_info(task, &agent_of(task), Resources::cpus_mem(100, 64));
        Command::launch(self.session, Role::any(), None, vec![info])
    }

    fn update(&self, task: usize, state: TaskState, sequence: u64) -> Command {
        let agent = agent_of(task);
        let status = rows::status(task, &agent, state, sequence);
        let framework = self.session.framework;
        Command::RecordUpdate { agent, incarnation: 1, framework, status }
    }

    fn acknowledge(&self, task: usize, sequence: u64) -> Command {
        let acknowledgements = vec![(rows::task_id(task), sequence)];
        Command::Acknowledge { session: self.session, acknowledgements }
    }

    /// These tasks run, and their framework knows it.
    fn run(&mut self, tasks: std::ops::Range<usize>) {
        for first in tasks.clone().step_by(COMMANDS_PER_BATCH) {
            let some = first..(first + COMMANDS_PER_BATCH).min(tasks.end);
            let accepts: Vec<_> = some.clone().map(|task| self.accept(task)).collect();
            self.apply(&accepts);
            let running = |task| self.update(task, TaskState::Running, 1);
            let updates: Vec<_> = some.clone().map(running).collect();
            self.apply(&updates);
            let acknowledges: Vec<_> = some.map(|task| self.acknowledge(task, 1)).collect();
            self.apply(&acknowledges);
        }
    }
}

fn agent_of(task: usize) -> AgentId {
    rows::agent_id(task % AGENTS)
}

/// What was measured of one kind of command.
#[derive(Default)]
struct Measured {
    apply: Samples,
    decode: Samples,
    encode: Samples,
    bytes: Samples,
}

impl Measured {
    fn take(&mut self, world: &mut World, commands: &[Command]) {
        let count = commands.len() as f64;
        self.apply.push(count / world.apply(commands).as_secs_f64());
        let (time, wall) = (world.stamp.time, world.stamp.wall);
        let batch = Batch { time, wall, commands: commands.to_vec() };
        let begun = time::Instant::now();
        let bytes = encode_batch(&batch);
        self.encode.push(begun.elapsed().as_secs_f64() * 1e6 / count);
        let begun = time::Instant::now();
        let decoded = decode_batch(&bytes).expect("just encoded");
        self.decode.push(begun.elapsed().as_secs_f64() * 1e6 / count);
        assert_eq!(decoded.commands.len(), commands.len());
        self.bytes.push(bytes.len() as f64 / count);
    }

    fn tell(&self, kind: &str, report: &mut Report) {
        report.figure(format!("{kind}: applied"), self.apply.median(), "/s");
        report.figure(format!("{kind}: encoded"), self.encode.median(), "µs");
        report.figure(format!("{kind}: decoded and checked"), self.decode.median(), "µs");
        report.figure(format!("{kind}: in the log"), self.bytes.median(), "bytes");
    }
}

fn main() {
    let arguments = Arguments::of_process();
    let title =
        "Apply: the ledger alone, 1 000 agents, 100 000 running tasks, one task per command";
    let mut report = Report::new(title, &arguments);
    let tasks = arguments.amount(100_000);
    let mut world = World::new();
    let before = BYTES.load(Ordering::Relaxed);
    world.run(0..tasks);
    let bytes = BYTES.load(Ordering::Relaxed) - before;
    assert_eq!(world.ledger.live_task_count(), tasks);
    let per_task = bytes as f64 / tasks as f64;
    report.promised("memory per running task", per_task, "bytes", Target::AtMost(2_048.0));

    let round = arguments.amount(10_000);
    let [mut accept, mut update, mut acknowledge, mut end] =
        std::array::from_fn(|_| Measured::default());
    for number in 0..6 {
        let some = tasks + number * round..tasks + (number + 1) * round;
        let mut all = |what: &mut Measured, command: &dyn Fn(&World, usize) -> Command| {
            let commands: Vec<_> = some.clone().map(|task| command(&world, task)).collect();
            // The first round warms up.
            match number {
                0 => drop(world.apply(&commands)),
                _ => what.take(&mut world, &commands),
            }
        };
        all(&mut accept, &|world, task| world.accept(task));
        all(&mut update, &|world, task| world.update(task, TaskState::Running, 1));
        all(&mut acknowledge, &|world, task| world.acknowledge(task, 1));
        all(&mut update, &|world, task| world.update(task, TaskState::Finished, 2));
        all(&mut end, &|world, task| world.acknowledge(task, 2));
    }
    assert_eq!(world.ledger.live_task_count(), tasks);
    accept.tell("accept", &mut report);
    update.tell("update", &mut report);
    acknowledge.tell("acknowledge", &mut report);
    end.tell("acknowledge, the task ends", &mut report);
    report.note("Memory is what the ledger asked the allocator for, its indexes included.");
    report.print();
}
