//! Tidy on this repository: the rules over its files, and cargo's word on its dependency trees.
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::{Command, Output};

use tidy::exceptions::TOLERATED;
use tidy::{EXCEPTIONS, Tree, check, purity};

fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).expect("tidy lies two folders below the root")
}

/// Runs `cargo tree`, first without a network, then, where a crate was never fetched, with one.
fn cargo_tree(arguments: &[&str]) -> Output {
    let run = |network: &[&str]| {
        Command::new(env!("CARGO"))
            .current_dir(root())
            .arg("tree")
            .args(network)
            .args(arguments)
            .output()
            .expect("cargo starts")
    };
    let offline = run(&["--offline"]);
    if offline.status.success() { offline } else { run(&[]) }
}

/// What `cargo tree` prints; its failure is the test's.
fn listing(arguments: &[&str]) -> String {
    let output = cargo_tree(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree {arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("cargo prints UTF-8")
}

#[test]
fn every_rule_holds() {
    let tree = Tree::read(root()).expect("the repository can be read");
    assert!(tree.rust.len() > 10, "only {} Rust files: wrong root?", tree.rust.len());
    let report = check(&tree, EXCEPTIONS);
    let lines: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} violations\n{}\n", lines.len(), lines.join("\n"));
    assert!(report.stale.is_empty(), "exceptions that cover nothing: {:#?}", report.stale);
}

#[test]
fn the_cores_depend_on_nothing_impure() {
    let shape = ["-e", "normal", "--prefix", "depth", "--no-dedupe"];
    let listing = listing(&[&["-p", "master-core", "-p", "agent-core"][..], &shape].concat());
    assert!(listing.contains("0master-core") && listing.contains("0agent-core"), "{listing}");
    let ways = purity::impure_dependencies(&listing, TOLERATED);
    assert!(ways.is_empty(), "impure crates below a core:\n{}", ways.join("\n"));
    for entry in TOLERATED {
        let without: Vec<_> =
            TOLERATED.iter().filter(|other| other.name != entry.name).copied().collect();
        let is_needed = !purity::impure_dependencies(&listing, &without).is_empty();
        assert!(is_needed, "`{}` is tolerated but not there: drop the entry", entry.name);
    }
}

#[test]
fn the_binary_has_one_cryptography_library() {
    let listing = listing(&["-p", "bourse", "-e", "normal,build", "--prefix", "none"]);
    let names: Vec<&str> = listing.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"bourse"), "{listing}");
    for banned in ["aws-lc-sys", "aws-lc-rs", "openssl-sys", "native-tls"] {
        assert!(!names.contains(&banned), "{banned} came in: see `cargo tree -i {banned}`");
    }
}
