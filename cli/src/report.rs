//! Live progress of a job: a bar on a terminal, lines elsewhere, and what each task printed.
//!
//! The reporter hears of progress between two events of the cluster and must not block, so that it
//! only passes it on; a task of its own prints, and reads sandboxes.

use crate::{
    connection::Connection,
    output::{Format, rows::TaskRow, stderr_is_terminal, table::escape},
    sandbox::Sandbox,
};
use batch::{Observer, Outcome, Progress, Skip, Summary, TaskNews};
use indicatif::{ProgressBar, ProgressStyle};
use proto::model::{AgentId, FrameworkId, Instant, TaskId};
use serde::Serialize;
use std::{collections::BTreeSet, fmt, time::Duration};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::JoinHandle,
};

/// News that may wait for the printer; past it a line is left out, never the job held up.
const NEWS_MAX: usize = 65_536;

/// After this long without a launch the user is told why that may be.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of what a task wrote, this much is kept for JSON.
const OUTPUT_BYTES_MAX: usize = 1_024 * 1_024;

/// Passes progress on.
#[derive(Debug)]
pub(crate) struct Reporter(Sender<Progress>);

/// Prints; ends when the reporter is gone.
#[derive(Debug)]
pub(crate) struct Printer(JoinHandle<Vec<Output>>);

/// What one task wrote.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Output {
    task: String,
    stdout: String,
    stderr: String,
}

impl Reporter {
    /// A reporter and its printer. Without a reader nothing of the tasks' output is shown.
    pub(crate) fn start(
        total: usize,
        reader: Option<Connection>,
        format: Format,
    ) -> (Self, Printer) {
        let (news, incoming) = channel(NEWS_MAX);
        let bar = bar(total);
        let outputs = Vec::new();
        let running = BTreeSet::new();
        let printing =
            Printing { reader, format, bar, framework: None, launched: false, running, outputs };
        (Self(news), Printer(tokio::spawn(printing.run(incoming))))
    }
}

impl Observer for Reporter {
    fn observe(&mut self, _now: Instant, progress: &Progress) {
        let _ = self.0.try_send(progress.clone());
    }
}

impl Printer {
    /// Waits until everything is printed.
    pub(crate) async fn finish(self) -> anyhow::Result<Vec<Output>> {
        Ok(self.0.await?)
    }
}

fn bar(total: usize) -> ProgressBar {
    if !stderr_is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "{elapsed_precise} {bar:40} {pos}/{len} {msg}";
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::new(total as u64).with_style(style)
}

struct Printing {
    reader: Option<Connection>,
    format: Format,
    bar: ProgressBar,
    framework: Option<FrameworkId>,
    launched: bool,
    /// Tasks and groups that were seen to run, and have not ended.
    running: BTreeSet<TaskId>,
    outputs: Vec<Output>,
}

