//! The published files, in the folder that `BOURSE_TRACES` names: all of them read to the end, with
//! as many rows as their publishers say. They may not be shipped, so their absence is no failure.

use crate::kit::{Open, added, all};
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use traces::{
    Source,
    formats::{google2019, omega, openb},
    model::{Arrival, Kind, MachineEvent},
};

/// A file of the folder; none where there is no folder.
fn published(test: &str, path: &str) -> Option<PathBuf> {
    let Some(folder) = env::var_os("BOURSE_TRACES") else {
        println!("SKIPPED {test}: BOURSE_TRACES names no folder of published traces");
        return None;
    };
    let path = Path::new(&folder).join(path);
    assert!(path.exists(), "{} is not there", path.display());
    Some(path)
}

fn arrivals(open: Open<Arrival>, path: &Path) -> (Vec<Arrival>, u64) {
    let (items, reader) = all(open, Source::open(path).unwrap());
    (items, reader.notes().skipped())
}

fn machines(open: Open<MachineEvent>, path: &Path) -> Vec<MachineEvent> {
    all(open, Source::open(path).unwrap()).0
}

#[test]
fn openb() {
    let Some(folder) = published("openb", "alibaba-openb-gpu-2023") else { return };
    let nodes = machines(openb::nodes, &folder.join("openb_node_list_gpu_node.csv"));
    let sum = |kind| nodes.iter().map(|node| added(node).capacity[kind]).sum::<u64>();
    assert_eq!(nodes.len(), 1_213);
    assert_eq!(sum(Kind::Cpus), 107_018_000);
    assert_eq!(sum(Kind::Mem), 503_828_480_000);
    assert_eq!(sum(Kind::Gpus), 6_212_000);
    assert_eq!(machines(openb::nodes, &folder.join("openb_node_list_all_node.csv")).len(), 1_523);
    let (pods, skipped) = arrivals(openb::pods, &folder.join("pods/openb_pod_list_default.csv.gz"));
    let of = |gpus: u64| pods.iter().filter(|pod| pod.each[Kind::Gpus] == gpus).count();
    assert_eq!((pods.len(), skipped), (8_152, 0));
    assert_eq!([of(0), of(1_000), of(2_000), of(4_000), of(8_000)], [1_088, 3_911, 16, 15, 44]);
    let shares = pods.iter().filter(|pod| (1..1_000).contains(&pod.each[Kind::Gpus])).count();
    assert_eq!(shares, 3_078);
    for list in fs::read_dir(folder.join("pods")).unwrap() {
        let (pods, skipped) = arrivals(openb::pods, &list.unwrap().path());
        assert!(pods.len() > 1_000 && skipped == 0);
    }
}

#[test]
fn omega_jobs() {
    let Some(folder) = published("omega_jobs", "omega-sim-reference") else { return };
    let lists = [
        ("uniform-light", 12_960, 907_200),
        ("exp-light", 12_930, 917_952),
        ("exp-loaded", 23_313, 2_286_281),
    ];
    for (list, jobs, tasks) in lists {
        let (found, _) = arrivals(omega::jobs, &folder.join(format!("{list}.jobs.csv.gz")));
        let sum: u64 = found.iter().map(|job| u64::from(job.tasks)).sum();
        assert_eq!((found.len(), sum), (jobs, tasks), "{list}");
    }
}

#[test]
fn google2019_extracts() {
    let Some(folder) = published("google2019_extracts", "google-borg-2019-sample") else { return };
    let cells = [
        ("a", 10_002),
        ("b", 10_047),
        ("c", 13_245),
        ("d", 12_578),
        ("e", 14_123),
        ("f", 12_204),
        ("g", 12_800),
        ("h", 11_592),
    ];
    for (cell, count) in cells {
        let hosts = folder.join(format!("2019_{cell}_host_resource.csv"));
        let hosts = machines(google2019::hosts, &hosts);
        let found: u32 = hosts.iter().map(|host| added(host).count).sum();
        assert_eq!(found, count, "{cell}");
        let requests = folder.join(format!("2019_{cell}_user_requests.csv.gz"));
        let (requests, skipped) = arrivals(google2019::requests, &requests);
        assert_eq!(requests.len() as u64 + skipped, 10_000, "{cell}");
    }
}
