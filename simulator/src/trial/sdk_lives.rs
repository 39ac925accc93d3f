//! Schedulers on the SDK that die, and such as are taken over by others who know their framework's
//! id. A job that has lost its framework begins anew in another process.

use super::{
    event::Happening,
    master_world::address_of,
    sdk_host::{Author, SdkHost},
    streams::Client,
    world::World,
};
use bourse_sdk::{Calls, Event, Scheduler, session::Ended};
use proto::model::{Instant, Reason};

/// Ends the framework that it takes over: what its tasks were for, it does not know.
#[derive(Debug)]
pub(super) struct Heir;

impl Scheduler for Heir {
    fn handle(&mut self, _: Instant, event: Event, calls: &mut Calls) {
        if let Event::Subscribed { .. } = event {
            calls.teardown();
        }
    }
}

impl World {
    /// The process dies; nobody tells the cluster that it is over.
    pub(crate) fn kill_scheduler(&mut self) -> Option<()> {
        let sdk = self.any_job()?;
        self.sometimes.note("scheduler killed");
        self.sdks[sdk].is_dead = true;
        self.client_died(Client::Sdk(sdk));
        self.see_to_job(sdk);
        Some(())
    }

    /// Another process subscribes with the framework's id while this one goes on.
    pub(crate) fn take_over(&mut self) -> Option<()> {
        let sdk = self.any_job()?;
        let framework = self.sdks[sdk].framework()?;
        let heir = self.sdks[sdk].heir(framework, self.masters_now(), self.chance.faults.number());
        self.add_sdk(heir);
        Some(())
    }

    /// One whose job is not yet done.
    fn any_job(&mut self) -> Option<usize> {
        let has_job = |host: &SdkHost| host.is_active() && matches!(host.author, Author::Batch(_));
        let jobs: Vec<usize> =
            (0..self.sdks.len()).filter(|sdk| has_job(&self.sdks[*sdk])).collect();
        self.chance.faults.pick(&jobs).copied()
    }

    /// Somebody sees to it that each job is done: another process, when nobody is at it any more.
    fn see_to_job(&mut self, sdk: usize) {
        let name = &self.sdks[sdk].name;
        let mut others = self.sdks.iter().filter(|other| other.name == *name);
        if !others.any(|other| other.is_active() || other.is_done()) {
            let successor = self.sdks[sdk].anew(self.masters_now(), self.chance.faults.number());
            self.add_sdk(successor);
        }
    }

    /// Whom an operator would name to somebody new.
    fn masters_now(&self) -> Vec<String> {
        let there = self.masters.iter().filter(|host| !host.absent && !host.retired);
        there.map(|host| address_of(host.node.0)).collect()
    }

    fn add_sdk(&mut self, host: SdkHost) {
        let sdk = self.sdks.len();
        self.sdks.push(host);
        let wait = self.chance.faults.time(0, 5_000);
        self.queue.after(wait, Happening::SdkStart(sdk));
    }

    /// A session is over.
    pub(super) fn sdk_ended(&mut self, sdk: usize, ended: &Ended) {
        let host = &self.sdks[sdk];
        let is_heir = matches!(host.author, Author::Heir(_));
        match ended {
            Ended::TornDown if host.is_done() => {
                self.sometimes.note("job of the batch framework done");
            }
            Ended::TornDown if is_heir => self.sometimes.note("scheduler taken over"),
            Ended::Refused(refusal)
                if matches!(refusal.reason, Reason::FrameworkFenced | Reason::FrameworkRemoved) => {
            }
            _ => panic!("{} has ended: {ended:?}", host.name),
        }
        self.see_to_job(sdk);
    }

    /// Jobs that are not done, and processes that are still at it.
    pub(crate) fn undone_jobs(&self) -> Vec<String> {
        let open = |host: &&SdkHost| {
            let mut same = self.sdks.iter().filter(|other| other.name == host.name);
            host.is_active() || !same.any(SdkHost::is_done)
        };
        self.sdks.iter().filter(open).map(SdkHost::state).collect()
    }
}
