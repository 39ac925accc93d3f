//! What is written for people: titles, links, and the README's picture of the tree.

use std::collections::BTreeSet;

use crate::{Tree, Violation};

/// Files a visitor looks for first.
const REQUIRED: &[&str] = &["README.md", "CHANGELOG.md", "LICENSE"];
/// A line of the README's tree that no other block of it has.
const TREE_MARK: &str = "proto";

/// A line of Markdown with its number, and whether it stands in a fenced block.
fn lines(text: &str) -> Vec<(usize, &str, bool)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        found.push((index + 1, line, fenced || is_fence));
        fenced ^= is_fence;
    }
    found
}

fn markdown(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    let files = tree.files.iter().filter(|file| file.path.ends_with(".md"));
    files.map(|file| (file.path.as_str(), file.text.as_str()))
}

/// Every Markdown file has exactly one title of the first level.
pub fn one_title(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in markdown(tree) {
        let titles: Vec<usize> = lines(text)
            .into_iter()
            .filter(|(_, line, fenced)| !fenced && line.starts_with("# "))
            .map(|(number, _, _)| number)
            .collect();
        if titles.len() != 1 {
            let message = format!("{} titles of the first level, must be one", titles.len());
            let line = titles.get(1).copied().unwrap_or(1);
            found.push(Violation::new("one-title", path, line, message));
        }
    }
    found
}

/// Every relative link leads to a file of the tree, and its anchor to a heading of it.
pub fn links_resolve(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in markdown(tree) {
        for (number, line, fenced) in lines(text) {
            if fenced {
                continue;
            }
            for target in targets(line) {
                if let Some(message) = broken(tree, path, &target) {
                    found.push(Violation::new("links-resolve", path, number, message));
                }
            }
        }
    }
    found
}

/// Targets of inline links and of reference definitions in a line, code spans left out.
fn targets(line: &str) -> Vec<String> {
    let mut text = String::new();
    for (index, part) in line.split('`').enumerate() {
        // A code span may be the text of a link, so the brackets around it must stay.
        text.push_str(if index % 2 == 0 { part } else { "" });
    }
    let starts = text.match_indices("](").map(|(at, _)| &text[at + 2..]);
    let inline = starts.filter_map(|rest| rest.split([')', ' ']).next());
    let mut found: Vec<String> = inline.map(str::to_owned).collect();
    if let (true, Some((_, target))) = (text.starts_with('['), text.split_once("]: ")) {
        found.push(target.trim().to_owned());
    }
    found
}

/// What is wrong with a link from the file at `path`, if anything.
fn broken(tree: &Tree, path: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let full = if file.is_empty() { path.to_owned() } else { resolve(path, file) };
    if !full.is_empty() && !tree.paths.contains(&full) {
        return Some(format!("link to `{target}`: there is no `{full}`"));
    }
    let text = tree.text(&full).filter(|_| full.ends_with(".md") && !anchor.is_empty())?;
    let headings = lines(text).into_iter().filter(|(_, line, fenced)| !fenced && is_heading(line));
    let mut anchors = headings.map(|(_, line, _)| slug(line));
    let is_missing = !anchors.any(|heading| heading == anchor);
    is_missing.then(|| format!("link to `{target}`: `{full}` has no such heading"))
}

