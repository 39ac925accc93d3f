//! Doubt about a leader that has fallen silent, as a pure state machine.
//!
//! Nobody hears a stopped process or a cut cable end. A client that has heard nothing from its
//! leader for a moment, although it expects something, asks another master who leads. It goes over
//! only to a leader of a higher term: a majority has elected that one and obeys the old one no
//! longer. So a leader that is merely slow is asked about, and stayed with, and no client that goes
//! makes another one go.
//!
//! ```text
//!            expects, and silence           asked            a leader of a higher term
//!  trusting ─────────────────────▶ doubting ─────▶ waiting ─────────────────────────▶ goes over
//!     ▲                               ▲              │ no such, no answer
//!     └─── heard ─────────────────────┴── a pause ───┘
//! ```
//!
//! Questions are few, whatever makes a client doubt: one at a time, and pauses that double from one
//! question to the next, until there was a leader of a higher term or a minute without a question.
//! Knows no address and no connection: whom to ask is for the [rota](super::Rota).

use super::{
    ClusterId, Duration, Instant,
    jitter::{Backoff, Jitter},
    limits,
};

/// Between two questions, from the end of one to the next.
const PAUSE: Backoff = Backoff { min: Duration(250), max: Duration::from_seconds(30) };

/// After so long without a question pauses begin anew.
const CALM: Duration = Duration::from_seconds(60);
const _: () = assert!(CALM.0 > PAUSE.max.0);

/// A master that is not reached within this is not waited for: another one may know.
pub const CONNECT_TIMEOUT: Duration = Duration::from_seconds(1);

/// A question without an answer after this is over: time for the connection, the wait for news, and
/// half a second for a busy machine.
pub const ANSWER_TIMEOUT: Duration = Duration(2_500);
const _: () = assert!(ANSWER_TIMEOUT.0 >= CONNECT_TIMEOUT.0 + limits::LEADER_NEWS_WAIT.0);

/// The time for which a master is waited for doubles no more often than this.
const DOUBLINGS_MAX: u32 = 8;

/// How soon a client doubts, and how soon it looks elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The silence that begins with something that must be answered, and is long. A healthy leader
    /// answers within milliseconds; questions about one whose disk hangs for a moment do no harm.
    pub silence: Duration,
    /// Each client waits by chance up to this much longer, so that not all ask at once.
    pub spread: Duration,
    /// A master that is called is waited for so long; see [`Patience::reach`].
    pub reach: Duration,
}

/// Who leads, as a master says that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leadership {
    /// Whose masters these are.
    pub cluster: ClusterId,
    /// The highest term that is known there.
    pub term: u64,
    /// `host:port` of its leader, if that is known.
    pub leader: Option<String>,
}

/// To be asked of another master: who leads?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Names the answer; grows with each question.
    pub number: u64,
    /// The term of the leader that is doubted.
    pub above_term: u64,
}

/// What a client thinks of its leader.
#[derive(Debug)]
pub struct Doubt {
    patience: Patience,
    leader: Option<Leader>,
    open: Option<Open>,
    /// The highest term of any leader.
    highest: u64,
    /// How many questions were asked since pauses began anew.
    asked: u32,
    last_asked: Instant,
    /// No question before this.
    next_at: Instant,
    number: u64,
}

/// The leader that the client listens to.
#[derive(Debug)]
struct Leader {
    cluster: ClusterId,
    term: u64,
    /// It says something as often as this, if only that it is still there.
    beat: Duration,
    /// This client's part of the spread.
    spread: Duration,
    heard: Instant,
    /// Since when, or since when it was last heard, something is expected.
    expected: Option<Instant>,
}

/// A question that is not answered.
#[derive(Debug)]
struct Open {
    number: u64,
    until: Instant,
}

impl Patience {
    /// Of a framework: its calls wait, and there are few frameworks. The question waits already
    /// when an election is over, a second after the leader was last heard at the earliest.
    pub const FRAMEWORK: Self =
        Self { silence: Duration(750), spread: Duration(250), reach: CONNECT_TIMEOUT };
    /// Of an agent: there may be ten thousand of them, and a new leader takes a while to greet all.
    pub const AGENT: Self = Self {
        silence: Duration(1_000),
        spread: Duration(1_000),
        reach: Duration::from_seconds(2),
    };

