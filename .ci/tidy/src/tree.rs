//! The repository as the rules see it: every file that is, or would be, under version control.
//!
//! Read once, kept in memory; the rules never touch the disk, so their tests need none either.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::scan;

/// One text file.
#[derive(Debug, Clone)]
pub struct File {
    /// Path from the root, with `/` between the parts.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A Rust file, with what every rule wants to know about it.
#[derive(Debug, Clone)]
pub struct RustFile {
    /// Path from the root.
    pub path: String,
    /// The text as written.
    pub text: String,
    /// The text with comments and the insides of literals blanked.
    pub code: String,
    /// Whether all of it is test code.
    pub is_test: bool,
    test_ranges: Vec<Range<usize>>,
}

/// All files of the repository.
#[derive(Debug)]
pub struct Tree {
    /// Every text file, Rust or not.
    pub files: Vec<File>,
    /// The Rust files among them, scanned.
    pub rust: Vec<RustFile>,
    /// Every path, folders and binary files included.
    pub paths: BTreeSet<String>,
}

/// What `.gitignore` says, as far as this repository uses its language.
#[derive(Debug, Default)]
struct Ignored {
    anchored: Vec<String>,
    names: Vec<String>,
    suffixes: Vec<String>,
}

impl Tree {
    /// Reads the repository at `root`.
    pub fn read(root: &Path) -> io::Result<Self> {
        let ignored = match fs::read_to_string(root.join(".gitignore")) {
            Ok(text) => Ignored::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ignored::default(),
            Err(error) => return Err(error),
        };
        let mut paths = BTreeSet::new();
        let mut files = Vec::new();
        walk(root, "", &ignored, &mut paths, &mut files)?;
        Ok(Self::assemble(files, paths))
    }

    /// A tree made of the given paths and texts.
    pub fn from_texts(texts: &[(&str, &str)]) -> Self {
        let mut paths = BTreeSet::new();
        for (path, _) in texts {
            let mut end = path.len();
            while end > 0 {
                paths.insert(path[..end].to_owned());
                end = path[..end].rfind('/').unwrap_or(0);
            }
        }
        let file = |&(path, text): &(&str, &str)| File { path: path.into(), text: text.into() };
        Self::assemble(texts.iter().map(file).collect(), paths)
    }

    fn assemble(files: Vec<File>, paths: BTreeSet<String>) -> Self {
        let is_rust = |file: &&File| file.path.ends_with(".rs");
        let mut rust: Vec<_> = files.iter().filter(is_rust).map(RustFile::scan).collect();
        let tests: BTreeSet<String> = rust.iter().flat_map(RustFile::test_modules).collect();
        for file in &mut rust {
            file.is_test |= tests.contains(&file.path);
        }
        Self { files, rust, paths }
    }

    /// The text of the file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }
}

impl RustFile {
    fn scan(file: &File) -> Self {
        let code = scan::mask(&file.text);
        let stem = stem(&file.path);
        let is_test = file.path.split('/').any(|part| part == "tests")
            || stem == "tests"
            || stem.ends_with("_tests");
        let test_ranges = scan::test_ranges(&code);
        Self { path: file.path.clone(), text: file.text.clone(), code, is_test, test_ranges }
    }

    /// Whether the byte at `offset` is test code.
    pub fn is_test_at(&self, offset: usize) -> bool {
        self.is_test || self.test_ranges.iter().any(|range| range.contains(&offset))
    }

    /// Offsets of `needle` in the code, as whole words.
    pub fn find(&self, needle: &str) -> Vec<usize> {
        scan::find_words(&self.code, needle)
    }

    /// Line of an offset, counted from one.
    pub fn line(&self, offset: usize) -> usize {
        scan::line_of(&self.code, offset)
    }

