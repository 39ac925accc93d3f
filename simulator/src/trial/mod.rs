//! Trials: whole clusters of real masters and real agents in a world that fails, decided by a seed.
//!
//! A trial has two phases. First faults of every kind come and only safety is asked for: the
//! oracles end the trial at the first thing that must never be. Then the world heals, and within a
//! bounded time everything that was wanted must have happened: one leader, all agents back, every
//! framework's tasks finished and acknowledged, all ledgers equal.
//!
//! | here | stands for |
//! |---|---|
//! | [`Scenario`], [`Preset`] | all that decides a run; how seeds draw it |
//! | [`attempt()`], [`Campaign`], [`minimise()`] | one run, many, and the smallest that fails |
//! | [`CELLS`], [`MOMENTS`] | what runs must have met |
//! | [`Hunt`], [`BUGS`] | what they must find when it is there |
//! | `agenda` | what will happen, in milliseconds |
//! | `disk` | a master's data directory, with what a crash forgets |
//! | `network`, `streams` | links between masters; connections of agents, frameworks, operators |
//! | `master_host`, `master_disks` | a master's process: turns, effects, crashes, pauses; writes |
//! | `agent_host` | an agent's process around the real core, and its journal |
//! | `agent_containers` | what its kernel does with containers |
//! | `framework_host`, `framework_calls` | scripted schedulers that retry everything |
//! | `framework_offers` | what they do with offers, now and then carelessly |
//! | `leader_questions` | what clients of a silent leader ask the others |
//! | `sdk_host`, `sdk_lives` | the SDK's session and the shipped batch framework |
//! | `faults`, `healing` | what goes wrong, and what must come right |
//! | `oracle` | who watches |

mod agenda;
mod agent_containers;
mod agent_disk;
mod agent_host;
mod agent_volumes;
mod agent_world;
mod attempt;
mod campaign;
mod clock;
mod departures;
mod disk;
mod event;
mod faults;
mod framework_calls;
mod framework_host;
mod framework_offers;
mod grouping;
mod healing;
#[cfg(feature = "planted-bugs")]
mod hunting;
mod leader_questions;
mod master_disks;
mod master_host;
mod master_world;
mod matrix;
mod membership;
mod minimise;
mod network;
mod operators;
mod options;
mod oracle;
mod planted;
mod preset;
mod reservations;
mod scenario;
mod sdk_host;
mod sdk_lives;
mod sometimes;
mod streams;
mod trace;
mod volumes;
mod watched_answers;
mod watching;
mod wishes;
mod world;

pub use attempt::{Failure, attempt};
pub use campaign::{Campaign, Summary};
pub use faults::{KINDS, Kind};
#[cfg(feature = "planted-bugs")]
pub use hunting::find;
pub use matrix::{CELLS, Cell};
pub use minimise::{Minimal, minimise};
pub use options::Options;
pub use planted::{BUGS, Bug, Find, Hunt, Hunted};
pub use preset::Preset;
pub use scenario::{PlannedFault, Scenario, ScenarioError};
pub use sometimes::{MOMENTS, Sometimes};
pub use trace::Watch;

use std::collections::BTreeMap;

/// What a trial that found nothing wrong has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Situations that were reached, and how often.
    pub sometimes: Sometimes,
    /// Faults injected, by kind.
    pub kinds: BTreeMap<Kind, u64>,
    /// Faults that made no sense at their moment.
    pub skipped: u64,
    /// Whether it did not come right because no sound majority of the disks was left.
    pub excused: bool,
    /// Messages between masters that were lost, doubled or made late.
    pub message_faults: u64,
    /// Events of the whole run.
    pub events: u64,
    /// Virtual milliseconds of the whole run.
    pub virtual_ms: u64,
    /// Virtual milliseconds until everything was right after healing.
    pub healed_after_ms: u64,
    /// Digests compared between hosts.
    pub digests_compared: u64,
    /// Changes of the masters that were committed.
    pub member_changes: u64,
    /// A fingerprint of every input and effect, when asked for.
    pub trace: Option<u128>,
}

impl Report {
    /// Faults injected.
    pub fn faults(&self) -> u64 {
        self.kinds.values().sum()
    }
}
