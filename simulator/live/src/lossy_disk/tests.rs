//! Against models that are naive: copies of everything at every sync.

use super::{
    contents::{BLOCK_BYTES, Contents, Loss},
    tree::{ROOT, Refused, Tree},
};
use proptest::prelude::*;
use rand::SeedableRng as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
};

#[derive(Debug, Clone)]
enum Act {
    Write(usize, Vec<u8>),
    Resize(usize),
    Sync,
}

fn act() -> impl Strategy<Value = Act> {
    let bytes = prop::collection::vec(any::<u8>(), 1..3 * BLOCK_BYTES);
    prop_oneof![
        4 => (0..4 * BLOCK_BYTES, bytes).prop_map(|(at, bytes)| Act::Write(at, bytes)),
        1 => (0..5 * BLOCK_BYTES).prop_map(Act::Resize),
        1 => Just(Act::Sync),
    ]
}

/// Every state that a file has had since it was synced, from that one on.
fn play(acts: &[Act]) -> (Contents, Vec<Vec<u8>>) {
    let (mut contents, mut states) = (Contents::default(), vec![Vec::new()]);
    for act in acts {
        let mut next = states.last().cloned().unwrap_or_default();
        match act {
            Act::Write(at, bytes) => {
                next.resize(next.len().max(at + bytes.len()), 0);
                next[*at..at + bytes.len()].copy_from_slice(bytes);
                contents.write(*at, bytes);
            }
            Act::Resize(length) => {
                next.resize(*length, 0);
                contents.resize(*length);
            }
            Act::Sync => {
                states.clear();
                contents.sync();
            }
        }
        states.push(next);
    }
    (contents, states)
}

proptest! {
    #[test]
    fn what_is_seen_is_what_was_written(acts in prop::collection::vec(act(), 0..20)) {
        let (contents, states) = play(&acts);
        prop_assert_eq!(contents.bytes(), &states[states.len() - 1][..]);
        prop_assert_eq!(contents.durable(), &states[0][..]);
    }

    #[test]
    fn a_power_cut_loses_only_what_is_pending(
        acts in prop::collection::vec(act(), 0..20),
        seed: u64,
    ) {
        let (contents, states) = play(&acts);
        let mut chance = rand::rngs::StdRng::seed_from_u64(seed);
        for loss in [Loss::All, Loss::Rest, Loss::Any] {
            let mut after = contents.clone();
            after.cut_power(loss, &mut chance);
            prop_assert_eq!(after.bytes(), after.durable());
            if loss == Loss::All {
                prop_assert_eq!(after.bytes(), &states[0][..]);
            }
            // Each byte is as it was at some time; a gap is of zeros.
            for (at, byte) in after.bytes().iter().enumerate() {
                let known = states.iter().any(|state| state.get(at).copied().unwrap_or(0) == *byte);
                prop_assert!(known, "byte {} is {}", at, byte);
            }
        }
    }

    #[test]
    fn a_disk_that_keeps_an_order_is_cut_at_one_place(
        acts in prop::collection::vec(act(), 0..20),
        seed: u64,
    ) {
        let (mut contents, states) = play(&acts);
        contents.cut_power(Loss::Rest, &mut rand::rngs::StdRng::seed_from_u64(seed));
        let pairs = states.windows(2).chain([&states[states.len() - 1..]]);
        let is_between = |pair: &[Vec<u8>]| {
            let (from, to) = (&pair[0], &pair[pair.len() - 1]);
            let byte = |state: &[u8], at| state.get(at).copied().unwrap_or(0);
            let bytes = contents.bytes();
            let longest = from.len().max(to.len());
            bytes.len() <= longest
                && (0..longest).all(|at| {
                    [byte(from, at), byte(to, at)].contains(&byte(bytes, at))
                })
        };
        prop_assert!(pairs.into_iter().any(is_between));
    }

    #[test]
    fn names_that_were_synced_are_there(
        acts in prop::collection::vec((0_u8..4, 0_u8..4, 0_u8..5), 0..40),
        seed: u64,
    ) {
        let mut tree = Tree::new();
        // What each name stood for since the directory was synced, by number; 0 is nothing.
        let mut history: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new()];
        for (a, b, what) in acts {
            let (a, b) = (format!("{a}"), format!("{b}"));
            let mut next = history[history.len() - 1].clone();
            let done = match what {
                0 | 1 => tree.make(ROOT, OsStr::new(&a), 0o600, false).map(|facts| {
                    next.insert(a, facts.number);
                }),
                2 => tree.remove(ROOT, OsStr::new(&a)).map(|()| {
                    next.remove(&a);
                }),
                3 => tree.rename((ROOT, OsStr::new(&a)), (ROOT, OsStr::new(&b))).map(|()| {
                    if let Some(number) = next.remove(&a) {
                        next.insert(b, number);
                    }
                }),
                _ => {
                    tree.sync(ROOT).unwrap();
                    history.clear();
                    Ok(())
                }
            };
            prop_assert!(done.is_ok() || history.last() == Some(&next));
            history.push(next);
        }
        let names = |tree: &Tree| -> BTreeMap<String, u64> {
            let listed = tree.list(ROOT).unwrap().into_iter();
            listed.map(|(name, facts)| (name.into_string().unwrap(), facts.number)).collect()
        };
        prop_assert_eq!(&names(&tree), &history[history.len() - 1]);
        tree.cut_power(&mut rand::rngs::StdRng::seed_from_u64(seed));
        prop_assert!(history.contains(&names(&tree)), "names of no one moment");
    }
}

/// Each of the ways in which power is cut, by what it leaves of a name and a file.
#[test]
fn a_file_without_a_durable_name_is_lost() {
    let mut left = BTreeSet::new();
    for seed in 0..64 {
        let mut tree = Tree::new();
        let file = tree.make(ROOT, OsStr::new("file"), 0o600, false).unwrap().number;
        tree.write(file, 0, b"synced").unwrap();
        tree.sync(file).unwrap();
        tree.cut_power(&mut rand::rngs::StdRng::seed_from_u64(seed));
        left.insert(tree.read(file, 0, 9).ok().map(<[u8]>::to_vec));
    }
    assert_eq!(left, [None, Some(b"synced".to_vec())].into_iter().collect());
}

#[test]
fn a_disk_can_be_full_and_can_fail() {
    let mut tree = Tree::new();
    tree.troubles.capacity = Some(10);
    let file = tree.make(ROOT, OsStr::new("file"), 0o600, false).unwrap().number;
    tree.write(file, 0, &[1; 8]).unwrap();
    assert_eq!(tree.write(file, 6, &[2; 5]), Err(Refused::Full));
    tree.write(file, 2, &[2; 8]).unwrap();
    assert_eq!(tree.make(ROOT, OsStr::new("other"), 0o600, false), Err(Refused::Full));
    assert_eq!(tree.used_bytes(), 10);
    tree.remove(ROOT, OsStr::new("file")).unwrap();
    assert_eq!(tree.used_bytes(), 0, "room again");
    tree.troubles.fails_at = Some(2);
    tree.sync(ROOT).unwrap();
    assert_eq!(tree.sync(ROOT), Err(Refused::Broken));
    assert_eq!(tree.sync(ROOT), Err(Refused::Broken), "for ever");
}