fn is_heading(line: &str) -> bool {
    line.trim_start_matches('#').starts_with(' ') && line.starts_with('#')
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The path that `relative` means in the file at `path`.
fn resolve(path: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The files that a visitor looks for exist.
pub fn required_files(tree: &Tree) -> Vec<Violation> {
    let missing = REQUIRED.iter().filter(|path| !tree.paths.contains(**path));
    missing.map(|path| Violation::new("required-files", path, 0, "there is no such file")).collect()
}

/// The tree drawn in the README and the tree on disk are the same at the top level.
///
/// The drawing is a fenced block whose unindented lines each start with a path; indented lines go
/// on explaining. It may name deeper and hidden paths too, if they exist.
pub fn readme_tree(tree: &Tree) -> Vec<Violation> {
    let violation = |line: usize, message: String| {
        vec![Violation::new("readme-tree", "README.md", line, message)]
    };
    let Some(text) = tree.text("README.md") else {
        return violation(0, "there is no README.md, so nothing explains the tree".to_owned());
    };
    let drawing = drawing(text);
    if drawing.is_empty() {
        let message = "no fenced block whose lines start with the top-level paths";
        return violation(0, message.to_owned());
    }
    let mut found = Vec::new();
    for (number, path) in &drawing {
        if !tree.paths.contains(*path) {
            found
                .extend(violation(*number, format!("the tree names `{path}`, which is not there")));
        }
    }
    let drawn: BTreeSet<&str> = drawing.iter().map(|(_, path)| *path).collect();
    let is_top = |path: &&String| !path.contains('/') && !path.starts_with('.');
    for path in tree.paths.iter().filter(is_top) {
        if !drawn.contains(path.as_str()) {
            found.extend(violation(drawing[0].0, format!("the tree does not name `{path}`")));
        }
    }
    found
}

/// The paths of the first fenced block that draws the tree, with their lines.
fn drawing(text: &str) -> Vec<(usize, &str)> {
    let mut block: Vec<(usize, &str)> = Vec::new();
    for (number, line, fenced) in lines(text) {
        if fenced && !line.trim_start().starts_with("```") {
            let first = line.split_whitespace().next();
            if let (Some(path), false) = (first, line.starts_with([' ', '\t'])) {
                block.push((number, path.trim_end_matches('/')));
            }
        } else if block.iter().any(|(_, path)| *path == TREE_MARK) {
            return block;
        } else {
            block.clear();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(found: &[Violation]) -> Vec<usize> {
        found.iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn no_title_and_two_titles_fail() {
        let tree = Tree::from_texts(&[
            ("none.md", "## Part\n"),
            ("one.md", "# Title\n\n```\n# a comment\n```\n"),
            ("two.md", "# Title\n\n# Other\n"),
        ]);
        let found = one_title(&tree);
        assert_eq!(lines_of(&found), [1, 3]);
        assert_eq!(found[0].path, "none.md");
    }

    #[test]
    fn dead_links_fail() {
        let text = "# A\n[ok](../a/b.rs) [ok](#a) [ok](https://x.y) [dead](gone.md)\n\
                    `[code](gone.md)` [`dead`](gone.rs)\n```\n[fenced](gone.md)\n```\n\
                    [ok](other.md#two-words) [dead](other.md#three)\n[ref]: gone.txt\n[ok](/a)\n";
        let tree = Tree::from_texts(&[
            ("docs/a.md", text),
            ("docs/other.md", "# O\n## Two words\n"),
            ("a/b.rs", ""),
        ]);
        let lines = lines_of(&links_resolve(&tree));
        assert_eq!(lines, [2, 3, 7, 8, 9], "a link from the root is dead in a checkout");
    }

    #[test]
    fn missing_required_files_fail() {
        let tree = Tree::from_texts(&[("README.md", ""), ("LICENSE", "")]);
        let found = required_files(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "CHANGELOG.md");
    }

    #[test]
    fn a_tree_that_differs_from_the_disk_fails() {
        let check = |readme: &str| {
            let texts =
                [("README.md", readme), ("proto/src/lib.rs", ""), (".gitignore", ""), ("b/x", "")];
            readme_tree(&Tree::from_texts(&texts))
        };
        let good = "# A\n```\ncargo run\n```\n```text\nREADME.md  this\nproto/  words\n    more\n\
                    b/x  a part of b\nb/\n```\n";
        assert!(check(good).is_empty(), "{:?}", check(good));
        assert_eq!(check("# A\n```\ncargo run\n```\n").len(), 1);
        let bad = "# A\n```\nREADME.md\nproto/\ngone/\n```\n";
        let messages: Vec<String> = check(bad).into_iter().map(|v| v.message).collect();
        assert!(messages[0].contains("`gone`") && messages[1].contains("`b`"), "{messages:?}");
        assert!(readme_tree(&Tree::from_texts(&[]))[0].message.contains("no README.md"));
    }
}
