//! The file that says whose a sandbox is: one line with the id of the owner's certificate.
//!
//! Whatever is not exactly that, half a line included, says that it is nobody's.

use proto::model::{OwnerId, limits};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Writes it anew.
pub(super) fn write(path: &Path, owner: &OwnerId) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    // At once, so that no reader ever sees the beginning of an id as another one.
    options.open(path)?.write_all(format!("{owner}\n").as_bytes())
}

/// Reads it; nobody's when it is not there or is not what was written.
pub(super) fn read(path: &Path) -> Option<OwnerId> {
    let mut text = String::new();
    let bytes_max = limits::ID_BYTES_MAX as u64 + 2;
    File::open(path).ok()?.take(bytes_max).read_to_string(&mut text).ok()?;
    OwnerId::new(text.strip_suffix('\n')?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_what_was_written_is_an_owner() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("c.owner");
        assert_eq!(read(&path), None);
        for id in ["nightly", &"n".repeat(limits::ID_BYTES_MAX)] {
            let owner: OwnerId = id.parse().unwrap();
            write(&path, &owner).unwrap();
            assert_eq!(read(&path), Some(owner));
            let text = fs::read(&path).unwrap();
            for length in 0..text.len() {
                fs::write(&path, &text[..length]).unwrap();
                assert_eq!(read(&path), None, "the first {length} bytes");
            }
        }
        for damaged in ["\n", "a\nb\n", "a/b\n", "..\n", &format!("{}\n", "n".repeat(129)), "\0\0"]
        {
            fs::write(&path, damaged).unwrap();
            assert_eq!(read(&path), None, "{damaged:?}");
        }
    }
}
