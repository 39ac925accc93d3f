//! The rules by which a plan is refused, one function for each group of fields.
//!
//! Nothing here looks at the host: a plan that passes may still fail at a step, but it cannot ask
//! for something that has no meaning.

use std::path::{Component, Path};

use super::{
    Isolation, Limits, MAX_FILTERS, MAX_GRACE_MS, MAX_NAME_BYTES, MIN_MEMORY_BYTES, PLAN_VERSION,
    Plan, PlanError,
};
use crate::cgroups::ControllerName;

const MAX_HOSTNAME_BYTES: usize = 64;
const MAX_PATH_BYTES: usize = 4095;
const MAX_CPU_MILLI: u64 = 1_000_000_000;
const MAX_PIDS: u64 = 4_194_304;

impl Plan {
    /// Whether the plan makes sense, and if not, which field does not.
    pub fn validate(&self) -> Result<(), PlanError> {
        if self.version != PLAN_VERSION {
            return Err(PlanError::Version { found: self.version });
        }
        check_name("container_id", &self.container_id)?;
        self.check_program()?;
        self.check_directories()?;
        self.check_mounts()?;
        self.check_isolation()?;
        self.check_root()?;
        self.check_limits()?;
        check_range("grace_ms", self.grace_ms.into(), 0, MAX_GRACE_MS.into())?;
        self.stop.validate()?;
        let filters = self.system_call_filters.len() as i128;
        check_range("system_call_filters", filters, 0, MAX_FILTERS as i128)?;
        for filter in &self.system_call_filters {
            check_path("system_call_filters", filter)?;
        }
        if let Some(score) = self.oom_score_adj {
            check_range("oom_score_adj", score.into(), -1000, 1000)?;
        }
        Ok(())
    }

    fn check_program(&self) -> Result<(), PlanError> {
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(PlanError::NoProgram);
        }
        if self.argv.iter().any(|argument| argument.contains('\0')) {
            return Err(PlanError::ZeroByte { field: "argv" });
        }
        for (name, value) in &self.env {
            if name.is_empty() || name.contains('=') {
                return Err(PlanError::VariableName { name: name.clone() });
            }
            if name.contains('\0') || value.contains('\0') {
                return Err(PlanError::ZeroByte { field: "env" });
            }
        }
        Ok(())
    }

    fn check_directories(&self) -> Result<(), PlanError> {
        check_path("sandbox_dir", &self.sandbox_dir)?;
        check_path("runtime_dir", &self.runtime_dir)?;
        if self.runtime_dir.starts_with(&self.sandbox_dir)
            || self.sandbox_dir.starts_with(&self.runtime_dir)
        {
            return Err(PlanError::DirectoriesOverlap);
        }
        Ok(())
    }

    fn check_isolation(&self) -> Result<(), PlanError> {
        let Isolation::Full { hostname: Some(hostname) } = &self.isolation else { return Ok(()) };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if hostname.is_empty()
            || hostname.len() > MAX_HOSTNAME_BYTES
            || !hostname.bytes().all(allowed)
        {
            return Err(PlanError::Hostname { hostname: hostname.clone() });
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), PlanError> {
        let Limits { cpu_milli, cpu_quota, memory_bytes, pids_max } = self.limits;
        if cpu_quota && cpu_milli.is_none() {
            return Err(PlanError::QuotaWithoutShare);
        }
        let max_memory = u64::try_from(i64::MAX).expect("i64::MAX is not negative");
        for (field, controller, value, min, max) in [
            ("cpu_milli", ControllerName::Cpu, cpu_milli, 1, MAX_CPU_MILLI),
            ("memory_bytes", ControllerName::Memory, memory_bytes, MIN_MEMORY_BYTES, max_memory),
            ("pids_max", ControllerName::Pids, pids_max, 1, MAX_PIDS),
        ] {
            let Some(value) = value else { continue };
            check_range(field, value.into(), min.into(), max.into())?;
            let Some(place) = &self.cgroups else {
                return Err(PlanError::LimitWithoutCgroups { field });
            };
            if !place.layout.controllers.contains_key(&controller) {
                return Err(PlanError::NoController { field, controller });
            }
        }
        let Some(place) = &self.cgroups else { return Ok(()) };
        check_name("cgroups.parent", &place.parent)?;
        let hierarchies = place.layout.controllers.values().map(|hierarchy| &hierarchy.base);
        for base in hierarchies.chain(&place.layout.unified) {
            check_path("cgroups.layout", base)?;
        }
        Ok(())
    }
}

