//! `bourse roles` and `bourse quota`: who gets how much, and the operator's say in it.

use super::role_settings::{SettingsArgs, configure};
use crate::{
    arguments::Client,
    connection::{Connection, request},
    context::ContextArgs,
    every_page,
    output::{
        Format, print_rows,
        roles::{QuotaRow, RoleRow, parse_amounts, parse_resources},
    },
};
use anyhow::anyhow;
use proto::{
    convert::quota::write_quota,
    model::{Milli, Quota, Reason, Refusal, ResourceName, Resources, Role, quota::Part},
    wire::v1,
};
use std::process::ExitCode;

/// Flags of `bourse roles`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RolesArgs {
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(subcommand)]
    pub(crate) command: Option<RolesCommand>,
}

/// What can be done to roles.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum RolesCommand {
    /// Set what a role weighs among its siblings
    Weight(Client<WeightArgs>),
    /// Set how a role and those below it are served
    Set(Client<SettingsArgs>),
}

/// Flags of `bourse roles weight`.
#[derive(Debug, clap::Args)]
pub(crate) struct WeightArgs {
    /// Path of the role, such as eng/search
    role: Role,
    /// Its weight, such as 2 or 0.5; `default` for what the masters' configuration says
    #[arg(value_parser = parse_weight)]
    weight: Weight,
}

/// A weight as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weight(Option<Milli>);

/// Flags of `bourse quota`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct QuotaArgs {
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(subcommand)]
    pub(crate) command: Option<QuotaCommand>,
}

/// What can be done to quotas.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum QuotaCommand {
    /// Set what a role and all below it are promised and may use; replaces all of its quota
    Set(Client<SetArgs>),
    /// Remove a role's quota
    Remove(Client<RemoveArgs>),
}

/// Flags of `bourse quota set`.
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// Path of the role, such as eng/search
    role: Role,
    /// What it is promised, such as cpus:40,mem:65536 (memory and disk in MiB)
    #[arg(long, value_name = "AMOUNTS", value_parser = parse_resources)]
    guarantee: Option<Resources>,
    /// What it may use at most; what is not named is not limited
    #[arg(long, value_name = "AMOUNTS", value_parser = parse_limit)]
    limit: Option<Limit>,
    /// In which pieces the guarantee must be to be had, such as cpus:4,mem:8192
    #[arg(long, value_name = "AMOUNTS", value_parser = parse_resources)]
    shape: Option<Resources>,
    /// Set it even if the agents cannot hold what is promised
    #[arg(long)]
    force: bool,
}

/// A limit as it is typed.
#[derive(Debug, Clone)]
struct Limit(Vec<(ResourceName, Milli)>);

/// Flags of `bourse quota remove`.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    /// Path of the role
    role: Role,
}

fn parse_weight(text: &str) -> Result<Weight, String> {
    if text == "default" {
        return Ok(Weight(None));
    }
    match text.parse::<Milli>() {
        Ok(Milli(0)) | Err(_) => {
            Err("a weight is a number from 0.001, such as 2 or 0.5, or the word default".to_owned())
        }
        Ok(weight) => Ok(Weight(Some(weight))),
    }
}

fn parse_limit(text: &str) -> Result<Limit, String> {
    parse_amounts(text).map(Limit)
}

pub(crate) async fn roles(args: RolesArgs, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        None => print_rows(format, &rows(&Connection::of(&args.context)?).await?)?,
        Some(RolesCommand::Weight(Client { context, args })) => {
            set_weight(&Connection::of(&context)?, &args).await?;
        }
        Some(RolesCommand::Set(Client { context, args })) => {
            configure(&Connection::of(&context)?, &args).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn quota(args: QuotaArgs, format: Format) -> anyhow::Result<ExitCode> {
    match args.command {
        None => list_quotas(&Connection::of(&args.context)?, format).await?,
        Some(QuotaCommand::Set(Client { context, args })) => {
            set_quota(&Connection::of(&context)?, &args).await?;
        }
        Some(QuotaCommand::Remove(Client { context, args })) => {
            remove_quota(&Connection::of(&context)?, &args).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn rows(connection: &Connection) -> anyhow::Result<Vec<RoleRow>> {
    let rows = every_page!(connection, list_roles, roles, v1::ListRolesRequest::default());
    Ok(rows.into_iter().map(RoleRow::from).collect())
}

async fn list_quotas(connection: &Connection, format: Format) -> anyhow::Result<()> {
    let rows = rows(connection).await?;
    let quotas: Vec<QuotaRow> = rows.iter().flat_map(RoleRow::quota_rows).collect();
    if quotas.is_empty() && format == Format::Table {
        eprintln!("no role has a quota; set one with `bourse quota set ROLE --limit cpus:8`");
    }
    print_rows(format, &quotas)
}

async fn set_weight(connection: &Connection, args: &WeightArgs) -> anyhow::Result<()> {
    let message = v1::SetWeightRequest {
        role: args.role.to_string(),
        weight_milli: args.weight.0.map(|weight| weight.0),
    };
    connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.set_weight(message).await }
        })
        .await?;
    match args.weight.0 {
        Some(weight) => eprintln!("{} weighs {weight}", args.role),
        None => eprintln!("{} weighs what the masters' configuration says", args.role),
    }
    Ok(())
}

async fn set_quota(connection: &Connection, args: &SetArgs) -> anyhow::Result<()> {
    let quota = quota_of(args)?;
    let message = v1::SetQuotaRequest {
        role: args.role.to_string(),
        quota: Some(write_quota(&quota)),
        force: args.force,
    };
    let answer = connection.ask(|mut client| {
        let message = request(message.clone());
        async move { client.set_quota(message).await }
    });
    answer.await.map_err(advise)?;
    let part = |text: String| if text.is_empty() { "nothing".to_owned() } else { text };
    eprintln!("{} is promised {}", args.role, part(quota.guarantee().to_string()));
    let rows = rows(connection).await?;
    let excess: Vec<_> = rows
        .iter()
        .filter(|row| row.role == args.role.as_str())
        .flat_map(RoleRow::excess)
        .collect();
    if !excess.is_empty() {
        eprintln!(
            "{} uses {}: what runs goes on, nothing is launched until it is below",
            args.role,
            excess.join(", ")
        );
    }
    Ok(())
}

async fn remove_quota(connection: &Connection, args: &RemoveArgs) -> anyhow::Result<()> {
    let message = v1::RemoveQuotaRequest { role: args.role.to_string() };
    connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.remove_quota(message).await }
        })
        .await?;
    eprintln!("{} has no quota", args.role);
    Ok(())
}

