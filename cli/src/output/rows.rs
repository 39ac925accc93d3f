//! The API's messages as rows for people and programs.

use super::{
    Row,
    agent_life::{ShownDrain, ShownUnavailability},
    groups::part_text,
    holds::ShownCharge,
    inverse::{self, ShownTally},
};
use proto::{
    convert,
    model::{Priority, ResourceName, Resources, Value},
    wire::v1,
};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

/// Resources: `cpus:2;mem:512` in a table, an object in JSON.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShownResources(pub(crate) Resources);

impl ShownResources {
    pub(super) fn read(wire: Vec<v1::Resource>) -> Self {
        // A newer master may say what this version cannot read; the rest is still worth showing.
        Self(convert::resources::read_resources(wire).unwrap_or_default())
    }

    fn scalar(&self, name: &ResourceName) -> String {
        self.0.scalar(name).to_string()
    }
}

impl Serialize for ShownResources {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.0.iter() {
            match value {
                // At most three decimals: the nearest double prints as the same decimals.
                Value::Scalar(milli) => {
                    let number: serde_json::Number =
                        milli.to_string().parse().expect("decimal text is a number");
                    map.serialize_entry(name.as_str(), &number)?;
                }
                other => map.serialize_entry(name.as_str(), &other.to_string())?,
            }
        }
        map.end()
    }
}

/// One agent.
#[derive(Debug, Serialize)]
pub(crate) struct AgentRow {
    id: String,
    hostname: String,
    pub(crate) address: String,
    state: &'static str,
    tasks: u64,
    resources: ShownResources,
    allocated: ShownResources,
    offered: ShownResources,
    deactivated: bool,
    drain: Option<ShownDrain>,
    unavailability: Option<ShownUnavailability>,
    inverse_offers: Vec<ShownTally>,
    attributes: Vec<String>,
    domain: Option<String>,
    version: String,
}

impl From<v1::AgentSummary> for AgentRow {
    fn from(wire: v1::AgentSummary) -> Self {
        let state = match wire.state() {
            v1::AgentState::AgentRegistered => "registered",
            v1::AgentState::AgentUnreachable => "unreachable",
            v1::AgentState::AgentRemoved => "removed",
            v1::AgentState::Unspecified => "unknown",
        };
        let info = wire.info.unwrap_or_default();
        let attributes = convert::resources::read_attributes(info.attributes).unwrap_or_default();
        Self {
            id: info.agent_id,
            hostname: info.hostname,
            address: info.address,
            state,
            tasks: wire.task_count,
            resources: ShownResources::read(info.resources),
            allocated: ShownResources::read(wire.allocated),
            offered: ShownResources::read(wire.offered),
            deactivated: wire.deactivated,
            drain: wire.drain.map(ShownDrain::from),
            unavailability: wire.unavailability.map(ShownUnavailability::from),
            inverse_offers: wire.inverse_offers.into_iter().map(ShownTally::from).collect(),
            attributes: attributes.iter().map(ToString::to_string).collect(),
            domain: Some(info.domain).filter(|domain| !domain.is_empty()),
            version: info.version,
        }
    }
}

impl AgentRow {
    /// What operators have said of it, in one cell.
    fn duty(&self) -> String {
        let deactivated = self.deactivated.then(|| "deactivated".to_owned());
        let drain = self.drain.as_ref().map(ShownDrain::line);
        let away = self.unavailability.as_ref().map(ShownUnavailability::line);
        let asked = inverse::brief(&self.inverse_offers);
        let said = deactivated.into_iter().chain(drain).chain(away).chain(asked);
        let said: Vec<_> = said.collect();
        match said.is_empty() {
            true => "active".to_owned(),
            false => said.join("; "),
        }
    }

    /// The same in full.
    pub(crate) fn duty_lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = match (self.deactivated, &self.drain) {
            (false, None) => vec![("duty", "active".to_owned())],
            (true, _) => vec![("duty", "deactivated: no new tasks".to_owned())],
            (false, Some(_)) => vec![("duty", "draining: no new tasks".to_owned())],
        };
        lines.extend(self.drain.iter().flat_map(ShownDrain::lines));
        lines.extend(self.unavailability.as_ref().map(|away| ("maintenance", away.line())));
        lines.extend(ShownTally::lines(&self.inverse_offers));
        lines
    }
}

