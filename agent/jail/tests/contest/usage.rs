//! What a running container uses can be asked for at any time.

use jail::cgroups::{Usage, usage};
use jail::plan::Limits;

use crate::rig::{Rig, eventually};

#[test]
fn usage_is_counted() {
    let Some(rig) = Rig::root("usage_is_counted") else { return };
    let ask = || usage(rig.layout(), rig.parent(), "container").unwrap();
    assert_eq!(ask(), Usage::default(), "there is no container yet");
    let mut plan = rig.shell("while [ ! -e go ]; do :; done");
    plan.limits = Limits { pids_max: Some(50), ..Limits::default() };
    let launched = rig.launch(&plan);
    launched.started();
    eventually("processor time", || ask().cpu_time_us.is_some_and(|time| time > 10_000));
    let now = ask();
    assert_eq!(now.pids, Some(2), "init and the shell");
    assert!(now.memory_bytes.unwrap() > 0);
    assert!(now.memory_peak_bytes.unwrap() >= now.memory_bytes.unwrap() / 2);
    assert_eq!(now.oom_kills, Some(0));
    std::fs::write(rig.sandbox().join("go"), "").unwrap();
    let record = launched.wait();
    assert!(record.cpu_time_us.unwrap() >= now.cpu_time_us.unwrap());
}
