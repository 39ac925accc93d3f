//! Directories of the host in the sandbox: there for the task and nobody else, and never a way to
//! something that the plan does not name.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};

use jail::plan::{Mount, User};
use jail::{FailureReason, Outcome, Plan, Step};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::rig::Rig;

/// Directories outside the rig's own place, each with a file `own` that says its name.
struct Sources(tempfile::TempDir);

impl Sources {
    fn new(names: &[&str]) -> Self {
        let sources = Self(tempfile::Builder::new().prefix("bourse-source-").tempdir().unwrap());
        for name in names {
            fs::create_dir(sources.of(name)).unwrap();
            fs::write(sources.of(name).join("own"), name).unwrap();
        }
        sources
    }

    fn of(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn mount(&self, name: &str, path: &str, read_only: bool) -> Mount {
        Mount { source: self.of(name), path: path.into(), read_only }
    }
}

fn with(mounts: Vec<Mount>, plan: Plan) -> Plan {
    Plan { mounts, ..plan }
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whatever a launch that was refused may have made, it is in the sandbox.
fn refused(rig: &Rig, plan: &Plan, reason: FailureReason, step: Step) {
    let launched = rig.launch(plan);
    let failure = launched.failure();
    assert_eq!((failure.reason, failure.step), (reason, step), "{failure:?}");
    launched.wait();
}

#[test]
fn a_task_writes_where_it_may() {
    let Some(rig) = Rig::root("a_task_writes_where_it_may") else { return };
    let sources = Sources::new(&["rw", "ro"]);
    let mounts = vec![sources.mount("rw", "data/rw", false), sources.mount("ro", "ro", true)];
    let script = "cat data/rw/own ro/own; echo new > data/rw/new; \
        touch ro/new 2>/dev/null || echo refused; rm -f ro/own 2>/dev/null || echo refused; \
        grep -e ' [^ ]*/sandbox/' /proc/self/mountinfo | cut -d' ' -f6";
    rig.run(&with(mounts, rig.shell(script)));
    let stdout = rig.stdout();
    let (said, flags) = stdout.split_once('\n').unwrap();
    assert_eq!(said, "rwrorefused", "{stdout}");
    let flags: Vec<&str> = flags.lines().skip(1).collect();
    assert!(flags[0].starts_with("rw,nosuid,nodev"), "{stdout}");
    assert!(flags[1].starts_with("ro,nosuid,nodev"), "{stdout}");
    assert_eq!(entries(&sources.of("rw")), ["new", "own"]);
    assert_eq!(entries(&sources.of("ro")), ["own"]);
    assert!(entries(&rig.sandbox().join("data/rw")).is_empty(), "only the place is left");
}

#[test]
fn nobody_outside_gets_into_them() {
    let Some(rig) = Rig::root("nobody_outside_gets_into_them") else { return };
    let sources = Sources::new(&["a"]);
    let script = "touch a/ready; while [ ! -e go ]; do sleep 0.01; done; ls a";
    let launched = rig.launch(&with(vec![sources.mount("a", "a", false)], rig.shell(script)));
    launched.started();
    crate::rig::eventually("the task", || sources.of("a").join("ready").exists());
    assert!(entries(&rig.sandbox().join("a")).is_empty());
    rig.assert_no_mounts();
    // As whoever tidies sandboxes up does it, and too early.
    fs::remove_dir_all(rig.sandbox().join("a")).unwrap();
    assert_eq!(entries(&sources.of("a")), ["own", "ready"]);
    fs::write(rig.sandbox().join("go"), "").unwrap();
    launched.wait();
}

#[test]
fn what_is_mounted_in_a_source_stays_there() {
    struct Mounted(PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            umount2(&self.0, MntFlags::MNT_DETACH).unwrap();
        }
    }
    let Some(rig) = Rig::root("what_is_mounted_in_a_source_stays_there") else { return };
    let sources = Sources::new(&["a"]);
    let inner = sources.of("a").join("inner");
    fs::create_dir(&inner).unwrap();
    mount(Some("none"), &inner, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
    let mounted = Mounted(inner);
    fs::write(mounted.0.join("secret"), "").unwrap();
    rig.run(&with(vec![sources.mount("a", "a", false)], rig.shell("ls a/inner; echo end")));
    assert_eq!(rig.stdout(), "end\n");
}

#[test]
fn a_user_owns_the_way_but_not_the_source() {
    let Some(rig) = Rig::root("a_user_owns_the_way_but_not_the_source") else { return };
    // Others must be able to pass through to the sandbox.
    let passable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(rig.sandbox().parent().unwrap(), passable).unwrap();
    chown(rig.sandbox(), Some(12345), Some(23456)).unwrap();
    let sources = Sources::new(&["a"]);
    let script = "touch way/mine; touch way/to/a/forbidden 2>/dev/null || echo refused";
    let mut plan = with(vec![sources.mount("a", "way/to/a", false)], rig.shell(script));
    plan.user = Some(User { uid: 12345, gid: 23456, groups: Vec::new() });
    rig.run(&plan);
    assert_eq!(rig.stdout(), "refused\n");
    let owner = |path: PathBuf| fs::metadata(path).unwrap().uid();
    assert_eq!(owner(rig.sandbox().join("way")), 12345);
    assert_eq!(owner(rig.sandbox().join("way/mine")), 12345);
    assert_eq!(owner(sources.of("a")), 0, "that is for whoever made the plan");
}

/// What somebody put into the sandbox before.
fn hostile(rig: &Rig) {
    let sources = Sources::new(&["a", "elsewhere"]);
    let elsewhere = sources.of("elsewhere");
    symlink(&elsewhere, rig.sandbox().join("link")).unwrap();
    symlink("link/x", rig.sandbox().join("dangling")).unwrap();
    symlink("..", rig.sandbox().join("up")).unwrap();
    fs::write(rig.sandbox().join("file"), "").unwrap();
    for path in ["link", "link/new", "link/new/deep", "dangling", "up/new", "file", "file/new"] {
        let plan = with(vec![sources.mount("a", path, false)], rig.shell("touch ran"));
        refused(rig, &plan, FailureReason::Sandbox, Step::MountPlaces);
    }
    assert_eq!(entries(&elsewhere), ["own"], "nothing was made there");
    assert_eq!(entries(&rig.sandbox()).len(), 6, "four of ours, two for output");
    assert_eq!(entries(rig.sandbox().parent().unwrap()), ["runtime", "sandbox"]);
}

#[test]
fn links_in_the_sandbox_lead_nowhere() {
    let Some(rig) = Rig::root("links_in_the_sandbox_lead_nowhere") else { return };
    hostile(&rig);
}

#[test]
fn links_in_the_sandbox_lead_nowhere_without_isolation() {
    hostile(&Rig::plain());
}

#[test]
fn a_source_must_be_a_directory() {
    let Some(rig) = Rig::root("a_source_must_be_a_directory") else { return };
    let sources = Sources::new(&["a"]);
    symlink(sources.of("a"), sources.of("link")).unwrap();
    for name in ["missing", "link", "a/own"] {
        let plan = with(vec![sources.mount(name, "place", false)], rig.shell("touch ran"));
        refused(&rig, &plan, FailureReason::Isolation, Step::MountDirectory);
        rig.assert_no_mounts();
    }
    assert!(!rig.sandbox().join("ran").exists());
}

#[test]
fn without_isolation_there_are_links() {
    let rig = Rig::plain();
    let sources = Sources::new(&["a", "b"]);
    let mounts = vec![sources.mount("a", "data/a", false), sources.mount("b", "b", false)];
    let plan = with(mounts, rig.shell("cat data/a/own b/own; touch b/new"));
    rig.run(&plan);
    // Once more over the same sandbox, as after a restart.
    let record = rig.run(&plan);
    assert_eq!(record.outcome, Outcome::Exited { code: 0 });
    assert_eq!(rig.stdout(), "abab");
    assert_eq!(entries(&sources.of("b")), ["new", "own"]);
    let other = with(vec![sources.mount("a", "b", false)], rig.shell("true"));
    refused(&rig, &other, FailureReason::Sandbox, Step::MountPlaces);
    // Removing the sandbox removes the links alone.
    fs::remove_dir_all(rig.sandbox()).unwrap();
    assert_eq!(entries(&sources.of("a")), ["own"]);
}

#[test]
fn a_link_keeps_nobody_from_writing() {
    let rig = Rig::plain();
    let sources = Sources::new(&["a"]);
    let plan = with(vec![sources.mount("a", "a", true)], rig.shell("true"));
    let launched = rig.launch(&plan);
    let failure = launched.failure();
    assert_eq!(failure.reason, FailureReason::InvalidPlan);
    assert!(failure.message.contains("read_only"), "{failure:?}");
    assert_eq!(entries(&rig.sandbox()), [""; 0], "nothing was made");
}
