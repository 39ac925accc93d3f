//! How a file begins and ends, and what its lines end with.

use crate::{File, RustFile, Violation};

/// A header shorter than this says nothing that the file name does not.
const HEADER_CHARACTERS_MIN: usize = 20;

/// Every Rust file opens with a `//!` header that says what it is.
pub fn header(file: &RustFile) -> Vec<Violation> {
    let lines = file.text.lines().map_while(|line| line.strip_prefix("//!"));
    let words: Vec<&str> = lines.map(str::trim).collect();
    let text = words.join(" ");
    let says = text.trim().chars().count();
    let message = if words.is_empty() {
        "opens without a `//!` header: say what it is, the idea, what it does not know"
    } else if text.contains("Under construction") || says < HEADER_CHARACTERS_MIN {
        "its header says nothing: say what it is, the idea, what it does not know"
    } else {
        return Vec::new();
    };
    vec![Violation::new("header", &file.path, 1, message)]
}

/// No line ends in a blank: invisible, and it makes differences where there are none.
pub fn trailing_whitespace(file: &File) -> Vec<Violation> {
    let ends_blank = |line: &str| line.ends_with([' ', '\t', '\r']);
    let lines = file.text.split('\n').enumerate().filter(|(_, line)| ends_blank(line));
    lines
        .map(|(index, _)| {
            let message = "the line ends in a blank or a carriage return";
            Violation::new("trailing-whitespace", &file.path, index + 1, message)
        })
        .collect()
}

/// A text file that holds anything ends with exactly one line end.
pub fn final_newline(file: &File) -> Vec<Violation> {
    let text = &file.text;
    if text.is_empty() || (text.ends_with('\n') && !text.ends_with("\n\n")) {
        return Vec::new();
    }
    let message = "must end with exactly one line end";
    vec![Violation::new("final-newline", &file.path, text.lines().count(), message)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::complaints;

    fn file(text: &str) -> File {
        File { path: "a.txt".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_missing_or_empty_header_fails() {
        for bad in ["fn f() {}\n", "\n//! Late by one line, and long enough.\n", "//! Ids.\n"] {
            assert_eq!(complaints(header, "build.rs", bad), [1], "{bad}");
        }
        assert_eq!(
            complaints(header, "main.rs", "//! Under construction. Come back later.\n"),
            [1]
        );
        let good = "//! Typed ids.\n//!\n//! One newtype per kind.\n";
        assert!(complaints(header, "lib.rs", good).is_empty());
    }

    #[test]
    fn blanks_at_line_ends_fail() {
        let lines: Vec<usize> =
            trailing_whitespace(&file("a\nb \nc\t\nd\r\n")).iter().map(|v| v.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert!(trailing_whitespace(&file(" a\n\n b\n")).is_empty());
    }

    #[test]
    fn a_missing_or_doubled_last_line_end_fails() {
        assert_eq!(final_newline(&file("a\nb")).len(), 1);
        assert_eq!(final_newline(&file("a\n\n")).len(), 1);
        assert!(final_newline(&file("a\n")).is_empty());
        assert!(final_newline(&file("")).is_empty());
    }
}
