//! `bourse reservations`: what of agents is kept for roles.

use crate::{
    arguments::Client,
    connection::{Connection, request},
    context::ContextArgs,
    every_page,
    output::{Format, print_one, print_rows, reservations::ReservationRow, roles::parse_resources},
};
use anyhow::anyhow;
use proto::{
    convert::{reservation::write_reservation_plan, resources::write_resources},
    model::{
        AgentId, Reason, Refusal, ReservationId, ReservationPlan, ReservationRef, Resources, Role,
    },
    wire::v1,
};
use std::process::ExitCode;

/// `bourse reservations`, alone or with a command.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ReservationsArgs {
    #[command(flatten)]
    list: Client<ListArgs>,
    #[command(subcommand)]
    command: Option<ReservationsCommand>,
}

/// What can be done to reservations.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ReservationsCommand {
    /// Keep resources of an agent for a role and the roles below it
    Reserve(Client<ReserveArgs>),
    /// Give up a reservation, or a part of it
    Unreserve(Client<UnreserveArgs>),
    /// Give a reservation to another role
    Move(Client<MoveArgs>),
}

/// Flags of `bourse reservations` alone.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Of this agent only
    #[arg(long)]
    agent: Option<AgentId>,
    /// Of this role and those below it only
    #[arg(long)]
    role: Option<Role>,
}

/// Flags of `bourse reservations reserve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReserveArgs {
    /// The agent's id
    agent: AgentId,
    /// Path of the role, such as eng/search
    role: Role,
    /// What, such as cpus:4,mem:8192 (memory and disk in MiB)
    #[arg(value_name = "AMOUNTS", value_parser = parse_resources)]
    resources: Resources,
    /// Out of this reservation, of a role above, instead of what is unreserved
    #[arg(long, value_name = "RESERVATION")]
    refine: Option<ReservationId>,
    /// Something to remember it by, shown and not interpreted; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = parse_label)]
    labels: Vec<Label>,
}

/// A label as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Label(String, String);

/// Flags of `bourse reservations unreserve`.
#[derive(Debug, clap::Args)]
pub(crate) struct UnreserveArgs {
    /// The reservation's id
    reservation: ReservationId,
    /// Only so much of it, such as cpus:1
    #[arg(value_name = "AMOUNTS", value_parser = parse_resources)]
    resources: Option<Resources>,
}

/// Flags of `bourse reservations move`.
#[derive(Debug, clap::Args)]
pub(crate) struct MoveArgs {
    /// The reservation's id
    reservation: ReservationId,
    /// Path of the role that is to have it
    role: Role,
}

pub(crate) async fn reservations(
    args: ReservationsArgs,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let Client { context, args: listed } = args.list;
    match args.command {
        None => list(&connect(&context)?, &listed, format).await?,
        Some(ReservationsCommand::Reserve(Client { context, args })) => {
            reserve(&connect(&context)?, args, format).await?;
        }
        Some(ReservationsCommand::Unreserve(Client { context, args })) => {
            unreserve(&connect(&context)?, &args).await?;
        }
        Some(ReservationsCommand::Move(Client { context, args })) => {
            move_to(&connect(&context)?, &args).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn connect(context: &ContextArgs) -> anyhow::Result<Connection> {
    Connection::new(context.resolve()?)
}

async fn list(connection: &Connection, args: &ListArgs, format: Format) -> anyhow::Result<()> {
    let text = |id: Option<String>| id.unwrap_or_default();
    let message = v1::ListReservationsRequest {
        agent_id: text(args.agent.as_ref().map(AgentId::to_string)),
        role: text(args.role.as_ref().map(Role::to_string)),
        page: None,
    };
    let rows = every_page!(connection, list_reservations, reservations, message);
    let rows: Vec<ReservationRow> = rows.into_iter().map(ReservationRow::from).collect();
    if rows.is_empty() && format == Format::Table {
        eprintln!(
            "nothing is reserved; reserve with `bourse reservations reserve AGENT ROLE cpus:4`"
        );
    }
    print_rows(format, &rows)
}

async fn reserve(connection: &Connection, args: ReserveArgs, format: Format) -> anyhow::Result<()> {
    let plan = ReservationPlan {
        agent: args.agent,
        role: args.role,
        resources: args.resources,
        labels: args.labels.into_iter().map(|Label(key, value)| (key, value)).collect(),
        parent: args.refine.map(ReservationRef::Known),
    };
    let message = v1::ReserveRequest { plan: Some(write_reservation_plan(&plan)) };
    let answer = connection.ask(|mut client| {
        let message = request(message.clone());
        async move { client.reserve(message).await }
    });
    let id = answer.await.map_err(advise)?.reservation_id;
    eprintln!("{} of {} is kept for {}", plan.resources, plan.agent, plan.role);
    print_one(format, &serde_json::json!({ "id": id }), || format!("{id}\n"))
}

async fn unreserve(connection: &Connection, args: &UnreserveArgs) -> anyhow::Result<()> {
    let message = v1::UnreserveRequest {
        reservation_id: args.reservation.to_string(),
        resources: args.resources.as_ref().map(write_resources).unwrap_or_default(),
    };
    let answer = connection.ask(|mut client| {
        let message = request(message.clone());
        async move { client.unreserve(message).await }
    });
    answer.await.map_err(advise)?;
    match &args.resources {
        Some(resources) => eprintln!("{resources} of {} is given up", args.reservation),
        None => eprintln!("{} is given up", args.reservation),
    }
    Ok(())
}

async fn move_to(connection: &Connection, args: &MoveArgs) -> anyhow::Result<()> {
    let message = v1::MoveReservationRequest {
        reservation_id: args.reservation.to_string(),
        role: args.role.to_string(),
    };
    let answer = connection.ask(|mut client| {
        let message = request(message.clone());
        async move { client.move_reservation(message).await }
    });
    answer.await.map_err(advise)?;
    eprintln!("{} is kept for {}", args.reservation, args.role);
    Ok(())
}

fn parse_label(text: &str) -> Result<Label, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(Label(key.to_owned(), value.to_owned())),
        _ => Err("a label is KEY=VALUE, such as team=search".to_owned()),
    }
}

/// Says what to do about a refusal.
fn advise(error: anyhow::Error) -> anyhow::Error {
    let Some(refusal) = error.downcast_ref::<Refusal>() else { return error };
    match refusal.reason {
        Reason::ReservationUnknown => {
            anyhow!("{refusal}; `bourse reservations` shows what is reserved")
        }
        Reason::ReservationInUse => anyhow!(
            "{refusal}; `bourse reservations` shows what is used: end those tasks first, or \
             give up less"
        ),
        Reason::ResourcesTaken => {
            anyhow!(
                "{refusal}; `bourse agents` shows what is free, drain the agent or reserve less"
            )
        }
        _ => error,
    }
}
