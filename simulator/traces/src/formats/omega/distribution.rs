//! Measured values that the simulator draws from: `cluster policy workload value` between blanks,
//! where the workload is 0 for batch and 1 for service. One file holds the times between arrivals,
//! one the tasks of jobs, one how long they run; the file does not say which.

use super::super::{SECONDS, TASKS};
use crate::{
    error::ReadError,
    model::{Class, NameId, Names},
    reader::{Aside, Parse, Reader, Table},
    source::Source,
    text::{Column, Fields, Row, Rows, Unit},
};

const CLUSTER: Column = Column::at(0, "cluster (1)");
const POLICY: Column = Column::at(1, "policy (2)");
const WORKLOAD: Column = Column::at(2, "workload (3)");
const VALUE: Column = Column::at(3, "value (4)");
const FIELDS: usize = 4;

/// What the values of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// Seconds in the file, nanoseconds in a [`Draw`].
    Time,
    /// A number of tasks.
    Tasks,
}

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Where it was measured.
    pub cluster: Option<NameId>,
    /// By which rule jobs were told apart there.
    pub policy: Option<NameId>,
    /// Of which kind of work.
    pub class: Class,
    /// Nanoseconds, or tasks.
    pub value: u64,
}

struct Draws(Measure);

/// Reads a distribution's values.
pub fn distribution(
    source: Source,
    names: Names,
    measure: Measure,
) -> Result<Reader<Draw>, ReadError> {
    let rows = Rows::new(source, Fields::Blanks);
    Ok(Reader::new(Table { rows, fields: FIELDS, parse: Draws(measure) }, names))
}

impl Parse<Draw> for Draws {
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<Draw>, ReadError> {
        Ok(Some(Draw {
            cluster: row.name(CLUSTER, &mut aside.names)?,
            policy: row.name(POLICY, &mut aside.names)?,
            class: match row.text(WORKLOAD) {
                b"0" => Class::Batch,
                b"1" => Class::Service,
                _ => return Err(row.bad(WORKLOAD, "0 (batch) or 1 (service)")),
            },
            value: match self.0 {
                Measure::Time => row.needed(VALUE, Unit::SECONDS, SECONDS)?,
                Measure::Tasks => row.needed(VALUE, Unit::ONE, TASKS)?,
            },
        }))
    }
}
