//! The filters of system calls that the task is executed under (seccomp(2)).
//!
//! They are read before the fork and installed as the very last thing, so that they have to allow
//! nothing for our sake but `execve`. The kernel checks every instruction itself; here it is only
//! seen to that there are whole ones.

use std::io::Read;
use std::path::PathBuf;

use nix::errno::Errno;

use super::root::errno_of;
use crate::sys::install_filter;

/// The kernel's own bound for one program (`BPF_MAXINSNS`).
const MAX_INSTRUCTIONS: usize = 4_096;
/// `struct sock_filter`.
const INSTRUCTION_BYTES: usize = 8;

/// In the order of installation.
#[derive(Debug, Default)]
pub(super) struct Filters(Vec<Program>);

struct Program(Vec<libc::sock_filter>);

impl std::fmt::Debug for Program {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Program({} instructions)", self.0.len())
    }
}

/// `EINVAL` for a file that is no program.
pub(super) fn read(paths: &[PathBuf]) -> Result<Filters, Errno> {
    paths.iter().map(read_one).collect::<Result<_, _>>().map(Filters)
}

fn read_one(path: &PathBuf) -> Result<Program, Errno> {
    let most = MAX_INSTRUCTIONS * INSTRUCTION_BYTES;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(most as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| errno_of(&error))?;
    if bytes.is_empty() || bytes.len() > most || bytes.len() % INSTRUCTION_BYTES != 0 {
        return Err(Errno::EINVAL);
    }
    let instruction = |one: &[u8]| libc::sock_filter {
        code: u16::from_ne_bytes([one[0], one[1]]),
        jt: one[2],
        jf: one[3],
        k: u32::from_ne_bytes([one[4], one[5], one[6], one[7]]),
    };
    Ok(Program(bytes.chunks_exact(INSTRUCTION_BYTES).map(instruction).collect()))
}

impl Filters {
    /// For good: nothing that is executed from here on gets rid of them.
    pub(super) fn install(&self) -> Result<(), Errno> {
        self.0.iter().try_for_each(|program| install_filter(&program.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_instructions_are_a_program() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("filter");
        for (bytes, result) in [
            (0, Err(Errno::EINVAL)),
            (7, Err(Errno::EINVAL)),
            (16, Ok(2)),
            (8 * MAX_INSTRUCTIONS, Ok(MAX_INSTRUCTIONS)),
            (8 * MAX_INSTRUCTIONS + 8, Err(Errno::EINVAL)),
        ] {
            std::fs::write(&path, vec![0; bytes]).unwrap();
            assert_eq!(read_one(&path).map(|program| program.0.len()), result, "{bytes}");
        }
        assert_eq!(read_one(&place.path().join("none")).unwrap_err(), Errno::ENOENT);
    }
}
