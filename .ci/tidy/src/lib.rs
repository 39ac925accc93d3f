//! Tidy: the style and purity rules of this repository, as an ordinary library with ordinary tests.
//!
//! A reviewer's attention is for what a program cannot see; everything else is checked here. The
//! repository is read once into a [`Tree`]; each rule is one function from the tree, or from one
//! file of it, to the [`Violation`]s it finds. `tests/tree.rs` runs them all over the real tree.
//!
//! Tidy does not parse Rust. It blanks comments and literals ([`scan`]) and looks at what is left,
//! which is enough for every rule here and leaves the crate free of dependencies.
#![forbid(unsafe_code)]

pub mod exceptions;
pub mod layers;
pub mod manifest;
pub mod purity;
pub mod rules;
pub mod scan;
pub mod tree;

use std::fmt;

pub use exceptions::{EXCEPTIONS, Exception};
pub use tree::{File, RustFile, Tree};

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Path from the repository's root, with `/` between the parts.
    pub path: String,
    /// Line, counted from one; zero when the whole file or tree is meant.
    pub line: usize,
    /// Name of the rule, as the exceptions list spells it.
    pub rule: &'static str,
    /// What is wrong and what to do instead.
    pub message: String,
}

impl Violation {
    /// A violation of `rule` at a line of a file.
    pub fn new(rule: &'static str, path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: [{}] {}", self.path, self.line, self.rule, self.message)
    }
}

/// What a run over a tree found.
#[derive(Debug)]
pub struct Report {
    /// Broken rules that no exception covers, sorted by place.
    pub violations: Vec<Violation>,
    /// Exceptions that covered nothing and therefore must go.
    pub stale: Vec<&'static Exception>,
}

/// Runs every rule over `tree`.
pub fn check(tree: &Tree, exceptions: &'static [Exception]) -> Report {
    let mut found: Vec<Violation> = Vec::new();
    for rule in rules::FILE_RULES {
        found.extend(tree.files.iter().flat_map(rule));
    }
    for rule in rules::RUST_RULES {
        found.extend(tree.rust.iter().flat_map(rule));
    }
    for rule in rules::TREE_RULES {
        found.extend(rule(tree));
    }
    found.sort();
    let covers = |exception: &Exception, violation: &Violation| {
        exception.rule == violation.rule && exception.path == violation.path
    };
    let stale = exceptions
        .iter()
        .filter(|exception| !found.iter().any(|violation| covers(exception, violation)))
        .collect();
    found.retain(|violation| !exceptions.iter().any(|exception| covers(exception, violation)));
    Report { violations: found, stale }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COVERED: &[Exception] = &[
        Exception { rule: "header", path: "a/src/bare.rs", reason: "sample" },
        Exception { rule: "header", path: "a/src/gone.rs", reason: "sample" },
    ];

    #[test]
    fn an_exception_covers_its_file_and_a_stale_one_is_reported() {
        let tree = Tree::from_texts(&[("a/src/bare.rs", "fn f() {}\n")]);
        let header = |report: &Report| report.violations.iter().any(|v| v.rule == "header");
        assert!(header(&check(&tree, &[])));
        let report = check(&tree, COVERED);
        assert!(!header(&report));
        assert_eq!(report.stale.len(), 1);
        assert_eq!(report.stale[0].path, "a/src/gone.rs");
    }

    #[test]
    fn a_violation_prints_as_an_editor_can_follow_it() {
        let violation = Violation::new("header", "a/b.rs", 7, "no header");
        assert_eq!(violation.to_string(), "a/b.rs:7: [header] no header");
    }
}
