//! Who an image means by a user's name: its own `/etc/passwd` and `/etc/group`, not the host's.
//!
//! As Docker has it: `user`, `uid`, `user:group`, `uid:gid`. A number needs no line in a file; a
//! name does. The files are looked for from the topmost layer down, without following links, and
//! nothing is found below a layer that says they are gone.

use crate::limits::ACCOUNTS_BYTES_MAX;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

const OPAQUE: &str = "trusted.overlay.opaque";

/// Numbers of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    /// User.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// All others, in order.
    pub groups: Vec<u32>,
}

/// Why nobody is meant by a name.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such line.
    #[error("the image knows no user {name:?}")]
    User {
        /// The name.
        name: String,
    },
    /// There is no such line.
    #[error("the image knows no group {name:?}")]
    Group {
        /// The name.
        name: String,
    },
    /// A file is there and cannot be read, or is larger than any is.
    #[error("cannot read {path} of the image")]
    Read {
        /// Which.
        path: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// What is known of one layer's file.
enum Seen {
    Text(String),
    /// Not here, perhaps further down.
    Nothing,
    /// Not here, and not further down either.
    Gone,
}

/// Finds a user in layers, given from the bottom up; root for an empty text.
pub(crate) fn account(layers: &[PathBuf], text: &str) -> Result<Account, AccountError> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    };
    let passwd = read(layers, "etc/passwd")?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|id| *id != u32::MAX);
    let user = if user.is_empty() { "0" } else { user };
    let mut lines = passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        Some((name, number(uid)?, number(gid)?))
    });
    let line = match number(user) {
        Some(id) => lines.find(|(_, uid, _)| *uid == id),
        None => lines.find(|(name, ..)| *name == user),
    };
    let (name, uid, gid) = match (line, number(user)) {
        (Some((name, uid, gid)), _) => (Some(name), uid, gid),
        (None, Some(uid)) => (None, uid, 0),
        (None, None) => return Err(AccountError::User { name: user.to_owned() }),
    };
    let groups = read(layers, "etc/group")?;
    let groups = groups.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, gid) = (fields.next()?, fields.next()?, fields.next()?);
        Some((name, number(gid)?, fields.next().unwrap_or("")))
    });
    let Some(wanted) = group else {
        let is_of = |members: &str| members.split(',').any(|member| Some(member) == name);
        let others = groups.filter(|(_, _, members)| is_of(members)).map(|(_, gid, _)| gid);
        return Ok(Account { uid, gid, groups: others.filter(|other| *other != gid).collect() });
    };
    let mut named = groups.filter(|(name, ..)| *name == wanted).map(|(_, gid, _)| gid);
    let gid = number(wanted).or_else(|| named.next());
    let gid = gid.ok_or_else(|| AccountError::Group { name: wanted.to_owned() })?;
    Ok(Account { uid, gid, groups: Vec::new() })
}

/// A file as the layers together show it; nothing if they have none.
fn read(layers: &[PathBuf], path: &'static str) -> Result<String, AccountError> {
    for layer in layers.iter().rev() {
        match look(layer, path).map_err(|source| AccountError::Read { path, source })? {
            Seen::Text(text) => return Ok(text),
            Seen::Gone => break,
            Seen::Nothing => {}
        }
    }
    Ok(String::new())
}

