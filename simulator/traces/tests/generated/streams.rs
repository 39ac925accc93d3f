//! Streams merged by time.

use std::error::Error as _;
use traces::{
    generate::{Distribution, Each, End, GenerateError, Stream, generate},
    model::{Arrival, Class, Names},
};

fn stream(name: &str, between: Distribution) -> Stream {
    Stream {
        name: name.into(),
        class: Class::Batch,
        between,
        tasks: Distribution::Constant(0),
        duration: Distribution::Uniform { least: 5, most: 50 },
        each: Each { cpus: 1_000, ..Each::default() },
        gang: true,
        first_ns: None,
    }
}

fn jobs(streams: &[Stream], end: End, seed: u64) -> Vec<Arrival> {
    generate(streams, end, seed, Names::new()).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn jobs_come_in_order_and_ties_go_to_the_earlier_stream() {
    let mut slow = stream("slow", Distribution::Constant(20));
    (slow.class, slow.first_ns) = (Class::Service, Some(0));
    let mut fast = stream("fast", Distribution::Constant(10));
    (fast.first_ns, fast.tasks) = (Some(0), Distribution::Constant(3));
    let found = jobs(&[slow, fast], End { before_ns: Some(41), jobs: None }, 1);
    let shown: Vec<_> = found.iter().map(|it| (it.submit_ns, it.class, it.tasks)).collect();
    let (batch, service) = (Class::Batch, Class::Service);
    let expected = [
        (0, service, 1),
        (0, batch, 3),
        (10, batch, 3),
        (20, service, 1),
        (20, batch, 3),
        (30, batch, 3),
        (40, service, 1),
        (40, batch, 3),
    ];
    assert_eq!(shown, expected);
    assert!(found.iter().map(|it| it.job).eq(0..8));
    assert!(found[1].gang && !found[0].gang);
}

#[test]
fn another_distribution_of_durations_leaves_the_arrivals() {
    let exponential = Distribution::Exponential { mean: 1_000_000 };
    let end = End { before_ns: None, jobs: 500.try_into().ok() };
    let before = jobs(&[stream("a", exponential.clone())], end, 3);
    let mut changed = stream("a", exponential.clone());
    changed.duration = Distribution::Exponential { mean: 9 };
    let after = jobs(&[changed], end, 3);
    let times = |jobs: &[Arrival]| jobs.iter().map(|it| it.submit_ns).collect::<Vec<_>>();
    assert_eq!((before.len(), times(&before)), (500, times(&after)));
    assert_ne!(times(&before), times(&jobs(&[stream("a", exponential)], end, 4)));
}

#[test]
fn what_cannot_be_generated_is_refused() {
    let end = End { before_ns: Some(1), jobs: None };
    let of = |streams: &[Stream], end| generate(streams, end, 1, Names::new()).map(|_| ());
    let endless = End { before_ns: None, jobs: None };
    assert_eq!(of(&[], endless), Err(GenerateError::Endless));
    let twice = [stream("a", Distribution::Constant(1)), stream("a", Distribution::Constant(1))];
    assert_eq!(of(&twice, end), Err(GenerateError::Twice("a".into())));
    let error = of(&[stream("a", Distribution::Exponential { mean: 0 })], end).unwrap_err();
    assert_eq!(error.to_string(), "the between of `a`");
    assert!(error.source().is_some());
}

#[test]
fn streams_are_written_in_a_study() {
    let text = "name = 'b'\nclass = 'batch'\nbetween = { exponential = { mean = 4000000000 } }\n\
                tasks = { empirical = { quantiles = [1, 5, 100] } }\nduration = { constant = 7 }\n\
                each = { cpus = 1000, mem = 2048000 }\n";
    let stream: Stream = toml::from_str(text).unwrap();
    assert_eq!(stream.between, Distribution::Exponential { mean: 4_000_000_000 });
    let wrong = toml::from_str::<Stream>(&format!("{text}gangs = true\n")).unwrap_err();
    assert!(wrong.to_string().contains("gangs"), "{wrong}");
}
