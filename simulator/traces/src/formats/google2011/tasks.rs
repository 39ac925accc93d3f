//! Arrivals out of the table of tasks' events.
//!
//! A task is known when it ends: only then can its duration be told. So arrivals stand by the time
//! at which their task ended, those that never ended last, and a replay sorts them first. What is
//! held meanwhile is one entry for each live task.
//!
//! Traps: a task that is evicted is submitted again and is the same one; its duration is that of
//! its last run. One that is submitted again after it failed or was killed is another arrival. The
//! trace does not always say what a task asks for; such tasks are left out.

use super::events::{Event, TaskEvent, Tasks, table};
use crate::{
    error::ReadError,
    model::{Arrival, Class, Constraints, Kind, Names, PerMachine, Scope, Shape},
    reader::{Arrivals, Aside, Step, Table},
    source::Source,
};
use std::{
    collections::{BTreeMap, btree_map},
    num::NonZeroU32,
    sync::Arc,
};

/// The lowest priority of production.
const PRODUCTION: u8 = 9;
/// The lowest scheduling class of what serves somebody who waits.
const SERVING: u8 = 2;
/// What the scheduling classes are called.
const CLASS_NAMES: [&str; 4] = ["0", "1", "2", "3"];

/// A task that was submitted and did not end yet.
struct Live {
    arrival: Arrival,
    request: Option<Shape>,
    began_ns: Option<u64>,
}

struct Assembly {
    events: Table<Tasks>,
    live: BTreeMap<(u64, u32), Live>,
    /// What is left when the events are over.
    rest: Option<btree_map::IntoValues<(u64, u32), Live>>,
    /// What every task of a job asks for that wants machines of their own.
    spread: Arc<Constraints>,
}

/// Reads the table of tasks' events as arrivals of one task each. The queue is the scheduling
/// class; production of the classes 2 and 3 is service, all else batch.
pub fn tasks(source: Source, names: Names) -> Result<Arrivals, ReadError> {
    let per_machine = Some(PerMachine { at_most: NonZeroU32::MIN, of: Scope::Job });
    let spread = Arc::new(Constraints { per_machine, ..Constraints::default() });
    let (events, live) = (table(source), BTreeMap::new());
    Ok(Arrivals::new(Assembly { events, live, rest: None, spread }, names))
}

impl Step<Arrival> for Assembly {
    fn next(&mut self, aside: &mut Aside) -> Result<Option<Arrival>, ReadError> {
        while self.rest.is_none() {
            let Some(event) = self.events.next(aside)? else {
                self.rest = Some(std::mem::take(&mut self.live).into_values());
                break;
            };
            if let Some(arrival) = self.take(&event, aside) {
                return Ok(Some(arrival));
            }
        }
        for live in self.rest.iter_mut().flatten() {
            if let Some(arrival) = live.known(aside) {
                return Ok(Some(arrival));
            }
        }
        Ok(None)
    }
}

impl Assembly {
    /// What an event comes to: an arrival, if the task ends by it.
    fn take(&mut self, event: &TaskEvent, aside: &mut Aside) -> Option<Arrival> {
        let key = (event.job, event.task);
        let spread = &self.spread;
        let live = self.live.entry(key).or_insert_with(|| Live::new(event, spread, aside));
        if event.request.is_some() {
            live.request = event.request;
        }
        match event.event {
            Event::Submit | Event::UpdatePending | Event::UpdateRunning => None,
            Event::Schedule => {
                live.began_ns = Some(event.at_ns);
                None
            }
            Event::Evict => {
                live.began_ns = None;
                None
            }
            Event::Fail | Event::Finish | Event::Kill | Event::Lost => {
                let mut live = self.live.remove(&key)?;
                live.arrival.duration_ns =
                    live.began_ns.and_then(|began_ns| event.at_ns.checked_sub(began_ns));
                if live.arrival.duration_ns.is_none() {
                    aside.notes.repair("it ended and had not begun: without a duration");
                }
                live.known(aside)
            }
        }
    }
}

impl Live {
    fn new(event: &TaskEvent, spread: &Arc<Constraints>, aside: &mut Aside) -> Self {
        if event.event != Event::Submit {
            aside.notes.repair("it was never submitted: it is by its first event");
        }
        let mut arrival = Arrival::new(event.job);
        arrival.submit_ns = event.at_ns;
        arrival.priority = i32::from(event.priority);
        arrival.user = event.user;
        arrival.queue = aside.names.intern(CLASS_NAMES[usize::from(event.class.min(3))]);
        if event.priority >= PRODUCTION && event.class >= SERVING {
            arrival.class = Class::Service;
        }
        arrival.constraints = event.is_spread.then(|| Arc::clone(spread));
        Self { arrival, request: None, began_ns: None }
    }

    /// The arrival, if it was ever said what it asks for.
    fn known(mut self, aside: &mut Aside) -> Option<Arrival> {
        let Some(request) = self.request else {
            aside.notes.skip("it is not known what it asks for");
            return None;
        };
        for kind in [Kind::Cpus, Kind::Mem, Kind::Disk] {
            self.arrival.each[kind] = request[kind];
        }
        Some(self.arrival)
    }
}
