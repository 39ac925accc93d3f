//! The fault matrix: which operation meets which fault, and what of a trial counts as having tried
//! it. A cell that no campaign hits proves nothing, however green the campaign is.

use super::{Summary, faults::Kind};

/// One row of the matrix.
#[derive(Debug)]
pub struct Cell {
    /// Its letter and number: P of processes, W of what is written, N of networks, K of clocks,
    /// I of hostile input, X of versions.
    pub id: &'static str,
    /// What happens.
    pub title: &'static str,
    /// Faults that are it.
    kinds: &'static [Kind],
    /// Situations that are it.
    moments: &'static [&'static str],
}

impl Cell {
    /// How often a campaign hit it.
    pub fn hits(&self, summary: &Summary) -> u64 {
        let kinds = self.kinds.iter().filter_map(|kind| summary.kinds.get(kind));
        let moments = self.moments.iter().map(|moment| summary.sometimes.count(moment));
        kinds.sum::<u64>() + moments.sum::<u64>()
    }
}

const fn cell(
    id: &'static str,
    title: &'static str,
    kinds: &'static [Kind],
    moments: &'static [&'static str],
) -> Cell {
    Cell { id, title, kinds, moments }
}

/// All cells that trials can hit.
pub const CELLS: &[Cell] = &[
    cell("P1", "the leader is killed", &[Kind::CrashLeader], &[]),
    cell("P2", "a master is killed", &[Kind::CrashMaster], &[]),
    cell("P3", "all masters are killed", &[Kind::PowerCut], &[]),
    cell("P4", "a master is stopped and goes on", &[Kind::PauseMaster, Kind::PauseLeader], &[]),
    cell("P5", "leadership comes and goes", &[Kind::FlapLeader], &[]),
    cell("P6", "an agent is killed in the middle of a launch", &[Kind::CrashAgentInStep], &[]),
    cell("P7", "an agent is killed while tasks run", &[], &["agent restarted with tasks"]),
    cell("P9", "an agent's host starts anew", &[Kind::RebootAgent], &[]),
    cell(
        "P10",
        "a framework goes, and its time runs out",
        &[Kind::KillScheduler],
        &["framework removed"],
    ),
    cell(
        "P11",
        "two schedulers with one framework's id",
        &[Kind::ReplaceFramework, Kind::TakeOverScheduler],
        &[],
    ),
    cell("P12", "an entry is refused when it is applied", &[], &["accept refused when applied"]),
    cell("W2", "what was not synced is gone", &[], &["crash lost writes"]),
    cell("W4", "a write fails", &[Kind::FailDisk], &[]),
    cell("W5", "a master's disk is full", &[Kind::FillDisk], &[]),
    cell("W7", "the leader's disk is slow", &[], &["leader's disk slow"]),
    cell("W8", "another master's disk is slow", &[], &["another disk slow"]),
    cell("W9", "a master comes back with an empty disk", &[Kind::WipeMaster, Kind::LoseDisks], &[]),
    cell("W10", "a snapshot's transfer breaks off", &[], &["snapshot stream lost"]),
    cell("W11", "an agent's journal is lost", &[Kind::LoseJournal], &[]),
    cell(
        "N1",
        "a master is cut from all others",
        &[Kind::PartitionMaster, Kind::PartitionLeader],
        &[],
    ),
    cell("N2", "a link carries nothing one way", &[Kind::CutLink], &[]),
    cell("N3", "two masters do not hear each other", &[Kind::CutTriangle], &[]),
    cell(
        "N4",
        "an agent reaches nobody",
        &[Kind::IsolateAgent, Kind::IsolateAgentLong],
        &["agent unreachable"],
    ),
    cell("N5", "half of the agents are cut off at once", &[Kind::IsolateRack], &[]),
    cell("N6", "messages are doubled", &[], &["message doubled"]),
    cell("N8", "a link comes and goes", &[Kind::FlapLink, Kind::FlapAgent], &[]),
    cell("N9", "all clients come back at once", &[Kind::ResetAll], &[]),
    cell("K1", "a wall clock jumps", &[Kind::StepClock], &[]),
    cell("K2", "a leader's clock is behind its predecessor's", &[], &["leader's clock behind"]),
    cell("K3", "clocks are too fast or too slow", &[Kind::DriftClock], &[]),
    cell("K4", "all machines stand still", &[Kind::Freeze], &[]),
    cell(
        "I1",
        "offers that are over are accepted",
        &[],
        &["accept of an offer that was taken back", "accept of an offer that was used"],
    ),
    cell("I2", "offers are held and never answered", &[], &["offer expired"]),
    cell("I3", "a framework floods its master", &[Kind::FloodMaster], &[]),
    cell("I4", "a framework acts in another's name", &[Kind::MeddleFramework], &[]),
    cell("I5", "an agent does not tell the truth", &[Kind::LieAsAgent, Kind::BoastAsAgent], &[]),
    cell("I9", "a client does not read", &[Kind::StallReader], &[]),
    cell("I16", "a quota that the cluster cannot hold", &[], &["quota refused"]),
    cell("X5", "masters are upgraded one by one", &[Kind::UpgradeMaster], &[]),
    cell("X7", "a master gets its old software back", &[Kind::DowngradeMaster], &[]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{KINDS, MOMENTS};

    #[test]
    fn every_cell_is_fed_by_something_that_exists() {
        for cell in CELLS {
            assert!(cell.kinds.len() + cell.moments.len() > 0, "{} is fed by nothing", cell.id);
            assert!(cell.kinds.iter().all(|kind| KINDS.contains(kind)), "{}", cell.id);
            assert!(cell.moments.iter().all(|moment| MOMENTS.contains(moment)), "{}", cell.id);
        }
    }
}
