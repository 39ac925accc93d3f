//! A container with an image: it sees that and nothing else, changes it for itself alone, and
//! whatever the image is made of, the host stays as it is.

use std::fs;
use std::os::unix::fs::symlink;

use jail::plan::{ImageRoot, Mount, Root, SANDBOX_IN_IMAGE, User};
use jail::{FailureReason, Plan, Step};

use crate::image::{Image, run_well};
use crate::rig::Rig;

#[test]
fn a_task_sees_the_image_and_nothing_else() {
    let Some(rig) = Rig::root("a_task_sees_the_image_and_nothing_else") else { return };
    let image = Image::new();
    let said = image.says(&rig, "cat /etc/issue; echo; ls -A / /etc; pwd");
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("image"), "the upper layer wins");
    let seen: Vec<_> = lines.collect();
    for own in ["bin", "dev", "etc", "mnt", "proc", "sys", "issue"] {
        assert!(seen.contains(&own), "{own}: {seen:?}");
    }
    for foreign in ["work", "root", "tmp", "home", "passwd", "shadow"] {
        assert!(!seen.contains(&foreign), "{foreign}: {seen:?}");
    }
    assert_eq!(seen.last(), Some(&SANDBOX_IN_IMAGE), "it begins in its sandbox");
}

#[test]
fn what_a_task_changes_is_its_own() {
    let Some(rig) = Rig::root("what_a_task_changes_is_its_own") else { return };
    let image = Image::new();
    let script = "echo mine >/etc/issue; rm /bin/sleep; echo x >/new; \
                  cat /etc/issue; echo kept >in-sandbox; echo kept >data/in-volume";
    let volume = tempfile::tempdir().unwrap();
    let source = volume.path().canonicalize().unwrap();
    let mounts = vec![Mount { source, path: "data".into(), read_only: false }];
    run_well(&rig, &Plan { mounts, ..image.shell(&rig, script) });
    assert_eq!(rig.stdout(), "mine\n");
    assert_eq!(fs::read_to_string(image.layer(1).join("etc/issue")).unwrap(), "image");
    assert!(image.layer(0).join("bin/sleep").exists());
    assert!(!image.layer(1).join("new").exists());
    assert_eq!(fs::read_to_string(rig.sandbox().join("in-sandbox")).unwrap(), "kept\n");
    assert_eq!(fs::read_to_string(volume.path().join("in-volume")).unwrap(), "kept\n");

    let other = Rig::root("what_a_task_changes_is_its_own").unwrap();
    assert_eq!(image.says(&other, "cat /etc/issue; ls /bin/sleep"), "image/bin/sleep\n");
}

#[test]
fn the_working_directory_is_made_and_entered() {
    let Some(rig) = Rig::root("the_working_directory_is_made_and_entered") else { return };
    let image = Image::new();
    let Root::Image(root) = image.root() else { unreachable!("an image") };
    let root = Root::Image(ImageRoot { working_dir: Some("/srv/a/b".into()), ..root });
    run_well(&rig, &Plan { root, ..rig.shell("pwd") });
    assert_eq!(rig.stdout(), "/srv/a/b\n");
}

