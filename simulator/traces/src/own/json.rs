//! The JSON form: a first line that says what it is, then an object on each line.
//!
//! `{"bourse_trace":1,"of":"arrivals"}`; then `{"job":7,"submit_ns":500000000,"tasks":12,
//! "each":{"cpus":1000,"mem":2048000},"duration_ns":30250000000}`, where what is zero, false or
//! unknown is left out. Keys that are not known are errors. Of machines:
//! `{"machine":5,"at_ns":0,"change":{"add":{"count":1,"capacity":{"cpus":4000}}}}`, or `update` and
//! `attribute` in place of `add`, or `"change":"remove"`.

use super::{
    Of, Write, WriteError,
    record::{Head, Record},
};
use crate::{
    error::ReadError,
    model::{Arrival, MachineEvent, Names},
    reader::{Aside, Step},
    source::Source,
    text::lines::Lines,
};
use std::{fmt, io, marker::PhantomData};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// Writes the JSON form.
pub struct JsonWriter<W: io::Write> {
    out: io::BufWriter<W>,
    of: Of,
    has_begun: bool,
}

struct Records<T> {
    lines: Lines,
    record: PhantomData<fn() -> T>,
}

/// Reads the first line, which must announce what is asked for.
pub(super) fn open<T: Record + 'static>(source: Source, of: Of) -> Result<impl Step<T>, ReadError> {
    let mut lines = Lines::new(source);
    lines.advance()?;
    let head: Head<'_> = parse(&lines)?;
    if head.bourse_trace != VERSION || head.of != of.name() {
        let what = match of {
            Of::Arrivals => "not a trace of arrivals in version 1 of this form",
            Of::Machines => "not a trace of machines in version 1 of this form",
        };
        return Err(ReadError::Line { place: lines.place(), what });
    }
    Ok(Records { lines, record: PhantomData::<fn() -> T> })
}

impl<T: Record> Step<T> for Records<T> {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<T>, ReadError> {
        while self.lines.advance()? {
            if self.lines.line().trim_ascii().is_empty() {
                continue;
            }
            let line = parse(&self.lines)?;
            let value = T::value(line, &mut aside.names);
            return value.map(Some).ok_or_else(|| ReadError::Names {
                place: self.lines.place(),
                column: "any",
                max: aside.names.max(),
            });
        }
        Ok(None)
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(lines: &'a Lines) -> Result<T, ReadError> {
    serde_json::from_slice(lines.line())
        .map_err(|source| ReadError::Json { place: lines.place(), source })
}

impl<W: io::Write> JsonWriter<W> {
    /// A file of arrivals or of machines.
    pub fn new(out: W, of: Of) -> Self {
        Self { out: io::BufWriter::with_capacity(64 << 10, out), of, has_begun: false }
    }

    fn line(&mut self, line: &impl serde::Serialize) -> Result<(), WriteError> {
        serde_json::to_writer(&mut self.out, line).map_err(io::Error::from)?;
        io::Write::write_all(&mut self.out, b"\n")?;
        Ok(())
    }

    fn begin(&mut self) -> Result<(), WriteError> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        self.line(&Head { bourse_trace: VERSION, of: self.of.name().into() })
    }
}

impl<W: io::Write> Write for JsonWriter<W> {
    fn arrival(&mut self, arrival: &Arrival, names: &Names) -> Result<(), WriteError> {
        assert_eq!(self.of, Of::Arrivals, "a file of machines holds no arrivals");
        super::check::arrival(arrival, names)?;
        self.begin()?;
        self.line(&arrival.line(names))
    }

    fn machine(&mut self, event: &MachineEvent, names: &Names) -> Result<(), WriteError> {
        assert_eq!(self.of, Of::Machines, "a file of arrivals holds no machines");
        super::check::machine(event, names)?;
        self.begin()?;
        self.line(&event.line(names))
    }

    fn finish(&mut self, _: &Names) -> Result<(), WriteError> {
        self.begin()?;
        io::Write::flush(&mut self.out)?;
        Ok(())
    }
}

impl<W: io::Write> fmt::Debug for JsonWriter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JsonWriter").field("of", &self.of).finish_non_exhaustive()
    }
}
