//! Opening what a task wrote, without being led elsewhere.
//!
//! The kernel resolves the path beneath the sandbox's own descriptor (`openat2` with
//! `RESOLVE_BENEATH` and `RESOLVE_NO_XDEV`): a link, `..` or mount that leads out (to a volume,
//! among others) is an error at any depth and at any moment, whatever the task changes meanwhile.
//! Only regular files are read; a pipe that a task left would otherwise hold its reader for ever.

use proto::model::{Reason, Refusal};
use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2},
    io::Errno,
};
use std::{fs::File, os::fd::OwnedFd, path::Path};

/// Opens a regular file for reading.
pub(crate) fn open_file(sandbox: &Path, path: &str) -> Result<File, Refusal> {
    let file = open(sandbox, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    let kind = fstat(&file).map(|stat| FileType::from_raw_mode(stat.st_mode));
    match kind {
        Ok(FileType::RegularFile) => Ok(File::from(file)),
        Ok(FileType::Directory) => Err(Refusal::invalid("path", "is a directory")),
        Ok(_) => Err(Refusal::invalid("path", "is not a regular file")),
        Err(errno) => Err(refusal(errno)),
    }
}

/// Opens a directory for listing.
pub(crate) fn open_directory(sandbox: &Path, path: &str) -> Result<OwnedFd, Refusal> {
    open(sandbox, path, OFlags::RDONLY | OFlags::DIRECTORY)
}

fn open(sandbox: &Path, path: &str, flags: OFlags) -> Result<OwnedFd, Refusal> {
    let relative = if path.is_empty() { "." } else { path };
    if relative.len() >= 4_096 || relative.contains('\0') {
        return Err(Refusal::invalid("path", "is no path"));
    }
    let root_flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = rustix::fs::open(sandbox, root_flags, Mode::empty()).map_err(refusal)?;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_XDEV | ResolveFlags::NO_MAGICLINKS;
    openat2(&root, relative, flags | OFlags::CLOEXEC, Mode::empty(), resolve).map_err(refusal)
}

fn refusal(errno: Errno) -> Refusal {
    match errno {
        Errno::NOENT => Refusal::invalid("path", "does not exist"),
        Errno::XDEV => Refusal::invalid("path", "leads out of the sandbox"),
        Errno::NOTDIR => Refusal::invalid("path", "is not a directory"),
        Errno::LOOP => Refusal::invalid("path", "goes through too many links"),
        Errno::NXIO => Refusal::invalid("path", "is not a regular file"),
        other => Refusal::new(Reason::NotReady, format!("cannot be opened: {other}")).at("path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::tests::Mounted;
    use std::{io::Read, os::unix::fs::symlink};

    #[test]
    fn nothing_leads_out() {
        let place = tempfile::tempdir().unwrap();
        let sandbox = place.path().join("sandbox");
        std::fs::create_dir_all(sandbox.join("inner")).unwrap();
        std::fs::write(place.path().join("secret"), "secret").unwrap();
        std::fs::write(sandbox.join("stdout"), "hello").unwrap();
        symlink("../secret", sandbox.join("relative")).unwrap();
        symlink("/etc/passwd", sandbox.join("absolute")).unwrap();
        symlink("..", sandbox.join("up")).unwrap();
        symlink("../stdout", sandbox.join("inner/good")).unwrap();
        symlink("loop", sandbox.join("loop")).unwrap();
        for bad in [
            "../secret",
            "relative",
            "absolute",
            "up/secret",
            "/etc/passwd",
            "inner/../../secret",
            "loop",
            "missing",
            "inner",
            "",
            "stdout/x",
            "nul\0",
        ] {
            open_file(&sandbox, bad).expect_err(bad);
        }
        let mut text = String::new();
        open_file(&sandbox, "inner/good").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello", "a link that stays inside is fine");
        assert!(open_directory(&sandbox, "up").is_err());
        assert!(open_directory(&sandbox, "").is_ok());
    }

    #[test]
    fn what_is_mounted_is_not_of_the_sandbox() {
        let place = tempfile::tempdir().unwrap();
        let (sandbox, volume) = (place.path().join("sandbox"), place.path().join("volume"));
        std::fs::create_dir_all(sandbox.join("inner/data")).unwrap();
        std::fs::create_dir(&volume).unwrap();
        std::fs::write(volume.join("file"), "secret").unwrap();
        let test = "what_is_mounted_is_not_of_the_sandbox";
        let Some(_mounted) = Mounted::bound(test, &volume, &sandbox.join("inner/data")) else {
            return;
        };
        assert!(sandbox.join("inner/data/file").exists());
        let refusal = open_file(&sandbox, "inner/data/file").unwrap_err();
        assert_eq!(refusal, refusal_of_leading_out());
        let refusal = open_directory(&sandbox, "inner/data").unwrap_err();
        assert_eq!(refusal, refusal_of_leading_out());
        open_directory(&sandbox, "inner").unwrap();
        symlink(&volume, sandbox.join("link")).unwrap();
        let refusal = open_file(&sandbox, "link/file").unwrap_err();
        assert_eq!(refusal, refusal_of_leading_out());
    }

    fn refusal_of_leading_out() -> Refusal {
        Refusal::invalid("path", "leads out of the sandbox")
    }

    #[test]
    fn a_pipe_holds_nobody() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let refusal = open_file(place.path(), "pipe").unwrap_err();
        assert_eq!(refusal.field, "path");
    }
}
