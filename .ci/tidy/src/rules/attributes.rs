//! What attributes may and must say.

use crate::manifest::Manifest;
use crate::scan;
use crate::{RustFile, Tree, Violation};

/// The one crate that talks to the kernel where no safe wrapper exists.
const UNSAFE_CRATES: &[&str] = &["agent/jail"];

/// Offsets of attributes that quiet a lint, and whether each is an inner one, with their text.
fn quieting<'a>(file: &'a RustFile, words: &[&str]) -> Vec<(usize, bool, &'a str)> {
    let quiets = |text: &str| words.iter().any(|word| !scan::find_words(text, word).is_empty());
    let mut found = scan::attributes(&file.code);
    found.retain(|(_, _, text)| quiets(text));
    found
}

/// A quieted lint says why: `#[expect(lint, reason = "…")]`.
pub fn allow_with_reason(file: &RustFile) -> Vec<Violation> {
    let attributes = quieting(file, &["allow(", "expect("]);
    let silent = attributes.into_iter().filter(|(_, _, text)| !text.contains("reason ="));
    silent
        .map(|(at, _, _)| {
            let message = "quiets a lint without `reason = \"…\"`";
            Violation::new("allow-with-reason", &file.path, file.line(at), message)
        })
        .collect()
}

/// No `#![allow]`: it hides the next mistake in the file too. `#![expect]` at least goes stale.
pub fn no_module_allow(file: &RustFile) -> Vec<Violation> {
    let attributes = quieting(file, &["allow("]);
    let inner = attributes.into_iter().filter(|(_, inner, _)| *inner);
    inner
        .map(|(at, _, _)| {
            let message = "quiets a whole module: use `#[expect]` at the item";
            Violation::new("no-module-allow", &file.path, file.line(at), message)
        })
        .collect()
}

/// No `#[ignore]`: a test that does not run is a claim nobody checks.
pub fn no_ignored_test(file: &RustFile) -> Vec<Violation> {
    let attributes = scan::attributes(&file.code);
    let ignored = attributes.into_iter().filter(|(_, _, text)| scan::word_at(text, 1) == "ignore");
    ignored
        .map(|(at, _, _)| {
            let message = "ignored test: detect what is missing and print SKIPPED, or remove it";
            Violation::new("no-ignored-test", &file.path, file.line(at), message)
        })
        .collect()
}

/// Every crate root forbids unsafe code, except in the crate whose task it is.
pub fn forbid_unsafe(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for manifest in Manifest::all(tree) {
        if UNSAFE_CRATES.contains(&manifest.folder.as_str()) {
            continue;
        }
        let source = format!("{}/src/", manifest.folder);
        for file in &tree.rust {
            let Some(inside) = file.path.strip_prefix(&source) else { continue };
            let is_root = matches!(inside, "lib.rs" | "main.rs")
                || inside.strip_prefix("bin/").is_some_and(|name| !name.contains('/'));
            let forbids = |(_, inner, text): &(usize, bool, &str)| {
                *inner && text.replace(' ', "") == "[forbid(unsafe_code)]"
            };
            if is_root && !scan::attributes(&file.code).iter().any(forbids) {
                let message = "a crate root must say `#![forbid(unsafe_code)]`";
                found.push(Violation::new("forbid-unsafe", &file.path, 1, message));
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
    fn a_lint_quieted_without_reason_fails() {
        for bad in ["#[allow(dead_code)]", "#[expect(x)]", "#[cfg_attr(test, allow(x))]"] {
            assert_eq!(complaints(allow_with_reason, "a.rs", bad), [1], "{bad}");
        }
        for good in ["#[expect(dead_code, reason = \"why\")]", "a.expect(x)", "// #[allow(x)]"] {
            assert!(complaints(allow_with_reason, "a.rs", good).is_empty(), "{good}");
        }
    }

    #[test]
    fn a_module_wide_allow_fails_even_with_reason() {
        let bad = "//! a\n#![allow(dead_code, reason = \"why\")]\n";
        assert_eq!(complaints(no_module_allow, "a.rs", bad), [2]);
        assert!(complaints(no_module_allow, "a.rs", "#[allow(x, reason = \"w\")]").is_empty());
    }

    #[test]
    fn an_ignored_test_fails() {
        assert_eq!(complaints(no_ignored_test, "a.rs", "#[test]\n#[ignore]\nfn f() {}"), [2]);
        assert_eq!(complaints(no_ignored_test, "a.rs", "#[ignore = \"slow\"]\nfn f() {}"), [1]);
        assert!(complaints(no_ignored_test, "a.rs", "// #[ignore]\n#[test]\nfn f() {}").is_empty());
    }

    #[test]
    fn a_crate_root_that_permits_unsafe_code_fails() {
        let manifest = |name: &str| format!("[package]\nname = \"{name}\"\n");
        let tree = Tree::from_texts(&[
            ("a/Cargo.toml", &manifest("a")),
            ("a/src/lib.rs", "//! #![forbid(unsafe_code)]\n"),
            ("a/src/other.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("agent/jail/Cargo.toml", &manifest("jail")),
            ("agent/jail/src/lib.rs", ""),
            ("b/Cargo.toml", &manifest("b")),
            ("b/src/main.rs", "//! b\n#![forbid(unsafe_code)]\n"),
        ]);
        let found = forbid_unsafe(&tree);
        let paths: Vec<&str> = found.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["a/src/lib.rs", "a/src/bin/tool.rs"]);
    }
}