    /// Paths at which modules declared here under `#[cfg(test)]` may lie.
    fn test_modules(&self) -> Vec<String> {
        let folder = self.path.rfind('/').map_or("", |at| &self.path[..at]);
        let own = match stem(&self.path) {
            "mod" | "lib" | "main" => folder.to_owned(),
            name => format!("{folder}/{name}"),
        };
        let mut found = Vec::new();
        for range in &self.test_ranges {
            let item = &self.code[range.clone()];
            let declared =
                scan::find_words(item, "mod").first().map(|at| scan::word_at(item, at + 3));
            if let (Some(name), true) = (declared, item.ends_with(';')) {
                found.push(format!("{own}/{name}.rs"));
                found.push(format!("{own}/{name}/mod.rs"));
            }
        }
        found
    }
}

impl Ignored {
    fn parse(text: &str) -> Self {
        let mut ignored = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let name = line.trim_end_matches('/');
            if let Some(anchored) = name.strip_prefix('/') {
                ignored.anchored.push(anchored.to_owned());
            } else if let Some(suffix) = name.strip_prefix('*') {
                ignored.suffixes.push(suffix.to_owned());
            } else if !name.is_empty() {
                ignored.names.push(name.to_owned());
            }
        }
        ignored
    }

    fn holds(&self, path: &str, name: &str) -> bool {
        self.anchored.iter().any(|anchored| anchored == path)
            || self.names.iter().any(|ignored| ignored == name)
            || self.suffixes.iter().any(|suffix| name.ends_with(suffix))
    }
}

/// File name without folder and extension.
pub fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').next().unwrap_or(name)
}

fn walk(
    folder: &Path,
    prefix: &str,
    ignored: &Ignored,
    paths: &mut BTreeSet<String>,
    files: &mut Vec<File>,
) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        // Hidden folders belong to tools and editors; .ci is ours.
        let is_foreign = kind.is_dir() && name.starts_with('.') && path != ".ci";
        if is_foreign || ignored.holds(&path, &name) || (kind.is_dir() && path == "target") {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), ignored, paths, files)?;
        } else if kind.is_file() {
            match String::from_utf8(fs::read(entry.path())?) {
                Ok(text) => files.push(File { path: path.clone(), text }),
                Err(_binary) => {}
            }
        }
        paths.insert(path);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_git_would_track_and_nothing_else() {
        let root = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &str, text: &[u8]| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, text).expect("a file");
        };
        write(".gitignore", b"/target\n*.tmp\n__pycache__/\n# note\n");
        write(".ci/run", b"true\n");
        write(".git/config", b"x");
        write("target/debug/x.rs", b"x");
        write("a/src/lib.rs", b"//! a\n");
        write("a/target/kept.rs", b"//! kept\n");
        write("a/x.tmp", b"x");
        write("a/__pycache__/x.py", b"x");
        write("a/picture.png", &[0xff, 0xfe, 0x00]);
        let tree = Tree::read(root.path()).expect("the tree");
        let files: Vec<_> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, [".ci/run", ".gitignore", "a/src/lib.rs", "a/target/kept.rs"]);
        assert!(tree.paths.contains("a/picture.png") && tree.paths.contains("a/src"));
        assert!(!tree.paths.contains("target"));
    }

    #[test]
    fn test_code_is_known_by_place_by_name_and_by_declaration() {
        let tree = Tree::from_texts(&[
            ("a/src/lib.rs", "mod far;\n#[cfg(test)]\nmod near;\nfn f() {}\n"),
            ("a/src/far.rs", "#[cfg(test)]\nmod deep;\n"),
            ("a/src/near.rs", ""),
            ("a/src/far/deep.rs", ""),
            ("a/src/wal_tests.rs", ""),
            ("a/tests/one.rs", ""),
        ]);
        let tests: Vec<_> =
            tree.rust.iter().filter(|file| file.is_test).map(|file| &file.path[..]).collect();
        assert_eq!(
            tests,
            ["a/src/near.rs", "a/src/far/deep.rs", "a/src/wal_tests.rs", "a/tests/one.rs"]
        );
        assert!(tree.rust[0].is_test_at(10) && !tree.rust[0].is_test_at(0));
    }
}
