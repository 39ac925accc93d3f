//! Free text: what may stand in it, and how to make any text fit.
//!
//! Names, labels and messages end in terminals and logs, so that they hold no control characters;
//! only messages may have several lines.

use super::form::Read;
use crate::model::{Refusal, limits};

/// Makes any text a valid message: control characters become `U+FFFD`, and what is longer than
/// [`limits::TEXT_BYTES_MAX`] is cut at a character's border. Valid text stays as it is.
///
/// For those who write messages from what others said, such as an agent from its supervisor.
pub fn fit(text: &str) -> String {
    fit_to(text, limits::TEXT_BYTES_MAX)
}

/// As [`fit`], for another length.
pub(super) fn fit_to(text: &str, limit_bytes: usize) -> String {
    let mut fitted = String::with_capacity(text.len().min(limit_bytes));
    for character in text.chars() {
        let allowed = !character.is_control() || is_layout(character);
        let character = if allowed { character } else { char::REPLACEMENT_CHARACTER };
        if fitted.len() + character.len_utf8() > limit_bytes {
            break;
        }
        fitted.push(character);
    }
    fitted
}

/// One line of text.
pub(super) fn read_line(field: &str, text: String) -> Read<String> {
    read_line_to(field, text, limits::TEXT_BYTES_MAX)
}

/// One line of text, of another length.
pub(super) fn read_line_to(field: &str, text: String, limit_bytes: usize) -> Read<String> {
    check_length(field, &text, limit_bytes)?;
    refuse_character(field, text, char::is_control)
}

/// A message: lines and tabs are allowed.
pub(super) fn read_message(field: &str, text: String) -> Read<String> {
    check_length(field, &text, limits::TEXT_BYTES_MAX)?;
    refuse_character(field, text, |c| c.is_control() && !is_layout(c))
}

fn check_length(field: &str, text: &str, limit_bytes: usize) -> Read<()> {
    match text.len() <= limit_bytes {
        true => Ok(()),
        false => Err(Refusal::limit(field, text.len(), limit_bytes)),
    }
}

fn refuse_character(field: &str, text: String, refused: impl Fn(char) -> bool) -> Read<String> {
    // Most text is plain, and plain text holds nothing that is refused.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(text);
    }
    match text.char_indices().find(|(_, c)| refused(*c)) {
        None => Ok(text),
        Some((position, character)) => {
            let problem = format!("has the control character {character:?} at byte {position}");
            Err(Refusal::invalid(field, problem))
        }
    }
}

fn is_layout(character: char) -> bool {
    matches!(character, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_can_be_made_fit() {
        assert_eq!(fit("two\n\tlines"), "two\n\tlines");
        assert_eq!(fit("a\u{1b}[2Jb\u{85}c\r"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}");
        // Cut before the character that does not fit, never inside it.
        assert_eq!(fit_to("aäö", 4), "aä");
        assert_eq!(fit_to("aäö", 5), "aäö");
        assert_eq!(fit_to("a\0", 3), "a");
        let long = "ä".repeat(limits::TEXT_BYTES_MAX);
        assert_eq!(fit(&long).len(), limits::TEXT_BYTES_MAX);
        assert!(read_message("", fit(&long)).is_ok());
    }
}
