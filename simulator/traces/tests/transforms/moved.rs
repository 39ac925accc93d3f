//! Order, repetition and windows.

use crate::{assert_whole, changed, ids, list};
use traces::model::Arrival;

#[test]
fn a_shuffle_moves_jobs_whole_and_keeps_their_times_or_the_places() {
    let shuffled = changed("{ shuffle = {} }", 1, list());
    assert_whole(&shuffled);
    assert!(!ids(&shuffled).is_sorted());
    assert!(shuffled.iter().all(|it| it.submit_ns == it.job * 1_000_000_000));
    let again = changed("{ shuffle = {} }, 'sort'", 1, list());
    assert_eq!(again, list());
    let stays = changed("{ shuffle = { keep_times = true } }", 1, list());
    assert!(stays.is_sorted_by_key(|it| it.submit_ns));
    assert!(!ids(&stays).is_sorted());
    assert!(stays.iter().all(|it| it.deadline_ns == Some(it.submit_ns + 7)));
    assert_ne!(changed("{ shuffle = {} }", 2, list()), shuffled);
}

#[test]
fn a_sort_keeps_the_order_of_what_comes_together() {
    let mut flat = list();
    flat.iter_mut().for_each(|it| it.submit_ns /= 10_000_000_000);
    let reversed: Vec<_> = {
        // Parts stay behind each other.
        let mut jobs: Vec<Vec<Arrival>> = Vec::new();
        for part in flat.iter().cloned() {
            match jobs.last_mut() {
                Some(job) if job[0].job == part.job => job.push(part),
                _ => jobs.push(vec![part]),
            }
        }
        jobs.into_iter().rev().flatten().collect()
    };
    let sorted = changed("'sort'", 0, reversed);
    assert!(sorted.is_sorted_by_key(|it| (it.submit_ns, u64::MAX - it.job)));
    assert_whole(&sorted);
}

#[test]
fn a_repetition_goes_on_with_fresh_ids() {
    let twice = changed("{ repeat = { times = 2 } }", 0, list());
    assert_eq!(twice[..110], list());
    assert_eq!((twice[110].job, twice[110].submit_ns), (100, 99_000_000_000));
    assert_eq!(twice[110].deadline_ns, Some(99_000_000_007));
    assert_whole(&twice);
    let daily = changed("{ repeat = { times = 3, every_s = 200 } }", 0, list());
    assert_eq!((daily.len(), daily[220].submit_ns), (330, 400_000_000_000));
    assert_eq!(changed("{ repeat = { times = 3 } }", 0, Vec::new()), Vec::new());
}

#[test]
fn a_window_begins_at_zero() {
    let cut = changed("{ window = { from_s = 10, until_s = 13 } }", 0, list());
    assert_eq!(ids(&cut), [10, 10, 11, 12]);
    assert_eq!((cut[2].submit_ns, cut[2].deadline_ns), (1_000_000_000, Some(1_000_000_007)));
    assert_eq!(changed("{ window = { from_s = 98 } }", 0, list()).len(), 2);
    assert_eq!(changed("{ first = { arrivals = 3 } }", 0, list()), list()[..3]);
}
