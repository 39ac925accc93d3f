//! Looking into what a task has left: whatever it made in its sandbox, and whatever it renames at
//! the same moment, nothing outside is ever opened.
//!
//! An input is a list of steps: directories, files and links that the task makes, names that it
//! exchanges, and paths that somebody asks for, a few times while the task exchanges names.

use super::{kind_of, part};
use crate::{
    situation::met,
    wire::{self, Field},
};
use agent::testing::{list_in_sandbox, open_in_sandbox};
use std::{
    fs,
    io::Read as _,
    os::{fd::AsRawFd, unix::fs::symlink},
    path::{Path, PathBuf},
    thread,
};

const STEPS_MAX: usize = 24;
/// Names of a path that the task makes, at most.
const DEPTH_MAX: usize = 4;
/// So often is a path asked for while names are exchanged.
const RACES: usize = 8;

const DIRECTORY: usize = 0;
const FILE: usize = 1;
const LINK: usize = 2;
const EXCHANGE: usize = 3;
const LOOK: usize = 4;
const RACE: usize = 5;
const KINDS: usize = 6;

/// Fields of a step: a path of the task's, where a link leads or what is exchanged, and a path that
/// is asked for.
const PATH: u64 = 1;
const OTHER: u64 = 2;
const ASKED: u64 = 3;

const INSIDE: &str = "inside";
const SECRET: &str = "secret";

/// A folder with a secret, and a sandbox in it.
struct Place {
    folder: tempfile::TempDir,
    sandbox: PathBuf,
}

fn step(kind: usize, path: &[u8], other: &str, asked: &str) -> Field {
    let fields = [(PATH, path), (OTHER, other.as_bytes()), (ASKED, asked.as_bytes())];
    part(kind, wire::write(&fields.map(|(field, value)| wire::bytes(field, value.to_vec()))))
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let tree = || {
        vec![
            step(DIRECTORY, &[0], "", ""),
            step(DIRECTORY, &[0, 1], "", ""),
            step(FILE, &[0, 1, 2], "", ""),
            step(FILE, &[3], "", ""),
        ]
    };
    let with = |more: Vec<Field>| wire::write(&tree().into_iter().chain(more).collect::<Vec<_>>());
    let asked = |path| step(LOOK, &[], "", path);
    let link_to = |target| {
        with(vec![step(LINK, &[2], target, ""), asked("c"), asked("c/secret"), asked("c/b/c")])
    };
    let mut inputs = vec![
        with(vec![asked("a/b/c"), asked("d"), asked(""), asked("a/../d"), asked("a/x")]),
        with(vec![asked("../secret"), asked("/etc/passwd"), asked("d/x"), asked("a//b/./c")]),
        with(vec![step(LINK, &[0, 2], "c", ""), asked("a/c"), step(LINK, &[2], "a/c", "")]),
        with(vec![step(LINK, &[2], "..", ""), step(EXCHANGE, &[2], "\0\u{1}", ""), asked("a/b")]),
        with(vec![step(LINK, &[2], "..", ""), step(RACE, &[2], "\0", "a/secret")]),
        with(vec![step(LINK, &[0, 3], "../..", ""), step(RACE, &[0, 3], "\0\u{1}", "a/b/secret")]),
    ];
    let targets =
        ["..", "../secret", "a", "a/../../secret", "/", "/proc/self/root", "/proc/self/fd"];
    inputs.extend(targets.map(link_to));
    inputs
}

pub(super) fn look(bytes: &[u8]) {
    let place = Place::new();
    for (number, said) in wire::parts(bytes).into_iter().take(STEPS_MAX) {
        let parts = wire::parts(said);
        let field = |wanted| {
            let found = parts.iter().find(|(number, _)| *number == wanted);
            found.map_or(&[][..], |(_, bytes)| *bytes)
        };
        let text = |wanted| String::from_utf8_lossy(field(wanted)).into_owned();
        let made = place.of_task(field(PATH));
        match kind_of(number, KINDS) {
            DIRECTORY => place.make(&made, |path| fs::create_dir(path)),
            FILE => place.make(&made, |path| fs::write(path, INSIDE)),
            LINK => place.make(&made, |path| symlink(text(OTHER).replace('\0', ""), path)),
            EXCHANGE => place.exchange(&made, &place.of_task(field(OTHER))),
            LOOK => place.look(&text(ASKED), true),
            RACE => place.race(&made, &place.of_task(field(OTHER)), &text(ASKED)),
            _ => unreachable!("there are {KINDS} kinds"),
        }
    }
}

