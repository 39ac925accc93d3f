//! What a master does around the allocator, without messages: a ledger, a book, a view that follows
//! them, and demand. After each step the view is compared with its sources, and each plan with the
//! naive oracle's.

use crate::naive::Naive;
use master_core::{
    allocator::{
        Allocator, Bidder, Bundle, Demand, Drf, Fairness, Plan, View, compare::compare,
        filters::Refused,
    },
    ledger::{Applied, Command, Ledger, LogVersion, Stamp},
    offers::{Accepting, Book, Returned},
};
use proto::model::{
    AgentId, AgentInfo, Attribute, Change, ClusterId, DeclineReason, Duration, FrameworkId,
    FrameworkInfo, Instant, Milli, Offer, OfferId, OfferTerms, PlacementPolicy, Quota, Ranges,
    Refusal, RequestId, ResourceName, Resources, Role, RoleSettingsChange, Session, StatedDemand,
    StatusReason, StatusSource, TaskId, TaskInfo, TaskKey, TaskState, TaskStatus, Value, WallTime,
    limits,
};
use std::collections::BTreeMap;

pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) book: Book,
    pub(crate) view: View,
    pub(crate) demand: Demand,
    pub(crate) drf: Drf,
    pub(crate) naive: Naive,
    pub(crate) now: Instant,
    /// Accepts under way and what they will ask of the ledger.
    pub(crate) under_way: Vec<(Accepting, Vec<TaskInfo>)>,
    /// Somebody has said what it wants, which the oracle does not know.
    pub(crate) stated: bool,
    /// Some role has a placement policy, so that agents are not given in their order.
    pub(crate) placed: bool,
    sessions: BTreeMap<FrameworkId, Session>,
    counter: u64,
}

pub(crate) fn agent_id(number: u64) -> AgentId {
    AgentId::new(&format!("agent-{number:03}")).unwrap()
}

pub(crate) fn role(name: &str) -> Role {
    Role::new(name).unwrap()
}

/// CPUs, MiB, and ports from 100 on.
pub(crate) fn resources(cpus_milli: i64, mem_mib: i64, ports: u64) -> Resources {
    let basic = Resources::cpus_mem(cpus_milli, mem_mib);
    let ranges = match ports {
        0 => vec![],
        _ => vec![(100, 99 + ports)],
    };
    let ports = Value::Ranges(Ranges::new(ranges).unwrap());
    let entries = basic.iter().map(|(name, value)| (name.clone(), value.clone()));
    Resources::from_entries(entries.chain([(ResourceName::PORTS, ports)])).unwrap()
}

impl World {
    pub(crate) fn new(weights: &[(&str, i64)]) -> Self {
        let weights: BTreeMap<Role, Milli> =
            weights.iter().map(|(name, weight)| (role(name), Milli(*weight))).collect();
        let (ledger, book) = (Ledger::new(ClusterId::new("c").unwrap()), Book::new(1));
        let fairness = Fairness { weights: weights.clone(), ..Fairness::default() };
        let mut world = Self {
            view: View::rebuild(&ledger, &book, &fairness),
            ledger,
            book,
            demand: Demand::new(),
            drf: Drf::new(),
            naive: Naive::new(weights),
            now: Instant(1_000),
            under_way: Vec::new(),
            stated: false,
            placed: false,
            sessions: BTreeMap::new(),
            counter: 0,
        };
        world.apply(&Command::RaiseVersion(LogVersion::CURRENT)).unwrap();
        world
    }

    pub(crate) fn apply(&mut self, command: &Command) -> Result<Applied, Refusal> {
        self.counter += 1;
        let wall = WallTime(self.now.0);
        let stamp = Stamp { index: self.counter, term: 1, time: self.now, wall };
        let mut events = Vec::new();
        let applied = self.ledger.apply(stamp, command, &mut events);
        events.iter().for_each(|event| self.view.note(&self.ledger, event));
        applied
    }

