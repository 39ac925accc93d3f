//! Lists of GPU jobs derived from Microsoft's Philly trace, and the activity of its nodes.
//!
//! Jobs: `job_id`, `user`, `num_gpu`, `submit_time`, `iterations`, `model_name`, `duration`,
//! `interval`, `expect_time_list` (deadlines after submission, joined by `-`), `expect_value_list`,
//! `best_effort`, `job_type` (`strict`, `soft`, `best`). Nodes: `time` (a date), `active`, `total`.
//!
//! Traps: times are slots of the authors' scheduler, taken for a second each, so they are relative;
//! rows are not in order of time. A job is a gang of tasks of one card. Its deadline is the first
//! of its list, when it is worth most; jobs of the type `best` have none although their row has.
//! Jobs that ask for no card ask for nothing at all. The nodes' shape is not known.

use crate::{
    error::ReadError,
    model::{Arrival, Change, Kind, Machine, MachineEvent, Names},
    reader::{Arrivals, Aside, Machines, Parse, Step, Table},
    source::Source,
    text::{Column, Fields, Header, Row, Rows, Unit, number::Decimal},
};

const SLOTS: &str = "a number of slots from 0 to 18 billion";
const CARDS: &str = "a number of cards from 0 to 4294967295";
const TYPE: &str = "`strict`, `soft` or `best`";
const DATE: &str = "a date as in 2017-10-03 00:00:00";
const MACHINES: &str = "a number of machines from 0 to 4294967295";

struct Jobs {
    job: Column,
    user: Column,
    cards: Column,
    submit: Column,
    duration: Column,
    deadlines: Column,
    kind: Column,
}

struct Nodes {
    rows: Rows,
    fields: usize,
    time: Column,
    active: Column,
    /// What time the first row says, and how many were active in the last.
    past: Option<(u64, u32)>,
}

/// Reads a list of jobs; the queue is the type, the priority 2 for `strict`, 1 for `soft`, else 0.
pub fn jobs(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of jobs like those derived from Philly")?;
    let parse = Jobs {
        job: header.column("job_id")?,
        user: header.optional("user"),
        cards: header.column("num_gpu")?,
        submit: header.column("submit_time")?,
        duration: header.column("duration")?,
        deadlines: header.optional("expect_time_list"),
        kind: header.optional("job_type"),
    };
    Ok(Arrivals::new(Table { rows, fields: header.len(), parse }, names))
}

/// Reads how many nodes were active when, as one machine whose count changes.
pub fn nodes(source: Source, names: Names) -> Result<Machines, ReadError> {
    let mut rows = Rows::new(source, Fields::Commas);
    let header = Header::read(&mut rows, "a list of Philly's active nodes")?;
    let (time, active) = (header.column("time")?, header.column("active")?);
    let fields = header.len();
    Ok(Machines::new(Nodes { rows, fields, time, active, past: None }, names))
}

impl Parse<Arrival> for Jobs {
    fn parse(&mut self, row: &Row<'_>, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        let mut job = Arrival::new(row.id(self.job)?);
        job.submit_ns = row.needed(self.submit, Unit::SECONDS, SLOTS)?;
        job.duration_ns = row.amount(self.duration, Unit::SECONDS, SLOTS)?;
        job.user = row.name(self.user, &mut aside.names)?;
        job.queue = row.name(self.kind, &mut aside.names)?;
        match row.count(self.cards, CARDS)? {
            0 => {}
            cards => {
                (job.tasks, job.gang) = (cards, cards > 1);
                job.each[Kind::Gpus] = 1_000;
            }
        }
        (job.priority, job.deadline_ns) = match row.text(self.kind) {
            b"strict" => (2, self.deadline(row, job.submit_ns)?),
            b"soft" => (1, self.deadline(row, job.submit_ns)?),
            b"best" => (0, None),
            b"" => (0, self.deadline(row, job.submit_ns)?),
            _ => return Err(row.bad(self.kind, TYPE)),
        };
        Ok(Some(job))
    }
}

impl Jobs {
    fn deadline(&self, row: &Row<'_>, submit_ns: u64) -> Result<Option<u64>, ReadError> {
        let list = row.text(self.deadlines);
        let Some(first) = list.split(|byte| *byte == b'-').next().filter(|it| !it.is_empty())
        else {
            return Ok(None);
        };
        let after_ns = Decimal::parse(first).and_then(|slots| slots.scaled(Unit::SECONDS));
        let deadline_ns = after_ns.and_then(|after_ns| submit_ns.checked_add(after_ns));
        deadline_ns.map(Some).ok_or_else(|| row.bad(self.deadlines, SLOTS))
    }
}

impl Step<MachineEvent> for Nodes {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<MachineEvent>, ReadError> {
        while self.rows.advance()? {
            let row = self.rows.row();
            row.check(self.fields)?;
            let clock = clock_s(row.text(self.time)).ok_or_else(|| row.bad(self.time, DATE))?;
            let count = row.count(self.active, MACHINES)?;
            let Some((first, last)) = &mut self.past else {
                self.past = Some((clock, count));
                return Ok(Some(event(0, count, Change::Add)));
            };
            let since_ns = clock.checked_sub(*first).and_then(|it| it.checked_mul(1_000_000_000));
            let Some(at_ns) = since_ns else {
                return Err(row.bad(self.time, "a date after the first row's"));
            };
            if *last == count {
                aside.notes.skip("as many nodes are active as before");
                continue;
            }
            *last = count;
            return Ok(Some(event(at_ns, count, Change::Update)));
        }
        Ok(None)
    }
}

fn event(at_ns: u64, count: u32, change: fn(Machine) -> Change) -> MachineEvent {
    MachineEvent { at_ns, machine: 0, change: change(Machine { count, ..Machine::default() }) }
}

/// Seconds since the year 0 of `2017-10-03 00:00:00`, by the Gregorian calendar.
fn clock_s(text: &[u8]) -> Option<u64> {
    let (date, time) = text.split_at_checked(10)?;
    let [b' ' | b'T', time @ ..] = time else { return None };
    let [year, month, day] = numbers(date, b'-')?;
    let [hour, minute, second] = numbers(time, b':')?;
    let is_valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && year <= 9_999
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_valid {
        return None;
    }
    // Years that begin in March have their odd day at the end.
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = 365 * year + leap_days + (153 * month + 2) / 5 + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// Three numbers with a byte between them.
fn numbers(text: &[u8], by: u8) -> Option<[u64; 3]> {
    let mut parts = text.split(|byte| *byte == by);
    let mut next = || {
        let part = parts.next().filter(|part| part.len() <= 4 && !part.is_empty())?;
        std::str::from_utf8(part).ok()?.parse().ok()
    };
    let numbers = [next()?, next()?, next()?];
    parts.next().is_none().then_some(numbers)
}
