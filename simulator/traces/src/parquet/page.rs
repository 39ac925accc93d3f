//! One page: its head, and its values by the way in which they are written.

use super::{
    PAGE_VALUES_MAX, Wrong, codec,
    column::Value,
    levels::{Runs, take, unpack, varint},
    meta::Physical,
    thrift::{TRUE, Thrift},
};

const PLAIN: i64 = 0;
const PLAIN_DICTIONARY: i64 = 2;
const RUNS: i64 = 3;
const DELTAS: i64 = 5;
const DICTIONARY: i64 = 8;
/// Values of a block of deltas, at most.
const DELTA_BLOCK_MAX: usize = 1 << 16;

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kind {
    #[default]
    Other,
    Dictionary,
    Data,
    /// Data of the second version, whose levels are never packed.
    Data2,
}

/// The head of a page.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) packed: u64,
    pub(crate) values: usize,
    encoding: i64,
    level_bytes: u64,
    is_packed: bool,
}

impl Head {
    /// Reads a head, and says how long it is.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, usize), Wrong> {
        let mut head = Self { is_packed: true, ..Self::default() };
        let mut repeats = 0;
        let mut thrift = Thrift::new(bytes);
        thrift.structure(|thrift, number, _| {
            match number {
                1 => {
                    head.kind = match thrift.int()? {
                        0 => Kind::Data,
                        2 => Kind::Dictionary,
                        3 => Kind::Data2,
                        _ => Kind::Other,
                    };
                }
                2 => head.size = thrift.count()?,
                3 => head.packed = thrift.count()?,
                5 | 7 => thrift.structure(|thrift, number, _| {
                    match number {
                        1 => head.values = values(thrift)?,
                        2 => head.encoding = thrift.int()?,
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?,
                8 => thrift.structure(|thrift, number, kind| {
                    match number {
                        1 => head.values = values(thrift)?,
                        4 => head.encoding = thrift.int()?,
                        5 => head.level_bytes = thrift.count()?,
                        6 => repeats = thrift.count()?,
                        7 => head.is_packed = kind == TRUE,
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if repeats > 0 {
            return Err("it has repeated columns");
        }
        Ok((head, bytes.len() - thrift.len()))
    }

    /// The values of a dictionary.
    pub(crate) fn dictionary(
        &self,
        codec: i64,
        packed: Vec<u8>,
        physical: Physical,
    ) -> Result<Vec<Value>, Wrong> {
        let bytes = codec::unpack(codec, packed, self.size as usize)?;
        let mut values = Vec::new();
        plain(&bytes, physical, self.values, &mut values)?;
        Ok(values)
    }

    /// The values of a page of data; none where one is missing.
    pub(crate) fn data(
        &self,
        codec: i64,
        mut packed: Vec<u8>,
        (physical, is_optional): (Physical, bool),
        dictionary: &[Value],
        into: &mut Vec<Option<Value>>,
    ) -> Result<(), Wrong> {
        let mut levels = Vec::new();
        let bytes = if self.kind == Kind::Data2 {
            let cut = usize::try_from(self.level_bytes).ok().filter(|cut| *cut <= packed.len());
            let rest = packed.split_off(cut.ok_or("a page's levels are longer than the page")?);
            if is_optional {
                Runs::new(&packed, 1)?.read(self.values, &mut levels)?;
            }
            let size = self.size.checked_sub(self.level_bytes).ok_or("a page has no size")?;
            let codec = if self.is_packed { codec } else { 0 };
            codec::unpack(codec, rest, size as usize)?
        } else {
            codec::unpack(codec, packed, self.size as usize)?
        };
        let mut rest = &bytes[..];
        if self.kind == Kind::Data && is_optional {
            let length = take(&mut rest, 4)?;
            let length = length.iter().rev().fold(0, |size, byte| size << 8 | usize::from(*byte));
            Runs::new(take(&mut rest, length)?, 1)?.read(self.values, &mut levels)?;
        }
        let present = if is_optional {
            levels.iter().filter(|level| **level == 1).count()
        } else {
            self.values
        };
        let mut values = Vec::new();
        self.decode(rest, physical, present, dictionary, &mut values)?;
        let mut values = values.into_iter();
        if is_optional {
            into.extend(levels.iter().map(|level| if *level == 1 { values.next() } else { None }));
        } else {
            into.extend(values.map(Some));
        }
        Ok(())
    }

    fn decode(
        &self,
        mut rest: &[u8],
        physical: Physical,
        count: usize,
        dictionary: &[Value],
        into: &mut Vec<Value>,
    ) -> Result<(), Wrong> {
        match self.encoding {
            PLAIN => plain(rest, physical, count, into),
            DICTIONARY | PLAIN_DICTIONARY if count == 0 => Ok(()),
            DICTIONARY | PLAIN_DICTIONARY => {
                let bits = take(&mut rest, 1)?[0];
                let mut indices = Vec::new();
                Runs::new(rest, u32::from(bits))?.read(count, &mut indices)?;
                for index in indices {
                    let value = dictionary.get(index as usize);
                    into.push(*value.ok_or("a value is not in the dictionary")?);
                }
                Ok(())
            }
            RUNS if physical == Physical::Boolean => {
                take(&mut rest, 4)?;
                let mut bits = Vec::new();
                Runs::new(rest, 1)?.read(count, &mut bits)?;
                into.extend(bits.into_iter().map(|bit| Value::Int(i64::from(bit))));
                Ok(())
            }
            DELTAS if matches!(physical, Physical::Int32 | Physical::Int64) => {
                deltas(rest, count, into)
            }
            _ => Err("values are written in a way that is not known here"),
        }
    }
}

fn values(thrift: &mut Thrift<'_>) -> Result<usize, Wrong> {
    let count = usize::try_from(thrift.count()?).ok().filter(|count| *count <= PAGE_VALUES_MAX);
    count.ok_or("a page has more than 4194304 values")
}

fn plain(
    bytes: &[u8],
    physical: Physical,
    count: usize,
    into: &mut Vec<Value>,
) -> Result<(), Wrong> {
    let size = match physical {
        Physical::Boolean => {
            return unpack(bytes, 1, count, |bit| into.push(Value::Int(bit.cast_signed())));
        }
        Physical::Int32 | Physical::Float => 4,
        Physical::Int64 | Physical::Double => 8,
        Physical::Other => return Err("a column of text is not read"),
    };
    let mut chunks = bytes.chunks_exact(size);
    for _ in 0..count {
        let chunk = chunks.next().ok_or("a page ends before its values")?;
        let raw = chunk.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        into.push(match physical {
            Physical::Int32 => Value::Int(i64::from((raw as u32).cast_signed())),
            Physical::Float => Value::Float(f64::from(f32::from_bits(raw as u32))),
            Physical::Double => Value::Float(f64::from_bits(raw)),
            _ => Value::Int(raw.cast_signed()),
        });
    }
    Ok(())
}

/// Differences to the value before, in blocks of small ones that share what they have in common.
fn deltas(mut rest: &[u8], count: usize, into: &mut Vec<Value>) -> Result<(), Wrong> {
    const WRONG: Wrong = "a page's differences are impossible";
    let block = varint(&mut rest)?;
    let parts = varint(&mut rest)?;
    let total = varint(&mut rest)?;
    let mut value = zigzag(varint(&mut rest)?);
    let is_possible = (1..=DELTA_BLOCK_MAX as u64).contains(&block)
        && (1..=block).contains(&parts)
        && block % parts == 0
        && total >= count as u64;
    if !is_possible {
        return Err(WRONG);
    }
    let each = (block / parts) as usize;
    let end = into.len() + count;
    if count > 0 {
        into.push(Value::Int(value));
    }
    while into.len() < end {
        let least = zigzag(varint(&mut rest)?);
        let widths = take(&mut rest, parts as usize)?;
        for width in widths {
            if into.len() == end {
                break;
            }
            if *width > 64 {
                return Err(WRONG);
            }
            let bytes = (each * usize::from(*width)).div_ceil(8);
            let (packed, more) = rest.split_at(bytes.min(rest.len()));
            rest = more;
            let wanted = each.min(end - into.len());
            unpack(packed, u32::from(*width), wanted, |delta| {
                value = value.wrapping_add(least).wrapping_add(delta.cast_signed());
                into.push(Value::Int(value));
            })?;
        }
    }
    Ok(())
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
