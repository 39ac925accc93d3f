//! What does it cost to reserve something of an agent of which very much is reserved already?
//!
//! The workload of Mesos' report on reserved resources: 800 reservations on one agent, each of
//! another label, and one more. Counted is the ledger's change, what the allocator's view makes of
//! it and, in a row of its own, the plan that offers what was reserved.

use benches::{
    allocation::{Rig, timed},
    arguments::Arguments,
    report::{Report, Target},
    rows,
    samples::Samples,
};
use master_core::{
    allocator::Reserved,
    ledger::{Applied, Command, Event, ReservationChange},
};
use proto::model::{
    Milli, ReservationId, ReservationPlan, ReservationRef, Resources, Role, Unreserve,
};
use std::{collections::BTreeMap, time::Duration};

/// What is reserved before.
const RESERVED: usize = 800;

fn main() {
    let arguments = Arguments::of_process();
    let mut report = Report::new("Reservations: processor time of a thread", &arguments);
    let reserved = arguments.amount(RESERVED);
    let mut cluster = Cluster::with(reserved);
    let (mut reserves, mut plans, mut gives) = (Samples::new(), Samples::new(), Samples::new());
    for number in 0..200 {
        let (time, id) = timed(|| cluster.reserve(reserved + number));
        reserves.push(micros(time));
        let (time, offers) = timed(|| cluster.offer());
        assert_eq!(offers, 1, "what was reserved is offered");
        plans.push(micros(time));
        cluster.take_back(id);
        let (time, ()) = timed(|| cluster.give_up(id));
        gives.push(micros(time));
        assert_eq!(cluster.rig.ledger.reservations().len(), reserved);
    }
    let name = format!("one reserve on an agent with {reserved} reservations (Mesos 10 500)");
    report.promised(name, reserves.median(), "µs", Target::AtMost(50.0));
    report.figure("the plan that offers it", plans.median(), "µs");
    report.figure("one of them given up", gives.median(), "µs");
    report.note("Middle of 200.");
    report.print();
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn role() -> Role {
    Role::new("eng").expect("a role")
}

struct Cluster {
    rig: Rig,
    reserved: Reserved,
}

impl Cluster {
    /// One agent; all that is reserved of it is offered.
    fn with(reserved: usize) -> Self {
        let mut rig = Rig::new(BTreeMap::<Role, Milli>::new());
        rig.apply(&Command::RaiseVersion(master_core::ledger::LogVersion::CURRENT));
        rig.add_agent(0, Resources::cpus_mem(10_000_000, 10_000_000));
        rig.note_agents(0..1);
        let framework = rig.add_framework(&[role()]);
        rig.demand.set_subscribed(framework, &[role()], &[]);
        let mut cluster = Self { rig, reserved: Reserved::default() };
        for number in 0..reserved {
            cluster.reserve(number);
        }
        assert_eq!(cluster.offer(), 1, "one offer holds all of them");
        cluster
    }

    fn reserve(&mut self, number: usize) -> ReservationId {
        let plan = ReservationPlan {
            agent: rows::agent_id(0),
            role: role(),
            resources: Resources::cpus_mem(100, 64),
            labels: vec![("number".to_owned(), number.to_string())],
            parent: None,
        };
        let owner = "bench".to_owned();
        match self.change(ReservationChange::Reserve { plan, owner }) {
            Applied::Reserved(id) => id,
            other => unreachable!("{other:?} is no reservation"),
        }
    }

    fn give_up(&mut self, id: ReservationId) {
        let reservation = ReservationRef::Known(id);
        self.change(ReservationChange::Unreserve(Unreserve { reservation, resources: None }));
    }

    fn change(&mut self, change: ReservationChange) -> Applied {
        let (applied, events) = self.rig.apply(&Command::ChangeReservations(change));
        for event in &events {
            self.rig.view.note(&self.rig.ledger, event);
            self.reserved.note(&self.rig.ledger, event);
        }
        applied
    }

    /// Plans, and holds what is offered; how many offers.
    fn offer(&mut self) -> usize {
        let Rig { ledger, view, demand, now, .. } = &self.rig;
        let offers = self.reserved.plan(*now, ledger, view, demand);
        offers.iter().for_each(|offer| self.reserved.hold(&offer.parts));
        offers.len()
    }

    /// The offer of one is taken back.
    fn take_back(&mut self, id: ReservationId) {
        let row = self.rig.ledger.reservation(id).expect("was just made");
        let (from, resources) = (ReservationRef::Known(id), row.resources.clone());
        let part = proto::model::ReservedPart { from, resources };
        let event = Event::ReservationChanged { reservation: id, agent: row.agent.clone() };
        self.reserved.release(&row.agent.clone(), &[part]);
        self.reserved.note(&self.rig.ledger, &event);
    }
}
