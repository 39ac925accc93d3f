//! What a run is seen by: a fingerprint (equal seeds must give equal ones, to the last byte of the
//! last effect), or every input and effect as a line of text.

use std::{
    fmt::{self, Debug, Write as _},
    io::{self, Write as _},
};
use xxhash_rust::xxh3::Xxh3;

/// How closely a run is watched. What is watched decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Watch {
    /// By the oracles alone.
    #[default]
    Oracles,
    /// A fingerprint of every input and effect is taken; slow.
    Fingerprint,
    /// They are printed to the standard output as well: time in milliseconds, host (masters from 0,
    /// agents from 100), what.
    Print,
}

/// Hashes what it is shown, when it is on.
pub(crate) struct Trace {
    hasher: Option<Box<Xxh3>>,
    print: bool,
    line: String,
}

impl Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace {{ on: {} }}", self.hasher.is_some())
    }
}

impl Trace {
    pub(crate) fn new(watch: Watch) -> Self {
        let hasher = (watch != Watch::Oracles).then(|| Box::new(Xxh3::new()));
        Self { hasher, print: watch == Watch::Print, line: String::new() }
    }

    pub(crate) fn note(&mut self, at: u64, who: usize, what: &dyn Debug) {
        let Some(hasher) = &mut self.hasher else { return };
        self.line.clear();
        writeln!(self.line, "{at} {who} {what:?}").expect("text");
        hasher.update(self.line.as_bytes());
        // A reader that has gone away, such as `head`, has seen enough.
        self.print = self.print && io::stdout().write_all(self.line.as_bytes()).is_ok();
    }

    pub(crate) fn fingerprint(&self) -> Option<u128> {
        self.hasher.as_ref().map(|hasher| hasher.digest128())
    }
}
