//! The inventory of rules: one function each, grouped by what they look at.
//!
//! A rule's name in a violation is its function's name with `-` for `_`, so that a failing run
//! leads straight to the code that complains and to the argument above it.

pub mod attributes;
pub mod documents;
pub mod form;
pub mod size;
pub mod structure;
pub mod words;

use crate::layers;
use crate::purity;
use crate::{File, RustFile, Tree, Violation};

/// Rules that look at one text file of any kind.
pub const FILE_RULES: &[fn(&File) -> Vec<Violation>] =
    &[form::trailing_whitespace, form::final_newline, words::leftovers];

/// Rules that look at one Rust file.
pub const RUST_RULES: &[fn(&RustFile) -> Vec<Violation>] = &[
    attributes::allow_with_reason,
    attributes::no_module_allow,
    attributes::no_ignored_test,
    form::header,
    purity::core_source,
    size::file_lines,
    size::function_lines,
    size::columns,
    structure::module_name,
    words::unfinished,
    words::no_unwrap,
    words::no_hopeful_sleep,
];

/// Rules that look at the whole tree.
pub const TREE_RULES: &[fn(&Tree) -> Vec<Violation>] = &[
    attributes::forbid_unsafe,
    documents::one_title,
    documents::links_resolve,
    documents::required_files,
    documents::readme_tree,
    layers::layers,
    structure::no_orphan_module,
];

/// Runs one Rust rule over a sample, for the tests of the rules.
#[cfg(test)]
pub(crate) fn complaints(
    rule: fn(&RustFile) -> Vec<Violation>,
    path: &str,
    text: &str,
) -> Vec<usize> {
    let tree = Tree::from_texts(&[(path, text)]);
    tree.rust.iter().flat_map(rule).map(|violation| violation.line).collect()
}
