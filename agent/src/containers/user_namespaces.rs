//! Whether this host has user namespaces for images, found out by doing it.
//!
//! What it takes is spread over the kernel's version, its settings and the file system of the data
//! directory, so nothing is asked about: a container of an empty image is started before any task
//! is. It is to come as far as to find that there is no program in it.

use super::plan::IDS;
use crate::settings::UserNamespaces;
use jail::{
    Plan, Report, Step, launch,
    plan::{ImageRoot, Isolation, Limits, PLAN_VERSION, Root, Stop, UserNamespace},
};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::Child,
};

/// In the data directory.
const PLACE: &str = "probe";

/// Why there are no user namespaces.
#[derive(Debug, thiserror::Error)]
pub enum UserNamespacesError {
    /// The container of the empty image was not to be had.
    #[error("a container in a user namespace does not start here: {message}")]
    Refused {
        /// What the jail said.
        message: String,
    },
    /// It could not be tried.
    #[error("it cannot be tried whether a container in a user namespace starts here")]
    NotTried(#[source] io::Error),
}

/// The user namespace of images on this host; `None` when root in them is the host's root; blocks.
pub(crate) fn choose(
    wanted: UserNamespaces,
    first_id: u32,
    data_dir: &Path,
    program: &(PathBuf, Vec<OsString>),
) -> Result<Option<UserNamespace>, UserNamespacesError> {
    if wanted == UserNamespaces::Off {
        return Ok(None);
    }
    let namespace = UserNamespace { first_id, count: IDS };
    match (probe(namespace, &data_dir.join(PLACE), program), wanted) {
        (Ok(()), _) => Ok(Some(namespace)),
        (Err(error), UserNamespaces::Required) => Err(error),
        (Err(error), _) => {
            let error = edge::errors::chain(&error);
            tracing::warn!(%error, "root in images is this host's root");
            Ok(None)
        }
    }
}

fn probe(
    namespace: UserNamespace,
    place: &Path,
    program: &(PathBuf, Vec<OsString>),
) -> Result<(), UserNamespacesError> {
    let tried = try_out(namespace, place, program).map_err(UserNamespacesError::NotTried);
    let removed = remove(place).map_err(UserNamespacesError::NotTried);
    match tried? {
        Report::Failed(failure) if failure.step == Step::Exec => removed,
        Report::Failed(failure) => Err(UserNamespacesError::Refused { message: failure.message }),
        Report::Started(_) => unreachable!("an empty image has no program"),
    }
}

fn try_out(
    namespace: UserNamespace,
    place: &Path,
    (program, arguments): &(PathBuf, Vec<OsString>),
) -> io::Result<Report> {
    // An agent that was killed at this left it.
    remove(place)?;
    let [sandbox, runtime, layer] = ["sandbox", "runtime", "layer"].map(|name| place.join(name));
    for directory in [place, &sandbox, &runtime, &layer] {
        std::fs::create_dir(directory)?;
    }
    let plan = plan(namespace, sandbox, runtime, layer);
    let plan = plan.to_json().expect("a plan of our own is a sound one");
    let mut child = launch::command(program, arguments).spawn()?;
    let heard = talk(&mut child, &plan);
    child.wait()?;
    heard
}

fn talk(child: &mut Child, plan: &[u8]) -> io::Result<Report> {
    let mut order = child.stdin.take().expect("its input is a pipe");
    order.write_all(plan)?;
    // The end of its input is the end of the plan.
    drop(order);
    let mut report = Vec::new();
    child.stdout.take().expect("its output is a pipe").read_to_end(&mut report)?;
    Report::parse(&report).map_err(io::Error::other)
}

fn plan(namespace: UserNamespace, sandbox: PathBuf, runtime: PathBuf, layer: PathBuf) -> Plan {
    Plan {
        version: PLAN_VERSION,
        container_id: PLACE.to_owned(),
        argv: vec!["/none".to_owned()],
        env: BTreeMap::new(),
        sandbox_dir: sandbox,
        mounts: Vec::new(),
        runtime_dir: runtime,
        user: None,
        isolation: Isolation::Full { hostname: None },
        root: Root::Image(ImageRoot {
            layers: vec![layer],
            working_dir: None,
            user_namespace: Some(namespace),
        }),
        limits: Limits::default(),
        cgroups: None,
        grace_ms: 0,
        stop: Stop::default(),
        oom_score_adj: None,
        process_limits: BTreeMap::new(),
        system_call_filters: Vec::new(),
    }
}

fn remove(place: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that says what a jail would.
    fn says(report: &str) -> (PathBuf, Vec<OsString>) {
        let script = format!("cat >/dev/null; echo '{report}'");
        ("/bin/sh".into(), vec!["-c".into(), script.into()])
    }

    fn failed(step: &str) -> (PathBuf, Vec<OsString>) {
        says(&format!(
            r#"{{"failed":{{"reason":"isolation","step":"{step}","errno":22,"message":"no way"}}}}"#
        ))
    }

    #[test]
    fn a_host_that_cannot_is_told_from_one_that_can() {
        let place = tempfile::tempdir().unwrap();
        let choose = |wanted, program| choose(wanted, 9, place.path(), &program);
        let found = choose(UserNamespaces::Auto, failed("exec")).unwrap();
        assert_eq!(found, Some(UserNamespace { first_id: 9, count: IDS }));
        assert_eq!(choose(UserNamespaces::Auto, failed("mount_root")).unwrap(), None);
        assert_eq!(choose(UserNamespaces::Off, failed("exec")).unwrap(), None);
        let error = choose(UserNamespaces::Required, failed("mount_root")).unwrap_err();
        assert!(matches!(&error, UserNamespacesError::Refused { message } if message == "no way"));
        for broken in [says("what?"), ("/does/not/exist".into(), Vec::new())] {
            let error = choose(UserNamespaces::Required, broken).unwrap_err();
            assert!(matches!(error, UserNamespacesError::NotTried(_)), "{error}");
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "nothing is left");
    }
}
