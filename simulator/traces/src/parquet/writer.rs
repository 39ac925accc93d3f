//! Writes flat tables as Parquet: columns of whole numbers and of words, a row group at a time, so
//! that no more than one group's rows are held whatever the length.
//!
//! ```text
//!  PAR1 │ group: column page, column page … │ group … │ footer (thrift), its length │ PAR1
//! ```
//!
//! Each column of a group is one page (version 1) of plain values, packed by zstd. Whether a value
//! is missing stands before them, in runs. There are no dictionaries and no statistics: readers
//! need neither, and files of records are read once.

use super::thrift::Out;
use std::io;

const MAGIC: &[u8] = b"PAR1";
/// zstd's number in the format.
const ZSTD: i64 = 6;
/// Faster than the disk, and half as large as none.
const ZSTD_LEVEL: i32 = 1;
/// Rows of a group: fourteen columns of eight bytes are two megabytes.
const GROUP_ROWS: usize = 16_384;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole numbers from 0 to 2^64 − 1.
    Number,
    /// The same, some of them missing.
    MaybeNumber,
    /// Words.
    Text,
}

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// A whole number.
    Number(u64),
    /// None, in a column where some are missing.
    Missing,
    /// Words.
    Text(&'a str),
}

/// A table in the making.
#[derive(Debug)]
pub struct ParquetWriter<W: io::Write> {
    out: W,
    /// Bytes written so far.
    at: u64,
    columns: Vec<Column>,
    /// Rows of the group in the making.
    rows: usize,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Column {
    name: &'static str,
    kind: ColumnKind,
    /// Plain values of the group in the making.
    values: Vec<u8>,
    /// Of each row, whether it has a value, as runs.
    present: Runs,
}

/// Runs of equal bits.
#[derive(Debug, Default)]
struct Runs {
    bytes: Vec<u8>,
    bit: bool,
    length: u64,
}

/// A group that was written.
#[derive(Debug)]
struct Group {
    rows: u64,
    chunks: Vec<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    start: u64,
    packed: u64,
    unpacked: u64,
}

impl Runs {
    fn push(&mut self, bit: bool) {
        if bit != self.bit {
            self.close();
            self.bit = bit;
        }
        self.length += 1;
    }

    fn close(&mut self) {
        if self.length > 0 {
            varint(&mut self.bytes, self.length << 1);
            self.bytes.push(self.bit.into());
            self.length = 0;
        }
    }
}

/// A number of seven bits for each byte.
fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

impl Column {
    /// A value of the next row.
    ///
    /// # Panics
    /// When it is none of the column's kind.
    fn push(&mut self, cell: Cell<'_>) {
        match (self.kind, cell) {
            (ColumnKind::Number | ColumnKind::MaybeNumber, Cell::Number(number)) => {
                self.values.extend(number.to_le_bytes());
                self.present.push(true);
            }
            (ColumnKind::MaybeNumber, Cell::Missing) => self.present.push(false),
            (ColumnKind::Text, Cell::Text(text)) => {
                let length = u32::try_from(text.len()).expect("words are short");
                self.values.extend(length.to_le_bytes());
                self.values.extend(text.as_bytes());
            }
            (kind, cell) => panic!("{cell:?} in the column `{}` of {kind:?}", self.name),
        }
    }

    /// What is in its page, which then is empty.
    fn take_page(&mut self) -> Vec<u8> {
        let mut page = Vec::new();
        if self.kind == ColumnKind::MaybeNumber {
            self.present.close();
            let length = u32::try_from(self.present.bytes.len()).expect("a group is small");
            page.extend(length.to_le_bytes());
            page.append(&mut self.present.bytes);
        }
        self.present = Runs::default();
        page.append(&mut self.values);
        page
    }
}

impl<W: io::Write> ParquetWriter<W> {
    /// A table with these columns. It is written in large pieces, so `out` needs no buffer.
    ///
    /// # Errors
    /// When the first bytes cannot be written.
    pub fn new(mut out: W, columns: &[(&'static str, ColumnKind)]) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        let column = |(name, kind): &(&'static str, ColumnKind)| Column {
            name,
            kind: *kind,
            values: Vec::new(),
            present: Runs::default(),
        };
        let columns = columns.iter().map(column).collect();
        Ok(Self { out, at: MAGIC.len() as u64, columns, rows: 0, groups: Vec::new() })
    }

    /// Adds a row: a value for every column, in their order.
    ///
    /// # Errors
    /// When a group is full and cannot be written.
    ///
    /// # Panics
    /// When there are more or fewer values than columns, or one of another kind.
    pub fn row(&mut self, row: &[Cell<'_>]) -> io::Result<()> {
        assert_eq!(row.len(), self.columns.len(), "a value for every column");
        self.columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(*cell));
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    /// Writes what waits, and what the file says about itself.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        if self.rows > 0 {
            self.write_group()?;
        }
        let footer = self.footer();
        let length = u32::try_from(footer.len()).map_err(io::Error::other)?;
        self.out.write_all(&footer)?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write_group(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows) as u64;
        let mut chunks = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            let page = column.take_page();
            let packed = zstd::bulk::compress(&page, ZSTD_LEVEL)?;
            let head = page_head(rows, page.len(), packed.len());
            self.out.write_all(&head)?;
            self.out.write_all(&packed)?;
            let chunk = Chunk {
                start: self.at,
                packed: (head.len() + packed.len()) as u64,
                unpacked: (head.len() + page.len()) as u64,
            };
            self.at += chunk.packed;
            chunks.push(chunk);
        }
        self.groups.push(Group { rows, chunks });
        Ok(())
    }

