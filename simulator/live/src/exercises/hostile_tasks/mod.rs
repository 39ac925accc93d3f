//! Hostile tasks run beside honest ones on one agent: a fork bomb, a memory hog, a log flood, and
//! one that fills the disk. They take only what is theirs, the agent is there all the time, each
//! ends for its own reason, and nothing is left of them.
//!
//! In each round the honest tasks work undisturbed for a while, and then beside the hostile ones.
//! The agent gives nobody more of a processor than it asked for, and all together ask for three
//! quarters of this host: what the honest ones lose, others have taken. Sandboxes are on a small
//! disk in memory. Its size is all that stops who writes: the agent limits neither output nor disk.

mod honest;
mod hostile;

use super::Order;
use crate::{
    attendance::{Attendance, Attended},
    cgroups,
    cluster::{Cluster, Isolation, Shape},
    figures::{Figure, Report},
    home::processes_of_task,
    patience::{holds, within},
    process::processor_time,
    squad::Squad,
};
use anyhow::Context as _;
use honest::{Done, Honest};
use hostile::Kind;
use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long the honest tasks are watched, without the others and with them.
const WINDOW: Duration = Duration::from_secs(10);
/// Processes of one task.
const PIDS_MAX: u64 = 256;
/// Of all sandboxes.
const DISK_MIB: u32 = 64;
/// Nothing of a task that has ended is left after this.
const CLEAN: Duration = Duration::from_secs(20);
/// What honest tasks may lose.
const LOST_PERCENT_MAX: f64 = 10.0;
/// An agent that is heard every second is given up after five.
const MASTER: [&str; 2] = ["--heartbeat-interval-ms=1000", "--agent-timeout-ms=5000"];
/// Who takes longer to answer has missed a heartbeat.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// What the agent may need of a processor, whatever its tasks do.
const AGENT_PROCESSORS_MAX: f64 = 0.25;

/// What only who writes without end has.
const LARGE_BYTES: u64 = 1 << 20;

const AGENT: &str = "agent-1";

/// What was done and seen, without hostile tasks and with them.
#[derive(Debug, Default)]
struct Seen {
    calm: Done,
    beset: Done,
    agent_calm: Duration,
    agent_beset: Duration,
    /// Most processes of one task.
    processes: u64,
    violations: Vec<String>,
}

pub(super) fn run(order: &Order<'_>) -> anyhow::Result<Report> {
    cgroups::check()?;
    let agent_flags = vec!["--cpu-quota".to_owned(), format!("--pids-max={PIDS_MAX}")];
    let master_flags = MASTER.map(ToOwned::to_owned).to_vec();
    let shape = Shape {
        masters: 1,
        isolation: Isolation::Best,
        agent_flags,
        master_flags,
        ..Shape::emulated(1, 0)
    };
    let mut cluster = Cluster::prepare(&order.program, &shape)?;
    let disk = cluster.agent(AGENT)?.data_dir.join("sandboxes");
    mount(&disk)?;
    cluster.start_all().with_context(|| cluster.log_ends())?;
    let mut report = perform(&mut cluster, &disk, order).with_context(|| cluster.log_ends())?;
    let fallen = cluster.fallen();
    report.violations.extend(fallen.into_iter().map(|name| format!("{name} has ended by itself")));
    if !report.violations.is_empty() {
        report.logs = cluster.log_ends();
    }
    cluster.agent(AGENT)?.take()?.terminate()?;
    rustix::mount::unmount(&disk, rustix::mount::UnmountFlags::empty())?;
    let clean = cluster.finish();
    report.violations.extend(clean.err().map(|error| format!("{error:#}")));
    Ok(report)
}

/// A disk of a size. The guard of the exercise knows it as a mount below its folder.
fn mount(place: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(place)?;
    let size = std::ffi::CString::new(format!("size={DISK_MIB}m,mode=711"))?;
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("bourse-trial", place, "tmpfs", flags, Some(size.as_c_str()))
        .context("cannot mount a disk in memory")
}

