//! What a master decides, purely.
//!
//! ```text
//!  input ─▶ 1 intake ──command──▶ 2 consensus ──committed──▶ 3 ledger ──events──▶ 6 dispatch
//!              │                                                │                     │ outbox
//!              └── reads (after read-index) ◀───────────────────┤                     ▼
//!                                                4 allocator ◀──┘ view patched        ▲
//!                                                     └──plan──▶ 5 offers ────────────┘
//! ```
//!
//! [`Master::step`] takes one input, [`Master::flush`] ends a turn: it proposes what the turn
//! gathered as one log entry, hands out what must be persisted and sent, applies what is committed,
//! and makes offers. Nothing here does I/O, reads a clock, draws entropy or spawns anything.
//!
//! # Architecture invariants
//!
//! - The ledger does not know that the allocator exists, nor who is connected, nor a clock.
//! - The allocator cannot change anything: it returns a plan.
//! - Only [`ledger::Ledger::apply`] changes replicated state, and it re-checks everything.
//! - Offers are the leader's alone and volatile; their ids carry its term.
//! - Dispatch never runs on a follower.
//! - A leader answers nothing before the first entry of its term is applied.

#![forbid(unsafe_code)]

pub mod allocator;
pub mod config;
pub mod consensus;
pub mod dispatch;
pub mod input;
pub mod intake;
pub mod ledger;
pub mod liveness;
pub mod master;
pub mod offers;
pub mod outbox;
pub mod placement;
pub mod preemption;
pub mod reads;
pub mod table;

pub use config::Config;
pub use input::{Input, Now};
pub use ledger::Ledger;
pub use master::Master;
pub use outbox::{Effect, Outbox};
