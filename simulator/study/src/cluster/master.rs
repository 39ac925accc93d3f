//! The master: its whole core, alone, leading before anything else happens.

use master_core::{Config, Effect, Input, Ledger, Master, Now, Outbox, consensus::Restored};
use proto::model::{ClusterId, Duration, Instant, Milli, NodeId, PlacementPolicy, Role, WallTime};
use simulator::engine::Time;
use std::collections::BTreeMap;

/// What a wall clock shows at the start.
const WALL: u64 = 1_700_000_000_000;
/// Nobody is silent: what would only say so is not sent.
const QUIET: Duration = Duration::from_seconds(365 * 24 * 3_600);

#[derive(Debug)]
pub(super) struct LoneMaster {
    master: Master,
    /// When it began to lead, by its own clock.
    began: Instant,
}

impl LoneMaster {
    pub(super) fn new(
        weights: BTreeMap<Role, Milli>,
        offer_timeout: Option<Duration>,
        placement: PlacementPolicy,
        seed: u64,
    ) -> Self {
        let (node, cluster) = (NodeId(1), cluster());
        let members = [(node, "master:5050".to_owned())].into();
        let mut config = Config::new(cluster.clone(), node, members);
        config.seed = seed;
        config.weights = weights;
        config.placement = placement;
        config.offer_timeout = offer_timeout;
        config.heartbeat_interval = QUIET;
        config.agent_timeout = Duration(2 * QUIET.0);
        config.snapshot_entries = u64::MAX / 2;
        let tick = config.tick;
        let restored = Restored { voter: true, ..Restored::default() };
        let mut now = Now { monotonic: Instant(1_000), wall: WallTime(WALL) };
        let master = Master::open(config, restored, Ledger::new(cluster), now);
        let mut master = master.expect("an empty log opens");
        while !master.is_serving() {
            now.monotonic = now.monotonic + tick;
            let mut outbox = Outbox::default();
            master.step(now, Input::Tick, &mut outbox);
            master.flush(now, &mut outbox);
            let persisted = |effect: Effect| match effect {
                Effect::Persist(persist) => Some(persist.number),
                _ => None,
            };
            while let Some(number) = outbox.drain().filter_map(persisted).last() {
                master.step(now, Input::Persisted(number), &mut outbox);
                master.flush(now, &mut outbox);
            }
        }
        Self { master, began: now.monotonic }
    }

    fn now(&self, at: Time) -> Now {
        let ms = at.0 / Time::milliseconds(1).0;
        Now { monotonic: self.began + Duration(ms), wall: WallTime(WALL + ms) }
    }

    /// A turn: everything that waited, and what the master does about it.
    pub(super) fn turn(&mut self, at: Time, inputs: Vec<Input>) -> Vec<Effect> {
        let (now, mut outbox) = (self.now(at), Outbox::default());
        for input in inputs {
            self.master.step(now, input, &mut outbox);
        }
        self.master.flush(now, &mut outbox);
        outbox.drain().map(Effect::answered).collect()
    }
}

pub(super) fn cluster() -> ClusterId {
    ClusterId::new("study").expect("an id")
}
