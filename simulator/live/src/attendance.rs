//! Whether an agent is there all the time: asked by somebody who never stops asking.
//!
//! The agent itself is asked over its metrics page whether it is registered, and how long it takes
//! to say so; the masters are asked what they believe of it. How often it had to connect again is
//! compared in the end, for what happens between two questions.

use crate::{
    metrics_page, node::Node, operator::Operator, patience::pause_until, verdict::SHOWN_MAX,
};
use anyhow::Context as _;
use proto::wire::v1::AgentState;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_millis(200);
const RECONNECTS: &str = "bourse_agent_reconnects_total";

/// Somebody who asks, until stopped.
#[derive(Debug)]
pub(crate) struct Attendance {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Attended>,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Attended {
    /// How often it was asked.
    pub(crate) asked: usize,
    /// How often masters said what they believe.
    pub(crate) answers: usize,
    /// How long the agent took to answer at most.
    pub(crate) slowest: Duration,
    /// When it was not there, in words.
    pub(crate) absences: Vec<String>,
}

impl Attendance {
    /// Asks for one agent from now on.
    pub(crate) fn start(agent: &Node, operator: Operator) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let (over, metrics) = (Arc::clone(&is_over), agent.metrics);
        let thread = thread::spawn(move || {
            let mut attended = Attended::default();
            let before = reconnects(metrics);
            while !over.load(SeqCst) {
                let begun = Instant::now();
                attended.ask(metrics, &operator);
                pause_until(begun + EVERY);
            }
            if before != reconnects(metrics) {
                attended.absences.push("it had to connect again".to_owned());
            }
            attended
        });
        Self { is_over, thread }
    }

    /// Ends it.
    pub(crate) fn stop(self) -> anyhow::Result<Attended> {
        self.is_over.store(true, SeqCst);
        let mut attended = self.thread.join().ok().context("whoever asks has panicked")?;
        attended.absences.truncate(SHOWN_MAX);
        Ok(attended)
    }
}

impl Attended {
    fn ask(&mut self, metrics: SocketAddr, operator: &Operator) {
        self.asked += 1;
        let begun = Instant::now();
        let page = metrics_page::read(metrics);
        self.slowest = self.slowest.max(begun.elapsed());
        match page {
            Ok(page) if metrics_page::value(&page, "bourse_agent_connected") == Some(1.0) => {}
            Ok(_) => self.absences.push("it says itself that it is not registered".to_owned()),
            Err(error) => self.absences.push(format!("it does not answer: {error}")),
        }
        // A master that does not answer is another matter.
        if let Ok(agents) = operator.agents_now() {
            self.answers += 1;
            let others = agents.iter().filter(|it| it.state() != AgentState::AgentRegistered);
            let others = others.map(|it| format!("masters say: {}", it.state().as_str_name()));
            self.absences.extend(others);
        }
    }
}

fn reconnects(metrics: SocketAddr) -> Option<u64> {
    let page = metrics_page::read(metrics).ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    Some(metrics_page::value(&page, RECONNECTS).unwrap_or_default() as u64)
}
