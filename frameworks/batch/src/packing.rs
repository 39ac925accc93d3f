//! First fit: each wanted task, in order, into the first offer that still has room for it.
//!
//! Several tasks share an offer, several offers share a call. Order is the policy: what comes first
//! is placed first, and what does not fit lets smaller ones pass. Nothing is known of jobs here.

use bourse_sdk::Remaining;
use bourse_sdk::model::{Offer, OfferId, Resources, limits};
use std::collections::BTreeMap;

/// Tasks in one call. All of a call's tasks are launched or none, so that a large one loses more
/// to one lost agent, and a small one costs more calls.
const TASKS_PER_CALL: usize = 200;

/// Offers in one call, for the same reason.
const OFFERS_PER_CALL: usize = 50;
const _: () = assert!(TASKS_PER_CALL <= limits::TASKS_PER_ACCEPT_MAX);
const _: () = assert!(OFFERS_PER_CALL <= limits::OFFERS_PER_CALL_MAX);

/// Bytes of the tasks of one offer: they must go in one call.
const OFFER_BYTES_MAX: usize = limits::CALL_BYTES_MAX / 4;

/// Bytes of the tasks of one call.
const CALL_BYTES: usize = limits::CALL_BYTES_MAX / 2;
const _: () = assert!(CALL_BYTES + OFFER_BYTES_MAX < limits::CALL_BYTES_MAX);

/// Something to place.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a, T> {
    /// Names it.
    pub item: T,
    /// What it needs.
    pub resources: &'a Resources,
    /// About how long its description is.
    pub size_bytes: usize,
}

/// The tasks of one call.
#[derive(Debug)]
pub struct PackedCall<T> {
    /// The offers used up.
    pub offers: Vec<Offer>,
    /// Each item with the index of its offer in `offers`.
    pub items: Vec<(T, usize)>,
    /// Whether an offer was left with room only because a call has limits.
    pub is_cut_short: bool,
}

/// What goes where.
#[derive(Debug)]
pub struct Packed<T> {
    /// Calls to make.
    pub calls: Vec<PackedCall<T>>,
    /// Offers that nothing was placed in.
    pub unused: Vec<OfferId>,
}

struct Bin<T> {
    remaining: Remaining,
    items: Vec<T>,
    size_bytes: usize,
    is_cut_short: bool,
}

impl<T> Bin<T> {
    fn place(&mut self, wanted: Wanted<'_, T>) -> bool {
        let is_full = self.items.len() >= TASKS_PER_CALL
            || (self.size_bytes + wanted.size_bytes > OFFER_BYTES_MAX && !self.items.is_empty());
        if is_full {
            self.is_cut_short = true;
            return false;
        }
        let fits = self.remaining.take(wanted.resources);
        if fits {
            self.items.push(wanted.item);
            self.size_bytes += wanted.size_bytes;
        }
        fits
    }
}

/// Places what fits, in the order of `wanted` and the order of `offers`.
pub fn pack<'a, T: Copy>(
    offers: Vec<Offer>,
    wanted: impl IntoIterator<Item = Wanted<'a, T>>,
) -> Packed<T> {
    let mut bins: Vec<Bin<T>> = offers
        .into_iter()
        .map(|offer| Bin {
            remaining: Remaining::new(offer),
            items: Vec::new(),
            size_bytes: 0,
            is_cut_short: false,
        })
        .collect();
    // Offers only shrink: where a shape did not fit, it never will. So each shape goes on looking
    // where it last stopped, and a shape that came to the end is not tried again.
    let mut first_bin: BTreeMap<&Resources, usize> = BTreeMap::new();
    for wanted in wanted {
        let start = first_bin.entry(wanted.resources).or_default();
        while *start < bins.len() && !bins[*start].place(wanted) {
            *start += 1;
        }
    }
    gather(bins)
}

