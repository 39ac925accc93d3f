//! The exercises: one kind of harm each, repeated under a load, and judged.
//!
//! All have the same parameters, so that a run may be short where everything is tested, and full
//! where somebody wants to know.

mod leader_isolated;
mod leader_killed;
mod leader_stopped;
mod links;
mod links_flap;
mod masters_killed;
mod one_way;
mod stage;
mod triangle;

use crate::{figures::Report, network::Wires};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// One exercise.
#[derive(Debug, Clone, Copy)]
pub struct Exercise {
    /// What it is called.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Rounds of a full run.
    pub rounds: u64,
    run: fn(&Order<'_>) -> anyhow::Result<Report>,
}

/// What to run, for how long, and who watches.
#[expect(missing_debug_implementations, reason = "a function has nothing to show")]
pub struct Order<'a> {
    /// The `bourse` to start.
    pub program: PathBuf,
    /// For how long.
    pub length: Length,
    /// How long each harm lasts that does; as in a full run when nothing is said.
    pub lasting: Option<Duration>,
    /// Where the network is harmed: of which kind it is.
    pub wires: Wires,
    /// Told after each round how many are done; says whether there is to be another.
    pub watch: &'a (dyn Fn(u64) -> bool + Sync),
}

/// How long an exercise goes on.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    /// So many rounds.
    Rounds(u64),
    /// Rounds that begin within this time.
    For(Duration),
}

/// Every exercise.
pub const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "leader-killed",
        about: "kill -9 of the leading master every 5 s under 200 accepts/s",
        rounds: 120,
        run: leader_killed::run,
    },
    Exercise {
        name: "leader-stopped",
        about: "SIGSTOP of the leading master for 15 s; readers must not hear of the past",
        rounds: 20,
        run: leader_stopped::run,
    },
    Exercise {
        name: "masters-killed",
        about: "kill -9 of all masters at once",
        rounds: 50,
        run: masters_killed::run,
    },
    Exercise {
        name: "leader-isolated",
        about: "the leading master is cut off from everybody for 35 s",
        rounds: 20,
        run: leader_isolated::run,
    },
    Exercise {
        name: "one-way",
        about: "the leading master is not heard for 35 s; then the next one does not hear",
        rounds: 20,
        run: one_way::run,
    },
    Exercise {
        name: "links-flap",
        about: "every link is cut for 1 s and whole for 1 s",
        rounds: 150,
        run: links_flap::run,
    },
    Exercise {
        name: "triangle",
        about: "the leader and one follower are cut off from each other for 60 s",
        rounds: 5,
        run: triangle::run,
    },
];

impl Exercise {
    /// One by its name.
    pub fn named(name: &str) -> Option<&'static Self> {
        EXERCISES.iter().find(|exercise| exercise.name == name)
    }

    /// Runs it to its end. An error says that it could not be judged.
    pub fn run(&self, order: &Order<'_>) -> anyhow::Result<Report> {
        (self.run)(order)
    }
}

impl Length {
    /// Calls back for each round, with its number from 0; answers with how many there were.
    fn repeat(
        self,
        watch: &dyn Fn(u64) -> bool,
        mut round: impl FnMut(u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let begun = Instant::now();
        let (mut done, mut is_wanted) = (0, true);
        loop {
            let goes_on = match self {
                Self::Rounds(rounds) => done < rounds,
                Self::For(time) => begun.elapsed() < time,
            };
            if !goes_on || !is_wanted {
                return Ok(done);
            }
            round(done)?;
            done += 1;
            is_wanted = watch(done);
        }
    }
}
