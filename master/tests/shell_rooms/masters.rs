//! Masters in this process, and connections to them.

use master::{MasterSettings, Running, Security, settings::MemberAddresses};
use proto::{
    convert::refusal::from_status,
    model::{ClusterId, Duration, NodeId, Refusal},
    wire::v1::operator_client::OperatorClient,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process,
    sync::Mutex,
    time::{self, Instant},
};
use tonic::{
    Status,
    transport::{Channel, Endpoint},
};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: time::Duration = time::Duration::from_secs(30);

/// A lone master without certificates.
pub(crate) fn alone(folder: &Path) -> MasterSettings {
    let cluster = ClusterId::new("test").unwrap();
    let mut settings = MasterSettings::alone(cluster, folder.join("data"), Security::Insecure);
    settings.tick = Duration(10);
    settings
}

/// Settings of `count` masters that know each other.
pub(crate) fn group(folder: &Path, count: u64) -> Vec<MasterSettings> {
    let addresses: Vec<_> = (0..2 * count).map(|_| free_address()).collect();
    let member = |index: u64| {
        let at = |offset: u64| addresses[usize::try_from(2 * (index - 1) + offset).unwrap()];
        let (api, peer) = (at(0).to_string(), Some(at(1).to_string()));
        (NodeId(index), MemberAddresses { api, peer })
    };
    let members: BTreeMap<_, _> = (1..=count).map(member).collect();
    let settings = |(node, addresses): (&NodeId, &MemberAddresses)| MasterSettings {
        node: *node,
        members: members.clone(),
        listen: addresses.api.parse().unwrap(),
        peer_listen: addresses.peer.as_ref().map(|address| address.parse().unwrap()),
        data_dir: folder.join(format!("data-{node}")),
        ..alone(folder)
    };
    members.iter().map(settings).collect()
}

/// An address of loopback that no other process uses, and no outgoing connection: those come from
/// 127.0.0.1. Members need ports that can be named before they are bound.
pub(crate) fn loopback() -> Ipv4Addr {
    let [.., high, low] = process::id().to_be_bytes();
    Ipv4Addr::new(127, 1 + high % 127, low, 1)
}

/// A port there that was given to nobody else in this process.
fn free_address() -> SocketAddr {
    static GIVEN: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());
    loop {
        let socket = TcpListener::bind((loopback(), 0)).unwrap();
        let address = socket.local_addr().unwrap();
        if GIVEN.lock().unwrap().insert(address) {
            return address;
        }
    }
}

pub(crate) async fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

pub(crate) async fn operator(master: &Running) -> OperatorClient<Channel> {
    OperatorClient::new(connect(master.api_address).await)
}

/// Waits until this master serves.
pub(crate) async fn serving(master: &Running) {
    let mut role = master.role();
    let waited = tokio::time::timeout(PATIENCE, role.wait_for(|role| role.serving)).await;
    waited.expect("somebody leads in time").expect("the master runs");
}

/// The refusal in a status.
pub(crate) fn refusal<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Refusal {
    from_status(&outcome.expect_err("it is to be refused"))
}

/// Polls until something holds.
pub(crate) async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(result) = attempt().await {
            return result;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(time::Duration::from_millis(20)).await;
    }
}
