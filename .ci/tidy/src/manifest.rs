//! The little of `Cargo.toml` that the rules need: names, and which tables name which crates.
//!
//! Understands the forms this repository uses: `name = …`, `name.workspace = true` and
//! `[dependencies.name]`, also below `[target.'…'.…]`; a renamed crate counts under both names.

use crate::Tree;

/// When a dependency is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// In what is shipped.
    Normal,
    /// In what is shipped, if a feature is asked for.
    Optional,
    /// In tests only.
    Dev,
    /// In the build script only.
    Build,
}

/// A crate of this workspace.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Folder of its `Cargo.toml`.
    pub folder: String,
    /// Name of the package.
    pub name: String,
    /// Crates it names, with the line that names them.
    pub dependencies: Vec<(Kind, String, usize)>,
}

impl Manifest {
    /// Every package of the tree.
    pub fn all(tree: &Tree) -> Vec<Self> {
        let is_member = |path: &str| path.ends_with("/Cargo.toml");
        let files = tree.files.iter().filter(|file| is_member(&file.path));
        files
            .filter_map(|file| Self::parse(file.path.trim_end_matches("/Cargo.toml"), &file.text))
            .collect()
    }

    /// Reads one manifest; nothing if it describes no package.
    pub fn parse(folder: &str, text: &str) -> Option<Self> {
        let mut name = None;
        let mut dependencies = Vec::new();
        let mut table = "";
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(header) = line.strip_prefix('[') {
                table = header.trim_matches(['[', ']']);
                if let Some((kind, Some(named))) = dependency_table(table) {
                    dependencies.push((kind, named.to_owned(), index + 1));
                }
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let key = key.trim().split('.').next().unwrap_or_default();
            if table == "package" && key == "name" {
                name = Some(unquoted(value));
            }
            match dependency_table(table) {
                Some((mut kind, None)) if !line.starts_with('#') => {
                    if kind == Kind::Normal && value.contains("optional = true") {
                        kind = Kind::Optional;
                    }
                    dependencies.push((kind, key.trim_matches('"').to_owned(), index + 1));
                    if let Some((_, real)) = value.split_once("package =") {
                        dependencies.push((kind, unquoted(real), index + 1));
                    }
                }
                Some((kind, Some(_))) if key == "package" => {
                    dependencies.push((kind, unquoted(value), index + 1));
                }
                _ => {}
            }
        }
        Some(Self { folder: folder.to_owned(), name: name?, dependencies })
    }
}

/// The first quoted text of a value.
fn unquoted(value: &str) -> String {
    value.split('"').nth(1).unwrap_or_default().to_owned()
}

/// Kind of a dependency table, and the crate if the table describes just one.
fn dependency_table(table: &str) -> Option<(Kind, Option<&str>)> {
    if table.starts_with("workspace") {
        return None;
    }
    let kinds = [
        ("dev-dependencies", Kind::Dev),
        ("build-dependencies", Kind::Build),
        ("dependencies", Kind::Normal),
    ];
    kinds.into_iter().find_map(|(word, kind)| {
        let (before, after) = table.split_once(word)?;
        (before.is_empty() || before.starts_with("target."))
            .then(|| (kind, after.strip_prefix('.')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_dependencies_of_every_kind() {
        let text = "[package]\nname = \"a\"\n[features]\ngrpc = [\"dep:tonic\"]\n[dependencies]\n\
                    # proto = \"1\"\nbytes.workspace = true\nproto = { workspace = true }\n\
                    jail = { workspace = true, optional = true }\n\
                    words = { path = \"x\", package = \"real\" }\n[dev-dependencies]\n\
                    tempfile = \"3\"\n[build-dependencies.protox]\nversion = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nnix = \"1\"\n";
        let manifest = Manifest::parse("a", text).expect("a package");
        assert_eq!(manifest.name, "a");
        let found: Vec<(Kind, &str)> =
            manifest.dependencies.iter().map(|(kind, name, _)| (*kind, name.as_str())).collect();
        assert_eq!(
            found,
            [
                (Kind::Normal, "bytes"),
                (Kind::Normal, "proto"),
                (Kind::Optional, "jail"),
                (Kind::Normal, "words"),
                (Kind::Normal, "real"),
                (Kind::Dev, "tempfile"),
                (Kind::Build, "protox"),
                (Kind::Normal, "nix"),
            ]
        );
    }

    #[test]
    fn a_workspace_without_package_is_none() {
        assert!(Manifest::parse("", "[workspace.dependencies]\nproto = \"1\"\n").is_none());
    }
}
