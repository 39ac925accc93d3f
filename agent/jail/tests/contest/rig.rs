//! Launches containers for the other files and cleans up after them, whatever happened.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use jail::cgroups::{Base, Layout, probe, retire};
use jail::plan::{CgroupPlace, Isolation, Limits, PLAN_VERSION, Root, Stop};
use jail::process::ProcessId;
use jail::{ExitRecord, LaunchFailure, Plan, Report, Started, launch, records};

/// Generous, because a deadline that is met too late is a flaky test.
const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(3);

/// The place of one container.
pub(crate) struct Rig {
    place: tempfile::TempDir,
    layout: Option<Layout>,
    name: String,
}

/// A container whose report has been read.
pub(crate) struct Launched<'rig> {
    rig: &'rig Rig,
    child: Child,
    report: Report,
}

impl Rig {
    /// For full isolation with cgroups. `None`, loudly, where this host cannot do that.
    pub(crate) fn root(test: &str) -> Option<Self> {
        static LAYOUT: OnceLock<Layout> = OnceLock::new();
        let layout = LAYOUT.get_or_init(|| probe(Base::Own).unwrap());
        let missing = if !nix::unistd::geteuid().is_root() {
            "needs root"
        } else if layout.controllers.len() < 4 {
            "needs the cgroup controllers cpu, memory and pids"
        } else {
            return Some(Self::new(Some(layout.clone())));
        };
        skip(test, missing);
        None
    }

    /// As [`Rig::root`], where users of images can be others to the host.
    pub(crate) fn user_namespaces(test: &str) -> Option<Self> {
        let system = nix::sys::utsname::uname().unwrap();
        let release = system.release().to_str().unwrap();
        let mut numbers = release.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
        let version: (u32, u32) = (numbers.next().unwrap(), numbers.next().unwrap_or(0));
        let most = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
        if version >= (5, 19) && most.trim().parse::<u64>().is_ok_and(|most| most > 0) {
            return Self::root(test);
        }
        skip(test, "needs Linux 5.19 with user namespaces");
        None
    }

    /// For plain processes, by anybody.
    pub(crate) fn plain() -> Self {
        Self::new(None)
    }

    fn new(layout: Option<Layout>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let place = tempfile::Builder::new().prefix("bourse-jail-").tempdir().unwrap();
        let rig = Self { place, layout, name: format!("test-{}-{number}", std::process::id()) };
        fs::create_dir(rig.sandbox()).unwrap();
        fs::create_dir(rig.runtime()).unwrap();
        rig
    }

    pub(crate) fn sandbox(&self) -> PathBuf {
        self.place.path().join("sandbox")
    }

    pub(crate) fn runtime(&self) -> PathBuf {
        self.place.path().join("runtime")
    }

    pub(crate) fn layout(&self) -> &Layout {
        self.layout.as_ref().expect("a rig with cgroups")
    }

    /// The name of the directory above the container's cgroups.
    pub(crate) fn parent(&self) -> &str {
        &self.name
    }

    /// Full isolation if this rig can, else none.
    pub(crate) fn plan(&self, argv: &[&str]) -> Plan {
        let cgroups = self.layout.clone();
        let path = String::from("/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
        Plan {
            version: PLAN_VERSION,
            container_id: "container".into(),
            argv: argv.iter().map(|&argument| argument.to_owned()).collect(),
            env: BTreeMap::from([("PATH".into(), path)]),
            sandbox_dir: self.sandbox(),
            mounts: Vec::new(),
            runtime_dir: self.runtime(),
            user: None,
            isolation: match cgroups {
                Some(_) => Isolation::Full { hostname: None },
                None => Isolation::None,
            },
            root: Root::default(),
            limits: Limits::default(),
            cgroups: cgroups.map(|layout| CgroupPlace { layout, parent: self.name.clone() }),
            grace_ms: 30_000,
            stop: Stop::default(),
            oom_score_adj: None,
            process_limits: BTreeMap::new(),
            system_call_filters: Vec::new(),
        }
    }

    pub(crate) fn shell(&self, script: &str) -> Plan {
        self.plan(&["sh", "-c", script])
    }

    pub(crate) fn launch(&self, plan: &Plan) -> Launched<'_> {
        let nothing: [&str; 0] = [];
        self.launch_by(launch::command(program(), nothing), plan)
    }

