//! A table beside a map that is known to be right, and what its nodes promise.

use super::{Table, node::Node};
use proptest::prelude::*;
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

#[derive(Debug, Clone)]
enum Step {
    Insert(u16, u32),
    Remove(u16),
    Change(u16, u32),
    /// Remembers the table as it is.
    Share,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys against many steps: nodes fill, split, empty and are joined.
    let key = 0_u16..3_000;
    let step = prop_oneof![
        6 => (key.clone(), any::<u32>()).prop_map(|(key, row)| Step::Insert(key, row)),
        5 => key.clone().prop_map(Step::Remove),
        2 => (key, any::<u32>()).prop_map(|(key, row)| Step::Change(key, row)),
        1 => Just(Step::Share),
    ];
    prop::collection::vec(step, 0..4_000)
}

/// Depth of all leaves, having checked everything that nodes promise.
fn check(node: &Node<u16, u32>, is_root: bool, from: Option<u16>, to: Option<u16>) -> usize {
    let inside = |key: u16| from.is_none_or(|from| from <= key) && to.is_none_or(|to| key < to);
    match node {
        Node::Leaf(rows) => {
            assert!(is_root || !rows.is_empty());
            assert!(rows.len() <= super::node::WIDTH);
            assert!(rows.is_sorted_by(|(a, _), (b, _)| a < b));
            assert!(rows.iter().all(|(key, _)| inside(*key)));
            0
        }
        Node::Inner(children) => {
            assert!(children.len() <= super::node::WIDTH && children.len() > usize::from(is_root));
            let depths: Vec<usize> = (0..children.len())
                .map(|index| {
                    let from = if index == 0 { from } else { Some(children[index].0) };
                    let to = children.get(index + 1).map(|(key, _)| *key).or(to);
                    check(&children[index].1, false, from, to)
                })
                .collect();
            assert!(depths.iter().all(|depth| *depth == depths[0]));
            depths[0] + 1
        }
    }
}

fn same(table: &Table<u16, u32>, model: &BTreeMap<u16, u32>) {
    check(&table.root, true, None, None);
    assert_eq!(table.len(), model.len());
    assert_eq!(table.iter().len(), model.len());
    assert!(table.iter().eq(model.iter()));
    assert_eq!(table.last_key(), model.last_key_value().map(|(key, _)| key));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_table_is_a_map_and_its_copies_stay_as_they_were(steps in steps()) {
        let (mut table, mut model) = (Table::new(), BTreeMap::new());
        let mut copies = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, row) => {
                    let replaced = table.insert(key, row).map(|row| *row);
                    prop_assert_eq!(replaced, model.insert(key, row));
                }
                Step::Remove(key) => {
                    prop_assert_eq!(table.remove(&key).map(|row| *row), model.remove(&key));
                }
                Step::Change(key, row) => {
                    let found = table.get_mut(&key).map(|old| *old = row);
                    prop_assert_eq!(found, model.get_mut(&key).map(|old| *old = row));
                }
                Step::Share => copies.push((table.clone(), model.clone())),
            }
        }
        same(&table, &model);
        copies.iter().for_each(|(table, model)| same(table, model));
    }

    #[test]
    fn ranges_are_those_of_a_map(
        keys in prop::collection::btree_set(0_u16..500, 0..400),
        from in 0_u16..500,
        length in 0_u16..500,
        (from_in, to_in) in any::<(bool, bool)>(),
    ) {
        let mut table = Table::new();
        keys.iter().for_each(|key| drop(table.insert(*key, ())));
        let bound = |inside: bool, key| match inside {
            true => Bound::Included(key),
            false => Bound::Excluded(key),
        };
        let range = (bound(from_in, from), bound(to_in, from + length + 1));
        let found: Vec<u16> = table.range(range).map(|(key, ())| *key).collect();
        prop_assert_eq!(found, keys.range(range).copied().collect::<Vec<_>>());
        let rest: Vec<u16> = table.range(from..).map(|(key, ())| *key).collect();
        prop_assert_eq!(rest, keys.range(from..).copied().collect::<Vec<_>>());
    }
}

#[test]
fn who_counts_upwards_leaves_full_nodes_and_an_emptied_table_is_one_node() {
    let mut table = Table::new();
    (0..10_000_u16).for_each(|key| drop(table.insert(key, u32::from(key))));
    let depth = check(&table.root, true, None, None);
    assert_eq!(depth, 2, "32 × 32 × 32 rows fit into three levels");
    (0..9_990).for_each(|key| drop(table.remove(&key)));
    assert_eq!(check(&table.root, true, None, None), 0);
    assert_eq!(
        table.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
        (9_990..10_000).collect::<Vec<_>>()
    );
}

#[test]
fn a_change_to_a_copy_copies_the_way_and_one_row() {
    let mut table = Table::new();
    (0..10_000_u16).for_each(|key| drop(table.insert(key, u32::from(key))));
    let copy = table.clone();
    assert!(Arc::ptr_eq(&table.root, &copy.root), "a copy is a pointer");
    *table.get_mut(&5_000).unwrap() = 7;
    assert_eq!((table.get(&5_000), copy.get(&5_000)), (Some(&7), Some(&5_000)));
    let (Node::Inner(ours), Node::Inner(theirs)) = (&*table.root, &*copy.root) else {
        panic!("so many rows need inner nodes");
    };
    let shared = ours.iter().zip(theirs).filter(|(a, b)| Arc::ptr_eq(&a.1, &b.1)).count();
    assert_eq!(shared, ours.len() - 1);
    assert!(table.get_mut(&60_000).is_none());
}
