//! The two files that take the task's output.
//!
//! They lie in a directory the task may write to, and a container may be started again over what an
//! earlier one left there. So no link is followed, nothing but a plain file with one name is
//! accepted, and only then is the owner changed: a link to somebody else's file would otherwise be
//! handed to the task.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, openat};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{Gid, Uid, fchown};

use crate::plan::User;

pub(super) fn open(sandbox: &Path, user: Option<&User>) -> Result<(OwnedFd, OwnedFd), Errno> {
    let directory = open_directory(sandbox)?;
    Ok((open_file(&directory, "stdout", user)?, open_file(&directory, "stderr", user)?))
}

fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    nix::fcntl::open(path, flags, Mode::empty())
}

fn open_file(directory: &OwnedFd, name: &str, user: Option<&User>) -> Result<OwnedFd, Errno> {
    // O_NONBLOCK: opening a pipe that nobody reads would wait for ever. Taken back below.
    let flags = OFlag::O_WRONLY
        | OFlag::O_APPEND
        | OFlag::O_CREAT
        | OFlag::O_NOFOLLOW
        | OFlag::O_NOCTTY
        | OFlag::O_NONBLOCK
        | OFlag::O_CLOEXEC;
    let file = openat(directory, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    let stat = fstat(&file)?;
    if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG
        || stat.st_nlink != 1
    {
        return Err(Errno::EMLINK);
    }
    if let Some(user) = user {
        fchown(file.as_fd(), Some(Uid::from_raw(user.uid)), Some(Gid::from_raw(user.gid)))?;
    }
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_are_private_and_appended_to() {
        let sandbox = tempfile::tempdir().unwrap();
        std::fs::write(sandbox.path().join("stdout"), "before ").unwrap();
        let (stdout, _stderr) = open(sandbox.path(), None).unwrap();
        nix::unistd::write(&stdout, b"after").unwrap();
        let text = std::fs::read_to_string(sandbox.path().join("stdout")).unwrap();
        assert_eq!(text, "before after");
        let stat = std::fs::metadata(sandbox.path().join("stderr")).unwrap();
        assert_eq!(stat.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn links_pipes_and_directories_are_refused() {
        let elsewhere = tempfile::NamedTempFile::new().unwrap();
        for kind in ["symlink", "hard link", "pipe", "directory"] {
            let sandbox = tempfile::tempdir_in(elsewhere.path().parent().unwrap()).unwrap();
            let name = sandbox.path().join("stderr");
            match kind {
                "symlink" => std::os::unix::fs::symlink(elsewhere.path(), &name).unwrap(),
                "hard link" => std::fs::hard_link(elsewhere.path(), &name).unwrap(),
                "pipe" => nix::unistd::mkfifo(&name, Mode::S_IRWXU).unwrap(),
                _ => std::fs::create_dir(&name).unwrap(),
            }
            assert!(open(sandbox.path(), None).is_err(), "{kind}");
        }
    }

    #[test]
    fn the_sandbox_itself_must_not_be_a_link() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", place.path().join("link")).unwrap();
        assert!(open(&place.path().join("real"), None).is_ok());
        assert!(open(&place.path().join("link"), None).is_err());
    }
}
