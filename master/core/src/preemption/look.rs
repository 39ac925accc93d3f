//! One look at one demand: on which agents which tasks would have to give way, and the cheapest.
//!
//! Agents of which the framework has refused as much as a piece, on which something is kept for
//! another such demand, or that the demand's constraints leave out, are not looked at. What others
//! hold in offers, and what ends anyway, is not counted on: it is promised to others.
//!
//! Revocable offers are counted on for what a guarantee promises: they can be taken back at once.
//! Beyond that, revocable tasks give way only as far as what they hold is not lent of the
//! guarantees of others, who may want it back themselves.

use super::{
    Outlook,
    choice::{Candidate, Choice, Cost, Problem, Purse},
    entitlement::{Bound, Piece, Usage},
    needs::{self, Needs},
};
use crate::{
    Ledger,
    allocator::{
        Amounts, Bidder, Demand, Drf, Place, View, bundle::Bundle, demand::BidderIndex, room::Room,
        spread::DomainCounts, wanted::Entry,
    },
    ledger::{Agent, AgentState, DisruptionRoom, Task},
    offers::Book,
};
use proto::model::{
    AgentId, FrameworkId, Instant, ResourceName, Resources, Role, TaskKey, TaskState,
};
use std::collections::BTreeMap;

/// Choices that one look makes at most: agents times pieces. A look at a large cluster ends before
/// it has seen everything, and says what is cheapest of what it saw.
const CHOICES_MAX: usize = 10_000;

/// Pieces that one look makes room for at most, unless a gang needs more.
const PIECES_MAX: u32 = 32;

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) now: Instant,
    pub(super) ledger: &'a Ledger,
    pub(super) view: &'a View,
    pub(super) demand: &'a Demand,
    pub(super) allocator: &'a Drf,
    pub(super) book: &'a Book,
}

/// Room for one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) agent: AgentId,
    /// None when it is free.
    pub(super) victims: Vec<TaskKey>,
    /// Whether revocable offers of the agent are to be taken back too.
    pub(super) rescinds: bool,
}

/// One agent, less what this look has taken of it.
struct Site<'a> {
    agent: &'a Agent,
    place: Place,
    free: Room,
    /// Whether that holds what revocable offers do, and needs it.
    rescinds: bool,
    /// What is free or could be had back, and is not lent of the guarantees of others.
    spare: Amounts,
    /// Who could give way.
    units: Vec<Unit<'a>>,
    /// Pieces that this look has found there.
    found: u32,
}

/// What gives way as one: a task, or all that lives of a task group.
struct Unit<'a> {
    /// Of one framework, role and priority; a group is counted as its first one.
    tasks: Vec<&'a Task>,
    /// What it holds.
    held: Room,
    takes: Amounts,
}

/// One look.
pub(super) struct Look<'a> {
    scene: Scene<'a>,
    usage: Usage<'a>,
    bidder: &'a Bidder,
    index: BidderIndex,
    entry: &'a Entry,
    /// Bounds that have come up, and what is left of each.
    purses: Vec<Purse>,
    bounds: BTreeMap<Bound, usize>,
    /// What budgets leave.
    disruptions: BTreeMap<FrameworkId, Option<DisruptionRoom<'a>>>,
    /// By framework and group: its budget.
    budgets: BTreeMap<(FrameworkId, String), usize>,
    /// By role, and whether revocable: which bounds a claim on its tasks has, if there is a claim.
    claims: BTreeMap<(Role, bool), Option<Vec<usize>>>,
    /// Whether a guarantee promises the next piece.
    is_promised: bool,
    /// What the limits above the role leave too little of.
    over: Vec<(Role, ResourceName, u128)>,
    /// Pieces that this look has found, by fault domain.
    domains: DomainCounts,
    choices_left: usize,
}

