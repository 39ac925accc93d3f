//! What root may do in a container with an image: the list that Docker and containerd give by
//! default, without the making of devices.
//!
//! Taken out of the bounding set, a capability cannot come back, by whatever program or user
//! (capabilities(7)). What is left does no harm to the host: nothing in the list reaches beyond the
//! container's own namespaces and files.

use nix::errno::Errno;
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

use super::root::from;

const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::AUDIT_WRITE);

/// Bounds what this process and whatever it executes may ever do. A program that is executed by
/// root has what is left; the identity must not have been changed yet.
pub(super) fn bound() -> Result<(), Errno> {
    for capability in CapabilitySet::all().difference(KEPT).iter() {
        match remove_capability_from_bounding_set(capability) {
            // Newer than this kernel.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(from(error)),
        }
    }
    Ok(())
}
