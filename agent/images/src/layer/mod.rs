//! A layer: an archive of what differs from the layers below it, and the directory it becomes.
//!
//! The idea: the kernel knows best what a directory over others is. So a layer is unpacked
//! *through* an overlay mount of the layers below it: a file that a whiteout names is simply
//! removed, and the kernel writes down in the upper directory that it is gone; a directory that
//! the archive only passes through keeps the owner and mode that it has below. The mount lives in
//! a mount namespace of the one thread that unpacks, and ends with it, however it ends.
//!
//! Whatever the archive says, it is done by a thread whose root directory *is* the new layer: `..`,
//! absolute names and links lead nowhere else.

mod compression;
mod entries;
mod extract;
mod metadata;
mod mount;
mod unpack;

pub(crate) use compression::plain;
pub use entries::EntryError;
pub use mount::EnterError;
pub use unpack::UnpackError;
pub(crate) use unpack::unpack;
