//! Reading and writing the small text files of a cgroup.
//!
//! Writes open without O_CREAT: a missing file means a missing controller and must be an error, on
//! the real tree and on the plain directories of the tests alike.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use super::CgroupError;

pub(super) fn write(dir: &Path, name: &str, value: &str) -> Result<(), CgroupError> {
    let file = dir.join(name);
    let written = OpenOptions::new()
        .write(true)
        .open(&file)
        .and_then(|mut opened| opened.write_all(value.as_bytes()));
    written.map_err(|source| CgroupError::Write { file, value: value.to_owned(), source })
}

/// Writes a setting that this kernel may have been built without.
pub(super) fn write_if_there(dir: &Path, name: &str, value: &str) -> Result<(), CgroupError> {
    match write(dir, name, value) {
        Err(error) if error.errno() == Some(libc::ENOENT) => Ok(()),
        result => result,
    }
}

pub(super) fn read(dir: &Path, name: &str) -> Result<String, CgroupError> {
    let file = dir.join(name);
    std::fs::read_to_string(&file).map_err(|source| CgroupError::Read { file, source })
}

/// A file with one number; `None` if this kernel does not have the file.
pub(super) fn number(dir: &Path, name: &str) -> Result<Option<u64>, CgroupError> {
    let Some(text) = read_if_there(dir, name)? else { return Ok(None) };
    let malformed = || CgroupError::Malformed { file: dir.join(name) };
    text.trim().parse().map(Some).map_err(|_| malformed())
}

/// The number after `key` in a file of `key number` lines; `None` if file or key are not there.
pub(super) fn keyed(dir: &Path, name: &str, key: &str) -> Result<Option<u64>, CgroupError> {
    let Some(text) = read_if_there(dir, name)? else { return Ok(None) };
    for line in text.lines() {
        if let Some((found, number)) = line.split_once(' ')
            && found == key
        {
            let malformed = || CgroupError::Malformed { file: dir.join(name) };
            return number.trim().parse().map(Some).map_err(|_| malformed());
        }
    }
    Ok(None)
}

fn read_if_there(dir: &Path, name: &str) -> Result<Option<String>, CgroupError> {
    match read(dir, name) {
        Ok(text) => Ok(Some(text)),
        Err(CgroupError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(super) mod fake {
    //! A directory with the given files, standing in for a cgroup.

    use std::path::Path;

    pub(in crate::cgroups) fn cgroup(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    pub(in crate::cgroups) fn text(dir: &Path, name: &str) -> String {
        std::fs::read_to_string(dir.join(name)).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_an_error_only_where_it_matters() {
        let dir = fake::cgroup(&[]);
        let error = write(dir.path(), "memory.max", "1").unwrap_err();
        assert_eq!(error.errno(), Some(libc::ENOENT));
        assert!(!dir.path().join("memory.max").exists(), "nothing is created");
        write_if_there(dir.path(), "memory.max", "1").unwrap();
        assert_eq!(number(dir.path(), "memory.peak").unwrap(), None);
    }

    #[test]
    fn numbers_alone_and_by_key() {
        let dir = fake::cgroup(&[("one", "17\n"), ("many", "a 1\nab 2\n"), ("bad", "max\n")]);
        assert_eq!(number(dir.path(), "one").unwrap(), Some(17));
        assert_eq!(keyed(dir.path(), "many", "ab").unwrap(), Some(2));
        assert_eq!(keyed(dir.path(), "many", "b").unwrap(), None);
        assert!(matches!(number(dir.path(), "bad"), Err(CgroupError::Malformed { .. })));
    }
}
