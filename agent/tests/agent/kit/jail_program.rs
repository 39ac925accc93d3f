//! Where the jail's program is: beside the tests' own, built if it is not there or is out of date.
//!
//! Cargo tells a test the path of programs of its own package only. It is asked to build this one
//! only when needed, because it may have to wait for whoever builds something else.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::SystemTime,
};

/// The path of `bourse-jail`.
pub(crate) fn path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let own = std::env::current_exe().expect("a test has a path");
    // TARGET/PROFILE/deps/TEST
    let profile = own.ancestors().nth(2).expect("a test lies in target/PROFILE/deps");
    let program = profile.join("bourse-jail");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("jail/src");
    if modified(&program).is_some_and(|built| built >= newest(&sources)) {
        return program;
    }
    let target = profile.parent().expect("a profile lies in the target directory");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--package", "jail", "--bin", "bourse-jail"])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    // Cargo's own lock keeps two tests from building at once.
    let status = cargo.status().expect("cargo can be run");
    assert!(status.success() && program.exists(), "{} was not built", program.display());
    program
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn newest(directory: &Path) -> SystemTime {
    let entries = fs::read_dir(directory).expect("the jail's sources");
    let times = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() { newest(&path) } else { modified(&path).expect("a time") }
    });
    times.max().expect("no directory of sources is empty")
}
