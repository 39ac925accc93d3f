//! Faults of masters: of their processes, disks and software.

use super::{Kind, Undo};
use crate::trial::{
    event::{Happening, Process},
    master_host::{Failing, MasterHost},
    world::World,
};
use master_core::ledger::LogVersion;

impl World {
    pub(super) fn harm_masters(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::CrashMaster => {
                let host = self.any_master()?;
                self.crash_and_restart(host)
            }
            Kind::CrashLeader => {
                let host = self.any_leader()?;
                self.crash_and_restart(host)
            }
            Kind::WipeMaster => {
                let host = self.any_master()?;
                self.wipe(host)
            }
            Kind::LoseDisks => self.lose_disks(),
            Kind::PowerCut => {
                for host in 0..self.masters.len() {
                    self.crash_and_restart(host);
                }
                Some(())
            }
            Kind::PauseMaster => {
                let host = self.any_master()?;
                self.pause(host)
            }
            Kind::PauseLeader => {
                let host = self.any_leader()?;
                self.pause(host)
            }
            Kind::SlowDisk => {
                let host = self.chance.faults.index(self.masters.len());
                let wait = self.chance.faults.time(500, 15_000);
                self.masters[host].slow_disk = true;
                self.sometimes.note(match self.masters[host].is_serving() {
                    true => "leader's disk slow",
                    false => "another disk slow",
                });
                self.undo_after(wait, Undo::SlowDisk(host));
                Some(())
            }
            Kind::FailDisk => {
                let host = self.any_master()?;
                self.masters[host].failing = Some(Failing::Once);
                Some(())
            }
            Kind::FillDisk => {
                let host = self.any_master()?;
                let wait = self.chance.faults.time(1_000, 15_000);
                self.masters[host].failing = Some(Failing::Always);
                self.undo_after(wait, Undo::FullDisk(host));
                Some(())
            }
            Kind::UpgradeMaster => self.change_software(true),
            Kind::DowngradeMaster => self.change_software(false),
            other => unreachable!("{other:?} harms no master"),
        }
    }

    fn any_master(&mut self) -> Option<usize> {
        let up: Vec<usize> =
            (0..self.masters.len()).filter(|host| self.masters[*host].is_up()).collect();
        self.chance.faults.pick(&up).copied()
    }

    pub(super) fn any_leader(&mut self) -> Option<usize> {
        let serving = self.serving();
        self.chance.faults.pick(&serving).copied()
    }

    fn crash_and_restart(&mut self, host: usize) -> Option<()> {
        if !self.masters[host].is_up() {
            return None;
        }
        self.crash_master(host);
        let wait = self.chance.faults.time(100, 8_000);
        self.queue.after(wait, Happening::MasterStart(host));
        Some(())
    }

    /// A lost disk is a lost member until it has caught up: one at a time, and not before the
    /// cluster has a past.
    fn wipe(&mut self, host: usize) -> Option<()> {
        let others = (0..self.masters.len()).filter(|other| *other != host);
        let mut sound = others.map(|other| &self.masters[other]);
        if !sound.all(|other| other.disk.durable.voter && !other.rejoining) {
            return None;
        }
        if self.masters[host].rejoining || self.oracles.one_leader.newest().is_none() {
            return None;
        }
        self.crash_and_restart(host)?;
        self.lose_disk(host);
        Some(())
    }

    fn lose_disk(&mut self, host: usize) {
        self.masters[host].disk.wipe();
        self.masters[host].rejoining = true;
        self.oracles.monotone.wiped(self.masters[host].node);
    }

    /// What is left is not enough to know what was promised. Whoever goes on all the same is judged
    /// by the oracles; nobody has to. One sound disk is left: without any, those who come back
    /// cannot know that there was a cluster.
    fn lose_disks(&mut self) -> Option<()> {
        let is_sound = |host: &MasterHost| host.disk.durable.voter && !host.rejoining;
        let count = self.masters.len();
        let sound: Vec<usize> = (0..count).filter(|host| is_sound(&self.masters[*host])).collect();
        let kept = self.chance.faults.pick(&sound).copied();
        let kept = kept.filter(|_| self.options.spare_masters == 0)?;
        for step in 1..=count / 2 + 1 {
            let host = (kept + step) % count;
            self.crash_and_restart(host);
            self.lose_disk(host);
        }
        self.sometimes.note("most masters lost their disks");
        Some(())
    }

    fn pause(&mut self, host: usize) -> Option<()> {
        let machine = &mut self.masters[host];
        if machine.paused || !machine.is_up() {
            return None;
        }
        machine.paused = true;
        let process: Process = machine.process(host);
        self.sometimes.note("master paused");
        let wait = self.chance.faults.time(100, 6_000);
        self.queue.after(wait, Happening::MasterResume(process));
        Some(())
    }

    /// The software of before reads nothing newer: there is a way back only until then.
    fn change_software(&mut self, upgrade: bool) -> Option<()> {
        let is_newer = |host: &MasterHost| {
            let master = host.master.as_ref();
            master.is_some_and(|master| master.ledger().version() > LogVersion::OLDEST)
        };
        if !self.options.old_masters || (!upgrade && self.masters.iter().any(is_newer)) {
            return None;
        }
        let can = |host: &usize| self.masters[*host].is_up() && self.masters[*host].old == upgrade;
        let hosts: Vec<usize> = (0..self.masters.len()).filter(can).collect();
        let host = self.chance.faults.pick(&hosts).copied()?;
        self.masters[host].old = !upgrade;
        self.crash_and_restart(host)
    }
}