    /// For how long a master that is called is waited for until the connection is there: a cut one
    /// answers never, and another one may lead. Where so many have been missed since a leader was
    /// last listened to, it may be this client or all masters that are slow: so twice as long after
    /// each.
    pub fn reach(&self, missed: u32) -> Duration {
        Duration(self.reach.0 << missed.min(DOUBLINGS_MAX))
    }
}

impl Doubt {
    /// Nobody leads yet.
    pub fn new(patience: Patience) -> Self {
        Self {
            patience,
            leader: None,
            open: None,
            highest: 0,
            asked: 0,
            last_asked: Instant(0),
            next_at: Instant(0),
            number: 0,
        }
    }

    /// A leader has confirmed the subscription. It speaks as often as `beat` at least; one of term
    /// 0 does not say its term, and is not doubted.
    pub fn believe(
        &mut self,
        now: Instant,
        (cluster, term): (ClusterId, u64),
        beat: Duration,
        jitter: &mut Jitter,
    ) {
        if term > self.highest {
            (self.highest, self.asked, self.next_at) = (term, 0, now);
        }
        self.open = None;
        let spread = Duration(jitter.draw() % (self.patience.spread.0 + 1));
        let leader = Leader { cluster, term, beat, spread, heard: now, expected: None };
        self.leader = (term > 0).then_some(leader);
    }

    /// The client listens to nobody any longer.
    pub fn forget(&mut self) {
        (self.leader, self.open) = (None, None);
    }

    /// The leader said something.
    pub fn heard(&mut self, now: Instant) {
        if let Some(leader) = &mut self.leader {
            leader.heard = now;
            leader.expected = leader.expected.map(|_| now);
        }
    }

    /// Whether there is anything that the leader has to answer; to be said whenever it may have
    /// changed.
    pub fn expects(&mut self, now: Instant, anything: bool) {
        if let Some(leader) = &mut self.leader {
            leader.expected = anything.then(|| leader.expected.unwrap_or(now));
        }
    }

    /// When [`Doubt::tick`] has something to do, if nothing is heard until then.
    pub fn deadline(&self) -> Option<Instant> {
        let leader = self.leader.as_ref()?;
        let due = match &self.open {
            Some(open) => open.until,
            None => leader.doubtful_at(self.patience.silence).max(self.next_at),
        };
        Some(due)
    }

    /// Does what is due: the question to ask now, if it is time for one.
    pub fn tick(&mut self, now: Instant, jitter: &mut Jitter) -> Option<Question> {
        if self.open.take_if(|open| open.until <= now).is_some() {
            self.pause(now, jitter);
        }
        let above_term = self.leader.as_ref()?.term;
        let is_due = self.deadline().is_some_and(|due| due <= now);
        if !is_due || self.open.is_some() {
            return None;
        }
        if now.since(self.last_asked) >= CALM {
            self.asked = 0;
        }
        self.last_asked = now;
        self.number += 1;
        self.open = Some(Open { number: self.number, until: now + ANSWER_TIMEOUT });
        Some(Question { number: self.number, above_term })
    }

    /// A question was answered, or cannot be; the address of the leader to go over to, if there is
    /// one.
    pub fn answered(
        &mut self,
        now: Instant,
        number: u64,
        answer: Option<Leadership>,
        jitter: &mut Jitter,
    ) -> Option<String> {
        self.open.take_if(|open| open.number == number)?;
        self.pause(now, jitter);
        let leader = self.leader.as_ref()?;
        let proves =
            |answer: &Leadership| answer.cluster == leader.cluster && answer.term > leader.term;
        answer.filter(proves)?.leader
    }

    fn pause(&mut self, now: Instant, jitter: &mut Jitter) {
        self.next_at = now + jitter.pause(PAUSE, self.asked);
        self.asked = self.asked.saturating_add(1);
    }
}

impl Leader {
    fn doubtful_at(&self, silence: Duration) -> Instant {
        let beat = self.heard + self.beat;
        self.expected.map_or(beat, |expected| expected.min(beat)) + silence + self.spread
    }
}
