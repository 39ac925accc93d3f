//! Roles and quotas as rows: a tree for people, full paths for programs.

use super::{Row, rows::ShownResources};
use comfy_table::Table;
use proto::{
    convert::{quota::read_quota, role_settings::read_settings},
    model::{Milli, Quota, ResourceName, Resources, RoleSettings, Value, limits},
    wire::v1,
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

/// Terminals of this many columns have room for bars.
const WIDE_COLUMNS: u16 = 100;

/// Characters of a bar.
const BAR_CELLS: i128 = 24;

/// One role.
#[derive(Debug, Serialize)]
pub(crate) struct RoleRow {
    pub(crate) role: String,
    weight: String,
    /// Operators have set it.
    weight_set: bool,
    guarantee: ShownResources,
    limit: ShownLimits,
    shape: Option<ShownResources>,
    allocated: ShownResources,
    offered: ShownResources,
    /// Of what is allocated, by revocable tasks.
    revocable: ShownResources,
    /// Of what is promised and not used, by revocable work.
    lent: ShownResources,
    frameworks: u64,
    share_percent: String,
    /// Its own.
    settings: ShownSettings,
    /// With what it inherits.
    settings_in_force: ShownSettings,
    #[serde(skip)]
    quota: Option<Quota>,
}

/// Settings: one entry each in JSON.
#[derive(Debug, Default, Serialize)]
struct ShownSettings {
    placement: Option<String>,
    offers: Option<String>,
    priority_max: Option<u8>,
    /// All of them, for people.
    #[serde(skip)]
    line: String,
}

impl ShownSettings {
    /// A newer master may say what this version cannot read; the rest is still worth showing.
    fn read(wire: Option<v1::RoleSettings>) -> Self {
        let settings: RoleSettings =
            wire.and_then(|wire| read_settings(wire).ok()).unwrap_or_default();
        Self {
            placement: settings.placement.map(|policy| policy.to_string()),
            offers: settings.offer_mode.map(|mode| mode.to_string()),
            priority_max: settings.priority_max.map(|most| most.get()),
            line: settings.to_string(),
        }
    }
}

/// One resource of a quota.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct QuotaRow {
    role: String,
    resource: String,
    used: String,
    /// Of that, by revocable tasks.
    revocable: String,
    guarantee: String,
    /// Of the guarantee, by others.
    lent: String,
    limit: Option<String>,
    /// In which pieces the guarantee is; of this resource.
    piece: Option<String>,
    #[serde(skip)]
    bar: Option<String>,
}

/// Limits: an object in JSON.
#[derive(Debug, Default)]
struct ShownLimits(Vec<(String, Milli)>);

impl Serialize for ShownLimits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, most) in &self.0 {
            let number: serde_json::Number =
                most.to_string().parse().expect("decimal text is a number");
            map.serialize_entry(name, &number)?;
        }
        map.end()
    }
}

impl std::fmt::Display for ShownLimits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let entries: Vec<_> = self.0.iter().map(|(name, most)| format!("{name}:{most}")).collect();
        f.write_str(&entries.join(";"))
    }
}

impl From<v1::RoleSummary> for RoleRow {
    fn from(wire: v1::RoleSummary) -> Self {
        let hundredths = wire.weighted_dominant_share_ppm / 100;
        // A newer master may say what this version cannot read; the rest is still worth showing.
        let quota = wire.quota.and_then(|quota| read_quota(quota).ok());
        let limit = quota.iter().flat_map(Quota::limits);
        Self {
            weight: Milli(wire.weight_milli).to_string(),
            weight_set: wire.weight_set,
            guarantee: ShownResources(
                quota.as_ref().map(|quota| quota.guarantee().clone()).unwrap_or_default(),
            ),
            limit: ShownLimits(limit.map(|(name, most)| (name.to_string(), most)).collect()),
            shape: quota.as_ref().and_then(|quota| quota.shape().cloned()).map(ShownResources),
            allocated: ShownResources::read(wire.allocated),
            offered: ShownResources::read(wire.offered),
            revocable: ShownResources::read(wire.revocable),
            lent: ShownResources::read(wire.lent),
            frameworks: wire.framework_count,
            share_percent: format!("{}.{:02}", hundredths / 100, hundredths % 100),
            settings: ShownSettings::read(wire.settings),
            settings_in_force: ShownSettings::read(wire.settings_in_force),
            role: wire.role,
            quota,
        }
    }
}

