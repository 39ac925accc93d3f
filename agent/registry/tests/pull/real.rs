//! Debian's own parts: `docker-registry` on loopback, with TLS and a password; images made by
//! `umoci` and pushed by `skopeo`, in both forms.

use crate::{
    access::identity,
    kit::{Heard, client, is_root, read},
};
use images::{Keep, Platform, Store};
use registry::{PullError, pull};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

const PROGRAMS: [&str; 3] = ["docker-registry", "skopeo", "umoci"];
/// What `htpasswd -nbB me secret` prints.
const PASSWORDS: &str = "me:$2y$05$79kI.YMF6o7tgBXUMT.LwuUzQr9VdD7V8nqdMnqLtbeS0h1NJDYcW\n";
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(program).is_file())
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
}

/// Writes its certificate to `ca/ca.crt`; waits until it listens.
fn start(place: &Path) -> (Server, u16) {
    let (certificate, key) = identity();
    fs::create_dir(place.join("ca")).unwrap();
    fs::write(place.join("ca/ca.crt"), certificate).unwrap();
    fs::write(place.join("key.pem"), key).unwrap();
    fs::write(place.join("htpasswd"), PASSWORDS).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let at = |name: &str| place.join(name).display().to_string();
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
         auth: {{htpasswd: {{realm: registry, path: {}}}}}\n\
         http:\n  addr: 127.0.0.1:{port}\n  tls: {{certificate: {}, key: {}}}\n",
        at("images"),
        at("htpasswd"),
        at("ca/ca.crt"),
        at("key.pem"),
    );
    fs::write(place.join("config.yml"), config).unwrap();
    let log = fs::File::create(place.join("log")).unwrap();
    let child = Command::new("docker-registry")
        .args(["serve", &at("config.yml")])
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    let mut server = Server(child.unwrap());
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = || fs::read_to_string(place.join("log")).unwrap();
        assert!(server.0.try_wait().unwrap().is_none(), "{}", log());
        assert!(begun.elapsed() < PATIENCE, "{}", log());
        std::thread::yield_now();
    }
    (server, port)
}

/// An image with one file and an entry point, as an OCI layout.
fn make(place: &Path) -> PathBuf {
    let layout = place.join("layout");
    let (at, bundle) = (layout.display().to_string(), place.join("bundle"));
    let image = format!("{at}:made");
    let bundle_text = bundle.display().to_string();
    run("umoci", &["init", "--layout", &at]);
    run("umoci", &["new", "--image", &image]);
    run("umoci", &["unpack", "--image", &image, &bundle_text]);
    fs::write(bundle.join("rootfs/motd"), "made by umoci").unwrap();
    run("umoci", &["repack", "--image", &image, &bundle_text]);
    run("umoci", &["config", "--image", &image, "--config.entrypoint", "/bin/true"]);
    layout
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_debians_tools_come_from_debians_registry() {
    if !is_root("Debian's registry") {
        return;
    }
    if let Some(missing) = PROGRAMS.iter().find(|program| !is_there(program)) {
        assert!(std::env::var_os("BOURSE_TEST_STRICT").is_none(), "there is no {missing}");
        println!("SKIPPED images of Debian's tools: there is no {missing}");
        return;
    }
    let place = tempfile::Builder::new().prefix("bourse-registry-").tempdir().unwrap();
    let (_server, port) = start(place.path());
    let layout = make(place.path());
    let from = format!("oci:{}:made", layout.display());
    let ca = place.path().join("ca");
    for (form, tag) in [("oci", "oci"), ("v2s2", "docker")] {
        let to = format!("docker://127.0.0.1:{port}/team/tool:{tag}");
        let ca = ca.display().to_string();
        run(
            "skopeo",
            &[
                "--insecure-policy",
                "copy",
                "--quiet",
                "--format",
                form,
                "--dest-creds",
                "me:secret",
                "--dest-cert-dir",
                &ca,
                &from,
                &to,
            ],
        );
    }
    let store = Arc::new(Store::open(&place.path().join("store")).unwrap());
    let auth = place.path().join("config.json");
    let entry = r#"{"username": "me", "password": "secret"}"#;
    fs::write(&auth, format!(r#"{{"auths": {{"127.0.0.1:{port}": {entry}}}}}"#)).unwrap();
    let known = client(|access| {
        access.patience = registry::Patience::default();
        access.auth_file = Some(auth);
        access.ca_file = Some(ca.join("ca.crt"));
    });
    let stranger = client(|access| access.ca_file = Some(ca.join("ca.crt")));
    let platform = Platform::of_host();
    let heard = Arc::new(Heard::default());
    let keep = Keep::WhileUsed;
    for tag in ["oci", "docker"] {
        let name = format!("127.0.0.1:{port}/team/tool:{tag}").parse().unwrap();
        let refused =
            pull(&stranger, &store, &name, keep, &platform, heard.clone()).await.unwrap_err();
        assert!(matches!(refused, PullError::Denied { user: None, .. }), "{refused:?}");
        pull(&known, &store, &name, keep, &platform, heard.clone()).await.unwrap();
        let image = store.image(&name).unwrap();
        assert_eq!(image.config.entrypoint, ["/bin/true"]);
        let top = image.layers.len() - 1;
        assert_eq!(read(&image, top, "motd"), b"made by umoci");
        // By what it is, too.
        let name = format!("127.0.0.1:{port}/team/tool@{}", image.digest).parse().unwrap();
        assert_eq!(
            pull(&known, &store, &name, keep, &platform, heard.clone()).await.unwrap().fetched,
            0
        );
    }
}
