//! Fencing: whose orders count.
//!
//! An order counts if it came over the present stream, after that stream's registration was
//! answered, from a master whose term is not below one that was obeyed before. The highest term is
//! journaled before anything else that the order leads to, so that a restart does not forget it.

use crate::{
    agent::Agent,
    journal::Record,
    outbox::{Effect, Outbox},
};
use proto::model::{ClusterId, Duration, Instant, Order, Reason, Refusal};

impl Agent {
    /// Takes an order, if it counts.
    pub(crate) fn take_order(
        &mut self,
        session: u64,
        term: u64,
        order: Order,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        if !self.session.is_current(session) {
            return;
        }
        if let Order::Refused(refusal) = order {
            // Said by masters that do not lead, too; it changes nothing but whom to talk to.
            return self.take_refusal(refusal, now, outbox);
        }
        if term < self.identity.term {
            self.stale_orders += 1;
            return self.leave(now, false, outbox);
        }
        if term > self.identity.term {
            self.identity.term = term;
            outbox.record(Record::Identity(self.identity.clone()));
        }
        self.session.heard(now);
        match order {
            Order::Registered { heartbeat_interval, cluster } => {
                self.take_registered(heartbeat_interval, cluster, now, outbox);
            }
            _ if !self.session.is_registered() => self.leave(now, false, outbox),
            // Where masters are is the link's business.
            Order::Masters(_) | Order::Refused(_) => {}
            Order::Heartbeat => self.session.answered(),
            Order::Launch { framework, owner, task } => {
                self.launch(framework, owner, task, now, outbox);
            }
            Order::LaunchGroup { framework, owner, group } => {
                self.launch_group(framework, owner.as_ref(), *group, now, outbox);
            }
            Order::Kill { key, grace_period, reason } => {
                self.kill(&key, grace_period, reason, now, outbox);
            }
            Order::Resize { key, resources, version } => {
                self.resize(&key, resources, version, now, outbox);
            }
            Order::Volume { key, version, action } => {
                self.take_volume_order(key, version, action, outbox);
            }
            Order::Committed { key, sequence } => self.committed(&key, sequence, outbox),
        }
    }

    fn take_registered(
        &mut self,
        heartbeat_interval: Duration,
        cluster: ClusterId,
        now: Instant,
        outbox: &mut Outbox,
    ) {
        match &self.identity.cluster {
            Some(mine) if *mine != cluster => return self.leave(now, true, outbox),
            Some(_) => {}
            None => {
                self.identity.cluster = Some(cluster.clone());
                outbox.record(Record::Identity(self.identity.clone()));
            }
        }
        let leader = (cluster, self.identity.term);
        self.session.registered(heartbeat_interval, leader, now, &mut self.jitter);
    }

    fn take_refusal(&mut self, refusal: Refusal, now: Instant, outbox: &mut Outbox) {
        match refusal.reason {
            Reason::NotLeader => {
                outbox.push(Effect::Disconnect { session: self.session.number() });
                self.session.redirected(refusal.leader_address, now, &mut self.jitter);
                self.delivery.interrupted();
            }
            Reason::AgentRemoved => {
                outbox.push(Effect::Disconnect { session: self.session.number() });
                self.session.abandon(refusal);
                self.delivery.interrupted();
                self.kill_all(now, outbox);
            }
            Reason::ClusterMismatch | Reason::AgentFenced | Reason::NotAuthorized => {
                self.leave(now, true, outbox);
            }
            _ => self.leave(now, false, outbox),
        }
    }

    /// Ends the present session and tries again later; much later if it cannot soon be better.
    pub(crate) fn leave(&mut self, now: Instant, hopeless: bool, outbox: &mut Outbox) {
        outbox.push(Effect::Disconnect { session: self.session.number() });
        self.session.lost(now, hopeless, &mut self.jitter);
        self.delivery.interrupted();
    }
}
