//! `bourse maintenance`: times during which agents are away.
//!
//! The cluster counts on a clock of its own: a start that is typed as a date becomes a length of
//! time from now, by this machine's clock.

use super::agents::{drain_plan, milliseconds, tell};
use crate::{
    arguments::Client,
    connection::{Connection, request},
    context::ContextArgs,
    every_page,
    output::{Format, agent_life::WindowRow, print_one, print_rows},
};
use proto::wire::v1;
use std::time::{Duration, SystemTime};

/// What can be done about maintenance.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Plan a window for the agents that a selector names
    Schedule(Client<ScheduleArgs>),
    /// List windows that have not ended
    List(ContextArgs),
    /// Cancel a window, or end one that has begun
    Cancel(Client<CancelArgs>),
}

/// Flags of `bourse maintenance schedule`.
#[derive(Debug, clap::Args)]
pub(crate) struct ScheduleArgs {
    /// Which agents: `rack=r1`, `hostname=h1`, `id=a1`; several conditions, separated by commas,
    /// must all hold
    #[arg(long)]
    selector: String,
    /// When it begins: `now`, in a while such as `2h`, or a date such as `2026-07-01T02:00:00Z`
    #[arg(long, value_parser = parse_start)]
    start: Start,
    /// How long it lasts, such as `30m`
    #[arg(long, value_parser = humantime::parse_duration)]
    duration: Duration,
    /// Drain the agents when it begins
    #[arg(long)]
    drain: bool,
    /// When all tasks end regardless of budgets, from the beginning on [default: 1h]
    #[arg(long, value_parser = humantime::parse_duration, requires = "drain")]
    drain_deadline: Option<Duration>,
    /// Longest time between TERM and KILL
    #[arg(long, value_parser = humantime::parse_duration, requires = "drain")]
    max_grace: Option<Duration>,
    /// Shown in listings
    #[arg(long, default_value_t)]
    comment: String,
}

/// Flags of `bourse maintenance cancel`.
#[derive(Debug, clap::Args)]
pub(crate) struct CancelArgs {
    /// Window id, such as `window-3`
    window: String,
}

/// When a window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    In(Duration),
    At(SystemTime),
}

#[derive(Debug, serde::Serialize)]
struct Scheduled {
    window: String,
}

fn parse_start(text: &str) -> Result<Start, String> {
    if text == "now" {
        return Ok(Start::In(Duration::ZERO));
    }
    if let Ok(time) = humantime::parse_duration(text) {
        return Ok(Start::In(time));
    }
    let date = humantime::parse_rfc3339_weak(text);
    date.map(Start::At).map_err(|_| {
        "write `now`, a length of time such as `2h`, or a date such as `2026-07-01T02:00:00Z`"
            .to_owned()
    })
}

impl Start {
    fn ms_from(self, now: SystemTime) -> anyhow::Result<u64> {
        match self {
            Self::In(time) => Ok(milliseconds(time)),
            Self::At(at) => match at.duration_since(now) {
                Ok(time) => Ok(milliseconds(time)),
                Err(_) => anyhow::bail!("the start is in the past; for one at once write `now`"),
            },
        }
    }
}

pub(crate) async fn run(command: MaintenanceCommand, format: Format) -> anyhow::Result<()> {
    match command {
        MaintenanceCommand::Schedule(Client { context, args }) => {
            schedule(&Connection::of(&context)?, format, args).await
        }
        MaintenanceCommand::List(context) => {
            let connection = Connection::of(&context)?;
            let request = v1::ListMaintenanceRequest::default();
            let rows = every_page!(connection, list_maintenance, windows, request);
            print_rows(format, &rows.into_iter().map(WindowRow::from).collect::<Vec<_>>())
        }
        MaintenanceCommand::Cancel(Client { context, args: CancelArgs { window } }) => {
            let message = v1::CancelMaintenanceRequest { window_id: window.clone() };
            tell!(Connection::of(&context)?, cancel_maintenance, message);
            eprintln!("{window} is cancelled");
            Ok(())
        }
    }
}

async fn schedule(
    connection: &Connection,
    format: Format,
    args: ScheduleArgs,
) -> anyhow::Result<()> {
    let drain = drain_plan(args.drain_deadline, args.max_grace, false);
    let plan = v1::WindowPlan {
        selector: args.selector,
        starts_in_ms: args.start.ms_from(SystemTime::now())?,
        duration_ms: milliseconds(args.duration),
        drain: args.drain.then_some(drain),
        comment: args.comment,
    };
    let message = v1::ScheduleMaintenanceRequest { plan: Some(plan) };
    let answer = tell!(connection, schedule_maintenance, message);
    let scheduled = Scheduled { window: answer.window_id };
    print_one(format, &scheduled, || format!("{}\n", scheduled.window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_date_or_a_while() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let ms = |text: &str| parse_start(text).unwrap().ms_from(now);
        assert_eq!(ms("now").unwrap(), 0);
        assert_eq!(ms("2m").unwrap(), 120_000);
        assert_eq!(ms("1970-01-01T00:17:00Z").unwrap(), 20_000);
        assert!(ms("1970-01-01T00:16:00Z").unwrap_err().to_string().contains("past"));
        assert!(parse_start("tomorrow").unwrap_err().contains("2h"));
    }
}