impl Row for RoleRow {
    const TITLES: &'static [&'static str] = &[
        "role",
        "weight",
        "guarantee",
        "limit",
        "allocated",
        "offered",
        "weighted share %",
        "frameworks",
        "settings",
    ];

    fn cells(&self) -> Vec<String> {
        let depth = self.role.matches('/').count();
        let name = self.role.rsplit('/').next().unwrap_or(&self.role);
        vec![
            format!("{}{name}", "  ".repeat(depth)),
            self.weight.clone(),
            self.guarantee.0.to_string(),
            self.limit.to_string(),
            self.allocated.0.to_string(),
            self.offered.0.to_string(),
            self.share_percent.clone(),
            self.frameworks.to_string(),
            self.settings_in_force.line.clone(),
        ]
    }
}

impl RoleRow {
    /// Its quota, one row for each resource; none without one.
    pub(crate) fn quota_rows(&self) -> Vec<QuotaRow> {
        let Some(quota) = &self.quota else { return Vec::new() };
        let bars = wide();
        let row = |name: &ResourceName| {
            let (used, promised) = (self.allocated.0.scalar(name), quota.guarantee().scalar(name));
            let limit = quota.limit(name);
            QuotaRow {
                role: self.role.clone(),
                resource: name.to_string(),
                used: used.to_string(),
                revocable: self.revocable.0.scalar(name).to_string(),
                guarantee: promised.to_string(),
                lent: self.lent.0.scalar(name).to_string(),
                limit: limit.map(|most| most.to_string()),
                piece: quota.shape().map(|shape| shape.scalar(name).to_string()),
                bar: bars.then(|| bar(used, promised, limit)),
            }
        };
        names(quota).iter().map(row).collect()
    }

    /// What is used beyond the limit, such as `cpus:12 of 10`.
    pub(crate) fn excess(&self) -> Vec<String> {
        let limits = self.quota.iter().flat_map(Quota::limits);
        let used = |name: &ResourceName| self.allocated.0.scalar(name);
        limits
            .filter(|(name, most)| used(name) > *most)
            .map(|(name, most)| format!("{name}:{} of {most}", used(name)))
            .collect()
    }
}

impl Row for QuotaRow {
    const TITLES: &'static [&'static str] = &[
        "role",
        "resource",
        "used",
        "guarantee",
        "lent",
        "limit",
        "pieces of",
        "█ used ▒ promised ░ free",
    ];

    fn cells(&self) -> Vec<String> {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        vec![
            self.role.clone(),
            self.resource.clone(),
            self.used.clone(),
            self.guarantee.clone(),
            self.lent.clone(),
            or_dash(&self.limit),
            or_dash(&self.piece),
            self.bar.clone().unwrap_or_default(),
        ]
    }
}

/// Whether standard output is a terminal with room for bars.
pub(crate) fn wide() -> bool {
    Table::new().width().is_some_and(|columns| columns >= WIDE_COLUMNS)
}

/// Every resource that a quota names, by name.
fn names(quota: &Quota) -> Vec<ResourceName> {
    let promised = quota.guarantee().iter().map(|(name, _)| name.clone());
    let mut names: Vec<_> = promised.chain(quota.limits().map(|(name, _)| name.clone())).collect();
    names.sort();
    names.dedup();
    names
}

/// Used, promised and allowed; as wide as the limit, or, without one, as the larger of the others.
fn bar(used: Milli, promised: Milli, limit: Option<Milli>) -> String {
    let whole = i128::from(limit.unwrap_or(used.max(promised)).0);
    // Something shows as something, and more than all as all.
    let cells = |part: Milli| match whole {
        0 => i128::from(part.0 > 0) * BAR_CELLS,
        _ => (i128::from(part.0) * BAR_CELLS + whole - 1).div_euclid(whole).min(BAR_CELLS),
    };
    let (used, promised) = (cells(used), cells(promised));
    let cell = |index| match index {
        index if index < used => '█',
        index if index < promised => '▒',
        _ => '░',
    };
    (0..BAR_CELLS).map(cell).collect()
}

