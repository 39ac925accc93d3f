//! How files are named, and that each of them is part of a crate.

use std::collections::BTreeSet;

use crate::manifest::Manifest;
use crate::scan;
use crate::tree::stem;
use crate::{RustFile, Tree, Violation};

/// Names that say nothing about what is inside, and therefore collect everything.
const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"];

/// No module is called by a name that fits any content.
pub fn module_name(file: &RustFile) -> Vec<Violation> {
    let parts = file.path.trim_end_matches(".rs").split('/');
    let named = parts.filter(|part| EMPTY_NAMES.contains(part)).map(|name| (name, 0));
    let declared = file.find("mod").into_iter().filter_map(|at| {
        let name = scan::word_at(&file.code, at + 3);
        // A module in a file of its own is reported there.
        let is_inline = file.code[at..]
            .find(['{', ';'])
            .is_some_and(|end| file.code.as_bytes()[at + end] == b'{');
        (is_inline && EMPTY_NAMES.contains(&name)).then(|| (name, file.line(at)))
    });
    named
        .chain(declared)
        .map(|(name, line)| {
            let message = format!("a module named `{name}` says nothing: name what it holds");
            Violation::new("module-name", &file.path, line, message)
        })
        .collect()
}

/// Every source file is declared as a module of its crate; one that is not compiles nowhere.
pub fn no_orphan_module(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for manifest in Manifest::all(tree) {
        let source = format!("{}/src/", manifest.folder);
        let files: Vec<&RustFile> =
            tree.rust.iter().filter(|file| file.path.starts_with(&source)).collect();
        let declared: BTreeSet<&str> = files
            .iter()
            .flat_map(|file| {
                file.find("mod").into_iter().map(|at| scan::word_at(&file.code, at + 3))
            })
            .collect();
        for file in files {
            let inside = &file.path[source.len()..];
            let name = match stem(inside) {
                "mod" => inside.rsplit('/').nth(1).unwrap_or_default(),
                name => name,
            };
            let is_root = matches!(inside, "lib.rs" | "main.rs") || inside.starts_with("bin/");
            if !is_root && !declared.contains(name) {
                let message = format!("no `mod {name};` in its crate: declare it or delete it");
                found.push(Violation::new("no-orphan-module", &file.path, 0, message));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::complaints;

    #[test]
    fn empty_names_fail_as_file_as_folder_and_inline() {
        assert_eq!(complaints(module_name, "a/src/utils.rs", ""), [0]);
        assert_eq!(complaints(module_name, "a/tests/common/mod.rs", ""), [0]);
        assert_eq!(complaints(module_name, "a/src/lib.rs", "//! a\nmod helpers {}\n"), [2]);
        assert!(complaints(module_name, "a/src/lib.rs", "mod common_words;\nuse x::y;").is_empty());
    }

    #[test]
    fn a_file_without_declaration_fails() {
        let tree = Tree::from_texts(&[
            ("a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("a/src/lib.rs", "pub mod one;\nmod two;\n// mod three;\n"),
            ("a/src/one.rs", ""),
            ("a/src/two/mod.rs", ""),
            ("a/src/three.rs", ""),
            ("a/build.rs", ""),
        ]);
        let found = no_orphan_module(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "a/src/three.rs");
    }
}
