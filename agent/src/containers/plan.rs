//! From a task to a plan for the jail: a pure translation.

use super::StartRequest;
use crate::images::Used;
use jail::{
    Plan,
    cgroups::{ControllerName, Layout},
    plan::{
        CgroupPlace, ImageRoot, Isolation, Limits, MIN_MEMORY_BYTES, Mount, PLAN_VERSION, Root,
        SANDBOX_IN_IMAGE, Stop, StopStep, User, UserNamespace,
    },
};
use proto::model::{
    AgentId, Devices, KillPolicy, KillStep, Milli, ResourceName, Resources, StopSignal, Value,
};
use std::{collections::BTreeMap, path::PathBuf};

/// What a task finds when it does not say otherwise.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MIB: u64 = 1 << 20;
/// As many users as an image may have in a user namespace; they end with `nobody`, 65534, and one
/// more.
pub(crate) const IDS: u32 = 65_536;

/// What is the same for all containers of an agent.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    pub(crate) agent: AgentId,
    /// Own namespaces and what goes with them; `None` is no isolation.
    pub(crate) full: Option<Confinement>,
    pub(crate) cpu_quota: bool,
    pub(crate) pids_max: u64,
}

/// What containers with namespaces are kept apart by.
#[derive(Debug, Clone)]
pub(crate) struct Confinement {
    pub(crate) cgroups: Cgroups,
    /// Who the users of images are to the host; `None`: themselves.
    pub(crate) user_namespace: Option<UserNamespace>,
    /// What programs are executed under; files for the jail.
    pub(crate) system_call_filters: Vec<PathBuf>,
}

/// Where cgroups are made.
#[derive(Debug, Clone)]
pub(crate) struct Cgroups {
    pub(crate) layout: Layout,
    pub(crate) parent: String,
}

/// Where one container works and is recorded, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) sandbox: PathBuf,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) runtime: PathBuf,
    pub(crate) user: Option<User>,
    /// What it sees as its root file system; `None` is the host's.
    pub(crate) image: Option<Used>,
}

/// The plan of a container.
pub(crate) fn plan(request: &StartRequest, style: &Style, place: Place) -> Plan {
    let env = environment(request, style, &place);
    let stop = stop(&request.task.kill_policy, place.image.as_ref());
    let argv = program(request, &place);
    let full = style.full.as_ref();
    let user_namespace = full.and_then(|full| full.user_namespace);
    let root = place.image.map_or(Root::Host, |image| root(image, user_namespace));
    let cgroups = full.map(|full| &full.cgroups);
    let cgroups = cgroups.filter(|cgroups| !cgroups.layout.controllers.is_empty());
    Plan {
        version: PLAN_VERSION,
        container_id: request.container.to_string(),
        argv,
        env,
        sandbox_dir: place.sandbox,
        mounts: place.mounts,
        runtime_dir: place.runtime,
        user: place.user,
        isolation: match full {
            Some(_) => Isolation::Full { hostname: None },
            None => Isolation::None,
        },
        root,
        limits: cgroups.map_or_else(Limits::default, |cgroups| {
            limits(&request.task.resources, style, cgroups)
        }),
        cgroups: cgroups.map(|cgroups| CgroupPlace {
            layout: cgroups.layout.clone(),
            parent: cgroups.parent.clone(),
        }),
        grace_ms: request.task.grace_period().as_ms(),
        stop,
        oom_score_adj: None,
        process_limits: BTreeMap::new(),
        system_call_filters: full.map_or_else(Vec::new, |full| full.system_call_filters.clone()),
    }
}

/// The task's own variables win over defaults; what says who and where it is wins over them.
fn environment(request: &StartRequest, style: &Style, place: &Place) -> BTreeMap<String, String> {
    let mut env: BTreeMap<String, String> = BTreeMap::new();
    env.insert("PATH".to_owned(), PATH_DEFAULT.to_owned());
    env.extend(place.image.iter().flat_map(|image| image.config.environment.iter().cloned()));
    let sandbox = match place.image {
        Some(_) => SANDBOX_IN_IMAGE.to_owned(),
        None => place.sandbox.display().to_string(),
    };
    env.extend(request.task.command.environment.iter().cloned());
    for (name, value) in [
        ("BOURSE_TASK_ID", request.key.task.to_string()),
        ("BOURSE_FRAMEWORK_ID", request.key.framework.to_string()),
        ("BOURSE_AGENT_ID", style.agent.to_string()),
        ("BOURSE_SANDBOX", sandbox),
    ] {
        env.insert(name.to_owned(), value);
    }
    if let Some(Value::Devices(gpus)) = request.task.resources.get(&ResourceName::GPUS) {
        env.extend(gpu_variables(gpus));
    }
    env
}

/// The image's own program where the task names none.
fn program(request: &StartRequest, place: &Place) -> Vec<String> {
    let own = &request.task.command.arguments;
    match &place.image {
        Some(Used { config, .. }) if own.is_empty() => {
            config.entrypoint.iter().chain(&config.command).cloned().collect()
        }
        _ => own.clone(),
    }
}

