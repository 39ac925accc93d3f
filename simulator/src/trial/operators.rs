//! An operator: reads, kills a task now and then, and watches, resuming where the watch broke off.

use super::{
    event::Happening,
    framework_calls::Asked,
    streams::{Client, Down, Up},
    world::World,
};
use master_core::{
    input::{OperatorCall, Page, StreamId},
    outbox::Answer,
};
use proto::{
    model::{Reason, Refusal, TaskKey},
    wire::v1::cluster_event::Event,
};

/// Who watches, and what was seen last.
#[derive(Debug, Default)]
pub(crate) struct OperatorHost {
    stream: Option<StreamId>,
    last: Option<u64>,
    streams: u64,
}

impl World {
    pub(crate) fn wake_operator(&mut self) {
        let again = self.chance.frameworks.time(700, 2_500);
        self.queue.after(again, Happening::OperatorWake);
        let to = self.serving().first().copied().unwrap_or(0);
        if self.operator.stream.is_none() {
            self.operator.streams += 1;
            let stream = self.open(Client::Operator, self.operator.streams, to);
            self.operator.stream = Some(stream);
            self.up(stream, Up::Watch(self.operator.last));
        }
        let page = Page { size: 2, after: None };
        let request = match self.chance.frameworks.below(5) {
            0 => OperatorCall::GetCluster,
            1 => OperatorCall::ListAgents(page),
            2 => OperatorCall::ListOffers(page),
            3 if !self.healed => match self.any_task() {
                Some(key) => OperatorCall::KillTask { key, grace_period: None },
                None => OperatorCall::ListRoles(page),
            },
            _ => OperatorCall::ListFrameworks(page),
        };
        self.ask(Asked::Operator(request), to, 1);
    }

    fn any_task(&mut self) -> Option<TaskKey> {
        let known = self.frameworks.iter().filter_map(|host| Some((host.id?, &host.tasks)));
        let keys = known.flat_map(|(framework, tasks)| {
            tasks.keys().map(move |task| TaskKey { framework, task: task.clone() })
        });
        let keys: Vec<_> = keys.collect();
        self.chance.frameworks.pick(&keys).cloned()
    }

    pub(crate) fn operator_answered(&mut self, answer: Result<Answer, Refusal>) {
        match answer {
            Ok(Answer::Read(_)) => self.sometimes.note("read answered"),
            Ok(_) => {}
            Err(refusal) => assert!(
                matches!(
                    refusal.reason,
                    Reason::NotLeader
                        | Reason::NotReady
                        | Reason::OutcomeUnknown
                        | Reason::TaskUnknown
                        | Reason::Overloaded
                ),
                "an operator was refused with {refusal:?}"
            ),
        }
    }

    pub(crate) fn operator_hears(&mut self, stream: StreamId, down: Down) {
        if self.operator.stream != Some(stream) {
            return;
        }
        match down {
            Down::Opened => {}
            Down::Closed => self.operator.stream = None,
            Down::Watcher(event) => match *event {
                Ok(event) => {
                    let last = self.operator.last.unwrap_or(0);
                    let number = event.sequence;
                    assert!(number >= last, "a watch goes back from {last} to {number}");
                    if matches!(event.event, Some(Event::Started(_))) && last > 0 {
                        self.sometimes.note("watch resumed");
                    }
                    self.operator.last = Some(number);
                }
                Err(refusal) => match refusal.reason {
                    Reason::SequenceExpired => self.operator.last = None,
                    Reason::NotLeader | Reason::NotReady => {}
                    _ => panic!("a watch ended with {refusal:?}"),
                },
            },
            other => panic!("an operator cannot hear {other:?}"),
        }
    }
}
