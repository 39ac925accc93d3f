//! Four layers become one: flag over environment over file over default.

use super::{
    AgentArgs, AgentSettings, IsolationChoice, Origin, Problem, Security, SettingsError, TlsPaths,
    attributes_from_text, file::FileSettings, resources_from_text,
};
use proto::model::AgentId;
use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

/// A year: longer is a mistake in the unit.
const RETENTION_S_MAX: u64 = 365 * 24 * 3_600;
/// The most that a kernel can have.
const PIDS_MAX: u64 = 4_194_304;

/// Something that was said, and by whom.
struct Said<T> {
    value: T,
    origin: Origin,
}

struct Layers<'a> {
    arguments: &'a AgentArgs,
    environment: &'a dyn Fn(&str) -> Option<String>,
    path: PathBuf,
    file: FileSettings,
}

pub(super) fn load(
    arguments: &AgentArgs,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<AgentSettings, SettingsError> {
    let variable = || environment("BOURSE_AGENT_CONFIG").map(Into::into);
    let path: Option<PathBuf> = arguments.config.clone().or_else(variable);
    let file = path.as_ref().map(read_file).transpose()?.unwrap_or_default();
    let layers = Layers { arguments, environment, path: path.unwrap_or_default(), file };
    let masters = layers.said("master", read_masters)?.ok_or_else(|| missing("master"))?.value;
    let data_dir = layers.said("data_dir", read_path)?.ok_or_else(|| missing("data_dir"))?.value;
    let mut settings = AgentSettings::new(masters, data_dir, layers.security()?)?;
    layers.identity(&mut settings)?;
    layers.places(&mut settings)?;
    layers.containers(&mut settings)?;
    Ok(settings)
}

fn read_file(path: &PathBuf) -> Result<FileSettings, SettingsError> {
    let text = fs::read_to_string(path)
        .map_err(|source| SettingsError::FileUnreadable { path: path.clone(), source })?;
    toml::from_str(&text).map_err(|source| SettingsError::FileMalformed {
        path: path.clone(),
        source: Box::new(source),
    })
}

impl Layers<'_> {
    /// Who the agent is and what it has.
    fn identity(&self, to: &mut AgentSettings) -> Result<(), SettingsError> {
        to.agent_id = self.said("agent_id", read_agent_id)?.map(|said| said.value);
        self.set("hostname", read_hostname, &mut to.hostname)?;
        self.set("attributes", attributes_from_text, &mut to.attributes)?;
        if let Some(said) = self.said("resources", resources_from_text)? {
            if said.value.is_empty() {
                return Err(invalid("resources", said.origin, Problem::Nothing));
            }
            to.resources = said.value;
        }
        Ok(())
    }

    fn places(&self, to: &mut AgentSettings) -> Result<(), SettingsError> {
        to.listen = self.said("listen", listen_address)?.map(|said| said.value);
        to.advertise = self.said("advertise", call_address)?.map(|said| said.value);
        to.metrics_listen = self.said("metrics_listen", listen_address)?.map(|said| said.value);
        Ok(())
    }

    fn containers(&self, to: &mut AgentSettings) -> Result<(), SettingsError> {
        let task_ms = self.said("emulated_task_ms", |text| number(text, 0, RETENTION_S_MAX))?;
        let task = Duration::from_millis(task_ms.map_or(0, |said| said.value));
        self.set("isolation", |text| read_isolation(text, task), &mut to.isolation)?;
        self.set("cpu_quota", read_boolean, &mut to.cpu_quota)?;
        self.set("pids_max", |text| number(text, 1, PIDS_MAX), &mut to.pids_max)?;
        self.set("launches_max", |text| count(text, 10_000), &mut to.launches_max)?;
        self.set("sandboxes_max", |text| count(text, 10_000_000), &mut to.sandboxes_max)?;
        let seconds = self.said("sandbox_retention_s", |text| number(text, 0, RETENTION_S_MAX))?;
        if let Some(said) = seconds {
            to.sandbox_retention = Duration::from_secs(said.value);
        }
        to.jail_program = self.said("jail_program", read_path)?.map(|said| said.value);
        Ok(())
    }

    /// Certificates or the explicit word that there are none; never nothing.
    fn security(&self) -> Result<Security, SettingsError> {
        let insecure = self.said("insecure", read_boolean)?;
        let keys = ["tls.ca", "tls.certificate", "tls.key"];
        let mut paths = Vec::new();
        for key in keys {
            paths.push(self.said(key, read_path)?);
        }
        if let Some(insecure) = insecure.filter(|insecure| insecure.value) {
            let given = keys.into_iter().zip(paths).find_map(|(key, said)| Some((key, said?)));
            return match given {
                None => Ok(Security::Insecure),
                Some((key, said)) => {
                    let (insecure, tls) = (insecure.origin, said.origin);
                    Err(SettingsError::Contradiction { insecure, key, tls })
                }
            };
        }
        if paths.iter().all(Option::is_none) {
            return Err(SettingsError::NoSecurity);
        }
        let mut paths = keys.into_iter().zip(paths).map(|(key, said)| match said {
            Some(said) => Ok(said.value),
            None => Err(missing(key)),
        });
        let mut next = || paths.next().expect("three keys");
        Ok(Security::Tls(TlsPaths { ca: next()?, certificate: next()?, key: next()? }))
    }

    fn set<T>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, Problem>,
        to: &mut T,
    ) -> Result<(), SettingsError> {
        if let Some(said) = self.said(key, read)? {
            *to = said.value;
        }
        Ok(())
    }

    /// What the first layer says that says anything.
    fn said<T>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<Option<Said<T>>, SettingsError> {
        let flag = self.arguments.value(key).map(|text| (text.to_owned(), Origin::Flag(flag(key))));
        let environment = || {
            let text = (self.environment)(&variable(key))?;
            Some((text, Origin::Environment(variable(key))))
        };
        let file = || Some((self.file.value(key)?, Origin::File(self.path.clone())));
        let Some((text, origin)) = flag.or_else(environment).or_else(file) else {
            return Ok(None);
        };
        match read(&text) {
            Ok(value) => Ok(Some(Said { value, origin })),
            Err(problem) => Err(invalid(key, origin, problem)),
        }
    }
}

