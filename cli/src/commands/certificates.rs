//! `bourse certificates`: makes an authority and certificates for the parties of a cluster.

use crate::certificates::Authority;
use proto::model::{ClusterId, Principal, principal::PrincipalKind};
use std::{path::PathBuf, time::Duration};

/// Flags of `bourse certificates`.
#[derive(Debug, clap::Args)]
pub(crate) struct CertificatesArgs {
    /// Directory of the authority; it is made when it is not there
    #[arg(long)]
    directory: PathBuf,
    /// The cluster's id
    #[arg(long, default_value = "bourse")]
    cluster: ClusterId,
    /// What the certificate is for: master, agent, framework or operator
    kind: String,
    /// Which one: a master's node id, an agent's id, a framework's or operator's name
    id: String,
    /// Names and addresses it is reached by (masters and agents)
    #[arg(long, value_delimiter = ',')]
    hosts: Vec<String>,
    /// How long it is valid
    #[arg(long, default_value = "365d", value_parser = humantime::parse_duration)]
    valid: Duration,
}

pub(crate) fn run(args: &CertificatesArgs) -> anyhow::Result<()> {
    let authority = Authority::open_or_create(&args.directory, &args.cluster)?;
    let kind: PrincipalKind = args.kind.parse()?;
    let uri = format!("spiffe://{}/{}/{}", args.cluster, kind.as_str(), args.id);
    let principal: Principal = uri.parse()?;
    let issued = authority.issue(&principal, &args.hosts, args.valid)?;
    println!("--ca {}", authority.certificate().display());
    println!("--certificate {}", issued.certificate.display());
    println!("--key {}", issued.key.display());
    Ok(())
}
