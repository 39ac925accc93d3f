//! Reservations as rows.

use super::{Row, or_dash, rows::ShownResources};
use proto::wire::v1;
use serde::Serialize;

/// One reservation.
#[derive(Debug, Serialize)]
pub(crate) struct ReservationRow {
    id: String,
    agent: String,
    role: String,
    owner: String,
    resources: ShownResources,
    used: ShownResources,
    refines: Option<String>,
    labels: Vec<String>,
    declared: bool,
}

impl From<v1::Reservation> for ReservationRow {
    fn from(row: v1::Reservation) -> Self {
        let label = |label: v1::Label| format!("{}={}", label.key, label.value);
        Self {
            id: row.reservation_id,
            agent: row.agent_id,
            role: row.role,
            owner: row.owner,
            resources: ShownResources::read(row.resources),
            used: ShownResources::read(row.used),
            refines: Some(row.parent_id).filter(|parent| !parent.is_empty()),
            labels: row.labels.into_iter().map(label).collect(),
            declared: row.declared,
        }
    }
}

impl Row for ReservationRow {
    const TITLES: &'static [&'static str] =
        &["ID", "AGENT", "ROLE", "RESOURCES", "USED", "REFINES", "OWNER", "LABELS"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.agent.clone(),
            self.role.clone(),
            or_dash(self.resources.0.to_string()),
            or_dash(self.used.0.to_string()),
            or_dash(self.refines.clone().unwrap_or_default()),
            if self.declared { format!("{} (declared)", self.owner) } else { self.owner.clone() },
            or_dash(self.labels.join(" ")),
        ]
    }
}
