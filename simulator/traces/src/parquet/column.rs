//! Columns as streams of values, and the table that moves several of them along together.

use super::{
    Input, PAGE_BYTES_MAX,
    meta::{ColumnMeta, Meta, Physical},
    page::{Head, Kind},
};
use crate::error::{Place, ReadError};
use std::{sync::Arc, vec};

/// Bytes in which the head of a page must be; statistics of long text make some long.
const HEAD_BYTES_MAX: u64 = 64 << 10;
/// Where most heads end.
const HEAD_BYTES: u64 = 256;

/// One value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    Int(i64),
    Float(f64),
}

/// A column of a table, by its place among those that are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column(usize);

/// Some columns of a file, row by row.
pub(crate) struct Table {
    input: Input,
    meta: Meta,
    streams: Vec<Stream>,
    row: u64,
}

struct Stream {
    name: &'static str,
    /// Which column of the file; none for one that it does not have.
    column: Option<usize>,
    group: usize,
    /// Where the next page of the chunk begins; none before the chunk's first.
    next: Option<u64>,
    /// Values of the chunk that were not yet read.
    left: u64,
    dictionary: Vec<Value>,
    page: vec::IntoIter<Option<Value>>,
    value: Option<Value>,
}

impl Table {
    pub(crate) fn open(mut input: Input) -> Result<Self, ReadError> {
        let meta = Meta::read(&mut input)?;
        Ok(Self { input, meta, streams: Vec::new(), row: 0 })
    }

    /// A column that must be there.
    pub(crate) fn column(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Column, ReadError> {
        let column = self.optional(name);
        if self.streams[column.0].column.is_none() {
            return Err(ReadError::Column { place: self.place(), column: name, expected });
        }
        Ok(column)
    }

    /// A column that may be missing, and has no value then.
    pub(crate) fn optional(&mut self, name: &'static str) -> Column {
        let column = self.meta.columns.iter().position(|column| column.name == name);
        self.streams.push(Stream {
            name,
            column,
            group: 0,
            next: None,
            left: 0,
            dictionary: Vec::new(),
            page: Vec::new().into_iter(),
            value: None,
        });
        Column(self.streams.len() - 1)
    }

    /// The least value of a column of integers, if the writer noted it for all of its pieces.
    pub(crate) fn least(&self, column: Column) -> Option<i64> {
        let column = self.streams[column.0].column?;
        let least = self.meta.groups.iter().map(|chunks| chunks[column].least);
        least.collect::<Option<Vec<_>>>()?.into_iter().min()
    }

    /// Goes to the next row; false when there is none.
    pub(crate) fn advance(&mut self) -> Result<bool, ReadError> {
        if self.row == self.meta.rows {
            return Ok(false);
        }
        self.row += 1;
        for stream in &mut self.streams {
            if let Some(column) = stream.column {
                stream.value = stream.next(&self.meta, column, &mut self.input)?;
            }
        }
        Ok(true)
    }

    /// The row, counted from 1, as messages call it.
    pub(crate) fn place(&self) -> Place {
        Place { file: Arc::clone(self.input.file()), line: self.row }
    }

    /// A value of the row.
    pub(crate) fn value(&self, column: Column) -> Option<Value> {
        self.streams[column.0].value
    }

    /// The complaint about a value.
    #[cold]
    pub(crate) fn bad(&self, column: Column, expected: &'static str) -> ReadError {
        let stream = &self.streams[column.0];
        let value = match stream.value {
            Some(Value::Int(value)) => value.to_string(),
            Some(Value::Float(value)) => value.to_string(),
            None => String::new(),
        };
        ReadError::Value { place: self.place(), column: stream.name, value, expected }
    }
}

impl Stream {
    fn next(
        &mut self,
        meta: &Meta,
        column: usize,
        input: &mut Input,
    ) -> Result<Option<Value>, ReadError> {
        loop {
            if let Some(value) = self.page.next() {
                return Ok(value);
            }
            let Some(chunks) = meta.groups.get(self.group) else {
                return Err(input.damaged(0, "a column has fewer values than the table rows"));
            };
            let chunk = &chunks[column];
            let at = match self.next {
                Some(_) if self.left == 0 => {
                    (self.group, self.next) = (self.group + 1, None);
                    continue;
                }
                Some(at) => at,
                None => {
                    self.dictionary.clear();
                    self.left = chunk.values;
                    self.next = Some(chunk.start);
                    continue;
                }
            };
            if at - chunk.start >= chunk.bytes {
                return Err(input.damaged(at, "a column ends before its values"));
            }
            let end = self.page(&meta.columns[column], chunk.codec, at, input)?;
            self.next = Some(end);
        }
    }

    /// Reads the page that begins at a place, and says where the next one does.
    fn page(
        &mut self,
        column: &ColumnMeta,
        codec: i64,
        at: u64,
        input: &mut Input,
    ) -> Result<u64, ReadError> {
        let (head, length) = head(at, input)?;
        if head.size > PAGE_BYTES_MAX || head.packed > PAGE_BYTES_MAX {
            return Err(input.damaged(at, "a page of more than 256 MiB"));
        }
        let body = at + length as u64;
        let packed = input.exactly(body, head.packed)?;
        let read = match head.kind {
            Kind::Other => Ok(()),
            Kind::Dictionary => head
                .dictionary(codec, packed, column.physical)
                .map(|dictionary| self.dictionary = dictionary),
            Kind::Data | Kind::Data2 => {
                let mut values = Vec::new();
                let form: (Physical, bool) = (column.physical, column.is_optional);
                head.data(codec, packed, form, &self.dictionary, &mut values).and_then(|()| {
                    let count = values.len() as u64;
                    self.left = self.left.checked_sub(count).ok_or("a page has too many values")?;
                    self.page = values.into_iter();
                    Ok(())
                })
            }
        };
        read.map_err(|what| input.damaged(at, what))?;
        Ok(body + head.packed)
    }
}

/// The head at a place, and how long it is.
fn head(at: u64, input: &mut Input) -> Result<(Head, usize), ReadError> {
    let mut bytes = input.at_most(at, HEAD_BYTES)?;
    let mut head = Head::read(&bytes);
    if head.is_err() && bytes.len() as u64 == HEAD_BYTES {
        bytes = input.at_most(at, HEAD_BYTES_MAX)?;
        head = Head::read(&bytes);
    }
    head.map_err(|what| input.damaged(at, what))
}
