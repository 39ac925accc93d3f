//! Directories that are still there after a power cut.
//!
//! Whatever is synced below a new directory is lost with its name, which is durable only once the
//! directory above it is synced.

use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
};

/// Makes a directory that may be there already, and what is missing above it, with this mode. Its
/// name and those of what was made above it are durable when this returns.
pub fn make_durably(path: &Path, mode: u32) -> io::Result<()> {
    // Its own name in any case: whoever made it may have died before this.
    let above = path.ancestors().skip(1).take_while(|directory| !is_there(directory));
    let made = 1 + above.count();
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    path.ancestors().take(made).try_for_each(sync_name)
}

/// Makes the name of a directory durable.
fn sync_name(directory: &Path) -> io::Result<()> {
    match File::open(parent(directory)) {
        Ok(parent) => parent.sync_all(),
        // Whoever may not read it can still have all of the file system synced.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Ok(rustix::fs::syncfs(File::open(directory)?)?)
        }
        Err(error) => Err(error),
    }
}

fn is_there(directory: &Path) -> bool {
    directory.as_os_str().is_empty() || directory.exists()
}

fn parent(directory: &Path) -> &Path {
    let parent = directory.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Nothing is above the root, and the working directory above a lone name.
    parent.unwrap_or_else(|| Path::new(if directory.is_absolute() { "/" } else { "." }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_made_and_what_is_there_is_left() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b/c");
        make_durably(&deep, 0o700).unwrap();
        std::fs::write(deep.join("file"), "text").unwrap();
        make_durably(&deep, 0o700).unwrap();
        assert_eq!(std::fs::read(deep.join("file")).unwrap(), b"text");
        let error = make_durably(&deep.join("file"), 0o700).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(make_durably(&deep.join("file/below"), 0o700).is_err());
    }

    #[test]
    fn a_name_stands_in_the_directory_above() {
        for (name, above) in [("/a/b", "/a"), ("/a", "/"), ("/", "/"), ("a", "."), ("a/b", "a")] {
            assert_eq!(parent(Path::new(name)), Path::new(above), "{name}");
        }
    }
}
