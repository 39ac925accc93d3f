//! What a core is told once, at its start: who the agent is, and how patient it is.

use proto::model::{AgentInfo, Duration, Instant, WallTime, jitter::Backoff};

/// An agent's settings, checked by the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Who it is and what it has; sent with every registration.
    pub info: AgentInfo,
    /// Where jitter and container names come from; the shell draws it anew at each start.
    pub seed: u64,
    /// The running boot of the host; containers of another boot cannot live.
    pub boot_id: String,
    /// Wall clock at the origin of the clock that `step` is given. Statuses are stamped with it,
    /// for people; nothing compares them.
    pub wall_at_origin: WallTime,
    /// How long the host had been up at that origin: what is to be remembered from one life of the
    /// agent to the next is kept as time since the boot. Zero if the clock itself runs from there.
    pub up_at_origin: Duration,
    /// How long one attempt to connect, and one to register, may take.
    pub answer_timeout: Duration,
    /// First and longest pause before the next attempt to connect.
    pub reconnect: Backoff,
    /// First and longest pause before an update is sent again.
    pub resend: Backoff,
    /// Tasks whose updates are under way at one time; the others wait for an answer.
    pub updates_in_flight_max: usize,
    /// How long a container may outlive its grace period before it is destroyed by force, again and
    /// again.
    pub kill_overtime: Duration,
}

impl Config {
    /// The usual patience, for this agent.
    pub fn new(info: AgentInfo, seed: u64, boot_id: &str, wall_at_origin: WallTime) -> Self {
        Self {
            info,
            seed,
            boot_id: boot_id.to_owned(),
            wall_at_origin,
            up_at_origin: Duration(0),
            answer_timeout: Duration::from_seconds(10),
            reconnect: Backoff { min: Duration(100), max: Duration::from_seconds(15) },
            resend: Backoff { min: Duration::from_seconds(5), max: Duration::from_seconds(60) },
            updates_in_flight_max: 1_000,
            kill_overtime: Duration::from_seconds(5),
        }
    }

    pub(crate) fn wall(&self, now: Instant) -> WallTime {
        WallTime(self.wall_at_origin.0.saturating_add(now.0))
    }

    /// How long the host is up.
    pub(crate) fn since_boot(&self, now: Instant) -> Duration {
        Duration(self.up_at_origin.0.saturating_add(now.0))
    }
}
