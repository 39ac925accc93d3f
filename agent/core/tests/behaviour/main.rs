//! How an agent behaves, seen from outside: told stories and random histories, on one stage.

mod histories;
mod stage;
mod stories;
