//! Arrivals as columns: each block's are read at once, then given out row by row.

use super::{
    Of,
    block::{Blocks, Kind, Wrong},
    columns::{put_column, take_column, unzigzag, zigzag},
    shared::{Shared, number},
};
use crate::{
    error::ReadError,
    model::{Arrival, Class, Shape},
    reader::{Aside, Step},
    source::Source,
};

/// Columns of a block, in this order: job and time of submission as differences to the row before,
/// tasks, the five amounts, duration, estimate, deadline, priority, user, queue, constraints,
/// flags.
const COLUMNS: usize = 16;

const SERVICE: u64 = 1;
const GANG: u64 = 1 << 1;
const MORE: u64 = 1 << 2;
const HAS_DURATION: u64 = 1 << 3;
const HAS_ESTIMATE: u64 = 1 << 4;
const HAS_DEADLINE: u64 = 1 << 5;
const FLAGS: u64 = (1 << 6) - 1;

/// Arrivals of a file.
pub(in crate::own) struct Arrivals {
    blocks: Blocks,
    shared: Shared,
    columns: [Vec<u64>; COLUMNS],
    /// The next row of the block.
    row: usize,
    rows: usize,
    job: u64,
    submit_ns: u64,
    /// Rows of all blocks.
    total: u64,
}

/// Rows that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Pending {
    columns: [Vec<u64>; COLUMNS],
    job: u64,
    submit_ns: u64,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.columns[0].len()
    }

    /// Takes a row, with the number of its constraints and one, or 0.
    pub(super) fn push(&mut self, arrival: &Arrival, constraints: u64) {
        let flag = |is: bool, flag: u64| if is { flag } else { 0 };
        let flags = flag(arrival.class == Class::Service, SERVICE)
            | flag(arrival.gang, GANG)
            | flag(arrival.more, MORE)
            | flag(arrival.duration_ns.is_some(), HAS_DURATION)
            | flag(arrival.estimate_ns.is_some(), HAS_ESTIMATE)
            | flag(arrival.deadline_ns.is_some(), HAS_DEADLINE);
        let [cpus, mem, gpus, disk, network] = arrival.each.0;
        let row: [u64; COLUMNS] = [
            zigzag(arrival.job.wrapping_sub(self.job).cast_signed()),
            zigzag(arrival.submit_ns.wrapping_sub(self.submit_ns).cast_signed()),
            u64::from(arrival.tasks),
            cpus,
            mem,
            gpus,
            disk,
            network,
            arrival.duration_ns.unwrap_or(0),
            arrival.estimate_ns.unwrap_or(0),
            arrival.deadline_ns.unwrap_or(0),
            zigzag(i64::from(arrival.priority)),
            number(arrival.user),
            number(arrival.queue),
            constraints,
            flags,
        ];
        for (column, value) in self.columns.iter_mut().zip(row) {
            column.push(value);
        }
        (self.job, self.submit_ns) = (arrival.job, arrival.submit_ns);
    }

    /// The bytes of all rows; none are left.
    pub(super) fn take(&mut self, into: &mut Vec<u8>) {
        for column in &mut self.columns {
            put_column(column, into);
            column.clear();
        }
        (self.job, self.submit_ns) = (0, 0);
    }
}

impl Arrivals {
    pub(in crate::own) fn open(source: Source) -> Result<Self, ReadError> {
        Ok(Self {
            blocks: Blocks::open(source, Of::Arrivals)?,
            shared: Shared::default(),
            columns: Default::default(),
            row: 0,
            rows: 0,
            job: 0,
            submit_ns: 0,
            total: 0,
        })
    }

    /// Goes to the next block of arrivals; false at the end.
    fn block(&mut self, aside: &mut Aside) -> Result<bool, ReadError> {
        loop {
            match self.blocks.advance()? {
                kind @ (Kind::Names | Kind::Constraints) => {
                    self.shared.read(kind, &self.blocks, &mut aside.names)?;
                }
                Kind::Arrivals => {
                    self.decode().map_err(|what| self.blocks.damaged(what))?;
                    return Ok(true);
                }
                Kind::Machines => return Err(self.blocks.damaged("machines among arrivals")),
                Kind::End => {
                    self.blocks.end(self.total)?;
                    return Ok(false);
                }
            }
        }
    }

    fn decode(&mut self) -> Result<(), Wrong> {
        let mut rest = &self.blocks.bytes[..];
        for column in &mut self.columns {
            take_column(&mut rest, self.blocks.rows, column)?;
        }
        if !rest.is_empty() {
            return Err("a block has more than its rows");
        }
        (self.row, self.rows) = (0, self.blocks.rows);
        (self.job, self.submit_ns) = (0, 0);
        self.total += self.rows as u64;
        Ok(())
    }

    fn arrival(&mut self) -> Result<Arrival, Wrong> {
        let row = self.row;
        let at = |column: usize| self.columns[column][row];
        let flags = at(15);
        let has = |flag: u64| flags & flag != 0;
        let tasks = u32::try_from(at(2)).ok().filter(|tasks| *tasks > 0);
        let priority = i32::try_from(unzigzag(at(11)));
        if flags & !FLAGS != 0 {
            return Err("an arrival has unknown flags");
        }
        let arrival = Arrival {
            job: self.job.wrapping_add(unzigzag(at(0)).cast_unsigned()),
            submit_ns: self.submit_ns.wrapping_add(unzigzag(at(1)).cast_unsigned()),
            tasks: tasks.ok_or("an arrival has no task, or more than 4294967295")?,
            each: Shape([at(3), at(4), at(5), at(6), at(7)]),
            duration_ns: has(HAS_DURATION).then(|| at(8)),
            estimate_ns: has(HAS_ESTIMATE).then(|| at(9)),
            class: if has(SERVICE) { Class::Service } else { Class::Batch },
            priority: priority.map_err(|_| "a priority has more than 32 bits")?,
            user: self.shared.optional(at(12))?,
            queue: self.shared.optional(at(13))?,
            gang: has(GANG),
            more: has(MORE),
            deadline_ns: has(HAS_DEADLINE).then(|| at(10)),
            constraints: self.shared.constrained(at(14))?,
        };
        (self.job, self.submit_ns) = (arrival.job, arrival.submit_ns);
        Ok(arrival)
    }
}

impl Step<Arrival> for Arrivals {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        while self.row == self.rows {
            if !self.block(aside)? {
                return Ok(None);
            }
        }
        let arrival = self.arrival().map_err(|what| self.blocks.damaged(what))?;
        self.row += 1;
        Ok(Some(arrival))
    }
}
