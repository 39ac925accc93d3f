//! Four layers become one: flag over environment over file over default.

use super::{
    AgentArgs, AgentSettings, IsolationChoice, Malformed, Problem, SeccompProfile, SettingsError,
    UserNamespaces, attributes_from_text, file::FileSettings, resources_from_text,
};
use edge::settings::{boolean, call_address, listen_address, number, path};
use proto::model::{AgentId, DeclaredReservation, Domain, Role};
use std::{collections::BTreeSet, time::Duration};

/// A year: longer is a mistake in the unit.
const RETENTION_S_MAX: u64 = 365 * 24 * 3_600;
/// The most that a kernel can have.
const PIDS_MAX: u64 = 4_194_304;

/// Its 65,536 ids end before the last number of all, which is nobody's.
const FIRST_ID_MAX: u64 = (u32::MAX - crate::containers::plan::IDS) as u64;

type Layers<'a> = edge::settings::Layers<'a, FileSettings>;

pub(super) fn load(
    arguments: &AgentArgs,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<AgentSettings, SettingsError> {
    let flags = |key: &str| arguments.value(key);
    let layers = Layers::open(arguments.config.as_deref(), &flags, environment)?;
    let masters = layers.required("master", read_masters)?.value;
    let data_dir = layers.required("data_dir", path)?.value;
    let mut settings = AgentSettings::new(masters, data_dir, layers.security()?)?;
    identity(&layers, &mut settings)?;
    places(&layers, &mut settings)?;
    containers(&layers, &mut settings)?;
    registries(&layers, &mut settings)?;
    Ok(settings)
}

/// Who the agent is and what it has.
fn identity(layers: &Layers<'_>, to: &mut AgentSettings) -> Result<(), SettingsError> {
    to.agent_id = layers.said("agent_id", read_agent_id)?.map(|said| said.value);
    layers.set("hostname", read_hostname, &mut to.hostname)?;
    layers.set("attributes", attributes_from_text, &mut to.attributes)?;
    to.domain = layers.said("domain", read_domain)?.map(|said| said.value);
    if let Some(said) = layers.said("resources", resources_from_text)? {
        if said.value.is_empty() {
            let (key, origin, problem) = ("resources", said.origin, Problem::Nothing);
            return Err(SettingsError::Invalid { key, origin, problem });
        }
        to.resources = said.value;
    }
    layers.set("reservations", read_reservations, &mut to.reservations)?;
    Ok(())
}

fn places(layers: &Layers<'_>, to: &mut AgentSettings) -> Result<(), SettingsError> {
    to.listen = layers.said("listen", listen_address)?.map(|said| said.value);
    to.advertise = layers.said("advertise", |text| call_address(text, 1))?.map(|said| said.value);
    to.metrics_listen = layers.said("metrics_listen", listen_address)?.map(|said| said.value);
    Ok(())
}

fn containers(layers: &Layers<'_>, to: &mut AgentSettings) -> Result<(), SettingsError> {
    let task_ms = layers.said("emulated_task_ms", |text| number(text, 0, RETENTION_S_MAX))?;
    let task = Duration::from_millis(task_ms.map_or(0, |said| said.value));
    layers.set("isolation", |text| read_isolation(text, task), &mut to.isolation)?;
    layers.set("user_namespaces", read_user_namespaces, &mut to.user_namespaces)?;
    let first_id = |text: &str| number(text, 1, FIRST_ID_MAX);
    if let Some(said) = layers.said("user_namespace_first_id", first_id)? {
        to.user_namespace_first_id = u32::try_from(said.value).expect("within bounds");
    }
    layers.set("seccomp_profile", read_seccomp_profile, &mut to.seccomp_profile)?;
    layers.set("cpu_quota", boolean, &mut to.cpu_quota)?;
    layers.set("pids_max", |text| number(text, 1, PIDS_MAX), &mut to.pids_max)?;
    layers.set("launches_max", |text| count(text, 10_000), &mut to.launches_max)?;
    layers.set("sandboxes_max", |text| count(text, 10_000_000), &mut to.sandboxes_max)?;
    set_seconds(layers, "sandbox_retention_s", 0, &mut to.sandbox_retention)?;
    to.jail_program = layers.said("jail_program", path)?.map(|said| said.value);
    Ok(())
}

fn registries(layers: &Layers<'_>, to: &mut AgentSettings) -> Result<(), SettingsError> {
    to.registries.auth_file = layers.said("registry_auth", path)?.map(|said| said.value);
    to.registries.ca_file = layers.said("registry_ca", path)?.map(|said| said.value);
    layers.set("registry_plain", read_registries, &mut to.registries.plain)?;
    set_seconds(layers, "image_pull_timeout_s", 1, &mut to.image_pull_timeout)?;
    set_seconds(layers, "image_retention_s", 0, &mut to.image_retention)?;
    layers.set("image_disk_percent", |text| number(text, 0, 100), &mut to.image_disk_percent)?;
    Ok(())
}

/// A time of so many seconds at least, and a year at most.
fn set_seconds(
    layers: &Layers<'_>,
    key: &'static str,
    least: u64,
    to: &mut Duration,
) -> Result<(), SettingsError> {
    if let Some(said) = layers.said(key, |text| number(text, least, RETENTION_S_MAX))? {
        *to = Duration::from_secs(said.value);
    }
    Ok(())
}

fn count(text: &str, maximum: u64) -> Result<usize, Malformed> {
    number(text, 1, maximum).map(|value| usize::try_from(value).expect("within bounds"))
}

fn read_masters(text: &str) -> Result<Vec<String>, Malformed> {
    text.split(',').map(|entry| call_address(entry.trim(), 1)).collect()
}

/// As they stand in images' names.
fn read_registries(text: &str) -> Result<BTreeSet<String>, Problem> {
    let named = text.split(',').map(str::trim).filter(|host| !host.is_empty());
    named
        .map(|host| match format!("{host}/image").parse::<images::Reference>() {
            Ok(name) if name.registry() == host => Ok(host.to_owned()),
            _ => Err(Problem::Registry { text: host.to_owned() }),
        })
        .collect()
}

fn read_agent_id(text: &str) -> Result<AgentId, Problem> {
    AgentId::new(text).map_err(|source| Problem::Id { text: text.to_owned(), source })
}

fn read_domain(text: &str) -> Result<Domain, Problem> {
    Domain::new(text).map_err(|source| Problem::Domain { text: text.to_owned(), source })
}

/// Each role once: the settings know no labels to tell two reservations apart.
fn read_reservations(text: &str) -> Result<Vec<DeclaredReservation>, Problem> {
    let mut list: Vec<DeclaredReservation> = Vec::new();
    for entry in text.split_whitespace() {
        let form = || Problem::Reservation { text: entry.to_owned() };
        let (role, resources) = entry.split_once('=').ok_or_else(form)?;
        let role = Role::new(role).ok().filter(|role| *role != Role::any()).ok_or_else(form)?;
        let resources = resources_from_text(resources)?;
        if resources.is_empty() || list.iter().any(|other| other.role == role) {
            return Err(form());
        }
        list.push(DeclaredReservation { role, resources, labels: Vec::new() });
    }
    Ok(list)
}

fn read_hostname(text: &str) -> Result<String, Malformed> {
    match text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        true => Err(Malformed::Empty),
        false => Ok(text.to_owned()),
    }
}

