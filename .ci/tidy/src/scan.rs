//! Reading Rust without parsing it: which bytes are code, where functions, tests and loops lie.
//!
//! [`mask`] returns a text of the same length in which comments and the insides of literals are
//! spaces. A brace in the masked text is a brace, a word in it is a word of the program; all other
//! functions here work on masked text and on byte offsets into it, valid in the original too.

use std::ops::Range;

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of the `fn` keyword, counted from one.
    pub line: usize,
    /// Lines from the `fn` keyword to the closing brace, both included.
    pub lines: usize,
}

/// Blanks comments and the insides of string and character literals; keeps length and line ends.
pub fn mask(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => blank(&mut out, at, line_end(bytes, at)),
            b'/' if bytes[at..].starts_with(b"/*") => blank(&mut out, at, comment_end(bytes, at)),
            b'"' => inside(&mut out, at + 1, string_end(bytes, at + 1), 1),
            b'r' if !follows_word(bytes, at) => match raw_string(bytes, at) {
                Some((start, end, hashes)) => inside(&mut out, start, end, hashes + 1),
                None => at + 1,
            },
            b'\'' => match char_end(bytes, at) {
                Some(end) => inside(&mut out, at + 1, end, 1),
                None => at + 1,
            },
            _ => at + 1,
        };
        at = end;
    }
    // Whole literals and comments were blanked, so no character was cut in half.
    String::from_utf8_lossy(&out).into_owned()
}

/// Blanks `start..end` except line ends; returns `end`.
fn blank(out: &mut [u8], start: usize, end: usize) -> usize {
    for byte in &mut out[start..end] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
    end
}

/// Blanks a literal's inside, which ends `delimiter` bytes before `end`; returns `end`.
fn inside(out: &mut [u8], start: usize, end: usize, delimiter: usize) -> usize {
    blank(out, start, end.saturating_sub(delimiter).max(start));
    end
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |length| at + length)
}

fn comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0_usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// End of a string whose inside starts at `at`, closing quote included.
fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Inside start, end and number of hashes of the raw string at `at`, if one starts there.
fn raw_string(bytes: &[u8], at: usize) -> Option<(usize, usize, usize)> {
    let hashes = bytes[at + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let quote = at + 1 + hashes;
    if bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let mut closing = vec![b'"'];
    closing.resize(1 + hashes, b'#');
    let start = quote + 1;
    let found = bytes[start..].windows(closing.len()).position(|window| window == closing);
    let end = found.map_or(bytes.len(), |length| start + length + closing.len());
    Some((start, end, hashes))
}

/// End of the character literal at `at`, or nothing if the quote starts a lifetime.
fn char_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    if first == b'\\' {
        let rest = bytes.get(at + 3..)?;
        return rest.iter().position(|&byte| byte == b'\'').map(|length| at + 3 + length + 1);
    }
    let width = match first {
        0..=0x7f => 1,
        0x80..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    (bytes.get(at + 1 + width) == Some(&b'\'')).then_some(at + 2 + width)
}

/// Whether the byte before `at` belongs to a word, except the `b` or `c` of `br"…"` and `cr"…"`.
fn follows_word(bytes: &[u8], at: usize) -> bool {
    let word = |index: usize| index < at && is_word(bytes[index]);
    match at.checked_sub(1) {
        None => false,
        Some(previous) if matches!(bytes[previous], b'b' | b'c') => {
            previous.checked_sub(1).is_some_and(word)
        }
        Some(previous) => word(previous),
    }
}

/// Whether a byte can be part of an identifier.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Line of a byte offset, counted from one.
pub fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count()
}

/// Offsets at which `needle` stands; an end of the needle that is a word must end a word.
pub fn find_words(code: &str, needle: &str) -> Vec<usize> {
    let (bytes, wanted) = (code.as_bytes(), needle.as_bytes());
    let touches =
        |inner: u8, outer: Option<&u8>| is_word(inner) && outer.is_some_and(|&byte| is_word(byte));
    code.match_indices(needle)
        .map(|(at, _)| at)
        .filter(|&at| {
            let before = at.checked_sub(1).and_then(|index| bytes.get(index));
            let after = bytes.get(at + wanted.len());
            !touches(wanted[0], before) && !touches(wanted[wanted.len() - 1], after)
        })
        .collect()
}

/// The word that starts at or after `at`, skipping blanks; empty if something else comes first.
pub fn word_at(code: &str, at: usize) -> &str {
    let rest = code[at..].trim_start();
    let length = rest.bytes().take_while(|&byte| is_word(byte)).count();
    &rest[..length]
}

/// Offset just behind the bracket that closes the one at `open`.
pub fn close_of(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// From `at`, the offset of the `{` that opens an item's body, or nothing if `;` ends it first.
pub fn body_of(code: &str, at: usize) -> Option<usize> {
    let mut index = at;
    while index < code.len() {
        match code.as_bytes()[index] {
            b'(' | b'[' => index = close_of(code, index),
            b'{' => return Some(index),
            b';' => return None,
            _ => index += 1,
        }
    }
    None
}

/// Every function that has a body.
pub fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for at in find_words(code, "fn") {
        let name = word_at(code, at + 2);
        if name.is_empty() {
            continue; // A function pointer type or a macro's pattern.
        }
        if let Some(open) = body_of(code, at) {
            let line = line_of(code, at);
            let last = line_of(code, close_of(code, open) - 1);
            found.push(Function { name: name.to_owned(), line, lines: last - line + 1 });
        }
    }
    found
}

/// Every attribute: its offset, whether it is an inner one (`#![…]`), and its text in brackets.
pub fn attributes(code: &str) -> Vec<(usize, bool, &str)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices('#') {
        let inner = code[at + 1..].starts_with('!');
        let open = at + 1 + usize::from(inner);
        if code.as_bytes().get(open) == Some(&b'[') {
            found.push((at, inner, &code[open..close_of(code, open)]));
        }
    }
    found
}

/// Ranges of items marked `#[cfg(test)]`.
pub fn test_ranges(code: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, inner, text) in attributes(code) {
        if inner || !(text.starts_with("[cfg(test)") || text.starts_with("[cfg(all(test,")) {
            continue;
        }
        let mut item = at + 1 + text.len();
        while code[item..].trim_start().starts_with("#[") {
            let open = item + code[item..].find('[').unwrap_or(0);
            item = close_of(code, open);
        }
        let end = match body_of(code, item) {
            Some(open) => close_of(code, open),
            None => code[item..].find(';').map_or(code.len(), |length| item + length + 1),
        };
        found.push(at..end);
    }
    found
}

/// Whether `at` lies in the body of a `loop`, `while` or `for`.
pub fn in_loop(code: &str, at: usize) -> bool {
    let mut open: Vec<bool> = Vec::new();
    let mut statement = 0;
    for (index, byte) in code.bytes().enumerate().take(at) {
        match byte {
            b'{' => {
                open.push(heads_loop(&code[statement..index]));
                statement = index + 1;
            }
            b'}' => {
                open.pop();
                statement = index + 1;
            }
            b';' => statement = index + 1,
            _ => {}
        }
    }
    open.contains(&true)
}

/// Whether a block headed by `header` runs more than once.
fn heads_loop(header: &str) -> bool {
    let mut words = header.split_whitespace().skip_while(|word| word.starts_with('\''));
    matches!(words.next(), Some("while" | "for" | "loop")) || header.trim_end().ends_with(" loop")
}
