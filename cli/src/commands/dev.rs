//! `bourse dev`: a whole cluster on this machine, until it is interrupted.

use crate::{
    context,
    local::{Local, LocalSettings},
    shutdown,
};
use anyhow::Context as _;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Flags of `bourse dev`.
#[derive(Debug, clap::Args)]
pub(crate) struct DevArgs {
    /// Folder for log, journal, sandboxes and certificates [default: ~/.local/share/bourse/dev]
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Where the API listens
    #[arg(long, default_value = "127.0.0.1:5050")]
    listen: SocketAddr,
    /// Where metrics are read [default: nowhere]
    #[arg(long)]
    metrics_listen: Option<SocketAddr>,
    /// What the agent offers, such as `cpus:4;mem:2048` [default: what this host has]
    #[arg(long)]
    resources: Option<String>,
}

pub(crate) async fn run(args: &DevArgs) -> anyhow::Result<()> {
    let asked = shutdown::asked();
    let directory = args.data_dir.clone().unwrap_or_else(context::dev_directory);
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    let resources = args.resources.as_deref().map(agent::settings::resources_from_text);
    let settings = LocalSettings {
        listen: Some(args.listen),
        metrics_listen: args.metrics_listen,
        resources: resources.transpose().context("--resources")?,
        plain_processes: false,
    };
    let mut local = Local::start(&directory, &settings).await?;
    local.ready().await?;
    let context_file = directory.join("context.toml");
    local.operator.write(&context_file)?;
    let framework_file = directory.join(context::FRAMEWORK_FILE);
    local.framework.write(&framework_file)?;
    eprintln!("a cluster is up at {}, data in {}", local.address(), directory.display());
    if !local.full_isolation() {
        eprintln!("not root: tasks run as plain processes, without containers");
    }
    let (status, run) = match directory == context::dev_directory() {
        true => (String::new(), String::new()),
        false => {
            let with = |file: &Path| format!(" --context {}", file.display());
            (with(&context_file), with(&framework_file))
        }
    };
    eprintln!("in another terminal: bourse status{status}");
    eprintln!("                     bourse run{run} -- echo hello");
    eprintln!("interrupt to stop");
    let failed = tokio::select! {
        () = asked => None,
        problem = local.failed() => Some(problem),
    };
    // The next start makes new ones.
    let _ = std::fs::remove_file(&context_file);
    if let Some(problem) = failed {
        return Err(problem);
    }
    eprintln!("stopping");
    let killed = local.kill_all().await;
    local.stop().await.and(killed)
}
