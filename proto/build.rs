//! Compiles the schemas in Rust, so that no machine needs a protobuf compiler.

use prost::Message as _;
use std::{env, error::Error, fs, path::PathBuf};

const SCHEMAS: &[&str] = &[
    "bourse/v1/domains.proto",
    "bourse/v1/common.proto",
    "bourse/v1/filters.proto",
    "bourse/v1/holds.proto",
    "bourse/v1/inverse.proto",
    "bourse/v1/offer_terms.proto",
    "bourse/v1/task_groups.proto",
    "bourse/v1/operations.proto",
    "bourse/v1/reservations.proto",
    "bourse/v1/shared.proto",
    "bourse/v1/volumes.proto",
    "bourse/v1/scheduler.proto",
    "bourse/v1/agent.proto",
    "bourse/v1/listings.proto",
    "bourse/v1/agent_life.proto",
    "bourse/v1/role_settings.proto",
    "bourse/v1/roles.proto",
    "bourse/v1/masters.proto",
    "bourse/v1/leadership.proto",
    "bourse/v1/preemption.proto",
    "bourse/v1/why.proto",
    "bourse/v1/watch.proto",
    "bourse/v1/volume_calls.proto",
    "bourse/v1/operator.proto",
    "bourse/v1/peer.proto",
    "bourse/v1/sandbox.proto",
    "bourse/v1/log.proto",
    "bourse/v1/journal.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=schema");
    let descriptors = protox::compile(SCHEMAS, ["schema"])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Served by the reflection service, and read by the tests of the authorization table.
    fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    let grpc = env::var("CARGO_FEATURE_GRPC").is_ok();
    if grpc {
        // Apart, over the same messages: what a server cannot read it refuses, what a client cannot
        // read is no refusal.
        let clients = out.join("clients");
        fs::create_dir_all(&clients)?;
        tonic_prost_build::configure()
            .build_server(false)
            .extern_path(".bourse.v1", "crate::wire::v1")
            .out_dir(clients)
            .compile_fds(descriptors.clone())?;
    }
    tonic_prost_build::configure()
        .build_client(false)
        .build_server(grpc)
        .codec_path("crate::codec::RequestCodec")
        .compile_fds(descriptors)?;
    Ok(())
}
