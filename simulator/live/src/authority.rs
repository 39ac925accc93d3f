//! Certificates, made by `bourse certificates` as an operator would.

use crate::home::Home;
use std::{collections::BTreeSet, net::IpAddr, path::PathBuf};

/// An authority of one cluster.
#[derive(Debug, Clone)]
pub struct Authority {
    directory: PathBuf,
    cluster: String,
    /// Under which masters and agents are reached, separated by commas.
    hosts: String,
}

/// PEM files of one party, and who vouches.
#[derive(Debug, Clone)]
pub struct Files {
    /// The authority's certificate.
    pub ca: PathBuf,
    /// The party's certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Authority {
    /// One whose files lie in a folder of the home.
    pub fn new(home: &Home, cluster: &str, hosts: &BTreeSet<IpAddr>) -> Self {
        let directory = home.path().join("certificates");
        let hosts = hosts.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(",");
        Self { directory, cluster: cluster.to_owned(), hosts }
    }

    /// The files of one party, made when they are asked for first.
    pub fn issue(&self, home: &Home, kind: &str, id: &str) -> anyhow::Result<Files> {
        let file = |ending| self.directory.join(format!("{kind}-{id}.{ending}"));
        let files =
            Files { ca: self.directory.join("ca.pem"), certificate: file("pem"), key: file("key") };
        if files.certificate.exists() && files.key.exists() {
            return Ok(files);
        }
        let mut command = home.bourse();
        command.args(["certificates", "--cluster", &self.cluster, "--directory"]);
        command.arg(&self.directory).args([kind, id, "--valid", "1d", "--hosts", &self.hosts]);
        let output = command.output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "no certificate for {kind}/{id}: {error}");
        Ok(files)
    }
}

impl Files {
    /// As flags of a master or an agent.
    pub fn flags(&self) -> Vec<String> {
        vec![
            format!("--tls-ca={}", self.ca.display()),
            format!("--tls-certificate={}", self.certificate.display()),
            format!("--tls-key={}", self.key.display()),
        ]
    }
}
