//! Task groups as rows.

use super::{Row, rows::ShownResources};
use proto::wire::v1;
use serde::Serialize;

/// One task group.
#[derive(Debug, Serialize)]
pub(crate) struct GroupRow {
    pub(crate) framework: String,
    pub(crate) id: String,
    agent: String,
    role: String,
    state: &'static str,
    on_failure: &'static str,
    /// What its tasks hold together now.
    allocated: ShownResources,
    /// Because of which it did not, or will not, finish.
    failed_task: Option<String>,
    tasks: Vec<MemberRow>,
}

/// One of its tasks.
#[derive(Debug, Serialize)]
struct MemberRow {
    id: String,
    part: &'static str,
    state: &'static str,
}

impl From<v1::GroupSummary> for GroupRow {
    fn from(wire: v1::GroupSummary) -> Self {
        let (state, on_failure) = (wire.state().as_str_name(), wire.on_failure());
        let member = |member: v1::group_summary::Member| MemberRow {
            part: part_text(member.part()),
            state: member.state().as_str_name(),
            id: member.task_id,
        };
        Self {
            framework: wire.framework_id,
            id: wire.group_id,
            agent: wire.agent_id,
            role: wire.role,
            state,
            on_failure: match on_failure {
                v1::GroupOnFailure::EndGroup => "end-group",
                v1::GroupOnFailure::LetRun => "let-run",
            },
            allocated: ShownResources::read(wire.allocated),
            failed_task: Some(wire.failed_task_id).filter(|task| !task.is_empty()),
            tasks: wire.members.into_iter().map(member).collect(),
        }
    }
}

impl Row for GroupRow {
    const TITLES: &'static [&'static str] =
        &["framework", "group", "state", "agent", "resources", "tasks"];

    fn cells(&self) -> Vec<String> {
        let task = |task: &MemberRow| {
            let state = task.state.trim_start_matches("TASK_").to_lowercase();
            format!("{} ({}, {state})", task.id, task.part)
        };
        vec![
            self.framework.clone(),
            self.id.clone(),
            self.state.to_owned(),
            self.agent.clone(),
            self.allocated.0.to_string(),
            self.tasks.iter().map(task).collect::<Vec<_>>().join(", "),
        ]
    }
}

/// What a task is in its group; empty of a task of its own.
pub(super) fn part_text(part: v1::GroupPart) -> &'static str {
    match part {
        v1::GroupPart::Unspecified => "",
        v1::GroupPart::Init => "init",
        v1::GroupPart::Sidecar => "sidecar",
        v1::GroupPart::Main => "main",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_shown_with_its_tasks() {
        let member = |id: &str, part: v1::GroupPart, state: v1::TaskState| {
            let (part, state) = (part.into(), state.into());
            v1::group_summary::Member { task_id: id.to_owned(), part, state }
        };
        let row = GroupRow::from(v1::GroupSummary {
            framework_id: "framework-1".to_owned(),
            group_id: "web".to_owned(),
            agent_id: "a".to_owned(),
            state: v1::GroupState::GroupRunning.into(),
            members: vec![
                member("fetch", v1::GroupPart::Init, v1::TaskState::TaskFinished),
                member("serve", v1::GroupPart::Main, v1::TaskState::TaskRunning),
            ],
            ..v1::GroupSummary::default()
        });
        let cells = row.cells();
        assert_eq!(cells[1..3], ["web", "GROUP_RUNNING"]);
        assert_eq!(cells[5], "fetch (init, finished), serve (main, running)");
        let json = serde_json::to_value(&row).expect("plain data");
        assert_eq!(json["tasks"][0]["part"], "init");
        assert_eq!(json["failed_task"], serde_json::Value::Null);
    }
}