fn look(layer: &Path, path: &str) -> io::Result<Seen> {
    let open = |at: &File, name: &str, flags| {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened = rustix::fs::openat2(at, name, flags, Mode::empty(), resolve);
        match opened.map(File::from) {
            Ok(file) => Ok(Some(file)),
            // A link there is followed by nobody: it may lead into another layer.
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP) => {
                Ok(None)
            }
            Err(error) => Err(io::Error::from(error)),
        }
    };
    let root = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let layer = File::from(rustix::fs::openat(CWD, layer, root, Mode::empty())?);
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let kind = |file: &File| rustix::fs::fstat(file).map(|it| FileType::from_raw_mode(it.st_mode));
    let Some(above) = open(&layer, folder, OFlags::PATH | OFlags::CLOEXEC)? else {
        return Ok(Seen::Nothing);
    };
    if kind(&above)? != FileType::Directory {
        return Ok(Seen::Gone);
    }
    if let Some(file) = open(&layer, path, OFlags::PATH | OFlags::CLOEXEC)? {
        if kind(&file)? != FileType::RegularFile {
            return Ok(Seen::Gone);
        }
        let readable = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let Some(file) = open(&layer, path, readable)? else { return Ok(Seen::Gone) };
        let mut text = Vec::new();
        file.take(ACCOUNTS_BYTES_MAX + 1).read_to_end(&mut text)?;
        if u64::try_from(text.len()).unwrap_or(u64::MAX) > ACCOUNTS_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        return Ok(Seen::Text(String::from_utf8_lossy(&text).into_owned()));
    }
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let hides = open(&layer, folder, directory)?
        .is_some_and(|directory| rustix::fs::fgetxattr(&directory, OPAQUE, &mut [0; 8]).is_ok());
    Ok(if hides { Seen::Gone } else { Seen::Nothing })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(texts: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
        let place = tempfile::tempdir().unwrap();
        let layers = texts.iter().enumerate().map(|(number, (passwd, group))| {
            let layer = place.path().join(number.to_string());
            std::fs::create_dir_all(layer.join("etc")).unwrap();
            for (name, text) in [("passwd", passwd), ("group", group)] {
                if !text.is_empty() {
                    std::fs::write(layer.join("etc").join(name), text).unwrap();
                }
            }
            layer
        });
        let layers = layers.collect();
        (place, layers)
    }

    const PASSWD: &str = "root:x:0:0::/:\nweb:x:33:34::/:\nbad\nodd:x:y:1::/:\n";
    const GROUP: &str = "web:x:34:web\nlog:x:4:root,web\nnone:x:9:\n";

    #[test]
    fn users_are_those_of_the_image() {
        let (_place, layers) = layers(&[(PASSWD, GROUP)]);
        let of = |text: &str| account(&layers, text).unwrap();
        let plain = |uid, gid| Account { uid, gid, groups: Vec::new() };
        assert_eq!(of(""), Account { groups: vec![4], ..plain(0, 0) });
        assert_eq!(of("web"), Account { groups: vec![4], ..plain(33, 34) });
        assert_eq!(of("33"), of("web"));
        assert_eq!(of("web:none"), plain(33, 9));
        assert_eq!(of("77"), plain(77, 0));
        assert_eq!(of("77:78"), plain(77, 78));
        assert_eq!(of(":none"), plain(0, 9));
        for unknown in ["nobody", "odd", "bad", "4294967295"] {
            assert!(matches!(account(&layers, unknown), Err(AccountError::User { .. })));
        }
        assert!(matches!(account(&layers, "web:nobody"), Err(AccountError::Group { .. })));
    }

    #[test]
    fn the_topmost_file_counts_and_an_image_may_have_none() {
        let (_place, layers) = layers(&[(PASSWD, GROUP), ("web:x:5:6::/:\n", ""), ("", "")]);
        assert_eq!(account(&layers, "web").unwrap().uid, 5);
        assert_eq!(account(&layers, "web").unwrap().groups, [34, 4]);
        let (_place, empty) = self::layers(&[("", "")]);
        assert_eq!(account(&empty, "").unwrap(), Account::default());
        assert!(account(&empty, "web").is_err());
    }

    #[test]
    fn links_lead_to_nobody() {
        let (place, layers) = layers(&[(PASSWD, GROUP), ("", "")]);
        let outside = place.path().join("outside");
        std::fs::write(&outside, "web:x:1:1::/:\n").unwrap();
        std::os::unix::fs::symlink(&outside, layers[1].join("etc/passwd")).unwrap();
        assert_eq!(account(&layers, "web").unwrap().uid, 33);
    }
}
