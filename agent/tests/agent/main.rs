//! A whole agent against a scripted master, with real processes.

mod kit;
mod lifecycle;
mod owners;
mod refusals;
mod restart;
mod sandbox;
mod tls;
