//! All files and their names: what is there now, what a power cut leaves, and what is wrong with
//! the disk.
//!
//! A change of names belongs to its directory and is durable by a sync of that; a name that takes
//! another's place does so at once or not at all. Modes are durable at once. Moves between
//! directories are two changes, each durable by its own directory.

use super::contents::{Contents, Loss};
use rand::{Rng, RngExt as _};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    time::Duration,
};

/// The number of the topmost directory.
pub const ROOT: u64 = 1;

/// Everything on a disk.
#[derive(Debug)]
pub struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// How many syncs there were.
    pub syncs: u64,
    /// What is wrong with the disk.
    pub troubles: Troubles,
}

/// What is wrong with a disk; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct Troubles {
    /// More than so many bytes do not fit.
    pub capacity: Option<u64>,
    /// Syncs fail from this one on, counted from 1.
    pub fails_at: Option<u64>,
    /// How long each sync takes.
    pub sync_takes: Duration,
}

/// Why something is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is no such name or file.
    NotFound,
    /// The name is taken.
    Exists,
    /// A directory is needed.
    NotDirectory,
    /// A file is needed.
    IsDirectory,
    /// The directory has names.
    NotEmpty,
    /// There is no room.
    Full,
    /// The disk fails.
    Broken,
}

#[derive(Debug)]
struct Node {
    mode: u16,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File(Contents),
    Directory(Names),
}

#[derive(Debug, Default)]
struct Names {
    live: BTreeMap<OsString, u64>,
    durable: BTreeMap<OsString, u64>,
    /// Each is durable wholly or not at all.
    pending: Vec<Vec<(OsString, Option<u64>)>>,
}

