//! How fast are real containers launched, and what does supervising one cost?
//!
//! A real master, the real `bourse agent` as a process of its own with full isolation, and one
//! framework on the SDK whose tasks run `true`. Times are the framework's: from the accept until it
//! hears of RUNNING and FINISHED. Needs root and the binary: `cargo build --release -p bourse`.

use anyhow::{Context as _, ensure};
use benches::{
    arguments::Arguments,
    cluster::{Cluster, Identity},
    load::{self, Work},
    machine::sync_micros,
    report::{Report, Target},
    rows,
    samples::Samples,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, SysconfVar, sysconf},
};
use proto::model::{Duration, FrameworkInfo, Resources};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread, time,
};

const AT_ONCE: usize = 32;
/// Tasks that run while their supervisors are weighed.
const WEIGHED: usize = 16;

/// `bourse agent`, ended when this is dropped.
struct AgentProcess {
    child: Child,
    program: PathBuf,
}

impl AgentProcess {
    fn start(cluster: &Cluster, data_dir: &Path) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let release = own.parent().and_then(Path::parent).context("built by cargo")?;
        let program = release.join("bourse");
        ensure!(
            program.exists(),
            "{} is missing: run `cargo build --release -p bourse`",
            program.display()
        );
        let child = Command::new(&program)
            .arg("agent")
            .args(cluster.agent_flags(0)?)
            .arg("--data-dir")
            .arg(data_dir)
            .args(["--isolation", "full", "--resources"])
            .arg(format!("cpus:{AT_ONCE};mem:{}", 64 * AT_ONCE))
            .stderr(Stdio::from(fs::File::create(data_dir.with_extension("log"))?))
            .spawn()?;
        Ok(Self { child, program })
    }

    /// Processor time of the agent and of all supervisors, and their tasks, that have ended.
    fn processor_time(&self) -> anyhow::Result<time::Duration> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let (_, fields) = text.rsplit_once(") ").context("a name in brackets")?;
        // User and system, own and of ended children, are fields 14 to 17; the name is field 2.
        let ticks = fields.split(' ').skip(11).take(4).map(str::parse::<u64>);
        let ticks = ticks.sum::<Result<u64, _>>()? as f64;
        let per_second = sysconf(SysconfVar::CLK_TCK)?.unwrap_or(100) as f64;
        Ok(time::Duration::from_secs_f64(ticks / per_second))
    }

    /// Containers outlive an agent: waits until those that were killed have ended.
    fn wait_idle(&self) -> anyhow::Result<()> {
        let program = self.program.canonicalize()?;
        let deadline = time::Instant::now() + time::Duration::from_secs(30);
        let runs =
            |process: &Process| process.parent == self.child.id() && process.program == program;
        while processes().iter().any(runs) {
            ensure!(time::Instant::now() < deadline, "containers are left");
            thread::sleep(time::Duration::from_millis(50));
        }
        Ok(())
    }

    fn stop(mut self) -> anyhow::Result<()> {
        self.wait_idle()?;
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        kill(pid, Signal::SIGTERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the agent ended with {status}");
        Ok(())
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        // Already ended, or this question fails anyway.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One process of the host.
struct Process {
    pid: u32,
    parent: u32,
    program: PathBuf,
}

fn processes() -> Vec<Process> {
    let read = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let text = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent = text.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        Some(Process { pid, parent, program: fs::read_link(entry.path().join("exe")).ok()? })
    };
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(read).collect()
}

/// The sum of some amounts that the kernel gives for a process's memory, KiB.
fn memory_kib(pid: u32, names: &[&str]) -> anyhow::Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let amount = |line: &str| {
        let (name, rest) = line.split_once(':')?;
        names.contains(&name).then_some(())?;
        rest.trim().strip_suffix(" kB")?.parse::<f64>().ok()
    };
    Ok(text.lines().filter_map(amount).sum())
}

/// Per task: what its supervisor alone has in memory, and what the supervisor and the first process
/// of the container have together. That one is a fork: what the two share is nobody else's, but the
/// kernel does not call it private. Of what is dirty each has its share, so that the sum is right.
fn weigh(agent: u32, program: &Path) -> anyhow::Result<(Samples, Samples)> {
    let all = processes();
    let children = |parent: u32| {
        all.iter().filter(move |process| process.parent == parent && process.program == program)
    };
    let (mut alone, mut together) = (Samples::new(), Samples::new());
    for supervisor in children(agent) {
        alone.push(memory_kib(supervisor.pid, &["Private_Clean", "Private_Dirty"])?);
        let mut sum = 0.0;
        for process in children(supervisor.pid).chain([supervisor]) {
            sum += memory_kib(process.pid, &["Private_Clean", "Pss_Dirty"])?;
        }
        together.push(sum);
    }
    Ok((alone, together))
}

