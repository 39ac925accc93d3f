//! The binary as a command that ends by itself.

use super::{Home, PATIENCE};
use std::{
    fs::File,
    io::{Read as _, Seek as _},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary in a clean environment: it knows of no cluster, and all its files go below `home`.
pub(crate) fn bourse(home: &Home) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bourse"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("BOURSE_") {
            command.env_remove(name);
        }
    }
    command
        .env("XDG_DATA_HOME", home.path().join("data"))
        .env("TMPDIR", home.path().join("tmp"))
        .env("NO_COLOR", "1")
        .current_dir(home.path())
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let (mut stdout, mut stderr) = (scratch(), scratch());
    command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} did not end\n{}{}", read(&mut stdout), read(&mut stderr));
        }
        thread::sleep(Duration::from_millis(5));
    };
    Outcome { code: status.code(), stdout: read(&mut stdout), stderr: read(&mut stderr) }
}

fn scratch() -> File {
    tempfile::tempfile().unwrap()
}

fn read(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Outcome {
    /// What it wrote, if it succeeded.
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// Its one line about what went wrong, if it failed as documented.
    pub(crate) fn failure(self) -> String {
        assert_eq!(self.code, Some(1), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stderr
    }

    /// What it wrote as JSON, if it succeeded.
    pub(crate) fn json(self) -> serde_json::Value {
        let text = self.success();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }
}
