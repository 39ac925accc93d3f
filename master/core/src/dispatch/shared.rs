//! Shared roles: their frameworks are shown what is free instead of being made offers.
//!
//! Shown is the newest state of whatever is seen differently, at each reader's pace, after the
//! turn's offers were made: what is on offer to somebody else is not free. It does not know who
//! has not been shown what; see [`crate::offers::shared`].

use crate::{allocator::Place, intake::Turn, offers::shared::Part, outbox::Effect};
use proto::model::{
    AgentVersion, AttributeValue, FrameworkId, Ranges, Resources, Role, SchedulerEvent,
    SharedAgent, SharedState, Value, limits, role_settings::OfferMode, shared::SharedDescription,
};
use std::collections::BTreeSet;

/// Bytes after which a message is closed: a quarter of what gRPC libraries take by default.
const MESSAGE_BYTES: usize = 1_024 * 1_024;

impl Turn<'_> {
    /// Whether the frameworks of a role are shown what is free, as operators have it.
    pub(crate) fn is_shared(&self, role: &Role) -> bool {
        self.ledger.roles().settings(role).offer_mode == Some(OfferMode::Shared)
    }

    /// A framework's roles, or their modes, may be others: it is made offers in those that are
    /// exclusive, and shown those that are shared from the beginning if it was not before.
    pub(crate) fn settle_offer_modes(&mut self, framework: FrameworkId, roles: &[Role]) {
        for role in roles {
            let (is_shared, was_shared) =
                (self.is_shared(role), self.leader.shared.shows(framework, role));
            let leader = &mut *self.leader;
            leader.demand.set_shared(framework, role, is_shared);
            match (was_shared, is_shared) {
                (false, true) => {
                    let returned = leader.book.rescind_role(framework, role);
                    self.rescind(&returned);
                    let leader = &mut *self.leader;
                    let suppressed = leader.demand.suppressed(framework, role) == Some(true);
                    leader.view.watch(true);
                    let places = leader.view.with_free();
                    leader.shared.begin(framework, role, places, suppressed);
                }
                (true, false) => self.end_shared(framework, role),
                (true, true) | (false, false) => {}
            }
        }
        self.leader.view.watch(!self.leader.shared.is_empty());
    }

    /// What operators say of a role is another: so it may be for the roles below it.
    pub(super) fn settle_role(&mut self, role: &Role) {
        let below = self.leader.demand.bidders().filter(|bidder| bidder.role.is_within(role));
        let bidders: Vec<_> = below.collect();
        for bidder in bidders {
            self.settle_offer_modes(bidder.framework, std::slice::from_ref(&bidder.role));
        }
    }

    /// A framework has no stream, or none of its roles is shown.
    pub(crate) fn forget_shared(&mut self, framework: FrameworkId) {
        self.leader.shared.remove(framework);
        self.leader.view.watch(!self.leader.shared.is_empty());
    }

    /// A framework is shown a role no longer.
    pub(super) fn end_shared(&mut self, framework: FrameworkId, role: &Role) {
        if !self.leader.shared.end(framework, role) {
            return;
        }
        if let Some((_, stream)) = self.leader.sessions.framework(framework) {
            let (agents, role) = (Vec::new(), role.clone());
            let state = SharedState { role, agents, begins: false, complete: true, ended: true };
            self.tell_framework(stream, SchedulerEvent::SharedState(state));
        }
    }

    /// A framework wants to be shown some of its roles, or not for now; all when none is named.
    pub(crate) fn suppress_shared(
        &mut self,
        framework: FrameworkId,
        roles: &[Role],
        suppressed: bool,
    ) {
        let Some(row) = self.ledger.framework(framework) else { return };
        let roles = if roles.is_empty() { &row.info.roles } else { roles };
        roles.iter().for_each(|role| self.leader.shared.suppress(framework, role, suppressed));
    }

    /// Shows whoever is ready to read what it has not seen.
    pub(crate) fn show_shared(&mut self) {
        if self.leader.shared.is_empty() {
            return;
        }
        let leader = &mut *self.leader;
        let seen = leader.view.take_seen();
        seen.left.iter().for_each(|(place, agent)| leader.shared.left(*place, agent));
        seen.described.iter().for_each(|place| leader.shared.describe_again(*place));
        let kept = leader.allocator.take_kept_changes();
        let changed: BTreeSet<Place> =
            [seen.described, seen.free, kept].into_iter().flatten().collect();
        changed.into_iter().for_each(|place| leader.shared.note(place, None));
        let most = limits::SHARED_AGENTS_PER_MESSAGE_MAX;
        while let Some(part) = self.leader.shared.next_part(most) {
            self.show(part);
        }
    }

    fn show(&mut self, part: Part) {
        let Part { framework, role, places, gone, mut begins, complete } = part;
        let (_, stream) =
            self.leader.sessions.framework(framework).expect("who reads is connected");
        let message = |agents, begins, complete| {
            let role = role.clone();
            SchedulerEvent::SharedState(SharedState {
                role,
                agents,
                begins,
                complete,
                ended: false,
            })
        };
        let view = &self.leader.view;
        let version = AgentVersion { term: self.leader.term, number: view.newest_version() };
        // One that has come back meanwhile is among the others.
        let gone = gone.into_iter().filter(|agent| view.place(agent).is_none());
        let gone = gone.map(|agent| SharedAgent {
            agent,
            version,
            free: Resources::new(),
            description: None,
            unavailability: None,
        });
        let mut agents: Vec<SharedAgent> = gone.collect();
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for (place, describes) in places {
            let Some(agent) = self.shared_agent(&role, place, describes) else { continue };
            bytes += size_of(&agent);
            agents.push(agent);
            if bytes > MESSAGE_BYTES {
                messages.push(message(std::mem::take(&mut agents), begins, false));
                (begins, bytes) = (false, 0);
            }
        }
        messages.push(message(agents, begins, complete));
        for message in messages {
            self.tell_framework(stream, message);
        }
        self.outbox.push(Effect::TellWhenRead(stream));
    }

    /// One agent as the frameworks of a role see it; `None` for a place that has been left.
    fn shared_agent(&self, role: &Role, place: Place, describes: bool) -> Option<SharedAgent> {
        let view = &self.leader.view;
        let agent = view.agent_at(place)?.clone();
        let free = self.leader.allocator.left_for(role, place, view.free_at(place));
        let info = view.info(place);
        Some(SharedAgent {
            version: AgentVersion { term: self.leader.term, number: view.version_at(place) },
            free: free.resources().clone(),
            description: info.filter(|_| describes).map(|info| SharedDescription {
                hostname: info.hostname.clone(),
                attributes: info.attributes.clone(),
                domain: info.domain.clone(),
                total: info.resources.clone(),
            }),
            unavailability: info.and_then(|info| self.ledger.unavailability(info, self.time)),
            agent,
        })
    }
}

/// Roughly what an agent takes of a message.
fn size_of(agent: &SharedAgent) -> usize {
    let ranges = |ranges: &Ranges| 24 * ranges.iter().count();
    let described = agent.description.iter();
    let total = described.clone().map(|description| &description.total);
    let resources = total.chain([&agent.free]).flat_map(Resources::iter);
    let resources = resources.map(|(_, value)| match value {
        Value::Scalar(_) => 32,
        Value::Ranges(some) => ranges(some),
        Value::Set(items) => items.iter().map(|item| item.len() + 8).sum(),
        Value::Devices(devices) => devices.iter().map(|(name, _)| name.len() + 24).sum(),
    });
    let names = described
        .clone()
        .map(|it| it.hostname.len() + it.domain.as_ref().map_or(0, |domain| domain.as_str().len()));
    let attributes = described.flat_map(|description| &description.attributes);
    let attributes = attributes.map(|attribute| match &attribute.value {
        AttributeValue::Text(text) => attribute.name.len() + text.len(),
        AttributeValue::Scalar(_) => attribute.name.len() + 16,
        AttributeValue::Ranges(some) => attribute.name.len() + ranges(some),
    });
    64 + names.sum::<usize>() + resources.sum::<usize>() + attributes.sum::<usize>()
}