impl Printing {
    async fn run(mut self, mut incoming: Receiver<Progress>) -> Vec<Output> {
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                progress = incoming.recv() => match progress {
                    Some(progress) => self.show(progress).await,
                    None => break,
                },
                () = &mut patience, if !self.launched => {
                    // Said once: from here on the silence is explained.
                    self.launched = true;
                    self.say(
                        "nothing could be launched yet: no offer is large enough, others come \
                         first, or the role's quota is used up (`bourse agents`, `bourse roles` \
                         and `bourse quota` show what there is)",
                    );
                }
            }
        }
        self.bar.finish_and_clear();
        self.outputs
    }

    async fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Submitted { framework, .. } => {
                self.framework = Some(framework);
                self.bar.set_message(format!("as {framework}"));
            }
            Progress::Disconnected => self.say("the master is lost; looking for the leader"),
            Progress::Reconnected => self.say("connected again"),
            Progress::Started(news) => {
                let place = news.agent.as_ref().map(|agent| format!(" on {agent}"));
                self.bar.set_message(format!("{} runs{}", news.task, place.unwrap_or_default()));
                self.running.insert(news.task);
            }
            Progress::Ended { news, outcome, message, retry_in } => {
                let detail = if message.is_empty() { message } else { format!(": {message}") };
                let again = retry_in.map(|delay| format!("; again in {delay}")).unwrap_or_default();
                if retry_in.is_none() {
                    self.bar.inc(1);
                }
                self.say(&escape(&format!("{} {}{detail}{again}", news.task, word(outcome))));
                self.show_outputs(&news).await;
            }
            Progress::Skipped { news, because } => {
                self.bar.inc(1);
                let why = match because {
                    Skip::Dependency => "what it waits for did not succeed",
                    Skip::Stopped => "the job was stopped",
                };
                self.say(&format!("{} is skipped: {why}", news.task));
            }
            Progress::Stopping => self.say("stopping: what runs is being killed"),
            Progress::Waiting { name, reason } => self.say(&format!("{name} waits: {reason}")),
            Progress::Launched(_) => self.launched = true,
        }
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// What a task wrote, or each task of a group.
    async fn show_outputs(&mut self, news: &TaskNews) {
        let has_run = self.running.remove(&news.task);
        let Some(agent) = &news.agent else { return };
        match &news.members[..] {
            [] => self.show_output(&news.task, agent, has_run).await,
            members => {
                for member in members {
                    self.show_output(member, agent, has_run).await;
                }
            }
        }
    }

    /// Prints what a task wrote, each line under its name, or keeps it for JSON. One that was not
    /// seen to run may have no sandbox.
    async fn show_output(&mut self, task: &TaskId, agent: &AgentId, has_run: bool) {
        let (Some(reader), Some(framework)) = (&self.reader, self.framework) else { return };
        let row = TaskRow::named(framework.to_string(), task.to_string(), agent.to_string());
        let mut texts = <[String; 2]>::default();
        if let Err(problem) = read(reader, &row, &mut texts).await
            && has_run
        {
            self.say(&format!("the output of {task} cannot be read: {problem:#}"));
        }
        let [stdout, stderr] = texts;
        if self.format == Format::Json {
            self.outputs.push(Output { task: task.to_string(), stdout, stderr });
            return;
        }
        self.bar.suspend(|| {
            print_lines(&mut std::io::stdout(), task, &stdout);
            print_lines(&mut std::io::stderr(), task, &stderr);
        });
    }
}

/// Reads what a task wrote to standard output and standard error, as far as it can be read.
async fn read(reader: &Connection, task: &TaskRow, texts: &mut [String; 2]) -> anyhow::Result<()> {
    let mut sandbox = Sandbox::of(reader, task).await?;
    for (path, text) in ["stdout", "stderr"].into_iter().zip(texts) {
        let mut bytes = Capped(Vec::new());
        let copied = sandbox.copy(path, false, &mut bytes).await;
        *text = String::from_utf8_lossy(&bytes.0).into_owned();
        copied?;
    }
    Ok(())
}

/// An outcome for people.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "was killed: it took longer than its timeout",
        Outcome::Killed => "was killed",
        Outcome::Lost => "is lost with its agent",
        Outcome::Refused => "is refused",
        Outcome::Skipped => "is skipped",
    }
}

/// The summary's last line.
pub(crate) fn summary_line(summary: &Summary) -> String {
    let short = |outcome: &Outcome| word(*outcome).split(':').next().unwrap_or_default();
    let counts: Vec<_> = summary
        .counts
        .iter()
        .map(|(outcome, count)| format!("{count} {}", short(outcome)))
        .collect();
    let seconds = summary.duration_ms / 1_000;
    let tenths = summary.duration_ms % 1_000 / 100;
    format!("{}: {} in {seconds}.{tenths} s", summary.job, counts.join(", "))
}

fn print_lines(to: &mut dyn std::io::Write, task: &TaskId, text: &str) {
    for line in text.lines() {
        // A reader that has gone away does not want the rest.
        let _ = writeln!(to, "{task} | {}", escape(line));
    }
}

/// Keeps the beginning.
struct Capped(Vec<u8>);

impl std::io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = OUTPUT_BYTES_MAX.saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Printing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printing").field("format", &self.format).finish_non_exhaustive()
    }
}
