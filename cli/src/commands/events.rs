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
use proto::{
    convert::{refusal, watch::write_watch_filter},
    model::{AgentId, FrameworkId, Role, WatchFilter, WatchKind},
    wire::v1,
};
use serde::Serialize;
use std::collections::BTreeSet;
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
    /// Only facts about these
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    kind: Vec<Kind>,
    /// Only this framework, its tasks, and what it is offered
    #[arg(long, value_name = "FRAMEWORK")]
    framework: Option<FrameworkId>,
    /// Only this agent, tasks on it, and offers of it
    #[arg(long, value_name = "AGENT")]
    agent: Option<AgentId>,
    /// Only this role and those below it, and the frameworks, tasks and offers in them
    #[arg(long, value_name = "ROLE")]
    role: Option<Role>,
}

/// What facts are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Agent,
    Framework,
    Task,
    Offer,
    Role,
    Window,
}

impl EventsArgs {
    /// What the master is asked for. Offers come and go all the time, so that they are shown to
    /// whoever asks for them.
    fn filter(&self) -> WatchFilter {
        let kinds: BTreeSet<WatchKind> = match self.kind.is_empty() {
            true => WatchKind::ALL.into_iter().filter(|kind| *kind != WatchKind::Offer).collect(),
            false => self.kind.iter().map(|kind| WatchKind::from(*kind)).collect(),
        };
        let offers = self.offers.then_some(WatchKind::Offer);
        WatchFilter {
            kinds: kinds.into_iter().chain(offers).collect(),
            framework: self.framework,
            agent: self.agent.clone(),
            role: self.role.clone(),
        }
    }
}

impl From<Kind> for WatchKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Agent => WatchKind::Agent,
            Kind::Framework => WatchKind::Framework,
            Kind::Task => WatchKind::Task,
            Kind::Offer => WatchKind::Offer,
            Kind::Role => WatchKind::Role,
            Kind::Window => WatchKind::Window,
        }
    }
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
        let filter = Some(write_watch_filter(&args.filter()));
        let message = v1::WatchRequest { after_sequence: after, filter };
        let mut events = connection
            .ask(|mut client| {
                let message = request(message.clone());
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
                    show(format, event)?;
                }
                // The leader has gone: the next one has the same numbers.
                Ok(None) => break,
                Err(status) => {
                    use proto::model::Reason::{NotLeader, NotReady, OutcomeUnknown, Overloaded};
                    let refusal = refusal::from_status(&status);
                    match refusal.reason {
                        NotLeader | NotReady | OutcomeUnknown => {}
                        // Shown more slowly than it happens: what was missed is still held.
                        Overloaded if after.is_some() => {
                            let pause = refusal.retry_after.unwrap_or_default().as_ms();
                            tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
                        }
                        _ => return Err(anyhow!(refusal)),
                    }
                    break;
                }
            }
        }
    }
}

fn show(format: Format, event: v1::ClusterEvent) -> anyhow::Result<()> {
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
        Some(Fact::OfferMade(offer)) => row!("offer", OfferRow::from(offer)),
        Some(Fact::OfferEnded(id)) => named("offer ended", id),
        _ => return Ok(()),
    }?;
    print_text(&text)
}
