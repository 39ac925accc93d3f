//! Which of our crates may depend on which: the picture in ARCHITECTURE.md, as a table.
//!
//! `proto` ← cores ← shells; frameworks see the SDK and the words, never a master; the simulator
//! links cores, SDK and shipped frameworks, never a shell. A crate that the table does not know
//! fails, so that a new one gets its place by decision.

use crate::manifest::{Kind, Manifest};
use crate::{Tree, Violation};

/// What one crate, or every crate of one folder, may use.
struct Layer {
    /// Folder of the crate; a trailing `/` means every crate below it.
    folder: &'static str,
    /// Our crates that it may ship with.
    may_use: &'static [&'static str],
    /// Our crates that it may ship with behind a feature.
    may_offer: &'static [&'static str],
    /// Our crates that its tests may use beside these.
    tests_may_use: &'static [&'static str],
}

const CLUSTER: &[&str] = &["agent", "agent-core", "master", "master-core"];
const ALL: &[&str] = &[
    "agent",
    "agent-core",
    "batch",
    "bourse-sdk",
    "edge",
    "images",
    "jail",
    "live",
    "master",
    "master-core",
    "proto",
    "registry",
    "seccomp",
    "simulator",
    "study",
    "traces",
];

/// The first entry that fits counts.
const LAYERS: &[Layer] = &[
    layer(".ci/tidy", &[]),
    layer("proto", &[]),
    // What masters and agents have at their edge; the cores have none.
    layer("proto/edge", &["proto"]),
    layer("master/core", &["proto"]),
    layer("agent/core", &["proto"]),
    layer("agent/images", &[]),
    Layer { tests_may_use: &["seccomp"], ..layer("agent/jail", &[]) },
    layer("agent/registry", &["images"]),
    layer("agent/seccomp", &[]),
    Layer { tests_may_use: &["bourse-sdk"], ..layer("master", &["edge", "master-core", "proto"]) },
    Layer {
        tests_may_use: &["bourse-sdk"],
        ..layer("agent", &["agent-core", "edge", "images", "jail", "proto", "registry", "seccomp"])
    },
    // Behind the feature `testing` alone: the tests of a scheduler's author run the real master.
    Layer {
        may_offer: &["master-core"],
        tests_may_use: CLUSTER,
        ..layer("frameworks/sdk", &["proto"])
    },
    Layer { tests_may_use: CLUSTER, ..layer("frameworks/", &["bourse-sdk", "proto"]) },
    layer("simulator", &["agent-core", "batch", "bourse-sdk", "master-core", "proto"]),
    // Knows the binary by its path and its public face alone.
    layer("simulator/live", &["bourse-sdk", "proto"]),
    layer(
        "simulator/study",
        &["batch", "bourse-sdk", "master-core", "proto", "simulator", "traces"],
    ),
    // A template for researchers.
    layer("simulator/own-policy", &["master-core", "proto", "study"]),
    // Plain data: studies, not clusters, read it.
    layer("simulator/traces", &[]),
    // Feeds hostile bytes to whatever reads any.
    layer("fuzz", ALL),
    // The two places where everything meets: the measurements and the one binary.
    layer("benches", ALL),
    layer("cli", ALL),
];

const fn layer(folder: &'static str, may_use: &'static [&'static str]) -> Layer {
    Layer { folder, may_use, may_offer: &[], tests_may_use: &[] }
}

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
            let more = match kind {
                Kind::Dev => layer.tests_may_use,
                Kind::Optional => layer.may_offer,
                Kind::Normal | Kind::Build => &[],
            };
            let mut allowed = layer.may_use.iter().chain(more);
            if is_ours(name) && !allowed.any(|allowed| allowed == name) {
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
        let (table, version) = match table {
            "optional" => ("dependencies", "{ version = \"1\", optional = true }"),
            table => (table, "\"1\""),
        };
        let manifest = format!("[package]\nname = \"it\"\n[{table}]\n{dependency} = {version}\n");
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
            ("frameworks/sdk", "optional", "master"),
            ("frameworks/batch", "optional", "master-core"),
            ("proto/edge", "dependencies", "master-core"),
            ("master/core", "dependencies", "edge"),
            ("frameworks/sdk", "dependencies", "edge"),
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
            ("frameworks/sdk", "optional", "master-core"),
            ("proto/edge", "dependencies", "proto"),
            ("agent", "dependencies", "edge"),
            ("master", "optional", "proto"),
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