    /// A2 and A7.
    pub(crate) fn check(&self) {
        assert_eq!(compare(&self.view, &self.ledger, &self.book), []);
        for (id, agent) in self.ledger.agents().iter() {
            let held = self.book.holding().filter(|offer| offer.agent == *id);
            let sum = held.fold(agent.allocated.clone(), |sum, offer| {
                sum.checked_add(&offer.resources).expect("A2: no port is offered twice")
            });
            let total = &agent.info.resources;
            assert!(sum.is_empty() || total.contains(&sum), "A7: {sum} of {total} on {id}");
        }
    }

    // === agents ===

    pub(crate) fn agent(&mut self, number: u64, has: Resources) {
        let incarnation = self.ledger.agent(&agent_id(number)).map_or(1, |row| row.incarnation);
        self.register(number, has, incarnation, Vec::new());
    }

    /// An agent in this fault domain; in none when it is empty.
    pub(crate) fn agent_in(&mut self, number: u64, resources: Resources, domain: &str) {
        self.apply(&Command::RaiseVersion(LogVersion::CURRENT)).unwrap();
        let domain = domain.parse().ok();
        let info = AgentInfo { domain, ..agent_info(number, resources, Vec::new()) };
        let (incarnation, tasks) = (1, Vec::new());
        self.apply(&Command::RegisterAgent { info, incarnation, tasks, volumes: vec![] }).unwrap();
    }

    /// An agent with attributes, or the same with others.
    pub(crate) fn agent_with(&mut self, number: u64, has: Resources, attributes: Vec<Attribute>) {
        let id = agent_id(number);
        let tasks = self.ledger.tasks_of_agent(&id).map(|task| proto::model::agent::AgentTask {
            key: task.key.clone(),
            state: TaskState::Running,
            sequence: task.agent_sequence,
        });
        let tasks = tasks.collect();
        self.register_with(number, has, 1, tasks, attributes);
    }

    pub(crate) fn register(
        &mut self,
        number: u64,
        resources: Resources,
        incarnation: u64,
        tasks: Vec<proto::model::agent::AgentTask>,
    ) {
        self.register_with(number, resources, incarnation, tasks, Vec::new());
    }

    fn register_with(
        &mut self,
        number: u64,
        resources: Resources,
        incarnation: u64,
        tasks: Vec<proto::model::agent::AgentTask>,
        attributes: Vec<Attribute>,
    ) {
        let info = agent_info(number, resources, attributes);
        self.apply(&Command::RegisterAgent { info, incarnation, tasks, volumes: vec![] }).unwrap();
    }

    pub(crate) fn lose_agent(&mut self, number: u64) {
        let (agent, incarnation) = self.journal(number);
        self.apply(&Command::MarkAgentUnreachable { agent, incarnation }).unwrap();
        let returned = self.book.rescind_agent(&agent_id(number));
        self.release(&returned);
    }

    pub(crate) fn remove_agent(&mut self, number: u64) {
        let (agent, incarnation) = self.journal(number);
        self.apply(&Command::RemoveAgent { agent, incarnation }).unwrap();
        self.naive.filters.retain(|filter| filter.1 != agent_id(number));
    }

    fn journal(&self, number: u64) -> (AgentId, u64) {
        let row = self.ledger.agent(&agent_id(number)).unwrap();
        (row.info.id.clone(), row.incarnation)
    }

    // === frameworks ===

    pub(crate) fn framework(&mut self, roles: &[&str], suppressed: &[&str]) -> FrameworkId {
        self.counter += 1;
        let request = RequestId::new(&format!("request-{}", self.counter)).unwrap();
        self.subscribe(None, request, roles, suppressed)
    }

    pub(crate) fn subscribe(
        &mut self,
        framework: Option<FrameworkId>,
        request: RequestId,
        roles: &[&str],
        suppressed: &[&str],
    ) -> FrameworkId {
        let names = |names: &[&str]| names.iter().map(|name| role(name)).collect::<Vec<_>>();
        let info = FrameworkInfo {
            name: "test".to_owned(),
            roles: names(roles),
            failover_timeout: Duration(0),
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        };
        let principal = "test".to_owned();
        let command = Command::SubscribeFramework { info, framework, principal, request };
        let Applied::Subscribed { framework, epoch } = self.apply(&command).unwrap() else {
            panic!("a subscription is answered with a framework");
        };
        let returned = self.book.rescind_framework(framework);
        self.release(&returned);
        self.sessions.insert(framework, Session { framework, epoch });
        self.demand.set_subscribed(framework, &names(roles), &names(suppressed));
        self.naive.subscribe(framework, &names(roles), &names(suppressed));
        self.naive.terms.remove(&framework);
        framework
    }

