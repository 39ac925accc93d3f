//! Compiles the schemas in Rust, so that no machine needs a protobuf compiler.

use prost::Message as _;
use std::{env, error::Error, fs, path::PathBuf};

const SCHEMAS: [&str; 8] = [
    "bourse/v1/common.proto",
    "bourse/v1/scheduler.proto",
    "bourse/v1/agent.proto",
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
    tonic_prost_build::configure()
        .build_client(grpc)
        .build_server(grpc)
        .compile_fds(descriptors)?;
    Ok(())
}