/// What is known of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Its number.
    pub number: u64,
    /// Permission bits.
    pub mode: u16,
    /// Its length in bytes; `None` for a directory.
    pub length: Option<u64>,
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl Tree {
    /// An empty one.
    pub fn new() -> Self {
        let root = Node { mode: 0o700, kind: Kind::Directory(Names::default()) };
        let (nodes, troubles) = (BTreeMap::from([(ROOT, root)]), Troubles::default());
        Self { nodes, next: ROOT + 1, syncs: 0, troubles }
    }

    /// What is known of a number.
    pub fn facts(&self, number: u64) -> Result<Facts, Refused> {
        let node = self.nodes.get(&number).ok_or(Refused::NotFound)?;
        let length = match &node.kind {
            Kind::File(contents) => Some(contents.bytes().len() as u64),
            Kind::Directory(_) => None,
        };
        Ok(Facts { number, mode: node.mode, length })
    }

    /// What a name stands for.
    pub fn find(&self, directory: u64, name: &OsStr) -> Result<Facts, Refused> {
        let number = self.names(directory)?.live.get(name).ok_or(Refused::NotFound)?;
        self.facts(*number)
    }

    /// All names of a directory.
    pub fn list(&self, directory: u64) -> Result<Vec<(OsString, Facts)>, Refused> {
        let names = self.names(directory)?.live.iter();
        names.map(|(name, number)| Ok((name.clone(), self.facts(*number)?))).collect()
    }

    /// Makes an empty file or directory.
    pub fn make(
        &mut self,
        directory: u64,
        name: &OsStr,
        mode: u16,
        is_directory: bool,
    ) -> Result<Facts, Refused> {
        if self.names(directory)?.live.contains_key(name) {
            return Err(Refused::Exists);
        }
        self.has_room(1)?;
        let kind = match is_directory {
            true => Kind::Directory(Names::default()),
            false => Kind::File(Contents::default()),
        };
        let number = self.next;
        self.next += 1;
        self.nodes.insert(number, Node { mode, kind });
        self.names_mut(directory)?.change(vec![(name.to_owned(), Some(number))]);
        self.facts(number)
    }

    /// Removes a name.
    pub fn remove(&mut self, directory: u64, name: &OsStr) -> Result<(), Refused> {
        let found = self.find(directory, name)?;
        if found.length.is_none() && !self.names(found.number)?.live.is_empty() {
            return Err(Refused::NotEmpty);
        }
        self.names_mut(directory)?.change(vec![(name.to_owned(), None)]);
        Ok(())
    }

    /// Gives a file or directory another name, which may be taken.
    pub fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Refused> {
        let found = self.find(from.0, from.1)?;
        if from == to {
            return Ok(());
        }
        if let Ok(taken) = self.find(to.0, to.1)
            && taken.length.is_none()
            && !self.names(taken.number)?.live.is_empty()
        {
            return Err(Refused::NotEmpty);
        }
        let (gone, new) = ((from.1.to_owned(), None), (to.1.to_owned(), Some(found.number)));
        if from.0 == to.0 {
            self.names_mut(from.0)?.change(vec![gone, new]);
        } else {
            self.names_mut(to.0)?.change(vec![new]);
            self.names_mut(from.0)?.change(vec![gone]);
        }
        Ok(())
    }

    /// Changes permission bits.
    pub fn set_mode(&mut self, number: u64, mode: u16) -> Result<(), Refused> {
        self.nodes.get_mut(&number).ok_or(Refused::NotFound)?.mode = mode;
        Ok(())
    }

    /// A part of a file.
    pub fn read(&self, file: u64, at: u64, length: u32) -> Result<&[u8], Refused> {
        match &self.nodes.get(&file).ok_or(Refused::NotFound)?.kind {
            Kind::File(contents) => Ok(contents.read(index(at)?, index(length.into())?)),
            Kind::Directory(_) => Err(Refused::IsDirectory),
        }
    }

    /// Writes into a file.
    pub fn write(&mut self, file: u64, at: u64, bytes: &[u8]) -> Result<(), Refused> {
        self.grows_to(file, at.saturating_add(bytes.len() as u64))?;
        self.contents(file)?.write(index(at)?, bytes);
        Ok(())
    }

    /// Makes a file shorter or longer.
    pub fn resize(&mut self, file: u64, length: u64) -> Result<(), Refused> {
        self.grows_to(file, length)?;
        self.contents(file)?.resize(index(length)?);
        Ok(())
    }

    /// Makes a file's bytes or a directory's names durable.
    pub fn sync(&mut self, number: u64) -> Result<(), Refused> {
        self.syncs += 1;
        if self.troubles.fails_at.is_some_and(|at| self.syncs >= at) {
            return Err(Refused::Broken);
        }
        match &mut self.nodes.get_mut(&number).ok_or(Refused::NotFound)?.kind {
            Kind::File(contents) => contents.sync(),
            Kind::Directory(names) => names.keep(usize::MAX),
        }
        Ok(())
    }

    /// Loses what is pending, or some of it, and is as a new start finds it.
    pub fn cut_power(&mut self, chance: &mut impl Rng) {
        let loss = [Loss::All, Loss::Rest, Loss::Any][chance.random_range(..3_usize)];
        for node in self.nodes.values_mut() {
            match &mut node.kind {
                Kind::File(contents) => contents.cut_power(loss, chance),
                Kind::Directory(names) => {
                    let kept = match loss {
                        Loss::All => 0,
                        Loss::Rest | Loss::Any => chance.random_range(..=names.pending.len()),
                    };
                    names.keep(kept);
                    names.live.clone_from(&names.durable);
                }
            }
        }
        let reached = self.reached();
        self.nodes.retain(|number, _| reached.contains(number));
    }

    /// Bytes of all files that have a name.
    pub fn used_bytes(&self) -> u64 {
        let lengths = self.reached().into_iter().filter_map(|number| self.facts(number).ok());
        lengths.filter_map(|facts| facts.length).sum()
    }

    fn reached(&self) -> BTreeSet<u64> {
        let (mut reached, mut next) = (BTreeSet::new(), vec![ROOT]);
        while let Some(number) = next.pop() {
            if reached.insert(number)
                && let Ok(names) = self.names(number)
            {
                next.extend(names.live.values());
            }
        }
        reached
    }

    fn grows_to(&self, file: u64, end: u64) -> Result<(), Refused> {
        let length = self.facts(file)?.length.ok_or(Refused::IsDirectory)?;
        self.has_room(end.saturating_sub(length))
    }

    fn has_room(&self, more: u64) -> Result<(), Refused> {
        let fits = |capacity| self.used_bytes().saturating_add(more) <= capacity;
        match more == 0 || self.troubles.capacity.is_none_or(fits) {
            true => Ok(()),
            false => Err(Refused::Full),
        }
    }

    fn contents(&mut self, file: u64) -> Result<&mut Contents, Refused> {
        match &mut self.nodes.get_mut(&file).ok_or(Refused::NotFound)?.kind {
            Kind::File(contents) => Ok(contents),
            Kind::Directory(_) => Err(Refused::IsDirectory),
        }
    }

    fn names(&self, directory: u64) -> Result<&Names, Refused> {
        match &self.nodes.get(&directory).ok_or(Refused::NotFound)?.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(Refused::NotDirectory),
        }
    }

    fn names_mut(&mut self, directory: u64) -> Result<&mut Names, Refused> {
        match &mut self.nodes.get_mut(&directory).ok_or(Refused::NotFound)?.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(Refused::NotDirectory),
        }
    }
}

impl Names {
    fn change(&mut self, changes: Vec<(OsString, Option<u64>)>) {
        apply(&mut self.live, &changes);
        self.pending.push(changes);
    }

    /// Makes so many of the first changes durable and loses the others.
    fn keep(&mut self, kept: usize) {
        for changes in self.pending.drain(..).take(kept) {
            apply(&mut self.durable, &changes);
        }
    }
}

fn apply(names: &mut BTreeMap<OsString, u64>, changes: &[(OsString, Option<u64>)]) {
    for (name, number) in changes {
        match number {
            Some(number) => drop(names.insert(name.clone(), *number)),
            None => drop(names.remove(name)),
        }
    }
}

/// No file is larger than memory.
fn index(at: u64) -> Result<usize, Refused> {
    usize::try_from(at).map_err(|_| Refused::Full)
}
