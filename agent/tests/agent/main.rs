//! A whole agent against a scripted master, with real processes.

mod completion;
mod kit;
mod lifecycle;
mod owners;
mod refusals;
mod resize;
mod restart;
mod sandbox;
mod silence;
mod tls;
mod volumes;
