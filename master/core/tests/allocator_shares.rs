//! Shares compare exactly, whatever their size: against an oracle that multiplies in 256 bits.

use master_core::allocator::{Amounts, Share, share::WEIGHT_DEFAULT};
use proptest::prelude::*;
use proto::model::{Milli, ResourceName, Resources, limits};
use std::cmp::Ordering;

/// The product as (high, low) halves of 128 bits each, by schoolbook multiplication.
fn multiply(a: u128, b: u128) -> (u128, u128) {
    let halves = |x: u128| (x >> 64, x & u128::from(u64::MAX));
    let ((a1, a0), (b1, b0)) = (halves(a), halves(b));
    let low = a0 * b0;
    let (cross, carry) = (a1 * b0).overflowing_add(a0 * b1);
    let (low, low_carry) = low.overflowing_add(cross << 64);
    let carries = (u128::from(carry) << 64) + u128::from(low_carry);
    (a1 * b1 + (cross >> 64) + carries, low)
}

fn oracle(a: (u128, u128), b: (u128, u128)) -> Ordering {
    multiply(a.0, b.1).cmp(&multiply(b.0, a.1))
}

/// Numbers of every length, and those near the edges.
fn number() -> impl Strategy<Value = u128> {
    let any_length = (any::<u128>(), 0..128u32).prop_map(|(bits, shift)| bits >> shift);
    let near_the_top = (0..3u128).prop_map(|less| u128::MAX - less);
    prop_oneof![8 => any_length, 1 => near_the_top, 1 => 0..3u128]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, ..ProptestConfig::default() })]

    #[test]
    fn any_two_fractions(a in number(), b in number(), c in number(), d in number()) {
        let (b, d) = (b.max(1), d.max(1));
        let (left, right) = (Share::new(a, b), Share::new(c, d));
        prop_assert_eq!(left.cmp(&right), oracle((a, b), (c, d)));
        prop_assert_eq!(left == right, oracle((a, b), (c, d)) == Ordering::Equal);
    }

    /// The same fraction in other terms, and its neighbours: where rounding would show.
    #[test]
    fn fractions_that_are_nearly_equal(
        a in 1..u64::MAX, b in 1..u64::MAX, factor in 1..u64::MAX, off in 0..3u128,
    ) {
        let (a, b, factor) = (u128::from(a), u128::from(b), u128::from(factor));
        let (c, d) = ((a * factor).saturating_add(off).saturating_sub(1), b * factor);
        let expected = oracle((a, b), (c, d));
        prop_assert_eq!(Share::new(a, b).cmp(&Share::new(c, d)), expected);
        prop_assert_eq!(Share::new(c, d).cmp(&Share::new(a, b)), expected.reverse());
    }
}

#[test]
fn the_oracle_multiplies() {
    assert_eq!(multiply(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
    assert_eq!(multiply(1 << 127, 6), (3, 0));
    assert_eq!(multiply(12, 12), (0, 144));
}

#[test]
fn the_largest_cluster_with_the_largest_weight_has_shares() {
    let largest = Resources::from_entries([
        (ResourceName::CPUS, proto::model::Value::Scalar(Milli(limits::MILLI_MAX))),
        (ResourceName::MEM, proto::model::Value::Scalar(Milli(1))),
    ])
    .unwrap();
    let mut totals = Amounts::new();
    (0..limits::AGENTS_MAX).for_each(|_| totals.add(&Amounts::of(&largest)));
    let share = |weight, cpus, mem| {
        let mut used = Amounts::new();
        used.set(&ResourceName::CPUS, cpus);
        used.set(&ResourceName::MEM, mem);
        Share::dominant(&totals, Milli(weight), &used)
    };
    let everything = totals.get(&ResourceName::CPUS);
    assert_eq!(everything, 100_000_000_000_000_000_000);
    assert_eq!(share(1, everything, 0), Share::new(1, 1));
    assert_eq!(share(1, everything - 1, 100_000), Share::new(1, 1), "mem dominates");
    assert!(share(1, everything - 1, 0) < share(1, everything, 0));
    assert!(share(limits::MILLI_MAX, everything - 1, 0) < share(limits::MILLI_MAX, everything, 0));
    assert!(share(limits::MILLI_MAX, everything, 0) < share(limits::MILLI_MAX - 1, everything, 0));
    assert_eq!(share(7, 0, 0), Share::ZERO);
    assert_eq!(share(2_000, everything / 2, 0).millionths(WEIGHT_DEFAULT), 250_000);
    assert_eq!(
        Share::dominant(&Amounts::new(), Milli(1), &Amounts::of(&Resources::cpus_mem(5, 0))),
        Share::ZERO
    );
}