impl Place {
    fn new() -> Self {
        let folder = super::scratch();
        let root = folder.path().canonicalize().expect("it is there");
        let sandbox = root.join("sandbox");
        fs::create_dir(&sandbox).expect("an empty folder");
        fs::write(root.join("secret"), SECRET).expect("an empty folder");
        Self { folder, sandbox }
    }

    /// A path of few names that the task may make: such as it chooses, and none that lead up.
    fn of_task(&self, bytes: &[u8]) -> PathBuf {
        let names =
            bytes.iter().take(DEPTH_MAX).map(|byte| ["a", "b", "c", "d"][usize::from(byte % 4)]);
        names.fold(self.sandbox.clone(), |path, name| path.join(name))
    }

    /// Whether the directory of a path is in the sandbox: the task itself makes nothing elsewhere.
    fn is_inside(&self, path: &Path) -> bool {
        let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
        path != self.sandbox && parent.is_some_and(|parent| parent.starts_with(&self.sandbox))
    }

    fn make(&self, path: &Path, make: impl Fn(&Path) -> std::io::Result<()>) {
        // A file through a link would be written where the link leads.
        if self.is_inside(path) && path.symlink_metadata().is_err() {
            met(make(path).is_ok());
        }
    }

    /// Three renames, so that one of the names is missing for a moment.
    fn exchange(&self, one: &Path, other: &Path) {
        if self.is_inside(one) && self.is_inside(other) {
            let between = self.folder.path().join("between");
            // A name that is missing, or lies below the other one, stays.
            if fs::rename(one, &between).is_ok() {
                let back = if fs::rename(other, one).is_ok() { other } else { one };
                let returned = fs::rename(&between, back).or_else(|_| fs::rename(&between, one));
                drop(returned);
            }
        }
    }

    fn race(&self, one: &Path, other: &Path, asked: &str) {
        thread::scope(|scope| {
            scope.spawn(|| (0..2 * RACES).for_each(|_| self.exchange(one, other)));
            // What is met depends on who is faster.
            (0..RACES).for_each(|_| self.look(asked, false));
        });
    }

    fn look(&self, asked: &str, tells: bool) {
        let opened = open_in_sandbox(&self.sandbox, asked);
        if tells {
            met(("file", opened.as_ref().map(|_| asked.split('/').count()).map_err(said)));
        }
        if let Ok(mut file) = opened {
            let mut text = String::new();
            file.read_to_string(&mut text).expect("a regular file");
            assert_eq!(text, INSIDE, "{asked:?} is not of the sandbox");
            self.is_of_sandbox(&file, asked);
        }
        let opened = list_in_sandbox(&self.sandbox, asked);
        if tells {
            met(("directory", opened.as_ref().map(|_| asked.split('/').count()).map_err(said)));
        }
        if let Ok(directory) = opened {
            self.is_of_sandbox(&directory, asked);
        }
    }

    /// What the kernel calls a descriptor; in a race it may have been moved meanwhile, as far as a
    /// task can.
    fn is_of_sandbox(&self, opened: &impl AsRawFd, asked: &str) {
        let name =
            fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd())).expect("it is open");
        let may_be = [self.sandbox.clone(), self.sandbox.with_file_name("between")];
        assert!(
            may_be.iter().any(|place| name.starts_with(place)),
            "{asked:?}: {}",
            name.display()
        );
    }
}

fn said(refusal: &proto::model::Refusal) -> String {
    refusal.message.clone()
}
