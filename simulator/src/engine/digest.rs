//! What happened in a run, as one number: two runs that did the same have the same.

use std::fmt;
use xxhash_rust::xxh3::Xxh3;

/// A digest in the making.
#[derive(Clone, Default)]
pub struct Digest(Xxh3);

impl Digest {
    /// Nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// Something happens, said in numbers; how many there are is told from what they are.
    pub fn add(&mut self, numbers: &[u64]) {
        self.0.update(&(numbers.len() as u64).to_le_bytes());
        for number in numbers {
            self.0.update(&number.to_le_bytes());
        }
    }

    /// Of all that has happened so far.
    pub fn value(&self) -> u64 {
        self.0.digest()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_and_in_which_order_is_told_apart() {
        let of = |events: &[&[u64]]| {
            let mut digest = Digest::new();
            events.iter().for_each(|event| digest.add(event));
            digest.value()
        };
        assert_eq!(of(&[&[1, 2], &[3]]), of(&[&[1, 2], &[3]]));
        assert_ne!(of(&[&[1, 2], &[3]]), of(&[&[3], &[1, 2]]));
        assert_ne!(of(&[&[1, 2], &[3]]), of(&[&[1], &[2, 3]]));
    }
}
