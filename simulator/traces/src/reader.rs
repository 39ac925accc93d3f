//! A trace as a stream: one value after the other, the table of its names, and what was mended.
//!
//! Every format is a step; most are a table whose rows are parsed into values. A reader
//! holds no more than a row, unless its format says otherwise. After an error it is over.

use crate::{
    error::ReadError,
    model::{Arrival, MachineEvent, Names, Notes},
    text::{Row, Rows},
};
use std::fmt;

/// The work that arrives, in the order of the file.
pub type Arrivals = Reader<Arrival>;

/// The machines, in the order of the file.
pub type Machines = Reader<MachineEvent>;

/// A stream of values out of a file.
pub struct Reader<T> {
    step: Box<dyn Step<T>>,
    aside: Aside,
    is_over: bool,
}

/// What grows beside the stream.
#[derive(Debug, Default)]
pub(crate) struct Aside {
    /// The table of its names.
    pub(crate) names: Names,
    /// What was left out or mended.
    pub(crate) notes: Notes,
}

/// One value after the other.
pub(crate) trait Step<T>: Send {
    /// The next value; none at the end.
    fn next(&mut self, aside: &mut Aside) -> Result<Option<T>, ReadError>;
}

/// A row of a table as a value.
pub(crate) trait Parse<T>: Send {
    /// The value; none for a row that is left out.
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<T>, ReadError>;
}

/// A table whose rows all have the same fields and are values by themselves.
pub(crate) struct Table<P> {
    pub(crate) rows: Rows,
    /// How many fields each row has.
    pub(crate) fields: usize,
    pub(crate) parse: P,
}

impl<T> Reader<T> {
    pub(crate) fn new(step: impl Step<T> + 'static, names: Names) -> Self {
        let aside = Aside { names, notes: Notes::default() };
        Self { step: Box::new(step), aside, is_over: false }
    }

    /// A stream of values that are at hand.
    pub fn of(values: impl IntoIterator<Item = T, IntoIter: Send + 'static>, names: Names) -> Self {
        Self::new(Given(values.into_iter()), names)
    }

    /// The stream as `adapt` makes it of this one's; names and notes stay.
    pub(crate) fn adapted<S: Step<T> + 'static>(
        self,
        adapt: impl FnOnce(Box<dyn Step<T>>) -> S,
    ) -> Self {
        let Self { step, aside, is_over } = self;
        Self { step: Box::new(adapt(step)), aside, is_over }
    }

    /// The names that its values speak of, as far as it was read.
    pub fn names(&self) -> &Names {
        &self.aside.names
    }

    /// What was left out or mended, as far as it was read.
    pub fn notes(&self) -> &Notes {
        &self.aside.notes
    }

    /// The names, for the next reader.
    pub fn into_names(self) -> Names {
        self.aside.names
    }
}

impl<T> Iterator for Reader<T> {
    type Item = Result<T, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let item = self.step.next(&mut self.aside).transpose();
        self.is_over = !matches!(item, Some(Ok(_)));
        item
    }
}

impl<T> std::iter::FusedIterator for Reader<T> {}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reader").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}

/// Values that were not read from anywhere.
struct Given<I>(I);

impl<I: Iterator + Send> Step<I::Item> for Given<I> {
    fn next(&mut self, _: &mut Aside) -> Result<Option<I::Item>, ReadError> {
        Ok(self.0.next())
    }
}

impl<T, P: Parse<T>> Step<T> for Table<P> {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<T>, ReadError> {
        while self.rows.advance()? {
            let row = self.rows.row();
            row.check(self.fields)?;
            if let Some(value) = self.parse.parse(&row, aside)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}
