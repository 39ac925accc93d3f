//! Container images on an agent: what they are, where they are kept, how their layers become
//! directories.
//!
//! ```text
//!  directory, archive ──▶ source ──▶ manifest ──▶ layer ──▶ store ──▶ Image: layers, Config
//!   OCI layout, docker save  blobs     documents    unpacked   by name
//! ```
//!
//! An image is content-addressed from end to end: its name leads to a manifest by digest, that to a
//! configuration and to layers by theirs, and nothing is kept that does not have the digest it was
//! asked for by. Formats: OCI image-spec 1.1 and Docker's image manifest version 2, schema 2.
//!
//! Nothing is known here of containers: who mounts an image's layers, and for whom, is the agent's
//! affair. Everything blocks.

#![forbid(unsafe_code)]

mod accounts;
mod digest;
mod layer;
pub mod limits;
mod manifest;
mod metered;
mod source;
mod store;

pub use accounts::{Account, AccountError};
pub use digest::{Digest, DigestError};
pub use layer::{EnterError, EntryError, UnpackError};
pub use manifest::{Config, Document, ManifestError, Platform};
pub use oci_spec::distribution::{ParseError as ReferenceError, Reference};
pub use source::images::SourceError;
pub use store::{
    Collected, Described, Download, Downloaded, Idle, Image, Imported, Intake, Keep, LayerArchive,
    Progress, Record, Store, StoreError,
};
