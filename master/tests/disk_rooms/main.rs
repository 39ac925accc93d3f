//! Tests of the disk rooms through their public face: power cuts, kills, damage, lost disks.

mod damage;
mod identity;
mod kill;
mod model;
mod power_cut;
mod power_cut_disk;
mod raw_damage;
mod refusals;
mod scribe;
mod snapshot;
mod writer;
