//! Values out of a row's fields, with the place and the column of whatever is wrong.

use super::{
    lines::Lines,
    number::{Decimal, Unit},
    rows::Rows,
};
use crate::{
    error::{Place, ReadError},
    limits::{NAME_BYTES_MAX, SHOWN_BYTES_MAX},
    model::{NameId, Names},
};

/// A column of a table: where it is, and its name in messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    index: Option<usize>,
    name: &'static str,
}

/// The first row of a table that names its columns.
#[derive(Debug)]
pub(crate) struct Header {
    names: Vec<Vec<u8>>,
    place: Place,
    /// What the file is called in the message about a column that it lacks.
    expected: &'static str,
}

/// One row.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    lines: &'a Lines,
    bytes: &'a [u8],
    ends: &'a [(u32, u32)],
}

impl Column {
    /// A column of a table without a header.
    pub(crate) const fn at(index: usize, name: &'static str) -> Self {
        Self { index: Some(index), name }
    }

    /// Whether the table has it.
    pub(crate) fn is_there(self) -> bool {
        self.index.is_some()
    }
}

impl Header {
    /// Reads the first row. `expected` says what the file should be.
    pub(crate) fn read(rows: &mut Rows, expected: &'static str) -> Result<Self, ReadError> {
        let is_there = rows.advance()?;
        let row = rows.row();
        let fields = if is_there { row.len() } else { 0 };
        let names = (0..fields).map(|index| row.at(index).trim_ascii().to_vec()).collect();
        Ok(Self { names, place: row.place(), expected })
    }

    /// How many columns there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// A column that must be there.
    pub(crate) fn column(&self, name: &'static str) -> Result<Column, ReadError> {
        let column = self.optional(name);
        if !column.is_there() {
            let (place, expected) = (self.place.clone(), self.expected);
            return Err(ReadError::Column { place, column: name, expected });
        }
        Ok(column)
    }

    /// A column that some files of the format lack; its values are then empty.
    pub(crate) fn optional(&self, name: &'static str) -> Column {
        let index = self.names.iter().position(|it| it == name.as_bytes());
        Column { index, name }
    }
}

impl<'a> Row<'a> {
    pub(crate) fn new(lines: &'a Lines, bytes: &'a [u8], ends: &'a [(u32, u32)]) -> Self {
        Self { lines, bytes, ends }
    }

    /// How many fields it has.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Where it is.
    pub(crate) fn place(&self) -> Place {
        self.lines.place()
    }

    /// Fails unless it has so many fields.
    pub(crate) fn check(&self, expected: usize) -> Result<(), ReadError> {
        let found = self.len();
        if found != expected {
            return Err(ReadError::Fields { place: self.place(), found, expected });
        }
        Ok(())
    }

    /// A field by its place; empty beyond the last.
    pub(crate) fn at(&self, index: usize) -> &'a [u8] {
        let end = self.ends.get(index);
        end.map_or(b"", |(start, end)| &self.bytes[*start as usize..*end as usize])
    }

    /// A field; empty if the table does not have the column.
    pub(crate) fn text(&self, column: Column) -> &'a [u8] {
        column.index.map_or(b"", |index| self.at(index).trim_ascii())
    }

    /// An amount, rounded half up; none if the field is empty.
    pub(crate) fn amount(
        &self,
        column: Column,
        unit: Unit,
        expected: &'static str,
    ) -> Result<Option<u64>, ReadError> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        let value = Decimal::parse(text).and_then(|decimal| decimal.scaled(unit));
        value.map(Some).ok_or_else(|| self.bad(column, expected))
    }

    /// An amount that must be there.
    pub(crate) fn needed(
        &self,
        column: Column,
        unit: Unit,
        expected: &'static str,
    ) -> Result<u64, ReadError> {
        self.amount(column, unit, expected)?.ok_or_else(|| self.bad(column, expected))
    }

    /// Whether it says -1, with which many formats mean that something is not known.
    pub(crate) fn is_minus_one(&self, column: Column) -> bool {
        matches!(self.text(column), b"-1" | b"-1.0" | b"-1.00")
    }

    /// Whether it is a number below 0.
    pub(crate) fn is_negative(&self, column: Column) -> bool {
        let text = self.text(column);
        text.first() == Some(&b'-') && Decimal::parse(text).is_some()
    }

    /// A whole number; none if the field is empty.
    pub(crate) fn whole(
        &self,
        column: Column,
        expected: &'static str,
    ) -> Result<Option<u64>, ReadError> {
        let text = self.text(column);
        if text.is_empty() {
            return Ok(None);
        }
        if let Some(value) = digits(text) {
            return Ok(Some(value));
        }
        let value = Decimal::parse(text).and_then(|decimal| decimal.exact(Unit::ONE));
        value.map(Some).ok_or_else(|| self.bad(column, expected))
    }

    /// A whole number of 32 bits that must be there.
    pub(crate) fn count(&self, column: Column, expected: &'static str) -> Result<u32, ReadError> {
        let value = self.whole(column, expected)?.and_then(|value| u32::try_from(value).ok());
        value.ok_or_else(|| self.bad(column, expected))
    }

    /// An id that must be there.
    pub(crate) fn id(&self, column: Column) -> Result<u64, ReadError> {
        const EXPECTED: &str = "a whole number below 2^64";
        self.whole(column, EXPECTED)?.ok_or_else(|| self.bad(column, EXPECTED))
    }

    /// A name; none if the field is empty.
    pub(crate) fn name(
        &self,
        column: Column,
        names: &mut Names,
    ) -> Result<Option<NameId>, ReadError> {
        let text = self.text(column);
        if text.is_empty() { Ok(None) } else { self.intern(column, text, names).map(Some) }
    }

    /// Enters a name that stands in a column.
    pub(crate) fn intern(
        &self,
        column: Column,
        text: &[u8],
        names: &mut Names,
    ) -> Result<NameId, ReadError> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= NAME_BYTES_MAX);
        let Some(text) = text else {
            return Err(self.bad(column, "a name in UTF-8 of at most 4096 bytes"));
        };
        names.intern(text).ok_or_else(|| ReadError::Names {
            place: self.place(),
            column: column.name,
            max: names.max(),
        })
    }

    /// The complaint about a value.
    #[cold]
    pub(crate) fn bad(&self, column: Column, expected: &'static str) -> ReadError {
        let text = self.text(column);
        let shown = &text[..text.len().min(SHOWN_BYTES_MAX)];
        let mut value = String::from_utf8_lossy(shown).into_owned();
        if shown.len() < text.len() {
            value.push('…');
        }
        ReadError::Value { place: self.place(), column: column.name, value, expected }
    }
}

/// Digits and nothing else, the common case, without the way round decimals.
fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}