fn flag(key: &str) -> String {
    format!("--{}", key.replace(['_', '.'], "-"))
}

fn variable(key: &str) -> String {
    format!("BOURSE_AGENT_{}", key.replace('.', "_").to_ascii_uppercase())
}

fn missing(key: &'static str) -> SettingsError {
    SettingsError::Missing { key, flag: flag(key), variable: variable(key) }
}

fn invalid(key: &'static str, origin: Origin, problem: Problem) -> SettingsError {
    SettingsError::Invalid { key, origin, problem }
}

fn number(text: &str, minimum: u64, maximum: u64) -> Result<u64, Problem> {
    let wrong = || Problem::Number { text: text.to_owned(), minimum, maximum };
    let value = text.parse().map_err(|_| wrong())?;
    match (minimum..=maximum).contains(&value) {
        true => Ok(value),
        false => Err(wrong()),
    }
}

fn count(text: &str, maximum: u64) -> Result<usize, Problem> {
    number(text, 1, maximum).map(|value| usize::try_from(value).expect("within bounds"))
}

fn listen_address(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| Problem::ListenAddress { text: text.to_owned() })
}

fn call_address(text: &str) -> Result<String, Problem> {
    let wrong = || Problem::CallAddress { text: text.to_owned() };
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let good = !host.is_empty() && !host.contains(['/', '@', ' ']);
    match good && port.parse::<u16>().is_ok_and(|port| port > 0) {
        true => Ok(text.to_owned()),
        false => Err(wrong()),
    }
}

fn read_masters(text: &str) -> Result<Vec<String>, Problem> {
    text.split(',').map(|entry| call_address(entry.trim())).collect()
}

fn read_agent_id(text: &str) -> Result<AgentId, Problem> {
    AgentId::new(text).map_err(|source| Problem::Id { text: text.to_owned(), source })
}

fn read_hostname(text: &str) -> Result<String, Problem> {
    match text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        true => Err(Problem::Empty),
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

fn read_boolean(text: &str) -> Result<bool, Problem> {
    text.parse().map_err(|_| Problem::Boolean { text: text.to_owned() })
}

fn read_path(text: &str) -> Result<PathBuf, Problem> {
    match text.is_empty() {
        true => Err(Problem::Empty),
        false => Ok(PathBuf::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        flags.isolation = Some("emulated".to_owned());
        flags.emulated_task_ms = Some("5".to_owned());
        flags.listen = Some("127.0.0.1:0".to_owned());
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
    fn an_unknown_key_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("agent.toml");
        fs::write(&path, "pids_maximum = 7\n").unwrap();
        let flags = AgentArgs { config: Some(path), ..arguments() };
        let error = AgentSettings::load_with(&flags, &nothing).unwrap_err();
        assert!(matches!(error, SettingsError::FileMalformed { .. }));
    }
}
