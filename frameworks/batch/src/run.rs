//! From a source of work and a cluster's address to a summary: what the command line calls.

use crate::job::Job;
use crate::job_file::{self, JobFileError};
use crate::observer::Observer;
use crate::replay::{Replay, ReplayError};
use crate::scheduler::BatchScheduler;
use crate::summary::Summary;
use bourse_sdk::model::{Duration, FrameworkInfo};
use bourse_sdk::{Driver, DriverError, Masters, Settings};
use std::path::PathBuf;

/// How long a job's tasks outlive a lost connection. This process does not come back under the same
/// framework id after its own death, so that longer only keeps a dead job's tasks.
const FAILOVER_TIMEOUT: Duration = Duration::from_seconds(120);

/// A cluster that does not answer for this long at the beginning is not there.
const FIRST_CONTACT_TIMEOUT: Duration = Duration::from_seconds(30);

/// Where the work comes from.
#[derive(Debug, Clone)]
pub enum JobSource {
    /// A job made in code.
    Job(Job),
    /// A job file.
    File(PathBuf),
    /// A recorded workload.
    Swf {
        /// The log; unpacked if its name ends in `.gz`.
        path: PathBuf,
        /// How to turn it into a job.
        replay: Replay,
    },
}

/// Why a job could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The job file cannot be used.
    #[error("the job file cannot be used")]
    File(#[source] JobFileError),
    /// The log cannot be replayed.
    #[error("the recorded workload cannot be used")]
    Replay(#[source] ReplayError),
    /// The cluster is not there or does not want it.
    #[error("the job could not be run")]
    Driver(#[source] DriverError),
}

impl JobSource {
    /// The job.
    pub fn load(self) -> Result<Job, RunError> {
        match self {
            JobSource::Job(job) => Ok(job),
            JobSource::File(path) => job_file::read(&path).map_err(RunError::File),
            JobSource::Swf { path, replay } => replay.read(&path).map_err(RunError::Replay),
        }
    }
}

/// Runs a job to its end.
pub async fn run(
    source: JobSource,
    masters: Masters,
    observer: Box<dyn Observer>,
) -> Result<Summary, RunError> {
    run_until(source, masters, observer, std::future::pending()).await
}

/// As [`run`]; when `stop` is ready, what runs is killed and the rest is skipped.
pub async fn run_until(
    source: JobSource,
    masters: Masters,
    observer: Box<dyn Observer>,
    stop: impl Future<Output = ()>,
) -> Result<Summary, RunError> {
    let job = match source {
        JobSource::Job(job) => job,
        // Reading a large log takes a while.
        source => tokio::task::spawn_blocking(|| source.load())
            .await
            .expect("reading a job does not panic")?,
    };
    let info = FrameworkInfo {
        name: job.name().to_owned(),
        roles: vec![job.role().clone()],
        failover_timeout: FAILOVER_TIMEOUT,
        labels: Vec::new(),
        disruption_budget: None,
        offer_terms: Vec::new(),
    };
    let mut settings = Settings::new(masters, info);
    // Until it has said what it wants.
    settings.suppressed = settings.info.roles.iter().cloned().collect();
    settings.first_contact_timeout = Some(FIRST_CONTACT_TIMEOUT);
    let driver = Driver::new(settings);
    let stopper = driver.stopper();
    // Jitter only: two jobs that fail together need not try again together.
    let seed = u64::from(std::process::id());
    let mut scheduler = BatchScheduler::new(job, seed, observer);
    let finished = {
        let mut running = std::pin::pin!(driver.run(&mut scheduler));
        tokio::select! {
            finished = &mut running => finished,
            () = stop => {
                stopper.stop().await;
                running.await
            }
        }
    };
    finished.map_err(RunError::Driver)?;
    Ok(scheduler.summary())
}
