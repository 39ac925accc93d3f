//! Tasks: what a framework wants to have run.

use super::{
    form::{self, Read},
    kill_policy::{read_kill_policy, write_kill_policy},
    preemption::{read_preemption_notice, read_priority, write_priority},
    reservation::{read_reserved, write_reserved},
    resources::{read_resources, write_resources},
    text,
    volume_orders::{read_mounts, write_mounts},
};
use crate::model::{Command, Duration, Refusal, Resources, TaskInfo, limits};
use crate::wire::v1;

/// Reads a task.
pub fn read_task_info(task: v1::TaskInfo) -> Result<TaskInfo, Refusal> {
    let resources = read_task_resources(task.resources)?;
    let image = read_image(task.image)?;
    let has_program = image.is_some();
    Ok(TaskInfo {
        reserved: read_reserved(task.reserved, &resources)?,
        id: form::id("task_id", &task.task_id)?,
        name: text::read_line("name", task.name)?,
        agent: form::id("agent_id", &task.agent_id)?,
        resources,
        command: read_command(form::required("command", task.command)?, has_program)
            .map_err(|no| no.under("command"))?,
        kill_policy: read_kill_policy("kill_policy", task.kill_policy)?,
        labels: read_labels(task.labels).map_err(|no| no.under("labels"))?,
        priority: read_priority(task.priority)?,
        preemption_notice: read_preemption_notice(task.preemption_notice_ms)?,
        max_completion_time: read_completion_time(task.max_completion_time_ms)?,
        revocable: task.revocable,
        volumes: read_mounts("volumes", task.volumes)?,
        image,
    })
}

/// Writes a task.
pub fn write_task_info(task: &TaskInfo) -> v1::TaskInfo {
    v1::TaskInfo {
        task_id: task.id.to_string(),
        name: task.name.clone(),
        agent_id: task.agent.to_string(),
        resources: write_resources(&task.resources),
        command: Some(write_command(&task.command)),
        kill_policy: write_kill_policy(&task.kill_policy),
        labels: write_labels(&task.labels),
        reserved: write_reserved(&task.reserved),
        priority: write_priority(task.priority),
        preemption_notice_ms: task.preemption_notice.map(Duration::as_ms),
        max_completion_time_ms: task.max_completion_time.map(Duration::as_ms),
        revocable: task.revocable,
        volumes: write_mounts(&task.volumes),
        image: task.image.clone().unwrap_or_default(),
    }
}

/// Reads labels, in the order given; a key may come again.
pub fn read_labels(list: Vec<v1::Label>) -> Result<Vec<(String, String)>, Refusal> {
    form::each("", list, limits::LABELS_MAX, |label| {
        let key = text::read_line("key", label.key)?;
        match key.is_empty() {
            true => Err(Refusal::invalid("key", "is empty")),
            false => Ok((key, text::read_line("value", label.value)?)),
        }
    })
}

/// Writes labels.
pub fn write_labels(labels: &[(String, String)]) -> Vec<v1::Label> {
    let label = |(key, value): &(String, String)| (key.clone(), value.clone());
    labels.iter().map(label).map(|(key, value)| v1::Label { key, value }).collect()
}

/// Reads an image's name; none if it is empty. Its characters only: whether it names an image is
/// found out where images are.
pub fn read_image(name: String) -> Result<Option<String>, Refusal> {
    form::at_most("image", name.len(), limits::IMAGE_NAME_BYTES_MAX)?;
    let may_be = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte);
    match name.bytes().all(may_be) {
        false => Err(Refusal::invalid("image", "has a character that no image's name has")),
        true => Ok(Some(name).filter(|name| !name.is_empty())),
    }
}

/// No time at all would be a task that cannot run.
fn read_completion_time(ms: Option<u64>) -> Read<Option<Duration>> {
    let field = "max_completion_time_ms";
    match ms {
        None => Ok(None),
        Some(0) => Err(Refusal::invalid(field, "is zero; leave it out for no limit")),
        Some(ms) => form::duration(field, ms, limits::COMPLETION_TIME_MAX).map(Some),
    }
}

/// A task of nothing could be launched without end.
pub(super) fn read_task_resources(list: Vec<v1::Resource>) -> Read<Resources> {
    let resources = read_resources(list).map_err(|no| no.under("resources"))?;
    match resources.is_empty() {
        true => Err(Refusal::invalid("resources", "holds nothing; a task needs resources")),
        false => Ok(resources),
    }
}

/// Where an image has a program, none need be named.
fn read_command(command: v1::Command, has_program: bool) -> Read<Command> {
    let arguments = match command.arguments {
        none if none.is_empty() && has_program => none,
        arguments => read_arguments(arguments)?,
    };
    let environment = read_environment(command.environment)?;
    // As the kernel counts: each string ends with a NUL, and a name with `=`.
    let argument_bytes: usize = arguments.iter().map(|text| text.len() + 1).sum();
    let environment_bytes: usize =
        environment.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    form::at_most("", argument_bytes + environment_bytes, limits::COMMAND_BYTES_MAX)?;
    Ok(Command { arguments, environment, user: read_user(command.user)? })
}

fn read_arguments(list: Vec<String>) -> Read<Vec<String>> {
    let list = form::some("arguments", list)?;
    let arguments = form::each("arguments", list, limits::ARGUMENTS_MAX, without_nul)?;
    match arguments[0].is_empty() {
        true => Err(Refusal::invalid("arguments[0]", "is empty; it names the program")),
        false => Ok(arguments),
    }
}

fn read_environment(list: Vec<v1::EnvironmentVariable>) -> Read<Vec<(String, String)>> {
    let field = "environment";
    let environment = form::each(field, list, limits::ENVIRONMENT_MAX, |variable| {
        let name = without_nul(variable.name).map_err(|no| no.under("name"))?;
        let value = without_nul(variable.value).map_err(|no| no.under("value"))?;
        match (name.is_empty(), name.contains('=')) {
            (true, _) => Err(Refusal::invalid("name", "is empty")),
            (_, true) => Err(Refusal::invalid("name", "has a '='")),
            _ => Ok((name, value)),
        }
    })?;
    form::distinct(&environment, |(name, _)| name, |index| format!("{field}[{index}].name"))?;
    Ok(environment)
}

/// An account's name; not an option of whatever program it is passed to, and not a path.
fn read_user(user: String) -> Read<String> {
    form::at_most("user", user.len(), limits::USER_BYTES_MAX)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match user.chars().all(allowed) && !user.starts_with(['-', '.']) {
        true => Ok(user),
        false => {
            let problem = "is not an account's name: letters, digits and . _ -, \
                           starting with a letter, a digit or _";
            Err(Refusal::invalid("user", problem))
        }
    }
}

fn without_nul(text: String) -> Read<String> {
    match text.contains('\0') {
        true => Err(Refusal::invalid("", "has a NUL byte")),
        false => Ok(text),
    }
}

fn write_command(command: &Command) -> v1::Command {
    let variable = |(name, value): &(String, String)| v1::EnvironmentVariable {
        name: name.clone(),
        value: value.clone(),
    };
    v1::Command {
        arguments: command.arguments.clone(),
        environment: command.environment.iter().map(variable).collect(),
        user: command.user.clone(),
    }
}
