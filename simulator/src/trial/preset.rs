//! Trials by size. Drawn by swarm (Groce et al., "Swarm Testing", ISSTA 2012): each seed leaves
//! some kinds of faults out and exaggerates others, because faults that are always on hide each
//! other's bugs.

use super::{
    Options, Scenario,
    faults::{KINDS, Kind},
    scenario::PlannedFault,
};
use crate::engine::Chance;
use std::collections::BTreeMap;

/// How large the trials of a campaign are, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Two virtual minutes of a small cluster: for every run of the tests.
    Quick,
    /// Ten virtual minutes, three to five masters, up to fifty agents: before a change is let in.
    Gate,
    /// As the gate, for a night.
    Soak,
    /// Two virtual minutes in which masters are added, replaced and removed all the time.
    Changing,
}

/// The first fault comes when most of the cluster has started.
const FIRST_FAULT_MS: u64 = 3_000;

/// Tasks for each agent at most: should all of them be left when faults end, healing has time for
/// about twice as many.
const TASKS_PER_AGENT_MAX: usize = 120;

/// In every so-manieth trial too many disks are lost.
const DISKS_LOST_EVERY: u64 = 20;

impl Preset {
    /// Seeds of a campaign that names no number.
    pub fn seeds(self) -> u64 {
        match self {
            Self::Quick => 150,
            Self::Changing => 100,
            Self::Gate => 1_000,
            Self::Soak => 36_000,
        }
    }

    /// Whether its trials can reach every situation and hit every cell of the matrix. Where
    /// masters change, disks are not lost, and there are neither groups nor volumes.
    pub fn reaches_everything(self) -> bool {
        self != Self::Changing
    }

    /// The scenario of a seed.
    pub fn draw(self, seed: u64) -> Scenario {
        let mut chance = Chance::new(seed, 0);
        let mut weights = drawn_weights(&mut chance);
        let options = match self {
            Self::Quick => small(seed, &mut chance),
            Self::Gate | Self::Soak => large(seed, &mut chance),
            Self::Changing => changing(seed, &mut chance, &mut weights),
        };
        if !options.old_masters {
            weights.extend([(Kind::UpgradeMaster, 0), (Kind::DowngradeMaster, 0)]);
        }
        if options.sdk_frameworks == 0 {
            weights.extend([(Kind::KillScheduler, 0), (Kind::TakeOverScheduler, 0)]);
        }
        if options.frameworks < 2 {
            weights.insert(Kind::MeddleFramework, 0);
        }
        let longest_pause = match self {
            Self::Gate | Self::Soak => chance.between(1_000, 6_000),
            Self::Quick | Self::Changing => chance.between(400, 2_500),
        };
        // It has a time of its own: little can be seen after it.
        weights.insert(Kind::LoseDisks, 0);
        let mut faults = plan(&mut chance, &weights, options.faults_for_ms, longest_pause);
        if self != Self::Changing && seed.is_multiple_of(DISKS_LOST_EVERY) {
            let at_ms = options.faults_for_ms - chance.between(1, options.faults_for_ms / 4);
            let place = faults.partition_point(|fault| fault.at_ms <= at_ms);
            let draw = faults.len() as u64;
            faults.insert(place, PlannedFault { at_ms, kind: Kind::LoseDisks, draw });
        }
        Scenario { story: String::new(), options, faults }
    }
}

fn drawn_weights(chance: &mut Chance) -> BTreeMap<Kind, u64> {
    let draw = |chance: &mut Chance| match chance.below(5) {
        0 => 0,
        4 => 4,
        _ => 1,
    };
    KINDS.iter().map(|kind| (*kind, draw(chance))).collect()
}

fn small(seed: u64, chance: &mut Chance) -> Options {
    let rough = chance.per_mille(500);
    Options {
        seed,
        masters: if chance.per_mille(125) { 5 } else { 3 },
        agents: chance.index(4) + 2,
        frameworks: chance.index(3) + 1,
        tasks_per_framework: chance.index(30) + 15,
        faults_for_ms: 120_000,
        agents_lost_per_minute: if chance.per_mille(400) { 2 } else { 60 },
        loss_per_mille: if rough { chance.below(150) } else { 0 },
        duplicate_per_mille: if rough { chance.below(100) } else { 5 },
        snapshot_entries: chance.between(15, 120),
        log_tail_entries: chance.below(12),
        spare_masters: 0,
        wishes: chance.per_mille(600),
        role_changes: chance.per_mille(600),
        groups_per_mille: 400,
        volumes: chance.per_mille(600),
        old_masters: chance.per_mille(250),
        sdk_frameworks: chance.index(2),
    }
}

fn large(seed: u64, chance: &mut Chance) -> Options {
    let agents = match chance.per_mille(200) {
        true => chance.index(46) + 5,
        false => chance.index(12) + 3,
    };
    let masters = chance.index(3) + 3;
    let frameworks = chance.index(9) + 2;
    let tasks = chance.index(60) + 20;
    Options {
        masters,
        agents,
        frameworks,
        tasks_per_framework: tasks.min(agents * TASKS_PER_AGENT_MAX / frameworks),
        faults_for_ms: 600_000,
        snapshot_entries: chance.between(15, 600),
        log_tail_entries: chance.below(60),
        ..small(seed, chance)
    }
}

/// Disks are not lost: what a member without a past may do rests on those who are there, and is
/// tried by the other trials. Neither are there groups or volumes: what is launched is nothing to
/// those who agree on it.
fn changing(seed: u64, chance: &mut Chance, weights: &mut BTreeMap<Kind, u64>) -> Options {
    weights.insert(Kind::WipeMaster, 0);
    let masters = if seed.is_multiple_of(3) { 1 } else { 3 };
    let small = small(seed, chance);
    Options { masters, spare_masters: 6, groups_per_mille: 0, volumes: false, ..small }
}

fn plan(
    chance: &mut Chance,
    weights: &BTreeMap<Kind, u64>,
    until_ms: u64,
    longest_pause_ms: u64,
) -> Vec<PlannedFault> {
    let sum: u64 = weights.values().sum();
    let mut faults = Vec::new();
    let mut at_ms = FIRST_FAULT_MS;
    while at_ms < until_ms && sum > 0 {
        let mut drawn = chance.below(sum);
        let kind = weights.iter().find_map(|(kind, weight)| match drawn.checked_sub(*weight) {
            None => Some(*kind),
            Some(left) => {
                drawn = left;
                None
            }
        });
        let kind = kind.expect("drawn below the sum of the weights");
        faults.push(PlannedFault { at_ms, kind, draw: faults.len() as u64 });
        at_ms += chance.between(50, longest_pause_ms.max(51));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_scenario() {
        for preset in [Preset::Quick, Preset::Gate, Preset::Changing] {
            assert_eq!(preset.draw(7), preset.draw(7));
            assert_ne!(preset.draw(7).faults, preset.draw(8).faults);
        }
    }

    #[test]
    fn a_gate_trial_has_about_three_hundred_faults() {
        let planned: usize = (1..=50).map(|seed| Preset::Gate.draw(seed).faults.len()).sum();
        assert!((200..500).contains(&(planned / 50)), "{}", planned / 50);
    }
}
