//! Settings: which layer wins, and what is refused with which words.

use clap::Args as _;
use master::{
    MasterArgs, MasterSettings, Security, SettingsError,
    settings::{Malformed, Origin, Problem},
};
use proto::model::{Duration, NodeId};
use std::{fs, path::PathBuf};

const FILE: &str = r#"
cluster = "from-file"
node_id = 2
listen = "127.0.0.1:6000"
peer_listen = "127.0.0.1:6001"
data_dir = "/var/lib/bourse"
insecure = true
agent_timeout_ms = 40000
heartbeat_interval_ms = 4000

[members.1]
api = "a:1"
peer = "a:2"
[members.2]
api = "b:1"
peer = "b:2"
[members.3]
api = "[::1]:1"
peer = "[::1]:2"

[weights]
"eng/search" = "2.5"
"#;

struct Case {
    folder: tempfile::TempDir,
    arguments: MasterArgs,
    environment: Vec<(&'static str, &'static str)>,
}

impl Case {
    fn file(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.toml");
        fs::write(&path, text).unwrap();
        let arguments = MasterArgs { config: Some(path), ..MasterArgs::default() };
        Self { folder, arguments, environment: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("master.toml")
    }

    fn load(&self) -> Result<MasterSettings, SettingsError> {
        MasterSettings::load(&self.arguments, |name| {
            let found = self.environment.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// The key, its origin and the problem of a refused value.
    fn refused(&self) -> (&'static str, Origin, Problem) {
        match self.load() {
            Err(SettingsError::Invalid { key, origin, problem }) => (key, origin, problem),
            other => panic!("{other:?}"),
        }
    }
}

fn flags(set: impl FnOnce(&mut MasterArgs)) -> Case {
    let mut case = Case::file(FILE);
    set(&mut case.arguments);
    case
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let mut case = flags(|flags| flags.agent_timeout_ms = Some("70000".to_owned()));
    case.environment = vec![
        ("BOURSE_MASTER_AGENT_TIMEOUT_MS", "60000"),
        ("BOURSE_MASTER_CLUSTER", "from-environment"),
        ("BOURSE_MASTER_OFFER_TIMEOUT_MS", "0"),
    ];
    let settings = case.load().unwrap();
    assert_eq!(settings.agent_timeout, Duration(70_000));
    assert_eq!(settings.cluster.as_str(), "from-environment");
    assert_eq!(settings.offer_timeout, None);
    assert_eq!(settings.heartbeat_interval, Duration(4_000));
    assert_eq!(settings.tick, Duration(100));
    assert_eq!(settings.security, Security::Insecure);
    assert_eq!(settings.members[&NodeId(3)].peer.as_deref(), Some("[::1]:2"));
    assert_eq!(settings.weights.values().next().unwrap().0, 2_500);
    let unshared: Vec<_> = settings.unshared_resources.iter().map(|name| name.as_str()).collect();
    assert_eq!(unshared, ["gpus"], "by default");
}

#[test]
fn what_is_printed_gives_the_same_settings() {
    let settings = Case::file(FILE).load().unwrap();
    let again = Case::file(&settings.to_toml()).load().unwrap();
    assert_eq!(settings, again);
}

#[test]
fn the_file_can_be_named_in_the_environment() {
    let mut case = Case::file(FILE);
    let path = case.arguments.config.take().unwrap().display().to_string();
    let settings = MasterSettings::load(&case.arguments, |name| {
        (name == "BOURSE_MASTER_CONFIG").then(|| path.clone())
    });
    assert_eq!(settings.unwrap().node, NodeId(2));
}

#[test]
fn unknown_and_repeated_keys_of_a_file_are_refused() {
    for text in [
        "agent_timeout = 5\n",
        "cluster = \"a\"\ncluster = \"b\"\n",
        "[tls]\nauthority = \"x\"\n",
        "[members.1]\naddress = \"a:1\"\n",
        "node_id = \"one\"\n",
        "insecure",
    ] {
        let outcome = Case::file(text).load();
        assert!(matches!(outcome, Err(SettingsError::FileMalformed { .. })), "{text}: {outcome:?}");
    }
    let mut case = Case::file("");
    case.arguments.config = Some(case.folder.path().join("absent.toml"));
    assert!(matches!(case.load(), Err(SettingsError::FileUnreadable { .. })));
}

#[test]
fn a_refused_value_names_its_key_and_who_said_it() {
    let case = Case::file(&FILE.replace("4000\n", "40000\n"));
    let (key, origin, problem) = case.refused();
    assert_eq!((key, origin), ("agent_timeout_ms", Origin::File(case.path())));
    assert!(matches!(problem, Problem::NotMore { value: 40_000, bound: 40_000, .. }));

    let mut case = Case::file(FILE);
    case.environment = vec![("BOURSE_MASTER_TICK_MS", "-1")];
    let (key, origin, _) = case.refused();
    let variable = "BOURSE_MASTER_TICK_MS".to_owned();
    assert_eq!((key, origin), ("tick_ms", Origin::Environment(variable)));

    let case = flags(|flags| flags.listen = Some("localhost".to_owned()));
    let text = "localhost".to_owned();
    let flag = Origin::Flag("--listen".to_owned());
    assert_eq!(case.refused(), ("listen", flag, Malformed::ListenAddress { text }.into()));
}

#[test]
fn values_that_cannot_be_are_refused() {
    type Set = fn(&mut MasterArgs, String);
    let cases: [(&str, Set, &str); 14] = [
        ("node_id", |f, v| f.node_id = Some(v), "4"),
        ("node_id", |f, v| f.node_id = Some(v), "0"),
        ("cluster", |f, v| f.cluster = Some(v), "no spaces"),
        ("data_dir", |f, v| f.data_dir = Some(v), ""),
        ("insecure", |f, v| f.insecure = Some(v), "perhaps"),
        ("weights", |f, v| f.weights = Some(v), "a=0"),
        ("weights", |f, v| f.weights = Some(v), "a=1,a=2"),
        ("weights", |f, v| f.weights = Some(v), "a=NaN"),
        ("weights", |f, v| f.weights = Some(v), "/a=1"),
        ("unshared_resources", |f, v| f.unshared_resources = Some(v), "gpus,no spaces"),
        ("placement", |f, v| f.placement = Some(v), "tight"),
        ("election_ticks", |f, v| f.election_ticks = Some(v), "4"),
        ("peer_listen", |f, v| f.peer_listen = Some(v), "127.0.0.1:0"),
        ("snapshot_entries", |f, v| f.snapshot_entries = Some(v), "0"),
    ];
    for (key, set, value) in cases {
        let case = flags(|flags| set(flags, value.to_owned()));
        let (found, origin, problem) = case.refused();
        assert_eq!(found, key, "{value}: {problem:?}");
        assert!(matches!(origin, Origin::Flag(_)), "{key}: {origin:?}");
    }
}

#[test]
fn members_must_be_distinct_reachable_and_an_odd_few() {
    let cases = [
        ("1=a:1/a:2,1=b:1/b:2,3=c:1/c:2", Problem::MemberTwice { node: NodeId(1) }),
        ("1=a:1/a:2,2=a:1/b:2,3=c:1/c:2", Problem::AddressTwice { address: "a:1".to_owned() }),
        ("1=a:1/a:2,2=b:1/b:2", Problem::MemberCount { count: 2 }),
        ("1=a:1/a:2,2=b:1,3=c:1/c:2", Problem::NoPeerAddress { node: NodeId(2) }),
        ("1=a:1/a:2,2=b:1/b:2,3=c:0/c:2", Problem::PortZero),
        ("1=a/a:2", Malformed::CallAddress { text: "a".to_owned() }.into()),
        ("1=a b:1/a:2", Malformed::CallAddress { text: "a b:1".to_owned() }.into()),
        ("1=a:99999/a:2", Malformed::CallAddress { text: "a:99999".to_owned() }.into()),
        (
            "0=a:1/a:2",
            Malformed::Number { text: "0".to_owned(), minimum: 1, maximum: 1 << 63 }.into(),
        ),
    ];
    for (text, expected) in cases {
        let case = flags(|flags| flags.members = Some(text.to_owned()));
        let (key, _, problem) = case.refused();
        assert_eq!((key, problem), ("members", expected), "{text}");
    }
    let case = flags(|flags| {
        flags.members = Some("7=somewhere:0".to_owned());
        flags.node_id = Some("7".to_owned());
    });
    assert_eq!(case.load().unwrap().members[&NodeId(7)].peer, None);
}

#[test]
fn security_is_said_once_and_completely() {
    let none = Case::file(&FILE.replace("insecure = true", ""));
    assert!(matches!(none.load(), Err(SettingsError::NoSecurity)));
    let denied = Case::file(&FILE.replace("insecure = true", "insecure = false"));
    assert!(matches!(denied.load(), Err(SettingsError::NoSecurity)));
    let both = flags(|flags| flags.tls_key = Some("key.pem".to_owned()));
    match both.load() {
        Err(SettingsError::Contradiction { insecure, key: "tls.key", tls }) => {
            assert_eq!(insecure, Origin::File(both.path()));
            assert_eq!(tls, Origin::Flag("--tls-key".to_owned()));
        }
        other => panic!("{other:?}"),
    }
    let half =
        Case::file(&format!("{}\n[tls]\nca = \"ca.pem\"\n", FILE.replace("insecure = true", "")));
    match half.load() {
        Err(SettingsError::Missing { key, variable, .. }) => {
            assert_eq!((key, &*variable), ("tls.certificate", "BOURSE_MASTER_TLS_CERTIFICATE"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_setting_of_a_file_is_also_a_flag() {
    let command = MasterArgs::augment_args(clap::Command::new("master"));
    command.clone().debug_assert();
    let flags: Vec<_> =
        command.get_arguments().filter_map(|argument| argument.get_long()).collect();
    let printed = Case::file(FILE).load().unwrap().to_toml();
    for line in printed.lines().filter(|line| !line.starts_with('[') && line.contains(" = ")) {
        let key = line.split(" = ").next().unwrap().replace('_', "-");
        let in_table = matches!(&*key, "api" | "peer" | "default") || key.starts_with('"');
        assert!(in_table || flags.contains(&&*key), "{key}");
    }
    let tables = ["tls-ca", "tls-certificate", "tls-key", "members", "weights", "call-rates"];
    for flag in tables.into_iter().chain(["metrics-listen"]) {
        assert!(flags.contains(&flag), "{flag}");
    }
}

#[test]
fn insecure_needs_no_value_as_a_flag() {
    let command = MasterArgs::augment_args(clap::Command::new("master"));
    let matches = command.try_get_matches_from(["master", "--insecure"]).unwrap();
    let arguments = <MasterArgs as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
    assert_eq!(arguments.insecure.as_deref(), Some("true"));
}
