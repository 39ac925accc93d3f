//! The leader of three masters is killed in a full cluster: how long until a framework has an offer
//! that is right, and until every agent is back?
//!
//! Right is an offer that holds no more than its agent has beside the tasks that run there. Back
//! are agents that stay: one that is admitted and then believed silent, because the leader does not
//! come to its heartbeats, has to register again, which is counted.

use crate::{
    arguments::{Arguments, Security, name_of},
    world::{SPARE, Size, TIMEOUT, World, bar},
};
use anyhow::Context as _;
use benches::{
    report::{Report, Target},
    rows,
    samples::Samples,
};
use bourse_sdk::{
    Calls, Driver, Event, Scheduler, Settings,
    model::{AgentId, Instant, Offer, OfferId, ResourceName, limits},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time,
};

/// Leaders that are killed, one after another.
const ROUNDS: usize = 3;
/// Agents that are silent for 30 s are believed gone: by then it has shown. The master that comes
/// back catches up meanwhile.
const STAY: time::Duration = time::Duration::from_secs(35);

/// What a framework that only looks has seen.
#[derive(Debug, Default)]
struct Seen {
    /// Of the newest term: which, and when its first offer came.
    term: u64,
    first: Option<time::Instant>,
    wrong: usize,
    offers: usize,
}

/// Holds every offer and looks at it.
struct Watcher<C> {
    /// What an agent has, in thousandths of a processor.
    cpus: i64,
    task_cpus: i64,
    held: C,
    offers: BTreeMap<OfferId, AgentId>,
    seen: Arc<Mutex<Seen>>,
}

pub(crate) fn measure(arguments: &Arguments, report: &mut Report) -> anyhow::Result<()> {
    let size = Size::new(arguments, 10_000, 100_000);
    for tls in arguments.securities(Security::Plain) {
        let mut world = World::start(3, tls, &["--offer-timeout-ms", "0"])?;
        world.fill(&size)?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let watcher = Watcher {
            cpus: Size::agent(size.per_agent() + SPARE).scalar(&ResourceName::CPUS).0,
            task_cpus: crate::world::task().scalar(&ResourceName::CPUS).0,
            held: world.holders.as_ref().context("a full cluster has frameworks")?.counter(),
            offers: BTreeMap::new(),
            seen: Arc::clone(&seen),
        };
        let settings =
            Settings::new(world.masters.for_framework("watcher")?, rows::framework_info("watcher"));
        let driver = Driver::new(settings);
        let watching = world.runtime.spawn(async move {
            let mut watcher = watcher;
            driver.run(&mut watcher).await
        });
        wait(&seen, |seen| seen.offers > 0)?;
        let (mut first, mut back, mut again) = (Samples::new(), Samples::new(), 0);
        let mut leader = world.leader(&[0, 1, 2])?;
        for _ in 0..if arguments.quick { 1 } else { ROUNDS } {
            let fleet = world.fleet.as_ref().context("a full cluster has agents")?;
            let registrations = fleet.registrations();
            let term = look(&seen).term;
            let killed = time::Instant::now();
            world.masters.kill(leader);
            wait(&seen, |seen| seen.term > term)?;
            let came = look(&seen).first.context("an offer came")?;
            first.push(came.duration_since(killed).as_secs_f64());
            let bar = bar("agents", size.agents);
            while fleet.registrations() < registrations + size.agents
                || fleet.registered() < size.agents
            {
                bar.set_position(fleet.registered() as u64);
                anyhow::ensure!(killed.elapsed() < TIMEOUT, "agents stay away");
                std::thread::sleep(time::Duration::from_millis(5));
            }
            bar.finish_and_clear();
            back.push(killed.elapsed().as_secs_f64());
            let others: Vec<usize> = (0..3).filter(|number| *number != leader).collect();
            let next = world.leader(&others)?;
            world.masters.restart(leader)?;
            leader = next;
            std::thread::sleep(if arguments.quick { time::Duration::from_secs(2) } else { STAY });
            let fleet = world.fleet.as_ref().context("a full cluster has agents")?;
            again += fleet.registrations() - registrations - size.agents;
        }
        let name =
            |what: &str| format!("failover, {} agents, {}: {what}", size.agents, name_of(tls));
        report.promised(name("first correct offer"), first.median(), "s", Target::AtMost(2.0));
        report.figure(name("… the slowest"), first.quantile(1.0), "s");
        report.promised(name("all agents back"), back.median(), "s", Target::AtMost(15.0));
        report.figure(name("… the slowest "), back.quantile(1.0), "s");
        report.promised(name("admitted and lost again"), again as f64, "", Target::AtMost(0.0));
        let seen = look(&seen);
        let lost = world.holders.as_ref().map_or(0, |holders| holders.lost());
        report.promised(name("offers that were wrong"), seen.wrong as f64, "", Target::AtMost(0.0));
        report.promised(name("tasks lost"), lost as f64, "", Target::AtMost(0.0));
        watching.abort();
    }
    Ok(())
}

fn look(seen: &Mutex<Seen>) -> Seen {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    Seen { ..*seen }
}

fn wait(seen: &Mutex<Seen>, until: impl Fn(&Seen) -> bool) -> anyhow::Result<()> {
    let begun = time::Instant::now();
    while !until(&look(seen)) {
        anyhow::ensure!(begun.elapsed() < TIMEOUT, "no offer came");
        std::thread::sleep(time::Duration::from_millis(2));
    }
    Ok(())
}

impl<C: Fn(&AgentId) -> usize> Watcher<C> {
    fn is_right(&self, offer: &Offer) -> bool {
        let held = i64::try_from((self.held)(&offer.agent)).expect("few");
        let others = self.offers.values().filter(|agent| **agent == offer.agent).count();
        let free = self.cpus - held * self.task_cpus;
        others == 0 && offer.resources.scalar(&ResourceName::CPUS).0 <= free
    }
}

impl<C: Fn(&AgentId) -> usize> Scheduler for Watcher<C> {
    fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Disconnected => self.offers.clear(),
            Event::Rescinded(offers) => {
                offers.iter().for_each(|offer| drop(self.offers.remove(offer)));
            }
            Event::Offers(offers) => {
                let now = time::Instant::now();
                let wrong = offers.iter().filter(|offer| !self.is_right(offer)).count();
                let count = offers.len();
                let term = offers.first().map_or(0, |offer| offer.id.term);
                let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.wrong += wrong;
                seen.offers += count;
                if term > seen.term {
                    (seen.term, seen.first) = (term, Some(now));
                }
                drop(seen);
                self.offers.extend(offers.into_iter().map(|offer| (offer.id, offer.agent)));
                if self.offers.len() > limits::OFFERS_PER_CALL_MAX {
                    let ids = self.offers.keys().skip(1).take(limits::OFFERS_PER_CALL_MAX);
                    let ids: Vec<_> = ids.copied().collect();
                    ids.iter().for_each(|id| drop(self.offers.remove(id)));
                    calls.decline(ids, limits::REFUSE_MAX);
                }
            }
            _ => {}
        }
    }
}
