//! What the jail tells its spawner about the launch, and the vocabulary of launch failures.
//!
//! One line of JSON on the report pipe: started, or failed with the step that failed. The same
//! failure value is stored in the exit record, so that a restarted agent learns the same. This file
//! knows the steps by name only; their order is documented at the crate root.

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// The one message on the report pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Report {
    /// The task's exec has succeeded.
    Started(Started),
    /// The task never ran, and nothing of the container is left.
    Failed(LaunchFailure),
}

/// The identities that came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    /// The supervisor.
    pub pid: i32,
    /// The supervisor's start time; see [`crate::process::ProcessId`].
    pub start_time: u64,
    /// The container's first process as the host sees it: init, or the task itself without
    /// isolation.
    pub container_pid: i32,
    /// When the exec was seen to have succeeded.
    pub started_unix_ms: u64,
}

/// Why a task never ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchFailure {
    /// The class of the failure: what the agent decides on.
    pub reason: FailureReason,
    /// The step that failed.
    pub step: Step,
    /// The error number of the kernel, where there was one.
    pub errno: Option<i32>,
    /// One sentence for a person.
    pub message: String,
}

/// Classes of launch failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The plan was unreadable or asks for something unknown or impossible.
    InvalidPlan,
    /// There is no such program (a shell would say 127).
    NotFound,
    /// The program is there but cannot be executed (a shell would say 126).
    NotExecutable,
    /// The supervisor lacks a privilege that the plan needs.
    NotPermitted,
    /// The kernel had no process, memory or descriptor to give.
    Resources,
    /// The sandbox directory or an output file could not be opened, or a mount has no place there.
    Sandbox,
    /// The runtime directory could not be opened or written.
    Runtime,
    /// A cgroup could not be made, set or joined.
    Cgroups,
    /// A namespace or mount could not be set up.
    Isolation,
    /// The container died before the exec, without saying why.
    Died,
    /// A stop was ordered before the task ran.
    Cancelled,
    /// The spawner was gone before the task ran, so nobody would have known of it.
    Abandoned,
}

/// The steps of a launch. The wire between container and supervisor carries the position in
/// [`Step::ALL`]; files and reports carry the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Read and parse the plan.
    ReadPlan,
    /// Open the runtime directory.
    OpenRuntime,
    /// Open signal descriptor, channels and other machinery of the supervisor.
    Supervise,
    /// Open `stdout` and `stderr` in the sandbox.
    OpenOutput,
    /// Make the places of the plan's directories in the sandbox.
    MountPlaces,
    /// Create and set the cgroups.
    CreateCgroups,
    /// Create the container's first process.
    Clone,
    /// Bind the first process to the supervisor's life.
    ParentDeath,
    /// Enter the cgroups.
    JoinCgroups,
    /// Set the host name.
    Hostname,
    /// Make mounts private to the container.
    MountPropagation,
    /// Mount a fresh `/proc`.
    MountProc,
    /// Mount one of the plan's directories.
    MountDirectory,
    /// Set how the kernel ranks the task when memory is short.
    OomScore,
    /// Create the task's process.
    Fork,
    /// Start a session for the task.
    Session,
    /// Set the resource limits.
    ResourceLimits,
    /// Enter the sandbox directory.
    EnterSandbox,
    /// Connect the standard descriptors and close all others.
    Descriptors,
    /// Take the user's identity.
    Identity,
    /// Give up the gaining of privileges.
    NoNewPrivileges,
    /// Restore signal dispositions.
    Signals,
    /// Record the supervisor's identity durably.
    RecordJail,
    /// Check that the spawner still listens, and let the task go.
    Release,
    /// Execute the program.
    Exec,
    /// Make the image the root file system.
    MountRoot,
    /// Make the devices and file systems that every program counts on.
    MountDevices,
    /// Hide what of the kernel is nobody's business.
    MountMasks,
    /// Enter the working directory in the image.
    EnterWorkingDirectory,
    /// Give up the capabilities that a container does not have.
    Capabilities,
    /// Give up the system calls that a container may not make.
    SystemCallFilters,
    /// Make the user namespace, and become root in it.
    UserNamespace,
}

/// Why bytes are not a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The pipe was closed without a line: the supervisor died.
    #[error("the jail ended without a report")]
    Missing,
    /// The line is not a report.
    #[error("the jail's report is malformed")]
    Malformed(#[source] serde_json::Error),
}

impl Report {
    /// Reads a report from everything that came out of the pipe until its end.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        if bytes.trim_ascii().is_empty() {
            return Err(ReportError::Missing);
        }
        serde_json::from_slice(bytes).map_err(ReportError::Malformed)
    }

    pub(crate) fn to_line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("a report is plain data");
        line.push(b'\n');
        line
    }
}

impl FailureReason {
    /// The exit code by which shells report the same thing, where there is one.
    #[must_use]
    pub fn shell_code(self) -> Option<i32> {
        match self {
            Self::NotFound => Some(127),
            Self::NotExecutable => Some(126),
            _ => None,
        }
    }

    fn of(step: Step, errno: Errno) -> Self {
        match (step, errno) {
            (Step::Exec, Errno::ENOENT | Errno::ENOTDIR) => Self::NotFound,
            (_, Errno::EAGAIN | Errno::ENOMEM | Errno::EMFILE | Errno::ENFILE) => Self::Resources,
            (Step::Exec, Errno::E2BIG) => Self::Resources,
            (Step::Exec, _) => Self::NotExecutable,
            (Step::ReadPlan, _) => Self::InvalidPlan,
            (Step::OpenRuntime | Step::RecordJail, _) => Self::Runtime,
            (Step::OpenOutput | Step::MountPlaces | Step::EnterSandbox, _) => Self::Sandbox,
            (Step::CreateCgroups | Step::JoinCgroups, _) => Self::Cgroups,
            (_, Errno::EPERM | Errno::EACCES) => Self::NotPermitted,
            _ => Self::Isolation,
        }
    }
}

