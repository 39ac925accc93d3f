//! Tasks with images, from the command line to the kernel.

use crate::rig::{Daemon, Home, bourse, may_be_root, run, skip};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// This host's shell with its libraries and a file of its own, as `docker save` would write it.
fn archive(home: &Home) -> PathBuf {
    let root = home.path().join("root");
    for program in ["sh", "cat"] {
        let path = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(program));
        let path = path.iter().find(|path| path.exists()).unwrap();
        let place = root.join("bin").join(program);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(path, place).unwrap();
        let libraries = Command::new("ldd").arg(path).output().unwrap().stdout;
        for word in String::from_utf8(libraries).unwrap().split_whitespace() {
            if word.starts_with('/') && Path::new(word).exists() {
                let place = root.join(word.trim_start_matches('/'));
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                fs::copy(word, place).unwrap();
            }
        }
    }
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("etc/passwd"), "web:x:4321:4322::/:\n").unwrap();
    fs::write(root.join("etc/issue"), "of the image").unwrap();
    let layer = home.path().join("layer.tar");
    pack(&layer, &[(".", &root)]);
    let diff_id = images::Digest::of(&fs::read(&layer).unwrap()).to_string();
    let config = json!({
        "architecture": images::Platform::of_host().architecture, "os": "linux",
        "config": {
            "Entrypoint": ["/bin/sh", "-c"], "Cmd": ["echo $GREETING from $0; cat /etc/issue"],
            "Env": ["GREETING=hello"],
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    });
    let list = json!([{
        "Config": "config.json", "RepoTags": ["greeter:1"], "Layers": ["layer.tar"],
    }]);
    let write = |name: &str, value: &Value| {
        let path = home.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path
    };
    let (config, list) = (write("config.json", &config), write("manifest.json", &list));
    let archive = home.path().join("greeter.tar");
    let parts = [("config.json", &config), ("manifest.json", &list), ("layer.tar", &layer)];
    pack(&archive, &parts);
    archive
}

fn pack(archive: &Path, parts: &[(&str, &PathBuf)]) {
    let mut builder = tar::Builder::new(File::create(archive).unwrap());
    for (name, path) in parts {
        match path.is_dir() {
            true => builder.append_dir_all(name, path).unwrap(),
            false => builder.append_path_with_name(path, name).unwrap(),
        }
    }
    builder.finish().unwrap();
}

#[test]
fn a_task_runs_in_its_image() {
    if !may_be_root("a_task_runs_in_its_image") {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    let local = |arguments: &[&str]| {
        let mut command = bourse(&home);
        command.args(["run", "--local", "--import"]).arg(&archive).args(arguments);
        run(&mut command)
    };
    let outcome = local(&["--image", "greeter:1"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("hello from"), "{outcome:?}");
    assert!(outcome.stdout.contains("of the image"), "{outcome:?}");

    let script = "read inside outside _ </proc/self/uid_map; echo $inside is $outside; \
                  echo $GREETING, $(pwd), $BOURSE_SANDBOX; test -e /usr/bin/env && echo host; \
                  echo kept >it; cat it";
    let outcome =
        local(&["--image", "greeter:1", "--env", "GREETING=hi", "--", "/bin/sh", "-c", script]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let lines: Vec<_> = outcome.stdout.lines().filter_map(|line| line.split_once("| ")).collect();
    let said: Vec<_> = lines.into_iter().map(|(_, text)| text).collect();
    assert_eq!(said[1..], ["hi, /mnt/bourse/sandbox, /mnt/bourse/sandbox", "kept"]);
    if said[0] == "0 is 0" {
        skip("a_task_runs_in_its_image", "images have no user namespaces here");
    } else {
        assert_eq!(said[0], "0 is 2000000000");
    }

    // Nobody listens there.
    let outcome = local(&["--image", "127.0.0.1:1/nobody/knows:1"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("the registry 127.0.0.1:1 does not answer"), "{outcome:?}");
    assert!(!outcome.stderr.contains("cannot be read"), "it has no output: {outcome:?}");
    let outcome = local(&["--image", "a b"]);
    assert!(outcome.stderr.contains("image"), "{outcome:?}");
    home.assert_clean();
}

#[test]
fn plain_processes_have_no_images() {
    let home = Home::new();
    let mut command = bourse(&home);
    command.args(["run", "--local", "--plain-processes", "--image", "greeter:1", "--", "true"]);
    let outcome = run(&mut command);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("images need isolation"), "{outcome:?}");
    home.assert_clean();
}

#[test]
fn an_agents_images_are_listed_shown_and_removed() {
    if !may_be_root("an_agents_images_are_listed_shown_and_removed") {
        return;
    }
    let home = Home::new();
    let archive = archive(&home);
    let folder = home.path().join("agent");
    let image = |arguments: &[&str]| {
        let mut command = bourse(&home);
        command.args(["--output", "json", "images", "--data-dir"]).arg(&folder).args(arguments);
        run(&mut command)
    };
    let json = |arguments: &[&str]| -> Value {
        let outcome = image(arguments);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        serde_json::from_str(&outcome.stdout).unwrap()
    };
    let imported = json(&["import", archive.to_str().unwrap()]);
    assert_eq!(imported[0]["name"], "docker.io/library/greeter:1");
    json(&["import", archive.to_str().unwrap(), "--name", "mine.example/it:2"]);
    let listed = json(&[]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["digest"], listed[1]["digest"]);
    let shown = json(&["show", "mine.example/it:2"]);
    assert_eq!(shown["entrypoint"], json!(["/bin/sh", "-c"]));

    for name in ["greeter:1", "mine.example/it:2"] {
        assert_eq!(image(&["remove", name]).code, Some(0));
    }
    assert_eq!(json(&["prune"])["layers"], 1);
    assert_eq!(json(&[]), json!([]));
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let mut command = bourse(&home);
    let problem = run(command.args(["images", "--data-dir"]).arg(&empty)).failure();
    assert!(problem.contains("bourse images import"), "{problem}");
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "looking makes nothing");
    let problem = image(&["show", "greeter:1"]).failure();
    let expected = "there is no image docker.io/library/greeter:1; `bourse images` lists";
    assert!(problem.contains(expected), "{problem}");
    let problem = image(&["import", "/nowhere"]).failure();
    assert!(problem.contains("/nowhere"), "{problem}");
    home.assert_clean();
}

/// A registry that ends with the test.
struct Registry(std::process::Child);

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Registry {
    /// A registry on loopback with the image of [`archive`], and what it is called there. `None`,
    /// loudly, where nobody may be root or there are no such programs.
    fn start(test: &str) -> Option<(Self, Home, String)> {
        if !may_be_root(test) {
            return None;
        }
        let is_there = |program: &&str| Command::new(program).arg("--version").output().is_ok();
        if !["docker-registry", "skopeo"].iter().all(is_there) {
            skip(test, "docker-registry and skopeo are needed");
            return None;
        }
        let home = Home::new();
        let archive = archive(&home);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = home.path().join("registry.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"127.0.0.1:{port}\"}}\n",
            home.path().join("registry").display()
        );
        fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let mut registry = Self(command.spawn().unwrap());
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(registry.0.try_wait().unwrap().is_none(), "the registry ended");
            std::thread::yield_now();
        }
        let name = format!("127.0.0.1:{port}/team/greeter:1");
        let mut command = Command::new("skopeo");
        command.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]);
        command
            .arg(format!("docker-archive:{}", archive.display()))
            .arg(format!("docker://{name}"));
        assert!(command.output().unwrap().status.success());
        Some((registry, home, name))
    }
}

