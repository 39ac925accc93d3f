//! What tasks say themselves: a script that writes down its beginning and its end, and an oracle
//! for what was written.
//!
//! The cluster knows of a task what agents told it; a witness is independent of them. Whatever
//! happens to its agent, a task that has begun ends by itself, in the process in which it began.

use crate::{
    home::Home,
    load::history::{Answer, History},
    verdict::{Ends, SHOWN_MAX, Verdict},
};
use bourse_sdk::model::TaskState;
use std::{collections::BTreeMap, fs};

/// Below the home, a file for each task that has begun.
pub(crate) const FOLDER: &str = "witness";

/// A script of a task that runs for so many seconds; every tenth runs three times as long.
///
/// Data directories of agents lie in the home, so that a task can tell where it is.
pub fn script(seconds: u32) -> String {
    format!(
        "witness=${{BOURSE_SANDBOX%%/agent-*}}/{FOLDER}/$BOURSE_TASK_ID\n\
         echo began $$ >> $witness\n\
         case $BOURSE_TASK_ID in *0) sleep {};; *) sleep {seconds};; esac\n\
         echo ended $$ >> $witness",
        seconds * 3
    )
}

/// What each task that has begun has written.
pub fn read(home: &Home) -> anyhow::Result<BTreeMap<String, String>> {
    let mut witnesses = BTreeMap::new();
    for entry in fs::read_dir(home.path().join(FOLDER))? {
        let entry = entry?;
        let task = entry.file_name().to_string_lossy().into_owned();
        witnesses.insert(task, fs::read_to_string(entry.path())?);
    }
    Ok(witnesses)
}

impl Verdict {
    /// Compares what tasks have written with what was said of them. Answers with how many were
    /// accepted and never began.
    pub fn judge_witnesses(
        &mut self,
        history: &History,
        witnesses: &BTreeMap<String, String>,
        ends: Ends,
    ) -> usize {
        let (mut disturbed, mut never_began) = (Vec::new(), 0);
        for (task, accept) in &history.accepts {
            let is_finished = accept.end() == Some(TaskState::Finished);
            match witnesses.get(task) {
                None if accept.answer == Answer::Accepted => {
                    never_began += 1;
                    if is_finished {
                        disturbed.push(format!("{task} is said to be finished and never began"));
                    }
                }
                None => {}
                Some(text) if is_whole(text) && is_finished => {}
                Some(text) if ends == Ends::IfSaid && !is_finished && began_once(text) => {}
                Some(text) => {
                    let end = accept.end().map_or("nothing", TaskState::name);
                    disturbed.push(format!("{task} wrote {text:?} and is said to be {end} (T3)"));
                }
            }
        }
        self.disturbed = disturbed.len();
        self.violations.extend(disturbed.into_iter().take(SHOWN_MAX));
        never_began
    }
}

/// Whether a task began once, and ended in the same process.
fn is_whole(text: &str) -> bool {
    let began = text.lines().next().and_then(|line| line.strip_prefix("began "));
    began.is_some_and(|pid| text == format!("began {pid}\nended {pid}\n"))
}

/// Whether a task began at most once.
fn began_once(text: &str) -> bool {
    text.matches("began").count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disturbed(end: TaskState, text: Option<&str>) -> (usize, usize) {
        judged(end, text, Ends::Witnessed)
    }

    fn judged(end: TaskState, text: Option<&str>, ends: Ends) -> (usize, usize) {
        let mut history = History::new();
        history.asked("a");
        history.accepted("a", true);
        history.updated("a", end, 1);
        let witnesses = text.map(|text| ("a".to_owned(), text.to_owned()));
        let mut verdict = Verdict::default();
        let never_began = verdict.judge_witnesses(&history, &witnesses.into_iter().collect(), ends);
        (verdict.disturbed, never_began)
    }

    #[test]
    fn tasks_that_were_disturbed_are_seen() {
        let (finished, dropped) = (TaskState::Finished, TaskState::Dropped);
        assert_eq!(disturbed(finished, Some("began 7\nended 7\n")), (0, 0));
        assert_eq!(disturbed(dropped, None), (0, 1), "killed while it was launched");
        assert_eq!(disturbed(finished, None), (1, 1), "never ran");
        assert_eq!(disturbed(dropped, Some("began 7\n")), (1, 0), "killed");
        assert_eq!(disturbed(dropped, Some("began 7\nended 7\n")), (1, 0), "said to be killed");
        assert_eq!(disturbed(finished, Some("began 7\nended 8\n")), (1, 0), "another process");
        let twice = "began 7\nbegan 7\nended 7\nended 7\n";
        assert_eq!(disturbed(finished, Some(twice)), (1, 0), "two of them");
    }

    #[test]
    fn tasks_that_were_harmed_themselves_may_fail_and_not_run_twice() {
        let judged = |end, text| judged(end, Some(text), Ends::IfSaid).0;
        let (finished, failed) = (TaskState::Finished, TaskState::Failed);
        assert_eq!(judged(failed, "began 7\n"), 0);
        assert_eq!(judged(failed, "began 7\nended 7\n"), 0, "nobody lived to hear of its end");
        assert_eq!(judged(finished, "began 7\n"), 1);
        assert_eq!(judged(failed, "began 7\nbegan 8\n"), 1);
    }
}
