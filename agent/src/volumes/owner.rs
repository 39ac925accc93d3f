//! Whose user the data of a volume belong to: that of the first task that may write there.
//!
//! The file that says so lies beside the data, where no task of another user than the agent's
//! writes. It is written last: without it nobody has written to the data yet, and they are given
//! once more. What tasks do to owners and modes afterwards stays.

use super::directories::{DATA, open_at, sync};
use jail::plan::User;
use nix::unistd::{Gid, Uid};
use rustix::{
    fs::{AtFlags, Mode, OFlags, fchmod, openat, renameat, statat},
    io::Errno,
};
use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::OwnedFd,
};

/// One line, `USER:GROUP`, in numbers.
const OWNER: &str = "owner";
const TEMPORARY: &str = ".owner.new";
/// As of sandboxes.
const OWNED: u32 = 0o750;

/// Gives the data to a user, or to the agent's own, unless they were given before.
pub(super) fn give_once(volume: &OwnedFd, user: Option<&User>) -> io::Result<()> {
    match statat(volume, OWNER, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => return Ok(()),
        Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let own = || (Uid::effective().as_raw(), Gid::effective().as_raw());
    let (uid, gid) = user.map_or_else(own, |user| (user.uid, user.gid));
    let data = open_at(volume, DATA)?;
    if user.is_some() {
        nix::unistd::fchown(&data, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    fchmod(&data, Mode::from_raw_mode(OWNED))?;
    sync(&data)?;
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(volume, TEMPORARY, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(format!("{uid}:{gid}\n").as_bytes())?;
    file.sync_all()?;
    renameat(volume, TEMPORARY, volume, OWNER)?;
    sync(volume)
}