#[test]
fn devices_are_those_that_every_program_counts_on() {
    let Some(rig) = Rig::root("devices_are_those_that_every_program_counts_on") else { return };
    let image = Image::new();
    let script = "ls /dev; echo x >/dev/null; stat -c %t:%T:%a /dev/zero; \
                  mknod /dev/sda b 8 0 2>/dev/null || echo refused; readlink /dev/stdin";
    let said = image.says(&rig, script);
    let expected = [
        "fd",
        "full",
        "mqueue",
        "null",
        "ptmx",
        "pts",
        "random",
        "shm",
        "stderr",
        "stdin",
        "stdout",
        "tty",
        "urandom",
        "zero",
        "1:5:666",
        "refused",
        "/proc/self/fd/0",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_kernel_is_hidden_and_cannot_be_changed() {
    let Some(rig) = Rig::root("the_kernel_is_hidden_and_cannot_be_changed") else { return };
    let image = Image::new();
    let script = "cat /proc/keys /proc/timer_list 2>/dev/null; ls -A /sys/firmware; \
        for file in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/profiling; do \
            (echo x >$file) 2>/dev/null || echo kept; done; \
        cat /proc/1/exe >/dev/null 2>&1 || echo shut; readlink /proc/1/exe || echo shut";
    assert_eq!(image.says(&rig, script), "kept\nkept\nkept\nshut\nshut\n");
}

#[test]
fn root_has_few_capabilities_and_a_user_none() {
    let Some(rig) = Rig::root("root_has_few_capabilities_and_a_user_none") else { return };
    let image = Image::new();
    let script = "while read name value; do case $name in Cap*) echo $name $value;; esac; done \
        </proc/self/status";
    // Docker's list, a804_25fb, without CAP_MKNOD (27).
    let kept = "00000000a00425fb";
    let none = "0000000000000000";
    let said = |permitted: &str| {
        format!(
            "CapInh: {none}\nCapPrm: {permitted}\nCapEff: {permitted}\nCapBnd: {kept}\n\
             CapAmb: {none}\n"
        )
    };
    assert_eq!(image.says(&rig, script), said(kept));
    let other = Rig::root("root_has_few_capabilities_and_a_user_none").unwrap();
    let user = Some(User { uid: 4_321, gid: 4_321, groups: Vec::new() });
    run_well(&other, &Plan { user, ..image.shell(&other, script) });
    assert_eq!(other.stdout(), said(none));
}

/// What the host's users may reach must not be where a container's root makes their tools.
#[test]
fn the_sandbox_has_no_devices_and_no_setuid_programs() {
    let Some(rig) = Rig::root("the_sandbox_has_no_devices_and_no_setuid_programs") else { return };
    let image = Image::new();
    let script = "while read _ _ _ _ point flags _; do case $point in */sandbox) \
        echo $flags;; esac; done </proc/self/mountinfo";
    let said = image.says(&rig, script);
    let flags: Vec<_> = said.trim().split(',').collect();
    assert!(flags.contains(&"nosuid") && flags.contains(&"nodev"), "{said}");
}

/// An image that has something else where the kernel's own file systems or the sandbox go.
#[test]
fn an_image_that_forges_the_kernels_places_is_refused() {
    for (name, step) in [
        ("proc", Step::MountDevices),
        ("sys", Step::MountDevices),
        ("dev", Step::MountDevices),
        ("mnt", Step::MountRoot),
    ] {
        for target in ["/etc", "../../../../tmp", "nowhere"] {
            let test = "an_image_that_forges_the_kernels_places_is_refused";
            let Some(rig) = Rig::root(test) else { return };
            let image = Image::new();
            symlink(target, image.layer(1).join(name)).unwrap();
            let launched = rig.launch(&image.shell(&rig, "true"));
            let failure = launched.failure();
            assert_eq!(failure.step, step, "{name} -> {target}: {failure:?}");
            launched.wait();
            rig.assert_nothing_left();
        }
    }
}

/// Links of the image where files of the host go lead to files of the image.
#[test]
fn links_of_an_image_lead_into_the_image() {
    let Some(rig) = Rig::root("links_of_an_image_lead_into_the_image") else { return };
    let image = Image::new();
    let outside = tempfile::tempdir().unwrap();
    let victim = outside.path().join("victim");
    fs::write(&victim, "untouched").unwrap();
    symlink(&victim, image.layer(1).join("etc/hosts")).unwrap();
    fs::create_dir_all(image.layer(1).join(outside.path().strip_prefix("/").unwrap())).unwrap();
    symlink("../../../etc/other", image.layer(1).join("etc/resolv.conf")).unwrap();
    image.says(&rig, "cat /etc/hosts /etc/resolv.conf /etc/other");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
}

#[test]
fn a_program_that_the_image_has_not_is_not_found() {
    let Some(rig) = Rig::root("a_program_that_the_image_has_not_is_not_found") else { return };
    let image = Image::new();
    let plan = Plan { root: image.root(), ..rig.plan(&["/usr/bin/env"]) };
    let launched = rig.launch(&plan);
    let failure = launched.failure();
    assert_eq!((failure.reason, failure.step), (FailureReason::NotFound, Step::Exec));
    launched.wait();
    rig.assert_nothing_left();
}

#[test]
fn a_layer_that_is_not_there_is_said() {
    let Some(rig) = Rig::root("a_layer_that_is_not_there_is_said") else { return };
    let image = Image::new();
    fs::remove_dir_all(image.layer(0)).unwrap();
    let launched = rig.launch(&image.shell(&rig, "true"));
    assert_eq!(launched.failure().step, Step::MountRoot);
    launched.wait();
    rig.assert_nothing_left();
}
