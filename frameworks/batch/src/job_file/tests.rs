//! What a job file may say, and where its errors point.

use super::*;

const WHOLE: &str = r#"
[job]
name = "etl"
role = "eng/batch"

[[task]]
name = "fetch"
command = ["fetch", "--all"]
instances = 8
cpus = 0.1
mem = 1_024
disk = "0.125"
env = { A = "1", B = "two" }
retries = 2
timeout = "30s"
user = "nobody"
grace = "500ms"
priority = 1
preemption_notice = "20s"

[[task]]
name = "load"
command = "load < data"
cpus = 2
mem = 64.5
depends_on = ["fetch"]
constraints = ["rack in r1,r2", "hostname not in h7"]
per_agent_max = 2
gang = true
gang_timeout = "60s"
stop_signal = "SIGINT"
kill_steps = [{ after = "100ms", signal = "15" }, { after = "400ms", signal = "quit" }]
max_completion_time = "2h"
domain_spread = ["even over level 1", "at most 3 per level 2"]
revocable = true
"#;

fn problem(text: &str) -> (usize, usize, JobFileProblem) {
    match parse(text, Path::new("job.toml")) {
        Err(JobFileError::Content { line, column, problem, .. }) => (line, column, problem),
        other => panic!("not a problem in the content: {other:?}"),
    }
}

#[test]
fn everything_is_read_exactly() {
    let job = parse(WHOLE, Path::new("job.toml")).unwrap();
    assert_eq!((job.name(), job.role().as_str()), ("etl", "eng/batch"));
    let fetch = &job.tasks()[0];
    assert_eq!(fetch.resources.to_string(), "cpus:0.1;disk:0.125;mem:1024");
    assert_eq!((fetch.instances, fetch.retries), (8, 2));
    assert_eq!(fetch.timeout, Some(Duration(30_000)));
    let grace_period = Some(Duration(500));
    assert_eq!(fetch.kill_policy, KillPolicy { grace_period, ..KillPolicy::default() });
    assert_eq!(fetch.priority, Priority::new(1).unwrap());
    assert_eq!(fetch.preemption_notice, Some(Duration(20_000)));
    assert_eq!((fetch.revocable, job.tasks()[1].revocable), (false, true));
    assert_eq!(fetch.command, ["fetch", "--all"]);
    assert_eq!(fetch.environment[1], ("B".to_owned(), "two".to_owned()));
    let load = &job.tasks()[1];
    assert_eq!(load.command, ["sh", "-c", "load < data"]);
    assert_eq!(load.resources.to_string(), "cpus:2;mem:64.5");
    let text = WHOLE.replace("cpus = 2\n", "cpus = 2\ngpus = 0.5\n");
    let shared = parse(&text, Path::new("job.toml")).unwrap();
    assert_eq!(shared.tasks()[1].resources.to_string(), "cpus:2;gpus:0.5;mem:64.5");
    let text = WHOLE.replace("cpus = 2\n", "cpus = 2\ngpus = 1.5\n");
    let refused = parse(&text, Path::new("job.toml")).unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("asks for 1.5 gpus"), "{cause}");
    let policy = &load.kill_policy;
    assert_eq!((policy.grace_period, policy.signal), (None, StopSignal::Int));
    let step = |ms, signal| KillStep { after: Duration(ms), signal };
    assert_eq!(policy.steps, [step(100, StopSignal::Term), step(400, StopSignal::Quit)]);
    assert_eq!(load.max_completion_time, Some(Duration(7_200_000)));
    assert_eq!(job.dependencies(1), [0]);
    let constraints: Vec<_> = load.constraints.iter().map(ToString::to_string).collect();
    assert_eq!(constraints, ["rack in r1,r2", "hostname not in h7"]);
    let spread: Vec<_> = load.domain_spread.iter().map(ToString::to_string).collect();
    assert_eq!(spread, ["even over level 1", "at most 3 per level 2"]);
    assert_eq!((load.per_agent_max, fetch.per_agent_max), (Some(2), None));
    assert_eq!((load.gang_timeout, fetch.gang_timeout), (Some(Duration(60_000)), None));
    let text = WHOLE.replace("gang_timeout = \"60s\"\n", "");
    let job = parse(&text, Path::new("job.toml")).unwrap();
    assert_eq!(job.tasks()[1].gang_timeout, Some(GANG_TIMEOUT_DEFAULT));
}

