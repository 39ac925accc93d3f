//! Certificates, made by `bourse certificates` as an operator would.

use super::{Home, bourse, run};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

/// An authority of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct Pki {
    directory: PathBuf,
    cluster: String,
    /// Under which masters and agents are reached.
    host: String,
}

impl Pki {
    pub(crate) fn new(home: &Home, folder: &str, cluster: &str, host: IpAddr) -> Self {
        let directory = home.path().join(folder);
        Self { directory, cluster: cluster.to_owned(), host: host.to_string() }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// The files of certificate and key, made when they are asked for first.
    pub(crate) fn issue(&self, home: &Home, kind: &str, id: &str) -> (PathBuf, PathBuf) {
        let files = self.files(kind, id);
        // Whoever reads them meanwhile must not get a certificate and a key of two makings.
        if files.0.exists() && files.1.exists() {
            return files;
        }
        let mut command = bourse(home);
        command.args(["certificates", "--cluster", &self.cluster, "--directory"]);
        command.arg(&self.directory).args([kind, id, "--valid", "1d", "--hosts", &self.host]);
        run(&mut command).success();
        files
    }

    fn files(&self, kind: &str, id: &str) -> (PathBuf, PathBuf) {
        let file = |ending| self.directory.join(format!("{kind}-{id}.{ending}"));
        (file("pem"), file("key"))
    }

    /// The three flags, each with a prefix such as `tls-`.
    pub(crate) fn flags(&self, prefix: &str, kind: &str, id: &str) -> Vec<String> {
        let (certificate, key) = self.files(kind, id);
        let flag = |name: &str, file: &Path| format!("--{prefix}{name}={}", file.display());
        vec![flag("ca", &self.ca()), flag("certificate", &certificate), flag("key", &key)]
    }
}
