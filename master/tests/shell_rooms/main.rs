//! The master's shell against real sockets, certificates and files.

mod authorization;
mod certificates;
mod flow;
mod group;
mod hostile;
mod leadership;
mod masters;
mod settings;
mod watches;
