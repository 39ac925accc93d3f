//! The exercises: one kind of harm each, repeated under a load, and judged.
//!
//! All have the same parameters, so that a run may be short where everything is tested, and full
//! where somebody wants to know.

mod agents_killed;
mod calls;
mod containers_churn;
mod disk_full;
mod disk_slow;
mod hostile_tasks;
mod launch_calls;
mod leader_isolated;
mod leader_killed;
mod leader_stopped;
mod links;
mod links_flap;
mod masters_killed;
mod one_way;
mod power_cut;
mod rolling_upgrade;
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
    /// Whether it is the network that is harmed, of whichever kind, for as long as one likes.
    pub harms_network: bool,
    /// Whether its rounds are numbered steps, and may begin anywhere.
    pub has_steps: bool,
    run: fn(&Order<'_>) -> anyhow::Result<Report>,
}

/// What to run, for how long, and who watches.
#[expect(missing_debug_implementations, reason = "a function has nothing to show")]
pub struct Order<'a> {
    /// The `bourse` to start.
    pub program: PathBuf,
    /// For how long.
    pub length: Length,
    /// Where harm is done to one call after another: the step that comes first, from 1.
    pub from: usize,
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
        harms_network: false,
        has_steps: false,
        run: leader_killed::run,
    },
    Exercise {
        name: "leader-stopped",
        about: "SIGSTOP of the leading master for 15 s; readers must not hear of the past",
        rounds: 20,
        harms_network: false,
        has_steps: false,
        run: leader_stopped::run,
    },
    Exercise {
        name: "masters-killed",
        about: "kill -9 of all masters at once",
        rounds: 50,
        harms_network: false,
        has_steps: false,
        run: masters_killed::run,
    },
    Exercise {
        name: "leader-isolated",
        about: "the leading master is cut off from everybody for 35 s",
        rounds: 20,
        harms_network: true,
        has_steps: false,
        run: leader_isolated::run,
    },
    Exercise {
        name: "one-way",
        about: "the leading master is not heard for 35 s; then the next one does not hear",
        rounds: 20,
        harms_network: true,
        has_steps: false,
        run: one_way::run,
    },
    Exercise {
        name: "links-flap",
        about: "every link is cut for 1 s and whole for 1 s",
        rounds: 150,
        harms_network: true,
        has_steps: false,
        run: links_flap::run,
    },
    Exercise {
        name: "triangle",
        about: "the leader and one follower are cut off from each other for 60 s",
        rounds: 5,
        harms_network: true,
        has_steps: false,
        run: triangle::run,
    },
    Exercise {
        name: "agents-killed",
        about: "kill -9 of a random agent every 2 s, about 20 tasks on each; none may notice",
        rounds: 300,
        harms_network: false,
        has_steps: false,
        run: agents_killed::run,
    },
    Exercise {
        name: "calls-killed",
        about: "kill -9 of master and agent in each call that changes their files, by strace",
        rounds: 2_000,
        harms_network: false,
        has_steps: true,
        run: calls::killed,
    },
    Exercise {
        name: "calls-failing",
        about: "EIO at each sync, ENOSPC at each write of master and agent, by strace",
        rounds: 2_000,
        harms_network: false,
        has_steps: true,
        run: calls::failing,
    },
    Exercise {
        name: "launch-calls",
        about: "kill -9 and ENOSPC in each call of a launch and an end, by strace",
        rounds: 500,
        harms_network: false,
        has_steps: true,
        run: launch_calls::run,
    },
    Exercise {
        name: "power-cut",
        about: "what master and agent have not synced is lost, at a random moment",
        rounds: 500,
        harms_network: false,
        has_steps: false,
        run: power_cut::run,
    },
    Exercise {
        name: "disk-full",
        about: "the disk of master or agent has no room for a while",
        rounds: 40,
        harms_network: false,
        has_steps: false,
        run: disk_full::run,
    },
    Exercise {
        name: "disk-slow",
        about: "the disk of the leading master, or of a follower, takes up to 5 s for a sync",
        rounds: 40,
        harms_network: false,
        has_steps: false,
        run: disk_slow::run,
    },
    Exercise {
        name: "containers-churn",
        about: "10 000 containers are launched and end, 100 each round; nothing is left of them",
        rounds: 100,
        harms_network: false,
        has_steps: false,
        run: containers_churn::run,
    },
    Exercise {
        name: "hostile-tasks",
        about: "fork bomb, memory hog, log flood and disk filler beside 10 honest tasks",
        rounds: 20,
        harms_network: false,
        has_steps: false,
        run: hostile_tasks::run,
    },
    Exercise {
        name: "rolling-upgrade",
        about: "masters are upgraded one by one and go back, under 200 accepts/s",
        rounds: 10,
        harms_network: false,
        has_steps: false,
        run: rolling_upgrade::run,
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

/// A plan of steps, each with its number, of which a run takes some.
struct Steps<T> {
    steps: Vec<(usize, T)>,
    length: Length,
}

impl<T: Copy> Steps<T> {
    /// All that is left of a plan for an order.
    fn of(plan: Vec<T>, order: &Order<'_>) -> anyhow::Result<Self> {
        let last = plan.len();
        let steps: Vec<(usize, T)> = (1..).zip(plan).skip(order.from.saturating_sub(1)).collect();
        let from = order.from;
        anyhow::ensure!(!steps.is_empty(), "there is no step {from}: the last is step {last}");
        Ok(Self { length: order.length.at_most(steps.len()), steps })
    }

    /// The same order, with no more rounds than there are steps.
    fn shorten<'a>(&self, order: &Order<'a>) -> Order<'a> {
        Order { program: order.program.clone(), length: self.length, ..*order }
    }

    /// The step of a round, and its number.
    fn at(&self, round: u64) -> (usize, T) {
        self.steps[choice(round, self.length, self.steps.len())]
    }
}

impl Length {
    /// No more rounds than there are steps.
    fn at_most(self, steps: usize) -> Self {
        match self {
            Self::Rounds(rounds) => Self::Rounds(rounds.min(steps as u64)),
            Self::For(_) => self,
        }
    }

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

/// Which of some steps a round takes: fewer rounds than steps take an even sample; more time than
/// all steps need begins again.
fn choice(round: u64, length: Length, steps: usize) -> usize {
    let round = usize::try_from(round).unwrap_or(usize::MAX);
    match length {
        Length::Rounds(rounds) => {
            round * steps / usize::try_from(rounds).unwrap_or(usize::MAX).max(1)
        }
        Length::For(_) => round % steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_reaches_from_the_first_step_to_the_last_ones() {
        let chosen = |rounds| {
            let choose = move |round| choice(round, Length::Rounds(rounds), 10);
            (0..rounds).map(choose).collect::<Vec<_>>()
        };
        assert_eq!(chosen(10), (0..10).collect::<Vec<_>>());
        assert_eq!(chosen(4), [0, 2, 5, 7]);
        assert_eq!(choice(13, Length::For(Duration::MAX), 10), 3);
    }
}
