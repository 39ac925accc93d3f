//! Resources are kept for roles, for others, and no longer: by operations of frameworks on what
//! they were offered, and by operators.
//!
//! Who made a reservation owns it: its owner and operators may give it up or move it, nobody else;
//! what an agent declares, only the agent ([`super::declared`]).
//! What is in use, by tasks or by refinements, stays where it is.

use super::{
    Agent, AgentState, Applied, Event, Ledger, Reservation, ReservationChange, Stamp,
    agents::{agent_removed, agent_unknown},
    apply_accept::Accept,
    apply_launch::made_before,
    apply_roles::check_caps,
    draft::Draft,
    reservations::reservation_unknown,
};
use proto::model::{
    Milli, OperationResult, Reason, Refusal, ReservationId, ReservationPlan, ReservationRef,
    Resources, Role, Unreserve, VolumeInfo, limits,
};

/// Who wants something of reservations.
#[derive(Debug, Clone, Copy)]
pub(super) enum By<'a> {
    /// A framework: its owner, and the role of its offers.
    Framework(&'a str, &'a Role),
    /// An operator.
    Operator(&'a str),
}

impl By<'_> {
    pub(super) fn owner(&self) -> &str {
        match self {
            By::Framework(owner, _) | By::Operator(owner) => owner,
        }
    }

    /// Whether this role may have what is reserved: of a framework, its own and those below it.
    fn check_role(&self, role: &Role) -> Result<(), Refusal> {
        match self {
            By::Framework(_, own) if !role.is_within(own) => {
                let problem = format!("is neither the role of the offers, {own}, nor below it");
                Err(Refusal::invalid("role", problem))
            }
            _ if *role == Role::any() => Err(Refusal::invalid("role", "is everybody's")),
            _ => Ok(()),
        }
    }

    /// Whether this role may take something of a reservation: of a framework, when it is for its
    /// own role or one above.
    pub(super) fn check_use(&self, row: &Reservation) -> Result<(), Refusal> {
        match self {
            By::Framework(_, own) if !own.is_within(&row.role) => {
                let message = format!("{} is kept for role {}", row.id, row.role);
                Err(Refusal::new(Reason::NotAuthorized, message).at("reservation"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a volume is this one's to change.
    pub(super) fn check_owner_of_volume(&self, volume: &VolumeInfo) -> Result<(), Refusal> {
        match self {
            By::Framework(owner, _) if volume.owner != *owner => {
                let message = format!("{} belongs to {}", volume.id, volume.owner);
                Err(Refusal::new(Reason::NotAuthorized, message).at("volume"))
            }
            _ => Ok(()),
        }
    }

    fn check_owner(&self, row: &Reservation) -> Result<(), Refusal> {
        match self {
            _ if row.declared => {
                let message = format!(
                    "{} is declared by agent {}, and is there for as long as its settings say so",
                    row.id, row.agent
                );
                Err(Refusal::new(Reason::NotAuthorized, message).at("reservation"))
            }
            By::Framework(owner, _) if row.owner != *owner => {
                let message = format!("{} belongs to {}", row.id, row.owner);
                Err(Refusal::new(Reason::NotAuthorized, message).at("reservation"))
            }
            _ => Ok(()),
        }
    }
}

impl Ledger {
    /// An operator says something about reservations.
    pub(super) fn change_reservations(
        &mut self,
        now: Stamp,
        change: &ReservationChange,
        events: &mut Vec<Event>,
    ) -> Result<Applied, Refusal> {
        let mut draft = Draft::default();
        let applied = match change {
            ReservationChange::Reserve { plan, owner } => {
                let made = self.draft_reserve(By::Operator(owner), plan, &[], &mut draft);
                Applied::Reserved(made.map_err(|refusal| refusal.under("plan"))?)
            }
            ReservationChange::Unreserve(unreserve) => {
                let done = self.draft_unreserve(By::Operator(""), unreserve, &[], &mut draft);
                done.map(|()| Applied::Done).map_err(by_id)?
            }
            ReservationChange::Move { reservation, role } => {
                let moved = (ReservationRef::Known(*reservation), role);
                let done = self.draft_move(By::Operator(""), moved, &[], &mut draft);
                done.map(|()| Applied::Done).map_err(by_id)?
            }
        };
        self.write_back(now, None, draft, events);
        Ok(applied)
    }

    /// On whose behalf an accept's operations are.
    pub(super) fn by<'a>(&'a self, accept: &Accept<'a>) -> By<'a> {
        let framework = self.frameworks.get(&accept.session.framework).expect("a known framework");
        By::Framework(&framework.principal, accept.role)
    }

    /// Makes a reservation in the draft.
    pub(super) fn draft_reserve(
        &self,
        by: By<'_>,
        plan: &ReservationPlan,
        before: &[OperationResult],
        draft: &mut Draft<'_>,
    ) -> Result<ReservationId, Refusal> {
        by.check_role(&plan.role)?;
        if plan.resources.is_empty() {
            return Err(Refusal::invalid("resources", "hold nothing"));
        }
        let agent = self.agents.get(&plan.agent).ok_or_else(|| agent_unknown(&plan.agent));
        let agent = agent.map_err(|refusal| refusal.at("agent_id"))?;
        match agent.state {
            AgentState::Registered => {}
            AgentState::Unreachable => {
                let message = format!("agent {} is out of contact", plan.agent);
                return Err(Refusal::new(Reason::AgentUnreachable, message).at("agent_id"));
            }
            AgentState::Removed => return Err(agent_removed(&plan.agent).at("agent_id")),
        }
        self.check_count(agent, draft)?;
        let parent = match plan.parent {
            None => {
                self.take_unreserved(agent, plan, draft)?;
                None
            }
            Some(parent) => Some(self.take_from_parent(plan, parent, before, draft)?),
        };
        let above = parent.as_ref().map(|parent| &parent.role);
        self.check_charge((&plan.role, above), &plan.resources, draft)?;
        let id = ReservationId(self.next_reservation + draft.made);
        let row = Reservation {
            id,
            agent: plan.agent.clone(),
            role: plan.role.clone(),
            owner: by.owner().to_owned(),
            labels: plan.labels.clone(),
            resources: plan.resources.clone(),
            parent: parent.as_ref().map(|parent| parent.id),
            declared: false,
            used: Resources::new(),
            volumes: Milli(0),
            refinements: 0,
        };
        if let Some(parent) = parent {
            draft.unreserved.push((parent.role.clone(), plan.resources.clone()));
            draft.reservations.insert(parent.id, Some(parent));
        }
        draft.reserved.push((plan.role.clone(), plan.resources.clone()));
        draft.made += 1;
        draft.reservations.insert(id, Some(row));
        self.draft_agent(draft, agent).reservations += 1;
        Ok(id)
    }

    /// Gives up a reservation, or a part of it, in the draft.
    pub(super) fn draft_unreserve(
        &self,
        by: By<'_>,
        unreserve: &Unreserve,
        before: &[OperationResult],
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let mut row = self.named(unreserve.reservation, before, draft)?;
        by.check_owner(&row)?;
        let given_up = unreserve.resources.as_ref().unwrap_or(&row.resources).clone();
        if !row.free().contains(&given_up) {
            let message = match row.resources.contains(&given_up) {
                true => format!("{} use {} of {}", row.users(), row.taken_of(), row.id),
                false => format!("{} has no more than {}", row.id, row.resources),
            };
            return Err(Refusal::new(Reason::ReservationInUse, message).at("resources"));
        }
        if unreserve.resources.is_none() && row.refinements > 0 {
            let message = format!("{} is refined by {} others", row.id, row.refinements);
            return Err(Refusal::new(Reason::ReservationInUse, message).at("reservation"));
        }
        row.resources = row.resources.checked_sub(&given_up).expect("is contained");
        let is_gone = row.resources.is_empty() && row.refinements == 0;
        draft.unreserved.push((row.role.clone(), given_up.clone()));
        let agent = self.agents.get(&row.agent).expect("T6: a reservation's agent is there");
        match row.parent {
            None => {
                let pools = self.draft_pools(draft, agent);
                let rest = pools.reserved.checked_sub(&given_up);
                pools.reserved = rest.expect("A1: a sum holds every reservation");
            }
            Some(parent) => {
                let parent = self.drafted(draft, parent).expect("index: a parent has a row");
                let mut parent = parent.clone();
                let sum = parent.resources.checked_add(&given_up);
                parent.resources = sum.expect("A1: pools are disjoint");
                parent.refinements -= usize::from(is_gone);
                draft.reserved.push((parent.role.clone(), given_up));
                draft.reservations.insert(parent.id, Some(parent));
            }
        }
        self.draft_agent(draft, agent).reservations -= i64::from(is_gone);
        draft.reservations.insert(row.id, (!is_gone).then_some(row));
        Ok(())
    }

    /// Gives a reservation to another role in the draft.
    pub(super) fn draft_move(
        &self,
        by: By<'_>,
        (reservation, role): (ReservationRef, &Role),
        before: &[OperationResult],
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        let mut row = self.named(reservation, before, draft)?;
        by.check_owner(&row)?;
        by.check_role(role)?;
        if row.is_used() || row.refinements > 0 {
            let message = format!(
                "{} use {{{}}} of {}, {} others refine it",
                row.users(),
                row.taken_of(),
                row.id,
                row.refinements
            );
            return Err(Refusal::new(Reason::ReservationInUse, message).at("reservation"));
        }
        let parent = row.parent.and_then(|parent| self.drafted(draft, parent));
        if let Some(parent) = parent {
            check_below(role, &parent.role)?;
        }
        draft.unreserved.push((row.role.clone(), row.resources.clone()));
        self.check_charge((role, None), &row.resources, draft)?;
        draft.reserved.push((role.clone(), row.resources.clone()));
        row.role = role.clone();
        draft.reservations.insert(row.id, Some(row));
        Ok(())
    }

    pub(super) fn named(
        &self,
        reference: ReservationRef,
        before: &[OperationResult],
        draft: &Draft<'_>,
    ) -> Result<Reservation, Refusal> {
        let row = made_before(before, reference).and_then(|id| self.drafted(draft, id));
        row.cloned().ok_or_else(|| reservation_unknown(reference).at("reservation"))
    }

    fn check_count(&self, agent: &Agent, draft: &mut Draft<'_>) -> Result<(), Refusal> {
        let all = self.reservations.len() + draft.reservations.len();
        if all >= limits::RESERVATIONS_MAX {
            return Err(Refusal::limit("reservations", all + 1, limits::RESERVATIONS_MAX));
        }
        let ids = self.index.agent_reservations.get(&agent.info.id);
        let here = i64::try_from(ids.map_or(0, std::collections::BTreeSet::len));
        let here = here.expect("are limited") + self.draft_agent(draft, agent).reservations;
        let (here, most) = (usize::try_from(here).unwrap_or(0), limits::RESERVATIONS_PER_AGENT_MAX);
        match here >= most {
            true => Err(Refusal::limit("agent_id", here + 1, most)),
            false => Ok(()),
        }
    }

    fn take_unreserved(
        &self,
        agent: &Agent,
        plan: &ReservationPlan,
        draft: &mut Draft<'_>,
    ) -> Result<(), Refusal> {
        self.draft_pools(draft, agent);
        let there = self.draft_agent(draft, agent);
        let pools = there.pools.as_mut().expect("was just put there");
        let sum = pools.reserved.checked_add(&plan.resources).ok();
        let fits = sum.and_then(|reserved| {
            pools.reserved = reserved;
            pools.unreserved(&agent.info.resources, &there.allocated)
        });
        fits.map(drop).ok_or_else(|| {
            let message = format!(
                "agent {} does not have {} unreserved and free",
                plan.agent, plan.resources
            );
            Refusal::new(Reason::ResourcesTaken, message).at("resources")
        })
    }

    /// The parent as it will be.
    fn take_from_parent(
        &self,
        plan: &ReservationPlan,
        parent: ReservationRef,
        before: &[OperationResult],
        draft: &Draft<'_>,
    ) -> Result<Reservation, Refusal> {
        let row = self.named(parent, before, draft).ok().filter(|row| row.agent == plan.agent);
        let mut row = row.ok_or_else(|| reservation_unknown(parent).at("parent"))?;
        check_below(&plan.role, &row.role)?;
        if !row.free().contains(&plan.resources) {
            let message = format!("{} does not have {} free", row.id, plan.resources);
            return Err(Refusal::new(Reason::ResourcesTaken, message).at("resources"));
        }
        row.resources = row.resources.checked_sub(&plan.resources).expect("is contained");
        row.refinements += 1;
        Ok(row)
    }

    /// Whether limits allow that so much more is kept for a role. Those of `above` and higher hold
    /// it already.
    fn check_charge(
        &self,
        (role, above): (&Role, Option<&Role>),
        resources: &Resources,
        draft: &Draft<'_>,
    ) -> Result<(), Refusal> {
        let more = resources.counts();
        let growth = draft.growth().and_then(|growth| growth.checked_add(&more).ok());
        if growth.is_none_or(|growth| !self.roles.has_room_for(role, &growth)) {
            let message = "the role's sum over all agents would be out of range";
            return Err(Refusal::new(Reason::LimitExceeded, message).at("resources"));
        }
        let mut caps = self.roles.caps(role);
        caps.retain(|cap| above.is_none_or(|above| !above.is_within(&cap.role)));
        check_caps(&caps, ("the reservation", resources, &more), |role, name| {
            draft.charged(self, role, name)
        })
    }
}

/// Operators name a reservation by its id and not otherwise.
fn by_id(refusal: Refusal) -> Refusal {
    match refusal.field.as_str() {
        "reservation" => refusal.at("reservation_id"),
        _ => refusal,
    }
}

/// A refinement is for a role below that of its parent.
fn check_below(role: &Role, parent: &Role) -> Result<(), Refusal> {
    match role != parent && role.is_within(parent) {
        true => Ok(()),
        false => Err(Refusal::invalid("role", format!("is not below {parent}, which it refines"))),
    }
}
