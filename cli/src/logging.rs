//! Structured logs on standard error, for people or for programs.

use tracing_subscriber::EnvFilter;

/// Flags of the log.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Log")]
pub(crate) struct LogArgs {
    /// What to log: a level, or targets with levels [default: info for servers, warn otherwise]
    #[arg(long, env = "BOURSE_LOG", global = true)]
    log: Option<String>,
    /// Form of the log
    #[arg(long, value_enum, default_value_t, env = "BOURSE_LOG_FORMAT", global = true)]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum LogFormat {
    /// Lines for people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Starts the log; `default` is the filter when nothing was asked for.
pub(crate) fn start(args: &LogArgs, default: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(args.log.as_deref().unwrap_or(default))
        .map_err(|problem| anyhow::anyhow!("--log is not a filter: {problem}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(crate::output::stderr_is_terminal());
    match args.log_format {
        LogFormat::Human => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}
