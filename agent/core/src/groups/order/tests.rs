//! The order against what is wanted of it, on random histories of random groups.

use super::*;
use proptest::prelude::*;

/// A group that is played: every step is done at once, and says what it would break.
#[derive(Debug)]
struct Play {
    seen: Vec<Seen>,
    on_failure: OnFailure,
    /// In the order in which they began.
    begun: Vec<usize>,
    /// Everything is to end: somebody asked, or one has failed in a way that ends the others.
    is_ending: bool,
}

/// What happens to a group; places are taken modulo those that could.
#[derive(Debug, Clone)]
enum Event {
    Started(usize),
    Ended(usize, TaskState),
    Kill,
    TookTooLong(usize),
    /// The rows of what has ended are gone.
    Forget,
}

impl Play {
    fn new(parts: &[Part], on_failure: OnFailure) -> Self {
        let seen = |part: &Part| Seen {
            part: *part,
            phase: Phase::Waiting,
            is_told: false,
            is_stopped: false,
        };
        let seen = parts.iter().map(seen).collect();
        let mut play = Self { seen, on_failure, begun: Vec::new(), is_ending: false };
        play.settle();
        play
    }

    fn live(&self, part: Part) -> usize {
        self.seen.iter().filter(|seen| seen.part == part && seen.is_live()).count()
    }

    /// Does what is due, until nothing is.
    fn settle(&mut self) {
        for _ in 0..100 {
            let steps = due(&self.seen, self.on_failure);
            if steps.is_empty() {
                return self.check();
            }
            steps.into_iter().for_each(|step| self.step(step));
        }
        panic!("it comes to no end: {self:?}");
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Start(at) => {
                assert_eq!(self.seen[at].phase, Phase::Waiting, "nothing begins twice");
                assert!(!self.is_ending && !self.seen[at].is_told, "nothing begins after the end");
                self.check_turn(at);
                self.seen[at].phase = Phase::Starting;
                self.begun.push(at);
            }
            Step::Tell(at) => {
                assert!(self.seen[at].is_live() && !self.seen[at].is_told);
                self.seen[at].is_told = true;
                self.seen[at].is_stopped =
                    self.seen[at].has_begun() && self.seen[at].part != Part::Sidecar;
            }
            Step::Stop(at) => {
                assert_eq!(self.seen[at].part, Part::Sidecar, "only those wait for others");
                assert!(self.seen[at].is_told && !self.seen[at].is_stopped);
                let others = self.live(Part::Init) + self.live(Part::Main);
                assert_eq!(others, 0, "sidecars end last");
                self.seen[at].is_stopped = true;
            }
            Step::Drop(at) => {
                assert_eq!(self.seen[at].phase, Phase::Waiting);
                assert!(self.seen[at].is_told);
                let init = self.seen.iter().filter(|seen| seen.part == Part::Init);
                let init = init.filter(|seen| seen.has_begun()).count();
                assert_eq!(init, 0, "its share is in use");
                self.seen[at].phase = Phase::Ended(TaskState::Killed);
            }
        }
    }

    /// Whether a task may begin, told from the definition alone.
    fn check_turn(&self, at: usize) {
        let earlier_init = self.seen[..at].iter().any(|it| it.part == Part::Init && it.is_live());
        match self.seen[at].part {
            Part::Init => assert!(!earlier_init, "init tasks run one after the other"),
            Part::Sidecar => assert_eq!(self.live(Part::Init), 0, "behind all init tasks"),
            Part::Main => {
                assert_eq!(self.live(Part::Init), 0, "behind all init tasks");
                let mut sidecars = self.seen.iter().filter(|seen| seen.part == Part::Sidecar);
                let run =
                    sidecars.all(|seen| matches!(seen.phase, Phase::Running | Phase::Ended(_)));
                assert!(run, "behind all sidecars");
            }
        }
    }

    /// Something is always under way while anything lives: a container that begins, runs or ends.
    fn check(&self) {
        let lives = self.seen.iter().any(Seen::is_live);
        let moves = self.seen.iter().any(Seen::has_begun);
        assert!(!lives || moves, "stuck: {self:?}");
        let only_sidecars = self.live(Part::Init) + self.live(Part::Main) == 0;
        for seen in self.seen.iter().filter(|seen| seen.is_live()) {
            assert!(!self.is_ending || seen.is_told, "all are told: {self:?}");
            assert!(!only_sidecars || seen.is_stopped, "sidecars follow the last: {self:?}");
        }
    }

    fn pick(&self, at: usize, could: impl Fn(&Seen) -> bool) -> Option<usize> {
        let all: Vec<usize> = (0..self.seen.len()).filter(|at| could(&self.seen[*at])).collect();
        all.get(at % all.len().max(1)).copied()
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Started(at) => {
                if let Some(at) = self.pick(*at, |seen| seen.phase == Phase::Starting) {
                    self.seen[at].phase = Phase::Running;
                }
            }
            Event::Ended(at, state) => {
                if let Some(at) = self.pick(*at, Seen::has_begun) {
                    self.seen[at].phase = Phase::Ended(*state);
                    let counts = self.on_failure == OnFailure::EndGroup;
                    let mut main = self.seen.iter().filter(|seen| seen.part == Part::Main);
                    let main_waits = main.any(|seen| seen.phase == Phase::Waiting);
                    self.is_ending |= match self.seen[at].part {
                        Part::Init => *state != TaskState::Finished,
                        Part::Main => counts && *state != TaskState::Finished,
                        Part::Sidecar => (counts || main_waits) && *state == TaskState::Failed,
                    };
                }
            }
            Event::Kill => {
                self.is_ending = true;
                for seen in self.seen.iter_mut().filter(|seen| seen.is_live() && !seen.is_told) {
                    seen.is_told = true;
                    seen.is_stopped = seen.has_begun() && seen.part != Part::Sidecar;
                }
            }
            Event::TookTooLong(at) => {
                if let Some(at) = self.pick(*at, |seen| seen.phase == Phase::Running) {
                    (self.seen[at].is_told, self.seen[at].is_stopped) = (true, true);
                }
            }
            Event::Forget => self.seen.retain(Seen::is_live),
        }
        self.settle();
    }
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![Just(Part::Init), Just(Part::Sidecar), Just(Part::Main)];
    prop::collection::vec(part, 0..6).prop_map(|mut parts| {
        parts.push(Part::Main);
        parts
    })
}

