//! `bourse sim trace export`: what a master's log says has happened, as traces of ours.
//!
//! Tasks are jobs of one task, submitted when they were launched: what waited before is in no log.
//! They run from their first `running` to their end; those that have not ended have no duration.
//! Time begins with the first launch, or with the snapshot that the log begins with: what was there
//! by then is there at the start.

use anyhow::{Context as _, bail};
use master::history::{self, Extent, Reader};
use master_core::{
    Ledger,
    allocator::Amounts,
    ledger::{Event, Stamp},
};
use proto::model::{AgentId, Instant, ResourceName, Resources, TaskKey, TaskState};
use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::BufWriter,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use traces::{
    model::{Arrival, Change, Kind, Machine, MachineEvent, Names, Shape},
    own::{JsonWriter, Of, Write as _},
};

/// Flags of `bourse sim trace export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// The data directory of a master that does not run, or a copy of one
    #[arg(value_name = "DATA_DIR")]
    data_dir: PathBuf,
    /// Where the tasks go, as lines of JSON
    #[arg(long, value_name = "FILE")]
    jobs: Option<PathBuf>,
    /// Where the agents go, as lines of JSON
    #[arg(long, value_name = "FILE")]
    machines: Option<PathBuf>,
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Exported {
    names: Names,
    /// When time begins, by the cluster's clock.
    begins: Option<Instant>,
    now_ns: u64,
    /// By when they were launched.
    tasks: Vec<Arrival>,
    /// Tasks that have not ended: which of them, and since when they run.
    live: BTreeMap<TaskKey, (usize, Option<u64>)>,
    machines: Vec<MachineEvent>,
    numbers: BTreeMap<AgentId, u64>,
}

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<()> {
    if args.jobs.is_none() && args.machines.is_none() {
        bail!("say what to write: --jobs FILE, --machines FILE, or both");
    }
    if let Some(path) = args.jobs.iter().chain(&args.machines).find(|path| path.exists()) {
        bail!("{} is there already", path.display());
    }
    let mut exported = Exported { names: Names::new(), ..Exported::default() };
    let Extent { first, last } = history::read(&args.data_dir, &mut exported)
        .with_context(|| format!("{}", args.data_dir.display()))?;
    if let Some(path) = &args.jobs {
        write(path, Of::Arrivals, &exported)?;
    }
    if let Some(path) = &args.machines {
        write(path, Of::Machines, &exported)?;
    }
    let open = exported.live.len();
    eprintln!(
        "log entries {first} to {last}: {} tasks ({open} have not ended), {} agents, {:.0} s",
        exported.tasks.len(),
        exported.numbers.len(),
        exported.now_ns as f64 / 1e9,
    );
    if first > 0 {
        eprintln!("what was before entry {first} is in a snapshot, without its times");
    }
    Ok(())
}

/// A new file, for its owner alone: it names frameworks and agents.
fn write(path: &Path, of: Of, exported: &Exported) -> anyhow::Result<()> {
    let context = || format!("{} cannot be written", path.display());
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut writer = JsonWriter::new(BufWriter::new(file.with_context(context)?), of);
    let names = &exported.names;
    match of {
        Of::Arrivals => exported.tasks.iter().try_for_each(|task| writer.arrival(task, names)),
        Of::Machines => exported.machines.iter().try_for_each(|event| writer.machine(event, names)),
    }
    .and_then(|()| writer.finish(names))
    .with_context(context)
}

impl Reader for Exported {
    fn begins(&mut self, ledger: &Ledger) {
        if ledger.applied().index > 0 {
            self.begins = Some(ledger.applied().time);
        }
        for (id, _) in ledger.agents().iter() {
            self.machine(ledger, id);
        }
        let live = ledger.tasks().iter().filter(|(_, task)| !task.is_terminal());
        for (key, task) in live {
            self.added(ledger, key);
            if task.status.state == TaskState::Running {
                self.runs(key);
            }
        }
    }

    fn fact(&mut self, ledger: &Ledger, stamp: Stamp, event: &Event) {
        if let Event::TaskAdded(_) = event {
            self.begins.get_or_insert(stamp.time);
        }
        let ms = self.begins.map_or(0, |begins| stamp.time.since(begins).0);
        self.now_ns = ms.saturating_mul(1_000_000);
        match event {
            Event::AgentRegistered(agent) => self.machine(ledger, agent),
            Event::AgentRemoved(agent) => {
                if let Some(machine) = self.numbers.remove(agent) {
                    let (at_ns, change) = (self.now_ns, Change::Remove);
                    self.machines.push(MachineEvent { at_ns, machine, change });
                }
            }
            Event::TaskAdded(key) => self.added(ledger, key),
            Event::TaskUpdated { framework, status, .. } => {
                let key = TaskKey { framework: *framework, task: status.task.clone() };
                match status.state {
                    TaskState::Running => self.runs(&key),
                    state if state.is_terminal() => self.ended(&key),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

impl Exported {
    fn added(&mut self, ledger: &Ledger, key: &TaskKey) {
        let Some(task) = ledger.task(key) else { return };
        let framework = ledger.framework(key.framework);
        let user = framework.and_then(|framework| self.names.intern(&framework.info.name));
        let arrival = Arrival {
            submit_ns: self.now_ns,
            each: shape(&task.info.resources),
            priority: i32::from(task.info.priority.get()),
            user,
            queue: self.names.intern(&task.role.to_string()),
            ..Arrival::new(self.tasks.len() as u64)
        };
        self.live.insert(key.clone(), (self.tasks.len(), None));
        self.tasks.push(arrival);
    }

    fn runs(&mut self, key: &TaskKey) {
        if let Some((_, since)) = self.live.get_mut(key) {
            since.get_or_insert(self.now_ns);
        }
    }

    fn ended(&mut self, key: &TaskKey) {
        if let Some((task, since)) = self.live.remove(key) {
            // One that never ran took its room from the launch on.
            let since = since.unwrap_or(self.tasks[task].submit_ns);
            self.tasks[task].duration_ns = Some(self.now_ns.saturating_sub(since));
        }
    }

    fn machine(&mut self, ledger: &Ledger, id: &AgentId) {
        let Some(agent) = ledger.agent(id) else { return };
        let capacity = shape(&agent.info.resources);
        let machine = Machine {
            name: self.names.intern(id.as_str()),
            count: 1,
            capacity,
            cards: u32::try_from(capacity[Kind::Gpus] / 1_000).unwrap_or(u32::MAX),
            ..Machine::default()
        };
        let next = self.machines.len() as u64;
        let known = self.numbers.get(id).copied();
        let number = *self.numbers.entry(id.clone()).or_insert(next);
        let change = match known {
            Some(_) => Change::Update(machine),
            None => Change::Add(machine),
        };
        self.machines.push(MachineEvent { at_ns: self.now_ns, machine: number, change });
    }
}

/// Amounts in the thousandths that traces have; of devices all together.
fn shape(resources: &Resources) -> Shape {
    let amounts = Amounts::of(resources);
    let mut shape = Shape::ZERO;
    let kinds = [
        (Kind::Cpus, ResourceName::CPUS),
        (Kind::Mem, ResourceName::MEM),
        (Kind::Gpus, ResourceName::GPUS),
        (Kind::Disk, ResourceName::DISK),
    ];
    for (kind, name) in kinds {
        shape[kind] = u64::try_from(amounts.get(&name)).unwrap_or(u64::MAX);
    }
    shape
}
