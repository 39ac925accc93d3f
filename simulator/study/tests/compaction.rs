//! How few machines do, of machines that are written down, for one list of tasks or several apart.

use std::{collections::BTreeMap, fs};
use study::{
    campaign,
    error::RunError,
    plan::{Policies, expand},
};

/// Six tasks of 3 cores of one kind, six of 1 core of another.
const TASKS: &str = "{\"bourse_trace\":1,\"of\":\"arrivals\"}\n\
    {\"job\":1,\"submit_ns\":0,\"tasks\":6,\"each\":{\"cpus\":3000},\"priority\":9}\n\
    {\"job\":2,\"submit_ns\":0,\"tasks\":6,\"each\":{\"cpus\":1000}}\n";

fn run(machines: &str, keys: &str) -> Result<BTreeMap<String, f64>, RunError> {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("tasks.jsonl"), TASKS).unwrap();
    let text = format!(
        "name = \"small\"\ntitle = \"small\"\n[compaction]\npolicy = \"first-fit\"\n\
         machines = {machines}\n{keys}\n"
    );
    let points = expand(&text).unwrap();
    let runs = campaign::run_here(&points, data.path(), &Policies::new())?;
    Ok(runs[0].scalars.clone())
}

const MACHINES: &str = "{ list = [{ count = 10, each = { cpus = 4000 } }] }";

#[test]
fn lists_apart_have_machines_of_their_own() {
    let all = "tasks = { file = \"tasks.jsonl\" }";
    let of = run(MACHINES, all).unwrap();
    // The small ones fill what the large ones leave.
    assert_eq!((of["machines"], of.len()), (6.0, 1));
    let only = |what: &str| {
        format!("{{ file = \"tasks.jsonl\", transform = [{{ only = {{ {what} }} }}] }}")
    };
    let apart =
        format!("tasks = {}\napart = [{}]", only("priority_min = 9"), only("priority_max = 8"));
    let of = run(MACHINES, &apart).unwrap();
    assert_eq!((of["machines"], of["machines-1"], of["machines-2"]), (8.0, 6.0, 2.0));
    // Where one of the lists does not fit there is no sum.
    let few = MACHINES.replace("10", "5");
    let of = run(&few, &apart).unwrap();
    assert_eq!((of.get("machines"), of["machines-2"]), (None, 2.0));
}

#[test]
fn machines_are_in_a_file_or_written_down() {
    let tasks = "tasks = { file = \"tasks.jsonl\" }";
    let problem = |machines: &str| run(machines, tasks).unwrap_err().to_string();
    assert!(problem("{}").contains("give a `file` or a `list`"));
    let both = MACHINES.replace("{ list", "{ file = \"a\", list");
    assert!(problem(&both).contains("give a `file` or a `list`"));
    let many = MACHINES.replace("10", "4000000000");
    assert!(problem(&many).contains("4000000000 is more than 1000000"), "{}", problem(&many));
    assert!(problem("{ file = \"tasks.jsonl\" }").contains("holds no machines"));
}
