//! Generated messages and stubs, re-exported; nothing else.
//!
//! A wire message is what somebody sent, not what is so: pass it through [`crate::convert`].

/// The public API, `bourse.v1`.
#[expect(missing_docs, reason = "generated from commented schemas")]
#[expect(clippy::large_enum_variant, reason = "generated")]
#[cfg_attr(
    feature = "grpc",
    expect(clippy::allow_attributes_without_reason, reason = "generated stubs")
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/bourse.v1.rs"));
    #[cfg(feature = "grpc")]
    include!(concat!(env!("OUT_DIR"), "/clients/bourse.v1.rs"));
}

/// The replicated log and its snapshots, `bourse.log.v1`.
#[expect(missing_docs, reason = "generated from commented schemas")]
#[expect(clippy::large_enum_variant, reason = "generated")]
pub mod log {
    /// Version 1 of the log's format.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/bourse.log.v1.rs"));
    }
}

/// The agent's journal, `bourse.journal.v1`.
#[expect(missing_docs, reason = "generated from commented schemas")]
pub mod journal {
    /// Version 1 of the journal's format.
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/bourse.journal.v1.rs"));
    }
}

/// All schemas as an encoded `FileDescriptorSet`, for the reflection service and for tests.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
