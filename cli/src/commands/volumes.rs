//! `bourse volumes`: disk of agents that outlives the tasks that use it.

use crate::{
    arguments::{Client, LabelArgs, ListArgs, RequestArgs},
    connection::{Connection, request},
    context::ContextArgs,
    every_page,
    output::{Format, print_one, print_rows, volumes::VolumeRow},
};
use anyhow::anyhow;
use proto::{
    convert::volume::{write_volume_plan, write_volume_size},
    model::{
        Milli, Reason, Refusal, ReservationId, ReservationRef, VolumeId, VolumeName, VolumePlan,
        limits,
    },
    wire::v1,
};
use std::process::ExitCode;

/// Flags of `bourse volumes`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct VolumesArgs {
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(flatten)]
    pub(crate) list: ListArgs,
    #[command(subcommand)]
    pub(crate) command: Option<VolumesCommand>,
}

/// What can be done to volumes.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum VolumesCommand {
    /// Make a volume out of the disk of a reservation
    Create(Client<CreateArgs>),
    /// Give a volume a larger size
    Grow(Client<ResizeArgs>),
    /// Give a volume a smaller size; refused by its agent when more is used
    Shrink(Client<ResizeArgs>),
    /// Delete a volume and all that is in it
    Destroy(Client<DestroyArgs>),
}

/// Flags of `bourse volumes create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Out of which reservation's disk
    reservation: ReservationId,
    /// Its name, unique among the volumes of the agent and role
    name: VolumeName,
    /// In MiB
    #[arg(value_name = "MIB", value_parser = parse_size)]
    size: Milli,
    /// Several tasks may use it at once
    #[arg(long)]
    shared: bool,
    #[command(flatten)]
    labels: LabelArgs,
    #[command(flatten)]
    request: RequestArgs,
}

/// Flags of `bourse volumes grow` and `bourse volumes shrink`.
#[derive(Debug, clap::Args)]
pub(crate) struct ResizeArgs {
    /// The volume's id
    volume: VolumeId,
    /// Its new size as a whole, in MiB
    #[arg(value_name = "MIB", value_parser = parse_size)]
    size: Milli,
    #[command(flatten)]
    request: RequestArgs,
}

/// Flags of `bourse volumes destroy`.
#[derive(Debug, clap::Args)]
pub(crate) struct DestroyArgs {
    /// The volume's id
    volume: VolumeId,
    #[command(flatten)]
    request: RequestArgs,
}

