//! What one entry of a layer's archive asks for, checked and without I/O.
//!
//! A path is taken part by part: leading `/` and `./` are dropped, as every tool does; `..` is
//! refused, because no tool that packs a directory writes it. Whiteouts are those of the OCI
//! image-spec 1.1, "Layer Filesystem Changeset".

use crate::limits::PATH_BYTES_MAX;
use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// What AUFS kept for itself; written by old tools, meant for nobody.
const AUFS: &[u8] = b".wh..wh.";

/// Where an entry goes, and what it is there for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The layer's own root directory.
    Root,
    /// Something is made at this path.
    Place(PathBuf),
    /// What the layers below have at this path is gone.
    Whiteout(PathBuf),
    /// What the layers below have in this directory is gone.
    Opaque(PathBuf),
    /// Nothing that anybody should see.
    Skip,
}

/// Why an entry cannot be taken. The path is as the archive has it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It leads upwards.
    #[error("{path:?} contains `..`")]
    Upwards {
        /// Which.
        path: String,
    },
    /// No path of Linux is so long.
    #[error("a path of {bytes} bytes begins with {path:?}; {PATH_BYTES_MAX} are allowed")]
    TooLong {
        /// Its beginning.
        path: String,
        /// Its length.
        bytes: usize,
    },
    /// The kernel's names end at a zero byte, and are not empty.
    #[error("{path:?} names nothing")]
    NoName {
        /// Which.
        path: String,
    },
    /// It would delete the whole layer, or `.` or `..`.
    #[error("the whiteout {path:?} names nothing that can be gone")]
    Whiteout {
        /// Which.
        path: String,
    },
}

impl Target {
    /// Of a path in an archive.
    pub(super) fn of(path: &[u8]) -> Result<Self, EntryError> {
        let clean = clean(path)?;
        let Some(name) = clean.file_name().map(OsStr::as_bytes) else { return Ok(Self::Root) };
        let above = clean.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(match name.strip_prefix(WHITEOUT) {
            _ if name == OPAQUE => Self::Opaque(above),
            _ if name.starts_with(AUFS) => Self::Skip,
            Some(b"" | b"." | b"..") => {
                return Err(EntryError::Whiteout { path: shown(path) });
            }
            Some(gone) => Self::Whiteout(above.join(OsStr::from_bytes(gone))),
            None => Self::Place(clean),
        })
    }
}

/// A path below the root directory of the layer; empty for that itself.
pub(super) fn clean(path: &[u8]) -> Result<PathBuf, EntryError> {
    if path.len() > PATH_BYTES_MAX {
        return Err(EntryError::TooLong { path: shown(&path[..64]), bytes: path.len() });
    }
    if path.is_empty() || path.contains(&0) {
        return Err(EntryError::NoName { path: shown(path) });
    }
    let mut clean = PathBuf::new();
    for part in Path::new(OsStr::from_bytes(path)).components() {
        match part {
            Component::Normal(part) => clean.push(part),
            Component::ParentDir => return Err(EntryError::Upwards { path: shown(path) }),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Ok(clean)
}

pub(super) fn shown(path: &[u8]) -> String {
    OsString::from(OsStr::from_bytes(path)).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_taken_as_tools_write_it() {
        for text in ["a/b", "./a/b", "/a/b", "a//b/", "/./a/./b/."] {
            assert_eq!(Target::of(text.as_bytes()), Ok(Target::Place("a/b".into())), "{text}");
        }
        for text in [".", "/", "./", "/."] {
            assert_eq!(Target::of(text.as_bytes()), Ok(Target::Root), "{text}");
        }
    }

    #[test]
    fn whiteouts_name_what_is_gone() {
        let of = |text: &str| Target::of(text.as_bytes());
        assert_eq!(of("a/.wh.b"), Ok(Target::Whiteout("a/b".into())));
        assert_eq!(of(".wh.b"), Ok(Target::Whiteout("b".into())));
        assert_eq!(of("a/.wh..wh..opq"), Ok(Target::Opaque("a".into())));
        assert_eq!(of("a/.wh..wh.plnk"), Ok(Target::Skip));
        // A name that only looks alike.
        assert_eq!(of("a/.whatever"), Ok(Target::Place("a/.whatever".into())));
        for nothing in [".wh.", "a/.wh..", "a/.wh..."] {
            assert!(matches!(of(nothing), Err(EntryError::Whiteout { .. })), "{nothing}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for text in ["..", "../a", "a/../b", "/..", "a/.."] {
            let error = Target::of(text.as_bytes()).unwrap_err();
            assert!(matches!(error, EntryError::Upwards { .. }), "{text}");
        }
        assert!(matches!(Target::of(b"a\0b"), Err(EntryError::NoName { .. })));
        assert!(matches!(Target::of(b""), Err(EntryError::NoName { .. })));
        let long = vec![b'x'; PATH_BYTES_MAX + 1];
        assert!(matches!(Target::of(&long), Err(EntryError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_stays_below(path in proptest::collection::vec(any::<u8>(), 0..64)) {
            let found = match Target::of(&path) {
                Ok(Target::Place(path) | Target::Whiteout(path) | Target::Opaque(path)) => path,
                Ok(Target::Root | Target::Skip) | Err(_) => return Ok(()),
            };
            let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
            prop_assert!(found.components().all(is_plain), "{found:?}");
        }
    }
}
