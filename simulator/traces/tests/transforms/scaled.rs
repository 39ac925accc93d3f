//! Times and amounts, and who runs what.

use crate::{changed, list, steps};
use traces::{
    Arrivals,
    model::{Arrival, Class, Names},
    transform::apply,
};

#[test]
fn time_shrinks_and_deadlines_stay_as_far_off() {
    let faster = changed("{ scale_time = '1/2' }", 0, list());
    let job = &faster[5];
    assert_eq!((job.job, job.submit_ns), (4, 2_000_000_000));
    assert_eq!((job.deadline_ns, job.duration_ns), (Some(2_000_000_007), Some(100)));
    let longer = changed("{ scale_durations = '1.5' }", 0, list());
    assert_eq!((longer[5].submit_ns, longer[5].duration_ns), (4_000_000_000, Some(150)));
}

#[test]
fn sizes_are_scaled_kind_by_kind() {
    let mut job = Arrival::new(0);
    job.each.0 = [1_500, 1, 700, 0, 3];
    let scaled = |text: &str| changed(text, 0, vec![job.clone()])[0].each.0;
    let all = "{ scale_sizes = { cpus = '3/2', mem = '1/10', network = 2 } }";
    assert_eq!(scaled(all), [2_250, 1, 700, 0, 6]);
    assert_eq!(scaled("{ scale_sizes = { gpus = '1/2' } }"), [1_500, 1, 350, 0, 3]);
    assert_eq!(scaled("{ scale_sizes = { gpus = 2 } }"), [1_500, 1, 2_000, 0, 3]);
}

#[test]
fn requests_become_powers_of_two_of_an_amount() {
    let rounded = |cpus: u64| {
        let mut job = Arrival::new(0);
        job.each.0[0] = cpus;
        changed("{ powers_of_two = { cpus = 500 } }", 0, vec![job])[0].each.0[0]
    };
    let cases = [(0, 0), (1, 500), (500, 500), (501, 1_000), (1_001, 2_000), (2_000, 2_000)];
    for (asked, expected) in cases {
        assert_eq!(rounded(asked), expected, "{asked}");
    }
    assert_eq!(rounded(u64::MAX), u64::MAX);
}

#[test]
fn the_first_rule_that_fits_says_who_runs_it() {
    let mut names = Names::new();
    let queue = |text: &str, names: &mut Names| names.intern(text);
    let mut list = vec![Arrival::new(0), Arrival::new(1), Arrival::new(2)];
    (list[0].priority, list[0].queue) = (9, queue("3", &mut names));
    (list[1].priority, list[1].queue) = (9, queue("0", &mut names));
    let text = "{ assign = { rules = [
        { when = { priority_min = 9, queues = ['2', '3'] }, framework = 'service', band = 200,
          class = 'service' },
        { when = { priority_min = 9 }, framework = 'batch', band = 100 },
    ] } }";
    let mut arrivals = apply(&steps(text), 0, Arrivals::of(list, names));
    let found: Vec<_> = arrivals.by_ref().collect::<Result<_, _>>().unwrap();
    let shown = |it: &Arrival| {
        (it.queue.map(|id| arrivals.names().get(id).to_owned()), it.priority, it.class)
    };
    assert_eq!(shown(&found[0]), (Some("service".into()), 200, Class::Service));
    assert_eq!(shown(&found[1]), (Some("batch".into()), 100, Class::Batch));
    assert_eq!(shown(&found[2]), (None, 0, Class::Batch));
}
