//! An archive whose files are read by name.
//!
//! It is read through once, to learn where each file lies; after that a file is a stretch of it.

use crate::{
    layer::plain,
    limits::{LAYER_BYTES_MAX, LINKS_MAX, MEMBERS_MAX},
    metered::{Allowance, Metered},
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek},
    os::unix::fs::FileExt,
    path::{Component, Path},
};

/// An archive, and where its files are.
#[derive(Debug)]
pub(crate) struct Archive {
    file: File,
    members: BTreeMap<String, Member>,
}

#[derive(Debug)]
enum Member {
    /// From this byte, so many.
    File { at: u64, bytes: u64 },
    /// Another name, from the top.
    Link(String),
}

/// A stretch of a file, as a reader.
#[derive(Debug)]
pub(crate) struct Stretch<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Archive {
    /// Learns what is in it.
    pub(super) fn open(file: File, scratch: &Path) -> io::Result<Self> {
        let mut file = decompressed(file, scratch)?;
        file.rewind()?;
        let mut members = BTreeMap::new();
        let allowance = Allowance::new();
        let mut archive = tar::Archive::new(Metered::new(&file, &allowance));
        for entry in archive.entries_with_seek()? {
            // Content is passed over without being read.
            allowance.of_headers();
            let entry = entry?;
            let kind = entry.header().entry_type();
            let Some(name) = name_of(Path::new(""), &entry.path()?) else { continue };
            let member = if kind.is_file() {
                Member::File { at: entry.raw_file_position(), bytes: entry.size() }
            } else if kind.is_symlink() || kind.is_hard_link() {
                let Some(target) = entry.link_name()? else { continue };
                // A hard link is named from the top, a symbolic one from where it stands.
                let from = Path::new(&name).parent().filter(|_| kind.is_symlink());
                let Some(target) = name_of(from.unwrap_or(Path::new("")), &target) else {
                    continue;
                };
                Member::Link(target)
            } else {
                continue;
            };
            members.insert(name, member);
            if members.len() > MEMBERS_MAX {
                return Err(invalid(format!("more than {MEMBERS_MAX} files")));
            }
        }
        Ok(Self { file, members })
    }

    /// One file of it.
    pub(super) fn read(&self, name: &str) -> io::Result<Stretch<'_>> {
        let mut name = name;
        for _ in 0..LINKS_MAX {
            match self.members.get(name) {
                Some(Member::File { at, bytes }) => {
                    return Ok(Stretch { file: &self.file, at: *at, left: *bytes });
                }
                Some(Member::Link(target)) => name = target,
                None => {
                    let message = format!("there is no {name} in it");
                    return Err(io::Error::new(io::ErrorKind::NotFound, message));
                }
            }
        }
        Err(invalid(format!("{name} is a link to links")))
    }
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        if read == 0 && most > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is cut off"));
        }
        let read_bytes = u64::try_from(read).unwrap_or(u64::MAX);
        self.at += read_bytes;
        self.left -= read_bytes;
        Ok(read)
    }
}

/// The file itself, or what is in it when it is compressed.
fn decompressed(mut file: File, scratch: &Path) -> io::Result<File> {
    let mut begin = [0; 262];
    let mut read = 0;
    while read < begin.len() {
        match file.read(&mut begin[read..])? {
            0 => break,
            more => read += more,
        }
    }
    file.rewind()?;
    // Where every archive says `ustar`, since POSIX.1-1988.
    if begin[..read].ends_with(b"ustar") {
        return Ok(file);
    }
    let mut whole = tempfile::tempfile_in(scratch)?;
    io::copy(&mut plain(file)?.take(LAYER_BYTES_MAX), &mut whole)?;
    Ok(whole)
}

/// A name from the top; none if it leads out of the archive.
fn name_of(from: &Path, name: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    let absolute = name.has_root();
    let from = from.components().filter(|_| !absolute);
    for part in from.chain(name.components()) {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::ParentDir => drop(parts.pop()?),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(make: impl FnOnce(&mut tar::Builder<&File>)) -> Archive {
        let file = tempfile::tempfile().unwrap();
        let mut builder = tar::Builder::new(&file);
        make(&mut builder);
        builder.into_inner().unwrap();
        let mut file = file;
        file.rewind().unwrap();
        Archive::open(file, &std::env::temp_dir()).unwrap()
    }

    fn add(builder: &mut tar::Builder<&File>, name: &str, text: &str) {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len().try_into().unwrap());
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
    }

    fn link(builder: &mut tar::Builder<&File>, name: &str, target: &str) {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, name, target).unwrap();
    }

    fn read(archive: &Archive, name: &str) -> io::Result<String> {
        let mut text = String::new();
        archive.read(name)?.read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn files_are_read_in_any_order_and_through_links() {
        let archive = archive(|builder| {
            add(builder, "./a/layer.tar", "first");
            link(builder, "b/layer.tar", "../a/layer.tar");
            add(builder, "c", "third");
        });
        assert_eq!(read(&archive, "c").unwrap(), "third");
        assert_eq!(read(&archive, "b/layer.tar").unwrap(), "first");
        assert_eq!(read(&archive, "a/layer.tar").unwrap(), "first");
        assert_eq!(read(&archive, "d").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn links_in_a_circle_and_out_of_it_lead_nowhere() {
        let archive = archive(|builder| {
            link(builder, "a", "b");
            link(builder, "b", "a");
            link(builder, "c", "../../etc/passwd");
        });
        assert_eq!(read(&archive, "a").unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&archive, "c").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_no_archive_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &[b'x'; 2_000]).unwrap();
        file.rewind().unwrap();
        assert!(Archive::open(file, &std::env::temp_dir()).is_err());
    }
}
