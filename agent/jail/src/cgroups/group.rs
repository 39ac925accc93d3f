//! The cgroups of one container, one in each hierarchy it needs, handled as one thing.
//!
//! `<base>/bourse/<parent>/<container>` in every hierarchy. Created all or none; a directory that
//! is there already is somebody else's and is left alone. Knows directories, not controllers'
//! files.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{CgroupError, Controller, ControllerName, Layout, Usage, Version, controller, files};
use crate::plan::Limits;

/// The directory of ours in every hierarchy.
pub(super) const OURS: &str = "bourse";
const FIRST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// How often a directory chain is made anew when somebody removes it at the same time.
const CREATE_ATTEMPTS: u32 = 5;

/// One container's cgroups.
#[derive(Debug)]
pub(crate) struct Group {
    leaves: Vec<Leaf>,
}

/// One container's cgroup in one hierarchy.
#[derive(Debug)]
struct Leaf {
    dir: PathBuf,
    version: Version,
    controllers: Vec<&'static dyn Controller>,
}

/// What a new process needs to get into a group.
#[derive(Debug)]
pub(crate) struct Entrances {
    /// The version 2 cgroup: to be born in.
    pub(crate) born_in: Option<OwnedFd>,
    /// The `tasks` of all others: to write oneself into.
    pub(crate) joined: Vec<OwnedFd>,
}

impl Group {
    /// Makes the cgroups and sets the limits.
    pub(crate) fn create(
        layout: &Layout,
        parent: &str,
        id: &str,
        limits: &Limits,
    ) -> Result<Self, CgroupError> {
        let mut group = Self { leaves: Vec::new() };
        for leaf in leaves(layout, parent, id, Some(limits)) {
            if let Err(error) = make_leaf(layout, parent, &leaf.dir) {
                group.abandon();
                return Err(error);
            }
            group.leaves.push(leaf);
        }
        if let Err(error) = group.apply(layout, parent, limits) {
            group.abandon();
            return Err(error);
        }
        Ok(group)
    }

    /// The cgroups of this name that are there now.
    pub(super) fn existing(layout: &Layout, parent: &str, id: &str) -> Self {
        let mut leaves = leaves(layout, parent, id, None);
        leaves.retain(|leaf| leaf.dir.is_dir());
        Self { leaves }
    }

    fn apply(&self, layout: &Layout, parent: &str, limits: &Limits) -> Result<(), CgroupError> {
        match self.apply_once(limits) {
            // The parents are there but do not hand their controllers down yet.
            Err(error) if error.errno() == Some(libc::ENOENT) => {
                prepare(layout, parent)?;
                self.apply_once(limits)
            }
            result => result,
        }
    }

    fn apply_once(&self, limits: &Limits) -> Result<(), CgroupError> {
        for leaf in &self.leaves {
            for controller in &leaf.controllers {
                controller.apply(&leaf.dir, limits)?;
            }
        }
        Ok(())
    }

    /// Sets other limits while processes are inside, with the controllers of these names.
    pub(super) fn change(
        &self,
        limits: &Limits,
        wanted: impl Fn(ControllerName) -> bool,
    ) -> Result<(), CgroupError> {
        for leaf in &self.leaves {
            for controller in leaf.controllers.iter().filter(|one| wanted(one.name())) {
                controller.change(&leaf.dir, limits)?;
            }
        }
        Ok(())
    }

