//! Protocol stories: what is said when, word for word. Each has its expected transcript in
//! `golden`; a line that starts with `--` is the story's own.

mod agents;
mod declines;
mod demand;
mod departures;
mod directives;
mod followers;
mod frameworks;
mod gpus;
mod groups;
mod hoarding;
mod lending;
mod offers;
mod operations;
mod operators;
mod play;
mod preemption;
mod races;
mod reasons;
mod reservations;
mod resizes;
mod rig;
mod roles;
mod shared;
mod shared_histories;
mod show;
mod show_offers;
mod show_volumes;
mod terms;
mod volumes;
mod volumes_in_use;
mod watches;
