//! `bourse run`: a command, a job file or a workload log, to completion.

use crate::{
    commands::images,
    connection::Connection,
    context::{Context, ContextArgs, FRAMEWORK_FILE},
    local::{Local, LocalSettings},
    output::{Format, print_text},
    report::{Reporter, summary_line},
    shutdown,
};
use anyhow::{Context as _, bail};
use batch::{Compression, Job, JobSource, Replay, Summary, TaskSpec, VolumeSelector, VolumeSpec};
use proto::model::{
    Constraint, DomainSpread, Duration as Milliseconds, Milli, Priority, Reason, ResourceName,
    Resources, Role, StopSignal, Value,
};
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// Flags of `bourse run`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "bourse run [OPTIONS] -- COMMAND [ARGUMENT]...\n       \
                            bourse run [OPTIONS] --file JOB.toml")]
pub(crate) struct RunArgs {
    /// Start a cluster in this process for it, and remove it afterwards
    #[arg(long)]
    local: bool,
    /// With --local: plain processes, also as root
    #[arg(long, requires = "local")]
    plain_processes: bool,
    /// Job file (TOML) instead of a command
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    file: Option<PathBuf>,
    #[command(flatten)]
    log: WorkloadArgs,
    /// Name of the job and its tasks
    #[arg(long, default_value = "run")]
    name: String,
    /// Role whose share is used
    #[arg(long, default_value = "*")]
    role: Role,
    /// How many times to run it
    #[arg(long, default_value_t = 1)]
    instances: u32,
    /// CPUs of each instance, such as 0.5
    #[arg(long, default_value = "0.1")]
    cpus: Milli,
    /// Memory of each instance, MiB
    #[arg(long, default_value = "32")]
    mem: Milli,
    /// Disk of each instance, MiB
    #[arg(long, default_value = "0")]
    disk: Milli,
    /// Environment variable, NAME=VALUE; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = environment)]
    env: Vec<(String, String)>,
    /// Further attempts of an instance that fails
    #[arg(long, default_value_t = 0)]
    retries: u32,
    /// Kill an attempt that takes longer, such as 10m
    #[arg(long, value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Have its agent end an attempt that runs longer, also while this command is away
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration,
        conflicts_with_all = ["file", "swf"])]
    max_completion_time: Option<Duration>,
    /// Time between the signal by which an attempt is ended and KILL, such as 10s
    #[arg(long, value_parser = humantime::parse_duration, conflicts_with_all = ["file", "swf"])]
    grace: Option<Duration>,
    /// Signal by which an attempt is ended, by name or number
    #[arg(long, value_name = "SIGNAL", default_value = "TERM",
        conflicts_with_all = ["file", "swf"])]
    stop_signal: StopSignal,
    /// GPUs of each instance: less than 1 for a part of one, or whole ones
    #[arg(long, default_value = "0", value_name = "GPUS", conflicts_with_all = ["file", "swf"])]
    gpus: Milli,
    /// Only on agents like this, such as `rack in r1,r2`, `hostname not in h7`, `generation >= 7`,
    /// `ssd exists`; may be repeated
    #[arg(long = "constraint", value_name = "CONSTRAINT", conflicts_with_all = ["file", "swf"])]
    constraints: Vec<Constraint>,
    /// All instances at once or none; given up after this time
    #[arg(long, value_name = "TIMEOUT", num_args = 0..=1, default_missing_value = "10m",
        require_equals = true, value_parser = humantime::parse_duration,
        conflicts_with_all = ["file", "swf"])]
    gang: Option<Duration>,
    /// No more than so many instances on one agent
    #[arg(long, value_name = "N", conflicts_with_all = ["file", "swf"])]
    spread: Option<u32>,
    /// Who goes first, 0 to 9: work of a lower priority may be ended for this
    #[arg(long, value_name = "N", default_value_t, conflicts_with_all = ["file", "swf"])]
    priority: Priority,
    /// Time that an instance is let finish before it is ended for work of a higher priority
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration,
        conflicts_with_all = ["file", "swf"])]
    preemption_notice: Option<Duration>,
    /// Also on what others are promised and do not use: an instance is ended, after its notice,
    /// when they want it back, and starts again where there is room
    #[arg(long, conflicts_with_all = ["file", "swf"])]
    revocable: bool,
    /// A volume that each instance uses, by its name or id, and where it sees it below its sandbox;
    /// with :ro it only reads; may be repeated
    #[arg(long = "volume", value_name = "VOLUME:PATH[:ro]", value_parser = volume,
        conflicts_with_all = ["file", "swf"])]
    volumes: Vec<VolumeSpec>,
    /// Image whose root file system each instance sees, which its agent must have; without a
    /// command, what the image says is run
    #[arg(long, value_name = "NAME", conflicts_with_all = ["file", "swf"])]
    image: Option<String>,
    /// With --local: archive or folder whose images the cluster gets, as by `bourse images import`;
    /// may be repeated
    #[arg(long, value_name = "PATH", requires = "local")]
    import: Vec<PathBuf>,
    /// How the instances are spread over fault domains: `at most N per level L` or
    /// `even over level L`, levels counted from the outside; may be given several times
    #[arg(long, value_name = "SPREAD", conflicts_with_all = ["file", "swf"])]
    domain_spread: Vec<DomainSpread>,
    /// Do not print what the tasks write
    #[arg(long)]
    quiet: bool,
    /// The command and its arguments
    #[arg(last = true)]
    command: Vec<String>,
}

