//! What this question may be told.

use benches::arguments::Output;
use clap::{Parser, ValueEnum};

/// One question of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// All agents register: how long, and how much memory and processor time for each
    Register,
    /// Many tasks, accept to acknowledged: how many a second
    Tasks,
    /// One task at a time: how long until it runs, and until its resources are offered again
    One,
    /// What do operators who read everything cost those who launch tasks?
    Pollers,
    /// A leader of three is killed: how long until offers and agents are back
    Failover,
    /// How far it goes
    Large,
}

/// How parties know each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Security {
    /// Certificates on both sides
    Tls,
    /// None
    Plain,
    /// First without, then with
    Both,
}

/// How far does a master go?
#[derive(Debug, Clone, Parser)]
#[command(about = "How far does a master go? Figures beside their targets")]
pub(crate) struct Arguments {
    /// Which questions; all when none is named
    pub(crate) parts: Vec<Part>,
    /// Emulated agents [default: 10000; in `large` 50000]
    #[arg(long, value_name = "COUNT")]
    pub(crate) agents: Option<usize>,
    /// Frameworks that hold tasks [default: 200]
    #[arg(long, value_name = "COUNT")]
    pub(crate) frameworks: Option<usize>,
    /// Tasks that run, or that are launched [default: 100000, or 10000 in `tasks`]
    #[arg(long, value_name = "COUNT")]
    pub(crate) tasks: Option<usize>,
    /// With certificates or without [default: what the part has a target for]
    #[arg(long, value_enum)]
    pub(crate) security: Option<Security>,
    /// Operators who read everything, in `pollers`
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) pollers: usize,
    /// Pause of a poller between two states
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) poll_pause_ms: u64,
    /// Agents that share a connection; more than one is for hosts with few file descriptors
    #[arg(long, value_name = "COUNT")]
    pub(crate) agents_per_connection: Option<usize>,
    /// Wait so many seconds when a cluster stands: for looking at it from elsewhere
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) linger_s: u64,
    /// How to print the figures
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) output: Output,
    /// A hundredth of everything: to see whether it works, not for figures
    #[arg(long)]
    pub(crate) quick: bool,
    /// Poll this master until standard input ends; how this program calls itself
    #[arg(long, hide = true, value_name = "ADDRESS")]
    pub(crate) poll: Option<String>,
    /// Folder with certificate files of the poller
    #[arg(long, hide = true, value_name = "FOLDER")]
    pub(crate) poll_identity: Option<std::path::PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// Those of this process; ends it when they make no sense.
    pub(crate) fn of_process() -> Self {
        let arguments = Self::parse();
        if cfg!(debug_assertions) && arguments.poll.is_none() {
            eprintln!("built for debugging: these figures mean nothing");
        }
        arguments
    }

    /// What is asked.
    pub(crate) fn parts(&self) -> Vec<Part> {
        match self.parts.is_empty() {
            true => Part::value_variants().to_vec(),
            false => self.parts.clone(),
        }
    }

    /// What was said, or a default that a quick run takes a hundredth of.
    pub(crate) fn amount(&self, said: Option<usize>, default: usize) -> usize {
        said.unwrap_or(if self.quick { (default / 100).max(1) } else { default })
    }

    /// The kinds of security to run with: what was said, or what the part has targets for.
    pub(crate) fn securities(&self, default: Security) -> Vec<bool> {
        match self.security.unwrap_or(default) {
            Security::Tls => vec![true],
            Security::Plain => vec![false],
            Security::Both => vec![false, true],
        }
    }
}

/// In the names of figures.
pub(crate) fn name_of(tls: bool) -> &'static str {
    if tls { "mTLS" } else { "plain text" }
}
