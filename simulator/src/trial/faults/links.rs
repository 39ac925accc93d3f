//! Faults of the links between masters, for once or again and again.

use super::{Flap, FlapOf, Kind, Undo};
use crate::trial::{streams::Client, world::World};
use proto::model::Duration;

/// What flaps is away for so long, and there as long.
const FLAP: Duration = Duration(1_000);

impl World {
    pub(super) fn harm_links(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::CutLink => {
                let (from, to) = self.any_link()?;
                self.sometimes.note("link cut one way");
                self.cut(vec![(from, to)]);
                Some(())
            }
            Kind::PartitionMaster => {
                let host = self.chance.faults.index(self.masters.len());
                let links = self.links_of(host);
                self.cut(links);
                Some(())
            }
            Kind::PartitionLeader => {
                let host = self.any_leader()?;
                let links = self.links_of(host);
                self.cut(links);
                Some(())
            }
            Kind::CutTriangle => {
                let (from, to) = self.any_link().filter(|_| self.masters.len() > 2)?;
                let from = self.any_leader().filter(|leader| *leader != to).unwrap_or(from);
                self.cut(vec![(from, to), (to, from)]);
                Some(())
            }
            Kind::SlowLink => {
                let (from, to) = self.any_link()?;
                let wait = self.chance.faults.time(500, 5_000);
                self.network.slow.insert((from, to));
                self.undo_after(wait, Undo::SlowLink(from, to));
                Some(())
            }
            Kind::FlapLeader => {
                self.any_link()?;
                self.begin_to_flap(FlapOf::Leader)
            }
            Kind::FlapLink => {
                let (from, to) = self.any_link()?;
                self.begin_to_flap(FlapOf::Link(from, to))
            }
            other => unreachable!("{other:?} harms no link"),
        }
    }

    fn any_link(&mut self) -> Option<(usize, usize)> {
        let hosts = self.masters.len();
        let others = (hosts > 1).then_some(hosts - 1)?;
        let from = self.chance.faults.index(hosts);
        let step = 1 + self.chance.faults.index(others);
        Some((from, (from + step) % hosts))
    }

    fn links_of(&self, host: usize) -> Vec<(usize, usize)> {
        let others = (0..self.masters.len()).filter(|other| *other != host);
        others.flat_map(|other| [(host, other), (other, host)]).collect()
    }

    fn cut(&mut self, links: Vec<(usize, usize)>) {
        let wait = self.chance.faults.time(300, 8_000);
        self.cut_for(links, wait);
    }

    fn cut_for(&mut self, links: Vec<(usize, usize)>, wait: Duration) {
        for (from, to) in &links {
            self.network.block(*from, *to);
        }
        self.undo_after(wait, Undo::Links(links));
    }

    pub(super) fn begin_to_flap(&mut self, of: FlapOf) -> Option<()> {
        let left = self.chance.faults.between(4, 10);
        self.flap(Flap { of, left });
        Some(())
    }

    /// Away for a second; and again in two.
    pub(super) fn flap(&mut self, flap: Flap) {
        if self.healed || flap.left == 0 {
            return;
        }
        match flap.of {
            FlapOf::Leader => {
                let leader = self.serving().first().copied();
                let links = leader.map_or_else(Vec::new, |leader| self.links_of(leader));
                self.cut_for(links, FLAP);
            }
            FlapOf::Link(from, to) => self.cut_for(vec![(from, to), (to, from)], FLAP),
            FlapOf::Agent(agent) => self.isolate(Client::Agent(agent), FLAP),
        }
        let rest = Flap { left: flap.left - 1, ..flap };
        self.undo_after(Duration(2 * FLAP.0), Undo::Flap(rest));
    }
}
