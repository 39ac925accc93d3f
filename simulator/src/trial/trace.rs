//! A fingerprint of a run: equal seeds must give equal ones, to the last byte of the last effect.

use std::fmt::{self, Debug, Write as _};
use xxhash_rust::xxh3::Xxh3;

/// Hashes what it is shown, when it is on; with `BOURSE_TRIAL_PRINT` set it is printed as well.
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
    pub(crate) fn new(on: bool) -> Self {
        let print = std::env::var_os("BOURSE_TRIAL_PRINT").is_some();
        let hasher = (on || print).then(|| Box::new(Xxh3::new()));
        Self { hasher, print, line: String::new() }
    }

    pub(crate) fn note(&mut self, at: u64, who: usize, what: &dyn Debug) {
        let Some(hasher) = &mut self.hasher else { return };
        self.line.clear();
        writeln!(self.line, "{at} {who} {what:?}").expect("text");
        hasher.update(self.line.as_bytes());
        if self.print {
            eprint!("{}", self.line);
        }
    }

    pub(crate) fn fingerprint(&self) -> Option<u128> {
        self.hasher.as_ref().map(|hasher| hasher.digest128())
    }
}
