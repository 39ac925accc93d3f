//! The filters of system calls: compiled from the operator's profile when the agent starts, so that
//! a profile that cannot be had is known before a task waits, and laid down where jails read them.

use crate::settings::SeccompProfile;
use jail::plan::{CAPABILITIES_IN_IMAGE, MAX_FILTERS};
use seccomp::{CompileError, Compiled, Host, Profile, ProfileError};
use std::{
    io,
    path::{Path, PathBuf},
};

/// In the data directory.
const PLACE: &str = "seccomp";

/// Why there are no filters.
#[derive(Debug, thiserror::Error)]
pub enum FiltersError {
    /// The file that the settings name cannot be read.
    #[error("the seccomp profile {} cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is none.
    #[error(
        "the seccomp profile {} is refused; `bourse agent --print-seccomp-profile` prints a sound \
         one",
        path.display()
    )]
    Profile {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ProfileError,
    },
    /// This host cannot keep it.
    #[error("the seccomp profile cannot be had here; `--seccomp-profile unconfined` does without")]
    Compile(#[source] CompileError),
    /// It has more kinds of answers than a container takes filters.
    #[error("the seccomp profile has {count} kinds of answers, more than {MAX_FILTERS}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// They cannot be laid down.
    #[error("cannot write the filters of system calls to {}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The profile that the settings name; blocks.
pub(crate) fn profile(wanted: &SeccompProfile) -> Result<Option<Profile>, FiltersError> {
    match wanted {
        SeccompProfile::Default => Ok(Some(Profile::standard())),
        SeccompProfile::Unconfined => Ok(None),
        SeccompProfile::File(path) => read(path).map(Some),
    }
}

/// Compiles a profile and lays the filters down, in the order in which a jail installs them;
/// blocks.
pub(crate) fn lay_down(
    profile: Option<Profile>,
    data_dir: &Path,
) -> Result<Vec<PathBuf>, FiltersError> {
    let Some(profile) = profile else { return Ok(Vec::new()) };
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let capabilities: Vec<String> =
        CAPABILITIES_IN_IMAGE.iter().map(|name| format!("CAP_{name}")).collect();
    let capabilities: Vec<&str> = capabilities.iter().map(String::as_str).collect();
    let host = Host { release: &release, capabilities: &capabilities };
    let Compiled { filters, unknown } = profile.compile(&host).map_err(FiltersError::Compile)?;
    if profile != Profile::standard() && !unknown.is_empty() {
        let names = unknown.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        tracing::info!(names, "the seccomp profile names calls that this host lacks");
    }
    if filters.len() > MAX_FILTERS {
        return Err(FiltersError::TooMany { count: filters.len() });
    }
    write(&data_dir.join(PLACE), &filters)
}

fn read(path: &Path) -> Result<Profile, FiltersError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    // One byte more than a profile may have, so that one that is too long is seen to be.
    let most = u64::try_from(seccomp::MAX_PROFILE_BYTES).expect("a megabyte is a number") + 1;
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|source| FiltersError::Read { path: path.to_owned(), source })?;
    Profile::from_json(&bytes)
        .map_err(|source| FiltersError::Profile { path: path.to_owned(), source })
}

/// Anew at each start: no jail that an earlier agent began reads them any more, since none goes on
/// with a launch whose agent is gone.
fn write(place: &Path, filters: &[Vec<u8>]) -> Result<Vec<PathBuf>, FiltersError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| FiltersError::Write { path, source }
    };
    match std::fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(place)(error)),
        _ => std::fs::create_dir(place).map_err(failed(place))?,
    }
    let numbered = filters.iter().enumerate();
    numbered
        .map(|(number, filter)| {
            let path = place.join(number.to_string());
            std::fs::write(&path, filter).map_err(failed(&path))?;
            Ok(path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn filters_are_laid_down_anew_at_each_start() {
        let place = tempfile::tempdir().unwrap();
        let lay_down =
            |wanted: &SeccompProfile| super::lay_down(profile(wanted).unwrap(), place.path());
        let laid = lay_down(&SeccompProfile::Default).unwrap();
        assert_eq!(laid.len(), 2);
        assert!(laid.iter().all(|path| fs::metadata(path).unwrap().len() % 8 == 0));
        let path = place.path().join("profile.json");
        fs::write(&path, r#"{"defaultAction": "SCMP_ACT_LOG"}"#).unwrap();
        let laid = lay_down(&SeccompProfile::File(path)).unwrap();
        let there = fs::read_dir(place.path().join(PLACE)).unwrap().count();
        assert_eq!((laid.len(), there), (1, 1));
        assert_eq!(lay_down(&SeccompProfile::Unconfined).unwrap().len(), 0);
    }

    #[test]
    fn a_profile_that_cannot_be_had_is_said_by_name() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("profile.json");
        let lay_down = || {
            let profile = profile(&SeccompProfile::File(path.clone()));
            profile.and_then(|profile| lay_down(profile, place.path()))
        };
        let error = lay_down().unwrap_err();
        assert!(matches!(error, FiltersError::Read { .. }), "{error}");
        fs::write(&path, "{}").unwrap();
        let error = lay_down().unwrap_err();
        assert!(matches!(error, FiltersError::Profile { .. }), "{error}");
        let rules: Vec<String> = (0..=MAX_FILTERS)
            .map(|number| {
                format!(r#"{{"names": ["dup"], "action": "SCMP_ACT_ERRNO", "errnoRet": {number}}}"#)
            })
            .collect();
        let rules = rules.join(",");
        let json = format!(r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{rules}]}}"#);
        fs::write(&path, json).unwrap();
        let error = lay_down().unwrap_err();
        assert!(matches!(error, FiltersError::TooMany { count: 17 }), "{error}");
    }
}
