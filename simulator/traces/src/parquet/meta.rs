//! What a file says about itself in its footer: columns, and where the pieces of each are.

use super::{FOOTER_BYTES_MAX, Input, Wrong, thrift::Thrift};
use crate::error::ReadError;

const MAGIC: &[u8] = b"PAR1";
/// The footer's length and the mark behind it.
const TAIL_BYTES: u64 = 8;

/// How values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Physical {
    Boolean,
    Int32,
    Int64,
    Float,
    Double,
    /// Text, dates of twelve bytes, and other things that traces' columns are not.
    Other,
}

/// A column of the table.
#[derive(Debug, Clone)]
pub(crate) struct ColumnMeta {
    pub(crate) name: String,
    pub(crate) physical: Physical,
    /// Values may be missing.
    pub(crate) is_optional: bool,
}

/// One column of one row group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
    pub(crate) codec: i64,
    pub(crate) values: u64,
    pub(crate) start: u64,
    pub(crate) bytes: u64,
    /// The least value, if the writer says so and it is an integer.
    pub(crate) least: Option<i64>,
    dictionary: Option<u64>,
    data: u64,
}

/// The footer.
#[derive(Debug, Default)]
pub(crate) struct Meta {
    pub(crate) columns: Vec<ColumnMeta>,
    /// Of each row group, the chunks in the order of the columns.
    pub(crate) groups: Vec<Vec<Chunk>>,
    pub(crate) rows: u64,
}

impl Meta {
    /// Reads the footer at the end of a file.
    pub(crate) fn read(input: &mut Input) -> Result<Self, ReadError> {
        let length = input.length()?;
        let Some(tail_at) = length.checked_sub(TAIL_BYTES) else {
            return Err(input.damaged(0, "too short for a Parquet file"));
        };
        let tail = input.exactly(tail_at, TAIL_BYTES)?;
        let (size, mark) = tail.split_at(4);
        if mark != MAGIC {
            return Err(input.damaged(tail_at, "no Parquet file, or one that was cut"));
        }
        let size = size.iter().rev().fold(0, |size, byte| size << 8 | u64::from(*byte));
        let start = tail_at.checked_sub(size).filter(|_| size <= FOOTER_BYTES_MAX);
        let Some(start) = start else {
            return Err(input.damaged(tail_at, "the footer's length is impossible"));
        };
        let bytes = input.exactly(start, size)?;
        let mut meta = Self::default();
        meta.footer(&mut Thrift::new(&bytes)).map_err(|what| input.damaged(start, what))?;
        let is_whole = meta.groups.iter().all(|chunks| chunks.len() == meta.columns.len());
        if !is_whole {
            return Err(input.damaged(start, "a row group lacks columns"));
        }
        Ok(meta)
    }

    fn footer(&mut self, thrift: &mut Thrift<'_>) -> Result<(), Wrong> {
        let mut elements = 0;
        thrift.structure(|thrift, number, kind| {
            match number {
                2 => thrift.list(kind, |thrift| {
                    elements += 1;
                    self.element(thrift, elements == 1)
                })?,
                3 => self.rows = thrift.count()?,
                4 => thrift.list(kind, |thrift| {
                    self.groups.push(group(thrift)?);
                    Ok(())
                })?,
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    /// One element of the schema; the first is the table itself.
    fn element(&mut self, thrift: &mut Thrift<'_>, is_root: bool) -> Result<(), Wrong> {
        let (mut physical, mut repetition, mut name, mut children) = (None, 0, String::new(), 0);
        thrift.structure(|thrift, number, _| {
            match number {
                1 => physical = Some(thrift.int()?),
                3 => repetition = thrift.int()?,
                4 => name = String::from_utf8_lossy(thrift.binary()?).into_owned(),
                5 => children = thrift.int()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if is_root {
            return Ok(());
        }
        if children != 0 || !(0..=1).contains(&repetition) {
            return Err("it has nested or repeated columns");
        }
        let physical = match physical {
            Some(0) => Physical::Boolean,
            Some(1) => Physical::Int32,
            Some(2) => Physical::Int64,
            Some(4) => Physical::Float,
            Some(5) => Physical::Double,
            _ => Physical::Other,
        };
        self.columns.push(ColumnMeta { name, physical, is_optional: repetition == 1 });
        Ok(())
    }
}

fn group(thrift: &mut Thrift<'_>) -> Result<Vec<Chunk>, Wrong> {
    let mut chunks = Vec::new();
    thrift.structure(|thrift, number, kind| {
        if number != 1 {
            return Ok(false);
        }
        thrift.list(kind, |thrift| {
            let mut found = Chunk::default();
            thrift.structure(|thrift, number, _| {
                if number != 3 {
                    return Ok(false);
                }
                found.read(thrift)?;
                Ok(true)
            })?;
            found.start = found.dictionary.map_or(found.data, |at| at.min(found.data));
            chunks.push(found);
            Ok(())
        })?;
        Ok(true)
    })?;
    Ok(chunks)
}

impl Chunk {
    fn read(&mut self, thrift: &mut Thrift<'_>) -> Result<(), Wrong> {
        thrift.structure(|thrift, number, _| {
            match number {
                4 => self.codec = thrift.int()?,
                5 => self.values = thrift.count()?,
                7 => self.bytes = thrift.count()?,
                9 => self.data = thrift.count()?,
                // Some writers say 0 where there is none.
                11 => self.dictionary = Some(thrift.count()?).filter(|at| *at > 0),
                12 => self.statistics(thrift)?,
                _ => return Ok(false),
            }
            Ok(true)
        })
    }

    fn statistics(&mut self, thrift: &mut Thrift<'_>) -> Result<(), Wrong> {
        thrift.structure(|thrift, number, _| {
            if number != 6 {
                return Ok(false);
            }
            let bytes = thrift.binary()?;
            self.least = match bytes.len() {
                4 => Some(i64::from(i32::from_le_bytes(bytes.try_into().map_err(|_| "")?))),
                8 => Some(i64::from_le_bytes(bytes.try_into().map_err(|_| "")?)),
                _ => None,
            };
            Ok(true)
        })
    }
}
