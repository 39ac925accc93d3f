//! Mints a small certificate authority and the certificates that it signs.
//!
//! Identity is the URI name `spiffe://CLUSTER/KIND/ID`. Masters' certificates carry the DNS name that
//! clients insist on, so that no agent or framework can pose as a master.

use anyhow::Context as _;
use proto::model::{ClusterId, Principal, principal::PrincipalKind};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// The name that every master's certificate has and every client asks for.
pub(crate) const MASTER_NAME: &str = "master.bourse.internal";

/// The name that an agent's certificate has, and that readers of its sandboxes ask for.
pub(crate) fn agent_name(agent: &str) -> String {
    format!("{agent}.agent.bourse.internal")
}

/// An authority in a directory: `ca.pem`, `ca.key`, and what it signs beside them.
#[derive(Debug)]
pub(crate) struct Authority {
    directory: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// Files of one certificate.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    /// Opens the authority of a directory, or makes one.
    pub(crate) fn open_or_create(directory: &Path, cluster: &ClusterId) -> anyhow::Result<Self> {
        let (certificate, key) = (directory.join("ca.pem"), directory.join("ca.key"));
        if !certificate.exists() {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
            let pair = KeyPair::generate().context("cannot make a key")?;
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, format!("{cluster} authority"));
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            valid_for(&mut params, Duration::from_secs(3_650 * 24 * 3_600));
            let signed = params.self_signed(&pair).context("cannot sign the authority")?;
            write_private(&key, pair.serialize_pem().as_bytes())?;
            write_new(&certificate, signed.pem().as_bytes())?;
        }
        let read = |path: &Path| {
            fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let pair = KeyPair::from_pem(&read(&key)?)
            .with_context(|| format!("{} is not a private key", key.display()))?;
        let issuer = Issuer::from_ca_cert_pem(&read(&certificate)?, pair)
            .with_context(|| format!("{} is not an authority", certificate.display()))?;
        Ok(Self { directory: directory.to_owned(), issuer })
    }

    /// The authority's own certificate.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Signs a certificate for a principal; `hosts` are names or addresses that it is reached by.
    pub(crate) fn issue(
        &self,
        principal: &Principal,
        hosts: &[String],
        validity: Duration,
    ) -> anyhow::Result<Issued> {
        let stem = format!("{}-{}", principal.kind.as_str(), principal.id);
        let certificate = self.directory.join(format!("{stem}.pem"));
        let key = self.directory.join(format!("{stem}.key"));
        let mut names = hosts.to_vec();
        match principal.kind {
            PrincipalKind::Master => names.push(MASTER_NAME.to_owned()),
            PrincipalKind::Agent => names.push(agent_name(&principal.id)),
            PrincipalKind::Framework | PrincipalKind::Operator => {}
        }
        let mut params = CertificateParams::new(names).context("a host name is malformed")?;
        params.distinguished_name.push(DnType::CommonName, stem.as_str());
        let uri = principal.to_string().try_into().context("the principal is no URI")?;
        params.subject_alt_names.push(SanType::URI(uri));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        valid_for(&mut params, validity);
        let pair = KeyPair::generate().context("cannot make a key")?;
        let signed = params.signed_by(&pair, &self.issuer).context("cannot sign")?;
        write_private(&key, pair.serialize_pem().as_bytes())?;
        write_new(&certificate, signed.pem().as_bytes())?;
        Ok(Issued { certificate, key })
    }
}

/// Valid from a little before now, for clocks that differ.
fn valid_for(params: &mut CertificateParams, validity: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(300)).into();
    params.not_after = (now + validity).into();
}

fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_with_mode(path, bytes, 0o600)
}

fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_with_mode(path, bytes, 0o644)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let write = || {
        let _ = fs::remove_file(path);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
