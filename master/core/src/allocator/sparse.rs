//! A table by number of which little is filled at a time. Emptying it costs what was filled, not
//! what it could hold: a plan about one agent is no dearer where there are many.

use std::mem;

/// The table.
#[derive(Debug, Clone)]
pub(super) struct Sparse<T> {
    entries: Vec<Option<T>>,
    /// The numbers of the entries, in the order in which they came.
    filled: Vec<usize>,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), filled: Vec::new() }
    }
}

impl<T> Sparse<T> {
    /// The entry with this number.
    pub(super) fn get(&self, number: usize) -> Option<&T> {
        self.entries.get(number)?.as_ref()
    }

    /// Sets the entry with this number.
    pub(super) fn set(&mut self, number: usize, entry: T) {
        if self.entries.len() <= number {
            self.entries.resize_with(number + 1, || None);
        }
        if self.entries[number].replace(entry).is_none() {
            self.filled.push(number);
        }
    }

    /// Takes all entries out, by number.
    pub(super) fn take_all(&mut self) -> Vec<(usize, T)> {
        let mut filled = mem::take(&mut self.filled);
        filled.sort_unstable();
        let take = |number: usize| (number, self.entries[number].take().expect("was filled"));
        filled.into_iter().map(take).collect()
    }

    /// Takes all entries out.
    pub(super) fn clear(&mut self) {
        self.filled.drain(..).for_each(|number| self.entries[number] = None);
    }
}

#[cfg(test)]
mod tests {
    use super::Sparse;

    #[test]
    fn entries_go_when_they_are_taken() {
        let mut sparse = Sparse::default();
        for (number, entry) in [(7, 'a'), (2, 'b'), (7, 'c')] {
            sparse.set(number, entry);
        }
        assert_eq!((sparse.get(7), sparse.get(3), sparse.get(100)), (Some(&'c'), None, None));
        assert_eq!(sparse.take_all(), [(2, 'b'), (7, 'c')]);
        sparse.set(1, 'd');
        sparse.clear();
        assert_eq!(sparse.get(1), None);
        assert_eq!(sparse.take_all(), []);
    }
}
