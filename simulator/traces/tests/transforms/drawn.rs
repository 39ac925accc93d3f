//! Samples, and inflation.

use crate::{assert_whole, changed, ids, list};
use std::collections::BTreeSet;

#[test]
fn a_sample_takes_jobs_by_their_ids() {
    let big = |n: u64| (0..n).map(traces::model::Arrival::new).collect::<Vec<_>>();
    let sampled = changed("{ sample = { per_mille = 250 } }", 1, big(10_000));
    assert!((2_300..2_700).contains(&sampled.len()), "{}", sampled.len());
    // The same jobs out of a longer list, others under another seed.
    let longer = changed("{ sample = { per_mille = 250 } }", 1, big(12_000));
    assert_eq!(ids(&sampled), ids(&longer)[..sampled.len()]);
    assert_ne!(ids(&sampled), ids(&changed("{ sample = { per_mille = 250 } }", 2, big(10_000))));
    let all = changed("{ sample = { per_mille = 1000 } }", 1, big(1_000));
    assert_eq!(all.len(), 1_000);
    assert_whole(&changed("{ sample = { per_mille = 500 } }", 1, list()));
}

#[test]
fn a_sample_of_jobs_has_so_many_in_their_order() {
    let sampled = changed("{ sample_jobs = { jobs = 30 } }", 5, list());
    let jobs: BTreeSet<u64> = ids(&sampled).into_iter().collect();
    assert_eq!(jobs.len(), 30);
    assert!(ids(&sampled).is_sorted());
    assert_whole(&sampled);
    let more = changed("{ sample_jobs = { jobs = 40 } }", 5, list());
    assert!(jobs.is_subset(&ids(&more).into_iter().collect()));
    assert_eq!(changed("{ sample_jobs = { jobs = 1000 } }", 5, list()), list());
    // Each job is as likely as any other, within five standard deviations of 30 of 100.
    let mut counts = [0_u32; 100];
    for seed in 0..1_000 {
        let jobs: BTreeSet<u64> =
            ids(&changed("{ sample_jobs = { jobs = 30 } }", seed, list())).into_iter().collect();
        jobs.iter().for_each(|job| counts[*job as usize] += 1);
    }
    assert!(counts.iter().all(|count| (228..372).contains(count)), "{counts:?}");
}

#[test]
fn inflation_draws_until_the_next_would_pass() {
    let steps = "{ inflate = { of = 'cpus', per_cent = 130, capacity = 200000 } }";
    let inflated = changed(steps, 3, list());
    assert_eq!(inflated[..110], list());
    assert_whole(&inflated);
    let sum: u64 = inflated.iter().map(|it| it.each.0[0] * u64::from(it.tasks)).sum();
    // The limit is 260,000; a job asks for 1,500 or 4,500.
    assert!(sum <= 260_000 && sum > 255_500, "{sum}");
    let fresh = &ids(&inflated)[110..];
    assert!(fresh.is_sorted() && fresh.first() == Some(&100));
    assert_eq!(changed(steps, 3, list()), inflated);
    assert_ne!(changed(steps, 4, list()), inflated);
}

#[test]
fn inflation_of_what_nobody_asks_for_or_of_a_full_list_adds_nothing() {
    for steps in [
        "{ inflate = { of = 'gpus', per_cent = 130, capacity = 1000 } }",
        "{ inflate = { of = 'cpus', per_cent = 50, capacity = 1000 } }",
    ] {
        assert_eq!(changed(steps, 3, list()), list());
        assert_eq!(changed(steps, 3, Vec::new()), Vec::new());
    }
}

#[test]
fn two_steps_alike_draw_differently() {
    let twice =
        changed("{ sample = { per_mille = 500 } }, { sample = { per_mille = 500 } }", 1, list());
    let once = changed("{ sample = { per_mille = 500 } }", 1, list());
    assert!(twice.len() < once.len() * 3 / 4, "{} of {}", twice.len(), once.len());
}
