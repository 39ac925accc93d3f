//! What a framework hears on its stream.

use super::{
    agent_life::{read_notice, write_notice},
    form::{self, Read},
    masters::{read_masters, write_masters},
    offer::{read_offer, write_offer},
    preemption::{read_preemption, write_preemption},
    refusal::{read_refusal, write_refusal},
    shared::{read_shared_state, write_shared_state},
    status::{read_status, write_status},
    volume::{read_volume, write_volume},
};
use crate::model::{OfferId, Refusal, SchedulerEvent, Session};
use crate::wire::v1::{self, event::Event};

/// Reads an event.
pub fn read_event(event: v1::Event) -> Result<SchedulerEvent, Refusal> {
    Ok(match form::required("event", event.event)? {
        Event::Subscribed(subscribed) => {
            read_subscribed(subscribed).map_err(|no| no.under("subscribed"))?
        }
        Event::Offers(offers) => {
            // As many as there are agents: the transport bounds the message, not a limit here.
            let list = form::each("offers.offers", offers.offers, usize::MAX, read_offer)?;
            SchedulerEvent::Offers(list)
        }
        Event::Rescind(rescind) => {
            let ids = form::ids("rescind.offer_ids", rescind.offer_ids, usize::MAX)?;
            SchedulerEvent::Rescind(ids)
        }
        Event::Update(update) => {
            let status = form::required("update.status", update.status)?;
            SchedulerEvent::Update(read_status(status).map_err(|no| no.under("update.status"))?)
        }
        Event::Failure(failure) => SchedulerEvent::Failure {
            agent: form::id("failure.agent_id", &failure.agent_id)?,
            removed: failure.removed,
        },
        Event::AgentNotice(notice) => read_notice(notice).map_err(|no| no.under("agent_notice"))?,
        Event::DemandFailed(failed) => SchedulerEvent::DemandFailed {
            role: form::id("demand_failed.role", &failed.role)?,
            demand: form::id("demand_failed.demand_id", &failed.demand_id)?,
        },
        Event::SharedState(state) => {
            let state = read_shared_state(state).map_err(|no| no.under("shared_state"))?;
            SchedulerEvent::SharedState(state)
        }
        Event::PreemptionNotice(notice) => {
            let notice = read_preemption(notice).map_err(|no| no.under("preemption_notice"))?;
            SchedulerEvent::PreemptionNotice(notice)
        }
        Event::VolumeUpdate(update) => {
            let volume = form::required("volume_update.volume", update.volume)?;
            let volume = read_volume(volume).map_err(|no| no.under("volume_update.volume"))?;
            SchedulerEvent::VolumeUpdate(Box::new(volume))
        }
        Event::Heartbeat(v1::event::Heartbeat {}) => SchedulerEvent::Heartbeat,
        Event::Masters(masters) => {
            SchedulerEvent::Masters(read_masters(masters).map_err(|no| no.under("masters"))?)
        }
        Event::Error(error) => {
            SchedulerEvent::Error(read_refusal(form::required("error.refusal", error.refusal)?))
        }
    })
}

/// Writes an event.
pub fn write_event(event: &SchedulerEvent) -> v1::Event {
    let event = match event {
        SchedulerEvent::Subscribed { session, heartbeat_interval, cluster, term } => {
            Event::Subscribed(v1::Subscribed {
                framework_id: session.framework.to_string(),
                epoch: session.epoch,
                heartbeat_interval_ms: heartbeat_interval.as_ms(),
                cluster_id: cluster.to_string(),
                term: *term,
            })
        }
        SchedulerEvent::Offers(offers) => {
            Event::Offers(v1::event::Offers { offers: offers.iter().map(write_offer).collect() })
        }
        SchedulerEvent::Rescind(ids) => {
            let offer_ids = ids.iter().map(OfferId::to_string).collect();
            Event::Rescind(v1::event::Rescind { offer_ids })
        }
        SchedulerEvent::Update(status) => {
            Event::Update(v1::event::Update { status: Some(write_status(status)) })
        }
        SchedulerEvent::Failure { agent, removed } => {
            Event::Failure(v1::event::Failure { agent_id: agent.to_string(), removed: *removed })
        }
        SchedulerEvent::AgentNotice { agents, notice, inverse_offers, rescinded } => {
            Event::AgentNotice(write_notice(agents, notice, inverse_offers, rescinded))
        }
        SchedulerEvent::DemandFailed { role, demand } => {
            let (role, demand_id) = (role.to_string(), demand.to_string());
            Event::DemandFailed(v1::event::DemandFailed { role, demand_id })
        }
        SchedulerEvent::SharedState(state) => Event::SharedState(write_shared_state(state)),
        SchedulerEvent::PreemptionNotice(notice) => {
            Event::PreemptionNotice(write_preemption(notice))
        }
        SchedulerEvent::VolumeUpdate(volume) => {
            Event::VolumeUpdate(v1::VolumeUpdate { volume: Some(write_volume(volume)) })
        }
        SchedulerEvent::Heartbeat => Event::Heartbeat(v1::event::Heartbeat {}),
        SchedulerEvent::Masters(masters) => Event::Masters(write_masters(masters)),
        SchedulerEvent::Error(refusal) => {
            Event::Error(v1::event::Error { refusal: Some(write_refusal(refusal)) })
        }
    };
    v1::Event { event: Some(event) }
}

fn read_subscribed(subscribed: v1::Subscribed) -> Read<SchedulerEvent> {
    let interval_ms = subscribed.heartbeat_interval_ms;
    Ok(SchedulerEvent::Subscribed {
        session: Session {
            framework: form::id("framework_id", &subscribed.framework_id)?,
            epoch: subscribed.epoch,
        },
        heartbeat_interval: form::interval("heartbeat_interval_ms", interval_ms)?,
        cluster: form::id("cluster_id", &subscribed.cluster_id)?,
        term: subscribed.term,
    })
}