fn check_name(field: &'static str, value: &str) -> Result<(), PlanError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let usable = !value.is_empty()
        && value.len() <= MAX_NAME_BYTES
        && !value.starts_with('.')
        && value.bytes().all(allowed);
    usable.then_some(()).ok_or_else(|| PlanError::Name { field, value: value.to_owned() })
}

pub(super) fn check_path(field: &'static str, path: &Path) -> Result<(), PlanError> {
    let text = path.as_os_str().as_encoded_bytes();
    if text.contains(&0) {
        return Err(PlanError::ZeroByte { field });
    }
    // The raw text is looked at because `components` quietly drops single dots.
    let detour = text.split(|byte| *byte == b'/').any(|part| part == b"." || part == b"..");
    let absolute = path.components().next() == Some(Component::RootDir);
    if absolute && !detour && text.len() <= MAX_PATH_BYTES {
        return Ok(());
    }
    Err(PlanError::Path { field, path: path.to_owned() })
}

pub(super) fn check_range(
    field: &'static str,
    value: i128,
    min: i128,
    max: i128,
) -> Result<(), PlanError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(PlanError::Range { field, value, min, max })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;
    use crate::cgroups::{Hierarchy, Layout, Version};
    use crate::plan::{CgroupPlace, Mount, Root, Stop, StopStep};

    fn sound() -> Plan {
        let hierarchy = Hierarchy { version: Version::V1, base: PathBuf::from("/sys/fs/cgroup/x") };
        let names = [ControllerName::Cpu, ControllerName::Memory, ControllerName::Pids];
        let controllers = names.into_iter().map(|name| (name, hierarchy.clone())).collect();
        Plan {
            version: PLAN_VERSION,
            container_id: "web.1_a-b".into(),
            argv: vec!["true".into()],
            env: BTreeMap::from([("A".into(), "b=c".into())]),
            sandbox_dir: "/work/sandbox".into(),
            mounts: vec![mount("/volumes/1", "data/a", true), mount("/volumes/2", "data/b", false)],
            runtime_dir: "/work/runtime".into(),
            user: None,
            isolation: Isolation::Full { hostname: Some("web-1".into()) },
            root: Root::Host,
            limits: Limits {
                cpu_milli: Some(1),
                cpu_quota: true,
                memory_bytes: Some(MIN_MEMORY_BYTES),
                pids_max: Some(1),
            },
            cgroups: Some(CgroupPlace {
                layout: Layout { controllers, unified: None },
                parent: "agent".into(),
            }),
            grace_ms: 0,
            stop: Stop { signal: 2, steps: vec![StopStep { after_ms: 5, signal: 15 }] },
            oom_score_adj: Some(-1000),
            process_limits: BTreeMap::new(),
            system_call_filters: Vec::new(),
        }
    }

    fn mount(source: &str, path: &str, read_only: bool) -> Mount {
        Mount { source: source.into(), path: path.into(), read_only }
    }

    fn refusal(change: impl FnOnce(&mut Plan)) -> PlanError {
        let mut plan = sound();
        change(&mut plan);
        let by_value = plan.validate().expect_err("the changed plan must be refused");
        let by_text =
            Plan::from_json(&plan.to_json().unwrap()).expect_err("also when it comes as text");
        assert_eq!(by_value.to_string(), by_text.to_string());
        by_value
    }

    #[test]
    fn a_sound_plan_comes_back_whole() {
        let plan = sound();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
    }

    #[test]
    fn unknown_fields_are_refused_at_every_level() {
        for (known, unknown) in [
            (r#""version":1"#, r#""version":1,"colour":"red""#),
            (r#""cpu_milli":1"#, r#""cpu_milli":1,"gpu":1"#),
            (r#""hostname":"web-1""#, r#""hostname":"web-1","network":"none""#),
            (r#""parent":"agent""#, r#""parent":"agent","child":"x""#),
            (r#""root":"host""#, r#""root":"image""#),
            (r#""read_only":true"#, r#""read_only":true,"recursive":true"#),
        ] {
            let text = String::from_utf8(sound().to_json().unwrap()).unwrap();
            let changed = text.replacen(known, unknown, 1);
            assert_ne!(text, changed, "{known} is in the text");
            let error = Plan::from_json(changed.as_bytes()).unwrap_err();
            assert!(matches!(error, PlanError::Malformed(_)), "{unknown}: {error}");
        }
    }

    #[test]
    fn size_syntax_and_version() {
        let spaces = vec![b' '; crate::plan::MAX_PLAN_BYTES + 1];
        assert!(matches!(Plan::from_json(&spaces), Err(PlanError::TooLarge)));
        assert!(matches!(Plan::from_json(b"{"), Err(PlanError::Malformed(_))));
        let newer = br#"{"version":2,"something":"new"}"#;
        assert!(matches!(Plan::from_json(newer), Err(PlanError::Version { found: 2 })));
        assert!(matches!(refusal(|plan| plan.version = 0), PlanError::Version { found: 0 }));
    }

    #[test]
    fn filters_are_files_by_their_whole_path_and_not_too_many() {
        let error = refusal(|plan| plan.system_call_filters = vec!["filter".into()]);
        assert!(matches!(error, PlanError::Path { field: "system_call_filters", .. }));
        let many = vec![std::path::PathBuf::from("/filter"); MAX_FILTERS + 1];
        let error = refusal(|plan| plan.system_call_filters = many);
        assert!(matches!(error, PlanError::Range { value: 17, max: 16, .. }), "{error}");
    }

    #[test]
    fn names_that_leave_the_cgroup() {
        for name in ["", ".", "..", ".hidden", "a/b", "a b", "ä", "a\0", &"x".repeat(201)] {
            let error = refusal(|plan| plan.container_id = name.to_owned());
            assert!(matches!(error, PlanError::Name { field: "container_id", .. }), "{name}");
            let error = refusal(|plan| {
                plan.cgroups.as_mut().unwrap().parent = name.to_owned();
            });
            assert!(matches!(error, PlanError::Name { field: "cgroups.parent", .. }), "{name}");
        }
    }

    #[test]
    fn programs_and_environments_the_kernel_cannot_take() {
        assert!(matches!(refusal(|plan| plan.argv.clear()), PlanError::NoProgram));
        assert!(matches!(refusal(|plan| plan.argv[0].clear()), PlanError::NoProgram));
        let error = refusal(|plan| plan.argv.push("a\0b".into()));
        assert!(matches!(error, PlanError::ZeroByte { field: "argv" }));
        for name in ["", "A=B"] {
            let error = refusal(|plan| drop(plan.env.insert(name.into(), String::new())));
            assert!(matches!(error, PlanError::VariableName { .. }), "{name:?}");
        }
        let error = refusal(|plan| drop(plan.env.insert("B".into(), "\0".into())));
        assert!(matches!(error, PlanError::ZeroByte { field: "env" }));
    }

    #[test]
    fn directories_with_detours_or_inside_one_another() {
        for path in ["", "relative", "/a/../b", "/a/./b", &format!("/{}", "x".repeat(4096))] {
            let error = refusal(|plan| plan.sandbox_dir = path.into());
            assert!(matches!(error, PlanError::Path { field: "sandbox_dir", .. }), "{path}");
            let error = refusal(|plan| plan.runtime_dir = path.into());
            assert!(matches!(error, PlanError::Path { field: "runtime_dir", .. }), "{path}");
        }
        let error = refusal(|plan| plan.sandbox_dir = "/a\0b".into());
        assert!(matches!(error, PlanError::ZeroByte { field: "sandbox_dir" }));
        for path in ["/work/sandbox", "/work/sandbox/inner", "/work", "/"] {
            let error = refusal(|plan| plan.runtime_dir = path.into());
            assert!(matches!(error, PlanError::DirectoriesOverlap), "{path}");
        }
        let error = refusal(|plan| {
            plan.cgroups.as_mut().unwrap().layout.unified = Some("sys".into());
        });
        assert!(matches!(error, PlanError::Path { field: "cgroups.layout", .. }));
    }

    #[test]
    fn mounts_that_lead_elsewhere_or_into_one_another() {
        for source in ["relative", "/a/../b", ""] {
            let error = refusal(|plan| plan.mounts[0].source = source.into());
            assert!(matches!(error, PlanError::Path { field: "mounts.source", .. }), "{source}");
        }
        for source in ["/", "/work", "/work/sandbox/x", "/work/runtime", "/work/runtime/x"] {
            let error = refusal(|plan| plan.mounts[0].source = source.into());
            assert!(matches!(error, PlanError::MountSource { .. }), "{source}");
        }
        for path in ["", "/data", "../data", "data/../x", "stdout", "stderr/x"] {
            let error = refusal(|plan| plan.mounts[0].path = path.into());
            assert!(matches!(error, PlanError::MountPath { .. }), "{path}");
        }
        for path in ["data", "data/b", "data/b/c"] {
            let error = refusal(|plan| plan.mounts[0].path = path.into());
            assert!(matches!(error, PlanError::MountsOverlap { .. }), "{path}");
        }
        let many = |index: u32| mount("/volumes/1", &format!("many/{index}"), false);
        let error = refusal(|plan| plan.mounts.extend((0..255).map(many)));
        assert!(matches!(error, PlanError::Range { field: "mounts", .. }));
        let error = refusal(|plan| plan.isolation = Isolation::None);
        assert!(matches!(error, PlanError::ReadOnlyMount { .. }), "{error}");
    }

    #[test]
    fn a_plan_without_mounts_is_the_one_from_before_there_were_any() {
        let plan = Plan { mounts: Vec::new(), ..sound() };
        let text = String::from_utf8(plan.to_json().unwrap()).unwrap();
        assert!(!text.contains("mounts"), "{text}");
        assert_eq!(Plan::from_json(text.as_bytes()).unwrap(), plan);
    }

    #[test]
    fn host_names() {
        for name in ["", "a_b", "a b", &"x".repeat(65)] {
            let isolation = Isolation::Full { hostname: Some(name.to_owned()) };
            let error = refusal(|plan| plan.isolation = isolation);
            assert!(matches!(error, PlanError::Hostname { .. }), "{name}");
        }
    }

    #[test]
    fn signals_that_ask_nobody_to_end() {
        for number in [i32::MIN, -15, 0, 9, 11, 17, 18, 19, 34, 64, i32::MAX] {
            let error = refusal(|plan| plan.stop.signal = number);
            assert!(matches!(error, PlanError::Signal { field: "stop.signal", .. }), "{number}");
            let error = refusal(|plan| plan.stop.steps[0].signal = number);
            assert!(matches!(error, PlanError::Signal { field: "stop.steps.signal", .. }));
        }
        let after = |plan: &mut Plan, times: &[u64]| {
            let step = |&after_ms: &u64| StopStep { after_ms, signal: 15 };
            plan.stop.steps = times.iter().map(step).collect();
        };
        for times in [&[3, 3][..], &[3, 2], &[MAX_GRACE_MS + 1]] {
            let error = refusal(|plan| after(plan, times));
            assert!(matches!(error, PlanError::Range { field: "stop.steps.after_ms", .. }));
        }
        let many: Vec<u64> = (0..65).collect();
        let error = refusal(|plan| after(plan, &many));
        assert!(matches!(error, PlanError::Range { field: "stop.steps", .. }), "{error}");
    }

    #[test]
    fn numbers_out_of_range() {
        type Change = fn(&mut Plan);
        let changes: [(&str, Change); 7] = [
            ("cpu_milli", |plan| plan.limits.cpu_milli = Some(0)),
            ("cpu_milli", |plan| plan.limits.cpu_milli = Some(u64::MAX)),
            ("memory_bytes", |plan| plan.limits.memory_bytes = Some(MIN_MEMORY_BYTES - 1)),
            ("memory_bytes", |plan| plan.limits.memory_bytes = Some(u64::MAX)),
            ("pids_max", |plan| plan.limits.pids_max = Some(0)),
            ("grace_ms", |plan| plan.grace_ms = MAX_GRACE_MS + 1),
            ("oom_score_adj", |plan| plan.oom_score_adj = Some(1001)),
        ];
        for (expected, change) in changes {
            let error = refusal(change);
            let PlanError::Range { field, .. } = error else { panic!("{expected}: {error}") };
            assert_eq!(field, expected);
        }
    }

    #[test]
    fn limits_that_nothing_would_keep() {
        let error = refusal(|plan| plan.limits.cpu_milli = None);
        assert!(matches!(error, PlanError::QuotaWithoutShare));
        let error = refusal(|plan| plan.cgroups = None);
        assert!(matches!(error, PlanError::LimitWithoutCgroups { field: "cpu_milli" }));
        let error = refusal(|plan| {
            let layout = &mut plan.cgroups.as_mut().unwrap().layout;
            layout.controllers.remove(&ControllerName::Memory);
        });
        assert!(matches!(error, PlanError::NoController { field: "memory_bytes", .. }));
    }
}
