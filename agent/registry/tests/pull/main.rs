//! Pulls from registries: one of our own that does as it is told, and Debian's `docker-registry`.

mod access;
mod broken;
mod fake;
mod kit;
mod lies;
mod pulls;
mod real;
