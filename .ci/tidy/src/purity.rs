//! Purity: a core does no I/O, reads no clock, draws no entropy, and spawns nothing.
//!
//! Checked from two sides. In the source, nothing impure may be named ([`core_source`]); in the
//! dependency tree, no crate may stand that could do it on the core's behalf
//! ([`impure_dependencies`]). Tests of a core may do what they like.

use crate::exceptions::Tolerated;
use crate::scan;
use crate::{RustFile, Violation};

/// Folders whose code is pure, tests excepted.
const PURE_FOLDERS: &[&str] = &["master/core/src/", "agent/core/src/"];

/// Paths that lead out of a core; everything below them is meant too.
const BANNED_PATHS: &[(&str, &str)] = &[
    ("std::time", "time is a parameter"),
    ("std::fs", "a core touches no file; ask for it in the outbox"),
    ("std::net", "a core knows no socket; ask for it in the outbox"),
    ("std::os", "a core knows no operating system"),
    ("std::thread", "a core has no threads"),
    ("std::process", "a core starts and ends no process"),
    ("std::env", "settings are a parameter"),
    ("std::hash::RandomState", "its seed is entropy"),
    ("rand", "randomness comes from the seeded generator alone"),
];
/// Parts of banned paths that are plain data.
const PERMITTED_PATHS: &[&str] = &["std::time::Duration"];

/// Words that stand for something else than one path.
const BANNED_WORDS: &[(&str, &str)] = &[
    ("SystemTime", "time is a parameter"),
    ("HashMap", "iteration order must be the same everywhere: BTreeMap"),
    ("HashSet", "iteration order must be the same everywhere: BTreeSet"),
    ("f64", "replicas must agree to the last bit: integers"),
    ("f32", "replicas must agree to the last bit: integers"),
    ("async", "a core is a plain function of its input"),
    (".await", "a core is a plain function of its input"),
    ("println!", "a core speaks through its outbox"),
    ("eprintln!", "a core speaks through its outbox"),
    ("rand::", "randomness comes from the seeded generator alone"),
];

/// Crates that do I/O, read clocks, draw entropy or start threads; a `*` ends a prefix.
const BANNED_CRATES: &[&str] = &[
    "async-*",
    "axum",
    "chrono",
    "crossbeam*",
    "fastrand",
    "futures-executor",
    "getrandom",
    "h2",
    "hyper*",
    "mio",
    "nix",
    "oorandom",
    "parking_lot*",
    "polling",
    "rand",
    "rayon*",
    "redb",
    "reqwest",
    "ring",
    "rustix",
    "rustls*",
    "socket2",
    "time",
    "tokio*",
    "tonic*",
    "tower*",
    "tracing-subscriber",
    "uuid",
];

/// No core names anything impure outside its tests.
pub fn core_source(file: &RustFile) -> Vec<Violation> {
    if !PURE_FOLDERS.iter().any(|folder| file.path.starts_with(folder)) {
        return Vec::new();
    }
    let mut places: Vec<(usize, String)> = Vec::new();
    for (word, reason) in BANNED_WORDS {
        let message = format!("a core must not use `{word}`: {reason}");
        places.extend(file.find(word).into_iter().map(|at| (at, message.clone())));
    }
    for (at, path) in paths(&file.code) {
        let banned = BANNED_PATHS.iter().find(|(top, _)| is_below(&path, top));
        let is_permitted = PERMITTED_PATHS.iter().any(|permitted| is_below(&path, permitted));
        if let (Some((banned, reason)), false) = (banned, is_permitted) {
            places.push((at, format!("a core must not use `{banned}`: {reason}")));
        }
    }
    let floats = floats(&file.code).into_iter();
    places.extend(floats.map(|at| (at, "a core must not use floats: integers".to_owned())));
    places
        .into_iter()
        .filter(|(at, _)| !file.is_test_at(*at))
        .map(|(at, message)| Violation::new("core-source", &file.path, file.line(at), message))
        .collect()
}

fn is_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Every path that starts with `std::`, with the braces of imports multiplied out.
fn paths(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for at in scan::find_words(code, "std::") {
        expand(code, at, "", &mut found);
    }
    found
}