impl LaunchFailure {
    /// A failure that the kernel gave a number for.
    pub(crate) fn of_errno(step: Step, errno: Errno) -> Self {
        let message = format!("{}: {}", step.sentence(), errno.desc());
        Self { reason: FailureReason::of(step, errno), step, errno: Some(errno as i32), message }
    }

    /// A failure with an error value of its own; the message is the whole chain of causes.
    pub(crate) fn of_error(
        reason: FailureReason,
        step: Step,
        errno: Option<i32>,
        error: &dyn std::error::Error,
    ) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self { reason, step, errno, message }
    }

    /// A failure that nobody gave a number for.
    pub(crate) fn of_reason(reason: FailureReason, step: Step, message: &str) -> Self {
        Self { reason, step, errno: None, message: message.to_owned() }
    }
}

impl Step {
    /// Every step; the position is the code on the wire between container and supervisor.
    pub const ALL: [Self; 32] = [
        Self::ReadPlan,
        Self::OpenRuntime,
        Self::Supervise,
        Self::OpenOutput,
        Self::MountPlaces,
        Self::CreateCgroups,
        Self::Clone,
        Self::ParentDeath,
        Self::JoinCgroups,
        Self::Hostname,
        Self::MountPropagation,
        Self::MountProc,
        Self::MountDirectory,
        Self::OomScore,
        Self::Fork,
        Self::Session,
        Self::ResourceLimits,
        Self::EnterSandbox,
        Self::Descriptors,
        Self::Identity,
        Self::NoNewPrivileges,
        Self::Signals,
        Self::RecordJail,
        Self::Release,
        Self::Exec,
        Self::MountRoot,
        Self::MountDevices,
        Self::MountMasks,
        Self::EnterWorkingDirectory,
        Self::Capabilities,
        Self::SystemCallFilters,
        Self::UserNamespace,
    ];

    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::ReadPlan => "cannot read the plan",
            Self::OpenRuntime => "cannot open the runtime directory",
            Self::Supervise => "cannot set the supervisor up",
            Self::OpenOutput => "cannot open an output file in the sandbox",
            Self::MountPlaces => "cannot make the place of a mount in the sandbox",
            Self::CreateCgroups => "cannot create the cgroups",
            Self::Clone => "cannot create the container's first process",
            Self::ParentDeath => "cannot bind the container to its supervisor",
            Self::JoinCgroups => "cannot join the cgroups (a real-time process cannot join `cpu`)",
            Self::Hostname => "cannot set the host name",
            Self::MountPropagation => "cannot make the mounts private",
            Self::MountProc => "cannot mount /proc",
            Self::MountDirectory => "cannot mount a directory in the sandbox",
            Self::OomScore => "cannot set the out-of-memory score",
            Self::Fork => "cannot create the task's process",
            Self::Session => "cannot start the task's session",
            Self::ResourceLimits => "cannot set a resource limit",
            Self::EnterSandbox => "cannot enter the sandbox",
            Self::Descriptors => "cannot connect the task's descriptors",
            Self::Identity => "cannot become the task's user",
            Self::NoNewPrivileges => "cannot give up the gaining of privileges",
            Self::Signals => "cannot reset the signals",
            Self::RecordJail => "cannot record the supervisor's identity",
            Self::Release => "cannot let the task go",
            Self::Exec => "cannot execute the program",
            Self::MountRoot => "cannot make the image the root file system",
            Self::MountDevices => "cannot make /dev, /proc or /sys in the image",
            Self::MountMasks => "cannot hide what of the kernel is nobody's business",
            Self::EnterWorkingDirectory => "cannot enter the working directory",
            Self::Capabilities => "cannot give up capabilities",
            Self::SystemCallFilters => "cannot give up system calls",
            Self::UserNamespace => "cannot make or enter the user namespace",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_survives_the_wire() {
        for step in Step::ALL {
            assert_eq!(Step::from_code(step.code()), Some(step));
        }
        assert_eq!(Step::from_code(200), None);
    }

    #[test]
    fn the_shape_of_the_line_is_fixed() {
        let started = Started { pid: 7, start_time: 8, container_pid: 9, started_unix_ms: 10 };
        let line = Report::Started(started).to_line();
        let expected = concat!(
            r#"{"started":{"pid":7,"start_time":8,"container_pid":9,"started_unix_ms":10}}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(line.clone()).unwrap(), expected);
        assert_eq!(Report::parse(&line).unwrap(), Report::Started(started));
    }

    #[test]
    fn silence_and_noise_are_told_apart() {
        assert!(matches!(Report::parse(b" \n"), Err(ReportError::Missing)));
        assert!(matches!(Report::parse(b"{\"started\""), Err(ReportError::Malformed(_))));
    }

    #[test]
    fn shells_agree_on_exec_failures() {
        for (errno, code) in [
            (Errno::ENOENT, Some(127)),
            (Errno::ENOTDIR, Some(127)),
            (Errno::EACCES, Some(126)),
            (Errno::ENOEXEC, Some(126)),
            (Errno::E2BIG, None),
        ] {
            let failure = LaunchFailure::of_errno(Step::Exec, errno);
            assert_eq!(failure.reason.shell_code(), code, "{errno}");
        }
    }
}
