//! A real master and emulated agents in this process, each on a runtime of its own.
//!
//! Threads bear the names of what they work for, so that a part's processor time is the sum over
//! its threads.

use crate::{certificates::Authority, processor, rows};
use agent::{AgentHandle, AgentSettings, IsolationChoice};
use anyhow::Context as _;
use bourse_sdk::Masters;
use master::MasterSettings;
use proto::model::{Duration, Principal, Resources};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    time,
};
use tokio::runtime::{Builder, Runtime};

const MASTER_THREADS: &str = "b-master";
const AGENT_THREADS: &str = "b-agents";
const FRAMEWORK_THREADS: &str = "b-framework";
/// Threads that a master starts by itself.
const MASTER_OWN_THREADS: [&str; 3] = ["bourse-core", "log-writer", "bourse-snapshot"];

/// How parts of a cluster know each other.
#[derive(Debug)]
pub enum Identity {
    /// By certificates.
    Tls(Box<Authority>),
    /// Not at all.
    Insecure,
}

/// One master with its log on disk.
#[derive(Debug)]
pub struct Cluster {
    identity: Identity,
    address: String,
    master: Option<master::Running>,
    agents: Vec<AgentHandle>,
    master_runtime: Runtime,
    agent_runtime: Runtime,
    framework_runtime: Runtime,
}

impl Identity {
    /// Certificates in a folder.
    pub fn tls(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self::Tls(Box::new(Authority::new(folder)?)))
    }

    fn for_master(&self) -> anyhow::Result<master::Security> {
        let Self::Tls(authority) = self else { return Ok(master::Security::Insecure) };
        let files = authority.issue(&rows::principal("master/1"))?;
        let (ca, certificate, key) = (files.ca, files.certificate, files.key);
        Ok(master::Security::Tls(master::TlsPaths { ca, certificate, key }))
    }

    fn for_agent(&self, principal: &Principal) -> anyhow::Result<agent::Security> {
        let Self::Tls(authority) = self else { return Ok(agent::Security::Insecure) };
        let files = authority.issue(principal)?;
        let (ca, certificate, key) = (files.ca, files.certificate, files.key);
        Ok(agent::Security::Tls(agent::TlsPaths { ca, certificate, key }))
    }

    fn for_framework(&self) -> anyhow::Result<bourse_sdk::Security> {
        let Self::Tls(authority) = self else { return Ok(bourse_sdk::Security::Insecure) };
        let files = authority.issue(&rows::principal("framework/bench"))?;
        Ok(bourse_sdk::Security::Tls(bourse_sdk::TlsSettings {
            ca_pem: fs::read(files.ca)?,
            certificate_pem: fs::read(files.certificate)?,
            key_pem: fs::read(files.key)?,
        }))
    }
}

impl Cluster {
    /// A master that serves; nobody else yet.
    pub fn start(data_dir: PathBuf, identity: Identity) -> anyhow::Result<Self> {
        let runtime = |name: &str, threads| {
            let mut builder = Builder::new_multi_thread();
            builder.enable_all().thread_name(name).worker_threads(threads).build()
        };
        let master_runtime = runtime(MASTER_THREADS, 2)?;
        let security = identity.for_master()?;
        let mut settings = MasterSettings::alone(rows::cluster(), data_dir, security);
        // Alone there is nobody to be outvoted by: elect at once.
        settings.tick = Duration(10);
        let master = master_runtime.block_on(master::start(settings))?;
        Ok(Self {
            identity,
            address: master.api_address.to_string(),
            master: Some(master),
            agents: Vec::new(),
            master_runtime,
            agent_runtime: runtime(AGENT_THREADS, 2)?,
            framework_runtime: runtime(FRAMEWORK_THREADS, 2)?,
        })
    }

    /// Agents whose tasks are no processes and finish at once. Their journals lie in `folder`.
    pub fn add_emulated_agents(
        &mut self,
        count: usize,
        resources: &Resources,
        folder: &Path,
    ) -> anyhow::Result<()> {
        for number in 0..count {
            let id = rows::agent_id(number);
            let data_dir = folder.join(id.as_str());
            let security = self.identity.for_agent(&rows::principal(&format!("agent/{id}")))?;
            let mut settings = AgentSettings::new(vec![self.address.clone()], data_dir, security)?;
            settings.agent_id = Some(id);
            settings.resources = resources.clone();
            settings.isolation = IsolationChoice::Emulated(time::Duration::ZERO);
            self.agents.push(self.agent_runtime.block_on(agent::start(settings))?);
        }
        Ok(())
    }

    /// What an agent that is a process of its own must be told to reach the master as this agent.
    pub fn agent_flags(&self, number: usize) -> anyhow::Result<Vec<OsString>> {
        let id = rows::agent_id(number);
        let mut flags: Vec<OsString> = Vec::new();
        let mut flag = |name: &str, value: OsString| flags.extend([name.into(), value]);
        flag("--master", self.address.clone().into());
        flag("--agent-id", id.as_str().into());
        match self.identity.for_agent(&rows::principal(&format!("agent/{id}")))? {
            agent::Security::Insecure => flag("--insecure", "true".into()),
            agent::Security::Tls(paths) => {
                flag("--tls-ca", paths.ca.into());
                flag("--tls-certificate", paths.certificate.into());
                flag("--tls-key", paths.key.into());
            }
        }
        Ok(flags)
    }

    /// Runs a framework against the cluster.
    pub fn run<F, T>(&self, framework: impl FnOnce(Masters) -> F) -> anyhow::Result<T>
    where
        F: Future<Output = anyhow::Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let security = self.identity.for_framework()?;
        let masters = Masters { addresses: vec![self.address.clone()], security };
        let framework = self.framework_runtime.spawn(framework(masters));
        self.framework_runtime.block_on(framework)?
    }

    /// The master's processor time between two readings of [`processor::of_threads`].
    pub fn master_time(
        before: &BTreeMap<String, time::Duration>,
        after: &BTreeMap<String, time::Duration>,
    ) -> time::Duration {
        let [core, log, snapshot] = MASTER_OWN_THREADS;
        processor::between(before, after, &[MASTER_THREADS, core, log, snapshot])
    }

    /// The same of the parts of the master: calls and streams, the core, the log.
    pub fn master_parts(
        before: &BTreeMap<String, time::Duration>,
        after: &BTreeMap<String, time::Duration>,
    ) -> [(&'static str, time::Duration); 3] {
        let [core, log, snapshot] = MASTER_OWN_THREADS;
        let time = |names: &[&str]| processor::between(before, after, names);
        [
            ("calls and streams", time(&[MASTER_THREADS])),
            ("core", time(&[core, snapshot])),
            ("log", time(&[log])),
        ]
    }

    /// Ends agents, then the master.
    pub fn stop(mut self) -> anyhow::Result<()> {
        for agent in self.agents.drain(..) {
            self.agent_runtime.block_on(agent.stop())?;
        }
        let master = self.master.take().context("stopped once")?;
        master.shutdown();
        self.master_runtime.block_on(master.join())?;
        Ok(())
    }
}