fn event() -> impl Strategy<Value = Event> {
    let end = prop_oneof![
        4 => Just(TaskState::Finished),
        1 => Just(TaskState::Failed),
        1 => Just(TaskState::Killed),
    ];
    prop_oneof![
        6 => any::<usize>().prop_map(Event::Started),
        6 => (any::<usize>(), end).prop_map(|(at, state)| Event::Ended(at, state)),
        1 => Just(Event::Kill),
        1 => any::<usize>().prop_map(Event::TookTooLong),
        2 => Just(Event::Forget),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn no_history_breaks_the_order(
        parts in parts(),
        let_run in any::<bool>(),
        events in prop::collection::vec(event(), 0..40),
    ) {
        let on_failure = if let_run { OnFailure::LetRun } else { OnFailure::EndGroup };
        let mut play = Play::new(&parts, on_failure);
        events.iter().for_each(|event| play.happen(event));
        // Whatever was, it ends once everything that begins runs and ends.
        for _ in 0..2 * parts.len() {
            play.happen(&Event::Started(0));
            play.happen(&Event::Ended(0, TaskState::Finished));
        }
        prop_assert!(!play.seen.iter().any(Seen::is_live), "{play:?}");
    }
}

#[test]
fn the_order_of_a_group_that_does_well() {
    use Part::{Init, Main, Sidecar};
    let mut play = Play::new(&[Main, Init, Sidecar, Init, Main], OnFailure::default());
    assert_eq!(play.begun, [1], "the first init task");
    for event in [
        Event::Started(0),
        Event::Ended(0, TaskState::Finished),
        Event::Started(0),
        Event::Ended(0, TaskState::Finished),
    ] {
        play.happen(&event);
    }
    assert_eq!(play.begun, [1, 3, 2], "init tasks in order, then the sidecar");
    play.happen(&Event::Started(0));
    assert_eq!(play.begun, [1, 3, 2, 0, 4], "main tasks behind it");
    play.happen(&Event::Ended(0, TaskState::Finished));
    assert!(!play.seen[2].is_told, "one main task is left");
    play.happen(&Event::Ended(1, TaskState::Finished));
    assert!(play.seen[2].is_stopped, "the sidecar follows the last one");
}
