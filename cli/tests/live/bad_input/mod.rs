//! What must be refused: with the name of what is wrong, and with nothing changed.

mod bodies;
mod calls;
mod directories;
mod hostile;
mod identities;
mod settings;
