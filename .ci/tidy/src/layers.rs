//! Which of our crates may depend on which: the picture in ARCHITECTURE.md, as a table.
//!
//! `proto` ← cores ← shells; frameworks see the SDK and the words, never a master; the simulator
//! links cores and SDK, never a shell. A crate that the table does not know fails, so that a new
//! one gets its place by decision.

use crate::manifest::{Kind, Manifest};
use crate::{Tree, Violation};

/// What one crate, or every crate of one folder, may use.
struct Layer {
    /// Folder of the crate; a trailing `/` means every crate below it.
    folder: &'static str,
    /// Our crates that it may ship with.
    may_use: &'static [&'static str],
    /// Our crates that its tests may use beside these.
    tests_may_use: &'static [&'static str],
}

const CLUSTER: &[&str] = &["agent", "agent-core", "master", "master-core"];
const ALL: &[&str] = &[
    "agent",
    "agent-core",
    "batch",
    "bourse-sdk",
    "jail",
    "master",
    "master-core",
    "proto",
    "simulator",
];

/// The first entry that fits counts.
const LAYERS: &[Layer] = &[
    Layer { folder: ".ci/tidy", may_use: &[], tests_may_use: &[] },
    Layer { folder: "proto", may_use: &[], tests_may_use: &[] },
    Layer { folder: "master/core", may_use: &["proto"], tests_may_use: &[] },
    Layer { folder: "agent/core", may_use: &["proto"], tests_may_use: &[] },
    Layer { folder: "agent/jail", may_use: &[], tests_may_use: &[] },
    Layer { folder: "master", may_use: &["master-core", "proto"], tests_may_use: &["bourse-sdk"] },
    Layer {
        folder: "agent",
        may_use: &["agent-core", "jail", "proto"],
        tests_may_use: &["bourse-sdk"],
    },
    Layer { folder: "frameworks/sdk", may_use: &["proto"], tests_may_use: CLUSTER },
    Layer { folder: "frameworks/", may_use: &["bourse-sdk", "proto"], tests_may_use: CLUSTER },
    Layer {
        folder: "simulator",
        may_use: &["agent-core", "bourse-sdk", "master-core", "proto"],
        tests_may_use: &[],
    },
    // The two places where everything meets: the measurements and the one binary.
    Layer { folder: "benches", may_use: ALL, tests_may_use: &[] },
    Layer { folder: "cli", may_use: ALL, tests_may_use: &[] },
];

/// Dependencies between our crates follow the table.
pub fn layers(tree: &Tree) -> Vec<Violation> {
    let manifests = Manifest::all(tree);
    let is_ours = |name: &str| manifests.iter().any(|manifest| manifest.name == name);
    let mut found = Vec::new();
    for manifest in &manifests {
        let path = format!("{}/Cargo.toml", manifest.folder);
        let fits = |layer: &&Layer| match layer.folder.strip_suffix('/') {
            Some(_) => manifest.folder.starts_with(layer.folder),
            None => manifest.folder == layer.folder,
        };
        let Some(layer) = LAYERS.iter().find(fits) else {
            let message = "has no place in the table of layers (.ci/tidy/src/layers.rs)";
            found.push(Violation::new("layers", &path, 0, message));
            continue;
        };
        for (kind, name, line) in &manifest.dependencies {
            let for_tests = *kind == Kind::Dev && layer.tests_may_use.contains(&name.as_str());
            if is_ours(name) && !for_tests && !layer.may_use.contains(&name.as_str()) {
                let message = format!("`{}` must not depend on `{name}`", manifest.name);
                found.push(Violation::new("layers", &path, *line, message));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(folder: &str, table: &str, dependency: &str) -> usize {
        let manifest = format!("[package]\nname = \"it\"\n[{table}]\n{dependency} = \"1\"\n");
        let own = format!("{folder}/Cargo.toml");
        let other = if folder == "cli" { "master" } else { "cli" };
        let tree = Tree::from_texts(&[
            (&own, &manifest),
            (&format!("{other}/Cargo.toml"), &format!("[package]\nname = \"{dependency}\"\n")),
        ]);
        layers(&tree).len()
    }

    #[test]
    fn a_dependency_against_the_flow_fails() {
        let bad = [
            ("proto", "dependencies", "master-core"),
            ("master/core", "dependencies", "agent-core"),
            ("master/core", "dev-dependencies", "master"),
            ("master", "dependencies", "agent"),
            ("agent", "dev-dependencies", "master"),
            ("agent/jail", "dependencies", "proto"),
            ("frameworks/batch", "dependencies", "master"),
            ("frameworks/sdk", "dependencies", "master-core"),
            ("simulator", "dev-dependencies", "master"),
            (".ci/tidy", "dependencies", "proto"),
        ];
        for (folder, table, dependency) in bad {
            assert_eq!(check(folder, table, dependency), 1, "{folder} {table} {dependency}");
        }
    }

    #[test]
    fn a_dependency_along_the_flow_passes() {
        let good = [
            ("master/core", "dependencies", "proto"),
            ("master", "dependencies", "master-core"),
            ("frameworks/sdk", "dev-dependencies", "master"),
            ("frameworks/service", "dependencies", "bourse-sdk"),
            ("simulator", "dependencies", "agent-core"),
            ("cli", "dependencies", "agent"),
        ];
        for (folder, table, dependency) in good {
            assert_eq!(check(folder, table, dependency), 0, "{folder} {table} {dependency}");
        }
    }

    #[test]
    fn a_crate_without_a_place_fails() {
        let tree = Tree::from_texts(&[("extra/Cargo.toml", "[package]\nname = \"extra\"\n")]);
        assert_eq!(layers(&tree).len(), 1);
    }
}
