//! The environment is exactly the plan's; nothing of the spawner's gets through.

use std::collections::BTreeMap;

use jail::launch;

use crate::rig::{Rig, program};

fn judge(rig: &Rig) {
    let given = BTreeMap::from([
        ("EMPTY".to_owned(), String::new()),
        ("TRICKY".to_owned(), "a=b c\td".to_owned()),
    ]);
    let mut plan = rig.plan(&["env"]);
    plan.env = given;
    let nothing: [&str; 0] = [];
    let mut command = launch::command(program(), nothing);
    command.env("SECRET", "of the spawner");
    rig.launch_by(command, &plan).wait();
    assert_eq!(rig.stdout(), "EMPTY=\nTRICKY=a=b c\td\n");
}

#[test]
fn environment_is_exact() {
    let Some(rig) = Rig::root("environment_is_exact") else { return };
    judge(&rig);
}

#[test]
fn environment_is_exact_without_isolation() {
    judge(&Rig::plain());
}