#[test]
fn an_image_is_pulled_from_a_registry() {
    const TEST: &str = "an_image_is_pulled_from_a_registry";
    let Some((registry, home, name)) = Registry::start(TEST) else { return };
    let host = name.split('/').next().unwrap();
    let folder = home.path().join("agent");
    let image = |arguments: &[&str]| {
        let mut command = bourse(&home);
        command.args(["--output", "json", "images", "--data-dir"]).arg(&folder).args(arguments);
        run(&mut command)
    };
    let pulled = |name: &str| -> Value {
        let outcome = image(&["pull", name]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        serde_json::from_str(&outcome.stdout).unwrap()
    };
    let first = pulled(&name);
    assert_eq!((&first["name"], &first["known_layers"]), (&json!(name), &json!(0)));
    assert_eq!(first["keep"], "until_removed");
    assert!(first["fetched_bytes"].as_u64() > Some(0), "{first}");
    let by_digest = format!("{host}/team/greeter@{}", first["digest"].as_str().unwrap());
    let again = pulled(&by_digest);
    assert_eq!((&again["fetched_bytes"], &again["known_layers"]), (&json!(0), &json!(1)));
    let problem = image(&["pull", &name.replace("greeter", "nobody")]).failure();
    assert!(problem.contains("has no team/nobody:1"), "{problem}");
    drop(registry);
    home.assert_clean();
}

#[test]
fn an_agent_pulls_what_its_tasks_name() {
    const TEST: &str = "an_agent_pulls_what_its_tasks_name";
    let Some((registry, home, name)) = Registry::start(TEST) else { return };
    let local = |name: &str| {
        run(bourse(&home).args(["run", "--local", "--instances", "3", "--image", name]))
    };
    let outcome = local(&name);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout.matches("hello from").count(), 3, "{outcome:?}");
    let outcome = local(&name.replace("greeter", "nobody"));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("has no team/nobody:1"), "{outcome:?}");
    drop(registry);
    home.assert_clean();
}

#[test]
fn a_task_is_stopped_while_its_registry_is_silent() {
    if !may_be_root("a_task_is_stopped_while_its_registry_is_silent") {
        return;
    }
    let home = Home::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("{}/team/greeter:1", silent.local_addr().unwrap());
    let mut command = bourse(&home);
    command.args(["run", "--local", "--image", &name]);
    let daemon = Daemon::start(command, &home.path().join("logs/run.log"));
    let _connection = silent.accept().unwrap();
    daemon.signal(Signal::SIGINT);
    let log = home.path().join("logs/run.log");
    assert_eq!(daemon.wait().code(), Some(1));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("stopped before it was started"), "{log}");
    home.assert_clean();
}
