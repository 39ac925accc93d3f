//! The places where a rule knowingly does not hold, each with its argument.
//!
//! An entry that no longer covers anything fails the run, so the list can only shrink by itself.

/// One file in which one rule is waived.
#[derive(Debug, Clone, Copy)]
pub struct Exception {
    /// Name of the rule, as violations print it.
    pub rule: &'static str,
    /// Path from the repository's root.
    pub path: &'static str,
    /// Why breaking the rule is right there.
    pub reason: &'static str,
}

/// Every waiver of this repository.
pub const EXCEPTIONS: &[Exception] = &[];

/// A banned crate that may appear in a core's dependency tree below one named crate.
#[derive(Debug, Clone, Copy)]
pub struct Tolerated {
    /// The banned crate.
    pub name: &'static str,
    /// The crate that must be among its ancestors.
    pub below: &'static str,
    /// Why it does no harm there.
    pub reason: &'static str,
}

/// What the cores' dependency trees hold against the rule.
pub const TOLERATED: &[Tolerated] = &[
    Tolerated {
        name: "rand",
        below: "raft",
        reason: "raft 0.7 draws election timeouts from it; consensus overwrites each of them from \
                 our seeded generator",
    },
    Tolerated {
        name: "getrandom",
        below: "raft",
        reason: "seeds raft's rand 0.8, whose draws are overwritten",
    },
];