/// Reads one branch of a path at `at`; returns the offset behind it.
fn expand(code: &str, at: usize, prefix: &str, found: &mut Vec<(usize, String)>) -> usize {
    let start = at + code[at..].len() - code[at..].trim_start().len();
    let bytes = code.as_bytes();
    if bytes.get(start) == Some(&b'{') {
        let close = scan::close_of(code, start);
        let mut next = start + 1;
        while next < close - 1 {
            next = expand(code, next, prefix, found);
            // Behind a branch comes a comma or the closing brace; both end it.
            next += code[next..close].find([',', '}']).map_or(close - next, |length| length + 1);
        }
        return close;
    }
    let word = scan::word_at(code, start);
    let end = start + word.len();
    let path = match (prefix, word) {
        ("", word) => word.to_owned(),
        (prefix, "self" | "") => prefix.to_owned(),
        (prefix, word) => format!("{prefix}::{word}"),
    };
    let goes_on = code[end..].starts_with("::") && !word.is_empty();
    // A turbofish (`::<`) and a glob (`::*`) end the path.
    if goes_on && bytes.get(end + 2).is_some_and(|&byte| byte == b'{' || scan::is_word(byte)) {
        return expand(code, end + 2, &path, found);
    }
    found.push((start, path));
    end
}

/// Offsets of numbers with a decimal point; `self.0.1` and `0..1` are none.
fn floats(code: &str) -> Vec<usize> {
    let bytes = code.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let points = (1..bytes.len()).filter(|&at| bytes[at] == b'.');
    points
        .filter(|&at| is_digit(at - 1) && is_digit(at + 1))
        .filter(|&at| {
            let digits = bytes[..at].iter().rev().take_while(|&&byte| scan::is_word(byte)).count();
            let before = (at - digits).checked_sub(1).map(|index| bytes[index]);
            is_digit(at - digits) && before != Some(b'.')
        })
        .collect()
}

/// Reads `cargo tree --prefix depth` and names every banned crate with the way that leads to it.
pub fn impure_dependencies(listing: &str, tolerated: &[Tolerated]) -> Vec<String> {
    let mut way: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in listing.lines().filter(|line| !line.trim().is_empty()) {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let depth: usize = line[..digits].parse().unwrap_or(0);
        let name = line[digits..].split(' ').next().unwrap_or_default();
        way.truncate(depth);
        let is_tolerated =
            tolerated.iter().any(|entry| entry.name == name && way.contains(&entry.below));
        way.push(name);
        if is_banned(name) && !is_tolerated {
            found.push(way.join(" → "));
        }
    }
    found
}

fn is_banned(name: &str) -> bool {
    BANNED_CRATES.iter().any(|banned| match banned.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *banned,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::complaints;

    fn core(text: &str) -> Vec<usize> {
        complaints(core_source, "master/core/src/offers/book.rs", text)
    }

    #[test]
    fn a_core_that_names_the_world_fails() {
        for bad in [
            "use std::time::Instant;",
            "use std::time::{Duration, Instant};",
            "use std::{collections::BTreeMap, fs};",
            "use std::{time::{self}};",
            "let a = std::env::var(\"A\");",
            "use std::collections::HashMap;",
            "fn f(a: f64) {}",
            "let a = 1.5;",
            "let a = rand::random::<u8>();",
            "async fn f() {}",
        ] {
            assert_eq!(core(bad), [1], "{bad}");
        }
    }

    #[test]
    fn a_core_that_minds_its_business_passes() {
        for good in [
            "use std::{collections::{BTreeMap, BTreeSet}, time::Duration};",
            "use proto::model::time::Instant;\nlet a = Instant::from_nanos(1);",
            "// HashMap would be wrong here\nlet a = \"std::fs and 1.5\";",
            "use rand_pcg::Pcg32;\nlet a = self.0.1; for b in 0..10 {}",
            "#[cfg(test)]\nmod tests { use std::time::Instant; }",
        ] {
            assert!(core(good).is_empty(), "{good}");
        }
        let bad = "use std::time::Instant;";
        assert!(complaints(core_source, "master/src/clock.rs", bad).is_empty());
        assert!(complaints(core_source, "master/core/tests/t.rs", bad).is_empty());
    }

    #[test]
    fn an_impure_crate_is_tolerated_only_where_the_list_says() {
        const RAFT: &[Tolerated] = &[Tolerated { name: "rand", below: "raft", reason: "sample" }];
        let listing = "0master-core v0.1.0 (/x)\n1raft v0.7.0\n2rand v0.8.5\n1bytes v1.0.0\n\
                       2rand v0.8.5\n\n0agent-core v0.1.0 (/y)\n1tokio-util v0.7.0\n";
        assert_eq!(
            impure_dependencies(listing, RAFT),
            ["master-core → bytes → rand", "agent-core → tokio-util"]
        );
        assert_eq!(impure_dependencies(listing, &[]).len(), 3);
    }
}