    /// Which plain offers a framework wants.
    pub(crate) fn terms(&mut self, framework: FrameworkId, terms: Vec<OfferTerms>) {
        self.demand.set_terms(framework, &terms);
        self.naive.terms.insert(framework, terms);
    }

    pub(crate) fn disconnect(&mut self, framework: FrameworkId) {
        let returned = self.book.rescind_framework(framework);
        self.release(&returned);
        self.demand.unsubscribed(framework);
        self.naive.unsubscribe(framework);
        let session = self.sessions[&framework];
        self.apply(&Command::DisconnectFramework(session)).unwrap();
    }

    pub(crate) fn tear_down(&mut self, framework: FrameworkId) {
        let session = self.sessions.remove(&framework).unwrap();
        self.apply(&Command::RemoveFramework { session, expired: false }).unwrap();
        let returned = self.book.rescind_framework(framework);
        self.release(&returned);
        self.demand.unsubscribed(framework);
        self.naive.unsubscribe(framework);
    }

    pub(crate) fn frameworks(&self) -> Vec<FrameworkId> {
        self.sessions.keys().copied().collect()
    }

    pub(crate) fn suppress(&mut self, framework: FrameworkId, roles: &[Role]) {
        let done = self.demand.suppress(framework, roles).is_ok();
        assert_eq!(done, self.naive.suppress(framework, roles));
    }

    pub(crate) fn revive(&mut self, framework: FrameworkId, roles: &[Role]) {
        let done = self.demand.revive(framework, roles).is_ok();
        assert_eq!(done, self.naive.revive(framework, roles));
    }

    /// A framework kept offers for so long beyond what is free, unused.
    pub(crate) fn keep(&mut self, framework: FrameworkId, ms: u64) {
        let held = Duration(limits::HOLD_FREE.0 + ms);
        self.demand.holds_mut().kept(framework, held, self.now);
        self.naive.charge(framework, self.now + Duration(ms));
    }

    // === roles ===

    pub(crate) fn weight(&mut self, name: &str, weight: Option<i64>) {
        let command = Command::SetWeight { role: role(name), weight: weight.map(Milli) };
        self.apply(&command).unwrap();
    }

    /// Sets a quota; whether the ledger agreed.
    pub(crate) fn quota(
        &mut self,
        name: &str,
        guarantee: Resources,
        limit: Vec<(ResourceName, Milli)>,
        shape: Option<Resources>,
    ) -> bool {
        let quota = Quota::new(guarantee, limit, shape).unwrap();
        self.apply(&Command::SetQuota { role: role(name), quota, force: true }).is_ok()
    }

    /// Sets a placement policy, or has it inherited.
    pub(crate) fn place(&mut self, name: &str, policy: Option<PlacementPolicy>) {
        self.placed = true;
        let placement = policy.map_or(Change::Reset, Change::Set);
        let change = RoleSettingsChange { placement, ..RoleSettingsChange::default() };
        self.apply(&Command::ConfigureRole { role: role(name), change }).unwrap();
    }

    pub(crate) fn remove_quota(&mut self, name: &str) {
        self.apply(&Command::RemoveQuota { role: role(name) }).unwrap();
    }

    // === offers ===

