//! A cluster to measure: masters, then frameworks, then agents, then tasks.

use crate::arguments::Arguments;
use anyhow::Context as _;
use benches::{
    fleet::{Fleet, Identities, Plan, Target},
    held::{Holders, Share},
    masters::{Masters, Trust},
    rows,
};
use edge::{
    connect::{Connector, Patience},
    settings::TlsPaths,
    tls::Tls,
};
use indicatif::{ProgressBar, ProgressStyle};
use proto::{
    model::Resources,
    wire::v1::{GetClusterRequest, GetClusterResponse, operator_client::OperatorClient},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// What one task takes of the processors, in thousandths, and of memory, in MiB.
const TASK: (i64, i64) = (100, 32);
/// Room on an agent beside the tasks that it holds, in tasks.
pub(crate) const SPARE: usize = 2;

/// However slow the machine is, by then it is broken.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(600);

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    probe_interval: Duration::from_secs(10),
    probe_timeout: Duration::from_secs(30),
};

/// Everything of one measurement; gone when this is dropped.
pub(crate) struct World {
    pub(crate) masters: Masters,
    pub(crate) fleet: Option<Fleet>,
    pub(crate) holders: Option<Holders>,
    pub(crate) runtime: Runtime,
    operator: Option<(Tls, PathBuf)>,
    _folder: TempDir,
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) agents: usize,
    pub(crate) agents_per_line: usize,
    pub(crate) frameworks: usize,
    pub(crate) tasks: usize,
}

impl Size {
    /// What was asked for, or what the question is about.
    pub(crate) fn new(arguments: &Arguments, agents: usize, tasks: usize) -> Self {
        let frameworks = match arguments.quick {
            true => 4,
            false => 200,
        };
        Self {
            agents: arguments.amount(arguments.agents, agents),
            agents_per_line: arguments.agents_per_connection.unwrap_or(1),
            frameworks: arguments.frameworks.unwrap_or(frameworks),
            tasks: arguments.amount(arguments.tasks, tasks),
        }
    }

    /// Tasks that an agent holds.
    pub(crate) fn per_agent(&self) -> usize {
        self.tasks.div_ceil(self.agents)
    }

    /// What an agent has when so many tasks are to fit.
    pub(crate) fn agent(tasks: usize) -> Resources {
        let count = i64::try_from(tasks).expect("few");
        Resources::cpus_mem(TASK.0 * count, TASK.1 * count)
    }
}

/// What one task takes.
pub(crate) fn task() -> Resources {
    Resources::cpus_mem(TASK.0, TASK.1)
}

impl World {
    /// Masters of which one leads; nobody else yet.
    pub(crate) fn start(masters: usize, tls: bool, flags: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let trust = Trust::new(tls, folder.path())?;
        let operator = match trust.authority() {
            Some(authority) => {
                let files = authority.issue(&rows::principal("operator/bench"))?;
                let folder = files.ca.parent().context("files lie in a folder")?.to_owned();
                Some((load_operator(&folder)?, folder))
            }
            None => None,
        };
        let masters = Masters::start(masters, trust, folder.path(), flags)?;
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.enable_all().thread_name("b-clients").worker_threads(2).build()?;
        let world =
            Self { masters, fleet: None, holders: None, runtime, operator, _folder: folder };
        world.leader(&(0..world.masters.addresses().len()).collect::<Vec<_>>())?;
        Ok(world)
    }

    /// Agents begin to connect.
    pub(crate) fn add_agents(&mut self, size: &Size, tasks_each: usize) -> anyhow::Result<()> {
        let identities = match self.masters.trust().authority() {
            Some(authority) => Some(Identities::of_agents(authority, size.agents)?),
            None => None,
        };
        let plan = Plan {
            agents: size.agents,
            agents_per_line: size.agents_per_line,
            resources: Size::agent(tasks_each),
        };
        let target = Target { masters: self.masters.addresses() };
        let _runtime = self.runtime.enter();
        self.fleet = Some(Fleet::start(&plan, target, identities));
        Ok(())
    }