/// Checked here already, so that mistakes are answered with the flag's name.
fn quota_of(args: &SetArgs) -> anyhow::Result<Quota> {
    if args.guarantee.is_none() && args.limit.is_none() {
        anyhow::bail!(
            "say what {} is promised or may use: --guarantee cpus:40,mem:65536 or --limit cpus:80 \
             (to end a quota: `bourse quota remove {}`)",
            args.role,
            args.role
        );
    }
    let guarantee = args.guarantee.clone().unwrap_or_default();
    let limit = args.limit.clone().map(|limit| limit.0).unwrap_or_default();
    Quota::new(guarantee, limit, args.shape.clone()).map_err(|problem| {
        let flag = problem.part().map_or("quota", Part::field);
        anyhow!("--{flag}: {problem}")
    })
}

/// A refusal, and what to type next.
fn advise(problem: anyhow::Error) -> anyhow::Error {
    let Some(refusal) = problem.downcast_ref::<Refusal>() else { return problem };
    let advice = match (refusal.reason, &*refusal.field) {
        (Reason::CapacityExceeded, _) => "promise less, or add --force",
        (Reason::InvalidField, field) if field.starts_with("quota.") => {
            "`bourse quota` shows every quota; change the other role's first"
        }
        _ => return problem,
    };
    anyhow!("{refusal}; {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(subcommand)]
        command: QuotaCommand,
    }

    fn quota(words: &[&str]) -> Result<Quota, String> {
        let words = [&["quota", "set", "eng"], words].concat();
        let line = Line::try_parse_from(words).map_err(|problem| problem.to_string())?;
        let QuotaCommand::Set(client) = line.command else { panic!("set is set") };
        quota_of(&client.args).map_err(|problem| problem.to_string())
    }

    #[test]
    fn a_quota_is_typed_in_parts() {
        let words =
            ["--guarantee", "cpus:8,mem:1024", "--limit", "gpus:0", "--shape", "cpus:4,mem:512"];
        let quota = quota(&words).unwrap();
        assert_eq!(quota.guarantee().to_string(), "cpus:8;mem:1024");
        assert_eq!((quota.limits().len(), quota.shapes()), (1, 2));
    }

    #[test]
    fn mistakes_are_answered_with_what_to_type() {
        assert!(quota(&[]).unwrap_err().contains("bourse quota remove eng"));
        assert!(quota(&["--limit", "cpus"]).unwrap_err().contains("write cpus:40"));
        let above = quota(&["--guarantee", "cpus:8", "--limit", "cpus:4"]).unwrap_err();
        assert!(above.starts_with("--guarantee: cpus: 8 is promised"), "{above}");
        let uneven = quota(&["--guarantee", "cpus:8", "--shape", "cpus:3"]).unwrap_err();
        assert!(uneven.starts_with("--shape: "), "{uneven}");
    }

    #[test]
    fn weights_are_positive() {
        assert_eq!(parse_weight("0.5"), Ok(Weight(Some(Milli(500)))));
        assert_eq!(parse_weight("default"), Ok(Weight(None)));
        for bad in ["0", "-1", "heavy", "0.0001"] {
            assert!(parse_weight(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refusals_say_what_to_do_about_them() {
        let full = Refusal::new(Reason::CapacityExceeded, "too much").at("quota.guarantee");
        assert!(advise(anyhow!(full)).to_string().ends_with("add --force"));
        let below = Refusal::invalid("quota.limit", "too much");
        assert!(advise(anyhow!(below)).to_string().contains("`bourse quota`"));
    }
}
