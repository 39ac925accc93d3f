//! Four layers become one: flag over environment over file over default.

use super::{
    MasterArgs, MasterSettings, Origin, Problem, SettingsError,
    call_rates::{rates_from_table, rates_from_text},
    file::FileSettings,
    members::{
        Members, join_from_text, members_from_table, members_from_text, unshared_from_text,
        weights_from_table, weights_from_text,
    },
};
use crate::disk;
use edge::settings::{listen_address, number, path};
use master_core::ledger::LogVersion;
use proto::model::{ClusterId, Duration, NodeId};

const LISTEN_DEFAULT: &str = "127.0.0.1:5050";
/// A year: longer is a mistake in the unit.
const TIMEOUT_MS_MAX: u64 = 365 * 24 * 3_600 * 1_000;

type Layers<'a> = edge::settings::Layers<'a, FileSettings>;

pub(super) fn load(
    arguments: &MasterArgs,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<MasterSettings, SettingsError> {
    let flags = |key: &str| arguments.value(key);
    let layers = Layers::open(arguments.config.as_deref(), &flags, environment)?;
    let cluster = layers.required("cluster", read_cluster)?;
    let data_dir = layers.required("data_dir", path)?.value;
    let base = MasterSettings::alone(cluster.value, data_dir, layers.security()?);
    let mut settings = amounts(&layers, base)?;
    place(&layers, &mut settings)?;
    Ok(settings)
}

/// Who and where this master and the others are.
fn place(layers: &Layers<'_>, settings: &mut MasterSettings) -> Result<(), SettingsError> {
    let members = layers.said_or(
        "members",
        layers.file().members.as_ref(),
        members_from_text,
        members_from_table,
    )?;
    let join = layers.said("join", join_from_text)?;
    let node = layers.required("node_id", |text| number(text, 1, 1 << 63))?;
    settings.node = NodeId(node.value);
    match (members, join) {
        (Some(members), None) if members.value.contains_key(&settings.node) => {
            settings.members = members.value;
        }
        (Some(_), None) => {
            let problem = Problem::NotAMember { node: settings.node };
            return Err(invalid("node_id", node.origin, problem));
        }
        (None, Some(join)) => (settings.members, settings.join) = (Members::new(), join.value),
        (Some(_), Some(join)) => return Err(invalid("join", join.origin, Problem::JoinsAndFounds)),
        (None, None) => return Err(Layers::missing("members")),
    }
    let several = settings.members.len() != 1;
    let listen = layers.said("listen", listen_address)?;
    let listen = match listen {
        Some(said) if several && said.value.port() == 0 => {
            return Err(invalid("listen", said.origin, Problem::PortZero));
        }
        Some(said) => said.value,
        None => LISTEN_DEFAULT.parse().expect("an address"),
    };
    settings.listen = listen;
    settings.peer_listen = match layers.said("peer_listen", listen_address)? {
        Some(said) if several && said.value.port() == 0 => {
            return Err(invalid("peer_listen", said.origin, Problem::PortZero));
        }
        None if several => {
            return Err(invalid("peer_listen", Origin::Default, Problem::NeededForPeers));
        }
        said => said.map(|said| said.value),
    };
    settings.metrics_listen = layers.said("metrics_listen", listen_address)?.map(|said| said.value);
    Ok(())
}

/// Times, counts and weights.
fn amounts(layers: &Layers<'_>, mut to: MasterSettings) -> Result<MasterSettings, SettingsError> {
    let ms = |key, to: &mut Duration| {
        layers
            .said(key, |text| number(text, 1, TIMEOUT_MS_MAX))
            .map(|said| said.into_iter().for_each(|said| *to = Duration(said.value)))
    };
    ms("heartbeat_interval_ms", &mut to.heartbeat_interval)?;
    ms("agent_timeout_ms", &mut to.agent_timeout)?;
    ms("agent_reregister_timeout_ms", &mut to.agent_reregister_timeout)?;
    ms("agent_removal_timeout_ms", &mut to.agent_removal_timeout)?;
    ms("tick_ms", &mut to.tick)?;
    if let Some(said) = layers.said("offer_timeout_ms", |text| number(text, 0, TIMEOUT_MS_MAX))? {
        to.offer_timeout = (said.value > 0).then_some(Duration(said.value));
    }
    let count = |key, maximum| layers.said(key, move |text| number(text, 1, maximum));
    let per_minute = count("agent_unreachable_per_minute", 1_000_000)?;
    if let Some(said) = per_minute {
        to.agent_unreachable_per_minute = u32::try_from(said.value).expect("within bounds");
    }
    let preempted = layers.said("preemptions_per_minute", |text| number(text, 0, 1_000_000))?;
    if let Some(said) = preempted {
        to.preemptions_per_minute = u32::try_from(said.value).expect("within bounds");
    }
    if let Some(said) = layers.said("read_rows_per_second", |text| number(text, 0, 1 << 32))? {
        to.read_rows_per_second = said.value;
    }
    if let Some(said) = count("snapshot_entries", 1 << 40)? {
        to.snapshot_entries = said.value;
    }
    if let Some(said) = layers.said("log_tail_entries", |text| number(text, 0, 1 << 40))? {
        to.log_tail_entries = said.value;
    }
    let newest = LogVersion::CURRENT.number().into();
    if let Some(said) = count("log_version_max", newest)? {
        let number = u32::try_from(said.value).expect("within bounds");
        to.log_version_max = LogVersion::from_number(number);
    }
    for (key, ticks) in
        [("election_ticks", &mut to.election_ticks), ("heartbeat_ticks", &mut to.heartbeat_ticks)]
    {
        if let Some(said) = count(key, 10_000)? {
            *ticks = usize::try_from(said.value).expect("within bounds");
        }
    }
    if let Some(said) = layers.said("unshared_resources", unshared_from_text)? {
        to.unshared_resources = said.value;
    }
    if let Some(said) = layers.said("placement", |text| text.parse().map_err(Problem::Placement))? {
        to.placement = said.value;
    }
    let weights = layers.file().weights.as_ref();
    if let Some(said) = layers.said_or("weights", weights, weights_from_text, weights_from_table)? {
        to.weights = said.value;
    }
    let rates = layers.file().call_rates.as_ref();
    if let Some(said) = layers.said_or("call_rates", rates, rates_from_text, rates_from_table)? {
        to.call_rates = said.value;
    }
    check_relations(layers, &to)?;
    Ok(to)
}

fn check_relations(layers: &Layers<'_>, settings: &MasterSettings) -> Result<(), SettingsError> {
    let more = |key, value: u64, bound: u64, reason| match value > bound {
        true => Ok(()),
        false => Err(invalid(key, layers.origin(key), Problem::NotMore { value, bound, reason })),
    };
    let ticks = |ticks: usize| u64::try_from(ticks).expect("within bounds");
    let (agent, interval) = (settings.agent_timeout, settings.heartbeat_interval);
    let reason = "`heartbeat_interval_ms`: one late heartbeat is no loss";
    more("agent_timeout_ms", agent.as_ms(), interval.as_ms(), reason)?;
    let reason = "twice `heartbeat_ticks`: one lost heartbeat is no reason for an election";
    let heartbeats = 2 * ticks(settings.heartbeat_ticks);
    more("election_ticks", ticks(settings.election_ticks), heartbeats, reason)
}

fn invalid(key: &'static str, origin: Origin, problem: Problem) -> SettingsError {
    SettingsError::Invalid { key, origin, problem }
}

/// The rule of a data directory is the stricter one of the two.
fn read_cluster(text: &str) -> Result<ClusterId, Problem> {
    disk::ClusterId::try_from(text.to_owned())?;
    let wrong = disk::ClusterIdError { text: text.to_owned() };
    ClusterId::new(text).map_err(|_| Problem::Cluster(wrong))
}