#[test]
fn amounts_without_an_exact_thousandth_are_refused_where_they_stand() {
    let bad =
        ["0.1234", "nan", "inf", "-inf", "-0.1", "-1", "1e3", "+1", "true", "\"1.2345\"", "[]"];
    for amount in bad {
        let text = WHOLE.replace("cpus = 0.1", &format!("cpus = {amount}"));
        let (line, column, problem) = problem(&text);
        assert_eq!((line, column), (10, 8), "{amount}");
        assert!(
            matches!(problem, JobFileProblem::Amount { field: "cpus", .. }),
            "{amount}: {problem:?}"
        );
    }
}

#[test]
fn an_image_needs_no_command() {
    let with = |name: &str| {
        let line = format!("image = \"{name}\"");
        WHOLE.replace("command = [\"fetch\", \"--all\"]", &line)
    };
    let job = parse(&with("example.org/tools:1"), Path::new("job.toml")).unwrap();
    let [fetch, load] = job.tasks() else { panic!("{:?}", job.tasks()) };
    assert_eq!(fetch.image.as_deref(), Some("example.org/tools:1"));
    assert_eq!((fetch.command.len(), &load.image), (0, &None));
    let (_, _, found) = problem(&with("no name"));
    assert!(matches!(found, JobFileProblem::Job(JobError::Image { .. })), "{found:?}");
    let (_, _, found) = problem(&with(""));
    assert!(matches!(found, JobFileProblem::Job(JobError::Command { .. })), "{found:?}");
}

#[test]
fn errors_point_at_the_place() {
    let at = |from: &str, to: &str| {
        assert!(WHOLE.contains(from), "{from}");
        problem(&WHOLE.replace(from, to))
    };
    let (line, _, found) = at("retries = 2", "retires = 2");
    assert_eq!(line, 14);
    assert!(matches!(found, JobFileProblem::Form { message } if message.contains("retires")));
    let (line, column, found) = at("\"30s\"", "\"30\"");
    assert_eq!((line, column), (15, 11));
    assert!(matches!(found, JobFileProblem::Time { field: "timeout", .. }));
    let (line, _, found) = at("instances = 8", "instances = -8");
    assert_eq!(line, 9);
    assert!(matches!(found, JobFileProblem::Count { value: -8, .. }));
    let (line, _, found) = at("priority = 1\n", "priority = 10\n");
    assert_eq!(line, 18);
    assert!(matches!(found, JobFileProblem::Priority { value: 10, .. }));
    let (line, column, found) = at("eng/batch", "eng//batch");
    assert_eq!((line, column), (4, 8));
    assert!(matches!(found, JobFileProblem::Role { .. }));
    let (line, _, found) = at("[\"fetch\"]\n", "[\"fetsch\"]\n");
    assert_eq!(line, 22, "the task's name");
    assert!(matches!(found, JobFileProblem::Job(JobError::UnknownDependency { .. })));
    let (line, column, found) = at("hostname not in h7", "hostname h7");
    assert_eq!((line, column), (27, 33));
    assert!(matches!(found, JobFileProblem::Constraint(_)));
    let (line, _, found) = at("gang = true\n", "");
    assert_eq!((line, found), (29, JobFileProblem::NoGang));
    let (line, column, found) = at("\"SIGINT\"", "\"SIGKILL\"");
    assert_eq!((line, column), (31, 15));
    assert!(matches!(found, JobFileProblem::Signal { text, .. } if text == "SIGKILL"));
    let (_, _, found) = at("\"400ms\"", "\"100ms\"");
    let JobFileProblem::Job(JobError::Number { field, value, min, max, .. }) = found else {
        panic!("{found:?}")
    };
    assert_eq!((field, value, min, max), ("kill_steps", 100, 101, 2_999));
    let (_, _, found) = at("\"2h\"", "\"0s\"");
    let JobFileProblem::Job(JobError::Number { field, .. }) = found else { panic!("{found:?}") };
    assert_eq!(field, "max_completion_time");
    let (line, _, found) = at("cpus = 2\n", "");
    assert_eq!(line, 21, "the task's table");
    assert!(matches!(found, JobFileProblem::Form { message } if message.contains("cpus")));
    let (line, _, _) = at("[[task]]\nname = \"load\"", "[[task]\nname = \"load\"");
    assert!(line == 21 || line == 22);
    assert_eq!(problem("[job]\nname = \"a\"\n").2, JobFileProblem::Job(JobError::NoTasks));
}

#[test]
fn the_message_says_where_and_the_cause_says_what() {
    let text = WHOLE.replace("cpus = 0.1", "cpus = nan");
    let error = parse(&text, Path::new("jobs/etl.toml")).unwrap_err();
    assert_eq!(error.to_string(), "jobs/etl.toml:10:8");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("cpus is nan"), "{cause}");
}