    /// Launches by another command than the usual, which must end up executing the jail.
    pub(crate) fn launch_by(&self, mut command: Command, plan: &Plan) -> Launched<'_> {
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&plan.to_json().unwrap()).unwrap();
        drop(stdin);
        let mut bytes = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut bytes).unwrap();
        let report = Report::parse(&bytes).unwrap();
        Launched { rig: self, child, report }
    }

    /// Launches, expects the start, waits for the end.
    pub(crate) fn run(&self, plan: &Plan) -> ExitRecord {
        let launched = self.launch(plan);
        launched.started();
        launched.wait()
    }

    pub(crate) fn stdout(&self) -> String {
        fs::read_to_string(self.sandbox().join("stdout")).unwrap()
    }

    /// A file that appears in the sandbox.
    pub(crate) fn wait_for_file(&self, name: &str) {
        eventually(name, || self.sandbox().join(name).exists());
    }

    pub(crate) fn exit_record(&self) -> Option<ExitRecord> {
        records::read_exit(&self.runtime()).unwrap()
    }

    /// The container's cgroups that exist now.
    pub(crate) fn cgroups(&self) -> Vec<PathBuf> {
        let Some(layout) = &self.layout else { return Vec::new() };
        let bases = layout.controllers.values().map(|hierarchy| &hierarchy.base);
        bases
            .chain(&layout.unified)
            .map(|base| base.join("bourse").join(&self.name).join("container"))
            .filter(|dir| dir.exists())
            .collect()
    }

    /// A file of one of the container's cgroups.
    pub(crate) fn cgroup_file(&self, name: &str) -> Option<String> {
        self.cgroups().iter().find_map(|dir| fs::read_to_string(dir.join(name)).ok())
    }

    /// The processes that work in the sandbox, as the host sees them.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let sandbox = self.sandbox();
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid: &i32| {
                fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&sandbox))
            })
            .collect()
    }

    /// What every container owes its host at the end.
    pub(crate) fn assert_nothing_left(&self) {
        assert_eq!(self.processes(), Vec::<i32>::new(), "processes stayed");
        assert_eq!(self.cgroups(), Vec::<PathBuf>::new(), "cgroups stayed");
        self.assert_no_mounts();
    }

    /// No mounts at or below this place but the sandbox itself, which a test may have mounted.
    pub(crate) fn assert_no_mounts(&self) {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new);
        let (place, sandbox) = (self.place.path(), self.sandbox());
        let stayed: Vec<_> =
            points.filter(|point| point.starts_with(place) && *point != sandbox).collect();
        assert!(stayed.is_empty(), "mounts stayed: {stayed:?}");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let Some(layout) = &self.layout else { return };
        let swept = retire(layout, &self.name);
        if !std::thread::panicking() {
            let swept = swept.unwrap();
            assert!(swept.failed.is_empty(), "{:?}", swept.failed);
        }
    }
}

impl Launched<'_> {
    pub(crate) fn started(&self) -> Started {
        let Report::Started(started) = &self.report else { panic!("{:?}", self.report) };
        *started
    }

    pub(crate) fn failure(&self) -> LaunchFailure {
        let Report::Failed(failure) = &self.report else { panic!("{:?}", self.report) };
        failure.clone()
    }

    pub(crate) fn supervisor(&self) -> ProcessId {
        let started = self.started();
        ProcessId { pid: started.pid, start_time: started.start_time }
    }

    /// Waits for the supervisor's own end and returns its record.
    pub(crate) fn wait(mut self) -> ExitRecord {
        eventually("the supervisor to end", || self.child.try_wait().unwrap().is_some());
        self.rig.assert_nothing_left();
        self.rig.exit_record().expect("the end is recorded")
    }

    /// Kills the supervisor as nobody should.
    pub(crate) fn kill_supervisor(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Launched<'_> {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        if let Report::Started(started) = &self.report {
            let _ = ProcessId { pid: started.pid, start_time: started.start_time }.destroy();
        }
        let _ = self.child.wait();
    }
}

/// Says so; strictly seen, it is a failure.
fn skip(test: &str, missing: &str) {
    assert!(std::env::var_os("BOURSE_TEST_STRICT").is_none(), "{test} {missing}");
    println!("SKIPPED {test}: {missing}");
}

/// The program under test.
pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_bourse-jail"))
}

/// Polls a condition until it holds or the deadline has passed.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(PAUSE);
    }
}