pub(crate) async fn volumes(args: VolumesArgs, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        None => list(&Connection::of(&args.context)?, &args.list, format).await?,
        Some(VolumesCommand::Create(Client { context, args })) => {
            create(&Connection::of(&context)?, args, format).await?;
        }
        Some(VolumesCommand::Grow(Client { context, args })) => {
            grow(&Connection::of(&context)?, &args).await?;
        }
        Some(VolumesCommand::Shrink(Client { context, args })) => {
            shrink(&Connection::of(&context)?, &args).await?;
        }
        Some(VolumesCommand::Destroy(Client { context, args })) => {
            destroy(&Connection::of(&context)?, &args).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(connection: &Connection, args: &ListArgs, format: Format) -> anyhow::Result<()> {
    let message = v1::ListVolumesRequest {
        agent_id: args.agent_id(),
        role: args.role(),
        ..Default::default()
    };
    let rows = every_page!(connection, list_volumes, volumes, message);
    let rows: Vec<VolumeRow> = rows.into_iter().map(VolumeRow::from).collect();
    if rows.is_empty() && format == Format::Table {
        let hint =
            "there are no volumes; make one with `bourse volumes create RESERVATION NAME MIB`";
        eprintln!("{}", args.nothing(hint));
    }
    print_rows(format, &rows)
}

async fn create(connection: &Connection, args: CreateArgs, format: Format) -> anyhow::Result<()> {
    let plan = VolumePlan {
        reservation: ReservationRef::Known(args.reservation),
        name: args.name,
        size: args.size,
        shared: args.shared,
        labels: args.labels.into_pairs(),
    };
    let (written, request_id) = (Some(write_volume_plan(&plan)), args.request.id());
    let message = v1::CreateVolumeRequest { plan: written, request_id: request_id.clone() };
    let answer = connection.ask_under(&request_id, |mut client| {
        let message = request(message.clone());
        async move { client.create_volume(message).await }
    });
    let id = answer.await.map_err(advise)?.volume_id;
    eprintln!("{} is being made out of {}", plan.name, args.reservation);
    print_one(format, &serde_json::json!({ "id": id }), || format!("{id}\n"))
}

async fn grow(connection: &Connection, args: &ResizeArgs) -> anyhow::Result<()> {
    let size = Some(write_volume_size(args.size));
    let (volume_id, request_id) = (args.volume.to_string(), args.request.id());
    let message = v1::GrowVolumeRequest { volume_id, size, request_id: request_id.clone() };
    let answer = connection.ask_under(&request_id, |mut client| {
        let message = request(message.clone());
        async move { client.grow_volume(message).await }
    });
    answer.await.map_err(advise)?;
    eprintln!("{} is being grown; `bourse volumes` shows when it is", args.volume);
    Ok(())
}

async fn shrink(connection: &Connection, args: &ResizeArgs) -> anyhow::Result<()> {
    let size = Some(write_volume_size(args.size));
    let (volume_id, request_id) = (args.volume.to_string(), args.request.id());
    let message = v1::ShrinkVolumeRequest { volume_id, size, request_id: request_id.clone() };
    let answer = connection.ask_under(&request_id, |mut client| {
        let message = request(message.clone());
        async move { client.shrink_volume(message).await }
    });
    answer.await.map_err(advise)?;
    eprintln!("{} is being shrunk; `bourse volumes` shows when it is", args.volume);
    Ok(())
}

async fn destroy(connection: &Connection, args: &DestroyArgs) -> anyhow::Result<()> {
    let (volume_id, request_id) = (args.volume.to_string(), args.request.id());
    let message = v1::DestroyVolumeRequest { volume_id, request_id: request_id.clone() };
    let answer = connection.ask_under(&request_id, |mut client| {
        let message = request(message.clone());
        async move { client.destroy_volume(message).await }
    });
    answer.await.map_err(advise)?;
    eprintln!(
        "{} is being destroyed; it is gone when `bourse volumes` shows it no more",
        args.volume
    );
    Ok(())
}

fn parse_size(text: &str) -> Result<Milli, String> {
    let size = text.parse().ok().and_then(Milli::from_units);
    size.filter(|size| *size >= limits::VOLUME_SIZE_MIN)
        .ok_or_else(|| "is not a whole number of MiB, at least 1".to_owned())
}

/// Says what to do about a refusal.
fn advise(error: anyhow::Error) -> anyhow::Error {
    let Some(refusal) = error.downcast_ref::<Refusal>() else { return error };
    match refusal.reason {
        Reason::ReservationUnknown => {
            anyhow!("{refusal}; `bourse reservations` shows what is reserved")
        }
        Reason::VolumeUnknown => anyhow!("{refusal}; `bourse volumes` shows what there is"),
        Reason::VolumeInUse => {
            anyhow!("{refusal}; `bourse volumes` shows how many, end those tasks first")
        }
        Reason::VolumeDestroying | Reason::VolumeChanging => {
            anyhow!("{refusal}; `bourse volumes` shows when that is over")
        }
        Reason::VolumeBroken => {
            anyhow!("{refusal}: `bourse volumes destroy`, and make another one")
        }
        Reason::ResourcesTaken => anyhow!(
            "{refusal}; `bourse reservations` shows what is used, `bourse reservations \
             reserve` makes another one"
        ),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_mebibytes() {
        assert_eq!(parse_size("64"), Ok(Milli(64_000)));
        for bad in ["0", "-1", "1.5", "", "64MiB", "99999999999999999999"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refusals_say_what_to_type_next() {
        let advice = |reason| advise(Refusal::new(reason, "no").into()).to_string();
        assert!(advice(Reason::VolumeUnknown).contains("`bourse volumes`"));
        assert!(advice(Reason::VolumeBroken).contains("destroy"));
        assert!(!advice(Reason::NotReady).contains('`'));
    }
}
