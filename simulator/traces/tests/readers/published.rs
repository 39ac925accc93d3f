//! The published files, in the folder that `BOURSE_TRACES` names: all of them read to the end, with
//! as many rows as their publishers say. They may not be shipped, so their absence is no failure.

use crate::kit::{Open, added, all};
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use traces::{
    Source,
    formats::{alibaba, google2011, google2019, omega, openb, philly, surf, swf},
    model::{Arrival, Kind, MachineEvent, Names},
    transform::{Of, Transform, apply},
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

#[test]
fn google2011_tables() {
    let Some(folder) = published("google2011_tables", "google-2011-sample") else { return };
    let file = |name: &str| Source::open(&folder.join(name)).unwrap();
    let (events, _) = all(google2011::machine_events, file("machine_events-sample.csv.gz"));
    assert_eq!(events.len(), 1_523);
    let (events, _) = all(google2011::machine_attributes, file("machine_attributes-sample.csv.gz"));
    assert_eq!(events.len(), 1_665);
    let (events, _) = all(google2011::job_events, file("job_events-sample.csv.gz"));
    assert_eq!(events.len(), 670);
    let (events, _) = all(google2011::task_events, file("task_events-sample.csv.gz"));
    assert_eq!(events.len(), 1_015);
    let (tasks, reader) = all(google2011::tasks, file("task_events-sample.csv.gz"));
    assert_eq!(tasks.len() as u64 + reader.notes().skipped(), 1_015);
    let (rows, _) = all(google2011::task_usage, file("task_usage-sample.csv.gz"));
    assert_eq!(rows.len(), 677);
}

#[test]
fn prefills() {
    let Some(folder) = published("prefills", "google-2011-sample") else { return };
    for by in ["request", "usage"] {
        let path = folder.join(format!("init-cluster-state.{by}.log.gz"));
        let (jobs, skipped) = arrivals(omega::prefill, &path);
        let ends = jobs.iter().filter(|job| job.duration_ns.is_some()).count();
        assert_eq!((jobs.len(), ends as u64 + skipped), (3_979, 79), "{by}");
    }
}

#[test]
fn swf_logs() {
    let Some(folder) = published("swf_logs", "swf") else { return };
    // Jobs, as the logs' heads say, and those whose processors are not known.
    let logs = [
        ("LCG-2005-1", 188_041, 0),
        ("NASA-iPSC-1993-3.1-cln", 18_239, 0),
        ("HPC2N-2002-2.2-first3170", 3_170, 0),
        ("lublin_256", 10_000, 0),
    ];
    for (log, rows, unknown) in logs {
        let (jobs, skipped) = arrivals(swf::jobs, &folder.join(format!("{log}.swf.gz")));
        assert_eq!((jobs.len(), skipped), (rows, unknown), "{log}");
    }
    let (jobs, skipped) = arrivals(swf::jobs, &folder.join("MetaCentrum-wagap-2013.swf.gz"));
    let wholes = jobs.iter().filter(|job| !job.more).count();
    assert_eq!((wholes, skipped), (17_900, 0));
    assert_eq!(jobs.first().map(|job| job.submit_ns), Some(0));
    let exclusive =
        jobs.iter().filter(|job| job.constraints.as_ref().is_some_and(|it| it.exclusive));
    assert_eq!(exclusive.count(), 231);
    let clusters = machines(swf::machines, &folder.join("MetaCentrum-wagap-2013.machines"));
    assert_eq!(clusters.iter().map(|it| added(it).count).collect::<Vec<_>>(), [20, 48]);
    assert_eq!(machines(swf::machines, &folder.join("HPC2N.machines")).len(), 1);
}

#[test]
fn philly_lists() {
    let Some(folder) = published("philly_lists", "philly-derived") else { return };
    for list in ["MIX1", "MIX2", "SLO"] {
        let path = folder.join(format!("trace_job_Philly_{list}.csv.gz"));
        let (jobs, skipped) = arrivals(philly::jobs, &path);
        assert_eq!((jobs.len(), skipped), (30_940, 0), "{list}");
    }
    let source = Source::open(&folder.join("philly_node_sequence.csv.gz")).unwrap();
    let (events, reader) = all(philly::nodes, source);
    assert_eq!(events.len() as u64 + reader.notes().skipped(), 105_644);
}

#[test]
fn alibaba_lists() {
    let Some(folder) = published("alibaba_lists", "") else { return };
    let (jobs, _) =
        arrivals(alibaba::batch2017, &folder.join("alibaba-batch-2017-cloudsimpy/jobs.csv.gz"));
    let tasks: u64 = jobs.iter().map(|job| u64::from(job.tasks)).sum();
    assert_eq!((jobs.len(), tasks), (31_756, 2_551_075));
    let path = folder.join("alibaba-dlrm-gpu-2025/disaggregated_DLRM_trace.csv.gz");
    let (instances, _) = arrivals(alibaba::inference2025, &path);
    let cards = instances.iter().filter(|it| it.each[Kind::Gpus] == 1_000).count();
    let came = instances.iter().filter(|it| it.submit_ns > 0).count();
    assert_eq!((instances.len(), cards), (23_871, 7_386));
    assert!(came <= 16_591 && came > 16_000, "{came}");
    let nodes =
        machines(alibaba::nodes2026, &folder.join("alibaba-spot-gpu-2026/node_info_df.csv"));
    let cards: u32 = nodes.iter().map(|node| added(node).cards).sum();
    assert_eq!((nodes.len(), cards), (4_278, 10_412));
}

#[test]
fn surf_tables() {
    let Some(folder) = published("surf_tables", "surf-lisa-2022") else { return };
    let file = |name: &str| fs::File::open(folder.join(name)).unwrap();
    for (name, rows) in [("surf_halfyear_tasks", 194_917), ("surf_week_tasks", 6_295)] {
        let tasks = surf::tasks(name, file(&format!("{name}.parquet")), Names::new()).unwrap();
        let tasks: Vec<Arrival> = tasks.collect::<Result<_, _>>().unwrap();
        assert_eq!(tasks.len(), rows);
        assert!(tasks.iter().all(|task| task.each.0 == [16_000, 100_000_000, 0, 0, 0]));
        assert_eq!(tasks.iter().map(|task| task.submit_ns).min(), Some(0));
        let half_year_ns = 200 * 86_400 * 1_000_000_000;
        assert!(tasks.iter().all(|task| task.submit_ns < half_year_ns));
    }
    let name = "surf_week_fragments.parquet";
    let fragments = surf::fragments(name, file(name), Names::new()).unwrap();
    let fragments: Vec<_> = fragments.collect::<Result<_, _>>().unwrap();
    assert_eq!(fragments.len(), 2_323_475);
    assert!(fragments.iter().all(|it| it.duration_ns == 30_000_000_000));
    assert!(fragments.iter().all(|it| it.cpu_usage <= 33_600_000));
}

#[test]
fn openb_is_inflated_to_as_many_pods_as_in_its_study() {
    let Some(folder) = published("openb_is_inflated", "alibaba-openb-gpu-2023") else { return };
    let inflate =
        Transform::Inflate { of: Of::Gpus, per_cent: 130, capacity: 6_212_000.try_into().unwrap() };
    let steps = [Transform::Shuffle { keep_times: false }, inflate];
    let counts = (42..47).map(|seed| {
        let list = Source::open(&folder.join("pods/openb_pod_list_default.csv.gz")).unwrap();
        apply(&steps, seed, openb::pods(list, Names::new()).unwrap()).count()
    });
    // The study had about 10,761; which pods are drawn last makes some dozens of difference.
    let counts: Vec<_> = counts.collect();
    assert!(counts.iter().all(|count| (10_600..10_950).contains(count)), "{counts:?}");
}
