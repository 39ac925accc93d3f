//! Makes the entries of an archive, in the root directory of the calling thread.
//!
//! As Docker's and containerd's do: an entry takes the place of what is there, but a directory
//! stays; a directory that the archive forgot is made; devices are left out, since a container's
//! come from the agent alone. Whiteouts are about the layers below, so that what this layer itself
//! has made is spared by them, wherever in the archive they stand.

use super::{
    entries::{Target, clean, shown},
    metadata::{Metadata, from},
    mount::errno,
    unpack::UnpackError,
};
use crate::{
    limits::{LAYER_BYTES_MAX, LAYER_ENTRIES_MAX, LINKS_MAX},
    metered::{Allowance, Metered},
};
use nix::{errno::Errno, sys::stat::Mode, unistd::mkfifo};
use rustix::fs::{AtFlags, CWD};
use std::{
    collections::BTreeSet,
    fs::{DirBuilder, File, OpenOptions, remove_dir_all, remove_file, symlink_metadata},
    io::{self, Read, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, OpenOptionsExt, symlink},
    },
    path::{Path, PathBuf},
};
use tar::{Archive, Entry, EntryType};

/// Of directories that the archive does not have itself.
const DIRECTORY_MODE: u32 = 0o755;

/// What an archive came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Amounts {
    /// Files, directories, links.
    pub(crate) entries: u64,
    /// Bytes of files.
    pub(crate) bytes: u64,
    /// Devices that were left out.
    pub(crate) devices: u64,
}

#[derive(Debug, Default)]
struct Extraction {
    amounts: Amounts,
    /// What this layer has made: whiteouts spare it.
    made: BTreeSet<PathBuf>,
    /// Their times are set when nothing is made in them any more.
    directories: Vec<(PathBuf, Metadata)>,
}

/// Reads an archive to its end and makes all of it.
pub(super) fn extract(archive: impl Read) -> Result<Amounts, UnpackError> {
    let allowance = Allowance::new();
    let mut archive = Archive::new(Metered::new(archive, &allowance));
    let mut extraction = Extraction::default();
    for entry in archive.entries().map_err(UnpackError::Archive)? {
        let mut entry = entry.map_err(UnpackError::Archive)?;
        allowance.of_content();
        extraction.amounts.entries += 1;
        if extraction.amounts.entries > LAYER_ENTRIES_MAX {
            return Err(UnpackError::TooManyEntries);
        }
        let target = Target::of(&entry.path_bytes()).map_err(UnpackError::Entry)?;
        match target {
            Target::Skip => {}
            Target::Whiteout(path) => extraction.white_out(&path)?,
            Target::Opaque(path) => extraction.empty(&path)?,
            Target::Root => extraction.place(PathBuf::from("."), &mut entry)?,
            Target::Place(path) => extraction.place(path, &mut entry)?,
        }
        // What nobody wanted of it is content as well.
        io::copy(&mut entry, &mut io::sink()).map_err(UnpackError::Archive)?;
        allowance.of_headers();
    }
    // From the inside out: to set a time in a directory does not change that of the one above it.
    for (path, metadata) in extraction.directories.iter().rev() {
        metadata.set_times(path).map_err(|errno| failed(path, errno))?;
    }
    Ok(extraction.amounts)
}

