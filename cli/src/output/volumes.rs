//! Volumes as rows of `bourse volumes`: sizes as people write them, what the agent said beside the
//! state. Knows no connection.

use super::{Row, or_dash};
use proto::{convert::volume::read_volume_state, wire::v1};
use serde::Serialize;

/// One volume.
#[derive(Debug, Serialize)]
pub(crate) struct VolumeRow {
    id: String,
    name: String,
    agent: String,
    reservation: String,
    role: String,
    owner: String,
    /// Thousandths of a MiB, as everywhere.
    size_milli_mib: i64,
    resizing_to_milli_mib: Option<i64>,
    shared: bool,
    state: &'static str,
    message: String,
    tasks: u64,
    labels: Vec<String>,
}

impl From<v1::Volume> for VolumeRow {
    fn from(row: v1::Volume) -> Self {
        let label = |label: v1::Label| format!("{}={}", label.key, label.value);
        let state = read_volume_state("state", row.state).map_or("unknown", |state| state.name());
        Self {
            id: row.volume_id,
            name: row.name,
            agent: row.agent_id,
            reservation: row.reservation_id,
            role: row.role,
            owner: row.owner,
            size_milli_mib: row.size.map_or(0, |size| size.milli),
            resizing_to_milli_mib: row.resizing_to.map(|size| size.milli),
            shared: row.shared,
            state,
            message: row.message,
            tasks: row.task_count,
            labels: row.labels.into_iter().map(label).collect(),
        }
    }
}

impl Row for VolumeRow {
    const TITLES: &'static [&'static str] = &[
        "ID",
        "NAME",
        "AGENT",
        "RESERVATION",
        "ROLE",
        "SIZE MiB",
        "STATE",
        "TASKS",
        "OWNER",
        "LABELS",
    ];

    fn cells(&self) -> Vec<String> {
        let size = match self.resizing_to_milli_mib {
            Some(to) => format!("{} → {}", mib(self.size_milli_mib), mib(to)),
            None => mib(self.size_milli_mib),
        };
        let state = match self.message.as_str() {
            "" => self.state.to_owned(),
            message => format!("{} ({message})", self.state),
        };
        vec![
            self.id.clone(),
            if self.shared { format!("{} (shared)", self.name) } else { self.name.clone() },
            self.agent.clone(),
            self.reservation.clone(),
            self.role.clone(),
            size,
            state,
            self.tasks.to_string(),
            self.owner.clone(),
            or_dash(self.labels.join(" ")),
        ]
    }
}

/// Thousandths as people write them: `64`, `1.5`.
fn mib(milli: i64) -> String {
    let (whole, rest) = (milli / 1_000, milli % 1_000);
    match rest {
        0 => whole.to_string(),
        rest => format!("{whole}.{rest:03}").trim_end_matches('0').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_is_under_way() {
        let row = VolumeRow::from(v1::Volume {
            volume_id: "volume-1".to_owned(),
            name: "data".to_owned(),
            size: Some(v1::Scalar { milli: 128_000 }),
            resizing_to: Some(v1::Scalar { milli: 1_500 }),
            shared: true,
            state: v1::VolumeState::VolumeResizing.into(),
            ..Default::default()
        });
        let cells = row.cells();
        assert_eq!(cells[1], "data (shared)");
        assert_eq!((cells[5].as_str(), cells[6].as_str()), ("128 → 1.5", "resizing"));
        let failed = v1::Volume {
            state: v1::VolumeState::VolumeFailed.into(),
            message: "no space".to_owned(),
            ..Default::default()
        };
        assert_eq!(VolumeRow::from(failed).cells()[6], "failed (no space)");
    }
}
