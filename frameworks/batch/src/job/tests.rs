//! What is a job, and what is refused with the task at fault.

use super::*;

fn spec(name: &str, depends_on: &[&str]) -> TaskSpec {
    let mut spec = TaskSpec::new(name, vec!["true".to_owned()], Resources::cpus_mem(100, 32));
    spec.depends_on = depends_on.iter().map(|&name| name.to_owned()).collect();
    spec
}

fn job(tasks: Vec<TaskSpec>) -> Result<Job, JobError> {
    Job::new("job".to_owned(), Role::any(), tasks)
}

#[test]
fn what_cannot_be_run_does_not_get_through() {
    assert!(job(vec![spec("a", &[]), spec("b", &["a", "a"])]).is_ok());
    assert_eq!(job(vec![]), Err(JobError::NoTasks));
    for bad in ["", "-a", "a b", "a.b", "a/b", &"x".repeat(97)] {
        assert!(matches!(job(vec![spec(bad, &[])]), Err(JobError::Name { .. })), "{bad}");
    }
    let twice = job(vec![spec("a", &[]), spec("a", &[])]);
    assert_eq!(twice, Err(JobError::Duplicate { task: 1, name: "a".to_owned() }));
    let unknown = job(vec![spec("a", &["z"])]);
    assert!(matches!(unknown, Err(JobError::UnknownDependency { task: 0, .. })));
    let mut none = spec("a", &[]);
    none.instances = 0;
    assert!(matches!(job(vec![none]), Err(JobError::Number { field: "instances", .. })));
    let gang = |instances, timeout| {
        let mut gang = spec("a", &[]);
        (gang.instances, gang.gang_timeout) = (instances, Some(Duration(timeout)));
        job(vec![gang])
    };
    assert!(gang(1_000, 86_400_000).is_ok());
    assert!(matches!(gang(1_001, 1), Err(JobError::Number { field: "instances", .. })));
    for bad in [0, 86_400_001] {
        assert!(matches!(gang(1, bad), Err(JobError::Number { field: "gang_timeout", .. })));
    }
    let mut nowhere = spec("a", &[]);
    nowhere.per_agent_max = Some(0);
    let nowhere = job(vec![nowhere]);
    assert!(matches!(nowhere, Err(JobError::Number { field: "per_agent_max", .. })));
    let mut nothing = spec("a", &[]);
    nothing.resources = Resources::new();
    assert!(matches!(job(vec![nothing]), Err(JobError::NoResources { .. })));
    let mut variable = spec("a", &[]);
    variable.environment.push(("A=B".to_owned(), String::new()));
    assert!(matches!(job(vec![variable]), Err(JobError::Environment { .. })));
    let mut long = spec("a", &[]);
    long.command.push("x".repeat(65_536));
    assert!(matches!(job(vec![long]), Err(JobError::Command { .. })));
    let mut many = spec("a", &[]);
    many.instances = 150_000;
    let mut more = many.clone();
    more.name = "b".to_owned();
    assert!(matches!(job(vec![many, more]), Err(JobError::Number { value: 300_000, .. })));
}

#[test]
fn a_cycle_is_shown() {
    let tasks =
        vec![spec("start", &["c"]), spec("a", &["b"]), spec("b", &["c"]), spec("c", &["a"])];
    let Err(JobError::Cycle { cycle, .. }) = job(tasks) else { panic!("no cycle was found") };
    assert_eq!(cycle, ["c", "a", "b", "c"]);
    let own = job(vec![spec("a", &["a"])]);
    assert!(matches!(own, Err(JobError::Cycle { cycle, .. }) if cycle == ["a", "a"]));
}

#[test]
fn ids_of_attempts_never_collide() {
    let ids: Vec<String> = [("a", 1, 0), ("a", 1, 1), ("a-1", 1, 0), ("a", 11, 0)]
        .iter()
        .map(|(name, instance, attempt)| task_id(name, *instance, *attempt).unwrap().to_string())
        .collect();
    assert_eq!(ids, ["a-1", "a-1.1", "a-1-1", "a-11"]);
}
