//! Words that must not be in a landed change.

use crate::scan;
use crate::{File, RustFile, Violation};

/// Kinds of files in which a note to oneself is a leftover; prose may speak about such notes.
const PROGRAM_SUFFIXES: &[&str] =
    &[".rs", ".proto", ".toml", ".py", ".sh", ".js", ".html", ".ci/run"];
/// Tidy names the words it bans.
const TIDY: &str = ".ci/tidy/";

/// No note to oneself stays: it is either done now or it is an issue somebody can find.
pub fn leftovers(file: &File) -> Vec<Violation> {
    let is_program = PROGRAM_SUFFIXES.iter().any(|suffix| file.path.ends_with(suffix));
    if !is_program || file.path.starts_with(TIDY) {
        return Vec::new();
    }
    let places = ["TODO", "FIXME", "XXX"]
        .into_iter()
        .flat_map(|word| scan::find_words(&file.text, word).into_iter().map(move |at| (word, at)));
    places
        .map(|(word, at)| {
            let message = format!("`{word}`: do it now, or state the limit as a fact");
            Violation::new("leftovers", &file.path, scan::line_of(&file.text, at), message)
        })
        .collect()
}

/// No stub and no debugging print is left in the code.
pub fn unfinished(file: &RustFile) -> Vec<Violation> {
    let macros = ["todo!", "unimplemented!", "dbg!"];
    let places =
        macros.into_iter().flat_map(|name| file.find(name).into_iter().map(move |at| (name, at)));
    places
        .map(|(name, at)| {
            let message = format!("`{name}` must not land");
            Violation::new("unfinished", &file.path, file.line(at), message)
        })
        .collect()
}

/// Outside tests nothing is unwrapped without saying why that cannot fail.
pub fn no_unwrap(file: &RustFile) -> Vec<Violation> {
    let places = file.find(".unwrap()").into_iter().filter(|&at| !file.is_test_at(at));
    places
        .map(|at| {
            let message = "`.unwrap()`: return an error, or `expect(\"why it cannot fail\")`";
            Violation::new("no-unwrap", &file.path, file.line(at), message)
        })
        .collect()
}

/// A test sleeps only inside a loop that polls a condition; elsewhere a sleep is a hope.
pub fn no_hopeful_sleep(file: &RustFile) -> Vec<Violation> {
    let code = &file.code;
    let blocking = file.find("thread::sleep");
    let awaited = file.find("time::sleep").into_iter().filter(|&at| {
        let open = at + "time::sleep".len();
        code[open..].starts_with('(') && code[scan::close_of(code, open)..].starts_with(".await")
    });
    let places = blocking.into_iter().chain(awaited);
    places
        .filter(|&at| file.is_test_at(at) && is_call(code, at) && !scan::in_loop(code, at))
        .map(|at| {
            let message = "a sleep is not synchronisation: poll a condition with a deadline";
            Violation::new("no-hopeful-sleep", &file.path, file.line(at), message)
        })
        .collect()
}

/// Whether the path at `at` is called rather than imported.
fn is_call(code: &str, at: usize) -> bool {
    code[at..]
        .trim_start_matches(|c: char| c.is_alphanumeric() || c == ':' || c == '_')
        .starts_with('(')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::complaints;

    fn leftover_lines(path: &str, text: &str) -> Vec<usize> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        leftovers(&file).iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn notes_to_oneself_fail_in_programs() {
        assert_eq!(leftover_lines("a.rs", "//! a\n// TODO later\n"), [2]);
        assert_eq!(leftover_lines("a.proto", "// FIXME\n"), [1]);
        assert!(leftover_lines("a.rs", "// TODOS are not one word of ours\n").is_empty());
        assert!(leftover_lines("docs/STYLE.md", "`TODO` is banned\n").is_empty());
        assert!(leftover_lines(".ci/tidy/src/a.rs", "// TODO\n").is_empty());
    }

    #[test]
    fn stubs_and_debugging_prints_fail() {
        let bad = "fn f() { todo!() }\nfn g() { unimplemented!(\"x\") }\nfn h() { dbg!(1); }\n";
        assert_eq!(complaints(unfinished, "a.rs", bad), [1, 2, 3]);
        assert!(
            complaints(unfinished, "a.rs", "// no todo!() here\nlet a = \"dbg!(\";").is_empty()
        );
    }

    #[test]
    fn an_unwrap_outside_tests_fails() {
        let text =
            "fn f() { g().unwrap(); }\n#[cfg(test)]\nmod tests { fn t() { g().unwrap(); } }\n";
        assert_eq!(complaints(no_unwrap, "a/src/lib.rs", text), [1]);
        assert!(complaints(no_unwrap, "a/tests/t.rs", text).is_empty());
        assert!(complaints(no_unwrap, "a/src/lib.rs", "g().unwrap_or(1)").is_empty());
    }

    #[test]
    fn a_sleep_outside_a_polling_loop_fails_in_tests() {
        let sleep = "use std::thread::sleep;\nfn f() {\n    std::thread::sleep(long);\n}\n";
        assert_eq!(complaints(no_hopeful_sleep, "a/tests/t.rs", sleep), [3]);
        assert!(complaints(no_hopeful_sleep, "a/src/lib.rs", sleep).is_empty());
        let awaited = "async fn f() { tokio::time::sleep(long()).await; }\n";
        assert_eq!(complaints(no_hopeful_sleep, "a/tests/t.rs", awaited), [1]);
        for good in [
            "fn f() { while !ready() { thread::sleep(short); } }\n",
            "async fn f() { select! { () = tokio::time::sleep(limit) => panic!() } }\n",
        ] {
            assert!(complaints(no_hopeful_sleep, "a/tests/t.rs", good).is_empty(), "{good}");
        }
    }
}
