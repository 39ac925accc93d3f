//! `[[group]]` with its `[[group.member]]`: task groups in a job file.

use super::{
    CommandText, JobFileProblem, KillStepTable, Problem, TaskTable, VolumeTable, task_spec,
};
use crate::group::{GroupSpec, MemberSpec};
use crate::job::TaskSpec;
use bourse_sdk::model::{OnFailure, task_group::Part};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTable {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    on_failure: OnFailureText,
    #[serde(default)]
    member: Vec<MemberTable>,
    instances: Option<Spanned<i64>>,
    retries: Option<Spanned<i64>>,
    timeout: Option<Spanned<String>>,
    #[serde(default)]
    depends_on: Vec<String>,
    #[serde(default)]
    constraints: Vec<Spanned<String>>,
    per_agent_max: Option<Spanned<i64>>,
    #[serde(default)]
    domain_spread: Vec<Spanned<String>>,
    gang: Option<Spanned<bool>>,
    gang_timeout: Option<Spanned<String>>,
    priority: Option<Spanned<i64>>,
    preemption_notice: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberTable {
    name: Spanned<String>,
    #[serde(default)]
    part: PartText,
    #[serde(default)]
    command: CommandText,
    image: Option<String>,
    cpus: Spanned<toml::Value>,
    mem: Spanned<toml::Value>,
    disk: Option<Spanned<toml::Value>>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    user: String,
    grace: Option<Spanned<String>>,
    stop_signal: Option<Spanned<String>>,
    #[serde(default)]
    kill_steps: Vec<KillStepTable>,
    max_completion_time: Option<Spanned<String>>,
    #[serde(default)]
    volumes: Vec<Spanned<VolumeTable>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum OnFailureText {
    #[default]
    EndGroup,
    LetRun,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
enum PartText {
    Init,
    Sidecar,
    #[default]
    Main,
}

/// A group as a task of the job: what it has in common with one is read as of one.
pub(super) fn group_spec(text: &str, table: GroupTable) -> Result<TaskSpec, Problem> {
    let span = table.name.span();
    let members = table.member.into_iter().map(|member| member_spec(text, member));
    let members = members.collect::<Result<Vec<_>, _>>()?;
    let Some(first) = members.first() else {
        let message = "a group needs at least one [[group.member]]".to_owned();
        return Err((span, JobFileProblem::Form { message }));
    };
    let on_failure = match table.on_failure {
        OnFailureText::EndGroup => OnFailure::EndGroup,
        OnFailureText::LetRun => OnFailure::LetRun,
    };
    let common = TaskTable {
        instances: table.instances,
        retries: table.retries,
        timeout: table.timeout,
        depends_on: table.depends_on,
        constraints: table.constraints,
        per_agent_max: table.per_agent_max,
        domain_spread: table.domain_spread,
        gang: table.gang,
        gang_timeout: table.gang_timeout,
        priority: table.priority,
        preemption_notice: table.preemption_notice,
        ..TaskTable::named(table.name)
    };
    // How long its end takes at most is what its members ask for.
    let kill_policy = first.task.kill_policy.clone();
    let group = GroupSpec { members, on_failure };
    let resources = group.holds();
    let spec = task_spec(text, common)?;
    Ok(TaskSpec { resources, kill_policy, group: Some(Box::new(group)), ..spec })
}

fn member_spec(text: &str, table: MemberTable) -> Result<MemberSpec, Problem> {
    let part = match table.part {
        PartText::Init => Part::Init,
        PartText::Sidecar => Part::Sidecar,
        PartText::Main => Part::Main,
    };
    let task = TaskTable {
        command: table.command,
        image: table.image,
        cpus: Some(table.cpus),
        mem: Some(table.mem),
        disk: table.disk,
        env: table.env,
        user: table.user,
        grace: table.grace,
        stop_signal: table.stop_signal,
        kill_steps: table.kill_steps,
        max_completion_time: table.max_completion_time,
        volumes: table.volumes,
        ..TaskTable::named(table.name)
    };
    Ok(MemberSpec { part, task: task_spec(text, task)? })
}
