//! What people write: settings as files and as environment, job files, scenarios, recorded
//! workloads.
//!
//! An input is read as each of them. What is believed is written and read as the same; what is not
//! says what is wrong, in a text that can be shown.

use super::scratch;
use crate::situation::{met, met_error};
use agent::{AgentArgs, AgentSettings};
use batch::{job_file, swf::SwfReader};
use master::{MasterArgs, MasterSettings};
use simulator::trial::Scenario;
use std::{error::Error, fs, path::Path};

const AGENT: &str = "\
master = \"127.0.0.1:5050, host-2.example:5050\"
agent_id = \"a1\"
hostname = \"host-1.example\"
resources = \"cpus:4;mem:2048;ports:[31000-32000];gpus:{gpu0:1000,gpu1:500};names:{a,b}\"
reservations = \"eng=cpus:1;mem:64 ops=cpus:0.5\"
attributes = \"rack:r1;units:1.5;slots:[1-4]\"
domain = \"zone-1/rack-1\"
data_dir = \"/var/lib/bourse\"
listen = \"0.0.0.0:5051\"
isolation = \"emulated\"
emulated_task_ms = 50
cpu_quota = true
pids_max = 100
launches_max = 4
insecure = true
";

const MASTER: &str = "\
cluster = \"fuzz\"
node_id = 1
listen = \"127.0.0.1:5050\"
peer_listen = \"127.0.0.1:5060\"
data_dir = \"/var/lib/bourse\"
insecure = true
offer_timeout_ms = 0
agent_timeout_ms = 30000
placement = \"pack\"
unshared_resources = \"gpus\"
tick_ms = 100
election_ticks = 10
heartbeat_ticks = 2
[members.1]
api = \"127.0.0.1:5050\"
peer = \"127.0.0.1:5060\"
[members.2]
api = \"127.0.0.1:5051\"
peer = \"127.0.0.1:5061\"
[call_rates]
\"*\" = \"100/200\"
\"framework/alice\" = \"none\"
[weights]
eng = \"2.5\"
";

const JOB: &str = "\
[job]
name = \"etl\"
role = \"eng/batch\"
[[task]]
name = \"fetch\"
command = [\"fetch\", \"--all\"]
instances = 8
cpus = 0.1
mem = 1_024
disk = \"0.125\"
env = { A = \"1\", B = \"two\" }
retries = 2
timeout = \"30s\"
grace = \"500ms\"
priority = 1
[[task]]
name = \"load\"
command = \"load < data\"
cpus = 2
mem = 64.5
depends_on = [\"fetch\"]
constraints = [\"rack in r1,r2\", \"hostname not in h7\"]
per_agent_max = 2
gang = true
gang_timeout = \"60s\"
kill_steps = [{ after = \"100ms\", signal = \"15\" }]
domain_spread = [\"even over level 1\"]
";

/// As variables of the environment; keys that lie within tables have none.
const ENVIRONMENT: &str = "\
BOURSE_AGENT_MASTER=127.0.0.1:5050
BOURSE_AGENT_DATA_DIR=/data
BOURSE_AGENT_INSECURE=true
BOURSE_AGENT_RESOURCES=cpus:2
BOURSE_MASTER_CLUSTER=fuzz
BOURSE_MASTER_NODE_ID=1
BOURSE_MASTER_MEMBERS=1=127.0.0.1:5050,2=127.0.0.1:5051/127.0.0.1:5061
BOURSE_MASTER_PEER_LISTEN=127.0.0.1:5060
BOURSE_MASTER_DATA_DIR=/data
BOURSE_MASTER_INSECURE=true
BOURSE_MASTER_WEIGHTS=eng=2,ops=0.5
BOURSE_MASTER_CALL_RATES=*=100/200
";

const WORKLOAD: &str = "\
; a comment
1 0 10 3600 4 -1 -1 4 3600 -1 1 1 1 1 1 -1 -1 -1
2 5.5 10 60 1 -1 -1 1 120 -1 1 1 1 1 1 -1 -1 -1
";

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let museum = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulator/museum");
    let mut scenarios: Vec<_> = fs::read_dir(museum)
        .expect("a folder of the repository")
        .map(|file| fs::read(file.expect("a file").path()).expect("a file of the repository"))
        .collect();
    scenarios.sort_by_key(Vec::len);
    scenarios.truncate(3);
    let texts = [AGENT, MASTER, JOB, ENVIRONMENT, WORKLOAD];
    texts.iter().map(|text| text.as_bytes().to_vec()).chain(scenarios).collect()
}

pub(super) fn read(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let path = Path::new("fuzz.toml");
    match job_file::parse(&text, path) {
        Ok(job) => met(("job", job.tasks().len(), job.instance_count())),
        Err(error) => show("job", &error),
    }
    match Scenario::read(&text) {
        Ok(scenario) => {
            met(("scenario", scenario.faults.len()));
            let again = Scenario::read(&scenario.write()).expect("what was written");
            assert_eq!(again.write(), scenario.write());
        }
        Err(error) => show("scenario", &error),
    }
    let copy: Vec<u8> = bytes.to_vec();
    for job in SwfReader::new(path, Box::new(std::io::Cursor::new(copy))).take(1_000) {
        match job {
            Ok(_) => met("workload"),
            Err(error) => show("workload", &error),
        }
    }
    let place = scratch();
    let file = place.path().join("settings.toml");
    let environment = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    for from_file in [true, false] {
        fs::write(&file, bytes).expect("a file for a test");
        let config = from_file.then(|| file.clone());
        read_agent(config.clone(), &environment, &file);
        fs::write(&file, bytes).expect("a file for a test");
        read_master(config, &environment, &file);
    }
}

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

fn read_agent(config: Option<std::path::PathBuf>, environment: Environment<'_>, file: &Path) {
    match AgentSettings::load_with(&AgentArgs { config, ..AgentArgs::default() }, environment) {
        Ok(settings) => {
            met(("agent", settings.resources.iter().count(), settings.reservations.len()));
            fs::write(file, settings.to_toml()).expect("a file for a test");
            let again = AgentArgs { config: Some(file.to_owned()), ..AgentArgs::default() };
            let again = AgentSettings::load_with(&again, &|_| None);
            assert_eq!(again.expect("what was printed"), settings);
        }
        Err(error) => show("agent", &error),
    }
}

fn read_master(config: Option<std::path::PathBuf>, environment: Environment<'_>, file: &Path) {
    match MasterSettings::load(&MasterArgs { config, ..MasterArgs::default() }, environment) {
        Ok(settings) => {
            met(("master", settings.members.len(), settings.weights.len()));
            // What passes for settings is a configuration that the core takes.
            settings.core_config(1).assert_valid();
            fs::write(file, settings.to_toml()).expect("a file for a test");
            let again = MasterArgs { config: Some(file.to_owned()), ..MasterArgs::default() };
            let again = MasterSettings::load(&again, |_| None);
            assert_eq!(again.expect("what was printed"), settings);
        }
        Err(error) => show("master", &error),
    }
}

/// Each cause has words.
fn show(place: &str, error: &dyn Error) {
    met_error(place, error);
    let mut next = Some(error);
    while let Some(error) = next {
        assert!(!error.to_string().is_empty(), "{place}: {error:?}");
        next = error.source();
    }
}