/// Flags of a workload log.
#[derive(Debug, clap::Args)]
struct WorkloadArgs {
    /// Workload log in Standard Workload Format (also .gz) instead of a command
    #[arg(long, value_name = "FILE", conflicts_with_all = ["command", "file"])]
    swf: Option<PathBuf>,
    /// Jobs of the log to run, from its beginning
    #[arg(long, default_value_t = 300, requires = "swf")]
    jobs: usize,
    /// Each job appends a line to a file of its own in this folder, which all agents share
    #[arg(long, value_name = "FOLDER", requires = "swf")]
    markers: Option<PathBuf>,
    /// Compress the log's time so that everything would be over after this long
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration, requires = "swf")]
    span: Duration,
}

fn milliseconds(duration: Duration) -> anyhow::Result<Milliseconds> {
    Ok(Milliseconds(u64::try_from(duration.as_millis())?))
}

fn environment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// What has the form of an id is one.
fn volume(text: &str) -> Result<VolumeSpec, String> {
    let form = || "write VOLUME:PATH or VOLUME:PATH:ro".to_owned();
    let (volume, path) = text.split_once(':').ok_or_else(form)?;
    let (path, read_only) = match path.strip_suffix(":ro") {
        Some(path) => (path, true),
        None => (path, false),
    };
    // What else follows a ':' was meant for something that there is not.
    if path.contains(':') {
        return Err(form());
    }
    let volume = match volume.parse() {
        Ok(id) => VolumeSelector::Id(id),
        Err(_) => VolumeSelector::Name(volume.parse().map_err(|error| format!("{error}"))?),
    };
    Ok(VolumeSpec { volume, path: path.to_owned(), read_only })
}

