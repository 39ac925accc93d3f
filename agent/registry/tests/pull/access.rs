//! Who is let in, and what is said to whom.

use crate::{
    fake::{Asked, Fake, Guard},
    kit::{Kit, Made, is_root, kit},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use registry::{Access, Client, PullError};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::{fs, path::PathBuf, sync::Arc};

/// A file with credentials for the kit's registry.
fn auth_file(kit: &Kit, user: &str, password: &str) -> PathBuf {
    let path = kit.path("config.json");
    let auth = BASE64_STANDARD.encode(format!("{user}:{password}"));
    let text = format!(r#"{{"auths": {{"{}": {{"auth": "{auth}"}}}}}}"#, kit.fake.host());
    fs::write(&path, text).unwrap();
    path
}

fn client_of(kit: &Kit, user: &str, password: &str) -> Client {
    let file = auth_file(kit, user, password);
    kit.client(|access| access.auth_file = Some(file))
}

fn authorizations(asked: &[Asked]) -> Vec<Option<&str>> {
    asked.iter().map(|asked| asked.authorization.as_deref()).collect()
}

fn made() -> Made {
    Made::new(&[("file", b"content")])
}

#[tokio::test]
async fn a_password_opens_what_is_closed() {
    let Some(kit) = kit("a password").await else { return };
    kit.push("tool", "v1", &made());
    kit.fake.change(|it| it.guard = Guard::Basic(BASE64_STANDARD.encode("me:secret")));
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Denied { user: None, .. }), "{error:?}");
    let error = kit.pull_with(&client_of(&kit, "me", "wrong"), "tool:v1").await.unwrap_err();
    assert!(
        matches!(&error, PullError::Denied { user: Some(user), .. } if user == "me"),
        "{error:?}"
    );
    kit.pull_with(&client_of(&kit, "me", "secret"), "tool:v1").await.unwrap();
    // Who changes the file need not start anything again.
    let client = client_of(&kit, "me", "wrong");
    kit.pull_with(&client, "tool:v1").await.unwrap_err();
    auth_file(&kit, "me", "secret");
    kit.pull_with(&client, "tool:v1").await.unwrap();
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_is_no_longer_good() {
    let Some(kit) = kit("a token").await else { return };
    kit.push("tool", "v1", &made());
    let realm = format!("http://{}/token", kit.fake.host());
    kit.fake.change(|it| it.guard = Guard::Bearer { realm, wants: None });
    let client = kit.client(|_| {});
    kit.pull_with(&client, "tool:v1").await.unwrap();
    let tokens = |asked: &[Asked]| {
        asked.iter().filter(|it| it.path.starts_with("/token")).cloned().collect::<Vec<_>>()
    };
    let asked = kit.fake.asked();
    let first = tokens(&asked);
    assert_eq!(first.len(), 1, "{asked:?}");
    assert_eq!(first[0].path, "/token?service=fake&scope=repository%3Atool%3Apull");
    assert_eq!(first[0].authorization, None);
    kit.pull_with(&client, "tool:v1").await.unwrap();
    assert_eq!(tokens(&kit.fake.asked()), []);
    kit.fake.change(|it| it.tokens.iter_mut().for_each(|token| token.push('x')));
    kit.pull_with(&client, "tool:v1").await.unwrap();
    assert_eq!(tokens(&kit.fake.asked()).len(), 1);
}

#[tokio::test]
async fn a_token_service_may_want_a_password() {
    let Some(kit) = kit("a token for a password").await else { return };
    kit.push("tool", "v1", &made());
    let realm = format!("http://{}/token", kit.fake.host());
    let wants = Some(BASE64_STANDARD.encode("me:secret"));
    kit.fake.change(|it| it.guard = Guard::Bearer { realm, wants });
    let error = kit.refused("tool:v1").await;
    assert!(matches!(&error, PullError::Denied { user: None, .. }), "{error:?}");
    kit.fake.asked();
    kit.pull_with(&client_of(&kit, "me", "secret"), "tool:v1").await.unwrap();
    let asked = kit.fake.asked();
    let to_registry: Vec<_> =
        asked.iter().filter(|it| it.path.starts_with("/v2/")).cloned().collect();
    let told = authorizations(&to_registry);
    // The password goes to the service alone.
    assert!(told.iter().flatten().all(|it| it.starts_with("Bearer ")), "{told:?}");
}

#[tokio::test]
async fn what_opens_a_registry_is_not_shown_to_others() {
    let Some(kit) = kit("redirection").await else { return };
    let other = Fake::start().await;
    let made = made();
    kit.push("tool", "v1", &made);
    kit.fake.change(|it| it.guard = Guard::Basic(BASE64_STANDARD.encode("me:secret")));
    kit.fake.change(|it| it.redirect = Some(format!("http://{}", other.host())));
    kit.fake.change(|mine| other.change(|theirs| theirs.things = mine.things.clone()));
    kit.pull_with(&client_of(&kit, "me", "secret"), "tool:v1").await.unwrap();
    let asked = other.asked_for_blobs();
    assert_eq!(asked.len(), 2);
    assert_eq!(authorizations(&asked), [None, None]);
}

/// A certificate of `localhost` and its key, PEM.
pub(crate) fn identity() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let rcgen::CertifiedKey { cert, signing_key } = made.unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

fn server_config(certificate: &str, key: &str) -> rustls::ServerConfig {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

#[tokio::test]
async fn a_registry_with_tls_is_known_by_its_authority() {
    if !is_root("a registry with TLS") {
        return;
    }
    let (authority, key) = identity();
    let kit = Kit::with(Fake::start_with_tls(server_config(&authority, &key)).await);
    kit.push("tool", "v1", &made());
    // Not in the clear either, though it is on loopback: it does speak TLS.
    let error = kit.refused("tool:v1").await;
    let PullError::Unreachable { .. } = error else { panic!("{error:?}") };
    let path = kit.path("ca.pem");
    fs::write(&path, authority).unwrap();
    kit.pull_with(&kit.client(|access| access.ca_file = Some(path)), "tool:v1").await.unwrap();
}

#[tokio::test]
async fn in_the_clear_only_by_word_or_on_loopback() {
    let Some(kit) = kit("in the clear").await else { return };
    kit.push("tool", "v1", &made());
    kit.pull("tool:v1").await.unwrap();
    let asked_by = |plain: bool| {
        let host = kit.fake.host();
        kit.client(|access: &mut Access| {
            access.plain.extend(plain.then_some(host));
        })
    };
    kit.pull_with(&asked_by(true), "tool:v1").await.unwrap();
    // Nobody listens there; it is asked with TLS or not at all.
    let name = "192.0.2.1:1/tool:v1".parse().unwrap();
    let platform = images::Platform::of_host();
    let (client, keep) = (asked_by(false), images::Keep::WhileUsed);
    let heard = kit.heard.clone();
    let pulled = registry::pull(&client, &kit.store, &name, keep, &platform, heard).await;
    let error = pulled.unwrap_err();
    let error = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(!error.is_empty());
}
