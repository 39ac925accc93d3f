//! `bourse events`: what changes in the cluster, as it happens.

use crate::{
    connection::{Connection, request},
    output::{
        Format, Row as _,
        agent_life::WindowRow,
        print_text,
        roles::RoleRow,
        rows::{AgentRow, FrameworkRow, OfferRow, TaskRow},
        table::escape,
    },
};
use anyhow::anyhow;
use proto::{convert::refusal, wire::v1};
use serde::Serialize;
use v1::cluster_event::Event as Fact;

/// Flags of `bourse events`.
#[derive(Debug, clap::Args)]
pub(crate) struct EventsArgs {
    /// Go on for ever; otherwise only what is still held after --after
    #[arg(short, long)]
    follow: bool,
    /// Resume after this sequence number
    #[arg(long)]
    after: Option<u64>,
    /// Show offers as well
    #[arg(long)]
    offers: bool,
}

#[derive(Debug, Serialize)]
struct Shown<T: Serialize> {
    sequence: u64,
    event: &'static str,
    #[serde(flatten)]
    row: T,
}

#[derive(Debug, Serialize)]
struct Named {
    id: String,
}

pub(crate) async fn run(
    connection: &Connection,
    format: Format,
    args: &EventsArgs,
) -> anyhow::Result<()> {
    let mut after = args.after;
    loop {
        let message = v1::WatchRequest { after_sequence: after };
        let mut events = connection
            .ask(|mut client| {
                let message = request(message);
                async move { client.watch(message).await }
            })
            .await?;
        loop {
            match events.message().await {
                Ok(Some(event)) => {
                    let caught_up = matches!(event.event, Some(Fact::Heartbeat(_)));
                    if !args.follow && caught_up {
                        return Ok(());
                    }
                    after = Some(event.sequence);
                    show(format, args.offers, event)?;
                }
                // The leader has gone: the next one has the same numbers.
                Ok(None) => break,
                Err(status) => {
                    use proto::model::Reason::{NotLeader, NotReady, OutcomeUnknown};
                    let refusal = refusal::from_status(&status);
                    if !matches!(refusal.reason, NotLeader | NotReady | OutcomeUnknown) {
                        return Err(anyhow!(refusal));
                    }
                    break;
                }
            }
        }
    }
}

fn show(format: Format, offers: bool, event: v1::ClusterEvent) -> anyhow::Result<()> {
    let sequence = event.sequence;
    let line = |event: &'static str, text: String, json: Result<String, _>| match format {
        Format::Json => json.map(|json| json + "\n"),
        Format::Table => Ok(format!("{sequence:<14} {event:<18} {}\n", escape(&text))),
    };
    macro_rules! row {
        ($name:literal, $row:expr) => {{
            let row = $row;
            let text = row.cells().join("  ");
            line($name, text, serde_json::to_string(&Shown { sequence, event: $name, row }))
        }};
    }
    let named = |event: &'static str, id: String| {
        let row = Named { id: id.clone() };
        line(event, id, serde_json::to_string(&Shown { sequence, event, row }))
    };
    let text = match event.event {
        Some(Fact::AgentChanged(agent)) => row!("agent", AgentRow::from(agent)),
        Some(Fact::FrameworkChanged(framework)) => row!("framework", FrameworkRow::from(framework)),
        Some(Fact::TaskChanged(task)) => row!("task", TaskRow::from(task)),
        Some(Fact::RoleChanged(role)) => row!("role", RoleRow::from(role)),
        Some(Fact::WindowChanged(window)) => row!("window", WindowRow::from(window)),
        Some(Fact::WindowEnded(id)) => named("window ended", id),
        Some(Fact::AgentRemoved(id)) => named("agent removed", id),
        Some(Fact::FrameworkRemoved(id)) => named("framework removed", id),
        Some(Fact::OfferMade(offer)) if offers => row!("offer", OfferRow::from(offer)),
        Some(Fact::OfferEnded(id)) if offers => named("offer ended", id),
        _ => return Ok(()),
    }?;
    print_text(&text)
}
