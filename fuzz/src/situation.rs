//! What a run of a target met, told by the target: the feedback that instrumented code would give.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    hash::{Hash, Hasher},
};
use xxhash_rust::xxh3::Xxh3Default;

/// More than these of one run are not counted; a run that meets so many is not rare.
const PER_RUN_MAX: usize = 4_096;

/// So much of what an error says.
const SAID_MAX: usize = 200;

thread_local! {
    static MET: RefCell<BTreeSet<u64>> = const { RefCell::new(BTreeSet::new()) };
}

/// Says that the run has come to such a place.
pub fn met(what: impl Hash) {
    let mut hasher = Xxh3Default::new();
    what.hash(&mut hasher);
    MET.with_borrow_mut(|met| {
        if met.len() < PER_RUN_MAX {
            met.insert(hasher.finish());
        }
    });
}

/// The same of a value, by the name of its variant alone.
pub fn met_variant(place: &str, value: &impl std::fmt::Debug) {
    let text = format!("{value:?}");
    let name = text.split([' ', '(', '{']).next().unwrap_or_default();
    met((place, name));
}

/// The same of an error, by its variants and those of its causes; what it quotes of the input and
/// its numbers make no difference.
pub fn met_error(place: &str, error: &dyn std::error::Error) {
    let text = format!("{error:?}");
    let mut is_quoted = false;
    let mut said = String::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            '"' => is_quoted = !is_quoted,
            '\\' => drop(rest.next()),
            other if is_quoted || other.is_ascii_digit() => {}
            other if said.len() < SAID_MAX => said.push(other),
            _ => break,
        }
    }
    met((place, said));
}

/// What the run has met; forgets it.
pub(crate) fn take() -> BTreeSet<u64> {
    MET.take()
}
