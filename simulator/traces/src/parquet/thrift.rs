//! Thrift's compact protocol, in which Parquet writes what it says about itself.
//!
//! A structure is fields with numbers; a reader takes those that it knows and skips the others.

use super::Wrong;

const SHORT: Wrong = "its description is cut off";
/// Structures within structures; Parquet's own are five deep.
const DEPTH_MAX: u32 = 16;

/// Types of fields.
pub(crate) const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;

/// Bytes that are read from the front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thrift<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl<'a> Thrift<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// How many bytes are left.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Gives every field of a structure, by number and type, to `take`, which reads it and says so,
    /// or leaves it to be skipped.
    pub(crate) fn structure(
        &mut self,
        mut take: impl FnMut(&mut Self, i16, u8) -> Result<bool, Wrong>,
    ) -> Result<(), Wrong> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("its description is nested too deep");
        }
        let mut number = 0_i16;
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.depth -= 1;
                return Ok(());
            }
            let kind = head & 0x0f;
            number = match head >> 4 {
                0 => i16::try_from(self.int()?)
                    .map_err(|_| "a field of its description has no number")?,
                delta => number.checked_add(i16::from(delta)).ok_or("too many fields")?,
            };
            if !take(self, number, kind)? {
                self.skip(kind)?;
            }
        }
    }

    /// The items of a list.
    pub(crate) fn list(
        &mut self,
        kind: u8,
        mut take: impl FnMut(&mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        if kind != LIST {
            return Err("its description has something else for a list");
        }
        let (count, _) = self.list_head()?;
        for _ in 0..count {
            take(self)?;
        }
        Ok(())
    }

    /// A whole number.
    pub(crate) fn int(&mut self) -> Result<i64, Wrong> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A number of at least 0.
    pub(crate) fn count(&mut self) -> Result<u64, Wrong> {
        u64::try_from(self.int()?).map_err(|_| "its description has a negative size")
    }

    /// Bytes with their length before them.
    pub(crate) fn binary(&mut self) -> Result<&'a [u8], Wrong> {
        let length = usize::try_from(self.varint()?).map_err(|_| SHORT)?;
        self.take(length)
    }

    fn list_head(&mut self) -> Result<(u64, u8), Wrong> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        // Every item has at least a byte, booleans too.
        if count > self.rest.len() as u64 {
            return Err(SHORT);
        }
        Ok((count, head & 0x0f))
    }

    fn skip(&mut self, kind: u8) -> Result<(), Wrong> {
        match kind {
            TRUE | FALSE => Ok(()),
            BYTE => self.take(1).map(|_| ()),
            4..=6 => self.varint().map(|_| ()),
            DOUBLE => self.take(8).map(|_| ()),
            BINARY => self.binary().map(|_| ()),
            LIST | SET => {
                let (count, kind) = self.list_head()?;
                (0..count).try_for_each(|_| self.skip_item(kind))
            }
            MAP => {
                let count = self.varint()?;
                if count == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                (0..count).try_for_each(|_| {
                    self.skip_item(kinds >> 4)?;
                    self.skip_item(kinds & 0x0f)
                })
            }
            STRUCT => self.structure(|_, _, _| Ok(false)),
            _ => Err("its description has a field of an unknown type"),
        }
    }

    /// In lists, a boolean has a byte of its own.
    fn skip_item(&mut self, kind: u8) -> Result<(), Wrong> {
        let depth = self.depth;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("its description is nested too deep");
        }
        match kind {
            TRUE | FALSE => self.take(1).map(|_| ())?,
            kind => self.skip(kind)?,
        }
        self.depth = depth;
        Ok(())
    }

    fn varint(&mut self) -> Result<u64, Wrong> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number of its description is too long")
    }

    fn byte(&mut self) -> Result<u8, Wrong> {
        let (first, rest) = self.rest.split_first().ok_or(SHORT)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// A structure in the making.
#[derive(Debug, Default)]
pub(crate) struct Out {
    bytes: Vec<u8>,
    /// The number of the field that was written last.
    last: i16,
}

const I32: u8 = 5;
const I64: u8 = 6;

impl Out {
    /// A whole number of at most 32 bits.
    pub(crate) fn int(&mut self, number: i16, value: i64) {
        self.head(number, I32);
        self.zigzag(value);
    }

    /// A whole number.
    pub(crate) fn long(&mut self, number: i16, value: i64) {
        self.head(number, I64);
        self.zigzag(value);
    }

    /// Bytes.
    pub(crate) fn binary(&mut self, number: i16, bytes: &[u8]) {
        self.head(number, BINARY);
        self.counted(bytes);
    }

    /// A list of whole numbers of at most 32 bits.
    pub(crate) fn ints(&mut self, number: i16, values: &[i64]) {
        self.head(number, LIST);
        self.list_head(values.len(), I32);
        values.iter().for_each(|value| self.zigzag(*value));
    }

    /// A list of bytes.
    pub(crate) fn binaries(&mut self, number: i16, values: &[&[u8]]) {
        self.head(number, LIST);
        self.list_head(values.len(), BINARY);
        values.iter().for_each(|value| self.counted(value));
    }

    /// A structure within.
    pub(crate) fn structure(&mut self, number: i16, write: impl FnOnce(&mut Self)) {
        self.head(number, STRUCT);
        self.within(write);
    }

    /// A list of so many structures.
    pub(crate) fn list(
        &mut self,
        number: i16,
        count: usize,
        mut write: impl FnMut(&mut Self, usize),
    ) {
        self.head(number, LIST);
        self.list_head(count, STRUCT);
        (0..count).for_each(|index| self.within(|out| write(out, index)));
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }

    fn within(&mut self, write: impl FnOnce(&mut Self)) {
        let last = std::mem::take(&mut self.last);
        write(self);
        self.bytes.push(0);
        self.last = last;
    }

    fn head(&mut self, number: i16, kind: u8) {
        let delta = u8::try_from(number - self.last).expect("fields come in order");
        assert!((1..=15).contains(&delta), "fields come in order");
        self.bytes.push(delta << 4 | kind);
        self.last = number;
    }

    fn list_head(&mut self, count: usize, kind: u8) {
        match u8::try_from(count) {
            Ok(count @ 0..15) => self.bytes.push(count << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                self.varint(count as u64);
            }
        }
    }

    fn counted(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    fn zigzag(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63).cast_unsigned());
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}
