//! Offers, as transcripts show them.

use proto::model::{Offer, OfferedVolume};

pub(crate) fn show_offers(offers: &[Offer]) -> String {
    let shown: Vec<_> = offers.iter().map(show_offer).collect();
    format!("offers {}", shown.join(", "))
}

fn show_offer(offer: &Offer) -> String {
    let pieces = offer.pieces.iter().map(|(demand, count)| format!(" for {count} {demand}"));
    let pieces = pieces.collect::<String>();
    let reserved = offer.reserved.iter();
    let reserved = reserved.map(|part| format!(" of {} {}", part.from, part.resources));
    let reserved = reserved.collect::<String>();
    let volumes = offer.volumes.iter().map(show_volume).collect::<String>();
    let kind = if offer.revocable { " revocable" } else { "" };
    let (id, agent, resources) = (offer.id, &offer.agent, &offer.resources);
    format!("{id} {agent} {resources}{kind}{pieces}{reserved}{volumes}")
}

fn show_volume(volume: &OfferedVolume) -> String {
    let shared = if volume.shared { " shared" } else { "" };
    format!(" with {} {}/{}{shared}", volume.id, volume.role, volume.name)
}
