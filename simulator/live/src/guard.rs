//! A process that cleans up after an exercise whose own process was killed.
//!
//! Nothing that an exercise starts has to end with it: agents and their containers are made to live
//! on when others die. So a guard is started before anything else, waits for the end of its input,
//! which comes with the end of the exercise however it ends, and then ends and removes whatever has
//! to do with the exercise's folder. After an exercise that ended in order there is no folder.

use crate::{home, patience::within};
use anyhow::Context as _;
use std::{
    io::{Read as _, Write as _},
    os::unix::{ffi::OsStrExt as _, ffi::OsStringExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// What the program is told that is to be a guard.
pub const FLAG: &str = "--guard";

/// A guard, until this is dropped; then it does its work.
#[derive(Debug)]
pub(crate) struct Guard(Child);

impl Guard {
    /// Starts one for a folder. Only its input knows which: otherwise it would be found among what
    /// has to do with the folder.
    pub(crate) fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(program);
        command.args(["trial", "live", FLAG]).stdin(Stdio::piped()).stdout(Stdio::null());
        // An interrupt from the terminal is not for it.
        let mut child = command.process_group(0).spawn().context("cannot start a guard")?;
        let mut input = child.stdin.take().context("a guard has an input")?;
        input.write_all(folder.as_os_str().as_bytes())?;
        child.stdin = Some(input);
        Ok(Self(child))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Waits until the exercise has ended, and removes what is left of it.
pub fn stand() -> anyhow::Result<()> {
    let mut folder = Vec::new();
    std::io::stdin().read_to_end(&mut folder)?;
    let folder = PathBuf::from(std::ffi::OsString::from_vec(folder));
    if !folder.is_dir() {
        return Ok(());
    }
    // A process may be there for a moment longer, and its cgroup with it.
    within(home::CLEAN_WITHIN, "nothing is left behind", || {
        home::remove(&folder);
        home::left_of(&folder).is_empty().then_some(())
    })?;
    std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))
}
