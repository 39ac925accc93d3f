//! A task that runs gets more memory out of an offer, and makes use of it: with what it was
//! launched with the kernel would have ended it. Then it gives some back without an offer.

use crate::failover::masters;
use crate::rig::{Cluster, Isolation, Shape, bourse, holds, may_be_root, run, skip};
use bourse_sdk::{
    Calls, Driver, Event, Scheduler, Settings, TaskBuilder,
    model::{
        Duration, FrameworkInfo, Instant, Offer, Resources, Role, StatusReason, TaskId, TaskState,
        TaskStatus,
    },
};
use serde_json::Value;
use std::{
    path::Path,
    sync::{Arc, Mutex},
};

const SMALL_MIB: i64 = 48;
const LARGE_MIB: i64 = 400;

/// Launches one task, has it grow as soon as there is an offer for it, shrinks it when told.
#[derive(Debug)]
struct Grower {
    line: String,
    seen: Arc<Mutex<Vec<TaskStatus>>>,
    is_launched: bool,
    runs: bool,
    has_grown: bool,
    has_shrunk: bool,
}

fn size(mem_mib: i64) -> Resources {
    Resources::cpus_mem(200, mem_mib)
}

fn task() -> TaskId {
    TaskId::new("grows").expect("an id")
}

impl Grower {
    fn offered(&mut self, offer: Offer, calls: &mut Calls) {
        let growth = size(LARGE_MIB).checked_sub(&size(SMALL_MIB)).expect("more");
        if !self.is_launched && offer.resources.contains(&size(SMALL_MIB)) {
            self.is_launched = true;
            let task = TaskBuilder::new("grows").resources(&size(SMALL_MIB)).shell(&self.line);
            let task = task.build(&offer.agent).expect("a task");
            calls.accept(vec![offer.id], vec![task], Duration(0));
        } else if self.runs && !self.has_grown && offer.resources.contains(&growth) {
            self.has_grown = true;
            calls.resize(vec![offer.id], task(), size(LARGE_MIB), Duration(0));
        } else {
            calls.decline(vec![offer.id], Duration(50));
        }
    }
}

impl Scheduler for Grower {
    fn handle(&mut self, _now: Instant, event: Event, calls: &mut Calls) {
        match event {
            Event::Offers(offers) => {
                offers.into_iter().for_each(|offer| self.offered(offer, calls));
            }
            Event::Update(status) => {
                self.runs |= status.state == TaskState::Running;
                if status.state.is_terminal() {
                    calls.teardown();
                }
                self.seen.lock().unwrap().push(status);
            }
            // The test says by it that the task may shrink.
            Event::StopRequested if !self.has_shrunk => {
                self.has_shrunk = true;
                calls.resize(Vec::new(), task(), size(LARGE_MIB - 100), Duration(0));
            }
            Event::Refused { refusal, .. } => assert!(!self.has_grown, "{refusal:?}"),
            _ => {}
        }
    }
}

/// Waits for a file, holds 150 MB, waits for another.
fn line(home: &Path) -> String {
    let wait =
        |name: &str| format!("while [ ! -e {} ]; do sleep 0.05; done", home.join(name).display());
    let hold =
        "held=$(head -c 150000000 /dev/zero | tr '\\0' x); [ ${#held} = 150000000 ] || exit 9";
    format!("{}; {hold}; touch {}; {}", wait("go"), home.join("held").display(), wait("end"))
}

#[test]
fn a_running_task_sees_its_new_limit() {
    let test = "a_running_task_sees_its_new_limit";
    if !may_be_root(test) {
        return;
    }
    if !Path::new("/sys/fs/cgroup").is_dir() {
        return skip(test, "there are no cgroups");
    }
    let shape = Shape { name: "resize", masters: 1, secure: true, flags: &[] };
    let mut cluster = Cluster::start(shape);
    cluster.add_agent("one", Isolation::Full, "cpus:2;mem:1024");
    let (home, flags) = (cluster.home.path().to_owned(), cluster.client_flags("operator", "clerk"));
    let tasks = || -> Value {
        let mut command = bourse(&cluster.home);
        run(command.args(["--output", "json", "tasks"]).args(&flags)).json()
    };
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut grower = Grower {
        line: line(&home),
        seen: Arc::clone(&seen),
        is_launched: false,
        runs: false,
        has_grown: false,
        has_shrunk: false,
    };
    let masters = masters(&cluster);
    let info = FrameworkInfo {
        name: "grower".to_owned(),
        roles: vec![Role::any()],
        failover_timeout: Duration::from_seconds(60),
        labels: Vec::new(),
        disruption_budget: None,
        offer_terms: Vec::new(),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let driver = Driver::new(Settings::new(masters, info));
    let stopper = driver.stopper();
    let driver = runtime.spawn(async move { driver.run(&mut grower).await });
    let resized = |count: usize| {
        let seen = seen.lock().unwrap();
        let resized = seen.iter().filter(|status| status.reason == StatusReason::Resized);
        resized.count() == count
    };
    holds("the task has grown", || resized(1));
    assert_eq!(tasks()[0]["resources"]["mem"], LARGE_MIB, "{}", tasks());
    assert_eq!(tasks()[0]["resizing"], Value::Null, "{}", tasks());
    std::fs::write(home.join("go"), "").unwrap();
    holds("it holds more than it was launched with", || home.join("held").exists());
    runtime.block_on(stopper.stop());
    holds("the task has shrunk", || resized(2));
    assert_eq!(tasks()[0]["resources"]["mem"], LARGE_MIB - 100, "{}", tasks());
    std::fs::write(home.join("end"), "").unwrap();
    runtime.block_on(driver).unwrap().unwrap();
    let last = seen.lock().unwrap().last().cloned().expect("an update");
    assert_eq!(last.state, TaskState::Finished, "{last:?}");
    cluster.finish();
}
