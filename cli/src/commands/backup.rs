//! `bourse masters snapshot FILE` and `bourse master restore FILE`: a cluster's state as a file.
//!
//! What is in such a file is the master's business; here it is fetched, checked, and handed over.

use crate::connection::{Connection, request};
use anyhow::{Context as _, bail};
use master::restore::{RestoreOrder, inspect, restore};
use proto::wire::v1;
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Flags of `bourse master restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// What `bourse masters snapshot` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Folder for the new master; empty or not there
    #[arg(long, value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Which of the members this is
    #[arg(long, value_name = "NUMBER")]
    node_id: u64,
    /// All masters of the new cluster, the same list for each: `ID=API_HOST:PORT/PEER_HOST:PORT`,
    /// separated by commas
    #[arg(long, value_name = "LIST")]
    members: String,
}

/// Fetches the state of whichever master answers; the file appears when it is whole.
pub(crate) async fn write(connection: &Connection, path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        bail!("{} is there already", path.display());
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let written = fetch(connection, &partial).await;
    let content = written.and_then(|()| Ok(inspect(&partial)?));
    match content {
        Ok(content) => {
            fs::rename(&partial, path)
                .with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!(
                "{}: cluster {}, log index {}, {} tasks, digest {:032x}",
                path.display(),
                content.cluster,
                content.index,
                content.tasks,
                content.digest
            );
            Ok(())
        }
        Err(problem) => {
            // What is not whole must not be taken for a backup.
            let _ = fs::remove_file(&partial);
            Err(problem)
        }
    }
}

async fn fetch(connection: &Connection, partial: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", partial.display());
    // It holds everything that the cluster knows.
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file: File = options.open(partial).with_context(failed)?;
    let mut stream =
        connection
            .ask(|mut client| async move {
                client.take_snapshot(request(v1::TakeSnapshotRequest {})).await
            })
            .await?;
    while let Some(chunk) = stream.message().await.context("the snapshot broke off")? {
        file.write_all(&chunk.data).with_context(failed)?;
    }
    file.sync_all().with_context(failed)
}

/// Makes a data directory for one member of a new cluster.
pub(crate) fn run_restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let order = RestoreOrder {
        file: args.file.clone(),
        data_dir: args.data_dir.clone(),
        node_id: args.node_id,
        members: args.members.clone(),
    };
    let restored = restore(&order)?;
    eprintln!(
        "{} holds master {} of {}, incarnation {}; start it with the same --members as the others",
        args.data_dir.display(),
        args.node_id,
        restored.cluster,
        restored.incarnation
    );
    Ok(())
}