fn perform(cluster: &mut Cluster, disk: &Path, order: &Order<'_>) -> anyhow::Result<Report> {
    let operator = cluster.another_operator()?;
    let squad = Squad::start(cluster, "squad")?;
    let milli = thread::available_parallelism()?.get() * 1_000;
    let part = |percent: usize, tasks: usize| {
        Ok::<_, anyhow::Error>(i64::try_from(milli * percent / 100 / tasks)?)
    };
    let hostile_milli = part(25, Kind::ALL.len())?;
    squad.launch(&honest::tasks(part(50, honest::TASKS)?))?;
    let attendance = Attendance::start(cluster.agent(AGENT)?, operator);
    let place = Place {
        honest: Honest::find(&cluster.home)?,
        squad: &squad,
        agent: cluster.agents[AGENT].process()?.pid(),
        data_dir: &cluster.agents[AGENT].data_dir,
        home: cluster.home.path(),
        disk,
        hostile_milli,
    };
    let (mut seen, begun) = (Seen::default(), Instant::now());
    let rounds = order.length.repeat(order.watch, |round| place.round(round, &mut seen))?;
    let elapsed = begun.elapsed();
    let attended = attendance.stop()?;
    squad.kill(honest::names())?;
    for name in honest::names() {
        let end = squad.ended(&name)?;
        if end.state != bourse_sdk::model::TaskState::Killed {
            seen.violations.push(format!("{name} was {}: {}", end.state, end.message));
        }
    }
    squad.disband()?;
    Ok(seen.report(rounds, elapsed, attended))
}

/// Where it happens.
struct Place<'a> {
    honest: Honest<'a>,
    squad: &'a Squad,
    /// The agent's process.
    agent: u32,
    data_dir: &'a Path,
    home: &'a Path,
    disk: &'a Path,
    /// Of a processor, for each hostile task.
    hostile_milli: i64,
}

impl Place<'_> {
    fn round(&self, round: u64, seen: &mut Seen) -> anyhow::Result<()> {
        let before = self.agent_time()?;
        seen.calm += self.honest.in_time(WINDOW);
        let calm = self.agent_time()?;
        seen.agent_calm += calm.saturating_sub(before);
        let tasks = Kind::ALL.map(|kind| kind.task(round, self.hostile_milli, DISK_MIB));
        self.squad.launch(&tasks)?;
        self.all_at_their_limits()?;
        let besieged = self.agent_time()?;
        seen.beset += self.honest.in_time(WINDOW);
        seen.agent_beset += self.agent_time()?.saturating_sub(besieged);
        seen.processes = seen.processes.max(self.processes());
        let killed = Kind::ALL.iter().filter(|kind| kind.has_to_be_killed());
        self.squad.kill(killed.map(|kind| kind.name(round)))?;
        let wrong = Kind::ALL.iter().filter_map(|kind| kind.wrong_end(self.squad, round));
        seen.violations.extend(wrong);
        seen.violations.extend(self.left_of(round));
        make_room(self.disk)
    }

    /// Waits until the kernel refuses processes, and the disk room.
    fn all_at_their_limits(&self) -> anyhow::Result<()> {
        holds("a task that may have no more processes", || {
            cgroups::pids(self.data_dir).iter().any(|it| it.refused > 0)
        })?;
        holds("a full disk", || free_bytes(self.disk).is_ok_and(|free| free == 0))
    }

    /// Most processes of one task, as the kernel counts them.
    fn processes(&self) -> u64 {
        let pids = cgroups::pids(self.data_dir);
        pids.iter().map(|it| it.current).max().unwrap_or_default()
    }

    /// What is left of hostile tasks that have ended.
    fn left_of(&self, round: u64) -> Option<String> {
        let (mut processes, mut containers) = (0, 0);
        let clean = within(CLEAN, "nothing is left", || {
            let names = Kind::ALL.map(|kind| kind.name(round));
            processes = names.iter().map(|name| processes_of_task(self.home, name).len()).sum();
            containers = cgroups::pids(self.data_dir).len();
            (processes == 0 && containers == honest::TASKS).then_some(())
        });
        clean.is_err().then(|| {
            format!("{processes} processes of tasks that have ended, {containers} containers (H1)")
        })
    }

    fn agent_time(&self) -> anyhow::Result<Duration> {
        processor_time(self.agent).context("the agent's process is there")
    }
}

