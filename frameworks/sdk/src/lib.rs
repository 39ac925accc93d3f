//! Write a scheduler for Bourse.
//!
//! You write one type with one method: [`Scheduler::handle`] gets an [`Event`] and answers with
//! [`Calls`]. The [`Driver`] does the rest: it finds the leading master, subscribes, reconnects,
//! retries, acknowledges.
//!
//! ```
//! use bourse_sdk::model::{Duration, FrameworkInfo, Instant, Role, TaskState};
//! use bourse_sdk::{Calls, Event, Scheduler, TaskBuilder};
//!
//! /// Runs one task and ends when the task has ended.
//! struct Hello;
//!
//! impl Scheduler for Hello {
//!     fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
//!         match event {
//!             Event::Offers(offers) => {
//!                 for offer in offers {
//!                     let task = TaskBuilder::new("hello")
//!                         .cpus_milli(100)
//!                         .mem_mib(32)
//!                         .shell("echo hello")
//!                         .build(&offer.agent)
//!                         .expect("literals are well formed");
//!                     if offer.resources.contains(&task.resources) {
//!                         calls.accept(vec![offer.id], vec![task], Duration::from_seconds(5));
//!                         calls.suppress(vec![]);
//!                     } else {
//!                         calls.decline_briefly(vec![offer.id]);
//!                     }
//!                 }
//!             }
//!             Event::Refused { .. } => {
//!                 calls.revive(vec![]);
//!             }
//!             Event::Update(status) if status.state.is_terminal() => {
//!                 println!("{} {}", status.task, status.state);
//!                 calls.teardown();
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//!
//! async fn run() -> Result<(), bourse_sdk::DriverError> {
//!     let masters = bourse_sdk::Masters {
//!         addresses: vec!["localhost:5050".to_owned()],
//!         security: bourse_sdk::Security::Insecure,
//!     };
//!     let info = FrameworkInfo {
//!         name: "hello".to_owned(),
//!         roles: vec![Role::any()],
//!         failover_timeout: Duration::from_seconds(60),
//!         labels: vec![],
//!         disruption_budget: None,
//!         offer_terms: Vec::new(),
//!     };
//!     let settings = bourse_sdk::Settings::new(masters, info);
//!     bourse_sdk::Driver::new(settings).run(&mut Hello).await?;
//!     Ok(())
//! }
//! # let _ = run;
//! # let mut calls = Calls::default();
//! # Hello.handle(Instant(0), Event::Offers(vec![]), &mut calls);
//! # assert!(calls.take().is_empty());
//! ```
//!
//! What you may rely on:
//!
//! - **Every call is answered once**, with [`Event::Accepted`], [`Event::Done`],
//!   [`Event::Reconciling`] or [`Event::Refused`]. A refusal is final and means that nothing
//!   happened: a lost connection or a change of leader in between is the session's business, not
//!   yours.
//! - **Every update comes once**, in order per task, after the `Accepted` of its accept; nothing
//!   comes after a terminal state. It is acknowledged when `handle` returns, or by you
//!   ([`Acknowledgement::Manual`]) if you must store it first.
//! - **Say what you want** with [`Calls::state_demand`], and you are offered that and nothing
//!   else; say nothing, and you are offered whatever it is your turn for. The session says it again
//!   after a lost connection, less what was launched.
//! - **Offers are answered by you**: accept or decline each, soon. An offer that is held is not
//!   offered to others and is rescinded after a while. [`Event::Disconnected`] voids them all.
//! - **In a shared role** there are no offers: [`Event::SharedState`] shows what is free, to you
//!   and to others, [`CellState`] keeps it, and [`Calls::commit`] takes of it. Whoever is late is
//!   told.
//! - **Your tasks outlive your process** for `failover_timeout`. Start again with
//!   [`Settings::framework`] set to the id from [`Event::Subscribed`]: the older instance is fenced
//!   off, and the cluster tells what runs.
//! - **Time is an argument.** [`Calls::wake_at`] sets the alarm. A scheduler that never asks a
//!   clock runs unchanged in the simulator, and its tests need no cluster: call `handle` and look
//!   at [`Calls::take`]. For more, the feature `testing` has a whole cluster in virtual time.
//!
//! Rooms: `scheduler` (what you write), `session` and `engine` (pure, see there), `driver` (tokio
//! and tonic), `resources` (building tasks), `demand` (saying what is wanted), `cell` (what is
//! free in a shared role).

#![forbid(unsafe_code)]

pub mod cell;
pub mod demand;
pub mod driver;
pub mod engine;
pub mod resources;
pub mod scheduler;
pub mod session;
#[cfg(feature = "testing")]
pub mod testing;

pub use cell::{CellAgent, CellState};
pub use demand::{DemandBuilder, DemandError};
pub use driver::{
    Driver, DriverError, Finished, Masters, Security, Settings, Stopper, TlsSettings,
};
pub use engine::Engine;
pub use proto::model;
pub use proto::model::jitter;
pub use resources::{Remaining, TaskBuilder, TaskError};
pub use scheduler::{CallId, Calls, Event, Scheduler};
pub use session::Acknowledgement;