/// An image that says nothing else leaves the task in its sandbox.
fn root(image: Used, user_namespace: Option<UserNamespace>) -> Root {
    let Used { layers, config, .. } = image;
    let says = config.working_directory.parent().is_some();
    let working_dir = says.then_some(config.working_directory);
    Root::Image(ImageRoot { layers, working_dir, user_namespace })
}

/// The image's signal where the task leaves it at the usual one.
fn stop(policy: &KillPolicy, image: Option<&Used>) -> Stop {
    let usual = policy.signal == StopSignal::default() && policy.steps.is_empty();
    let wanted = image.and_then(|image| image.config.stop_signal.as_deref()).filter(|_| usual);
    let wanted = wanted.and_then(|name| name.parse::<StopSignal>().ok());
    let signal = wanted.unwrap_or(policy.signal);
    let step =
        |step: &KillStep| StopStep { after_ms: step.after.as_ms(), signal: step.signal.number() };
    Stop { signal: signal.number(), steps: policy.steps.iter().map(step).collect() }
}

/// Which GPUs a task has, and how much of each. The drivers' own variables are set when the names
/// say what the drivers call the devices: a number at the end, as in `gpu0`, or NVIDIA's own id.
fn gpu_variables(gpus: &Devices) -> Vec<(String, String)> {
    let amounts: Vec<_> =
        gpus.iter().map(|(name, Milli(milli))| format!("{name}:{milli}")).collect();
    let mut variables = vec![("BOURSE_GPUS".to_owned(), amounts.join(","))];
    let visible: Option<Vec<String>> = gpus.iter().map(|(name, _)| driver_name(name)).collect();
    if let Some(visible) = visible.map(|names| names.join(",")) {
        for name in ["NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"] {
            variables.push((name.to_owned(), visible.clone()));
        }
    }
    variables
}

fn driver_name(name: &str) -> Option<String> {
    if name.starts_with("GPU-") || name.starts_with("MIG-") {
        return Some(name.to_owned());
    }
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = is_number.then(|| digits.trim_start_matches('0'));
    number.map(|number| if number.is_empty() { "0".to_owned() } else { number.to_owned() })
}

