//! The system calls that no safe interface covers, each wrapped as narrowly as it is used.
//!
//! Everything here assumes one thread: the jail never starts a second one, so a fork copies the
//! whole program state and the child may do what the parent could.

#![expect(unsafe_code, reason = "clone3, execve and descriptor numbers have no safe interface")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use nix::errno::Errno;
use nix::unistd::Pid;

/// From `linux/sched.h`; the C library crate cuts it off at 32 bits.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    /// The new process.
    Child,
    /// The old one.
    Parent(Pid),
}

/// A child that has been reaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reaped {
    pub(crate) pid: Pid,
    /// As `wait` encodes it.
    pub(crate) status: i32,
    /// Processor time of the child and of all children it had reaped itself.
    pub(crate) cpu_time_us: u64,
}

/// Strings in the form execve takes them, prepared before the fork.
#[derive(Debug)]
pub(crate) struct StringArray {
    /// Owns what the pointers point to.
    _strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl StringArray {
    pub(crate) fn new(strings: Vec<CString>) -> Self {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(ptr::null());
        Self { _strings: strings, pointers }
    }
}

/// Creates a process the way fork does, in new namespaces and in a version 2 cgroup.
pub(crate) fn fork_into(namespaces: c_int, cgroup: Option<BorrowedFd<'_>>) -> Result<Side, Errno> {
    // SAFETY: clone_args is plain numbers; all zero is a valid value and means "nothing special".
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = u64::try_from(namespaces).map_err(|_| Errno::EINVAL)?;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = u64::try_from(cgroup.as_raw_fd()).map_err(|_| Errno::EBADF)?;
    }
    // SAFETY: without CLONE_VM and without a stack this is fork: the child gets a copy of
    // everything. The process has one thread, so no lock can be held by a thread that the copy does
    // not have. The C library's idea of the thread id is stale in the child; nothing used there
    // looks at it.
    let result = unsafe {
        libc::syscall(libc::SYS_clone3, &raw mut arguments, size_of::<libc::clone_args>())
    };
    match Errno::result(result)? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(Pid::from_raw(c_int::try_from(pid).expect("pids are c_int")))),
    }
}

/// Ends this process at once: no destructors, no exit handlers. What a forked child must do instead
/// of returning into its parent's code.
pub(crate) fn exit_now(code: c_int) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Replaces this program. Returns only the failure.
pub(crate) fn execute(program: &CStr, arguments: &StringArray, environment: &StringArray) -> Errno {
    // SAFETY: both arrays end with a null pointer and own the strings their pointers point to.
    unsafe {
        libc::execve(program.as_ptr(), arguments.pointers.as_ptr(), environment.pointers.as_ptr())
    };
    Errno::last()
}

/// Collects one child that has ended. `None`: none has. ECHILD: there are no children.
pub(crate) fn reap() -> Result<Option<Reaped>, Errno> {
    let mut status = 0;
    // SAFETY: rusage is plain numbers, all zero is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live values of the right types.
        let result = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage) };
        match Errno::result(result) {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(0) => return Ok(None),
            Ok(pid) => {
                let cpu_time_us = micros(usage.ru_utime) + micros(usage.ru_stime);
                return Ok(Some(Reaped { pid: Pid::from_raw(pid), status, cpu_time_us }));
            }
        }
    }
}

fn micros(time: libc::timeval) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000 + u64::try_from(time.tv_usec).unwrap_or(0)
}

/// What becomes of a range of descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Closed now.
    Now,
    /// Closed by a successful exec.
    OnExec,
}

/// Closes all descriptors from `first` to `last`, both included, whoever opened them.
pub(crate) fn close_range(first: RawFd, last: RawFd, closing: Closing) -> Result<(), Errno> {
    if first > last {
        return Ok(());
    }
    let flags: c_int = match closing {
        Closing::Now => 0,
        Closing::OnExec => libc::CLOSE_RANGE_CLOEXEC as c_int,
    };
    // SAFETY: descriptors closed here are either not owned by any value of ours (inherited ones),
    // or owned by values that are never used or dropped again, because their process ends by exec
    // or _exit.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    Errno::result(result).map(drop)
}

/// Takes a copy of an inherited descriptor, at number 3 or above, closed on exec. EBADF if it is
/// not open.
pub(crate) fn duplicate(raw: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: F_DUPFD_CLOEXEC takes any number and answers EBADF for one that is not open.
    let copy = Errno::result(unsafe { libc::fcntl(raw, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Whether a descriptor number is open as a pipe or a socket.
pub(crate) fn is_channel(raw: RawFd) -> bool {
    // SAFETY: stat is plain numbers, all zero is a valid value.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live value; a number that is not open is answered with EBADF.
    let result = unsafe { libc::fstat(raw, &raw mut stat) };
    result == 0 && matches!(stat.st_mode & libc::S_IFMT, libc::S_IFIFO | libc::S_IFSOCK)
}

/// Gives every signal its default action back, also the two that the C library keeps for itself and
/// would refuse: a spawner may have left those ignored as well.
pub(crate) fn default_signal_actions() {
    for signal in 1..=libc::SIGRTMAX() {
        default_signal_action(signal);
    }
}

/// Gives one signal its default action back. KILL and STOP refuse, and have it anyway.
pub(crate) fn default_signal_action(signal: c_int) {
    const SIGNAL_SET_BYTES: usize = 8;
    // The kernel's own structure is handler, flags, restorer, mask: all zero means the default
    // action.
    let default = [0_u64; 4];
    let previous: *mut u64 = ptr::null_mut();
    // SAFETY: the kernel reads its structure from a live buffer at least as large, and writes
    // nothing.
    unsafe {
        libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), previous, SIGNAL_SET_BYTES);
    }
}

/// Maps the ids of a mount, and of all mounts in it, to those of a user namespace. The mount must
/// not have been attached yet.
pub(crate) fn map_mount_ids(
    tree: BorrowedFd<'_>,
    user_namespace: BorrowedFd<'_>,
) -> Result<(), Errno> {
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: u64::try_from(user_namespace.as_raw_fd()).map_err(|_| Errno::EBADF)?,
    };
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: path and attributes outlive the call, which only reads them.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// Lets a filter decide about all system calls from now on, of this process and of what it
/// executes. Needs `no_new_privs`.
pub(crate) fn install_filter(program: &[libc::sock_filter]) -> Result<(), Errno> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::E2BIG)?;
    // The kernel only reads through the pointer.
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, 0);
    // SAFETY: the program outlives the call, which copies it and checks every instruction.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    Errno::result(result).map(drop)
}

/// Ignores a signal.
pub(crate) fn ignore_signal(signal: c_int) {
    // SAFETY: SIG_IGN is a valid action for every signal that can be ignored.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Sends all memory that the allocator keeps for later back to the kernel.
pub(crate) fn return_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim has no preconditions.
    unsafe {
        libc::malloc_trim(0);
    }
}