impl<'a> Look<'a> {
    pub(super) fn new(scene: Scene<'a>, bidder: &'a Bidder, entry: &'a Entry) -> Option<Self> {
        let index = scene.demand.index(bidder.framework, &bidder.role)?;
        Some(Self {
            scene,
            usage: Usage::new(scene.ledger, scene.view, scene.demand),
            bidder,
            index,
            entry,
            purses: Vec::new(),
            bounds: BTreeMap::new(),
            disruptions: BTreeMap::new(),
            budgets: BTreeMap::new(),
            claims: BTreeMap::new(),
            is_promised: false,
            over: Vec::new(),
            domains: DomainCounts::default(),
            choices_left: CHOICES_MAX,
        })
    }

    /// Room for the pieces that the demand waits for: for as many as there is, of a gang for all or
    /// none; and what stands in the way.
    pub(super) fn find(mut self) -> (Vec<Found>, Outlook) {
        let kept = self.scene.demand.claims().count(self.bidder, self.entry.id());
        let open = self.entry.open().saturating_sub(kept);
        let is_gang = self.entry.is_gang();
        // A gang for which something is kept has been looked at as a whole.
        let needed = match is_gang {
            true if kept > 0 => 0,
            true => open,
            false => open.min(PIECES_MAX),
        };
        self.is_promised = self.usage.is_promised(self.piece());
        let (mut sites, outlook) = self.sites();
        let mut found: Vec<Found> = Vec::new();
        while (found.len() as u64) < u64::from(needed) {
            self.over = self.usage.over_limits(self.piece());
            let Some((at, choice)) = self.cheapest(&mut sites) else { break };
            if !is_gang && choice.victims.is_empty() && !sites[at].rescinds {
                // There is room: the next plan will have it, or something else is in the way.
                break;
            }
            found.push(self.take(&mut sites[at], &choice));
        }
        match is_gang && (found.len() as u64) < u64::from(needed) {
            true => (Vec::new(), outlook),
            false => (found, outlook),
        }
    }