fn read_isolation(text: &str, emulated: Duration) -> Result<IsolationChoice, Problem> {
    match text {
        "auto" => Ok(IsolationChoice::Auto),
        "full" => Ok(IsolationChoice::Full),
        "none" => Ok(IsolationChoice::None),
        "emulated" => Ok(IsolationChoice::Emulated(emulated)),
        _ => Err(Problem::Isolation { text: text.to_owned() }),
    }
}

fn read_user_namespaces(text: &str) -> Result<UserNamespaces, Problem> {
    match text {
        "auto" => Ok(UserNamespaces::Auto),
        "required" => Ok(UserNamespaces::Required),
        "off" => Ok(UserNamespaces::Off),
        _ => Err(Problem::UserNamespaces { text: text.to_owned() }),
    }
}

fn read_seccomp_profile(text: &str) -> Result<SeccompProfile, Malformed> {
    match text {
        "default" => Ok(SeccompProfile::Default),
        "unconfined" => Ok(SeccompProfile::Unconfined),
        file => path(file).map(SeccompProfile::File),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use edge::settings::SettingsFile;
    use std::fs;

    fn arguments() -> AgentArgs {
        AgentArgs {
            master: Some("a:1, b:2".to_owned()),
            data_dir: Some("/var/lib/bourse".to_owned()),
            insecure: Some("true".to_owned()),
            ..AgentArgs::default()
        }
    }

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_first_layer_that_speaks_wins() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("agent.toml");
        fs::write(&path, "hostname = \"file\"\npids_max = 7\nlaunches_max = 3\n").unwrap();
        let environment = |name: &str| match name {
            "BOURSE_AGENT_HOSTNAME" => Some("environment".to_owned()),
            "BOURSE_AGENT_PIDS_MAX" => Some("8".to_owned()),
            _ => None,
        };
        let mut flags = AgentArgs { config: Some(path), ..arguments() };
        flags.hostname = Some("flag".to_owned());
        let settings = AgentSettings::load_with(&flags, &environment).unwrap();
        assert_eq!(settings.hostname, "flag");
        assert_eq!(settings.pids_max, 8);
        assert_eq!(settings.launches_max, 3);
        assert_eq!(settings.sandboxes_max, 1_000);
        assert_eq!(settings.masters, ["a:1", "b:2"]);
    }

    #[test]
    fn what_is_printed_gives_the_same_settings() {
        let mut flags = arguments();
        flags.resources = Some("cpus:2;mem:100".to_owned());
        flags.attributes = Some("rack:r1".to_owned());
        flags.domain = Some("eu/eu-1/r7".to_owned());
        flags.reservations = Some("eng=cpus:1;mem:10 ops=cpus:0.5".to_owned());
        flags.isolation = Some("emulated".to_owned());
        flags.emulated_task_ms = Some("5".to_owned());
        flags.listen = Some("127.0.0.1:0".to_owned());
        flags.user_namespaces = Some("required".to_owned());
        flags.user_namespace_first_id = Some("100000".to_owned());
        flags.seccomp_profile = Some("/etc/bourse/seccomp.json".to_owned());
        flags.registry_auth = Some("/root/.docker/config.json".to_owned());
        flags.registry_ca = Some("ca.pem".to_owned());
        flags.registry_plain = Some("registry.test:5000,10.0.0.1".to_owned());
        flags.image_pull_timeout_s = Some("60".to_owned());
        flags.image_retention_s = Some("3600".to_owned());
        flags.image_disk_percent = Some("70".to_owned());
        let settings = AgentSettings::load_with(&flags, &nothing).unwrap();
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("agent.toml");
        fs::write(&path, settings.to_toml()).unwrap();
        let again = AgentArgs { config: Some(path), ..AgentArgs::default() };
        assert_eq!(AgentSettings::load_with(&again, &nothing).unwrap(), settings);
    }

    #[test]
    fn a_refusal_names_key_and_layer() {
        let flags = AgentArgs { pids_max: Some("0".to_owned()), ..arguments() };
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert_eq!(error.to_string(), "`pids_max` (flag --pids-max) is refused");
        let flags = AgentArgs { domain: Some("eu//r7".to_owned()), ..arguments() };
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert_eq!(error.to_string(), "`domain` (flag --domain) is refused");
        let bad_environment =
            |name: &str| (name == "BOURSE_AGENT_LISTEN").then(|| "everywhere".to_owned());
        let error = AgentSettings::load_with(&arguments(), &bad_environment).unwrap_err();
        assert!(error.to_string().contains("BOURSE_AGENT_LISTEN"), "{error}");
    }

    #[test]
    fn security_is_never_left_open() {
        let mut flags = arguments();
        flags.insecure = None;
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert!(matches!(error, SettingsError::NoSecurity));
        flags.tls_ca = Some("ca.pem".to_owned());
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert!(matches!(error, SettingsError::Missing { key: "tls.certificate", .. }));
        flags.insecure = Some("true".to_owned());
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert!(matches!(error, SettingsError::Contradiction { .. }));
    }

    #[test]
    fn a_profile_is_one_of_ours_or_a_file() {
        for (text, profile) in [
            ("default", SeccompProfile::Default),
            ("unconfined", SeccompProfile::Unconfined),
            ("./default", SeccompProfile::File("./default".into())),
        ] {
            let flags = AgentArgs { seccomp_profile: Some(text.to_owned()), ..arguments() };
            let settings = AgentSettings::load_with(&flags, &nothing).unwrap();
            assert_eq!(settings.seccomp_profile, profile);
            let again = toml::from_str::<FileSettings>(&settings.to_toml()).unwrap();
            assert_eq!(again.value("seccomp_profile").as_deref(), Some(text));
        }
        let flags = AgentArgs { seccomp_profile: Some(String::new()), ..arguments() };
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert_eq!(error.to_string(), "`seccomp_profile` (flag --seccomp-profile) is refused");
    }

    #[test]
    fn ids_of_images_are_never_the_hosts_root_and_end_before_the_last() {
        let read = |text: &str| {
            let user_namespace_first_id = Some(text.to_owned());
            let flags = AgentArgs { user_namespace_first_id, ..arguments() };
            AgentSettings::load_with(&flags, &nothing).map(|it| it.user_namespace_first_id)
        };
        assert_eq!(read("4294901759").unwrap(), 4_294_901_759);
        for bad in ["0", "4294901760", "-1"] {
            let said = read(bad).unwrap_err().to_string();
            assert!(said.contains("user_namespace_first_id"), "{bad}: {said}");
        }
        let flags = AgentArgs { user_namespaces: Some("on".to_owned()), ..arguments() };
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert_eq!(error.to_string(), "`user_namespaces` (flag --user-namespaces) is refused");
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("agent.toml");
        fs::write(&path, "pids_maximum = 7\n").unwrap();
        let flags = AgentArgs { config: Some(path), ..arguments() };
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert!(matches!(error, SettingsError::FileMalformed { .. }));
    }

    #[test]
    fn registries_are_named_as_in_images_names() {
        let read = |text: &str| read_registries(text).map(|hosts| hosts.len());
        assert_eq!(read("localhost:5000, registry.test,10.0.0.1:80"), Ok(3));
        assert_eq!(read(""), Ok(0));
        for bad in ["http://a.test", "a b.test", "library", "a.test/x", "a.test:port"] {
            let problem = read(bad).unwrap_err();
            assert!(matches!(problem, Problem::Registry { .. }), "{bad}: {problem}");
        }
    }

    #[test]
    fn what_is_reserved_is_said_for_each_role_once() {
        let read = |text: &str| read_reservations(text).map(|list| list.len());
        assert_eq!(read("eng=cpus:1;mem:10  ops/night=cpus:0.5"), Ok(2));
        assert_eq!(read(""), Ok(0));
        for bad in ["eng", "*=cpus:1", "eng=", "eng=cpus:1 eng=mem:10", "e ng=cpus:1"] {
            let problem = read(bad).unwrap_err();
            assert!(matches!(problem, Problem::Reservation { .. }), "{bad}: {problem}");
        }
        assert!(matches!(read("eng=cpus:x"), Err(Problem::Resources(_))));
    }
}
