//! Root in an image with a user namespace is root of nothing on the host, and notices nothing of
//! it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use jail::Plan;
use jail::plan::{ImageRoot, Mount, Root, User, UserNamespace};

use crate::image::{Image, run_well};
use crate::rig::{Rig, eventually};

const FIRST: u32 = 2_000_000_000;

#[test]
fn root_inside_is_another_outside() {
    let Some(rig) = Rig::user_namespaces("root_inside_is_another_outside") else { return };
    let image = Image::new().with_user_namespace(FIRST);
    let script = "while read inside outside count; do echo $inside $outside $count; done \
        </proc/self/uid_map; >ready; while ! [ -e go ]; do sleep 0.01; done";
    let launched = rig.launch(&image.shell(&rig, script));
    launched.started();
    rig.wait_for_file("ready");
    let of_task =
        |pid: &i32| fs::metadata(format!("/proc/{pid}")).is_ok_and(|it| it.uid() == FIRST);
    let children = || {
        let init = launched.started().container_pid;
        let path = format!("/proc/{init}/task/{init}/children");
        let children = fs::read_to_string(path).unwrap();
        children.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<i32>>()
    };
    eventually("the task", || children().iter().any(of_task));
    let init = fs::metadata(format!("/proc/{}", launched.started().container_pid)).unwrap();
    assert_eq!(init.uid(), 0, "its guard is out of its reach");
    fs::write(rig.sandbox().join("go"), "").unwrap();
    launched.wait();
    assert_eq!(rig.stdout(), format!("0 {FIRST} 65536\n"));
}

#[test]
fn files_belong_to_whom_they_belong() {
    let Some(rig) = Rig::user_namespaces("files_belong_to_whom_they_belong") else { return };
    let image = Image::new().with_user_namespace(FIRST);
    let of_daemon = image.layer(1).join("etc/daemon");
    fs::write(&of_daemon, "").unwrap();
    std::os::unix::fs::chown(&of_daemon, Some(7), Some(8)).unwrap();
    let script = "stat -c %u:%g:%n / /bin/sh /etc/issue /dev /dev/null /dev/shm /dev/ptmx \
            /mnt/bourse /etc/hosts /proc/self/status . /etc/daemon; \
        echo changed >/etc/issue; chown 7:8 /etc/issue; mkdir /dev/own /etc/own; \
        stat -c %u:%g:%n /etc/issue /dev/own; >by-root; >by-daemon; chown 7:8 by-daemon";
    let said = image.says(&rig, script);
    let strangers: Vec<_> = said.lines().filter(|line| !line.starts_with("0:0:")).collect();
    assert_eq!(strangers, ["7:8:/etc/daemon", "7:8:/etc/issue"], "{said}");
    assert_eq!(said.lines().count(), 14);
    for (name, owner) in [("by-root", (0, 0)), ("by-daemon", (7, 8)), ("stdout", (0, 0))] {
        let stat = fs::metadata(rig.sandbox().join(name)).unwrap();
        assert_eq!((stat.uid(), stat.gid()), owner, "{name} on the host's disk");
    }
    let layer = fs::metadata(image.layer(1).join("etc/issue")).unwrap();
    assert_eq!((layer.uid(), layer.len()), (0, 5), "the layer is as it was");
}

#[test]
fn a_user_works_in_its_sandbox_and_its_volumes() {
    let Some(rig) = Rig::user_namespaces("a_user_works_in_its_sandbox_and_its_volumes") else {
        return;
    };
    let image = Image::new().with_user_namespace(FIRST);
    let volume = tempfile::tempdir().unwrap();
    for directory in [volume.path(), &rig.sandbox()] {
        std::os::unix::fs::chown(directory, Some(4_321), Some(4_322)).unwrap();
    }
    let source = volume.path().canonicalize().unwrap();
    let plan = Plan {
        mounts: vec![Mount { source, path: "data".into(), read_only: false }],
        user: Some(User { uid: 4_321, gid: 4_322, groups: vec![4_323] }),
        ..image.shell(
            &rig,
            "stat -c %u:%g . data; >data/mine; >mine; (>/etc/x) 2>/dev/null || echo no",
        )
    };
    run_well(&rig, &plan);
    assert_eq!(rig.stdout(), "4321:4322\n4321:4322\nno\n");
    for path in [volume.path().join("mine"), rig.sandbox().join("mine")] {
        let stat = fs::metadata(path).unwrap();
        assert_eq!((stat.uid(), stat.gid()), (4_321, 4_322));
    }
}

