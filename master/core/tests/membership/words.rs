//! How transcripts put answers and events: what a reader of the story needs of them.

use master_core::outbox::Answer;
use proto::model::{Refusal, SchedulerEvent};

/// What became of a call, in words.
pub(crate) fn became(answer: &Result<Answer, Refusal>) -> String {
    match answer {
        Ok(Answer::Accepted(results)) => {
            let tasks: usize = results.iter().map(|result| result.tasks().len()).sum();
            format!("launched {tasks} tasks")
        }
        Ok(Answer::Reserved(reservation)) => format!("made reservation {reservation}"),
        Ok(_) => "done".to_owned(),
        Err(refusal) => format!("refused {:?} {refusal}", refusal.reason),
    }
}

/// What a framework hears, in words.
pub(crate) fn heard(event: &SchedulerEvent) -> String {
    match event {
        SchedulerEvent::Subscribed { .. } => "is subscribed".to_owned(),
        SchedulerEvent::Masters(masters) => format!("hears of masters #{}", masters.version),
        SchedulerEvent::Offers(offers) => format!("is made {} offers", offers.len()),
        SchedulerEvent::Error(refusal) => format!("hears {:?}", refusal.reason),
        other => format!("hears {other:?}"),
    }
}
