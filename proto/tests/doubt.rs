//! Doubt about a silent leader: each rule by hand, and what holds whatever happens.

use proptest::{collection, prelude::*};
use proto::model::{
    ClusterId, Doubt, Duration, Instant, Leadership, Question,
    doubt::{ANSWER_TIMEOUT, Patience},
    jitter::Jitter,
};

const BEAT: Duration = Duration(5_000);
const PATIENCE: Patience =
    Patience { silence: Duration(1_000), spread: Duration(0), reach: Duration(500) };

/// A doubt with its time.
struct Bench {
    doubt: Doubt,
    jitter: Jitter,
    now: Instant,
}

fn cluster(name: &str) -> ClusterId {
    ClusterId::new(name).unwrap()
}

fn leads(term: u64) -> Option<Leadership> {
    Some(Leadership { cluster: cluster("c"), term, leader: Some("new:1".to_owned()) })
}

impl Bench {
    /// Somebody who listens to the leader of a term, since time 0.
    fn of(patience: Patience, term: u64) -> Self {
        let (doubt, jitter) = (Doubt::new(patience), Jitter::new(3));
        let mut bench = Self { doubt, jitter, now: Instant(0) };
        bench.believe(term);
        bench
    }

    fn new() -> Self {
        Self::of(PATIENCE, 7)
    }

    fn believe(&mut self, term: u64) {
        self.doubt.believe(self.now, (cluster("c"), term), BEAT, &mut self.jitter);
    }

    fn tick_at(&mut self, ms: u64) -> Option<Question> {
        self.now = Instant(ms);
        self.doubt.tick(self.now, &mut self.jitter)
    }

    fn expects(&mut self, anything: bool) {
        self.doubt.expects(self.now, anything);
    }

    /// Goes on to the next question.
    fn question(&mut self) -> Question {
        loop {
            self.now = self.doubt.deadline().expect("there is a leader");
            if let Some(question) = self.doubt.tick(self.now, &mut self.jitter) {
                return question;
            }
        }
    }

    fn answer(&mut self, question: Question, answer: Option<Leadership>) -> Option<String> {
        self.doubt.answered(self.now, question.number, answer, &mut self.jitter)
    }
}

#[test]
fn whoever_expects_nothing_waits_for_a_heartbeat_that_is_overdue() {
    let mut bench = Bench::new();
    assert_eq!(bench.tick_at(5_999), None);
    assert_eq!(bench.tick_at(6_000), Some(Question { number: 1, above_term: 7 }));
}

#[test]
fn silence_counts_from_the_expectation_or_the_last_word() {
    let mut bench = Bench::new();
    bench.now = Instant(3_000);
    bench.expects(true);
    bench.now = Instant(3_600);
    bench.expects(true);
    assert_eq!(bench.doubt.deadline(), Some(Instant(4_000)), "since the first");
    bench.doubt.heard(Instant(3_700));
    assert_eq!(bench.doubt.deadline(), Some(Instant(4_700)), "it lives, and owes an answer still");
    bench.expects(false);
    assert_eq!(bench.doubt.deadline(), Some(Instant(9_700)), "nothing more is due");
}

#[test]
fn only_a_leader_of_a_higher_term_is_gone_over_to() {
    let nobody = Leadership { leader: None, ..leads(8).unwrap() };
    let elsewhere = Leadership { cluster: cluster("other"), ..leads(8).unwrap() };
    for answer in [None, leads(6), leads(7), Some(nobody), Some(elsewhere)] {
        let mut bench = Bench::new();
        let question = bench.question();
        assert_eq!(bench.answer(question, answer.clone()), None, "{answer:?}");
    }
    let mut bench = Bench::new();
    let question = bench.question();
    assert_eq!(bench.answer(question, leads(8)), Some("new:1".to_owned()));
    assert_eq!(bench.answer(question, leads(8)), None, "an answer counts once");
}

#[test]
fn an_old_answer_says_nothing_about_a_new_leader() {
    let mut bench = Bench::new();
    let question = bench.question();
    bench.doubt.forget();
    assert_eq!(bench.doubt.deadline(), None, "nobody is doubted");
    bench.believe(8);
    assert_eq!(bench.answer(question, leads(9)), None);
}

#[test]
fn a_leader_that_does_not_say_its_term_is_not_doubted() {
    let mut bench = Bench::of(PATIENCE, 0);
    bench.expects(true);
    assert_eq!(bench.doubt.deadline(), None);
    assert_eq!(bench.tick_at(1_000_000), None);
}

#[test]
fn a_question_that_is_not_answered_ends_and_another_follows() {
    let mut bench = Bench::new();
    let first = bench.question();
    assert_eq!(bench.tick_at(bench.now.0 + ANSWER_TIMEOUT.0), None, "a pause first");
    let ended = bench.now;
    let second = bench.question();
    assert!(second.number > first.number);
    assert!((125..=250).contains(&bench.now.since(ended).0), "{:?}", bench.now);
    assert_eq!(bench.answer(first, leads(8)), None, "too late");
    assert!(bench.answer(second, leads(8)).is_some());
}

