//! Pulls container images from registries into an agent's store.
//!
//! ```text
//!  name ──▶ pull ──▶ documents: index → manifest → configuration ──▶ Intake::missing
//!             │                                                          │
//!             └──▶ archive ──▶ client ──▶ GET, with a token ──▶ Download ┘──▶ Intake::add
//! ```
//!
//! The protocol is that of the OCI distribution-spec 1.1, which is Docker's registry API version 2,
//! and its tokens. Nothing that a registry says is believed: every document and archive is named
//! by a digest, and has it, or is not kept; every answer has a bound in bytes and every wait one in
//! time. An archive that broke off is gone on with, by this process or by one after it.
//!
//! Of what an image means and where it is kept, the crate `images` knows; of containers, nobody
//! here.

#![forbid(unsafe_code)]

mod access;
mod archive;
mod client;
mod error;
pub mod limits;
mod pull;
mod token;

pub use access::{Access, AccessError, Patience};
pub use client::Client;
pub use error::PullError;
pub use pull::{Progress, Pulled, pull};
