//! An authority that lives as long as its directory, for clusters that are measured with mutual
//! TLS.

use anyhow::Context as _;
use proto::model::{Principal, principal::PrincipalKind};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Who vouches.
pub struct Authority {
    folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// One party's certificate and key, as PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The party's certificate.
    pub certificate_pem: String,
    /// Its private key.
    pub key_pem: String,
}

/// PEM files of one party.
#[derive(Debug, Clone)]
pub struct Files {
    /// Who vouches for others.
    pub ca: PathBuf,
    /// The party's certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one, whose files lie in a folder.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
        fs::create_dir_all(folder)?;
        fs::write(folder.join("ca.pem"), issuer.pem())?;
        Ok(Self { folder: folder.to_owned(), issuer })
    }

    /// Who vouches, as PEM.
    pub fn certificate_pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for a party, in files.
    pub fn issue(&self, principal: &Principal) -> anyhow::Result<Files> {
        let issued = self.issue_in_memory(principal)?;
        let name = format!("{}-{}", principal.kind.as_str(), principal.id);
        let file = |suffix: &str| self.folder.join(format!("{name}.{suffix}"));
        let files =
            Files { ca: self.folder.join("ca.pem"), certificate: file("pem"), key: file("key") };
        fs::write(&files.certificate, issued.certificate_pem)?;
        fs::write(&files.key, issued.key_pem)?;
        Ok(files)
    }

    /// A certificate for a party; nothing is written.
    pub fn issue_in_memory(&self, principal: &Principal) -> anyhow::Result<Issued> {
        let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        match principal.kind {
            PrincipalKind::Master => names.push(agent::MASTER_DNS_NAME.to_owned()),
            PrincipalKind::Agent => names.push(format!("{}.agent.bourse.internal", principal.id)),
            PrincipalKind::Framework | PrincipalKind::Operator => {}
        }
        let mut parameters = CertificateParams::new(names)?;
        let uri = principal.to_string().try_into().context("a principal is a URI")?;
        parameters.subject_alt_names.push(SanType::URI(uri));
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        parameters.not_before = date_time_ymd(2000, 1, 1);
        parameters.not_after = date_time_ymd(2100, 1, 1);
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("folder", &self.folder).finish_non_exhaustive()
    }
}