/// Limits for what this host has controllers for; an agent says at its start which are missing.
pub(crate) fn limits(resources: &Resources, style: &Style, cgroups: &Cgroups) -> Limits {
    let has = |name| cgroups.layout.controllers.contains_key(&name);
    let amount = |name: &ResourceName| {
        let milli = resources.scalar(name).0;
        u64::try_from(milli).ok().filter(|milli| *milli > 0)
    };
    let cpu_milli = amount(&ResourceName::CPUS).filter(|_| has(ControllerName::Cpu));
    let memory = amount(&ResourceName::MEM).filter(|_| has(ControllerName::Memory));
    // Thousandths of a MiB.
    let bytes = |milli: u64| (milli.saturating_mul(MIB) / 1_000).max(MIN_MEMORY_BYTES);
    Limits {
        cpu_milli,
        cpu_quota: style.cpu_quota && cpu_milli.is_some(),
        memory_bytes: memory.map(bytes),
        pids_max: has(ControllerName::Pids).then_some(style.pids_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use images::Config;
    use jail::cgroups::{Hierarchy, Version};
    use proto::model::{Command, FrameworkId, StopSignal, TaskInfo, TaskKey};

    fn request() -> StartRequest {
        let command = Command {
            arguments: vec!["true".to_owned()],
            environment: vec![
                ("PATH".to_owned(), "/mine".to_owned()),
                ("BOURSE_TASK_ID".to_owned(), "forged".to_owned()),
            ],
            user: String::new(),
        };
        let (id, agent) = ("t".parse().unwrap(), "a".parse().unwrap());
        let task = TaskInfo::new(id, agent, Resources::cpus_mem(1_500, 64), command);
        let key = TaskKey { framework: FrameworkId(4), task: task.id.clone() };
        let container = agent_core::ContainerId::new("c1").unwrap();
        StartRequest { container, key, owner: None, task: Box::new(task) }
    }

    fn style(controllers: &[ControllerName]) -> Style {
        let hierarchy = |name: &ControllerName| {
            (*name, Hierarchy { version: Version::V1, base: "/sys/fs/cgroup/x".into() })
        };
        let controllers = controllers.iter().map(hierarchy).collect();
        let layout = Layout { controllers, unified: None };
        let full = Some(Confinement {
            cgroups: Cgroups { layout, parent: "p".to_owned() },
            user_namespace: Some(UserNamespace { first_id: 5, count: IDS }),
            system_call_filters: vec!["/d/seccomp/0".into()],
        });
        Style { agent: "a".parse().unwrap(), full, cpu_quota: true, pids_max: 9 }
    }

    fn place() -> Place {
        let (sandbox, runtime) = ("/d/s".into(), "/d/r".into());
        Place { sandbox, mounts: Vec::new(), runtime, user: None, image: None }
    }

    fn of_image(config: Config) -> Place {
        let user = User { uid: 7, gid: 8, groups: Vec::new() };
        let layers = vec!["/i/1".into(), "/i/2".into()];
        Place { image: Some(Used { layers, config, user }), ..place() }
    }

    #[test]
    fn what_a_task_does_not_say_its_image_says() {
        let text = |text: &str| text.to_owned();
        let config = Config {
            entrypoint: vec![text("/serve")],
            command: vec![text("--all")],
            environment: vec![(text("PATH"), text("/of/image")), (text("A"), text("1"))],
            working_directory: "/srv".into(),
            stop_signal: Some(text("SIGINT")),
            ..Config::default()
        };
        let mut request = request();
        request.task.command.arguments.clear();
        request.task.command.environment = vec![(text("A"), text("2"))];
        let all = ControllerName::ALL;
        let plan = plan(&request, &style(&all), of_image(config.clone()));
        plan.validate().expect("a valid plan");
        assert_eq!(plan.argv, ["/serve", "--all"]);
        assert_eq!((plan.env["PATH"].as_str(), plan.env["A"].as_str()), ("/of/image", "2"));
        assert_eq!(plan.env["BOURSE_SANDBOX"], SANDBOX_IN_IMAGE);
        assert_eq!(plan.stop.signal, 2);
        let Root::Image(root) = plan.root else { panic!("{:?}", plan.root) };
        assert_eq!((root.layers.len(), root.working_dir), (2, Some("/srv".into())));
        assert_eq!(root.user_namespace.map(|namespace| namespace.first_id), Some(5));

        request.task.command.arguments = vec![text("sh")];
        request.task.kill_policy.signal = StopSignal::ALL[0];
        let silent = Config { working_directory: "/".into(), stop_signal: None, ..config };
        let plan = super::plan(&request, &style(&all), of_image(silent));
        assert_eq!(plan.argv, ["sh"], "the task's own wins, entry point and all");
        let Root::Image(root) = plan.root else { panic!("{:?}", plan.root) };
        assert_eq!(root.working_dir, None, "its sandbox");
    }

    #[test]
    fn a_task_is_told_which_gpus_it_has() {
        let variables = |list: &[(&str, i64)]| {
            let list = list.iter().map(|(name, milli)| (*name, Milli(*milli)));
            gpu_variables(&Devices::new(list).unwrap())
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("BOURSE_GPUS", "gpu0:500,gpu03:1000"),
            pair("NVIDIA_VISIBLE_DEVICES", "0,3"),
            pair("CUDA_VISIBLE_DEVICES", "0,3"),
        ];
        assert_eq!(variables(&[("gpu03", 1_000), ("gpu0", 500)]), expected);
        let ids = variables(&[("GPU-1f2e-a", 250)]);
        assert_eq!(ids[1], pair("NVIDIA_VISIBLE_DEVICES", "GPU-1f2e-a"));
        for strange in ["left", "a1b2", "gpu-x"] {
            assert_eq!(variables(&[(strange, 1)]).len(), 1, "{strange} is no driver's name");
        }
    }

    #[test]
    fn a_task_becomes_a_plan_that_the_jail_takes() {
        let all = ControllerName::ALL;
        let plan = plan(&request(), &style(&all), place());
        plan.validate().expect("a valid plan");
        assert_eq!(plan.limits.cpu_milli, Some(1_500));
        assert_eq!(plan.limits.memory_bytes, Some(64 << 20));
        assert_eq!(plan.limits.pids_max, Some(9));
        assert_eq!(plan.system_call_filters, [PathBuf::from("/d/seccomp/0")]);
        assert_eq!(plan.env["PATH"], "/mine");
        assert_eq!(plan.env["BOURSE_TASK_ID"], "t", "nobody passes for another task");
        assert_eq!(plan.env["BOURSE_FRAMEWORK_ID"], "framework-4");
    }

    #[test]
    fn every_signal_of_a_policy_is_one_for_the_jail() {
        for signal in StopSignal::ALL {
            let mut request = request();
            let step = KillStep { after: proto::model::Duration(9), signal };
            request.task.kill_policy = KillPolicy { grace_period: None, signal, steps: vec![step] };
            let plan = plan(&request, &style(&ControllerName::ALL), place());
            plan.validate().expect("a valid plan");
            assert_eq!(plan.stop.signal, signal.number());
            assert_eq!(plan.stop.steps, [StopStep { after_ms: 9, signal: signal.number() }]);
        }
    }

    #[test]
    fn what_the_host_cannot_keep_is_not_asked_for() {
        let plan = plan(&request(), &style(&[ControllerName::Memory]), place());
        plan.validate().expect("a valid plan");
        assert_eq!((plan.limits.cpu_milli, plan.limits.cpu_quota), (None, false));
        assert_eq!(plan.limits.memory_bytes, Some(64 << 20));
        let bare = Style { full: None, ..style(&[]) };
        let plan = super::plan(&request(), &bare, place());
        plan.validate().expect("a valid plan");
        assert_eq!((plan.limits, plan.cgroups), (Limits::default(), None));
        assert_eq!(plan.system_call_filters.len(), 0, "a plain process is one for development");
    }
}