    fn piece(&self) -> Piece<'a> {
        Piece { role: &self.bidder.role, shape: self.entry.shape() }
    }

    /// The agents that would do, with those who may give way there.
    fn sites(&mut self) -> (Vec<Site<'a>>, Outlook) {
        let Scene { now, ledger, view, demand, allocator, book } = self.scene;
        let piece = Bundle::new(self.entry.stated().shape.clone());
        let (mut sites, mut outlook) = (Vec::new(), Outlook::default());
        for (id, agent) in ledger.agents().iter() {
            let Some(place) = view.place(id) else { continue };
            let filter = demand.filters().of_agent(place).and_then(|all| all.get(self.index));
            let refused = filter.is_some_and(|filter| filter.matches(&piece, now));
            let there = agent.state == AgentState::Registered && ledger.takes_tasks(agent);
            if refused || !there || demand.claims().has(id) || !self.would_do(agent, place, 0) {
                continue;
            }
            let bundle = view.free_at(place);
            let mut free = Room::of(bundle);
            let left = allocator.left_for_bidder(self.bidder, place, bundle.amounts());
            bundle.amounts().iter().for_each(|(name, _)| free.cap(name, left.get(name)));
            let mut rescinds = false;
            if self.is_promised && !free.contains(self.entry.shape()) {
                for offer in book.of_agent(id).filter(|offer| offer.revocable) {
                    free.give(&Bundle::new(offer.resources.clone()));
                    rescinds = true;
                }
            }
            let units = self.lower_units(id, &mut outlook);
            let mut spare = allocator.spare_at(self.bidder, place, view);
            spare.add(&free);
            sites.push(Site { agent, place, free, rescinds, spare, units, found: 0 });
        }
        (sites, outlook)
    }

    /// What is of a lower priority, that nobody is ending, and that the role has a claim on.
    fn lower_units(&mut self, agent: &AgentId, outlook: &mut Outlook) -> Vec<Unit<'a>> {
        let priority = self.entry.stated().priority;
        let ledger = self.scene.ledger;
        let mut units = Vec::new();
        for task in ledger.tasks_of_agent(agent).filter(|task| !task.is_terminal()) {
            let Some(unit) = unit_of(ledger, task) else { continue };
            let lower = unit.tasks.iter().all(|task| {
                let lives = task.state() != TaskState::Unreachable;
                let is_lower = task.info.revocable || task.info.priority < priority;
                lives && !task.is_ending() && is_lower
            });
            if !lower {
                continue;
            }
            outlook.lower += 1;
            let budget = self.budget_of(task).map(|budget| &self.purses[budget]);
            let is_kept = budget.is_some_and(|budget| *budget == Purse::Tasks(0));
            let claim = self.may_take(&unit);
            outlook.not_entitled += u64::from(!claim);
            outlook.in_budgets += u64::from(claim && is_kept);
            if claim && !is_kept {
                units.push(unit);
            }
        }
        units
    }

    /// Whether the role has a claim on a task, and taking this one alone keeps to its bounds.
    fn may_take(&mut self, unit: &Unit<'_>) -> bool {
        let Some(bounds) = self.claim_on(unit.first()) else { return false };
        bounds.iter().all(|bound| self.purses[*bound].clone().take(&unit.takes))
    }

    /// Whether an agent that had room would be given another piece.
    fn would_do(&self, agent: &Agent, place: Place, found: u32) -> bool {
        let all = Room::of(&Bundle::new(agent.info.resources.clone()));
        self.entry.fit(&agent.info, place, &all, (0, found), &self.domains) > 0
    }

    /// The agent on which a piece costs least.
    fn cheapest(&mut self, sites: &mut [Site<'a>]) -> Option<(usize, Choice)> {
        let mut best: Option<(usize, Choice)> = None;
        for (at, site) in sites.iter_mut().enumerate() {
            if self.choices_left == 0 {
                break;
            }
            if !self.would_do(site.agent, site.place, site.found) {
                continue;
            }
            // What this look has taken may have made a claim void.
            let lent = self.is_promised || site.spare.contains(self.entry.shape());
            site.units.retain(|unit| {
                let first = unit.first();
                (lent || !first.info.revocable) && self.claim_on(first).is_some()
            });
            let held: Vec<&Room> = site.units.iter().map(|unit| &unit.held).collect();
            for needs in needs::ways(self.entry.shape(), &site.free, &held) {
                self.choices_left = self.choices_left.saturating_sub(1);
                let Some(choice) = self.problem(site, &needs).choose() else { continue };
                let cost = |best: &(usize, Choice)| -> Cost { best.1.cost.clone() };
                if best.as_ref().map(cost).is_none_or(|cost| choice.cost < cost) {
                    best = Some((at, choice));
                }
            }
        }
        best
    }

    fn problem(&mut self, site: &Site<'a>, needs: &Needs) -> Problem {
        let units = site.units.iter();
        let candidates = units.map(|unit| self.candidate(unit, needs)).collect();
        let missing = needs.iter().map(|(_, missing)| *missing);
        let excess = self.over.iter().map(|(_, _, excess)| *excess);
        let needs = missing.chain(excess).collect();
        Problem { needs, candidates, purses: self.purses.clone() }
    }

    fn candidate(&mut self, unit: &Unit<'_>, needs: &Needs) -> Candidate {
        let (task, held) = (unit.first(), &unit.held);
        let mut gives: Vec<u128> = needs.iter().map(|(need, _)| need.of(held)).collect();
        gives.extend(self.over.iter().map(|(role, name, _)| match task.role.is_within(role) {
            true => held.get(name),
            false => 0,
        }));
        let purses = self.purses_of(task);
        Candidate {
            key: task.key.clone(),
            revocable: task.info.revocable,
            priority: task.info.priority,
            launched: task.launched,
            gives,
            takes: unit.takes.clone(),
            purses,
        }
    }

    /// From which purses a task is taken that there is a claim on.
    fn purses_of(&mut self, task: &Task) -> Vec<usize> {
        let mut purses = self.claim_on(task).expect("only such tasks are candidates");
        purses.extend(self.budget_of(task));
        purses
    }

    /// Takes what was chosen: the next piece is looked for in what is left.
    fn take(&mut self, site: &mut Site<'a>, choice: &Choice) -> Found {
        let mut victims: Vec<&Task> = Vec::new();
        for at in &choice.victims {
            let unit = &site.units[*at];
            for purse in self.purses_of(unit.first()) {
                assert!(self.purses[purse].take(&unit.takes), "the choice kept to what binds");
            }
            victims.extend(&unit.tasks);
        }
        for task in &victims {
            site.free.give(&Bundle::new(task.held_unreserved().into_owned()));
        }
        site.free.take(self.entry.shape(), 1);
        site.spare.take_some(self.entry.shape());
        let firm = victims.iter().filter(|task| !task.info.revocable);
        firm.for_each(|task| site.spare.add(&Amounts::of(task.held())));
        let keys: Vec<TaskKey> = victims.iter().map(|task| task.key.clone()).collect();
        site.units.retain(|unit| !keys.contains(&unit.first().key));
        site.found += 1;
        self.entry.count_domain(&site.agent.info, 1, &mut self.domains);
        self.usage.exchange(self.piece(), &victims);
        // Every claim is another after that; budgets are as they were, less what was taken.
        self.bounds.clear();
        self.claims.clear();
        self.is_promised = self.usage.is_promised(self.piece());
        Found { agent: site.agent.info.id.clone(), victims: keys, rescinds: site.rescinds }
    }

    /// The purses of a claim on a task; `None` when there is no claim.
    fn claim_on(&mut self, task: &Task) -> Option<Vec<usize>> {
        let role = &task.role;
        let key = (role.clone(), task.info.revocable);
        if let Some(known) = self.claims.get(&key) {
            return known.clone();
        }
        let bounds = match task.info.revocable {
            true => self.usage.claim_revocable(self.piece(), role),
            false => self.usage.claim(self.piece(), role),
        };
        let purses = bounds.map(|bounds| {
            let mut purses = Vec::new();
            for bound in bounds {
                if !self.bounds.contains_key(&bound) {
                    self.purses.push(self.usage.purse(&bound, self.piece(), role));
                    self.bounds.insert(bound.clone(), self.purses.len() - 1);
                }
                purses.push(self.bounds[&bound]);
            }
            purses
        });
        self.claims.insert(key, purses.clone());
        purses
    }

    /// The purse of a task's disruption budget.
    fn budget_of(&mut self, task: &Task) -> Option<usize> {
        let (ledger, framework) = (self.scene.ledger, task.key.framework);
        let room = self.disruptions.entry(framework);
        let room = room.or_insert_with(|| ledger.disruption_room(framework)).as_ref()?;
        if task.info.revocable {
            return None;
        }
        let group = room.group(task).to_owned();
        let left = room.left(&group);
        let key = (framework, group);
        if !self.budgets.contains_key(&key) {
            self.purses.push(Purse::Tasks(left));
            self.budgets.insert(key.clone(), self.purses.len() - 1);
        }
        Some(self.budgets[&key])
    }
}

impl<'a> Unit<'a> {
    fn first(&self) -> &'a Task {
        self.tasks[0]
    }
}

/// What gives way when a task does; `None` for a task whose group is another's unit.
fn unit_of<'a>(ledger: &'a Ledger, task: &'a Task) -> Option<Unit<'a>> {
    let Some(group) = task.group() else {
        let (held, takes) = (held_by(task), Amounts::of(task.held()));
        return Some(Unit { tasks: vec![task], held, takes });
    };
    let group = ledger.group(&group).expect("G1: a task's group has a row");
    let tasks: Vec<&Task> = ledger.live_tasks_of_group(group).collect();
    if tasks[0].key != task.key {
        return None;
    }
    let sum = tasks.iter().fold(Resources::new(), |sum, task| {
        sum.checked_add(&task.held_unreserved()).expect("A1: parts of one agent add up")
    });
    let takes = Amounts::of(&sum);
    Some(Unit { tasks, held: Room::of(&Bundle::new(sum)), takes })
}

/// What would be free for whoever asks: the reserved parts of a task stay with their reservations.
fn held_by(task: &Task) -> Room {
    Room::of(&Bundle::new(task.held_unreserved().into_owned()))
}