impl Extraction {
    fn place<R: Read>(
        &mut self,
        path: PathBuf,
        entry: &mut Entry<'_, R>,
    ) -> Result<(), UnpackError> {
        let kind = entry.header().entry_type();
        match kind {
            EntryType::XGlobalHeader => return Ok(()),
            EntryType::Char | EntryType::Block => {
                self.amounts.devices += 1;
                return Ok(());
            }
            _ => {}
        }
        let metadata = Metadata::of(entry).map_err(UnpackError::Archive)?;
        let wrong = |errno| failed(&path, errno);
        self.make_way(&path, kind.is_dir()).map_err(wrong)?;
        match kind {
            EntryType::Directory => make_directory(&path).map_err(wrong)?,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.write(&path, entry)?;
            }
            EntryType::Symlink => {
                let target = link_target(entry)?;
                symlink(Path::new(std::ffi::OsStr::from_bytes(&target)), &path)
                    .map_err(|error| wrong(errno(&error)))?;
            }
            EntryType::Link => {
                let target = clean(&link_target(entry)?).map_err(UnpackError::Entry)?;
                rustix::fs::linkat(CWD, &target, CWD, &path, AtFlags::empty())
                    .map_err(|error| wrong(from(error)))?;
            }
            EntryType::Fifo => {
                mkfifo(&path, Mode::from_bits_truncate(0o600)).map_err(wrong)?;
            }
            other => {
                let path = shown(path.as_os_str().as_bytes());
                return Err(UnpackError::Kind { path, kind: other.as_byte() });
            }
        }
        // A second name of a file has nothing of its own.
        if kind != EntryType::Link {
            metadata.set(&path, kind).map_err(wrong)?;
        }
        if kind.is_dir() {
            self.directories.push((path.clone(), metadata));
        }
        self.made.insert(path);
        Ok(())
    }

    /// What is above it is made if need be; what is in its place is removed, unless both are
    /// directories.
    fn make_way(&mut self, path: &Path, is_directory: bool) -> Result<(), Errno> {
        if let Some(above) = path.parent() {
            self.make_above(above, 0)?;
        }
        match symlink_metadata(path) {
            Ok(found) if found.is_dir() && is_directory => Ok(()),
            Ok(found) => remove(path, found.is_dir()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(errno(&error)),
        }
    }

    /// Also through links, which lead nowhere but into the layer, even where nothing is there yet.
    fn make_above(&mut self, above: &Path, links: usize) -> Result<(), Errno> {
        if above.as_os_str().is_empty() || above.is_dir() {
            return Ok(());
        }
        if let Some(further) = above.parent() {
            self.make_above(further, links)?;
        }
        match std::fs::read_link(above) {
            Ok(_) if links == LINKS_MAX => Err(Errno::ELOOP),
            Ok(target) => {
                let from = above.parent().unwrap_or(Path::new("/"));
                self.make_above(&from.join(target), links + 1)
            }
            Err(_) => {
                make_directory(above)?;
                self.made.insert(above.to_path_buf());
                Ok(())
            }
        }
    }

    fn write<R: Read>(&mut self, path: &Path, entry: &mut Entry<'_, R>) -> Result<(), UnpackError> {
        let size = entry.size();
        self.amounts.bytes = self.amounts.bytes.saturating_add(size);
        // A sparse file's size is no bytes of the archive, so that it is bounded here.
        if self.amounts.bytes > LAYER_BYTES_MAX {
            return Err(UnpackError::TooLarge);
        }
        let wrong = |error: io::Error| failed(path, errno(&error));
        let mut options = OpenOptions::new();
        let mut file: File =
            options.write(true).create_new(true).mode(0o600).open(path).map_err(wrong)?;
        let mut buffer = [0; 64 << 10];
        loop {
            match entry.read(&mut buffer).map_err(UnpackError::Archive)? {
                0 => return Ok(()),
                read => file.write_all(&buffer[..read]).map_err(wrong)?,
            }
        }
    }

    /// Something of the layers below is gone.
    fn white_out(&mut self, path: &Path) -> Result<(), UnpackError> {
        let wrong = |errno| failed(path, errno);
        match symlink_metadata(path) {
            Ok(found) if found.is_dir() => self.empty(path).and_then(|()| {
                let is_spared = self.is_spared(path);
                if is_spared { Ok(()) } else { remove(path, true).map_err(wrong) }
            }),
            Ok(_) if self.is_spared(path) => Ok(()),
            Ok(_) => remove(path, false).map_err(wrong),
            // Tools write whiteouts of what never was.
            Err(error)
                if matches!(errno(&error), Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) =>
            {
                Ok(())
            }
            Err(error) => Err(wrong(errno(&error))),
        }
    }

    /// What a directory has of the layers below is gone.
    fn empty(&mut self, directory: &Path) -> Result<(), UnpackError> {
        let here = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
        let wrong = |error: io::Error| failed(here, errno(&error));
        let found = match std::fs::read_dir(here) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(wrong(error)),
        };
        for entry in found {
            let entry = entry.map_err(wrong)?;
            let path = directory.join(entry.file_name());
            let is_directory = entry.file_type().map_err(wrong)?.is_dir();
            if self.is_spared(&path) {
                if is_directory {
                    self.empty(&path)?;
                }
            } else {
                remove(&path, is_directory).map_err(|errno| failed(&path, errno))?;
            }
        }
        Ok(())
    }

    /// Whether this layer has made it, or something in it.
    fn is_spared(&self, path: &Path) -> bool {
        let next = self.made.range(path.to_path_buf()..).next();
        next.is_some_and(|made| made.starts_with(path))
    }
}

fn link_target<R: Read>(entry: &Entry<'_, R>) -> Result<Vec<u8>, UnpackError> {
    let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
    target.filter(|target| !target.is_empty() && !target.contains(&0)).ok_or_else(|| {
        UnpackError::Entry(super::EntryError::NoName { path: shown(&entry.path_bytes()) })
    })
}

fn make_directory(path: &Path) -> Result<(), Errno> {
    match DirBuilder::new().mode(DIRECTORY_MODE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(errno(&error)),
        _ => Ok(()),
    }
}

fn remove(path: &Path, is_directory: bool) -> Result<(), Errno> {
    let removed = if is_directory { remove_dir_all(path) } else { remove_file(path) };
    removed.map_err(|error| errno(&error))
}

fn failed(path: &Path, errno: Errno) -> UnpackError {
    UnpackError::Make { path: shown(path.as_os_str().as_bytes()), errno }
}