    /// Opens the ways into the group.
    pub(crate) fn entrances(&self) -> Result<Entrances, CgroupError> {
        let mut entrances = Entrances { born_in: None, joined: Vec::new() };
        for leaf in &self.leaves {
            let (options, file) = match leaf.version {
                // `tasks`, not `cgroup.procs`: who enters has one thread and writes 0, for which
                // the kernel need not stop all forks of the host (some 10 ms, since Linux 5.5).
                Version::V1 => (OpenOptions::new().write(true).clone(), leaf.dir.join("tasks")),
                Version::V2 => (
                    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).clone(),
                    leaf.dir.clone(),
                ),
            };
            let opened: File =
                options.open(&file).map_err(|source| CgroupError::Read { file, source })?;
            match leaf.version {
                Version::V1 => entrances.joined.push(opened.into()),
                Version::V2 => entrances.born_in = Some(opened.into()),
            }
        }
        Ok(entrances)
    }

    /// Kills everything inside, at once where the kernel can, otherwise whatever is seen now.
    /// Whoever needs certainty repeats it until [`Self::remove`] succeeds.
    pub(crate) fn kill(&self) {
        for leaf in &self.leaves {
            if leaf.version == Version::V2 && files::write(&leaf.dir, "cgroup.kill", "1").is_ok() {
                continue;
            }
            kill_members(&leaf.dir);
        }
    }

    /// What the group uses. Counters that cannot be read are left out.
    pub(crate) fn usage(&self) -> Result<Usage, CgroupError> {
        let mut usage = Usage::default();
        for leaf in &self.leaves {
            for controller in &leaf.controllers {
                controller.stats(&leaf.dir, &mut usage)?;
            }
        }
        Ok(usage)
    }

    /// Removes the cgroups, waiting up to `patience` for the last of the dying to leave them.
    pub(crate) fn remove(&self, patience: Duration) -> Result<(), CgroupError> {
        let deadline = Instant::now() + patience;
        let mut result = Ok(());
        for leaf in &self.leaves {
            let mut pause = FIRST_PAUSE;
            while let Err(source) = remove_tree(&leaf.dir) {
                let busy = source.raw_os_error() == Some(libc::EBUSY);
                if !busy || Instant::now() >= deadline {
                    result = Err(CgroupError::Remove { dir: leaf.dir.clone(), source });
                    break;
                }
                sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        result
    }

    /// Takes back what was made when the rest could not be. Nothing has ever run inside, so a
    /// failure here leaves an empty directory for the next sweep and changes nothing.
    fn abandon(&self) {
        for leaf in &self.leaves {
            let _ = std::fs::remove_dir(&leaf.dir);
        }
    }
}

/// What a container uses now; all `None` if it has no cgroups.
pub fn usage(layout: &Layout, parent: &str, id: &str) -> Result<Usage, CgroupError> {
    match Group::existing(layout, parent, id).usage() {
        // The container ended between the look and the reading.
        Err(CgroupError::Read { source, .. }) if source.raw_os_error() == Some(libc::ENODEV) => {
            Ok(Usage::default())
        }
        result => result,
    }
}

/// Makes the directories above the containers and, in version 2, hands the controllers down to
/// them.
///
/// Called once when the agent starts, so that a refusal is seen early; launching does it again
/// where it finds something missing.
pub fn prepare(layout: &Layout, parent: &str) -> Result<(), CgroupError> {
    let hierarchies = layout.controllers.iter().map(|(name, hierarchy)| (Some(*name), hierarchy));
    for (name, hierarchy) in hierarchies {
        let ours = hierarchy.base.join(OURS);
        if hierarchy.version == Version::V2
            && let Some(name) = name.filter(|name| *name != ControllerName::Cpuacct)
        {
            hand_down(&hierarchy.base, name)?;
            make(&ours)?;
            hand_down(&ours, name)?;
            make(&ours.join(parent))?;
            hand_down(&ours.join(parent), name)?;
        } else {
            make_chain(&ours, parent)?;
        }
    }
    layout.unified.as_ref().map_or(Ok(()), |base| make_chain(&base.join(OURS), parent))
}

fn leaves(layout: &Layout, parent: &str, id: &str, limits: Option<&Limits>) -> Vec<Leaf> {
    let below = |base: &Path| base.join(OURS).join(parent).join(id);
    let mut leaves = Vec::with_capacity(4);
    if let Some(base) = &layout.unified {
        leaves.push(Leaf { dir: below(base), version: Version::V2, controllers: Vec::new() });
    }
    for (name, hierarchy) in &layout.controllers {
        let controller = controller(*name, hierarchy.version);
        debug_assert_eq!(controller.name(), *name, "the table of controllers is consistent");
        let unified = layout.unified.is_some();
        if limits.is_some_and(|limits| !controller.wanted(limits, unified)) {
            continue;
        }
        let dir = below(&hierarchy.base);
        match leaves.iter_mut().find(|leaf| leaf.dir == dir) {
            Some(leaf) => leaf.controllers.push(controller),
            None => {
                leaves.push(Leaf { dir, version: hierarchy.version, controllers: vec![controller] })
            }
        }
    }
    leaves
}

fn make_leaf(layout: &Layout, parent: &str, dir: &Path) -> Result<(), CgroupError> {
    for _ in 1..CREATE_ATTEMPTS {
        match std::fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => prepare(layout, parent)?,
            result => return made(dir, result),
        }
    }
    made(dir, std::fs::create_dir(dir))
}

fn made(dir: &Path, result: io::Result<()>) -> Result<(), CgroupError> {
    result.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CgroupError::Exists { dir: dir.to_owned() },
        _ => CgroupError::Create { dir: dir.to_owned(), source },
    })
}

/// Several jails may do this at once, and a sweep may undo it at the same time.
fn make_chain(ours: &Path, parent: &str) -> Result<(), CgroupError> {
    let mut result = Ok(());
    for _ in 0..CREATE_ATTEMPTS {
        make(ours)?;
        result = make(&ours.join(parent));
        match &result {
            Err(error) if error.errno() == Some(libc::ENOENT) => {}
            _ => break,
        }
    }
    result
}

fn make(dir: &Path) -> Result<(), CgroupError> {
    match made(dir, std::fs::create_dir(dir)) {
        Err(CgroupError::Exists { .. }) => Ok(()),
        result => result,
    }
}

