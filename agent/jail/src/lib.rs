//! The jail: sets one container up, supervises it, and records how it ended.
//!
//! One process for each container, one thread, no runtime. The agent spawns it
//! ([`launch::command`]), writes a [`Plan`] to its standard input and reads one [`Report`] line
//! from its report pipe (descriptor 3 if that is a pipe or socket, else standard output). From then
//! on the jail needs nobody: it outlives the agent, takes orders as signals
//! ([`process::ProcessId::stop`], [`process::ProcessId::destroy`]) and leaves two records in the
//! runtime directory ([`records`]).
//!
//! ```text
//!  agent ──plan──▶ supervisor ──clone──▶ init ──fork──▶ task
//!        ◀─report─    │  own session      │ pid 1 in      own session, executes argv
//!                     │  outside all      │ new pid, mount,
//!                     │  namespaces       │ ipc, uts namespaces
//!                  jail.json           dies with the supervisor;
//!                  exit.json           its death ends the namespace
//! ```
//!
//! Without isolation there is no init: supervisor and task only, and the supervisor is a subreaper.
//!
//! # The steps, in the order in which they happen
//!
//! Supervisor:
//!
//! 1. *Keep descriptors 0 to 2 and the report pipe, close all others.* Nothing the spawner left
//!    open by mistake (its journal, its sockets, another task's files) can reach a task.
//! 2. *New session; ignore HUP, PIPE, INT, QUIT; umask 022.* The end of the agent, its terminal or
//!    its process group does not end the container.
//! 3. *Read the plan, at most 1 MiB, to its end; refuse unknown fields, versions and impossible
//!    wishes.* Nothing has happened yet, so nothing has to be undone.
//! 4. *Standard descriptors to the null device; block CHLD, TERM, USR1 and read them from a
//!    descriptor.* No order can be lost or interrupt a step.
//! 5. *Open the runtime directory.* The records go through this handle, wherever its name may point
//!    later.
//! 6. *Create the cgroups, set the limits, open their entrances.* Before there is a process to
//!    limit. A cgroup that is there already is a second container of this name, and is refused.
//! 7. *Open `stdout` and `stderr` in the sandbox*: no links followed, plain files with one name
//!    only, then change the owner. A task that comes back over its own sandbox cannot have a
//!    foreign file given to it. *Make the places of the plan's mounts there*, in the same way;
//!    without isolation, links to their sources.
//! 8. *Clone the first process* in new namespaces and, where there is a version 2 tree, born in its
//!    cgroup: there is no moment in which it runs unlimited by it. The memory of the plan is given
//!    back.
//!
//! Init (full isolation; without, the task does 10 for itself, and 9 after 18):
//!
//! 9. *Ask to be killed when the supervisor dies.* Nobody runs unsupervised.
//! 10. *Enter the version 1 cgroups.* Before the fork, so that no child is ever outside.
//! 11. *Set the host name.*
//! 12. *Make all mounts private.* What is mounted inside never shows outside.
//! 13. *Mount a fresh `/proc`*: the task sees and addresses only its own processes. *Mount the
//!     plan's directories in the sandbox*, without devices and setuid programs; only here, so that
//!     whoever reads or removes the sandbox outside never gets into them.
//!     *With an image: mount its layers, what the task changes going into the runtime directory;
//!     make that the root; mount fresh `/proc`, `/sys` and `/dev`; hide what of the kernel is
//!     nobody's business; put the sandbox and the host's `resolv.conf` and `hosts` in place.*
//!     What comes from the host is held by descriptor before the root changes and placed after it:
//!     a name then means something in the image, or nothing. Init cannot be traced or read: its
//!     program is the host's.
//! 14. *Take an out-of-memory score of -1000; fork the task.* The task is not pid 1, so default
//!     actions of signals work on it. Init then closes everything but its status pipe, reaps, and
//!     passes signals that ask for the end on to the task's process group.
//!
//! Task:
//!
//! 15. *New session.* A process group of its own to be signalled, no controlling terminal.
//! 16. *Out-of-memory score, process limits.* While there is still the privilege to raise them.
//!     *With a user namespace: join it and become root in it*, when what only the host's root may
//!     do is done. The namespace was made before the clone, because what is mounted has its ids
//!     mapped to it.
//! 17. *Enter the sandbox, or the image's working directory; connect descriptors 1 and 2, mark all
//!     others to be closed by exec. With an image: bound the capabilities*, while there is the one
//!     that it takes.
//! 18. *Take the user's groups, group and user.* In this order; the later would forbid the earlier.
//! 19. *Give up the gaining of privileges* (`no_new_privs`). No setuid program gives the privilege
//!     back.
//! 20. *Wait for the supervisor's permission.* If the supervisor is dead, end.
//!
//! Supervisor, meanwhile:
//!
//! 21. *Write `jail.json` durably.* From here on an agent that comes back finds this container.
//! 22. *See whether the spawner still listens, then give the permission.* An agent that died
//!     earlier may have written the launch off; the task must not start behind its back.
//!
//! Task:
//!
//! 23. *Default signal actions, empty signal mask, say "about to exec", install the filters of
//!     system calls, execute* with exactly the given arguments and environment. A successful exec
//!     closes the channel: that end is the message.
//!
//! Supervisor:
//!
//! 24. *Report the start; close the report pipe.* A failure is reported only after step 27.
//! 25. *Wait.* TERM: the plan's signals, KILL after the grace period. USR1: KILL. KILL goes to the
//!     whole cgroup at once (`cgroup.kill`) and to the first process, whose end ends the namespace.
//! 26. *When the first process is reaped, end what is left* (without isolation: kill and reap every
//!     orphan until there is none), *then write `exit.json` durably.* The record means: nothing of
//!     the container runs any more.
//! 27. *Remove the cgroups, and end.*
//!
//! # What it does not defend against
//!
//! The network is the host's, and without an image so is the root file system, and a task that
//! runs as root keeps root's capabilities: such a task can do to the host's files what root can.
//! Give a [`plan::User`] to whatever is not trusted. With an image root keeps few capabilities,
//! and with a [`plan::UserNamespace`] those are good for its own files and processes alone; what it
//! writes has no limit. Which system calls are left is for [`plan::Plan::system_call_filters`] to
//! say.
//! Without isolation, a supervisor that is killed with KILL takes only the task itself along; what
//! the task had started stays until the agent's [`cgroups::sweep`].
//!
//! # What it needs
//!
//! Linux 5.9 (`close_range`), 5.11 for marking with it; `cgroup.kill` (5.14) is used where it is
//! there. Full isolation needs root.

pub mod cgroups;
mod container;
pub mod launch;
pub mod plan;
pub mod process;
pub mod records;
pub mod report;
mod supervisor;
mod sys;

pub use plan::Plan;
pub use records::{ExitRecord, JailRecord, Outcome};
pub use report::{FailureReason, LaunchFailure, Report, Started, Step};

/// Runs this process as the jail of one container, and returns its exit code.
///
/// To be called first thing in `main`, before any thread or runtime exists: the jail relies on
/// being single-threaded.
#[must_use]
pub fn main_from_stdin() -> std::process::ExitCode {
    supervisor::entry::main_from_stdin()
}
