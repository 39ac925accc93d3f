//! `bourse roles set`: how a role is served, or that it is served as the roles above it.

use crate::connection::{Connection, request};
use anyhow::bail;
use proto::{
    convert::role_settings::write_change,
    model::{Change, OfferMode, PlacementPolicy, Priority, Role, RoleSettingsChange},
    wire::v1,
};

/// Flags of `bourse roles set`.
#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    /// Path of the role, such as eng/search
    role: Role,
    /// Which agents are given first: first-fit, spread, pack, dot-product, random or fgd
    #[arg(long, value_name = "POLICY")]
    placement: Option<PlacementPolicy>,
    /// Who else is shown what is free: exclusive or shared
    #[arg(long, value_name = "MODE")]
    offers: Option<OfferMode>,
    /// The highest priority that may be asked for, 0 to 9
    #[arg(long, value_name = "PRIORITY")]
    priority_max: Option<Priority>,
    /// Inherit this again from the roles above: placement, offers or priority-max; may be repeated
    #[arg(long, value_name = "SETTING", value_enum)]
    reset: Vec<Setting>,
}

/// A setting as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Setting {
    Placement,
    Offers,
    PriorityMax,
}

pub(super) async fn configure(connection: &Connection, args: &SettingsArgs) -> anyhow::Result<()> {
    let change = change_of(args)?;
    let message = v1::ConfigureRoleRequest {
        role: args.role.to_string(),
        change: Some(write_change(&change)),
    };
    connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.configure_role(message).await }
        })
        .await?;
    said(&args.role, &change).iter().for_each(|line| eprintln!("{line}"));
    Ok(())
}

/// Checked here already, so that mistakes are answered with the flag's name.
fn change_of(args: &SettingsArgs) -> anyhow::Result<RoleSettingsChange> {
    let change = RoleSettingsChange {
        placement: one(args, "placement", Setting::Placement, args.placement)?,
        offer_mode: one(args, "offers", Setting::Offers, args.offers)?,
        priority_max: one(args, "priority-max", Setting::PriorityMax, args.priority_max)?,
    };
    if change.is_empty() {
        bail!(
            "say what is to change: --placement pack, --offers shared, --priority-max 5, or \
             --reset placement (`bourse roles` shows what holds)"
        );
    }
    Ok(change)
}

fn one<T>(
    args: &SettingsArgs,
    flag: &str,
    setting: Setting,
    value: Option<T>,
) -> anyhow::Result<Change<T>> {
    match (value, args.reset.contains(&setting)) {
        (Some(_), true) => bail!("--{flag} sets what --reset {flag} resets; leave one out"),
        (Some(value), false) => Ok(Change::Set(value)),
        (None, true) => Ok(Change::Reset),
        (None, false) => Ok(Change::Keep),
    }
}

/// What was done, a line for each setting.
fn said(role: &Role, change: &RoleSettingsChange) -> Vec<String> {
    fn line<T: ToString>(role: &Role, name: &str, change: &Change<T>) -> Option<String> {
        match change {
            Change::Keep => None,
            Change::Reset => Some(format!("{name} of {role} is inherited")),
            Change::Set(value) => Some(format!("{name} of {role} is {}", value.to_string())),
        }
    }
    let lines = [
        line(role, "placement", &change.placement),
        line(role, "offers", &change.offer_mode),
        line(role, "priority-max", &change.priority_max),
    ];
    lines.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: SettingsArgs,
    }

    fn change(words: &[&str]) -> Result<RoleSettingsChange, String> {
        let words = [&["set", "eng/search"], words].concat();
        let line = Line::try_parse_from(words).map_err(|problem| problem.to_string())?;
        change_of(&line.args).map_err(|problem| problem.to_string())
    }

    #[test]
    fn settings_are_typed_one_by_one() {
        let all = change(&["--placement", "pack", "--offers", "shared", "--priority-max", "5"]);
        let all = all.unwrap();
        assert_eq!(all.placement, Change::Set(PlacementPolicy::Pack));
        assert_eq!(all.offer_mode, Change::Set(OfferMode::Shared));
        let some = ["--offers", "exclusive", "--reset", "placement", "--reset", "priority-max"];
        let some = change(&some).unwrap();
        let role = "eng".parse().unwrap();
        let lines = [
            "placement of eng is inherited",
            "offers of eng is exclusive",
            "priority-max of eng is inherited",
        ];
        assert_eq!(said(&role, &some), lines);
    }

    #[test]
    fn mistakes_are_answered_with_what_to_type() {
        assert!(change(&[]).unwrap_err().contains("--placement pack"));
        let both = change(&["--placement", "pack", "--reset", "placement"]).unwrap_err();
        assert!(both.starts_with("--placement sets what --reset placement resets"), "{both}");
        let unknown = change(&["--placement", "tight"]).unwrap_err();
        assert!(unknown.contains("first-fit, spread, pack"), "{unknown}");
        assert!(change(&["--priority-max", "10"]).unwrap_err().contains("0 to 9"));
        assert!(change(&["--reset", "weight"]).unwrap_err().contains("priority-max"));
    }
}
