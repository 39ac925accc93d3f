//! Where the cluster is and who the caller is: flags, then environment, then a context file.
//!
//! `bourse dev` writes a context file for operators on the same machine, so that `bourse status` in
//! another terminal needs no flag at all.

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Flags that every client command has.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ContextArgs {
    /// Masters' API addresses, `host:port`, separated by commas
    #[arg(long, env = "BOURSE_MASTERS", value_delimiter = ',')]
    pub(crate) masters: Vec<String>,
    /// Context file with masters and certificates [default: that of `bourse dev`]
    #[arg(long, env = "BOURSE_CONTEXT")]
    pub(crate) context: Option<PathBuf>,
    /// Certificate of the authority that signed the cluster's certificates (PEM)
    #[arg(long, env = "BOURSE_CA")]
    pub(crate) ca: Option<PathBuf>,
    /// The caller's certificate (PEM)
    #[arg(long, env = "BOURSE_CERTIFICATE")]
    pub(crate) certificate: Option<PathBuf>,
    /// The caller's private key (PEM)
    #[arg(long, env = "BOURSE_KEY")]
    pub(crate) key: Option<PathBuf>,
    /// Speak plain text to masters that were started with --insecure
    #[arg(long, env = "BOURSE_INSECURE")]
    pub(crate) insecure: bool,
}

/// How to reach a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// API addresses of the masters.
    pub(crate) masters: Vec<String>,
    /// Who the caller is; absent in plain text.
    pub(crate) tls: Option<TlsFiles>,
}

/// Certificates on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsFiles {
    pub(crate) ca: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl ContextArgs {
    /// The operator's context that these flags, and the file behind them, describe.
    pub(crate) fn resolve(&self) -> anyhow::Result<Context> {
        self.resolve_or(&default_path())
    }

    /// A framework's: the same flags, but another default, since an operator's certificate does not
    /// allow to subscribe.
    pub(crate) fn resolve_framework(&self) -> anyhow::Result<Context> {
        self.resolve_or(&dev_directory().join(FRAMEWORK_FILE))
    }

    fn resolve_or(&self, default: &Path) -> anyhow::Result<Context> {
        let file = match &self.context {
            Some(path) => Some(Context::read(path)?),
            None if self.masters.is_empty() => {
                if !default.exists() {
                    bail!(
                        "no cluster is named: start one with `bourse dev`, or say where it is with \
                         --masters HOST:PORT or --context FILE"
                    );
                }
                Some(Context::read(default)?)
            }
            None => None,
        };
        let mut context = file.unwrap_or(Context { masters: Vec::new(), tls: None });
        if !self.masters.is_empty() {
            context.masters.clone_from(&self.masters);
        }
        match (&self.ca, &self.certificate, &self.key, self.insecure) {
            (Some(ca), Some(certificate), Some(key), false) => {
                let (ca, certificate, key) = (ca.clone(), certificate.clone(), key.clone());
                context.tls = Some(TlsFiles { ca, certificate, key });
            }
            (None, None, None, true) => context.tls = None,
            (None, None, None, false) => {}
            (_, _, _, true) => bail!("--insecure contradicts --ca, --certificate and --key"),
            _ => bail!("--ca, --certificate and --key go together; one of them is missing"),
        }
        if context.tls.is_none() && !self.insecure {
            bail!(
                "no certificate is given: add --ca, --certificate and --key, or --insecure for a \
                 cluster that was started with it"
            );
        }
        Ok(context)
    }
}

impl Context {
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the context file {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not a context file", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = toml::to_string(self).context("a context is plain text")?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The API address of a master, as the SDK wants its security.
    pub(crate) fn security(&self) -> anyhow::Result<bourse_sdk::Security> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(match &self.tls {
            None => bourse_sdk::Security::Insecure,
            Some(files) => bourse_sdk::Security::Tls(bourse_sdk::TlsSettings {
                ca_pem: read(&files.ca)?,
                certificate_pem: read(&files.certificate)?,
                key_pem: read(&files.key)?,
            }),
        })
    }
}

/// Beside the operator's context file, that of the batch framework.
pub(crate) const FRAMEWORK_FILE: &str = "framework.toml";

/// Where the all-in-one cluster lives unless told otherwise.
pub(crate) fn dev_directory() -> PathBuf {
    let home = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).or_else(|| {
        std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local").join("share"))
    });
    home.unwrap_or_else(std::env::temp_dir).join("bourse").join("dev")
}

/// The context file that `bourse dev` writes.
pub(crate) fn default_path() -> PathBuf {
    dev_directory().join("context.toml")
}
