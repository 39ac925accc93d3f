//! Trials: whole clusters of real masters and real agents in a world that fails, decided by a seed.
//!
//! A trial has two phases. First faults of every kind come and only safety is asked for: the
//! oracles end the trial at the first thing that must never be. Then the world heals, and within a
//! bounded time everything that was wanted must have happened: one leader, all agents back, every
//! framework's tasks finished and acknowledged, all ledgers equal.
//!
//! | here | stands for |
//! |---|---|
//! | [`disk`] | a master's data directory, with what a crash forgets |
//! | `network`, `streams` | links between masters; connections of agents, frameworks, operators |
//! | `master_host` | a master's process: turns, effects, crashes, pauses |
//! | `agent_host` | an agent's process around the real core, its journal and containers |
//! | `framework_host`, `framework_calls` | scripted schedulers that retry everything |
//! | `faults`, `healing` | what goes wrong, and what must come right |
//! | `oracle` | who watches |

mod agent_disk;
mod agent_host;
mod agent_volumes;
mod agent_world;
mod departures;
pub mod disk;
mod event;
pub mod faults;
mod framework_calls;
mod framework_host;
mod grouping;
mod healing;
mod master_host;
mod master_world;
mod membership;
mod network;
mod operators;
pub mod options;
mod oracle;
mod reservations;
mod sometimes;
mod streams;
mod trace;
mod volumes;
mod wishes;
mod world;

pub use options::Options;
pub use sometimes::{MOMENTS, Sometimes};

/// What a trial that found nothing wrong has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Situations that were reached, and how often.
    pub sometimes: Sometimes,
    /// Faults injected.
    pub faults: u64,
    /// Faults drawn that made no sense at that moment.
    pub skipped: u64,
    /// Events of the whole run.
    pub events: u64,
    /// Virtual milliseconds until everything was right after healing.
    pub healed_after_ms: u64,
    /// Digests compared between hosts.
    pub digests_compared: u64,
    /// Changes of the masters that were committed.
    pub member_changes: u64,
    /// A fingerprint of every input and effect, when asked for.
    pub trace: Option<u128>,
}

/// Runs a trial to its end.
///
/// # Panics
/// With the broken invariant's name when an oracle objects, or when what must come right does not.
pub fn run(options: Options) -> Report {
    let mut world = world::World::new(options);
    world.endure();
    world.heal();
    world.report()
}
