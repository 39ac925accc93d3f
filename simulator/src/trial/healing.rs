//! What must come right once nothing goes wrong any more, within a bounded time.

use super::{master_host::MasterHost, world::World};
use master_core::ledger::{AgentState, FrameworkState, LogVersion, digest::digest, invariants};
use proto::model::{Duration, Instant};

/// Longer than every timeout and back-off of all parties together.
const PATIENCE: Duration = Duration::from_seconds(180);

impl World {
    /// Phase two: faults end, and everything that was wanted happens.
    ///
    /// # Panics
    /// With what is still wrong when the time is over.
    pub(crate) fn heal(&mut self) {
        self.healed = true;
        self.network.heal();
        for host in 0..self.masters.len() {
            self.masters[host].slow_disk = false;
            self.masters[host].failing = None;
            let process = self.masters[host].process(host);
            self.resume_master(process);
            // Sooner or later all get today's software.
            if std::mem::take(&mut self.masters[host].old) && self.masters[host].is_up() {
                self.crash_master(host);
            }
            self.start_master(host);
        }
        for agent in 0..self.agents.len() {
            self.agents[agent].dies_in_step = false;
        }
        let began = self.queue.now();
        let end = began + PATIENCE;
        let mut look_at = began;
        loop {
            self.happen();
            let now = self.queue.now();
            if now < look_at {
                continue;
            }
            look_at = now + Duration(200);
            let wrong = self.wrong();
            if wrong.is_empty() {
                self.healed_after = now.since(began);
                break;
            }
            if now >= end && self.is_lost() {
                self.excused = true;
                return;
            }
            assert!(now < end, "not right {PATIENCE} after healing:\n{}", wrong.join("\n"));
        }
        self.quiet(self.queue.now() + Duration::from_seconds(10));
    }

    /// Whether what was promised may be on no disk any more, so that nobody can be asked to go on:
    /// the proof that excuses a trial which does not come right. An entry is promised when a
    /// majority has it; those whose disks are as they were are none, and nobody serves.
    fn is_lost(&self) -> bool {
        let founders = &self.masters[..self.options.masters];
        let sound = founders.iter().filter(|host| !host.rejoining).count();
        sound <= founders.len() / 2 && self.serving().is_empty()
    }

    /// Everything that is not yet as it should be.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let serving = self.serving();
        let [leader] = serving[..] else {
            wrong.push(format!("serving: {serving:?}"));
            return wrong;
        };
        let master = self.masters[leader].master.as_ref().expect("it serves");
        let ledger = master.ledger();
        wrong.extend(self.unsettled_masters(leader));
        if ledger.version() < LogVersion::CURRENT {
            wrong.push(format!("the log is still of version {:?}", ledger.version()));
        }
        for host in self.masters.iter().filter(|host| self.is_member(leader, host.node)) {
            if host.rejoining || host.master.as_ref().is_none_or(|it| it.is_joining()) {
                wrong.push(format!("{} may not vote", host.node));
            }
        }
        for host in &self.agents {
            let row = ledger.agent(&host.id);
            let registered = row.is_some_and(|row| row.state == AgentState::Registered);
            let agrees = host.agent.as_ref().is_some_and(|agent| agent.is_registered());
            if !registered || !agrees {
                wrong.push(format!("{}: registered {registered}, agrees {agrees}", host.id));
            }
            if host.agent.as_ref().is_some_and(|agent| agent.tasks().len() > 0) {
                wrong.push(format!("{} still has tasks in its journal", host.id));
            }
            let volumes = host.agent.as_ref().map_or(0, |agent| agent.volumes().len());
            let directories: Vec<_> = host.disk.owned().collect();
            if volumes > 0 || !directories.is_empty() {
                wrong.push(format!("{} has {volumes} volumes, {directories:?}", host.id));
            }
            if host.running() > 0 {
                wrong.push(format!("{} still runs {} containers", host.id, host.running()));
            }
        }
        for (index, host) in self.frameworks.iter().enumerate() {
            let row = host.id.and_then(|id| ledger.framework(id));
            let subscribed = row.is_some_and(|row| row.state == FrameworkState::Subscribed);
            let pending = row.map_or(0, |row| row.pending_acknowledgements);
            let (finished, open) = (host.finished, host.under_way());
            let wants = self.wanted(index) > 0 || open > 0;
            let waiting = self.calls.waiting(index);
            if !subscribed || pending > 0 || wants {
                wrong.push(format!(
                    "{}: subscribed {subscribed}, finished {finished}, open {open}, waits for \
                     {waiting} calls, {pending} updates unacknowledged",
                    host.name
                ));
            }
        }
        wrong.extend(self.undone_jobs());
        if ledger.live_task_count() > 0 {
            wrong.push(format!("T8: {} tasks live in the ledger", ledger.live_task_count()));
        }
        if !ledger.volumes().is_empty() {
            wrong.push(format!("{} volumes in the ledger", ledger.volumes().len()));
        }
        wrong
    }

    /// Lets the world go on until all masters have applied the same; then all ledgers are equal.
    fn quiet(&mut self, until: Instant) {
        loop {
            self.happen();
            let leader = self.serving().first().copied();
            let is_member =
                |host: &&MasterHost| leader.is_some_and(|leader| self.is_member(leader, host.node));
            let members: Vec<&MasterHost> = self.masters.iter().filter(is_member).collect();
            let applied: Vec<u64> = members
                .iter()
                .filter_map(|host| Some(host.master.as_ref()?.ledger().applied().index))
                .collect();
            let equal = !applied.is_empty()
                && applied.len() == members.len()
                && applied.iter().all(|index| *index == applied[0]);
            if equal {
                break;
            }
            let now = self.queue.now();
            assert!(now < until, "the masters do not come to the same index: {applied:?}");
        }
        let leader = self.serving()[0];
        let members: Vec<usize> = (0..self.masters.len())
            .filter(|host| self.is_member(leader, self.masters[*host].node))
            .collect();
        for host in members {
            let host = &self.masters[host];
            let ledger = host.master.as_ref().expect("all are up").ledger();
            let broken = invariants::check(ledger);
            assert!(broken.is_empty(), "ledger of {}: {broken:?}", host.node);
            self.oracles.digests.observe(host.node, ledger.applied().index, digest(ledger));
        }
    }
}