#[test]
fn lengths_of_time_have_a_unit() {
    for (text, ms) in [("0s", 0), ("500ms", 500), ("5m", 300_000), ("2h", 7_200_000)] {
        assert_eq!(duration(text), Some(Duration(ms)), "{text}");
    }
    for bad in ["", "5", "s", "1.5s", "-1s", "5 s", "5d", "99999999999999999999s"] {
        assert_eq!(duration(bad), None, "{bad}");
    }
}

const GROUP: &str = r#"
[job]
name = "web"

[[task]]
name = "before"
command = "true"
cpus = 1
mem = 1

[[group]]
name = "web"
instances = 2
depends_on = ["before"]
on_failure = "let-run"

[[group.member]]
name = "fetch"
part = "init"
command = "fetch"
cpus = 3
mem = 16

[[group.member]]
name = "proxy"
part = "sidecar"
command = ["proxy"]
cpus = 0.5
mem = 64

[[group.member]]
name = "serve"
command = ["serve"]
cpus = 1
mem = 64
grace = "9s"
"#;

#[test]
fn a_group_is_a_task_that_holds_what_its_members_do() {
    use bourse_sdk::model::{OnFailure, task_group::Part};
    let job = parse(GROUP, Path::new("job.toml")).unwrap();
    let web = &job.tasks()[1];
    assert_eq!((web.name.as_str(), web.instances), ("web", 2));
    assert_eq!(job.dependencies(1), [0]);
    assert_eq!(web.resources.to_string(), "cpus:3;mem:128");
    let group = web.group.as_ref().unwrap();
    assert_eq!(group.on_failure, OnFailure::LetRun);
    let parts: Vec<_> = group.members.iter().map(|member| member.part).collect();
    assert_eq!(parts, [Part::Init, Part::Sidecar, Part::Main]);
    assert_eq!(group.members[2].task.kill_policy.grace_period, Some(Duration(9_000)));
}

#[test]
fn what_is_wrong_with_a_group_is_said_where_it_stands() {
    let wrong = [
        ("name = \"serve\"\n", "name = \"serve\"\npart = \"init\"\n", 12, "has no main task"),
        ("name = \"serve\"", "name = \"fetch\"", 12, "names \"fetch\" twice"),
        ("name = \"serve\"", "name = \"-\"", 12, "is not a task's name"),
        ("name = \"web\"\ninstances", "name = \"before\"\ninstances", 12, "two tasks"),
        ("part = \"sidecar\"", "part = \"helper\"", 26, "unknown variant"),
        ("mem = 16\n", "mem = 16\ngpus = 1\n", 23, "unknown field"),
    ];
    for (old, new, place, text) in wrong {
        let (line, _, problem) = problem(&GROUP.replacen(old, new, 1));
        assert!(problem.to_string().contains(text), "{problem}");
        assert_eq!(line, place, "{problem}");
    }
    let bare = "[job]\nname = \"j\"\n[[group]]\nname = \"g\"\n";
    let (line, _, problem) = problem(bare);
    assert_eq!((line, problem.to_string().contains("at least one")), (4, true), "{problem}");
}

#[test]
fn volumes_are_given_by_name_or_id() {
    let job = |volumes: &str| {
        let task = "[job]\nname = \"j\"\n[[task]]\nname = \"t\"\ncommand = \"true\"\n";
        format!("{task}cpus = 1\nmem = 1\nvolumes = [{volumes}]\n")
    };
    let both = "{ name = \"data\", path = \"in\", read_only = true }, \
                { id = \"volume-7\", path = \"out\" }";
    let read = parse(&job(both), Path::new("job.toml")).unwrap();
    let found = read.tasks()[0].volumes.iter().map(|it| (it.volume.to_string(), it.read_only));
    let expected = [("data".to_owned(), true), ("volume-7".to_owned(), false)];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let neither = problem(&job("{ path = \"in\" }"));
    assert!(matches!(neither, (8, 12, JobFileProblem::Form { .. })), "{neither:?}");
    let malformed = problem(&job("{ id = \"data\", path = \"in\" }"));
    assert!(matches!(malformed, (8, 19, JobFileProblem::Volume { .. })), "{malformed:?}");
    let outside = problem(&job("{ name = \"data\", path = \"/in\" }"));
    assert!(matches!(outside.2, JobFileProblem::Job(JobError::Volumes { .. })), "{outside:?}");
}
