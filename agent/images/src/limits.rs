//! How much an image may ask of an agent: every bound of this crate.
//!
//! An image comes from outside. Each of these is far above what published images have, and far
//! below what harms a host.

/// Bytes of a manifest or an index: what registries take at most (OCI distribution-spec 1.1,
/// "Pushing Manifests": at least 4 MiB).
pub const MANIFEST_BYTES_MAX: u64 = 4 << 20;
/// Bytes of an image's configuration.
pub const CONFIG_BYTES_MAX: u64 = 4 << 20;
/// Layers of one image. More do not fit into the options of one overlay mount.
pub const LAYERS_MAX: usize = 127;
/// Bytes of a layer's archive when nothing of it is compressed any more: 64 GiB.
pub const LAYER_BYTES_MAX: u64 = 64 << 30;
/// Entries of a layer's archive.
pub const LAYER_ENTRIES_MAX: u64 = 1_000_000;
/// Bytes of an image's `/etc/passwd` or `/etc/group`.
pub const ACCOUNTS_BYTES_MAX: u64 = 1 << 20;
/// Bytes from the content of one entry of an archive to that of the next: its header, long names,
/// extended attributes, and what fills the last block.
pub const HEADERS_BYTES_MAX: u64 = 1 << 20;
/// Bytes of one path in a layer, as of every path of Linux.
pub const PATH_BYTES_MAX: usize = 4_095;
/// Extended attributes of one file.
pub const ATTRIBUTES_MAX: usize = 64;
/// Files in an archive of images: what is no blob is counted too.
pub const MEMBERS_MAX: usize = 100_000;
/// Links from name to name before they are taken for a circle: in an archive of images, and on the
/// way to a directory that a layer needs and nobody made.
pub const LINKS_MAX: usize = 8;
/// Indexes in indexes.
pub const INDEX_DEPTH_MAX: usize = 4;
/// Images in one archive, and images that a store holds.
pub const IMAGES_MAX: usize = 10_000;
