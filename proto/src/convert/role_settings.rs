//! Settings of roles, and changes of them.

use super::form::Read;
use crate::model::{
    Change, OfferMode, PlacementPolicy, Priority, Refusal, RoleSettings, RoleSettingsChange,
};
use crate::wire::v1::{self, RoleSetting};

/// Reads settings; what is not said is inherited.
pub fn read_settings(settings: v1::RoleSettings) -> Result<RoleSettings, Refusal> {
    Ok(RoleSettings {
        placement: read_placement(settings.placement)?,
        offer_mode: read_offer_mode(settings.offer_mode)?,
        priority_max: settings
            .priority_max
            .map(|it| read_priority("priority_max", it))
            .transpose()?,
    })
}

/// Writes settings; `None` when everything is inherited.
pub fn write_settings(settings: &RoleSettings) -> Option<v1::RoleSettings> {
    let priority = |it: Priority| it.get().into();
    (!settings.is_empty()).then(|| v1::RoleSettings {
        placement: settings.placement.map_or(0, |policy| write_placement(policy).into()),
        offer_mode: settings.offer_mode.map_or(0, |mode| write_offer_mode(mode).into()),
        priority_max: settings.priority_max.map(priority),
    })
}

/// Reads a change; one that changes nothing is one.
pub fn read_change(change: v1::RoleSettingsChange) -> Result<RoleSettingsChange, Refusal> {
    let set = read_settings(change.set.unwrap_or_default()).map_err(|no| no.under("set"))?;
    let mut read = RoleSettingsChange {
        placement: set_to(set.placement),
        offer_mode: set_to(set.offer_mode),
        priority_max: set_to(set.priority_max),
    };
    for (index, setting) in change.reset.into_iter().enumerate() {
        let field = format!("reset[{index}]");
        match RoleSetting::try_from(setting) {
            Ok(RoleSetting::Placement) => reset(&field, &mut read.placement)?,
            Ok(RoleSetting::OfferMode) => reset(&field, &mut read.offer_mode)?,
            Ok(RoleSetting::PriorityMax) => reset(&field, &mut read.priority_max)?,
            Ok(RoleSetting::Unspecified) | Err(_) => {
                return Err(Refusal::invalid(field, "is not a setting"));
            }
        }
    }
    Ok(read)
}

/// Writes a change.
pub fn write_change(change: &RoleSettingsChange) -> v1::RoleSettingsChange {
    let set = RoleSettings::default().changed(change);
    let resets = [
        (is_reset(&change.placement), RoleSetting::Placement),
        (is_reset(&change.offer_mode), RoleSetting::OfferMode),
        (is_reset(&change.priority_max), RoleSetting::PriorityMax),
    ];
    let reset = resets.into_iter().filter(|(is, _)| *is).map(|(_, setting)| setting.into());
    v1::RoleSettingsChange { set: write_settings(&set), reset: reset.collect() }
}

/// Reads a priority.
pub fn read_priority(field: &str, number: u32) -> Result<Priority, Refusal> {
    Priority::new(number).map_err(|no| Refusal::invalid(field, no))
}

fn set_to<T>(value: Option<T>) -> Change<T> {
    value.map_or(Change::Keep, Change::Set)
}

fn is_reset<T>(change: &Change<T>) -> bool {
    matches!(change, Change::Reset)
}

fn reset<T>(field: &str, change: &mut Change<T>) -> Read<()> {
    match change {
        Change::Keep => *change = Change::Reset,
        Change::Reset => return Err(Refusal::invalid(field, "is given twice")),
        Change::Set(_) => return Err(Refusal::invalid(field, "is to be set as well")),
    }
    Ok(())
}

fn read_placement(number: i32) -> Read<Option<PlacementPolicy>> {
    use v1::PlacementPolicy as Wire;
    match Wire::try_from(number) {
        Ok(Wire::Unspecified) => Ok(None),
        Ok(Wire::FirstFit) => Ok(Some(PlacementPolicy::FirstFit)),
        Ok(Wire::Spread) => Ok(Some(PlacementPolicy::Spread)),
        Ok(Wire::Pack) => Ok(Some(PlacementPolicy::Pack)),
        Ok(Wire::DotProduct) => Ok(Some(PlacementPolicy::DotProduct)),
        Ok(Wire::Random) => Ok(Some(PlacementPolicy::Random)),
        Ok(Wire::Fgd) => Ok(Some(PlacementPolicy::Fgd)),
        Err(_) => Err(Refusal::invalid("placement", "is not a placement policy")),
    }
}

fn write_placement(policy: PlacementPolicy) -> v1::PlacementPolicy {
    use v1::PlacementPolicy as Wire;
    match policy {
        PlacementPolicy::FirstFit => Wire::FirstFit,
        PlacementPolicy::Spread => Wire::Spread,
        PlacementPolicy::Pack => Wire::Pack,
        PlacementPolicy::DotProduct => Wire::DotProduct,
        PlacementPolicy::Random => Wire::Random,
        PlacementPolicy::Fgd => Wire::Fgd,
    }
}

fn read_offer_mode(number: i32) -> Read<Option<OfferMode>> {
    match v1::OfferMode::try_from(number) {
        Ok(v1::OfferMode::Unspecified) => Ok(None),
        Ok(v1::OfferMode::Exclusive) => Ok(Some(OfferMode::Exclusive)),
        Ok(v1::OfferMode::Shared) => Ok(Some(OfferMode::Shared)),
        Err(_) => Err(Refusal::invalid("offer_mode", "is not an offer mode")),
    }
}

fn write_offer_mode(mode: OfferMode) -> v1::OfferMode {
    match mode {
        OfferMode::Exclusive => v1::OfferMode::Exclusive,
        OfferMode::Shared => v1::OfferMode::Shared,
    }
}
