//! Runs that are under way: a run goes on until a moment and stops there, as often as somebody
//! likes; what happens is the same as without a stop. So whoever looks on (a timeline, a trend, a
//! progress bar, a person who asks how things stand) stands outside, and costs nothing when nobody
//! does.
//!
//! ```text
//!  drive ──run until the next moment──▶ Running (queueing, backfilling, filling, cluster)
//!    ▲                                     │ tasks, decisions ──▶ records
//!    └── state: resources, queues, digest ◀┘
//! ```

mod drive;
mod state;
mod stranded;
mod trend;

pub use drive::{Stop, Watch, drive};
pub use state::{MachineState, Resource, State, Waiting};
pub(crate) use stranded::Smallest;

use crate::{
    error::RunError,
    measures::Measures,
    plan::{PlanError, Policies, Study},
};
use simulator::engine::Time;
use std::fmt;

/// A run that is under way.
pub trait Running: fmt::Debug {
    /// Goes on with all that happens before a moment; without one until the end.
    fn run(&mut self, until: Option<Time>);

    /// Whether nothing more will happen.
    fn is_over(&self) -> bool;

    /// From when to when work comes; it may go on for longer.
    fn span(&self) -> (Time, Time);

    /// Who waits, in each queue that is told from others.
    fn waiting(&self) -> Vec<Waiting>;

    /// Whether waits are those of a steady state, so that a queue that grows to the end makes them
    /// mean nothing.
    fn settles(&self) -> bool {
        true
    }

    /// How things stand, but for who waits.
    fn state(&self) -> State;

    /// What happened before a moment, up to which it has just run, is warming up: nothing of it is
    /// measured.
    fn count_from(&mut self, at: Time);

    /// Each machine, where they are told from each other.
    fn machines(&self) -> Vec<MachineState> {
        Vec::new()
    }

    /// Keys of its study that may become others while it is under way.
    fn may_change(&self) -> &'static [&'static str] {
        &[]
    }

    /// It goes on as another study says, which differs in those keys alone.
    ///
    /// # Errors
    /// When a value of it is none.
    fn turn_to(&mut self, study: &Study, policies: &Policies) -> Result<(), PlanError> {
        let _ = (study, policies);
        Ok(())
    }

    /// What it comes to.
    ///
    /// # Errors
    /// When what it reads as it goes could not be read to the end.
    fn finish(self: Box<Self>) -> Result<Measures, RunError>;
}
