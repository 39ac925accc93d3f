//! Masters as processes of their own, so that memory and processor time are theirs alone.
//!
//! The real binary with its log synced to the disk of a temporary folder. Ports are found free and
//! then given; processes end, and folders go, with what is defined here.

use crate::{
    certificates::{Authority, Files},
    processor, rows,
};
use anyhow::Context as _;
use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long a master may take to answer on its port.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(10);

/// How parties know each other.
#[derive(Debug)]
pub enum Trust {
    /// By certificates.
    Tls(Box<Authority>),
    /// Not at all.
    Insecure,
}

/// A group of masters.
#[derive(Debug)]
pub struct Masters {
    members: Vec<Member>,
    program: PathBuf,
    folder: PathBuf,
    trust: Trust,
    flags: Vec<String>,
}

#[derive(Debug)]
struct Member {
    api: SocketAddr,
    peer: SocketAddr,
    process: Option<Process>,
}

/// A child that dies with us.
#[derive(Debug)]
struct Process(Child);

impl Trust {
    /// Certificates in a folder, or none.
    pub fn new(tls: bool, folder: &Path) -> anyhow::Result<Self> {
        Ok(match tls {
            true => Self::Tls(Box::new(Authority::new(&folder.join("certificates"))?)),
            false => Self::Insecure,
        })
    }

    /// Who vouches, if anybody.
    pub fn authority(&self) -> Option<&Authority> {
        match self {
            Self::Tls(authority) => Some(authority),
            Self::Insecure => None,
        }
    }

    /// What a framework proves itself with.
    pub fn framework(&self, name: &str) -> anyhow::Result<bourse_sdk::Security> {
        let Self::Tls(authority) = self else { return Ok(bourse_sdk::Security::Insecure) };
        let issued = authority.issue_in_memory(&rows::principal(&format!("framework/{name}")))?;
        Ok(bourse_sdk::Security::Tls(bourse_sdk::TlsSettings {
            ca_pem: authority.certificate_pem().into_bytes(),
            certificate_pem: issued.certificate_pem.into_bytes(),
            key_pem: issued.key_pem.into_bytes(),
        }))
    }
}

impl Masters {
    /// Starts so many masters, each with further flags; they answer when this returns.
    pub fn start(
        count: usize,
        trust: Trust,
        folder: &Path,
        flags: &[&str],
    ) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let release = own.parent().and_then(Path::parent).context("benches lie in a folder")?;
        let program = release.join("bourse");
        anyhow::ensure!(
            program.exists(),
            "{} is missing: run `cargo build --release -p bourse`",
            program.display()
        );
        let members = (0..count)
            .map(|_| Ok(Member { api: free_address()?, peer: free_address()?, process: None }));
        let mut this = Self {
            members: members.collect::<anyhow::Result<_>>()?,
            program,
            folder: folder.to_owned(),
            trust,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        };
        for number in 0..count {
            this.restart(number)?;
        }
        for number in 0..count {
            this.wait_answering(number)?;
        }
        Ok(this)
    }

    /// Who trusts whom.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Where clients call, by number.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.members.iter().map(|member| member.api).collect()
    }

    /// For a framework.
    pub fn for_framework(&self, name: &str) -> anyhow::Result<bourse_sdk::Masters> {
        let addresses = self.addresses().iter().map(ToString::to_string).collect();
        Ok(bourse_sdk::Masters { addresses, security: self.trust.framework(name)? })
    }

    /// Kills one without a word.
    pub fn kill(&mut self, number: usize) {
        self.members[number].process = None;
    }

    /// Starts one on its data directory.
    pub fn restart(&mut self, number: usize) -> anyhow::Result<()> {
        let id = number + 1;
        let list: Vec<String> = self
            .members
            .iter()
            .enumerate()
            .map(|(index, member)| format!("{}={}/{}", index + 1, member.api, member.peer))
            .collect();
        let data_dir = self.folder.join(format!("master-{id}"));
        let log = fs::File::create(self.folder.join(format!("master-{id}.log")))?;
        let member = &mut self.members[number];
        let mut command = Command::new(&self.program);
        command.arg("master");
        command.args(["--cluster", rows::cluster().as_str(), "--node-id", &id.to_string()]);
        command.args(["--members", &list.join(",")]);
        command.args(["--listen", &member.api.to_string()]);
        command.args(["--peer-listen", &member.peer.to_string()]);
        command.arg("--data-dir").arg(data_dir).args(&self.flags);
        match &self.trust {
            Trust::Insecure => drop(command.arg("--insecure")),
            Trust::Tls(authority) => {
                let principal = rows::principal(&format!("master/{id}"));
                let Files { ca, certificate, key } = authority.issue(&principal)?;
                command.arg("--tls-ca").arg(ca);
                command.arg("--tls-certificate").arg(certificate).arg("--tls-key").arg(key);
            }
        }
        command
            .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".into()))
            .stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        member.process = Some(Process(command.spawn()?));
        Ok(())
    }

    /// Resident memory of one, in bytes.
    pub fn resident_bytes(&self, number: usize) -> anyhow::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid(number)?))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmRSS")?;
        Ok(kib.trim().parse::<f64>()? * 1_024.0)
    }

    /// Processor time of one's threads so far, by name.
    pub fn threads(&self, number: usize) -> anyhow::Result<BTreeMap<String, Duration>> {
        Ok(processor::of_threads_of(self.pid(number)?))
    }

    /// Its number in the system, for a profiler.
    pub fn pid(&self, number: usize) -> anyhow::Result<u32> {
        let process = self.members[number].process.as_ref().context("it was killed")?;
        Ok(process.0.id())
    }

    fn wait_answering(&mut self, number: usize) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let member = &mut self.members[number];
            if std::net::TcpStream::connect(member.api).is_ok() {
                return Ok(());
            }
            let process = member.process.as_mut().context("it was started")?;
            let ended = process.0.try_wait()?;
            if ended.is_some() || begun.elapsed() > START_TIMEOUT {
                let log = self.folder.join(format!("master-{}.log", number + 1));
                let log = fs::read_to_string(log).unwrap_or_default();
                anyhow::bail!("master {} does not answer ({ended:?}): {log}", number + 1);
            }
            std::thread::sleep(STEP);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
