//! `bourse logs TASK [-f]`: what a task printed, read from its agent.

use crate::{
    connection::{Connection, request},
    output::{rows::TaskRow, table::escape},
    sandbox::Sandbox,
};
use anyhow::anyhow;
use proto::{model::Refusal, wire::v1};

/// Which task.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TaskArgs {
    /// Task id, or FRAMEWORK/TASK when several frameworks have one of that name
    pub(crate) task: String,
}

/// Flags of `bourse logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    task: TaskArgs,
    /// Go on until the task has ended
    #[arg(short, long)]
    follow: bool,
    /// Standard error instead of standard output
    #[arg(long, conflicts_with = "file")]
    stderr: bool,
    /// Another file of the sandbox
    #[arg(long)]
    file: Option<String>,
}

/// Files named after one that is not there; the others are counted.
const FILES_NAMED_MAX: usize = 20;

pub(crate) async fn run(connection: &Connection, args: &LogsArgs) -> anyhow::Result<()> {
    let task = find(connection, &args.task).await?;
    let path = match (&args.file, args.stderr) {
        (Some(file), _) => file.as_str(),
        (None, true) => "stderr",
        (None, false) => "stdout",
    };
    let mut sandbox = Sandbox::of(connection, &task).await?;
    let Err(problem) = sandbox.copy(path, args.follow, &mut std::io::stdout()).await else {
        return Ok(());
    };
    match problem.downcast_ref::<Refusal>() {
        Some(refusal) if refusal.field == "path" => {
            let (directory, files) = beside(&mut sandbox, path).await;
            let hint = hint(&args.task.task, &directory, &files);
            let message = &refusal.message;
            Err(anyhow!("cannot show the file {path:?} of {}: it {message}; {hint}", task.id))
        }
        _ => Err(problem),
    }
}

/// What is in the directory that was meant, or in the nearest one that can be listed.
async fn beside(sandbox: &mut Sandbox, path: &str) -> (String, Vec<v1::FileEntry>) {
    let parent = path.trim_end_matches('/').rsplit_once('/').map_or("", |(parent, _)| parent);
    for directory in [path, parent] {
        if let Ok(files) = sandbox.list(directory).await {
            return (directory.trim_end_matches('/').to_owned(), files);
        }
    }
    (String::new(), sandbox.list("").await.unwrap_or_default())
}

/// What there is instead, and what to type for it; directories end with a slash.
fn hint(task: &str, directory: &str, files: &[v1::FileEntry]) -> String {
    let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let place = if directory.is_empty() { "the sandbox" } else { directory };
    if files.is_empty() {
        return format!("{} is empty", escape(place));
    }
    let name = |file: &v1::FileEntry| {
        let slash = if file.directory { "/" } else { "" };
        format!("{prefix}{}{slash}", file.name)
    };
    let names: Vec<String> =
        files.iter().take(FILES_NAMED_MAX).map(|file| escape(&name(file))).collect();
    let more = match files.len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    // What tasks always have, if it is there.
    let is_text = |file: &&v1::FileEntry| !file.directory;
    let usual = files.iter().find(|file| prefix.is_empty() && file.name == "stdout");
    let example = usual.or_else(|| files.iter().find(is_text)).map_or_else(
        || format!("{prefix}{}/FILE", files[0].name),
        |file| format!("{prefix}{}", file.name),
    );
    let names = names.join(", ");
    format!("there are {names}{more}; type `bourse logs {task} --file {}`", escape(&example))
}

/// Finds a task by its id, or by framework and id.
pub(crate) async fn find(connection: &Connection, args: &TaskArgs) -> anyhow::Result<TaskRow> {
    let (framework_id, task_id) = match args.task.split_once('/') {
        Some((framework, task)) => (framework.to_owned(), task.to_owned()),
        None => (String::new(), args.task.clone()),
    };
    let message = v1::GetTaskRequest { framework_id, task_id };
    let answer = connection
        .ask(|mut client| {
            let message = request(message.clone());
            async move { client.get_task(message).await }
        })
        .await
        .map_err(|problem| anyhow!("{problem:#}; `bourse tasks` lists the tasks"))?;
    Ok(TaskRow::from(answer.task.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<v1::FileEntry> {
        let entry = |name: &&str| v1::FileEntry {
            name: name.trim_end_matches('/').to_owned(),
            directory: name.ends_with('/'),
            ..v1::FileEntry::default()
        };
        names.iter().map(entry).collect()
    }

    #[test]
    fn a_file_that_is_not_there_names_those_that_are() {
        let of = |directory, names: &[&str]| hint("run-0", directory, &files(names));
        let usual = "there are out/, stderr, stdout; type `bourse logs run-0 --file stdout`";
        assert_eq!(of("", &["out/", "stderr", "stdout"]), usual);
        let inner = "there are out/a/, out/stdout, out/x; \
                     type `bourse logs run-0 --file out/stdout`";
        assert_eq!(of("out", &["a/", "stdout", "x"]), inner);
        let deeper = "there are out/a/; type `bourse logs run-0 --file out/a/FILE`";
        assert_eq!(of("out", &["a/"]), deeper);
        assert_eq!(of("", &[]), "the sandbox is empty");
        assert_eq!(of("out", &[]), "out is empty");
    }

    #[test]
    fn names_are_made_by_tasks() {
        let hint = hint("run-0", "", &files(&["\u{1b}[2J\n"]));
        assert!(!hint.contains(['\u{1b}', '\n']), "{hint:?}");
        let many: Vec<String> = (0..50).map(|number| format!("f{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let hint = super::hint("run-0", "", &files(&many));
        assert!(hint.contains("f19 and 30 more; type"), "{hint}");
    }
}
