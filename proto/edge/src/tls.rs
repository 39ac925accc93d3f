//! TLS for both directions: version 1.3 only, and never without the other side's certificate.
//!
//! One certificate is this process's name as a server and as a client. Which names a certificate
//! must have beyond being vouched for is decided in [`crate::identity`].

use crate::settings::TlsPaths;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    server::{VerifierBuilderError, WebPkiClientVerifier},
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Ready for use on sockets.
#[derive(Debug, Clone)]
pub struct Tls {
    /// For connections that come.
    pub server: Arc<ServerConfig>,
    /// For connections that go.
    pub client: Arc<ClientConfig>,
    /// This process's own certificate.
    pub certificate: CertificateDer<'static>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or is not PEM.
    #[error("{} cannot be read as PEM", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: pem::Error,
    },
    /// A file without what is wanted from it.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// A CA certificate that cannot vouch.
    #[error("{} holds a certificate that cannot be a CA's", path.display())]
    Authority {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The verifier of clients cannot be made.
    #[error("clients' certificates cannot be verified with these CA certificates")]
    Verifier(#[source] VerifierBuilderError),
    /// Certificate and key do not belong together, or the library refuses them.
    #[error("the certificate and the private key cannot be used together")]
    Pair(#[source] rustls::Error),
}

impl Tls {
    /// Reads the files.
    pub fn load(paths: &TlsPaths) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in read_certificates(&paths.ca)? {
            let path = paths.ca.clone();
            roots.add(certificate).map_err(|source| TlsError::Authority { path, source })?;
        }
        let (roots, chain) = (Arc::new(roots), read_certificates(&paths.certificate)?);
        let key = PrivateKeyDer::from_pem_file(&paths.key)
            .map_err(|source| TlsError::File { path: paths.key.clone(), source })?;
        let certificate = chain.first().expect("not empty").clone();
        let server = server_config(&provider, &roots, chain.clone(), key.clone_key())?;
        let client = client_config(provider, roots, chain, key)?;
        Ok(Self { server: Arc::new(server), client: Arc::new(client), certificate })
    }
}

fn server_config(
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, TlsError> {
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::clone(provider))
            .build()
            .map_err(TlsError::Verifier)?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider knows TLS 1.3")
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Nothing is resumed: a ticket would outlive the certificate that it was given for.
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn client_config(
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, TlsError> {
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider knows TLS 1.3")
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |source| TlsError::File { path: path.to_owned(), source };
    let list: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(failed)?.collect();
    let list = list.map_err(failed)?;
    match list.is_empty() {
        true => Err(TlsError::NoCertificate { path: path.to_owned() }),
        false => Ok(list),
    }
}
