//! What people and programs see: tables that fit the terminal, or JSON.

pub(crate) mod agent_life;
pub(crate) mod groups;
mod holds;
mod inverse;
pub(crate) mod past;
mod preemption;
pub(crate) mod reservations;
pub(crate) mod roles;
pub(crate) mod rows;
pub(crate) mod table;
pub(crate) mod volumes;
pub(crate) mod why;

use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};

/// The form of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Format {
    /// A table.
    #[default]
    Table,
    /// JSON, an array or an object.
    Json,
}

/// One line of a table.
pub(crate) trait Row: Serialize {
    /// Column titles.
    const TITLES: &'static [&'static str];

    /// One text per column.
    fn cells(&self) -> Vec<String>;
}

/// Prints a listing. A reader that has gone away, such as `head`, is no error.
pub(crate) fn print_rows<R: Row>(format: Format, rows: &[R]) -> anyhow::Result<()> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(rows)? + "\n",
        Format::Table => table::render(R::TITLES, rows.iter().map(Row::cells)),
    };
    print_text(&text)
}

/// Prints one value as JSON, or the given text.
pub(crate) fn print_one<T: Serialize>(
    format: Format,
    value: &T,
    text: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    match format {
        Format::Json => print_text(&(serde_json::to_string_pretty(value)? + "\n")),
        Format::Table => print_text(&text()),
    }
}

/// Prints text; a closed pipe ends the output quietly.
pub(crate) fn print_text(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(problem) if problem.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Whether to use colours and bars on standard error.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}
/// A cell's text, or a sign that there is none.
fn or_dash(text: String) -> String {
    if text.is_empty() { "–".to_owned() } else { text }
}
