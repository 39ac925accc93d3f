//! What every question may be told on its command line.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// How figures are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Table,
    /// For comparing with another time.
    Json,
}

/// Arguments of a question.
#[derive(Debug, Clone, Parser)]
#[command(about = "One question about speed or size; figures beside their targets")]
pub struct Arguments {
    /// How to print the figures
    #[arg(long, value_enum, default_value = "table")]
    pub output: Output,
    /// Shorter and fewer runs: to see whether it works, not for figures
    #[arg(long)]
    pub quick: bool,
    /// Draw how costs grow into this file, as SVG, where the question has curves
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Only the parts whose names contain this
    pub part: Option<String>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    /// Those of this process; ends it when they make no sense.
    pub fn of_process() -> Self {
        let arguments = Self::parse();
        if cfg!(debug_assertions) {
            eprintln!("built for debugging: these figures mean nothing");
        }
        arguments
    }

    /// Whether this part is wanted.
    pub fn wants(&self, part: &str) -> bool {
        self.part.as_ref().is_none_or(|wanted| part.contains(wanted.as_str()))
    }

    /// The full amount, or a tenth of it in a quick run, at least one.
    pub fn amount(&self, full: usize) -> usize {
        if self.quick { (full / 10).max(1) } else { full }
    }
}
