//! Deletes a directory and everything beneath it.
//!
//! Names are removed, never what they lead to. At the first thing that cannot be removed it ends
//! with what that is: to be tried again when somebody has seen to it.

use super::{
    Stop, WalkError,
    descent::{Descent, unlock},
    never, open_directory, shown,
};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, fchmod, statat, unlinkat},
    io::Errno,
};
use std::{
    ffi::{CStr, CString, OsStr},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

/// How often something is found in the way of what was to be removed before whoever puts it there
/// is given up on.
const AGAIN_MAX: u32 = 100;

/// Deletes a directory in a directory; one that is not there is as good.
pub(crate) fn delete(above: &OwnedFd, name: &OsStr, stop: Stop<'_>) -> Result<(), WalkError> {
    let name = c_string(name);
    let failed = |what, errno| WalkError::system(what, shown([name.to_bytes()].into_iter()), errno);
    let begin = || Descent::begin(above, &name, ());
    let began = begin().or_else(|errno| match errno {
        Errno::ACCESS => unlock(above, &name).and_then(|()| begin()),
        errno => Err(errno),
    });
    let mut descent = match began {
        Ok(descent) => descent,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(failed("open", errno)),
    };
    let mut again = 0;
    loop {
        let undisturbed = match empty(&mut descent, stop)? {
            Some(full) => enter(&mut descent, &full)?,
            None => match descent.leave()? {
                Some(left) => remove_left(&mut descent, &left)?,
                None => break,
            },
        };
        again += u32::from(!undisturbed);
        if again > AGAIN_MAX {
            return Err(WalkError::Changing { path: descent.path(None) });
        }
    }
    match unlinkat(above, &name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(failed("remove", errno)),
    }
}

/// Deletes a directory by a path whose last part alone is not believed.
pub(crate) fn delete_directory(path: &Path) -> Result<(), WalkError> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(WalkError::system("delete", path.display().to_string(), Errno::INVAL));
    };
    let unopened = |source| {
        let path = above.display().to_string();
        WalkError::System { what: "open", path, source }
    };
    delete(&open_directory(above).map_err(unopened)?, name, &never)
}

/// The answer is whether it was still there.
fn enter(descent: &mut Descent<()>, name: &CStr) -> Result<bool, WalkError> {
    let entered = descent.enter(name, ()).or_else(|errno| match errno {
        Errno::ACCESS => {
            unlock(descent.here().0, name)?;
            descent.enter(name, ())
        }
        errno => Err(errno),
    });
    match entered {
        Ok(()) => Ok(true),
        // The next look tells what it is now.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
        Err(errno) => Err(descent.error("open", Some(name), errno)),
    }
}

/// The answer is whether it was still empty.
fn remove_left(descent: &mut Descent<()>, name: &CStr) -> Result<bool, WalkError> {
    match remove(descent.here().0, name, FileType::Directory) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => Ok(false),
        Err(errno) => Err(descent.error("remove", Some(name), errno)),
    }
}

/// Removes what can be removed at once. The answer is a directory that has something in it.
fn empty(descent: &mut Descent<()>, stop: Stop<'_>) -> Result<Option<CString>, WalkError> {
    let here = descent.here().0;
    let opened = unlocked(here, || Dir::read_from(here));
    let entries = opened.map_err(|errno| descent.error("list", None, errno))?;
    for entry in entries {
        if stop() {
            return Err(WalkError::Stopped);
        }
        let entry = entry.map_err(|errno| descent.error("list", None, errno))?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        match remove(descent.here().0, name, entry.file_type()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::NOTEMPTY | Errno::EXIST) => return Ok(Some(name.to_owned())),
            Err(errno) => return Err(descent.error("remove", Some(name), errno)),
        }
    }
    Ok(None)
}

fn remove(here: &OwnedFd, name: &CStr, kind: FileType) -> Result<(), Errno> {
    unlocked(here, || {
        let kind = match kind {
            FileType::Unknown => {
                let stat = statat(here, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            kind => kind,
        };
        let flags = match kind {
            FileType::Directory => AtFlags::REMOVEDIR,
            _ => AtFlags::empty(),
        };
        unlinkat(here, name, flags)
    })
}

/// Does something in a directory, if need be after giving ourselves leave. (Root needs none.)
fn unlocked<T>(here: &OwnedFd, work: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    match work() {
        Err(Errno::ACCESS) => {
            fchmod(here, Mode::RWXU)?;
            work()
        }
        result => result,
    }
}

fn c_string(name: &OsStr) -> CString {
    CString::new(name.as_bytes()).expect("what names a file has no zero byte")
}
