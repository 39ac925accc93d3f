//! What root may do in a container with an image: [`CAPABILITIES_IN_IMAGE`].
//!
//! Taken out of the bounding set, a capability cannot come back, by whatever program or user
//! (capabilities(7)). What is left does no harm to the host: nothing in the list reaches beyond the
//! container's own namespaces and files.

use nix::errno::Errno;
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

use super::root::from;
use crate::plan::CAPABILITIES_IN_IMAGE;

/// Bounds what this process and whatever it executes may ever do. A program that is executed by
/// root has what is left; the identity must not have been changed yet.
pub(super) fn bound() -> Result<(), Errno> {
    for capability in CapabilitySet::all().difference(kept()).iter() {
        match remove_capability_from_bounding_set(capability) {
            // Newer than this kernel.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(from(error)),
        }
    }
    Ok(())
}

fn kept() -> CapabilitySet {
    CAPABILITIES_IN_IMAGE.into_iter().filter_map(CapabilitySet::from_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_list_is_the_kernels() {
        assert_eq!(kept().iter().count(), CAPABILITIES_IN_IMAGE.len());
        assert!(!kept().contains(CapabilitySet::SYS_ADMIN));
    }
}
