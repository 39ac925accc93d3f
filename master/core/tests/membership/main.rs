//! Masters that are added, removed and replaced while the others go on: several real cores with
//! perfect disks and a network that a story can cut. Each story has its expected transcript in
//! `golden`; a line that starts with `--` is the story's own.

mod accepts;
mod asked_once;
mod bytes;
mod disk;
mod group;
mod histories;
mod refusals;
mod slow_disks;
mod stories;
mod upgrades;
mod words;
