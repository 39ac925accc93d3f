//! Offers: what a master shows to a framework.
//!
//! An offer is what is left of an agent, so that its ranges may be more than anybody may name.

use super::{
    agent_life::{read_unavailability, write_unavailability},
    demand::{read_pieces, write_pieces},
    domain::{read_domain, write_domain},
    form,
    reservation::{read_offered_parts, write_reserved},
    resources::{read_attributes, read_resources_within, write_attributes, write_resources},
    text,
    volume::{read_offered_volumes, write_offered_volumes},
};
use crate::model::{Duration, Offer, Refusal, limits};
use crate::wire::v1;

/// Reads an offer.
pub fn read_offer(offer: v1::Offer) -> Result<Offer, Refusal> {
    let hostname_limit = limits::HOSTNAME_BYTES_MAX;
    let resources = read_resources_within(offer.resources, usize::MAX);
    let resources = resources.map_err(|no| no.under("resources"))?;
    Ok(Offer {
        reserved: read_offered_parts(offer.reserved, &resources)?,
        id: form::id("offer_id", &offer.offer_id)?,
        framework: form::id("framework_id", &offer.framework_id)?,
        role: form::id("role", &offer.role)?,
        agent: form::id("agent_id", &offer.agent_id)?,
        hostname: text::read_line_to("hostname", offer.hostname, hostname_limit)?,
        resources,
        attributes: read_attributes(offer.attributes).map_err(|no| no.under("attributes"))?,
        domain: read_domain(&offer.domain)?,
        expires_in: (offer.expires_in_ms > 0).then_some(Duration(offer.expires_in_ms)),
        unavailability: offer.unavailability.map(read_unavailability),
        pieces: form::each("pieces", offer.pieces, limits::DEMANDS_MAX, read_pieces)?,
        revocable: offer.revocable,
        volumes: read_offered_volumes(offer.volumes)?,
    })
}

/// Writes an offer; one that expires now has a millisecond left, since 0 means no deadline.
pub fn write_offer(offer: &Offer) -> v1::Offer {
    v1::Offer {
        offer_id: offer.id.to_string(),
        framework_id: offer.framework.to_string(),
        role: offer.role.to_string(),
        agent_id: offer.agent.to_string(),
        hostname: offer.hostname.clone(),
        resources: write_resources(&offer.resources),
        attributes: write_attributes(&offer.attributes),
        domain: write_domain(offer.domain.as_ref()),
        expires_in_ms: offer.expires_in.map_or(0, |expires_in| expires_in.as_ms().max(1)),
        unavailability: offer.unavailability.as_ref().map(write_unavailability),
        pieces: offer.pieces.iter().map(write_pieces).collect(),
        revocable: offer.revocable,
        reserved: write_reserved(&offer.reserved),
        volumes: write_offered_volumes(&offer.volumes),
    }
}