#[test]
fn output_can_be_opened_anew() {
    for user in [None, Some(User { uid: 4_321, gid: 4_322, groups: Vec::new() })] {
        let Some(rig) = Rig::user_namespaces("output_can_be_opened_anew") else { return };
        let image = Image::new().with_user_namespace(FIRST);
        let script = "echo one; echo two >>/dev/stdout; echo three >>/proc/self/fd/1";
        run_well(&rig, &Plan { user, ..image.shell(&rig, script) });
        assert_eq!(rig.stdout(), "one\ntwo\nthree\n");
    }
}

#[test]
fn containers_of_different_namespaces_share_layers() {
    let Some(one) = Rig::user_namespaces("containers_of_different_namespaces_share_layers") else {
        return;
    };
    let other = Rig::root("containers_of_different_namespaces_share_layers").unwrap();
    let script = ">ready; while ! [ -e go ]; do sleep 0.01; done; stat -c %u /etc/issue /bin/sh";
    let image = Image::new().with_user_namespace(FIRST);
    let first = one.launch(&image.shell(&one, script));
    let image = image.with_user_namespace(FIRST + 65_536);
    let second = other.launch(&image.shell(&other, script));
    for rig in [&one, &other] {
        rig.wait_for_file("ready");
        fs::write(rig.sandbox().join("go"), "").unwrap();
    }
    first.wait();
    second.wait();
    assert_eq!((one.stdout().as_str(), other.stdout().as_str()), ("0\n0\n", "0\n0\n"));
}

#[test]
fn rights_end_at_the_namespace() {
    let Some(rig) = Rig::user_namespaces("rights_end_at_the_namespace") else { return };
    let image = Image::new().with_user_namespace(FIRST);
    let script = "mknod device c 1 3 2>/dev/null || echo no device; \
        mknod /dev/sda b 8 0 2>/dev/null || echo no disk; \
        ls /proc/1/root >/dev/null 2>&1 || echo no root of init; \
        (echo x >/proc/1/oom_score_adj) 2>/dev/null || echo no score; \
        kill -9 1 2>/dev/null || echo no kill; \
        (echo x >/proc/sys/kernel/core_pattern) 2>/dev/null || echo no pattern";
    let said = image.says(&rig, script);
    let refused = "no device\nno disk\nno root of init\nno score\nno kill\nno pattern\n";
    assert_eq!(said, refused);
}

#[test]
fn more_layers_than_a_page_of_options_are_mounted() {
    let Some(rig) = Rig::user_namespaces("more_layers_than_a_page_of_options_are_mounted") else {
        return;
    };
    let image = Image::new().with_user_namespace(FIRST);
    let Root::Image(base) = image.root() else { unreachable!("an image") };
    let more = tempfile::tempdir().unwrap();
    let mut layers = base.layers.clone();
    for number in 0..100 {
        let layer = more.path().join(number.to_string());
        fs::create_dir(&layer).unwrap();
        fs::write(layer.join(format!("from-{number}")), "").unwrap();
        layers.push(layer);
    }
    let root = Root::Image(ImageRoot { layers, ..base });
    run_well(&rig, &Plan { root, ..rig.shell("stat -c %u /from-0 /from-99 /bin/sh") });
    assert_eq!(rig.stdout(), "0\n0\n0\n");
}

#[test]
fn ids_that_the_namespace_has_not_are_refused() {
    let Some(rig) = Rig::user_namespaces("ids_that_the_namespace_has_not_are_refused") else {
        return;
    };
    let image = Image::new();
    let with = |first_id, count| {
        let Root::Image(root) = image.root() else { unreachable!("an image") };
        let user_namespace = Some(UserNamespace { first_id, count });
        let root = Root::Image(ImageRoot { user_namespace, ..root });
        Plan { root, ..rig.shell("true") }
    };
    for (plan, field) in [
        (with(0, 1), "root.user_namespace.first_id"),
        (with(1, 0), "root.user_namespace.count"),
        (with(u32::MAX - 10, 11), "root.user_namespace.count"),
        (
            Plan { user: Some(User { uid: 9, gid: 0, groups: Vec::new() }), ..with(FIRST, 9) },
            "user.uid",
        ),
        (
            Plan { user: Some(User { uid: 0, gid: 0, groups: vec![9] }), ..with(FIRST, 9) },
            "user.groups",
        ),
    ] {
        let error = plan.validate().unwrap_err().to_string();
        assert!(error.starts_with(field), "{error}");
    }
    with(u32::MAX - 10, 10).validate().unwrap();
}
