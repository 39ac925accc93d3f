//! The table of who may call what: complete, and enforced, row by row and kind by kind.

use crate::{
    certificates::{Authority, Minted},
    masters::group,
};
use edge::{
    gate::Row,
    testing::{check_table, declared_calls},
};
use master::{Running, Security, serve::authorization::TABLE, start};
use proto::{
    model::principal::PrincipalKind::{self, Agent, Framework, Master, Operator},
    wire::DESCRIPTORS,
};
use std::net::SocketAddr;
use tonic::{
    Code, IntoRequest as _, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, ClientTlsConfig, Endpoint},
};
use tonic_prost::ProstCodec;

/// In the schemas, but answered by agents.
const NOT_OF_THE_MASTER: &str = "/bourse.v1.Sandbox/";

#[test]
fn every_call_has_one_row_and_every_row_is_a_call() {
    let mut calls = declared_calls(&[
        DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    ]);
    calls.retain(|path, _| !path.starts_with(NOT_OF_THE_MASTER));
    check_table(TABLE, &calls);
}

struct Fixture {
    authority: Authority,
    master: Running,
    _folder: tempfile::TempDir,
}

impl Fixture {
    /// One of three, so that there is a peer listener; the others do not exist.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let minted = authority.mint(&["spiffe://test/master/1"]);
        let mut settings = group(folder.path(), 3).remove(0);
        settings.security = Security::Tls(authority.files(folder.path(), &minted));
        let master = start(settings).await.unwrap();
        Self { authority, master, _folder: folder }
    }

    fn address(&self, path: &str) -> SocketAddr {
        match path.starts_with("/bourse.v1.Peer/") {
            true => self.master.peer_address.unwrap(),
            false => self.master.api_address,
        }
    }

    async fn call(&self, path: &str, identity: Option<&Minted>) -> Result<(), Status> {
        call(self.address(path), path, self.authority.client(identity)).await
    }
}

/// An empty message; what comes back after the first word is of no interest.
async fn call(address: SocketAddr, path: &str, tls: ClientTlsConfig) -> Result<(), Status> {
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    let channel = endpoint.tls_config(tls).unwrap().connect().await;
    let channel: Channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path: PathAndQuery = path.parse().unwrap();
    let codec: ProstCodec<(), ()> = ProstCodec::default();
    client.server_streaming(().into_request(), path, codec).await.map(|_| ())
}

fn is_denied(outcome: &Result<(), Status>) -> bool {
    matches!(outcome, Err(status) if status.code() == Code::PermissionDenied)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_may_make_the_calls_of_its_rows_and_no_other() {
    let fixture = Fixture::start().await;
    let mint = |kind: PrincipalKind| {
        let id = if kind == Master { "2" } else { "somebody" };
        fixture.authority.mint(&[&format!("spiffe://test/{}/{id}", kind.as_str())])
    };
    for kind in [Master, Agent, Framework, Operator] {
        let identity = mint(kind);
        for Row { path, allowed, .. } in TABLE {
            let outcome = fixture.call(path, Some(&identity)).await;
            assert_eq!(
                !is_denied(&outcome),
                allowed.contains(&kind),
                "{kind:?} {path}: {outcome:?}"
            );
            let code = outcome.err().map_or(Code::Ok, |status| status.code());
            assert_ne!(code, Code::Unimplemented, "{path} is in the table but not served");
            assert_ne!(code, Code::Unauthenticated, "{kind:?} {path}");
        }
        let nothing = fixture.call("/bourse.v1.Scheduler/Nothing", Some(&identity)).await;
        assert_eq!(nothing.unwrap_err().code(), Code::Unimplemented);
    }
    fixture.master.shutdown();
    fixture.master.join().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vouched_for_certificate_without_an_identity_may_call_nothing() {
    let fixture = Fixture::start().await;
    let names: [&[&str]; 4] = [
        &[],
        &["spiffe://other/operator/a"],
        &["spiffe://test/operator/a", "spiffe://test/agent/a"],
        &["spiffe://test/emperor/a"],
    ];
    for names in names {
        let identity = fixture.authority.mint(names);
        for Row { path, .. } in TABLE {
            let status = fixture.call(path, Some(&identity)).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{names:?} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_certificate_there_is_no_connection() {
    let fixture = Fixture::start().await;
    let name = &["spiffe://test/operator/a"][..];
    let stranger = Authority::new().mint(name);
    let expired = fixture.authority.mint_until(name, 2001);
    let callers = [("none", None), ("other CA", Some(&stranger)), ("expired", Some(&expired))];
    for (caller, identity) in callers {
        for path in ["/bourse.v1.Operator/GetCluster", "/bourse.v1.Peer/Exchange"] {
            let status = fixture.call(path, identity).await.unwrap_err();
            // The transport's own words, not a service's: nothing was read.
            let transport = std::error::Error::source(&status).is_some();
            assert!(transport || status.code() == Code::Unavailable, "{caller}: {status:?}");
            assert!(status.details().is_empty(), "{caller}: {status:?}");
        }
    }
    let good = fixture.authority.mint(name);
    let outcome = fixture.call("/grpc.health.v1.Health/Check", Some(&good)).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_of_one_listener_are_not_on_the_other() {
    let fixture = Fixture::start().await;
    let operator = fixture.authority.mint(&["spiffe://test/operator/a"]);
    let master = fixture.authority.mint(&["spiffe://test/master/2"]);
    let client = |identity| fixture.authority.client(Some(identity));
    let peer = fixture.master.peer_address.unwrap();
    let path = "/bourse.v1.Operator/GetCluster";
    assert_eq!(call(peer, path, client(&operator)).await.unwrap_err().code(), Code::Unimplemented);
    let path = "/bourse.v1.Peer/Exchange";
    let outcome = call(fixture.master.api_address, path, client(&master)).await;
    assert_eq!(outcome.unwrap_err().code(), Code::Unimplemented);
}
