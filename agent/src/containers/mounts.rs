//! The volumes of a task, as directories for its container.

use super::reports::failed;
use crate::volumes::VolumeTree;
use agent_core::{FailureKind, LaunchFailure};
use edge::errors::chain;
use jail::plan::{Mount, User};
use proto::model::VolumeMount;

/// Finds the volumes of a task and gives those without an owner to its user; blocks.
pub(super) fn mounts(
    wanted: &[VolumeMount],
    volumes: &VolumeTree,
    user: Option<&User>,
    isolated: bool,
) -> Result<Vec<Mount>, LaunchFailure> {
    if let Some(mount) = wanted.iter().find(|mount| mount.read_only && !isolated) {
        let message = format!(
            "{} cannot be kept from being written to: this agent does not isolate containers, for \
             which it must be root",
            mount.volume
        );
        return Err(failed(FailureKind::Invalid, message));
    }
    let find = |mount: &VolumeMount| {
        let unavailable = |problem: String| {
            failed(FailureKind::Volume, format!("{} cannot be used: {problem}", mount.volume))
        };
        let key = mount.key().ok_or_else(|| unavailable("it has no id".to_owned()))?;
        let source = volumes
            .for_task(key, user, mount.read_only)
            .map_err(|error| unavailable(chain(&error)))?;
        Ok(Mount { source, path: mount.path.clone().into(), read_only: mount.read_only })
    };
    wanted.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::model::{VolumeId, VolumeRef};

    #[test]
    fn what_is_there_is_mounted_as_it_is_asked_for() {
        let place = tempfile::tempdir().unwrap();
        let (tree, _) = VolumeTree::open(place.path()).unwrap();
        let wanted = |id, path: &str, read_only| VolumeMount {
            volume: VolumeRef::Known(VolumeId(id)),
            path: path.to_owned(),
            read_only,
            incarnation: 4,
        };
        tree.make(wanted(1, "", false).key().unwrap()).unwrap();
        let both = [wanted(1, "a/b", false), wanted(1, "c", true)];
        let mounts = |list: &[VolumeMount], isolated| super::mounts(list, &tree, None, isolated);
        let source = place.path().canonicalize().unwrap().join("volumes/volume-1.4/data");
        let expected = [("a/b", false), ("c", true)].map(|(path, read_only)| Mount {
            source: source.clone(),
            path: path.into(),
            read_only,
        });
        assert_eq!(mounts(&both, true).unwrap(), expected);
        assert_eq!(mounts(&both[..1], false).unwrap(), expected[..1]);
        assert_eq!(mounts(&both, false).unwrap_err().kind, FailureKind::Invalid);
        let error = mounts(&[wanted(2, "a", false)], true).unwrap_err();
        assert_eq!(error.kind, FailureKind::Volume);
        assert!(error.message.contains("volume-2"), "{}", error.message);
        let made = VolumeMount { volume: VolumeRef::Made(0), ..wanted(1, "a", false) };
        assert_eq!(mounts(&[made], true).unwrap_err().kind, FailureKind::Volume);
    }
}
