//! Tasks into calls: what was placed on each offer becomes accepts within a call's limits.
//!
//! The cluster has chosen the agents, for pieces that were asked for; here only calls are cut. All
//! of a call's tasks are launched or none. Nothing is known of jobs here.

use bourse_sdk::model::{Offer, limits};

/// Tasks in one call. All of a call's tasks are launched or none, so that a large one loses more
/// to one lost agent, and a small one costs more calls.
pub const TASKS_PER_CALL: usize = 200;

/// Offers in one call, for the same reason.
const OFFERS_PER_CALL: usize = 50;
const _: () = assert!(TASKS_PER_CALL <= limits::TASKS_PER_ACCEPT_MAX);
const _: () = assert!(OFFERS_PER_CALL <= limits::OFFERS_PER_CALL_MAX);

/// Bytes of the tasks of one offer: they must go in one call.
const OFFER_BYTES_MAX: usize = limits::CALL_BYTES_MAX / 4;

/// Bytes of the tasks of one call.
pub const CALL_BYTES: usize = limits::CALL_BYTES_MAX / 2;
const _: () = assert!(CALL_BYTES + OFFER_BYTES_MAX < limits::CALL_BYTES_MAX);

/// An offer that is being filled.
#[derive(Debug)]
pub struct Bin<T> {
    /// The offer.
    pub offer: Offer,
    /// What is placed in it.
    pub items: Vec<T>,
    size_bytes: usize,
}

/// The tasks of one call.
#[derive(Debug)]
pub struct PackedCall<T> {
    /// The offers used up.
    pub offers: Vec<Offer>,
    /// Each item with the index of its offer in `offers`.
    pub items: Vec<(T, usize)>,
}

impl<T> Bin<T> {
    /// Nothing is in it.
    pub fn new(offer: Offer) -> Self {
        Self { offer, items: Vec::new(), size_bytes: 0 }
    }

    /// Whether one more task of this length may go in the same call as the others.
    pub fn has_room(&self, size_bytes: usize) -> bool {
        self.items.is_empty()
            || (self.items.len() < TASKS_PER_CALL
                && self.size_bytes + size_bytes <= OFFER_BYTES_MAX)
    }

    /// Puts a task in.
    pub fn put(&mut self, item: T, size_bytes: usize) {
        self.items.push(item);
        self.size_bytes += size_bytes;
    }
}

/// Puts filled offers of one role into calls, within a call's limits.
pub fn gather<T>(bins: Vec<Bin<T>>) -> Vec<PackedCall<T>> {
    let mut calls: Vec<PackedCall<T>> = Vec::new();
    let mut size_bytes = 0;
    for bin in bins {
        let joins = calls.last().is_some_and(|call| {
            call.items.len() + bin.items.len() <= TASKS_PER_CALL
                && call.offers.len() < OFFERS_PER_CALL
                && size_bytes + bin.size_bytes <= CALL_BYTES
        });
        if !joins {
            calls.push(PackedCall { offers: Vec::new(), items: Vec::new() });
            size_bytes = 0;
        }
        size_bytes += bin.size_bytes;
        add(calls.last_mut().expect("one was just made or joined"), bin);
    }
    calls
}

/// Puts filled offers into one call, whatever they hold: they are launched together or not at all.
pub fn gather_all<T>(bins: Vec<Bin<T>>) -> PackedCall<T> {
    let mut call = PackedCall { offers: Vec::new(), items: Vec::new() };
    bins.into_iter().for_each(|bin| add(&mut call, bin));
    call
}

fn add<T>(call: &mut PackedCall<T>, bin: Bin<T>) {
    let index = call.offers.len();
    call.offers.push(bin.offer);
    call.items.extend(bin.items.into_iter().map(|item| (item, index)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use bourse_sdk::model::{AgentId, FrameworkId, OfferId, Resources, Role};

    fn bin(number: u64, items: usize, size_bytes: usize) -> Bin<usize> {
        let mut bin = Bin::new(Offer {
            volumes: Vec::new(),
            reserved: Vec::new(),
            id: OfferId { term: 1, number },
            framework: FrameworkId(1),
            role: Role::any(),
            agent: AgentId::new(&format!("a{number}")).unwrap(),
            hostname: String::new(),
            resources: Resources::cpus_mem(1_000, 1),
            attributes: Vec::new(),
            domain: None,
            expires_in: None,
            unavailability: None,
            pieces: Vec::new(),
            revocable: false,
        });
        for item in 0..items {
            if bin.has_room(size_bytes) {
                bin.put(item, size_bytes);
            }
        }
        bin
    }

    fn counts(calls: &[PackedCall<usize>]) -> Vec<(usize, usize)> {
        calls.iter().map(|call| (call.offers.len(), call.items.len())).collect()
    }

    #[test]
    fn offers_and_calls_are_cut_at_their_limits() {
        assert_eq!(bin(0, 450, 100).items.len(), TASKS_PER_CALL);
        assert_eq!(bin(0, 30, 60_000).items.len(), OFFER_BYTES_MAX / 60_000);
        assert_eq!(bin(0, 2, 2 * OFFER_BYTES_MAX).items.len(), 1, "one always goes");
        let calls = gather(vec![bin(0, 150, 10), bin(1, 50, 10), bin(2, 1, 10)]);
        assert_eq!(counts(&calls), [(2, 200), (1, 1)]);
        let calls = gather((0..60).map(|number| bin(number, 1, 10)).collect());
        assert_eq!(counts(&calls), [(50, 50), (10, 10)]);
        let calls = gather((0..4).map(|number| bin(number, 17, 60_000)).collect());
        assert_eq!(counts(&calls), [(2, 34), (2, 34)]);
    }

    #[test]
    fn a_gang_is_one_call() {
        let call = gather_all((0..60).map(|number| bin(number, 10, 10)).collect());
        assert_eq!((call.offers.len(), call.items.len()), (60, 600));
        assert_eq!(call.items[10], (0, 1), "each item knows its offer");
    }
}
