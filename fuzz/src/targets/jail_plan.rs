//! A container's plan, as the supervisor reads it from its standard input.
//!
//! It is refused, or it is believed whole: what is believed is written and read as the same, and
//! asks for nothing that a believed plan may not ask for.

use crate::situation::{met, met_variant};
use jail::plan::Plan;

const WHOLE: &str = r#"{
"version": 1,
"container_id": "c1-t1",
"argv": ["sleep", "60"],
"env": {"PATH": "/bin", "A": "1"},
"sandbox_dir": "/var/lib/bourse/sandboxes/c1",
"mounts": [{"source": "/var/lib/bourse/volumes/v1", "path": "data", "read_only": false}],
"runtime_dir": "/var/lib/bourse/run/c1",
"user": {"uid": 65534, "gid": 65534, "groups": [1, 2]},
"isolation": {"full": {"hostname": "task-1"}},
"limits": {"cpu_milli": 500, "cpu_quota": true, "memory_bytes": 67108864, "pids_max": 100},
"cgroups": {"layout": {"controllers": {"cpu": {"version": "v2", "base": "/sys/fs/cgroup"},
"memory": {"version": "v1", "base": "/sys/fs/cgroup/memory"},
"pids": {"version": "v2", "base": "/sys/fs/cgroup"}}, "unified": "/sys/fs/cgroup"},
"parent": "a1"},
"grace_ms": 5000,
"oom_score_adj": 10,
"process_limits": {"open_files": 1024, "core_bytes": 0}
}"#;

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let plan = Plan::from_json(WHOLE.as_bytes()).expect("a plan that makes sense");
    let compact = serde_json::to_vec(&plan).expect("plain data");
    let small = concat!(
        r#"{"version":1,"container_id":"c","argv":["a"],"sandbox_dir":"/s","runtime_dir":"/r","#,
        r#""isolation":"none","grace_ms":0}"#
    );
    vec![WHOLE.as_bytes().to_vec(), compact, small.into()]
}

pub(super) fn read(bytes: &[u8]) {
    match Plan::from_json(bytes) {
        Ok(plan) => {
            met_variant("believed", &plan.isolation);
            plan.validate().expect("it was read through the same checks");
            let written = serde_json::to_vec(&plan).expect("plain data");
            assert_eq!(Plan::from_json(&written).expect("what was believed"), plan);
            assert!(plan.sandbox_dir.is_absolute() && plan.runtime_dir.is_absolute());
            assert!(!plan.argv[0].is_empty());
            let texts = plan.argv.iter().chain(plan.env.keys()).chain(plan.env.values());
            assert!(texts.into_iter().all(|text| !text.contains('\0')));
            let name = &plan.container_id;
            assert!(!matches!(name.as_str(), "" | "." | "..") && !name.contains('/'), "{name:?}");
            for mount in &plan.mounts {
                let place = plan.sandbox_dir.join(&mount.path);
                let detour = |part| matches!(part, std::path::Component::ParentDir);
                assert!(place.starts_with(&plan.sandbox_dir), "{}", place.display());
                assert!(!place.components().any(detour), "{}", place.display());
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert!(!said.is_empty());
            met_variant("refused", &error);
            met(said.split([':', '`', '"']).next());
        }
    }
}