fn hand_down(dir: &Path, controller: ControllerName) -> Result<(), CgroupError> {
    let enabled = files::read(dir, "cgroup.subtree_control")?;
    if enabled.split_ascii_whitespace().any(|word| word == controller.as_str()) {
        return Ok(());
    }
    files::write(dir, "cgroup.subtree_control", &format!("+{controller}")).map_err(|error| {
        match error {
            CgroupError::Write { source, .. } => {
                CgroupError::Delegate { dir: dir.to_owned(), controller, source }
            }
            other => other,
        }
    })
}

/// A cgroup and those that the task may have made below it. The first attempt is the usual case.
pub(super) fn remove_tree(dir: &Path) -> io::Result<()> {
    match std::fs::remove_dir(dir) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.raw_os_error() != Some(libc::EBUSY) => return Err(error),
        Err(_) => {}
    }
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    std::fs::remove_dir(dir)
}

fn kill_members(dir: &Path) {
    let Ok(text) = std::fs::read_to_string(dir.join("cgroup.procs")) else { return };
    for pid in text.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|pid| *pid > 0) {
        // It may have ended since; then there is nothing to kill.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            kill_members(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroups::Hierarchy;

    /// A version 2 tree made of plain directories: the files of the leaf must be put there by hand,
    /// because nobody plays the kernel.
    fn tree() -> (tempfile::TempDir, Layout) {
        let root = tempfile::tempdir().unwrap();
        let base = root.path().to_owned();
        let hierarchy = Hierarchy { version: Version::V2, base: base.clone() };
        let controllers =
            ControllerName::ALL.into_iter().map(|name| (name, hierarchy.clone())).collect();
        for dir in [base.clone(), base.join(OURS), base.join(OURS).join("agent")] {
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("cgroup.subtree_control"), "").unwrap();
        }
        (root, Layout { controllers, unified: Some(base) })
    }

    fn limits() -> Limits {
        Limits {
            cpu_milli: Some(1000),
            cpu_quota: false,
            memory_bytes: Some(4096),
            pids_max: Some(3),
        }
    }

    #[test]
    fn version_2_is_one_leaf_with_all_controllers() {
        let (root, layout) = tree();
        let leaves = leaves(&layout, "agent", "c", Some(&limits()));
        let [leaf] = leaves.as_slice() else { panic!("{leaves:?}") };
        assert_eq!(leaf.dir, root.path().join("bourse/agent/c"));
        assert_eq!(leaf.controllers.len(), 4);
    }

    #[test]
    fn version_2_hands_controllers_down_at_every_level() {
        // One controller in each tree: a plain file does not add up what is written, as the kernel
        // does.
        for name in ["cpu", "memory", "pids"] {
            let (root, mut layout) = tree();
            layout.controllers.retain(|controller, _| controller.as_str() == name);
            prepare(&layout, "agent").unwrap();
            for dir in ["", "bourse", "bourse/agent"] {
                let file = root.path().join(dir).join("cgroup.subtree_control");
                let expected = format!("+{name}");
                assert_eq!(std::fs::read_to_string(file).unwrap(), expected, "{dir}");
            }
        }
    }

    #[test]
    fn version_2_sets_limits_through_the_files() {
        let (root, _) = tree();
        let dir = root.path().join("leaf");
        std::fs::create_dir(&dir).unwrap();
        for name in ["cpu.weight", "memory.max", "pids.max"] {
            std::fs::write(dir.join(name), "").unwrap();
        }
        let controllers =
            ControllerName::ALL.into_iter().map(|name| controller(name, Version::V2)).collect();
        let leaf = Leaf { dir: dir.clone(), version: Version::V2, controllers };
        Group { leaves: vec![leaf] }.apply_once(&limits()).unwrap();
        let text = |name| std::fs::read_to_string(dir.join(name)).unwrap();
        assert_eq!([text("cpu.weight"), text("memory.max"), text("pids.max")], ["39", "4096", "3"]);
    }

    #[test]
    fn a_controller_that_is_not_handed_down_is_an_error_and_nothing_stays() {
        let (root, layout) = tree();
        let error = Group::create(&layout, "agent", "c", &limits()).unwrap_err();
        assert!(matches!(error, CgroupError::Write { .. }), "{error}");
        assert!(!root.path().join("bourse/agent/c").exists());
    }

    #[test]
    fn a_refused_delegation_names_the_controller() {
        let (root, layout) = tree();
        // Readable but never writable, for root too.
        let file = root.path().join("cgroup.subtree_control");
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/proc/version", &file).unwrap();
        let error = prepare(&layout, "agent").unwrap_err();
        assert!(matches!(error, CgroupError::Delegate { .. }), "{error}");
        assert!(error.to_string().contains("`cpu`"), "{error}");
    }

    #[test]
    fn a_cgroup_of_the_same_name_is_left_alone() {
        let (root, layout) = tree();
        let theirs = root.path().join("bourse/agent/c");
        std::fs::create_dir(&theirs).unwrap();
        let error = Group::create(&layout, "agent", "c", &limits()).unwrap_err();
        assert!(matches!(error, CgroupError::Exists { .. }), "{error}");
        assert!(theirs.exists());
    }
}
