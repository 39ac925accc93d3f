//! Certificates: an agent talks to masters of its CA only, and lets nobody in but operators and
//! frameworks of its cluster.

use crate::kit::{self, key, launch, master::Master, settings, shell};
use agent::{AgentError, MASTER_DNS_NAME, Security, TlsPaths};
use proto::{
    convert::refusal::from_status,
    model::{Order, Reason, StatusReason, TaskState},
    wire::v1::{self, sandbox_client::SandboxClient},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use std::{fs, net::SocketAddr, path::Path};
use tonic::{
    Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, ServerTlsConfig},
};

const AGENT_DNS_NAME: &str = "agent.test";

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Minted {
    certificate: String,
    key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(parameters, key).expect("an authority"))
    }

    fn mint(&self, uri: &str, dns: &str) -> Minted {
        let mut parameters = CertificateParams::new([dns.to_owned()]).expect("a name");
        let uri = uri.try_into().expect("a URI");
        parameters.subject_alt_names.push(SanType::URI(uri));
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.0).expect("signed");
        Minted { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    pub(crate) fn master(&self, dns: &str) -> ServerTlsConfig {
        let minted = self.mint("spiffe://test/master/1", dns);
        ServerTlsConfig::new()
            .identity(Identity::from_pem(minted.certificate, minted.key))
            .client_ca_root(Certificate::from_pem(self.0.pem()))
    }

    /// Files for an agent's settings.
    pub(crate) fn agent(&self, folder: &Path, uri: &str) -> Security {
        let minted = self.mint(uri, AGENT_DNS_NAME);
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        Security::Tls(TlsPaths {
            ca: write("ca.pem", &self.0.pem()),
            certificate: write("certificate.pem", &minted.certificate),
            key: write("key.pem", &minted.key),
        })
    }

    /// Somebody who reads sandboxes.
    pub(crate) fn reader(&self, address: SocketAddr, uri: &str) -> SandboxClient<Channel> {
        let minted = self.mint(uri, "client.test");
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(self.0.pem()))
            .identity(Identity::from_pem(minted.certificate, minted.key))
            .domain_name(AGENT_DNS_NAME);
        let endpoint = Endpoint::from_shared(format!("https://{address}")).expect("an address");
        let channel = endpoint.tls_config(tls).expect("good certificates").connect_lazy();
        SandboxClient::new(channel)
    }

    pub(crate) async fn read_stdout(
        &self,
        address: SocketAddr,
        uri: &str,
    ) -> Result<Vec<u8>, Status> {
        let request = v1::ReadFileRequest {
            framework_id: "framework-7".to_owned(),
            task_id: "t".to_owned(),
            path: "stdout".to_owned(),
            offset_bytes: 0,
            follow: false,
        };
        let response = self.reader(address, uri).read_file(request).await?;
        let chunk = response.into_inner().message().await?;
        Ok(chunk.map(|chunk| chunk.data).unwrap_or_default())
    }
}

#[tokio::test]
async fn identities_are_proved_on_both_sides() {
    let place = tempfile::tempdir().expect("a directory");
    let authority = Authority::new();
    let mut master = Master::with_tls(authority.master(MASTER_DNS_NAME)).await;
    let mut settings = settings(&master, &place.path().join("data"));
    settings.security = authority.agent(place.path(), "spiffe://test/agent/by-certificate");
    settings.agent_id = None;
    settings.listen = Some(([127, 0, 0, 1], 0).into());
    let agent = agent::start(settings).await.expect("the agent starts");
    let address = agent.listen_address().expect("it listens");
    assert_eq!(master.registration().await.info.id.as_str(), "by-certificate");
    let mut task = shell("t", "echo for operators; exec sleep 600");
    task.agent = "by-certificate".parse().expect("an id");
    master.order(launch(task)).await;
    kit::expect(&mut master, TaskState::Running).await;

    let operator = authority.read_stdout(address, "spiffe://test/operator/o").await;
    assert_eq!(operator.expect("operators may"), b"for operators\n");
    for (uri, reason) in [
        ("spiffe://test/agent/another", Reason::NotAuthorized),
        ("spiffe://test/master/1", Reason::NotAuthorized),
        ("spiffe://test/framework/f", Reason::TaskUnknown),
        ("spiffe://other/framework/nightly", Reason::Unauthenticated),
        ("spiffe://other/operator/o", Reason::Unauthenticated),
        ("https://test/operator/o", Reason::Unauthenticated),
    ] {
        let status = authority.read_stdout(address, uri).await.expect_err(uri);
        assert_eq!(from_status(&status).reason, reason, "{uri}: {status}");
    }
    let stranger = Authority::new().read_stdout(address, "spiffe://test/operator/o").await;
    stranger.expect_err("another CA proves nothing");

    let reason = StatusReason::KilledByOperator;
    let grace_period = Some(proto::model::Duration(0));
    master.order(Order::Kill { key: key("t"), grace_period, reason }).await;
    kit::expect(&mut master, TaskState::Killed).await;
    agent.stop().await.expect("an orderly end");
}

/// Neither an agent that poses as a master nor a master of another CA is spoken to.
#[tokio::test]
async fn nobody_poses_as_a_master() {
    let place = tempfile::tempdir().expect("a directory");
    let authority = Authority::new();
    let mut impostor = Master::with_tls(authority.master("agent.bourse.internal")).await;
    let mut foreign = Master::with_tls(Authority::new().master(MASTER_DNS_NAME)).await;
    let mut real = Master::with_tls(authority.master(MASTER_DNS_NAME)).await;
    let mut settings = settings(&real, &place.path().join("data"));
    settings.masters =
        [&impostor, &foreign, &real].map(|master| master.address().to_string()).to_vec();
    settings.security =
        authority.agent(place.path(), &format!("spiffe://test/agent/{}", kit::AGENT));
    let agent = agent::start(settings).await.expect("the agent starts");
    // Passes over the others, wherever it begins; then once more, to begin with another.
    for _ in 0..3 {
        real.registration().await;
        let refusal = proto::model::Refusal::new(Reason::NotReady, "later");
        real.order(Order::Refused(refusal)).await;
    }
    assert!(!impostor.was_registered_with() && !foreign.was_registered_with());
    agent.stop().await.expect("an orderly end");
}

#[tokio::test]
async fn the_certificate_must_be_this_agents() {
    let place = tempfile::tempdir().expect("a directory");
    let master = Master::start().await;
    let authority = Authority::new();
    let mut settings = settings(&master, &place.path().join("data"));
    settings.security = authority.agent(place.path(), "spiffe://test/agent/another");
    let error = agent::start(settings.clone()).await.expect_err("another agent's");
    assert!(matches!(error, AgentError::TwoIds { .. }), "{error}");
    settings.security = authority.agent(place.path(), "spiffe://test/operator/o");
    let error = agent::start(settings).await.expect_err("an operator's");
    assert!(matches!(error, AgentError::Credentials(_)), "{error}");
}
