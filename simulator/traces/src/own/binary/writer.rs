//! Writes the binary form.

use super::{
    BLOCK_BYTES_MAX, BLOCK_ROWS, Of,
    arrivals::Pending,
    block::{self, Kind},
    head,
    machines::put_event,
    shared::{put_constraints, put_name},
};
use crate::{
    limits::CONSTRAINTS_MAX,
    model::{Arrival, Constraints, MachineEvent, Names},
    own::{Write, WriteError, check},
};
use std::{collections::BTreeMap, fmt, io, sync::Arc};

/// Bytes at which a block of rows that have lists is closed.
const BLOCK_BYTES: usize = 1 << 20;
const _: () = assert!(BLOCK_BYTES < BLOCK_BYTES_MAX / 2);

/// Writes the binary form.
pub struct BinaryWriter<W: io::Write> {
    out: W,
    of: Of,
    has_begun: bool,
    /// Names that were written.
    names: usize,
    /// Constraints with their numbers.
    numbers: BTreeMap<Arc<Constraints>, u64>,
    /// Those of them that wait to be written.
    constraints: Rows,
    arrivals: Pending,
    machines: Rows,
    total: u64,
}

/// Rows that wait to be written, as bytes.
#[derive(Debug, Default)]
struct Rows {
    rows: usize,
    bytes: Vec<u8>,
}

impl Rows {
    fn is_full(&self) -> bool {
        self.rows == BLOCK_ROWS || self.bytes.len() >= BLOCK_BYTES
    }

    fn write(&mut self, kind: Kind, out: &mut impl io::Write) -> io::Result<()> {
        if self.rows > 0 {
            block::write(out, kind, self.rows, &self.bytes)?;
            self.rows = 0;
            self.bytes.clear();
        }
        Ok(())
    }
}

impl<W: io::Write> BinaryWriter<W> {
    /// A file of arrivals or of machines. It is written in large pieces, so `out` needs no buffer.
    pub fn new(out: W, of: Of) -> Self {
        Self {
            out,
            of,
            has_begun: false,
            names: 0,
            numbers: BTreeMap::new(),
            constraints: Rows::default(),
            arrivals: Pending::default(),
            machines: Rows::default(),
            total: 0,
        }
    }

    /// Writes what waits, and before it what it speaks of.
    fn flush(&mut self, names: &Names) -> Result<(), WriteError> {
        self.begin()?;
        let mut fresh = Rows::default();
        for (_, text) in names.iter().skip(self.names) {
            put_name(text, &mut fresh.bytes);
            fresh.rows += 1;
            self.names += 1;
            if fresh.is_full() {
                fresh.write(Kind::Names, &mut self.out)?;
            }
        }
        fresh.write(Kind::Names, &mut self.out)?;
        self.constraints.write(Kind::Constraints, &mut self.out)?;
        let rows = self.arrivals.len();
        if rows > 0 {
            let mut bytes = Vec::new();
            self.arrivals.take(&mut bytes);
            block::write(&mut self.out, Kind::Arrivals, rows, &bytes)?;
        }
        self.machines.write(Kind::Machines, &mut self.out)?;
        Ok(())
    }

    fn begin(&mut self) -> Result<(), WriteError> {
        if !std::mem::replace(&mut self.has_begun, true) {
            self.out.write_all(&head(self.of))?;
        }
        Ok(())
    }

    /// The number of constraints and one; they are written with the next block.
    fn constraints(&mut self, constraints: &Arc<Constraints>) -> Result<u64, WriteError> {
        if let Some(number) = self.numbers.get(constraints) {
            return Ok(*number);
        }
        if self.numbers.len() == CONSTRAINTS_MAX {
            return Err(WriteError::Constraints);
        }
        let number = self.numbers.len() as u64 + 1;
        self.numbers.insert(Arc::clone(constraints), number);
        put_constraints(constraints, &mut self.constraints.bytes);
        self.constraints.rows += 1;
        Ok(number)
    }
}

impl<W: io::Write> Write for BinaryWriter<W> {
    fn arrival(&mut self, arrival: &Arrival, names: &Names) -> Result<(), WriteError> {
        assert_eq!(self.of, Of::Arrivals, "a file of machines holds no arrivals");
        check::arrival(arrival, names)?;
        let number = match &arrival.constraints {
            Some(constraints) => self.constraints(constraints)?,
            None => 0,
        };
        self.arrivals.push(arrival, number);
        self.total += 1;
        if self.arrivals.len() == BLOCK_ROWS || self.constraints.is_full() {
            self.flush(names)?;
        }
        Ok(())
    }

    fn machine(&mut self, event: &MachineEvent, names: &Names) -> Result<(), WriteError> {
        assert_eq!(self.of, Of::Machines, "a file of arrivals holds no machines");
        check::machine(event, names)?;
        put_event(event, &mut self.machines.bytes);
        self.machines.rows += 1;
        self.total += 1;
        if self.machines.is_full() {
            self.flush(names)?;
        }
        Ok(())
    }

    fn finish(&mut self, names: &Names) -> Result<(), WriteError> {
        self.flush(names)?;
        block::write(&mut self.out, Kind::End, 0, &self.total.to_le_bytes())?;
        self.out.flush()?;
        Ok(())
    }
}

impl<W: io::Write> fmt::Debug for BinaryWriter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BinaryWriter")
            .field("of", &self.of)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}