    /// Waits for all agents; answers how long it took since they began.
    pub(crate) fn wait_registered(&self, size: &Size) -> anyhow::Result<Duration> {
        let fleet = self.fleet.as_ref().context("agents were added")?;
        let bar = bar("agents", size.agents);
        let waited =
            fleet.all_registered(TIMEOUT, |registered| bar.set_position(registered as u64));
        self.runtime.block_on(waited)?;
        bar.finish_and_clear();
        Ok(fleet.begun().elapsed())
    }

    /// Frameworks, agents, and all tasks running.
    pub(crate) fn fill(&mut self, size: &Size) -> anyhow::Result<Duration> {
        let per_agent = size.per_agent();
        let share =
            Share { tasks: size.tasks / size.frameworks.max(1), per_agent, resources: task() };
        let holders = {
            let _runtime = self.runtime.enter();
            Holders::start(size.frameworks, &share, |name| self.masters.for_framework(name))?
        };
        self.runtime.block_on(holders.all_subscribed(size.frameworks, TIMEOUT))?;
        self.holders = Some(holders);
        self.add_agents(size, per_agent + SPARE)?;
        self.wait_registered(size)?;
        let begun = Instant::now();
        let bar = bar("tasks", size.tasks);
        let holders = self.holders.as_ref().context("just put there")?;
        let wanted = share.tasks * size.frameworks;
        let running =
            holders.all_running(wanted, TIMEOUT, |running| bar.set_position(running as u64));
        self.runtime.block_on(running)?;
        bar.finish_and_clear();
        Ok(begun.elapsed())
    }

    /// Waits until one of these masters leads and serves; answers which.
    pub(crate) fn leader(&self, among: &[usize]) -> anyhow::Result<usize> {
        let begun = Instant::now();
        loop {
            for number in among {
                let found = self.runtime.block_on(self.ask_cluster(*number));
                if found.is_ok_and(|cluster| cluster.leader_id == 1 + *number as u64) {
                    return Ok(*number);
                }
            }
            anyhow::ensure!(begun.elapsed() < TIMEOUT, "no master leads");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    async fn ask_cluster(&self, number: usize) -> anyhow::Result<GetClusterResponse> {
        let cluster = rows::cluster();
        let secure = self.operator.as_ref().map(|(tls, _)| (tls, &cluster));
        let address = self.masters.addresses()[number].to_string();
        let channel = Connector::new(address, None, secure, PATIENCE).connect().await?;
        let answer = OperatorClient::new(channel).get_cluster(GetClusterRequest {}).await?;
        Ok(answer.into_inner())
    }

    /// Where an operator's certificate lies, if there are any.
    pub(crate) fn operator_folder(&self) -> Option<&Path> {
        self.operator.as_ref().map(|(_, folder)| folder.as_path())
    }

    /// Time for somebody to look at it.
    pub(crate) fn linger(&self, arguments: &Arguments) {
        if arguments.linger_s > 0 {
            eprintln!("a cluster stands; master 1 is process {:?}", self.masters.pid(0).ok());
            std::thread::sleep(Duration::from_secs(arguments.linger_s));
        }
    }
}

/// An operator's identity from a folder that an authority wrote.
pub(crate) fn load_operator(folder: &Path) -> anyhow::Result<Tls> {
    Ok(Tls::load(&TlsPaths {
        ca: folder.join("ca.pem"),
        certificate: folder.join("operator-bench.pem"),
        key: folder.join("operator-bench.key"),
    })?)
}

/// A bar on a terminal; nothing elsewhere.
pub(crate) fn bar(what: &'static str, length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} {elapsed}")
        .expect("a template that is known to be good");
    ProgressBar::new(length as u64).with_style(style).with_message(what)
}

/// Processor time between two readings, by part of the master.
pub(crate) fn parts(
    before: &BTreeMap<String, Duration>,
    after: &BTreeMap<String, Duration>,
) -> [(&'static str, Duration); 4] {
    let time = |names: &[&str]| benches::processor::between(before, after, names);
    let own = ["bourse-core", "log-writer", "bourse-snapshot", "bourse-reads"];
    let total = benches::processor::between(before, after, &[""]);
    let [core, log, reads] = [&own[..1], &own[1..2], &own[2..]].map(time);
    let rest = total.saturating_sub(core + log + reads);
    [("calls and streams", rest), ("core", core), ("log", log), ("snapshots and reads", reads)]
}
