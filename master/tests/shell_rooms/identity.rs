//! What certificates prove, and what they do not.

use crate::certificates::Authority;
use master::serve::identity::{IdentityError, read_principal};
use proto::model::ClusterId;

fn read(uris: &[&str]) -> Result<String, IdentityError> {
    let cluster = ClusterId::new("test").unwrap();
    let minted = Authority::new().mint(uris);
    read_principal(&minted.der, &cluster).map(|principal| principal.to_string())
}

#[test]
fn one_uri_name_of_this_cluster_is_an_identity() {
    assert_eq!(read(&["spiffe://test/agent/rack-1"]).unwrap(), "spiffe://test/agent/rack-1");
}

#[test]
fn anything_else_proves_nothing() {
    assert_eq!(read(&[]), Err(IdentityError::UriNames { count: 0 }));
    let two = ["spiffe://test/agent/a", "spiffe://test/master/1"];
    assert_eq!(read(&two), Err(IdentityError::UriNames { count: 2 }));
    let found = "other".to_owned();
    assert_eq!(read(&["spiffe://other/agent/a"]), Err(IdentityError::OtherCluster { found }));
    for name in [
        "spiffe://test/task/a",
        "spiffe://test/agent",
        "spiffe://test/agent/a/b",
        "spiffe:///agent/a",
        "https://test/agent/a",
        "spiffe://test/agent/..",
    ] {
        assert!(matches!(read(&[name]), Err(IdentityError::Name(_))), "{name}");
    }
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let cluster = ClusterId::new("test").unwrap();
    let minted = Authority::new().mint(&["spiffe://test/agent/a"]);
    for length in 0..minted.der.len() {
        let outcome = read_principal(&minted.der[..length], &cluster);
        assert_eq!(outcome, Err(IdentityError::Malformed), "{length} bytes");
    }
}