/// Puts offers of one role that are used into calls, within a call's limits.
fn gather<T>(bins: Vec<Bin<T>>) -> Packed<T> {
    let mut packed = Packed { calls: Vec::new(), unused: Vec::new() };
    let mut size_bytes = 0;
    for bin in bins {
        if bin.items.is_empty() {
            packed.unused.push(bin.remaining.offer.id);
            continue;
        }
        let joins = packed.calls.last().is_some_and(|call: &PackedCall<T>| {
            call.items.len() + bin.items.len() <= TASKS_PER_CALL
                && call.offers.len() < OFFERS_PER_CALL
                && size_bytes + bin.size_bytes <= CALL_BYTES
                && call.offers[0].role == bin.remaining.offer.role
        });
        if !joins {
            let (offers, items) = (Vec::new(), Vec::new());
            packed.calls.push(PackedCall { offers, items, is_cut_short: false });
            size_bytes = 0;
        }
        let call = packed.calls.last_mut().expect("one was just made or joined");
        size_bytes += bin.size_bytes;
        let index = call.offers.len();
        call.is_cut_short |= bin.is_cut_short;
        call.offers.push(bin.remaining.offer);
        call.items.extend(bin.items.into_iter().map(|item| (item, index)));
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use bourse_sdk::model::{AgentId, FrameworkId, Role};
    use proptest::prelude::*;

    fn offer(number: u64, cpus_milli: i64, mem_mib: i64) -> Offer {
        Offer {
            id: OfferId { term: 1, number },
            framework: FrameworkId(1),
            role: Role::any(),
            agent: AgentId::new(&format!("a{number}")).unwrap(),
            hostname: String::new(),
            resources: Resources::cpus_mem(cpus_milli, mem_mib),
            attributes: Vec::new(),
            expires_in: None,
        }
    }

    fn wanted(shapes: &[Resources], size_bytes: usize) -> Vec<Wanted<'_, usize>> {
        let all = shapes.iter().enumerate();
        all.map(|(item, resources)| Wanted { item, resources, size_bytes }).collect()
    }

    /// Where each item went, as offer numbers.
    fn places(packed: &Packed<usize>) -> BTreeMap<usize, u64> {
        let calls = packed.calls.iter();
        calls
            .flat_map(|call| {
                call.items.iter().map(|(item, offer)| (*item, call.offers[*offer].id.number))
            })
            .collect()
    }

    #[test]
    fn a_call_is_cut_at_its_limits_and_says_so() {
        let shapes = vec![Resources::cpus_mem(1, 0); 450];
        let packed = pack(vec![offer(0, 1_000, 1), offer(1, 1_000, 1)], wanted(&shapes, 100));
        let counts: Vec<usize> = packed.calls.iter().map(|call| call.items.len()).collect();
        assert_eq!(counts, [200, 200]);
        assert!(packed.calls.iter().all(|call| call.is_cut_short));

        let large = pack(vec![offer(0, 1_000, 1)], wanted(&shapes[..30], 60_000));
        assert_eq!(large.calls[0].items.len(), OFFER_BYTES_MAX / 60_000);
        assert!(large.calls[0].is_cut_short);
    }

    #[test]
    fn one_call_has_one_role() {
        let mut other = offer(1, 100, 10);
        other.role = Role::new("eng").unwrap();
        let shapes = vec![Resources::cpus_mem(100, 10); 2];
        let packed = pack(vec![offer(0, 100, 10), other], wanted(&shapes, 0));
        assert_eq!(packed.calls.len(), 2);
    }

    proptest! {
        #[test]
        fn it_is_first_fit_and_never_more_than_was_offered(
            offered in proptest::collection::vec((0_i64..2_000, 0_i64..500), 0..12),
            shapes in proptest::collection::vec((1_i64..6, 0_i64..6), 0..120),
        ) {
            let offers: Vec<Offer> = (0_u64..)
                .zip(&offered)
                .map(|(number, (cpus, mem))| offer(number, *cpus, *mem))
                .collect();
            let shapes: Vec<Resources> = shapes
                .iter()
                .map(|(cpus, mem)| Resources::cpus_mem(cpus * 100, mem * 20))
                .collect();
            let packed = pack(offers.clone(), wanted(&shapes, 10));
            // The same, naively: every task looks at every offer from the first.
            let mut left: Vec<Resources> =
                offers.iter().map(|offer| offer.resources.clone()).collect();
            let mut naive = BTreeMap::new();
            for (item, shape) in shapes.iter().enumerate() {
                let place = left.iter().position(|resources| resources.contains(shape));
                if let Some(place) = place {
                    left[place] = left[place].checked_sub(shape).unwrap();
                    naive.insert(item, place as u64);
                }
            }
            prop_assert_eq!(places(&packed), naive);
            let used = packed.calls.iter().map(|call| call.offers.len()).sum::<usize>();
            prop_assert_eq!(used + packed.unused.len(), offers.len(), "each offer is answered");
        }
    }
}
