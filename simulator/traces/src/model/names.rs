//! Names as small numbers: users, queues, models, attributes.
//!
//! The same text has the same number within one table, in the order in which texts were first seen.
//! A reader takes a table and gives it back, so that the models which machines have and pods ask
//! for have one number each when one table goes from one reader to the next.

use std::{collections::HashMap, num::NonZeroU32, sync::Arc};

/// A name's number in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(NonZeroU32);

/// A table of names.
#[derive(Debug, Clone)]
pub struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, NameId>,
    max: usize,
}

impl NameId {
    /// Its place in the table, counted from 0.
    pub fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    /// The name at a place of a table, counted from 0.
    pub fn from_index(index: usize) -> Option<Self> {
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        NonZeroU32::new(number).map(Self)
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::with_max(crate::limits::NAMES_MAX)
    }
}

impl Names {
    /// A table without names.
    pub fn new() -> Self {
        Self::default()
    }

    /// A table without names that may hold so many.
    pub fn with_max(max: usize) -> Self {
        Self { texts: Vec::new(), numbers: HashMap::new(), max }
    }

    /// How many it may hold.
    pub fn max(&self) -> usize {
        self.max
    }

    /// The number of a text, which is entered if it is new. None when the table is full.
    pub fn intern(&mut self, text: &str) -> Option<NameId> {
        if let Some(id) = self.numbers.get(text) {
            return Some(*id);
        }
        if self.texts.len() >= self.max {
            return None;
        }
        let id = NameId::from_index(self.texts.len())?;
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, id);
        Some(id)
    }

    /// The number of a text that is in the table.
    pub fn find(&self, text: &str) -> Option<NameId> {
        self.numbers.get(text).copied()
    }

    /// The text of a number; empty for a number of another table that this one does not have.
    pub fn get(&self, id: NameId) -> &str {
        self.texts.get(id.index()).map_or("", |text| text)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// All of them in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (NameId, &str)> {
        let numbered = self.texts.iter().enumerate();
        numbered.filter_map(|(index, text)| Some((NameId::from_index(index)?, &**text)))
    }
}
