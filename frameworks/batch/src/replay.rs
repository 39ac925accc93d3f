//! A recorded workload as a job: each recorded job becomes one task that sleeps as long as it ran.
//!
//! Time is compressed by one factor for arrivals and run times alike, so that the load keeps its
//! shape; processors become so many thousandths of a CPU each, cut at what an agent has.

use crate::job::{Job, JobError, TaskSpec};
use crate::swf::{SwfError, SwfJob, SwfReader};
use bourse_sdk::model::{Duration, Milli, ResourceName, Resources, Role, Value};
use std::path::{Path, PathBuf};

/// How recorded time becomes time here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// So many times faster; at least 1.
    Factor(u64),
    /// As much faster as it takes for everything to be over after this long, had nothing to wait.
    Fit(Duration),
}

/// How a log is turned into a job.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Take only the first jobs of the log.
    pub jobs_max: usize,
    /// How time is compressed.
    pub compression: Compression,
    /// Thousandths of a CPU for one recorded processor.
    pub cpu_milli_per_processor: u32,
    /// No task asks for more.
    pub cpu_milli_max: u32,
    /// Memory of every task.
    pub mem_mib: u32,
    /// On whose share.
    pub role: Role,
    /// Each task appends a line to a file of its own in this folder, which its agent must share: a
    /// file with two lines is a task that ran twice.
    pub marker_folder: Option<PathBuf>,
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("the workload log cannot be replayed")]
    Log(#[source] SwfError),
    /// It is read, but no job can be made of it.
    #[error("{} makes no job", path.display())]
    Job {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: JobError,
    },
    /// The folder's name cannot stand in a command.
    #[error("the marker folder {} is not UTF-8", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
    },
}

impl Default for Replay {
    /// The first 300 jobs in about a minute, a hundredth of a CPU per processor.
    fn default() -> Self {
        Self {
            jobs_max: 300,
            compression: Compression::Fit(Duration::from_seconds(60)),
            cpu_milli_per_processor: 10,
            cpu_milli_max: 1_000,
            mem_mib: 16,
            role: Role::any(),
            marker_folder: None,
        }
    }
}

impl Replay {
    /// Reads a log and makes the job.
    pub fn read(&self, path: &Path) -> Result<Job, ReplayError> {
        let reader = SwfReader::open(path).map_err(ReplayError::Log)?;
        let jobs: Result<Vec<SwfJob>, SwfError> = reader.take(self.jobs_max).collect();
        let mut jobs = jobs.map_err(ReplayError::Log)?;
        // Logs are sorted by submission, but not all of them strictly.
        jobs.sort_by_key(|job| job.submit_ms);
        let name = path.file_name().map_or_else(String::new, |name| name.display().to_string());
        let start_ms = jobs.first().map_or(0, |job| job.submit_ms);
        let factor = self.factor(&jobs, start_ms);
        let folder = match &self.marker_folder {
            None => None,
            Some(folder) => Some(
                folder.to_str().ok_or_else(|| ReplayError::Folder { folder: folder.clone() })?,
            ),
        };
        let tasks = jobs.iter().map(|job| self.task(job, start_ms, factor, folder)).collect();
        Job::new(name, self.role.clone(), tasks)
            .map_err(|source| ReplayError::Job { path: path.to_owned(), source })
    }

    fn factor(&self, jobs: &[SwfJob], start_ms: u64) -> u64 {
        match self.compression {
            Compression::Factor(factor) => factor.max(1),
            Compression::Fit(length) => {
                let ends =
                    jobs.iter().map(|job| (job.submit_ms - start_ms).saturating_add(run_ms(job)));
                ends.max().unwrap_or(0).div_ceil(length.0.max(1)).max(1)
            }
        }
    }

    fn task(&self, job: &SwfJob, start_ms: u64, factor: u64, folder: Option<&str>) -> TaskSpec {
        let name = format!("job-{}", job.number);
        let run_ms = run_ms(job) / factor;
        let seconds = format!("{}.{:03}", run_ms / 1_000, run_ms % 1_000);
        let command = match folder {
            None => vec!["sleep".to_owned(), seconds],
            // The marker first: a task that is killed while it sleeps has run, too.
            Some(folder) => vec![
                "sh".to_owned(),
                "-c".to_owned(),
                "echo ran >> \"$1\" && exec sleep \"$2\"".to_owned(),
                "sh".to_owned(),
                format!("{folder}/{name}"),
                seconds,
            ],
        };
        let mut spec = TaskSpec::new(name, command, self.resources(job));
        spec.submit_at = Duration((job.submit_ms - start_ms) / factor);
        spec
    }

