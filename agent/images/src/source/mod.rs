//! Where images are imported from: a directory or an archive, read by name.
//!
//! Three forms, one face: a directory with an OCI image layout, the same as a tar archive
//! (`oci-archive`), and what `docker save` writes. What the files mean is not known here.

mod archive;
pub(crate) mod images;

use archive::Archive;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
};

/// Something that holds images.
#[derive(Debug)]
pub(crate) enum Source {
    /// A directory.
    Directory(OwnedFd),
    /// An archive.
    Archive(Archive),
}

impl Source {
    /// Opens what is there. An archive that is compressed is unpacked into a nameless file in the
    /// `scratch` directory first, since its parts are needed in another order than it has them in.
    pub(crate) fn open(path: &Path, scratch: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Ok(Self::Directory(file.into()));
        }
        let wrong = |error: io::Error| {
            let message = format!("it is neither a folder nor a tar archive: {error}");
            io::Error::new(error.kind(), message)
        };
        Archive::open(file, scratch).map(Self::Archive).map_err(wrong)
    }

    /// Whether it has this file.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.read(name).is_ok()
    }

    /// One file of it, from its beginning.
    pub(crate) fn read(&self, name: &str) -> io::Result<Box<dyn Read + Send + '_>> {
        match self {
            Self::Directory(directory) => Ok(Box::new(open_beneath(directory, name)?)),
            Self::Archive(archive) => Ok(Box::new(archive.read(name)?)),
        }
    }

    /// All of a file that has at most so many bytes.
    pub(crate) fn read_whole(&self, name: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read(name)?.take(limit + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            let message = format!("more than {limit} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(bytes)
    }
}

/// A name leads to a plain file in the directory or nowhere, through links too.
fn open_beneath(directory: &OwnedFd, name: &str) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let opened = rustix::fs::openat2(directory, name, flags, Mode::empty(), resolve)?;
    let file = File::from(opened);
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("{name} is no file")))
}
