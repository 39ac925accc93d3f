//! `bourse reservations`: what of agents is kept for roles.

use crate::{
    arguments::{Client, LabelArgs, ListArgs, RequestArgs},
    connection::{Connection, request},
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
    #[command(flatten)]
    labels: LabelArgs,
    #[command(flatten)]
    request: RequestArgs,
}

/// Flags of `bourse reservations unreserve`.
#[derive(Debug, clap::Args)]
pub(crate) struct UnreserveArgs {
    /// The reservation's id
    reservation: ReservationId,
    /// Only so much of it, such as cpus:1
    #[arg(value_name = "AMOUNTS", value_parser = parse_resources)]
    resources: Option<Resources>,
    #[command(flatten)]
    request: RequestArgs,
}

/// Flags of `bourse reservations move`.
#[derive(Debug, clap::Args)]
pub(crate) struct MoveArgs {
    /// The reservation's id
    reservation: ReservationId,
    /// Path of the role that is to have it
    role: Role,
    #[command(flatten)]
    request: RequestArgs,
}

pub(crate) async fn reservations(
    args: ReservationsArgs,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let Client { context, args: listed } = args.list;
    match args.command {
        None => list(&Connection::of(&context)?, &listed, format).await?,
        Some(ReservationsCommand::Reserve(Client { context, args })) => {
            reserve(&Connection::of(&context)?, args, format).await?;
        }
        Some(ReservationsCommand::Unreserve(Client { context, args })) => {
            unreserve(&Connection::of(&context)?, &args).await?;
        }
        Some(ReservationsCommand::Move(Client { context, args })) => {
            move_to(&Connection::of(&context)?, &args).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(connection: &Connection, args: &ListArgs, format: Format) -> anyhow::Result<()> {
    let message =
        v1::ListReservationsRequest { agent_id: args.agent_id(), role: args.role(), page: None };
    let rows = every_page!(connection, list_reservations, reservations, message);
    let rows: Vec<ReservationRow> = rows.into_iter().map(ReservationRow::from).collect();
    if rows.is_empty() && format == Format::Table {
        let hint =
            "nothing is reserved; reserve with `bourse reservations reserve AGENT ROLE cpus:4`";
        eprintln!("{}", args.nothing(hint));
    }
    print_rows(format, &rows)
}

async fn reserve(connection: &Connection, args: ReserveArgs, format: Format) -> anyhow::Result<()> {
    let plan = ReservationPlan {
        agent: args.agent,
        role: args.role,
        resources: args.resources,
        labels: args.labels.into_pairs(),
        parent: args.refine.map(ReservationRef::Known),
    };
    let request_id = args.request.id();
    let written = Some(write_reservation_plan(&plan));
    let message = v1::ReserveRequest { plan: written, request_id: request_id.clone() };
    let answer = connection.ask_under(&request_id, |mut client| {
        let message = request(message.clone());
        async move { client.reserve(message).await }
    });
    let id = answer.await.map_err(advise)?.reservation_id;
    eprintln!("{} of {} is kept for {}", plan.resources, plan.agent, plan.role);
    print_one(format, &serde_json::json!({ "id": id }), || format!("{id}\n"))
}

async fn unreserve(connection: &Connection, args: &UnreserveArgs) -> anyhow::Result<()> {
    let request_id = args.request.id();
    let message = v1::UnreserveRequest {
        request_id: request_id.clone(),
        reservation_id: args.reservation.to_string(),
        resources: args.resources.as_ref().map(write_resources).unwrap_or_default(),
    };
    let answer = connection.ask_under(&request_id, |mut client| {
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
    let request_id = args.request.id();
    let message = v1::MoveReservationRequest {
        request_id: request_id.clone(),
        reservation_id: args.reservation.to_string(),
        role: args.role.to_string(),
    };
    let answer = connection.ask_under(&request_id, |mut client| {
        let message = request(message.clone());
        async move { client.move_reservation(message).await }
    });
    answer.await.map_err(advise)?;
    eprintln!("{} is kept for {}", args.reservation, args.role);
    Ok(())
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
