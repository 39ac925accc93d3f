//! The container side of a launch: what runs between the first fork and the task's exec.
//!
//! Everything is prepared before the fork, in [`Container`]; afterwards there are only system
//! calls. `init` is the container's first process under full isolation, `task` the last stretch to
//! exec, `channel` the talk with the supervisor. None of them knows of records, reports or cgroup
//! names.

mod capabilities;
pub(crate) mod channel;
mod filters;
mod init;
mod mounts;
mod output;
mod root;
mod task;

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::resource::Resource;
use nix::unistd::{Pid, pipe2};

use crate::cgroups::Entrances;
use crate::plan::{Isolation, Plan, ProcessLimit, User};
use crate::report::Step;
use crate::sys::{Side, StringArray, exit_now, fork_into};
use channel::{ContainerEnd, SupervisorEnd};

/// Where a shell would look if there is no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const NAMESPACES: i32 =
    libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// A step that failed, and what the kernel said.
pub(crate) type Failed = (Step, Errno);

/// Everything the container's processes need, prepared in the supervisor.
#[derive(Debug)]
pub(crate) struct Container {
    /// The files to try, in order.
    programs: Vec<CString>,
    arguments: StringArray,
    environment: StringArray,
    sandbox: CString,
    /// To be mounted in it.
    mounts: Vec<mounts::Prepared>,
    /// An image as root file system.
    root: Option<root::Prepared>,
    filters: filters::Filters,
    stdout: OwnedFd,
    stderr: OwnedFd,
    entrances: Entrances,
    isolation: Isolation,
    user: Option<User>,
    process_limits: Vec<(Resource, u64)>,
    oom_score_adj: Option<String>,
}

/// The container's ends of the two channels.
#[derive(Debug)]
struct Ends {
    channel: ContainerEnd,
    /// Where init writes the task's wait status.
    status: OwnedFd,
}

/// A container that is being set up, as the supervisor holds it.
#[derive(Debug)]
pub(crate) struct Spawned {
    pub(crate) pid: Pid,
    pub(crate) channel: SupervisorEnd,
    /// Where init writes the task's wait status; silent without isolation.
    pub(crate) status: OwnedFd,
}

/// A forked child must never unwind into its parent's code and run the parent's destructors there.
struct NoWayBack;

impl Drop for NoWayBack {
    fn drop(&mut self) {
        exit_now(70);
    }
}

impl Container {
    pub(crate) fn prepare(plan: &Plan, entrances: Entrances) -> Result<Self, Failed> {
        let (stdout, stderr) = output::open(&plan.sandbox_dir, plan.user.as_ref())
            .map_err(|errno| (Step::OpenOutput, errno))?;
        let mounts = mounts::prepare(plan).map_err(|errno| (Step::MountPlaces, errno))?;
        let root = root::prepare(plan)?;
        let filters = filters::read(&plan.system_call_filters)
            .map_err(|errno| (Step::SystemCallFilters, errno))?;
        let string = |text: &[u8]| {
            CString::new(text).expect("the plan was checked and contains no zero byte")
        };
        let environment =
            plan.env.iter().map(|(name, value)| string(format!("{name}={value}").as_bytes()));
        let full = matches!(plan.isolation, Isolation::Full { .. });
        let oom_score_adj = plan.oom_score_adj.or(full.then_some(0));
        Ok(Self {
            programs: programs(plan).iter().map(|path| string(path.as_bytes())).collect(),
            arguments: StringArray::new(
                plan.argv.iter().map(|argument| string(argument.as_bytes())).collect(),
            ),
            environment: StringArray::new(environment.collect()),
            sandbox: string(plan.sandbox_dir.as_os_str().as_bytes()),
            mounts,
            root,
            filters,
            stdout,
            stderr,
            entrances,
            isolation: plan.isolation.clone(),
            user: plan.user.clone(),
            process_limits: plan
                .process_limits
                .iter()
                .map(|(limit, value)| (resource(*limit), *value))
                .collect(),
            oom_score_adj: oom_score_adj.map(|score| score.to_string()),
        })
    }

    /// Starts the container's first process. It stops just before exec until it is released.
    pub(crate) fn spawn(&self) -> Result<Spawned, Failed> {
        let supervise = |errno| (Step::Supervise, errno);
        let (supervisor_end, container_end) = channel::pair().map_err(supervise)?;
        let flags = OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let (status_read, status_write) = pipe2(flags).map_err(supervise)?;
        let full = matches!(self.isolation, Isolation::Full { .. });
        let namespaces = if full { NAMESPACES } else { 0 };
        let born_in = self.entrances.born_in.as_ref().map(AsFd::as_fd);
        match fork_into(namespaces, born_in).map_err(|errno| (Step::Clone, errno))? {
            Side::Parent(pid) => Ok(Spawned { pid, channel: supervisor_end, status: status_read }),
            Side::Child => {
                let _guard = NoWayBack;
                // The supervisor's ends must be the supervisor's alone, or their closing would not
                // be seen here when it dies.
                drop((supervisor_end, status_read));
                let ends = Ends { channel: container_end, status: status_write };
                if full { init::run(self, ends) } else { task::run_alone(self, &ends) }
            }
        }
    }

    /// Enters the cgroups it was not born in. Zero means the writer itself.
    fn join_cgroups(&self) -> Result<(), Failed> {
        for file in &self.entrances.joined {
            nix::unistd::write(file, b"0").map_err(|errno| (Step::JoinCgroups, errno))?;
        }
        Ok(())
    }
}

/// Where the program may be: as given if it names a path, else in each directory of the task's own
/// PATH.
fn programs(plan: &Plan) -> Vec<String> {
    let name = &plan.argv[0];
    if name.contains('/') {
        return vec![name.clone()];
    }
    let path = plan.env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    path.split(':')
        .map(|dir| if dir.is_empty() { format!("./{name}") } else { format!("{dir}/{name}") })
        .collect()
}

fn resource(limit: ProcessLimit) -> Resource {
    match limit {
        ProcessLimit::CoreBytes => Resource::RLIMIT_CORE,
        ProcessLimit::FileBytes => Resource::RLIMIT_FSIZE,
        ProcessLimit::LockedBytes => Resource::RLIMIT_MEMLOCK,
        ProcessLimit::OpenFiles => Resource::RLIMIT_NOFILE,
        ProcessLimit::Processes => Resource::RLIMIT_NPROC,
        ProcessLimit::StackBytes => Resource::RLIMIT_STACK,
    }
}