    /// Plans as a master does, and as the oracle does; both must agree.
    pub(crate) fn plan(&mut self) -> Plan {
        self.demand.expire(self.now);
        self.view.take_left().into_iter().for_each(|place| self.demand.forget_agent(place));
        self.demand.divide(&self.view);
        let plan = self.drf.plan(self.now, &self.view, &self.demand);
        let promised = self.ledger.roles().quotas().any(|(_, quota)| !quota.guarantee().is_empty());
        match promised {
            _ if self.stated => {}
            false if !self.placed => {
                let naive = self.naive.plan(self.now, &self.ledger, &self.book, &self.view);
                assert_eq!(plan.offers, naive, "as the definition has it");
            }
            // Who is looked at when decides who gets what is no longer kept: any order will do that
            // takes nothing away from who is owed something. Policies have an order of their own.
            _ => self.naive.judge(self.now, &self.ledger, &self.book, &self.view, &plan.offers),
        }
        plan
    }

    /// Makes the planned offers, all of which is what a master does, or those that are wanted.
    pub(crate) fn carry_out(&mut self, plan: &Plan, wanted: impl Fn(usize) -> bool) -> Vec<Offer> {
        let mut offers = Vec::new();
        for (index, planned) in plan.offers.iter().enumerate().filter(|(index, _)| wanted(*index)) {
            let hostname = format!("host-{index}");
            let expires_in = Some(Duration::from_seconds(60));
            let offer = self.book.issue(planned, &hostname, &[], self.now, expires_in);
            self.view.hold(planned);
            let domain = self.ledger.agent(&planned.agent).and_then(|it| it.info.domain.clone());
            self.demand.offered(planned, domain.as_ref());
            offers.push(offer);
        }
        offers
    }

    /// A plan, carried out; nothing that could be offered is left (work conservation).
    pub(crate) fn offer(&mut self) -> Vec<Offer> {
        let plan = self.plan();
        let offers = self.carry_out(&plan, |_| true);
        if self.stated {
            return offers;
        }
        let left = self.naive.possible(self.now, &self.ledger, &self.book, &self.view);
        assert_eq!(left, [], "nobody who could get something is left without");
        offers
    }

    pub(crate) fn release(&mut self, returned: &[Returned]) {
        for offer in returned {
            let (agent, role) = (&offer.agent, &offer.role);
            match offer.revocable {
                true => {
                    let bidder = Bidder { framework: offer.framework, role: role.clone() };
                    self.view.release_revocable(agent, bidder, &offer.resources);
                }
                false => self.view.release(agent, role, offer.framework, &offer.resources),
            }
            if let Some(place) = self.view.place(agent) {
                self.demand.returned(offer.framework, role, place, &offer.pieces, 0);
            }
        }
    }

    // === demand ===

    pub(crate) fn state(&mut self, framework: FrameworkId, name: &str, stated: Vec<StatedDemand>) {
        self.stated = true;
        self.demand.state(framework, &role(name), stated, self.now).unwrap();
    }

    /// Launches as many tasks of this size as the offer has pieces.
    pub(crate) fn use_up(&mut self, offer: &Offer, task: &Resources) {
        let accepting = self.book.begin_accept(offer.framework, &[offer.id], self.now).unwrap();
        let returned = self.book.end_accept(accepting.id);
        let (view, demand) = (&mut self.view, &mut self.demand);
        for offer in &returned {
            view.release(&offer.agent, &offer.role, offer.framework, &offer.resources);
            let used = offer.pieces.iter().map(|(_, count)| count).sum();
            let place = view.place(&offer.agent).unwrap();
            demand.returned(offer.framework, &offer.role, place, &offer.pieces, used);
            let session = self.sessions[&offer.framework];
            let tasks = (0..used).map(|number| task_info(offer, number, task)).collect();
            self.counter += 1;
            let stamp =
                Stamp { index: self.counter, term: 1, time: self.now, wall: WallTime(self.now.0) };
            let mut events = Vec::new();
            let command = Command::launch(session, offer.role.clone(), None, tasks);
            self.ledger.apply(stamp, &command, &mut events).unwrap();
            events.iter().for_each(|event| view.note(&self.ledger, event));
        }
    }

    pub(crate) fn refuse(&mut self, offer: &Returned, resources: &Resources, refuse_ms: u64) {
        let until = self.now + Duration(refuse_ms);
        if let Some(place) = self.view.place(&offer.agent) {
            let (bundle, reason) = (Bundle::new(resources.clone()), DeclineReason::Unspecified);
            let refused = Refused { bundle, until, reason };
            self.demand.refuse(offer.framework, &offer.role, place, refused);
        }
        let bidder = Bidder { framework: offer.framework, role: offer.role.clone() };
        self.naive.refuse(bidder, offer.agent.clone(), resources.clone(), until);
    }