#[test]
fn pauses_double_and_begin_anew_with_a_higher_term_or_in_calm() {
    let mut bench = Bench::new();
    bench.expects(true);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let before = bench.now;
        let question = bench.question();
        pauses.push(bench.now.since(before).0);
        assert_eq!(bench.answer(question, leads(7)), None);
    }
    for (index, pause) in pauses.iter().enumerate().skip(1) {
        let whole = (250_u64 << (index - 1)).min(30_000);
        assert!((whole / 2..=whole).contains(pause), "pause {index} is {pause}");
    }
    // Heard again and again, and doubted again and again: still no more questions.
    let asked_at = bench.now;
    bench.doubt.heard(bench.now);
    bench.question();
    assert!(bench.now.since(asked_at).0 >= 15_000);
    for renew in [
        |bench: &mut Bench| bench.believe(8),
        |bench: &mut Bench| {
            bench.now = bench.now + Duration(100_000);
            bench.doubt.heard(bench.now);
        },
    ] {
        let mut bench = Bench::new();
        for _ in 0..10 {
            let question = bench.question();
            bench.answer(question, None);
        }
        renew(&mut bench);
        bench.expects(true);
        let before = bench.now;
        let question = bench.question();
        assert_eq!(bench.now.since(before), PATIENCE.silence);
        bench.answer(question, None);
        let before = bench.now;
        bench.question();
        assert!(bench.now.since(before).0 <= 250, "{:?}", bench.now.since(before));
    }
}

#[test]
fn ten_thousand_agents_do_not_ask_in_the_same_moment() {
    let mut counts = [0_u32; 10];
    for seed in 0..10_000 {
        let (mut doubt, mut jitter) = (Doubt::new(Patience::AGENT), Jitter::new(seed));
        doubt.believe(Instant(0), (cluster("c"), 1), BEAT, &mut jitter);
        doubt.expects(Instant(0), true);
        let at = doubt.deadline().unwrap().0;
        assert!((1_000..=2_000).contains(&at));
        counts[usize::try_from((at - 1_000) / 100).unwrap().min(9)] += 1;
    }
    assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
}

/// Something that happens to a client.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Heard,
    Expects(bool),
    Believe(u64),
    Forget,
    /// The open question, or an older one, is answered with this term; 0 is no answer.
    Answered {
        back: u64,
        term: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..3_000).prop_map(Step::Wait),
        1 => Just(Step::Heard),
        1 => any::<bool>().prop_map(Step::Expects),
        1 => (0_u64..5).prop_map(Step::Believe),
        1 => Just(Step::Forget),
        2 => (0_u64..2, 0_u64..6).prop_map(|(back, term)| Step::Answered { back, term }),
    ]
}

proptest! {
    /// Never without a leader, never two at once, never in silence that is short, and never for a
    /// term that is not higher; and a deadline is when something happens, not before.
    #[test]
    fn doubt_keeps_its_word(steps in collection::vec(step(), 0..200)) {
        let mut bench = Bench::of(PATIENCE, 1);
        let (mut term, mut quiet_since, mut open) = (Some(1), Instant(0), None);
        // When questions were asked of the same or a lower term.
        let mut asked = Vec::<Instant>::new();
        let mut highest = 1;
        for step in steps {
            match step {
                Step::Wait(ms) => bench.now = bench.now + Duration(ms),
                Step::Heard => {
                    bench.doubt.heard(bench.now);
                    quiet_since = bench.now;
                }
                Step::Expects(anything) => bench.expects(anything),
                Step::Believe(new) => {
                    bench.believe(new);
                    (term, quiet_since, open) = (Some(new), bench.now, None);
                    if new > highest {
                        asked.clear();
                    }
                    highest = highest.max(new);
                }
                Step::Forget => {
                    bench.doubt.forget();
                    (term, open) = (None, None);
                }
                Step::Answered { back, term: said } => {
                    let number = open.unwrap_or(0_u64).saturating_sub(back);
                    let answer = leads(said).filter(|_| said > 0);
                    let goes = bench.doubt.answered(bench.now, number, answer, &mut bench.jitter);
                    let is_open = open == Some(number);
                    let is_higher = term.is_some_and(|term| said > term);
                    prop_assert_eq!(goes.is_some(), is_open && is_higher);
                    if is_open {
                        open = None;
                    }
                }
            }
            let due = bench.doubt.deadline();
            prop_assert_eq!(due.is_some(), term.is_some_and(|term| term > 0));
            if let Some(question) = bench.doubt.tick(bench.now, &mut bench.jitter) {
                prop_assert!(due.is_some_and(|due| due <= bench.now));
                prop_assert_eq!(Some(question.above_term), term);
                prop_assert!(bench.now.since(quiet_since) >= PATIENCE.silence);
                asked.push(bench.now);
                open = Some(question.number);
            } else if due.is_some_and(|due| due <= bench.now) {
                open = None;
            }
            if let Some(due) = bench.doubt.deadline() {
                prop_assert!(due > bench.now, "no busy loop");
            }
            let lately = asked.iter().filter(|at| bench.now.since(**at).0 < 60_000).count();
            prop_assert!(lately <= 11, "{} questions in a minute", lately);
        }
    }

    /// A leader that falls silent is left as soon as another master names its successor.
    #[test]
    fn a_silent_leader_is_left(before in 0_u64..10_000, elected_after in 0_u64..10_000) {
        let mut bench = Bench::of(Patience::FRAMEWORK, 1);
        bench.now = Instant(before);
        bench.doubt.heard(bench.now);
        bench.expects(true);
        let left = loop {
            let question = bench.question();
            let is_elected = bench.now.since(Instant(before)).0 >= elected_after;
            if bench.answer(question, leads(if is_elected { 2 } else { 1 })).is_some() {
                break bench.now;
            }
        };
        // The last pause is at most twice as long as all before it, and the first.
        let late = left.since(Instant(before)).0.saturating_sub(elected_after.max(1_000));
        prop_assert!(late <= 250 + 2 * elected_after, "{late} ms late");
    }
}