/// `cpus:40,mem:65536`: amounts by name, separated by commas or semicolons.
pub(crate) fn parse_amounts(text: &str) -> Result<Vec<(ResourceName, Milli)>, String> {
    let entry = |entry: &str| {
        let (name, amount) = entry
            .split_once(':')
            .ok_or_else(|| format!("{entry:?} is not NAME:AMOUNT; write cpus:40,mem:65536"))?;
        let name = ResourceName::new(name.trim()).map_err(|problem| problem.to_string())?;
        let amount: Milli =
            amount.trim().parse().map_err(|problem| format!("{name}: {problem}"))?;
        Ok((name, amount))
    };
    let entries: Vec<_> = text.split([',', ';']).map(entry).collect::<Result<_, String>>()?;
    if entries.len() > limits::RESOURCES_MAX {
        return Err(format!("names more than {} resources", limits::RESOURCES_MAX));
    }
    Ok(entries)
}

/// Amounts as resources; zeros and repetitions have no place there.
pub(crate) fn parse_resources(text: &str) -> Result<Resources, String> {
    let entries = parse_amounts(text)?.into_iter();
    let entries = entries.map(|(name, amount)| (name, Value::Scalar(amount)));
    Resources::from_entries(entries).map_err(|problem| problem.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let amounts = parse_amounts("cpus:40, mem:65536;gpus:0").unwrap();
        let texts: Vec<_> = amounts.iter().map(|(name, milli)| format!("{name}={milli}")).collect();
        assert_eq!(texts, ["cpus=40", "mem=65536", "gpus=0"], "a limit of zero is one");
        assert!(parse_amounts("cpus=40").unwrap_err().contains("write cpus:40"));
        assert!(parse_amounts("cpus:-1").unwrap_err().starts_with("cpus: "));
        assert!(parse_resources("cpus:1,cpus:2").unwrap_err().contains("given twice"));
    }

    #[test]
    fn bars_show_what_is_used_promised_and_free() {
        let bar = |used: i64, promised: i64, limit: Option<i64>| {
            let bar = super::bar(Milli(used), Milli(promised), limit.map(Milli));
            let count = |cell| bar.chars().filter(|c| *c == cell).count();
            (count('█'), count('▒'), count('░'))
        };
        assert_eq!(bar(6_000, 12_000, Some(24_000)), (6, 6, 12));
        assert_eq!(bar(1, 0, Some(24_000)), (1, 0, 23), "a little is not nothing");
        assert_eq!(bar(30_000, 12_000, Some(24_000)), (24, 0, 0), "never wider than it is");
        assert_eq!(bar(6_000, 12_000, None), (12, 12, 0));
        assert_eq!(bar(0, 0, Some(0)), (0, 0, 24));
    }

    #[test]
    fn a_role_is_indented_under_its_parent() {
        let wire = v1::RoleSummary {
            role: "eng/search/batch".to_owned(),
            weight_milli: 2_500,
            weight_set: true,
            quota: Some(v1::Quota {
                limit: vec![v1::Resource {
                    name: "cpus".to_owned(),
                    value: Some(v1::resource::Value::Scalar(v1::Scalar { milli: 0 })),
                }],
                ..v1::Quota::default()
            }),
            settings_in_force: Some(v1::RoleSettings {
                offer_mode: v1::OfferMode::Shared.into(),
                priority_max: Some(5),
                ..v1::RoleSettings::default()
            }),
            ..v1::RoleSummary::default()
        };
        let row = RoleRow::from(wire);
        assert_eq!(row.cells()[..4], ["    batch", "2.5", "", "cpus:0"]);
        assert_eq!(row.cells()[8], "offers shared, priority-max 5");
        let json = serde_json::to_value(&row).unwrap();
        assert_eq!(
            (&json["role"], &json["limit"]["cpus"]),
            (&"eng/search/batch".into(), &0.into())
        );
        assert_eq!(json["settings_in_force"]["offers"], "shared");
        assert!(json["settings"]["offers"].is_null(), "it is inherited");
        let [quota] = &row.quota_rows()[..] else { panic!("one resource") };
        assert_eq!((&*quota.resource, quota.limit.as_deref()), ("cpus", Some("0")));
        assert_eq!(row.excess(), Vec::<String>::new());
    }
}