impl Row for AgentRow {
    const TITLES: &'static [&'static str] = &[
        "agent",
        "host",
        "state",
        "tasks",
        "cpus used/all",
        "mem used/all",
        "duty",
        "domain",
        "attributes",
    ];

    fn cells(&self) -> Vec<String> {
        let used =
            |name| format!("{}/{}", self.allocated.scalar(name), self.resources.scalar(name));
        vec![
            self.id.clone(),
            self.hostname.clone(),
            self.state.to_owned(),
            self.tasks.to_string(),
            used(&ResourceName::CPUS),
            used(&ResourceName::MEM),
            self.duty(),
            self.domain.clone().unwrap_or_default(),
            self.attributes.join(";"),
        ]
    }
}

/// One framework.
#[derive(Debug, Serialize)]
pub(crate) struct FrameworkRow {
    id: String,
    name: String,
    state: &'static str,
    roles: Vec<String>,
    principal: String,
    tasks: u64,
    pending_acknowledgements: u64,
    failover_timeout_ms: u64,
    allocated: ShownResources,
    commits: u64,
    commit_conflicts: u64,
    hold_charge: Option<ShownCharge>,
}

impl From<v1::FrameworkSummary> for FrameworkRow {
    fn from(wire: v1::FrameworkSummary) -> Self {
        let state = match wire.state() {
            v1::FrameworkState::FrameworkSubscribed => "subscribed",
            v1::FrameworkState::FrameworkDisconnected => "disconnected",
            v1::FrameworkState::FrameworkRemoved => "removed",
            v1::FrameworkState::Unspecified => "unknown",
        };
        let info = wire.info.unwrap_or_default();
        Self {
            id: wire.framework_id,
            name: info.name,
            state,
            roles: info.roles,
            principal: wire.principal,
            tasks: wire.task_count,
            pending_acknowledgements: wire.pending_acknowledgements,
            failover_timeout_ms: info.failover_timeout_ms,
            allocated: ShownResources::read(wire.allocated),
            commits: wire.commits,
            commit_conflicts: wire.commit_conflicts,
            hold_charge: ShownCharge::read(wire.hold_charge),
        }
    }
}

impl Row for FrameworkRow {
    const TITLES: &'static [&'static str] = &[
        "framework",
        "name",
        "state",
        "roles",
        "principal",
        "tasks",
        "allocated",
        "commits",
        "held",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.name.clone(),
            self.state.to_owned(),
            self.roles.join(","),
            self.principal.clone(),
            self.tasks.to_string(),
            self.allocated.0.to_string(),
            // None in exclusive roles.
            match (self.commits, self.commit_conflicts) {
                (0, 0) => String::new(),
                (commits, 0) => commits.to_string(),
                (commits, conflicts) => format!("{commits}, {conflicts} conflicted"),
            },
            self.hold_charge.map(|charge| charge.brief()).unwrap_or_default(),
        ]
    }
}

/// One task.
#[derive(Debug, Default, Serialize)]
pub(crate) struct TaskRow {
    pub(crate) framework: String,
    pub(crate) id: String,
    name: String,
    pub(crate) agent: String,
    pub(crate) state: String,
    reason: String,
    message: String,
    exit_code: Option<i32>,
    signal: Option<i32>,
    memory_peak_bytes: Option<u64>,
    role: String,
    resources: ShownResources,
    /// The size that its agent is applying.
    resizing: Option<ShownResources>,
    command: Vec<String>,
    priority: u32,
    revocable: bool,
    kill_requested: bool,
    gives_way_to: Option<GivesWayTo>,
    /// The task group that it is of.
    group: Option<String>,
    /// What it is there.
    group_part: Option<&'static str>,
    pending_acknowledgements: u64,
}

