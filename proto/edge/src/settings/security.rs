//! How the other side of a connection is known: by certificate, or by the explicit word not at all.

use super::{Layers, SettingsError, SettingsFile, values};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const KEYS: [&str; 3] = ["tls.ca", "tls.certificate", "tls.key"];

/// How the other side of a connection is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// By its certificate, on every connection.
    Tls(TlsPaths),
    /// Not at all: whoever reaches a port may claim to be anybody.
    Insecure,
}

/// PEM files; one certificate serves both as a server's and as a client's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPaths {
    /// Who may vouch for others.
    pub ca: PathBuf,
    /// This process's certificate, and intermediate ones after it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `[tls]` in a settings file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsTable {
    ca: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl Security {
    /// As in a settings file; nothing for `insecure = true`.
    pub fn to_table(&self) -> Option<TlsTable> {
        let Security::Tls(TlsPaths { ca, certificate, key }) = self else { return None };
        let [ca, certificate, key] =
            [ca, certificate, key].map(|path| Some(path.display().to_string()));
        Some(TlsTable { ca, certificate, key })
    }
}

impl TlsTable {
    /// What the table says under `tls.ca`, `tls.certificate` or `tls.key`.
    pub fn value(&self, key: &str) -> Option<String> {
        match key {
            "tls.ca" => self.ca.clone(),
            "tls.certificate" => self.certificate.clone(),
            "tls.key" => self.key.clone(),
            _ => panic!("{key} is not in the table [tls]"),
        }
    }
}

impl<F: SettingsFile> Layers<'_, F> {
    /// Certificates or the explicit word that there are none; never nothing.
    pub fn security(&self) -> Result<Security, SettingsError<F::Problem>> {
        let insecure = self.said("insecure", values::boolean)?;
        let mut paths = Vec::new();
        for key in KEYS {
            paths.push(self.said(key, values::path)?);
        }
        if let Some(insecure) = insecure.filter(|insecure| insecure.value) {
            let given = KEYS.into_iter().zip(paths).find_map(|(key, said)| Some((key, said?)));
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
        let mut paths = KEYS.into_iter().zip(paths).map(|(key, said)| match said {
            Some(said) => Ok(said.value),
            None => Err(Self::missing(key)),
        });
        let mut next = || paths.next().expect("three keys");
        Ok(Security::Tls(TlsPaths { ca: next()?, certificate: next()?, key: next()? }))
    }
}