    fn resources(&self, job: &SwfJob) -> Resources {
        let processors = job.requested_processors.or(job.processors).unwrap_or(1).max(1);
        let cpu_milli = processors
            .saturating_mul(u64::from(self.cpu_milli_per_processor))
            .clamp(1, u64::from(self.cpu_milli_max).max(1));
        let cpu_milli = i64::try_from(cpu_milli).expect("cut at a number of 32 bits");
        Resources::from_entries([
            (ResourceName::CPUS, Value::Scalar(Milli(cpu_milli))),
            (ResourceName::MEM, Value::Scalar(Milli(i64::from(self.mem_mib) * 1_000))),
        ])
        .expect("both are in range")
    }
}

/// How long a job ran; one whose run is not known asked for some time, or never ran.
fn run_ms(job: &SwfJob) -> u64 {
    job.run_ms.or(job.requested_ms).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/small.swf")
    }

    #[test]
    fn the_own_log_becomes_a_job_of_about_a_minute() {
        let job = Replay::default().read(&small()).unwrap();
        assert_eq!(job.tasks().len(), 120);
        let ends = job.tasks().iter().map(|task| {
            let seconds: Milli = task.command[1].parse().unwrap();
            task.submit_at.0 + u64::try_from(seconds.0).unwrap()
        });
        let last = ends.max().unwrap();
        assert!((55_000..=60_000).contains(&last), "{last}");
        assert!(job.tasks().is_sorted_by_key(|task| task.submit_at));
        assert!(job.tasks().iter().any(|task| task.submit_at.0 > 30_000));
        let cpus = |task: &TaskSpec| task.resources.scalar(&ResourceName::CPUS).0;
        assert!(job.tasks().iter().all(|task| (10..=1_000).contains(&cpus(task))));
        assert!(job.tasks().iter().any(|task| cpus(task) == 1_000), "something is cut");
    }

    #[test]
    fn a_factor_is_taken_as_it_is() {
        let replay = Replay { compression: Compression::Factor(1), ..Replay::default() };
        let job = Replay { jobs_max: 1, ..replay }.read(&small()).unwrap();
        let reader = SwfReader::open(&small()).unwrap();
        let first = reader.map(Result::unwrap).next().unwrap();
        let seconds: Milli = job.tasks()[0].command[1].parse().unwrap();
        assert_eq!(u64::try_from(seconds.0).unwrap(), first.run_ms.unwrap());
    }

    #[test]
    fn a_marked_task_tells_that_it_ran() {
        let folder = tempfile::tempdir().unwrap();
        let marker_folder = Some(folder.path().to_owned());
        let replay = Replay { jobs_max: 1, marker_folder, ..Replay::default() };
        let job = replay.read(&small()).unwrap();
        let mut command = job.tasks()[0].command.clone();
        // Its own sleep would take a minute.
        *command.last_mut().unwrap() = "0".to_owned();
        let run = || std::process::Command::new(&command[0]).args(&command[1..]).status();
        assert!(run().unwrap().success());
        assert!(run().unwrap().success());
        let marker = folder.path().join(&job.tasks()[0].name);
        assert_eq!(std::fs::read_to_string(marker).unwrap(), "ran\nran\n");
    }

    /// Every real log that lies beside the repository, if any does.
    #[test]
    fn recorded_logs_become_jobs() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces/swf");
        let Ok(entries) = std::fs::read_dir(&folder) else {
            println!("SKIPPED recorded_logs_become_jobs: there is no {}", folder.display());
            return;
        };
        let mut count = 0;
        for entry in entries {
            let path = entry.unwrap().path();
            if !path.to_str().unwrap().ends_with(".swf.gz") {
                continue;
            }
            count += 1;
            let job = Replay::default().read(&path).unwrap();
            assert_eq!(job.tasks().len(), 300, "{}", path.display());
            let jobs = SwfReader::open(&path).unwrap().take(18_000).map(Result::unwrap).count();
            assert!(jobs > 3_000, "{}", path.display());
        }
        assert!(count > 0, "the folder of logs has none");
    }
}
