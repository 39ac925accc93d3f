//! Certificates for tests: an authority, and what it vouches for.

use crate::masters::loopback;
use master::TlsPaths;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd,
};
use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// Who vouches.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
pub(crate) struct Minted {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(parameters, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// For these URI names, and for loopback as a host.
    pub(crate) fn mint(&self, uris: &[&str]) -> Minted {
        self.mint_until(uris, 2100)
    }

    pub(crate) fn mint_until(&self, uris: &[&str], year: i32) -> Minted {
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        for address in [loopback(), Ipv4Addr::LOCALHOST] {
            parameters.subject_alt_names.push(SanType::IpAddress(address.into()));
        }
        for uri in uris {
            parameters.subject_alt_names.push(SanType::URI((*uri).try_into().unwrap()));
        }
        parameters.not_before = date_time_ymd(2000, 1, 1);
        parameters.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        Minted { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// Files for a master's settings.
    pub(crate) fn files(&self, folder: &Path, minted: &Minted) -> TlsPaths {
        let write = |name: &str, text: &str| -> PathBuf {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path
        };
        TlsPaths {
            ca: write("ca.pem", &self.pem()),
            certificate: write("certificate.pem", &minted.certificate),
            key: write("key.pem", &minted.key),
        }
    }

    /// A client that trusts this authority.
    pub(crate) fn client(&self, identity: Option<&Minted>) -> ClientTlsConfig {
        let config = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.pem()))
            .domain_name("localhost");
        match identity {
            Some(minted) => config.identity(Identity::from_pem(&minted.certificate, &minted.key)),
            None => config,
        }
    }
}