/// Said behind resources that may be had back.
fn kind(revocable: bool) -> &'static str {
    if revocable { " revocable" } else { "" }
}

/// For whom a task gave its place up.
#[derive(Debug, Serialize)]
struct GivesWayTo {
    framework: Option<String>,
    role: String,
    demand: Option<String>,
    priority: u32,
}

impl From<v1::Preemption> for GivesWayTo {
    fn from(wire: v1::Preemption) -> Self {
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            framework: said(wire.for_framework_id),
            role: wire.for_role,
            demand: said(wire.for_demand_id),
            priority: wire.for_priority,
        }
    }
}

impl GivesWayTo {
    fn text(&self) -> String {
        let who = self.framework.as_ref().map(|id| format!("{id} in ")).unwrap_or_default();
        format!("gives way to {who}{} at priority {}", self.role, self.priority)
    }
}

impl TaskRow {
    /// Only where it is and what it is called.
    pub(crate) fn named(framework: String, id: String, agent: String) -> Self {
        Self { framework, id, agent, ..Self::default() }
    }
}

impl From<v1::TaskSummary> for TaskRow {
    fn from(wire: v1::TaskSummary) -> Self {
        let part = wire.group_part();
        let info = wire.info.unwrap_or_default();
        let status = wire.status.unwrap_or_default();
        let gives_way_to = wire.preemption.map(GivesWayTo::from);
        let id = if info.task_id.is_empty() { status.task_id.clone() } else { info.task_id };
        Self {
            framework: wire.framework_id,
            id,
            name: info.name,
            agent: info.agent_id,
            state: status.state().as_str_name().to_owned(),
            reason: status.reason().as_str_name().to_owned(),
            message: match (&gives_way_to, status.message.is_empty()) {
                (Some(to), true) => to.text(),
                _ => status.message.clone(),
            },
            exit_code: status.exit_code,
            signal: status.signal,
            memory_peak_bytes: status.memory_peak_bytes,
            role: wire.role,
            resources: ShownResources::read(info.resources),
            resizing: match wire.resizing.is_empty() {
                true => None,
                false => Some(ShownResources::read(wire.resizing)),
            },
            command: info.command.unwrap_or_default().arguments,
            priority: info.priority.unwrap_or(Priority::DEFAULT.get().into()),
            revocable: info.revocable,
            kill_requested: wire.kill_requested,
            gives_way_to,
            group_part: Some(part_text(part)).filter(|_| !wire.group_id.is_empty()),
            group: Some(wire.group_id).filter(|group| !group.is_empty()),
            pending_acknowledgements: wire.pending_acknowledgements,
        }
    }
}

impl Row for TaskRow {
    const TITLES: &'static [&'static str] =
        &["framework", "task", "name", "state", "agent", "resources", "message"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.framework.clone(),
            self.id.clone(),
            self.name.clone(),
            self.state.clone(),
            self.agent.clone(),
            match &self.resizing {
                Some(to) => format!("{} -> {}{}", self.resources.0, to.0, kind(self.revocable)),
                None => format!("{}{}", self.resources.0, kind(self.revocable)),
            },
            self.message.clone(),
        ]
    }
}

/// One live offer.
#[derive(Debug, Serialize)]
pub(crate) struct OfferRow {
    id: String,
    framework: String,
    role: String,
    agent: String,
    resources: ShownResources,
    revocable: bool,
    expires_in_ms: u64,
}

impl From<v1::Offer> for OfferRow {
    fn from(wire: v1::Offer) -> Self {
        Self {
            id: wire.offer_id,
            framework: wire.framework_id,
            role: wire.role,
            agent: wire.agent_id,
            resources: ShownResources::read(wire.resources),
            revocable: wire.revocable,
            expires_in_ms: wire.expires_in_ms,
        }
    }
}

impl Row for OfferRow {
    const TITLES: &'static [&'static str] = &["offer", "framework", "role", "agent", "resources"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.framework.clone(),
            self.role.clone(),
            self.agent.clone(),
            format!("{}{}", self.resources.0, kind(self.revocable)),
        ]
    }
}
