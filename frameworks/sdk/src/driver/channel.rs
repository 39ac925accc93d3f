//! How a connection to a master is made: address, TLS, keep-alive.

use super::{DriverError, Settings};
use std::time::Duration;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// The name that every master's certificate carries; addresses change, this does not.
pub const MASTER_DOMAIN: &str = "master.bourse.internal";

/// Bytes of the event stream that may be on the way; a cycle's offers for a large cluster come at
/// once.
const STREAM_WINDOW_BYTES: u32 = 4 * 1_024 * 1_024;
const CONNECTION_WINDOW_BYTES: u32 = 8 * 1_024 * 1_024;
const _: () = assert!(CONNECTION_WINDOW_BYTES > STREAM_WINDOW_BYTES);

/// A peer that does not answer this is gone even if the kernel has not noticed.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Identity towards the masters.
#[derive(Clone)]
pub enum Security {
    /// Mutual TLS.
    Tls(TlsSettings),
    /// Plain text; for clusters started with `--insecure` and for tests.
    Insecure,
}

/// PEM texts of what mutual TLS needs.
#[derive(Clone)]
pub struct TlsSettings {
    /// The authority that signed the masters' certificates.
    pub ca_pem: Vec<u8>,
    /// Our certificate, with its chain.
    pub certificate_pem: Vec<u8>,
    /// Its private key.
    pub key_pem: Vec<u8>,
}

/// Makes endpoints for addresses, the given ones and those learnt.
pub(super) struct Endpoints {
    tls: Option<ClientTlsConfig>,
    connect_timeout: Duration,
}

impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Security::Tls(_) => "Tls",
            Security::Insecure => "Insecure",
        })
    }
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the key.
        f.debug_struct("TlsSettings").finish_non_exhaustive()
    }
}

impl Endpoints {
    /// Checks addresses and certificates before anything is tried.
    pub(super) fn new(settings: &Settings) -> Result<Self, DriverError> {
        let tls = match &settings.masters.security {
            Security::Insecure => None,
            Security::Tls(tls) => Some(
                ClientTlsConfig::new()
                    .domain_name(MASTER_DOMAIN)
                    .ca_certificate(Certificate::from_pem(&tls.ca_pem))
                    .identity(Identity::from_pem(&tls.certificate_pem, &tls.key_pem)),
            ),
        };
        let connect_timeout = Duration::from_millis(settings.connect_timeout.0);
        let endpoints = Self { tls, connect_timeout };
        for address in &settings.masters.addresses {
            if !is_address(address) {
                return Err(DriverError::Address { address: address.clone() });
            }
            endpoints.try_endpoint(address).map_err(DriverError::Tls)?;
        }
        Ok(endpoints)
    }

    /// The endpoint, or `None` for an address that a master made up.
    pub(super) fn endpoint(&self, address: &str) -> Option<Endpoint> {
        is_address(address).then(|| self.try_endpoint(address).ok()).flatten()
    }

    fn try_endpoint(&self, address: &str) -> Result<Endpoint, tonic::transport::Error> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
        match &self.tls {
            Some(tls) => endpoint.tls_config(tls.clone()),
            None => Ok(endpoint),
        }
    }
}

/// Whether a text is `host:port`; more than a URI's authority needs nobody.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    !host.is_empty() && host.chars().all(is_host) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        for good in ["localhost:5050", "10.0.0.1:1", "[::1]:65535", "m-1.example.org:443"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "localhost", ":1", "a:0", "a:65536", "a:b", "user@a:1", "a/b:1", "a b:1"] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