pub(crate) async fn run(
    context: &ContextArgs,
    format: Format,
    args: &RunArgs,
) -> anyhow::Result<ExitCode> {
    let job = args.job()?;
    let stop = shutdown::asked();
    let summary = match args.local {
        true => run_local(format, args, job, stop).await?,
        false => {
            let framework = context.resolve_framework()?;
            run_on(&framework, format, args, job, stop).await?
        }
    };
    Ok(if summary.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts a cluster, runs the job, removes the cluster, whatever happens.
async fn run_local(
    format: Format,
    args: &RunArgs,
    job: Job,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Summary> {
    let directory = tempfile::Builder::new()
        .prefix("bourse-run-")
        .tempdir()
        .context("cannot create a folder for the cluster")?;
    let settings =
        LocalSettings { plain_processes: args.plain_processes, ..LocalSettings::default() };
    for path in &args.import {
        images::import(&Local::data_dir_of_agent(directory.path()), path, None)?;
    }
    let mut local = Local::start(directory.path(), &settings).await?;
    if !local.full_isolation() {
        let why = if args.plain_processes { "--plain-processes" } else { "not root" };
        eprintln!("{why}: tasks run as plain processes, without containers");
    }
    let framework = local.framework.clone();
    let ready = match too_large(&job, &local.resources) {
        Some(problem) => Err(problem),
        None => local.ready().await,
    };
    let outcome = match ready {
        Err(problem) => Err(problem),
        Ok(()) => tokio::select! {
            outcome = run_on(&framework, format, args, job, stop) => outcome,
            problem = local.failed() => Err(problem),
        },
    };
    let killed = local.kill_all().await;
    let stopped = local.stop().await.and(killed);
    directory.close().context("cannot remove the cluster's folder")?;
    let summary = outcome?;
    stopped.map(|()| summary)
}

/// On a cluster of one agent, what does not fit into it would wait for ever.
fn too_large(job: &Job, resources: &Resources) -> Option<anyhow::Error> {
    let task = job.tasks().iter().find(|task| !resources.contains(&task.resources))?;
    let (name, wanted) = (&task.name, &task.resources);
    Some(anyhow::anyhow!("{name} needs {wanted}, but this machine's agent has {resources}"))
}

async fn run_on(
    framework: &Context,
    format: Format,
    args: &RunArgs,
    job: Job,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<Summary> {
    let masters = bourse_sdk::Masters {
        addresses: framework.masters.clone(),
        security: framework.security()?,
    };
    // Agents show a framework what its own tasks wrote.
    let reader = match args.quiet {
        true => None,
        false => Some(Connection::new(framework.clone())?),
    };
    let (progress, printer) = Reporter::start(job.instance_count(), reader, format);
    let job = JobSource::Job(job);
    let summary = batch::run_until(job, masters, Box::new(progress), stop).await;
    let outputs = printer.finish().await?;
    let summary = summary.map_err(explained)?;
    match format {
        Format::Json => {
            let value = serde_json::json!({ "summary": summary, "outputs": outputs });
            print_text(&(serde_json::to_string_pretty(&value)? + "\n"))?;
        }
        Format::Table => eprintln!("{}", summary_line(&summary)),
    }
    Ok(summary)
}

/// An operator's certificate is the likeliest wrong one: what to do stands with the refusal.
fn explained(problem: batch::RunError) -> anyhow::Error {
    let unfit = match &problem {
        batch::RunError::Driver(bourse_sdk::DriverError::Refused(refusal)) => {
            refusal.reason == Reason::NotAuthorized
        }
        _ => false,
    };
    let problem = anyhow::Error::new(problem);
    match unfit {
        true => problem.context(format!(
            "jobs are run with a framework's certificate: `bourse dev` leaves one in {FRAMEWORK_FILE} \
             beside its context.toml (--context), `bourse certificates --directory DIR framework NAME` makes \
             one"
        )),
        false => problem,
    }
}

impl RunArgs {
    fn job(&self) -> anyhow::Result<Job> {
        if let Some(path) = &self.file {
            return Ok(batch::job_file::read(path)?);
        }
        if let Some(path) = &self.log.swf {
            let replay = Replay {
                jobs_max: self.log.jobs,
                compression: Compression::Fit(milliseconds(self.log.span)?),
                marker_folder: self.log.markers.clone(),
                role: self.role.clone(),
                ..Replay::default()
            };
            return Ok(replay.read(path)?);
        }
        if self.command.is_empty() && self.image.is_none() {
            bail!("nothing to run: put a command after --, or name a job file with --file");
        }
        let resources = Resources::from_entries([
            (ResourceName::CPUS, Value::Scalar(self.cpus)),
            (ResourceName::MEM, Value::Scalar(self.mem)),
            (ResourceName::DISK, Value::Scalar(self.disk)),
            (ResourceName::GPUS, Value::Scalar(self.gpus)),
        ])?;
        let mut task = TaskSpec::new(&self.name, self.command.clone(), resources);
        task.environment.clone_from(&self.env);
        task.instances = self.instances;
        task.retries = self.retries;
        task.constraints.clone_from(&self.constraints);
        task.gang_timeout = self.gang.map(milliseconds).transpose()?;
        task.per_agent_max = self.spread;
        task.priority = self.priority;
        task.preemption_notice = self.preemption_notice.map(milliseconds).transpose()?;
        task.revocable = self.revocable;
        task.image.clone_from(&self.image);
        task.volumes.clone_from(&self.volumes);
        task.domain_spread.clone_from(&self.domain_spread);
        task.timeout = self.timeout.map(milliseconds).transpose()?;
        task.max_completion_time = self.max_completion_time.map(milliseconds).transpose()?;
        task.kill_policy.grace_period = self.grace.map(milliseconds).transpose()?;
        task.kill_policy.signal = self.stop_signal;
        Ok(Job::new(self.name.clone(), self.role.clone(), vec![task])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_typed_with_their_place() {
        let typed = |text| volume(text).map(|spec| (spec.volume, spec.path, spec.read_only));
        let name = |text: &str| VolumeSelector::Name(text.parse().expect("a name"));
        assert_eq!(typed("data:in/it"), Ok((name("data"), "in/it".to_owned(), false)));
        let id = VolumeSelector::Id("volume-7".parse().expect("an id"));
        assert_eq!(typed("volume-7:d:ro"), Ok((id, "d".to_owned(), true)));
        for bad in ["data", "data:d:rw", "data:d:ro:ro", ":d"] {
            assert!(volume(bad).is_err(), "{bad}");
        }
    }
}