    fn footer(&self) -> Vec<u8> {
        let mut out = Out::default();
        out.int(1, 1);
        out.list(2, self.columns.len() + 1, |out, index| match index.checked_sub(1) {
            None => {
                out.binary(4, b"table");
                out.int(5, self.columns.len() as i64);
            }
            Some(index) => schema(out, &self.columns[index]),
        });
        let rows: u64 = self.groups.iter().map(|group| group.rows).sum();
        out.long(3, rows.cast_signed());
        out.list(4, self.groups.len(), |out, index| self.group(out, &self.groups[index]));
        out.binary(6, concat!("bourse ", env!("CARGO_PKG_VERSION")).as_bytes());
        out.finish()
    }

    fn group(&self, out: &mut Out, group: &Group) {
        out.list(1, group.chunks.len(), |out, index| {
            let (column, chunk) = (&self.columns[index], &group.chunks[index]);
            out.long(2, chunk.start.cast_signed());
            out.structure(3, |out| {
                out.int(1, physical(column.kind));
                // Plain values, and runs for whether they are there.
                out.ints(2, &[0, 3]);
                out.binaries(3, &[column.name.as_bytes()]);
                out.int(4, ZSTD);
                out.long(5, group.rows.cast_signed());
                out.long(6, chunk.unpacked.cast_signed());
                out.long(7, chunk.packed.cast_signed());
                out.long(9, chunk.start.cast_signed());
            });
        });
        let bytes: u64 = group.chunks.iter().map(|chunk| chunk.unpacked).sum();
        out.long(2, bytes.cast_signed());
        out.long(3, group.rows.cast_signed());
    }
}

/// How values are stored: in eight bytes, or as bytes with their length before them.
fn physical(kind: ColumnKind) -> i64 {
    match kind {
        ColumnKind::Number | ColumnKind::MaybeNumber => 2,
        ColumnKind::Text => 6,
    }
}

fn schema(out: &mut Out, column: &Column) {
    out.int(1, physical(column.kind));
    out.int(3, i64::from(column.kind == ColumnKind::MaybeNumber));
    out.binary(4, column.name.as_bytes());
    // What the bytes mean: a number without a sign, or words in UTF-8.
    out.int(6, if column.kind == ColumnKind::Text { 0 } else { 14 });
}

fn page_head(rows: u64, unpacked: usize, packed: usize) -> Vec<u8> {
    let mut out = Out::default();
    out.int(1, 0);
    out.int(2, unpacked as i64);
    out.int(3, packed as i64);
    out.structure(5, |out| {
        out.int(1, rows.cast_signed());
        out.int(2, 0);
        out.int(3, 3);
        out.int(4, 3);
    });
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::{Input, Table, Value};
    use std::{fs, io::Cursor, process::Command};

    const COLUMNS: &[(&str, ColumnKind)] = &[
        ("number", ColumnKind::Number),
        ("word", ColumnKind::Text),
        ("perhaps", ColumnKind::MaybeNumber),
    ];

    /// More rows than a group holds; every third has no number, and the last group is small.
    fn table(rows: u64) -> Vec<u8> {
        let mut writer = ParquetWriter::new(Vec::new(), COLUMNS).unwrap();
        for row in 0..rows {
            let word = format!("word {}", row % 5);
            let perhaps = if row % 3 == 0 { Cell::Missing } else { Cell::Number(row * row) };
            writer.row(&[Cell::Number(row << 20), Cell::Text(&word), perhaps]).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn our_reader_reads_what_was_written() {
        for rows in [0, 1, 5, GROUP_ROWS as u64, GROUP_ROWS as u64 * 2 + 7] {
            let input = Input::new("table.parquet", Cursor::new(table(rows)));
            let mut read = Table::open(input).unwrap();
            let number = read.column("number", "numbers").unwrap();
            let perhaps = read.column("perhaps", "numbers").unwrap();
            for row in 0..rows {
                assert!(read.advance().unwrap());
                let square = (row % 3 != 0).then(|| Value::Int((row * row).cast_signed()));
                assert_eq!(read.value(number), Some(Value::Int((row << 20).cast_signed())));
                assert_eq!(read.value(perhaps), square);
            }
            assert!(!read.advance().unwrap());
        }
    }

    /// Somebody else's reader, where it is installed: numbers without a sign, and words.
    #[test]
    fn others_read_what_was_written() {
        let has = Command::new("python3").args(["-c", "import pyarrow.parquet"]).output();
        if !has.is_ok_and(|has| has.status.success()) {
            println!("SKIPPED others_read_what_was_written: python3 with pyarrow is not installed");
            return;
        }
        let path =
            std::env::temp_dir().join(format!("bourse-table-{}.parquet", std::process::id()));
        fs::write(&path, table(40_000)).unwrap();
        let script = "import sys, pyarrow.parquet as p\n\
                      t = p.read_table(sys.argv[1])\n\
                      assert [str(f.type) for f in t.schema] == ['uint64', 'string', 'uint64'], t.schema\n\
                      rows = t.to_pylist()\n\
                      assert len(rows) == 40000\n\
                      for i, row in enumerate(rows):\n\
                      \x20   perhaps = None if i % 3 == 0 else i * i\n\
                      \x20   assert row == {'number': i << 20, 'word': f'word {i % 5}', 'perhaps': perhaps}, row\n";
        let read = Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    }

    #[test]
    #[should_panic(expected = "in the column `word`")]
    fn a_number_is_no_word() {
        let mut writer = ParquetWriter::new(Vec::new(), COLUMNS).unwrap();
        let _ = writer.row(&[Cell::Number(1), Cell::Number(2), Cell::Missing]);
    }
}