fn free_bytes(place: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(place)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Empties large files below a folder, as an operator would: sandboxes are kept for a day.
fn make_room(folder: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.metadata()? {
            folder if folder.is_dir() => make_room(&entry.path())?,
            file if file.len() > LARGE_BYTES => drop(fs::File::create(entry.path())?),
            _ => {}
        }
    }
    Ok(())
}

impl Seen {
    fn report(self, rounds: u64, elapsed: Duration, attended: Attended) -> Report {
        let Self { calm, beset, processes, .. } = self;
        let mut violations = self.violations;
        let lost = lost_percent(calm.pace(), beset.pace());
        if lost > LOST_PERCENT_MAX {
            violations.push(format!("honest tasks lost {lost:.1} %, not {LOST_PERCENT_MAX} %"));
        }
        if processes > PIDS_MAX + 1 {
            violations.push(format!("{processes} processes of a task that may have {PIDS_MAX}"));
        }
        let agent = [(self.agent_calm, calm), (self.agent_beset, beset)];
        let [agent_calm, agent_beset] =
            agent.map(|(used, done)| used.as_secs_f64() / done.time.as_secs_f64());
        if agent_beset > AGENT_PROCESSORS_MAX {
            let text = format!("the agent took {agent_beset:.2} processors");
            violations.push(format!("{text}, not {AGENT_PROCESSORS_MAX}"));
        }
        if attended.slowest > ANSWER_MAX {
            let slowest = attended.slowest;
            violations.push(format!("the agent answered after {slowest:.1?}, not {ANSWER_MAX:?}"));
        }
        if attended.answers == 0 {
            violations.push("masters never said what they believe of the agent".to_owned());
        }
        violations.extend(attended.absences.iter().map(|it| format!("the agent was away: {it}")));
        let value = |name: &str, value: f64, unit| Figure { name: name.to_owned(), value, unit };
        let figures = vec![
            value("honest work, calm", calm.pace(), "/s"),
            value("honest work, beset", beset.pace(), "/s"),
            value("honest work lost", lost, "%"),
            value(
                "the same, per second of a processor",
                lost_percent(calm.speed(), beset.speed()),
                "%",
            ),
            value("processors of honest tasks, calm", calm.processors(), "CPU"),
            value("processors of honest tasks, beset", beset.processors(), "CPU"),
            value("processors of the agent, calm", agent_calm, "CPU"),
            value("processors of the agent, beset", agent_beset, "CPU"),
            Figure::count(
                "most processes of a task",
                usize::try_from(processes).unwrap_or(usize::MAX),
            ),
            Figure::count("times the agent was asked", attended.asked),
            Figure::seconds("its slowest answer", attended.slowest),
        ];
        Report {
            exercise: "hostile-tasks",
            rounds,
            elapsed,
            figures,
            violations,
            logs: String::new(),
        }
    }
}

fn lost_percent(before: f64, after: f64) -> f64 {
    100.0 * (1.0 - after / before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(change: impl FnOnce(&mut Seen, &mut Attended)) -> usize {
        let second = Duration::from_secs(1);
        let calm = Done { units: 100, processor: second, time: second };
        let beset = Done { units: 91, ..calm };
        let mut seen = Seen { calm, beset, processes: PIDS_MAX + 1, ..Seen::default() };
        let mut attended = Attended { answers: 1, ..Attended::default() };
        change(&mut seen, &mut attended);
        seen.report(1, second, attended).violations.len()
    }

    #[test]
    fn what_hostile_tasks_must_not_do_is_seen() {
        assert_eq!(violations(|_, _| {}), 0);
        assert_eq!(violations(|seen, _| seen.beset.units = 89), 1, "work is lost");
        assert_eq!(violations(|seen, _| seen.processes += 1), 1, "one process too many");
        let half = Duration::from_millis(500);
        assert_eq!(violations(|seen, _| seen.agent_beset = half), 1, "the agent is busy");
        assert_eq!(violations(|_, attended| attended.slowest = 2 * ANSWER_MAX), 1);
        assert_eq!(violations(|_, attended| attended.answers = 0), 1, "nobody was asked");
        let away = |_: &mut Seen, attended: &mut Attended| attended.absences.push("away".into());
        assert_eq!(violations(away), 1);
    }
}