    pub(crate) fn decline(&mut self, offer: &Offer, refuse_ms: u64) {
        let returned = self.book.decline(offer.framework, &[offer.id]).unwrap();
        self.release(&returned);
        for offer in &returned {
            self.refuse(offer, &offer.resources, refuse_ms);
        }
    }

    pub(crate) fn expire_offers(&mut self) -> Vec<OfferId> {
        let returned = self.book.expire(self.now);
        self.release(&returned);
        returned.into_iter().map(|offer| offer.offer).collect()
    }

    // === tasks ===

    pub(crate) fn begin_accept(&mut self, offer: &Offer, uses: Resources) {
        self.counter += 1;
        let id = TaskId::new(&format!("task-{}", self.counter)).unwrap();
        let task = TaskInfo::new(id, offer.agent.clone(), uses, Default::default());
        let task = TaskInfo { revocable: offer.revocable, ..task };
        let accepting = self.book.begin_accept(offer.framework, &[offer.id], self.now).unwrap();
        self.under_way.push((accepting, vec![task]));
    }

    /// Commits an accept; whether the ledger agreed.
    pub(crate) fn end_accept(&mut self, index: usize, refuse_ms: u64) -> bool {
        let (accepting, tasks) = self.under_way.remove(index);
        let session = self.sessions.get(&accepting.framework).copied();
        let launched = session.is_some_and(|session| {
            let (role, tasks) = (accepting.role.clone(), tasks.clone());
            self.apply(&Command::launch(session, role, None, tasks)).is_ok()
        });
        let returned = self.book.end_accept(accepting.id);
        self.release(&returned);
        for offer in returned.iter().filter(|_| launched && refuse_ms > 0) {
            let rest = offer.resources.checked_sub(&tasks[0].resources).unwrap();
            self.refuse(offer, &rest, refuse_ms);
        }
        launched
    }

    /// Launches one task on an offer.
    pub(crate) fn launch(&mut self, offer: &Offer, uses: Resources, refuse_ms: u64) -> bool {
        self.begin_accept(offer, uses);
        self.end_accept(self.under_way.len() - 1, refuse_ms)
    }

    pub(crate) fn live_tasks(&self) -> Vec<TaskKey> {
        let live = self.ledger.tasks().iter().filter(|(_, task)| !task.is_terminal());
        live.map(|(key, _)| key.clone()).collect()
    }

    /// A task ends.
    pub(crate) fn finish(&mut self, key: &TaskKey) {
        let task = self.ledger.task(key).unwrap();
        let agent = task.info.agent.clone();
        let incarnation = self.ledger.agent(&agent).unwrap().incarnation;
        let status = TaskStatus {
            task: key.task.clone(),
            agent: agent.clone(),
            state: TaskState::Finished,
            source: StatusSource::Agent,
            reason: StatusReason::CommandExited,
            message: String::new(),
            exit_code: Some(0),
            signal: None,
            memory_peak_bytes: None,
            at: WallTime(0),
            sequence: task.agent_sequence + 1,
        };
        let framework = key.framework;
        self.apply(&Command::RecordUpdate { agent, incarnation, framework, status }).unwrap();
    }
}

fn agent_info(number: u64, resources: Resources, attributes: Vec<Attribute>) -> AgentInfo {
    AgentInfo {
        reservations: Vec::new(),
        id: agent_id(number),
        hostname: format!("host-{number}"),
        address: String::new(),
        resources,
        attributes,
        domain: None,
        version: String::new(),
    }
}

fn task_info(offer: &Returned, number: u32, resources: &Resources) -> TaskInfo {
    let id = TaskId::new(&format!("task-of-{}-{number}", offer.offer)).unwrap();
    TaskInfo::new(id, offer.agent.clone(), resources.clone(), Default::default())
}