fn info() -> FrameworkInfo {
    FrameworkInfo { failover_timeout: Duration(0), ..rows::framework_info("bench") }
}

fn work(tasks: usize, at_once: usize, command: &[&str]) -> Work {
    let command = command.iter().map(|text| (*text).to_owned()).collect();
    Work { tasks, at_once, resources: Resources::cpus_mem(1_000, 64), command }
}

fn measure_launches(
    report: &mut Report,
    arguments: &Arguments,
    cluster: &Cluster,
    agent: &AgentProcess,
    (at_once, tasks): (usize, usize),
) -> anyhow::Result<()> {
    let (mut running, mut finished) = (Samples::new(), Samples::new());
    let [mut late, mut rate, mut cpu] = [const { Samples::new() }; 3];
    let tasks = arguments.amount(tasks);
    for round in 0..=arguments.amount(30).min(3) {
        let before = agent.processor_time()?;
        let work = work(tasks, at_once, &["true"]);
        let outcome = cluster.run(move |masters| load::run(masters, info(), work))?;
        ensure!(outcome.finished == tasks, "not all finished: {outcome:?}");
        // The first round warms up.
        if round > 0 {
            let used = (agent.processor_time()? - before).as_secs_f64();
            running.push(outcome.to_running.median());
            finished.push(outcome.to_finished.median());
            late.push(outcome.to_running.quantile(0.99));
            rate.push(tasks as f64 / outcome.elapsed.as_secs_f64());
            cpu.push(used * 1e3 / tasks as f64);
        }
    }
    let name = |what: &str| format!("{at_once} at once: {what}");
    let (ms, single) = ("ms", at_once == 1);
    let target = |target| if single { target } else { Target::None };
    let p50 = [target(Target::AtMost(15.0)), target(Target::AtMost(30.0))];
    report.promised(name("accept to RUNNING, p50"), running.median(), ms, p50[0]);
    report.figure(name("accept to RUNNING, p99"), late.median(), ms);
    report.promised(name("accept to FINISHED, p50"), finished.median(), ms, p50[1]);
    let enough = if single { Target::None } else { Target::AtLeast(60.0) };
    report.promised(name("launches"), rate.median(), "/s", enough);
    report.figure(name("processor, agent and supervisors"), cpu.median(), "ms/launch");
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of_process();
    if !nix::unistd::geteuid().is_root() {
        println!("full isolation needs root: nothing was measured");
        return Ok(());
    }
    let title = "Containers: `true` with full isolation on one agent, mTLS, logs on disk";
    let mut report = Report::new(title, &arguments);
    let folder = tempfile::tempdir()?;
    let identity = Identity::tls(&folder.path().join("certificates"))?;
    let cluster = Cluster::start(folder.path().join("master"), identity)?;
    let agent = AgentProcess::start(&cluster, &folder.path().join("agent"))?;
    for load in [(1, 200), (AT_ONCE, 600)] {
        measure_launches(&mut report, &arguments, &cluster, &agent, load)?;
    }
    let (pid, program) = (agent.child.id(), agent.program.canonicalize()?);
    let sleeping = work(WEIGHED, WEIGHED, &["sleep", "60"]);
    let (alone, together) = cluster
        .run(move |masters| load::hold(masters, info(), sleeping, move || weigh(pid, &program)))?;
    ensure!(alone.len() == WEIGHED, "{} supervisors for {WEIGHED} tasks", alone.len());
    let most = Target::AtMost(1_024.0);
    report.figure("private memory: supervisor alone", alone.median(), "KiB/task");
    report.promised(
        "private memory: supervisor and first process",
        together.median(),
        "KiB/task",
        most,
    );
    agent.stop()?;
    cluster.stop()?;
    report.figure("one 4 KiB write and sync here", sync_micros(folder.path(), 300)?, "µs");
    report.note("The middle of three runs after one to warm up; each sync on one shared disk.");
    report.print();
    Ok(())
}
