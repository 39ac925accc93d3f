//! How an agent behaves, seen from outside: told stories and random histories, on one stage.

mod completion;
mod groups;
mod histories;
mod owners;
mod resizes;
mod silence;
mod stage;
mod stories;
mod volumes;
