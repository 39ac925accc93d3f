//! Hostile bytes: everything that reads what others wrote gets what nobody should have written.
//!
//! ```text
//!  schemas, writers, files ──seeds──▶ mutate ──bytes──▶ target ──situations──▶ drive
//!                                       ▲                                        │
//!                                       └────────── what met a new one ──────────┘
//! ```
//!
//! A [`Target`] is a function of bytes that panics only when one of its properties does not hold.
//! [`drive`] feeds it with what once failed, with seeds, and with mutants of these. A mutant that
//! meets a situation which nobody met before (a refusal of another field, a fact, an effect) is
//! kept and mutated on; so inputs get past the outer layers without instrumented code, on any
//! toolchain. All is decided by a seed.
//!
//! It knows nothing of what is right: that is written in the targets, or in the crates they call.

#![forbid(unsafe_code)]

pub mod drive;
pub mod mutate;
pub mod schema;
pub mod situation;
pub mod targets;
pub mod wire;

/// What is fed.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder of regressions.
    pub name: &'static str,
    /// Panics when a property does not hold.
    pub run: fn(&[u8]),
    /// What to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// What the bytes look like.
    pub form: mutate::Form,
    /// How often it is run when nobody says for how long.
    pub executions: u64,
    /// How many different situations even that short run meets; one that meets fewer has begun to
    /// fail at the door, and finds nothing.
    pub situations_min: usize,
    /// Whether nobody but root can run it.
    pub needs_root: bool,
}
