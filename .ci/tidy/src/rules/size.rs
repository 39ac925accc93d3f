//! How long things may be: what fits one sitting, one screen, one line.

use crate::scan;
use crate::{RustFile, Violation};

/// A file has one subject and is read in one sitting.
pub const FILE_LINES_MAX: usize = 500;
/// A function fits one screen; beyond that, its middle is never read.
pub const FUNCTION_LINES_MAX: usize = 70;
/// Two files fit side by side. rustfmt keeps to it as well, except where it gives up.
pub const COLUMNS_MAX: usize = 100;

/// A Rust file has at most [`FILE_LINES_MAX`] lines.
pub fn file_lines(file: &RustFile) -> Vec<Violation> {
    let lines = file.text.lines().count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    let message = format!("{lines} lines, at most {FILE_LINES_MAX}: split it by subject");
    vec![Violation::new("file-lines", &file.path, 0, message)]
}

/// A function has at most [`FUNCTION_LINES_MAX`] lines.
pub fn function_lines(file: &RustFile) -> Vec<Violation> {
    scan::functions(&file.code)
        .into_iter()
        .filter(|function| function.lines > FUNCTION_LINES_MAX)
        .map(|function| {
            let (name, lines) = (function.name, function.lines);
            let message = format!("`{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}");
            Violation::new("function-lines", &file.path, function.line, message)
        })
        .collect()
}

/// A line has at most [`COLUMNS_MAX`] columns, unless it is one literal or holds an address.
pub fn columns(file: &RustFile) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut at = 0;
    for (index, line) in file.text.split('\n').enumerate() {
        let code = &file.code[at..at + line.len()];
        at += line.len() + 1;
        let columns = line.chars().count();
        if columns > COLUMNS_MAX && !is_literal(line, code) && !line.contains("://") {
            let message = format!("{columns} columns, at most {COLUMNS_MAX}");
            found.push(Violation::new("columns", &file.path, index + 1, message));
        }
    }
    found
}

/// Whether a line holds text of a literal and no word of the program or comment beside it.
fn is_literal(line: &str, code: &str) -> bool {
    let is_comment = line.trim_start().starts_with("//");
    let is_bare = !code.bytes().any(|byte| scan::is_word(byte) && !matches!(byte, b'r' | b'b'));
    is_bare && !is_comment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::complaints;

    #[test]
    fn a_file_one_line_too_long_fails() {
        assert!(complaints(file_lines, "a.rs", &"//! a\n".repeat(FILE_LINES_MAX)).is_empty());
        assert_eq!(complaints(file_lines, "a.rs", &"//! a\n".repeat(FILE_LINES_MAX + 1)), [0]);
    }

    #[test]
    fn a_function_one_line_too_long_fails() {
        let function =
            |lines: usize| format!("\nfn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
        let fits = function(FUNCTION_LINES_MAX);
        assert!(complaints(function_lines, "a.rs", &fits).is_empty());
        let long = function(FUNCTION_LINES_MAX + 1);
        assert_eq!(complaints(function_lines, "a.rs", &long), [2]);
    }

    #[test]
    fn a_long_line_fails_unless_nothing_can_be_done_about_it() {
        let long = "x".repeat(COLUMNS_MAX);
        for bad in [
            format!("let a = {long};"),
            format!("let a = \"{long}\";"),
            format!("// {long}"),
            format!("/// é{long}"),
        ] {
            assert_eq!(complaints(columns, "a.rs", &bad), [1], "{bad}");
        }
        for good in [
            format!("    \"{long}\","),
            format!("let a = \"\n{long}\n\";"),
            format!("// https://{long}"),
            format!("// {}", "é".repeat(COLUMNS_MAX - 3)),
        ] {
            assert!(complaints(columns, "a.rs", &good).is_empty(), "{good}");
        }
    }
}
