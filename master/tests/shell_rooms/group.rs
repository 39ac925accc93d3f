//! Three masters in one process, over real sockets and files.

use crate::{
    certificates::Authority,
    masters::{PATIENCE, connect, eventually, group, loopback, operator, refusal, serving},
};
use master::{MasterSettings, Running, Security, TlsPaths, start};
use proto::{
    model::{NodeId, Reason},
    wire::v1::{self, peer_client::PeerClient, scheduler_client::SchedulerClient},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::{fs, path::Path, sync::Arc};
use tokio::{io::AsyncReadExt as _, net::TcpListener};
use tokio_rustls::TlsAcceptor;
use tonic::transport::Channel;

pub(crate) async fn start_all(settings: &[MasterSettings]) -> Vec<Running> {
    let mut masters = Vec::new();
    for settings in settings {
        masters.push(start(settings.clone()).await.unwrap());
    }
    masters
}

/// Where the leader is, once there is one.
pub(crate) async fn leader(masters: &[Running]) -> usize {
    let serves = async || masters.iter().position(|master| master.role().borrow().serving);
    eventually("a leader", serves).await
}

pub(crate) async fn end(masters: Vec<Running>) {
    for master in masters {
        master.shutdown();
        master.join().await.unwrap();
    }
}

/// Makes `count` log entries; a framework each.
async fn fill(master: &Running, from: u64, count: u64) {
    let mut client = SchedulerClient::new(connect(master.api_address).await);
    for index in from..from + count {
        let framework = v1::FrameworkInfo {
            name: format!("framework {index}"),
            roles: vec!["*".to_owned()],
            failover_timeout_ms: 3_600_000,
            labels: Vec::new(),
            disruption_budget: None,
            offer_terms: Vec::new(),
        };
        let request = v1::SubscribeRequest {
            framework: Some(framework),
            request_id: format!("request-{index:016}"),
            ..v1::SubscribeRequest::default()
        };
        client.subscribe(request).await.unwrap();
    }
}

async fn frameworks(master: &Running) -> Option<u64> {
    let cluster = operator(master).await.get_cluster(v1::GetClusterRequest {}).await;
    cluster.ok().map(|cluster| cluster.into_inner().framework_count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_names_the_leader_and_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = group(folder.path(), 3);
    let mut masters = start_all(&settings).await;
    let first = leader(&masters).await;
    fill(&masters[first], 0, 5).await;
    let address = masters[first].api_address.to_string();
    let follower = (first + 1) % 3;
    let told = async || {
        let mut client = operator(&masters[follower]).await;
        let refused = refusal(client.list_agents(v1::ListAgentsRequest::default()).await);
        (refused.reason == Reason::NotLeader).then_some(refused.leader_address)
    };
    assert_eq!(eventually("the leader's address", told).await, Some(address));
    let gone = masters.remove(first);
    end(vec![gone]).await;
    let second = leader(&masters).await;
    serving(&masters[second]).await;
    assert_eq!(frameworks(&masters[second]).await, Some(5), "what was committed is still there");
    end(masters).await;
}

/// Has one member miss what the others compact, by `gap`, and come back; it must then be able to
/// make a majority with one of the others.
async fn comes_back_by_snapshot(gap: impl Fn(&MasterSettings)) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = group(folder.path(), 3);
    for settings in &mut settings {
        settings.snapshot_entries = 10;
        settings.log_tail_entries = 0;
    }
    let mut masters = start_all(&settings).await;
    let first = leader(&masters).await;
    fill(&masters[first], 0, 5).await;
    let away = (first + 1) % 3;
    let gone = masters.remove(away);
    end(vec![gone]).await;
    gap(&settings[away]);
    let first = leader(&masters).await;
    fill(&masters[first], 5, 35).await;
    let snapshots = settings[away].data_dir.join("snapshots");
    masters.push(start(settings[away].clone()).await.unwrap());
    let arrived = async || {
        let mut files = fs::read_dir(&snapshots).ok()?;
        files.find(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with(".bin"))
    };
    eventually("a streamed snapshot", arrived).await.unwrap();
    // Without its vote two of three are no majority.
    let mut role = masters.last().expect("it was started").role();
    let voting = role.wait_for(|role| role.leader.is_some() && !role.joining);
    tokio::time::timeout(PATIENCE, voting).await.expect("in time").expect("the master runs");
    let gone = masters.remove(0);
    end(vec![gone]).await;
    let progress = async || {
        let leader = masters.iter().find(|master| master.role().borrow().serving)?;
        (frameworks(leader).await? == 40).then_some(())
    };
    eventually("a majority with the one that came back", progress).await;
    let first = leader(&masters).await;
    fill(&masters[first], 40, 1).await;
    assert_eq!(frameworks(&masters[first]).await, Some(41));
    end(masters).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_far_behind_catches_up_by_a_streamed_snapshot() {
    comes_back_by_snapshot(|_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_member_catches_up_by_a_streamed_snapshot() {
    comes_back_by_snapshot(|settings| fs::remove_dir_all(&settings.data_dir).unwrap()).await;
}

fn files(authority: &Authority, folder: &Path, uri: &str, name: &str) -> TlsPaths {
    let folder = folder.join(name);
    fs::create_dir(&folder).unwrap();
    authority.files(&folder, &authority.mint(&[uri]))
}

#[tokio::test(flavor = "multi_thread")]
async fn members_know_each_other_by_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let mut settings = group(folder.path(), 3);
    for settings in &mut settings {
        let (node, name) = (settings.node, format!("tls-{}", settings.node));
        let uri = format!("spiffe://test/master/{node}");
        settings.security = Security::Tls(files(&authority, folder.path(), &uri, &name));
    }
    let masters = start_all(&settings).await;
    leader(&masters).await;
    // A vouched-for master may have just been added; what nobody may is to speak for another.
    for (id, from) in [(9, 3), (2, 3)] {
        let identity = authority.mint(&[&format!("spiffe://test/master/{id}")]);
        let address = masters[0].peer_address.unwrap();
        let channel = Channel::from_shared(format!("https://{address}")).unwrap();
        let channel = channel.tls_config(authority.client(Some(&identity))).unwrap();
        let mut client = PeerClient::new(channel.connect().await.unwrap());
        let cluster_id = "test".to_owned();
        let frame = v1::PeerFrame { cluster_id, from, to: 1, ..v1::PeerFrame::default() };
        let refused = refusal(client.exchange(futures_util::stream::iter([frame])).await);
        assert_eq!(
            (refused.reason, &*refused.field),
            (Reason::NotAuthorized, "from"),
            "{id} {from}"
        );
    }
    end(masters).await;
}

/// What a master sends to whoever answers, with this certificate, at the address of member 2.
async fn said_to(authority: &Authority, uri: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = group(folder.path(), 3).remove(0);
    let listener = TcpListener::bind((loopback(), 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    settings.members.get_mut(&NodeId(2)).unwrap().peer = Some(address);
    let own = files(authority, folder.path(), "spiffe://test/master/1", "own");
    settings.security = Security::Tls(own);
    let theirs = authority.mint(&[uri]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(theirs.certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(theirs.key.as_bytes()).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let master = start(settings).await.unwrap();
    let (socket, _) = listener.accept().await.unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut stream = acceptor.accept(socket).await.unwrap();
    let mut said = vec![0; 24];
    // An end instead of bytes is an error here, and as good as nothing.
    let length = stream.read(&mut said).await.unwrap_or(0);
    said.truncate(length);
    end(vec![master]).await;
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_somebody_else_at_a_members_address() {
    let authority = Authority::new();
    assert!(said_to(&authority, "spiffe://test/master/2").await.starts_with(b"PRI * HTTP/2.0"));
    for uri in ["spiffe://test/master/3", "spiffe://test/agent/2", "spiffe://other/master/2"] {
        assert!(said_to(&authority, uri).await.is_empty(), "{uri}");
    }
}
