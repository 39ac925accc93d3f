//! Four layers become one: flag over environment over file over default.

use super::{
    MasterArgs, MasterSettings, Origin, Problem, Security, SettingsError, TlsPaths,
    file::FileSettings,
    members::{members_from_table, members_from_text, weights_from_table, weights_from_text},
};
use crate::disk;
use proto::model::{ClusterId, Duration, NodeId};
use std::{fs, net::SocketAddr, path::PathBuf};

const LISTEN_DEFAULT: &str = "127.0.0.1:5050";
/// A year: longer is a mistake in the unit.
const TIMEOUT_MS_MAX: u64 = 365 * 24 * 3_600 * 1_000;

/// Something that was said, and by whom.
struct Said<T> {
    value: T,
    origin: Origin,
}

struct Layers<'a> {
    arguments: &'a MasterArgs,
    environment: &'a dyn Fn(&str) -> Option<String>,
    path: PathBuf,
    file: FileSettings,
}

pub(super) fn load(
    arguments: &MasterArgs,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<MasterSettings, SettingsError> {
    let path =
        arguments.config.clone().or_else(|| environment("BOURSE_MASTER_CONFIG").map(Into::into));
    let file = path.as_ref().map(read_file).transpose()?.unwrap_or_default();
    let layers = Layers { arguments, environment, path: path.unwrap_or_default(), file };
    let cluster = layers.required("cluster", read_cluster)?;
    let data_dir = layers.required("data_dir", read_path)?.value;
    let base = MasterSettings::alone(cluster.value, data_dir, layers.security()?);
    let mut settings = layers.amounts(base)?;
    layers.place(&mut settings)?;
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
    /// Who and where this master and the others are.
    fn place(&self, settings: &mut MasterSettings) -> Result<(), SettingsError> {
        let members = self
            .said_or("members", self.file.members.as_ref(), members_from_text, members_from_table)?
            .ok_or_else(|| missing("members"))?;
        let node = self.required("node_id", |text| number(text, 1, 1 << 63))?;
        settings.node = NodeId(node.value);
        if !members.value.contains_key(&settings.node) {
            let problem = Problem::NotAMember { node: settings.node };
            return Err(invalid("node_id", node.origin, problem));
        }
        settings.members = members.value;
        let several = settings.members.len() > 1;
        let listen = self.said("listen", listen_address)?;
        let listen = match listen {
            Some(said) if several && said.value.port() == 0 => {
                return Err(invalid("listen", said.origin, Problem::PortZero));
            }
            Some(said) => said.value,
            None => LISTEN_DEFAULT.parse().expect("an address"),
        };
        settings.listen = listen;
        settings.peer_listen = match self.said("peer_listen", listen_address)? {
            Some(said) if several && said.value.port() == 0 => {
                return Err(invalid("peer_listen", said.origin, Problem::PortZero));
            }
            None if several => {
                return Err(invalid("peer_listen", Origin::Default, Problem::NeededForPeers));
            }
            said => said.map(|said| said.value),
        };
        settings.metrics_listen =
            self.said("metrics_listen", listen_address)?.map(|said| said.value);
        Ok(())
    }

    /// Times, counts and weights.
    fn amounts(&self, mut to: MasterSettings) -> Result<MasterSettings, SettingsError> {
        let ms = |key, to: &mut Duration| {
            self.said(key, |text| number(text, 1, TIMEOUT_MS_MAX))
                .map(|said| said.into_iter().for_each(|said| *to = Duration(said.value)))
        };
        ms("heartbeat_interval_ms", &mut to.heartbeat_interval)?;
        ms("agent_timeout_ms", &mut to.agent_timeout)?;
        ms("agent_reregister_timeout_ms", &mut to.agent_reregister_timeout)?;
        ms("agent_removal_timeout_ms", &mut to.agent_removal_timeout)?;
        ms("tick_ms", &mut to.tick)?;
        if let Some(said) = self.said("offer_timeout_ms", |text| number(text, 0, TIMEOUT_MS_MAX))? {
            to.offer_timeout = (said.value > 0).then_some(Duration(said.value));
        }
        let count = |key, maximum| self.said(key, move |text| number(text, 1, maximum));
        let per_minute = count("agent_unreachable_per_minute", 1_000_000)?;
        if let Some(said) = per_minute {
            to.agent_unreachable_per_minute = u32::try_from(said.value).expect("within bounds");
        }
        if let Some(said) = count("snapshot_entries", 1 << 40)? {
            to.snapshot_entries = said.value;
        }
        if let Some(said) = self.said("log_tail_entries", |text| number(text, 0, 1 << 40))? {
            to.log_tail_entries = said.value;
        }
        for (key, ticks) in [
            ("election_ticks", &mut to.election_ticks),
            ("heartbeat_ticks", &mut to.heartbeat_ticks),
        ] {
            if let Some(said) = count(key, 10_000)? {
                *ticks = usize::try_from(said.value).expect("within bounds");
            }
        }
        let weights = self.file.weights.as_ref();
        if let Some(said) =
            self.said_or("weights", weights, weights_from_text, weights_from_table)?
        {
            to.weights = said.value;
        }
        self.check_relations(&to)?;
        Ok(to)
    }

    fn check_relations(&self, settings: &MasterSettings) -> Result<(), SettingsError> {
        let more = |key, value: u64, bound: u64, reason| match value > bound {
            true => Ok(()),
            false => Err(invalid(key, self.origin(key), Problem::NotMore { value, bound, reason })),
        };
        let ticks = |ticks: usize| u64::try_from(ticks).expect("within bounds");
        let (agent, interval) = (settings.agent_timeout, settings.heartbeat_interval);
        let reason = "`heartbeat_interval_ms`: one late heartbeat is no loss";
        more("agent_timeout_ms", agent.as_ms(), interval.as_ms(), reason)?;
        let reason = "twice `heartbeat_ticks`: one lost heartbeat is no reason for an election";
        let heartbeats = 2 * ticks(settings.heartbeat_ticks);
        more("election_ticks", ticks(settings.election_ticks), heartbeats, reason)
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

    fn required<T>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<Said<T>, SettingsError> {
        self.said(key, read)?.ok_or_else(|| missing(key))
    }

    fn said<T>(
        &self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, Problem>,
    ) -> Result<Option<Said<T>>, SettingsError> {
        let text = self.file.value(key);
        self.said_or(key, text.as_ref(), &read, |text| read(text))
    }

    /// What the first layer says that says anything.
    fn said_or<T, F>(
        &self,
        key: &'static str,
        in_file: Option<&F>,
        read: impl Fn(&str) -> Result<T, Problem>,
        read_in_file: impl Fn(&F) -> Result<T, Problem>,
    ) -> Result<Option<Said<T>>, SettingsError> {
        let flag = self.arguments.value(key).map(|text| (read(text), Origin::Flag(flag(key))));
        let variable = || {
            let text = (self.environment)(&variable(key))?;
            Some((read(&text), Origin::Environment(variable(key))))
        };
        let file = || Some((read_in_file(in_file?), Origin::File(self.path.clone())));
        match flag.or_else(variable).or_else(file) {
            None => Ok(None),
            Some((Ok(value), origin)) => Ok(Some(Said { value, origin })),
            Some((Err(problem), origin)) => Err(invalid(key, origin, problem)),
        }
    }

    fn origin(&self, key: &'static str) -> Origin {
        let said = self.said(key, |_| Ok(())).ok().flatten();
        said.map_or(Origin::Default, |said| said.origin)
    }
}

fn flag(key: &str) -> String {
    format!("--{}", key.replace(['_', '.'], "-"))
}

fn variable(key: &str) -> String {
    format!("BOURSE_MASTER_{}", key.replace('.', "_").to_ascii_uppercase())
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

fn listen_address(text: &str) -> Result<SocketAddr, Problem> {
    text.parse().map_err(|_| Problem::ListenAddress { text: text.to_owned() })
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

/// The rule of a data directory is the stricter one of the two.
fn read_cluster(text: &str) -> Result<ClusterId, Problem> {
    disk::ClusterId::try_from(text.to_owned())?;
    let wrong = disk::ClusterIdError { text: text.to_owned() };
    ClusterId::new(text).map_err(|_| Problem::Cluster(wrong))
}
