//! `bourse images`: the images that an agent on this host has.
//!
//! It works on the agent's store itself, whether the agent runs or not: the store's locks keep both
//! apart. What a store is made of is not known here.

use crate::{
    context,
    local::Local,
    output::{Format, Row, print_one, print_rows, stderr_is_terminal},
};
use anyhow::{Context as _, anyhow};
use images::{Keep, Platform, Progress, Record, Reference, Store, StoreError};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// Flags of `bourse images`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImagesArgs {
    /// The agent's folder [default: that of `bourse dev`]
    #[arg(long, value_name = "FOLDER", global = true, env = "BOURSE_AGENT_DATA_DIR")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<ImagesCommand>,
}

/// What can be done with images.
#[derive(Debug, clap::Subcommand)]
enum ImagesCommand {
    /// Get an image from its registry
    Pull(PullArgs),
    /// Import all images of an OCI layout (a folder), an OCI archive, or what `docker save` wrote
    Import(ImportArgs),
    /// Show one image, and how it is run
    Show(NameArg),
    /// Take an image's name away; `prune` then gives its space back
    Remove(NameArg),
    /// Remove what no name leads to and no container uses
    Prune,
}

/// Flags of `bourse images pull`.
#[derive(Debug, clap::Args)]
struct PullArgs {
    /// `registry/repository:tag` or `…@sha256:…`; `busybox` is `docker.io/library/busybox:latest`
    #[arg(value_name = "NAME")]
    name: Reference,
    /// File with credentials, as `docker login` writes it
    #[arg(long, value_name = "FILE", env = "BOURSE_REGISTRY_AUTH")]
    registry_auth: Option<PathBuf>,
    /// PEM file with authorities, besides the host's own
    #[arg(long, value_name = "FILE", env = "BOURSE_REGISTRY_CA")]
    registry_ca: Option<PathBuf>,
    /// The registry has no TLS; one on loopback is found out about
    #[arg(long)]
    registry_plain: bool,
}

/// Flags of `bourse images import`.
#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// Folder or archive
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// What to call the one image in it, instead of what it is called there
    #[arg(long, value_name = "NAME")]
    name: Option<Reference>,
}

/// Which image.
#[derive(Debug, clap::Args)]
struct NameArg {
    /// `registry/repository:tag`; `busybox` is `docker.io/library/busybox:latest`
    #[arg(value_name = "NAME")]
    name: Reference,
}

/// An image, in a listing.
#[derive(Debug, Serialize)]
struct ImageRow {
    name: String,
    digest: String,
    layers: usize,
    bytes: u64,
    added_unix_s: u64,
    keep: Keep,
}

/// How an image is run, for programs.
#[derive(Debug, Serialize)]
struct ShownImage {
    name: String,
    digest: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
    environment: Vec<String>,
    user: String,
    working_directory: PathBuf,
    stop_signal: Option<String>,
    labels: std::collections::BTreeMap<String, String>,
    layers: Vec<PathBuf>,
}

/// What `bourse images prune` gave back.
#[derive(Debug, Serialize)]
struct ShownCollected {
    layers: usize,
    bytes: u64,
}

/// What `bourse images pull` did.
#[derive(Debug, Serialize)]
struct ShownPull {
    #[serde(flatten)]
    image: ImageRow,
    fetched_bytes: u64,
    known_layers: usize,
}

/// A bar while there is something to wait for.
struct Bar(ProgressBar);

impl From<Record> for ImageRow {
    fn from(record: Record) -> Self {
        Self {
            name: record.name.whole(),
            digest: record.digest.to_string(),
            layers: record.layers,
            bytes: record.bytes,
            added_unix_s: record.added,
            keep: record.keep,
        }
    }
}

impl Row for ImageRow {
    const TITLES: &'static [&'static str] = &["name", "digest", "layers", "size", "added", "kept"];

    fn cells(&self) -> Vec<String> {
        let added = UNIX_EPOCH + Duration::from_secs(self.added_unix_s);
        vec![
            self.name.clone(),
            // As much as people compare.
            self.digest.chars().take("sha256:".len() + 12).collect(),
            self.layers.to_string(),
            HumanBytes(self.bytes).to_string(),
            humantime::format_rfc3339_seconds(added).to_string(),
            match self.keep {
                Keep::UntilRemoved => "until removed".to_owned(),
                Keep::WhileUsed => "while used".to_owned(),
            },
        ]
    }
}

impl registry::Progress for Bar {
    fn missing(&self, archives: usize, bytes: u64) {
        self.0.set_position(0);
        self.0.set_length(bytes);
        self.0.set_message(format!("{archives} archives"));
    }

    fn fetched(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Progress for Bar {
    fn layer(&self, number: usize, layers: usize, bytes: u64, is_there: bool) {
        self.0.set_position(0);
        self.0.set_length(bytes);
        let what = if is_there { ", known" } else { "" };
        self.0.set_message(format!("layer {number} of {layers}{what}"));
    }

    fn read(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

/// Runs the command.
pub(crate) async fn run(args: &ImagesArgs, format: Format) -> anyhow::Result<()> {
    let data_dir = match &args.data_dir {
        Some(data_dir) => data_dir.clone(),
        None => Local::data_dir_of_agent(&context::dev_directory()),
    };
    match &args.command {
        None => list(&open(&data_dir)?, format),
        Some(ImagesCommand::Pull(wanted)) => pull(&data_dir, wanted, format).await,
        Some(ImagesCommand::Import(wanted)) => {
            let rows = import(&data_dir, &wanted.path, wanted.name.as_ref())?;
            print_rows(format, &rows.into_iter().map(ImageRow::from).collect::<Vec<_>>())
        }
        Some(ImagesCommand::Show(wanted)) => show(&open(&data_dir)?, &wanted.name, format),
        Some(ImagesCommand::Remove(wanted)) => open(&data_dir)?.remove(&wanted.name).map_err(hint),
        Some(ImagesCommand::Prune) => {
            let collected = open(&data_dir)?.collect()?;
            let shown = ShownCollected { layers: collected.layers, bytes: collected.bytes };
            print_one(format, &shown, || {
                format!("{} layers, {}\n", shown.layers, HumanBytes(shown.bytes))
            })
        }
    }
}

async fn pull(data_dir: &Path, wanted: &PullArgs, format: Format) -> anyhow::Result<()> {
    let plain = wanted.registry_plain.then(|| wanted.name.registry().to_owned());
    let client = registry::Client::new(registry::Access {
        auth_file: wanted.registry_auth.clone(),
        ca_file: wanted.registry_ca.clone(),
        plain: plain.into_iter().collect(),
        ..registry::Access::default()
    })?;
    let (store, bar) = (Arc::new(store(data_dir)?), Arc::new(bar()?));
    let (name, keep, platform) = (&wanted.name, Keep::UntilRemoved, Platform::of_host());
    let pulled = registry::pull(&client, &store, name, keep, &platform, bar.clone()).await;
    bar.0.finish_and_clear();
    let pulled = pulled.with_context(|| format!("cannot pull {}", wanted.name.whole()))?;
    let shown = ShownPull {
        image: pulled.imported.record.into(),
        fetched_bytes: pulled.fetched,
        known_layers: pulled.imported.known_layers,
    };
    print_one(format, &shown, || {
        let ShownPull { image, fetched_bytes, known_layers } = &shown;
        let (name, digest, layers) = (&image.name, &image.digest, image.layers);
        let fetched = HumanBytes(*fetched_bytes);
        format!("{name} is {digest}\n{layers} layers, {known_layers} known, {fetched} fetched\n")
    })
}

/// Imports images for the agent of this folder.
pub(crate) fn import(
    data_dir: &Path,
    path: &Path,
    name: Option<&Reference>,
) -> anyhow::Result<Vec<Record>> {
    let (store, bar) = (store(data_dir)?, bar()?);
    let imported = store.import(path, name, &Platform::of_host(), &bar);
    bar.0.finish_and_clear();
    Ok(imported?.into_iter().map(|image| image.record).collect())
}

/// The store to put images into.
fn store(data_dir: &Path) -> anyhow::Result<Store> {
    if !nix::unistd::geteuid().is_root() {
        anyhow::bail!("only root can unpack images; run this as root, as the agent is");
    }
    // A cluster that is about to begin has no folders yet.
    std::fs::create_dir_all(data_dir)
        .with_context(|| format!("cannot make {}", data_dir.display()))?;
    Ok(Store::open(&data_dir.join(agent::IMAGES))?)
}

fn bar() -> anyhow::Result<Bar> {
    let bar = if stderr_is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}");
    bar.set_style(style.context("a progress bar's template")?);
    Ok(Bar(bar))
}

/// The store of an agent that has one: looking for it makes none.
fn open(data_dir: &Path) -> anyhow::Result<Store> {
    let path = data_dir.join(agent::IMAGES);
    if path.exists() {
        return Ok(Store::open(&path)?);
    }
    anyhow::bail!(
        "the agent in {} has no images: get some with `bourse images import` or `bourse images \
         pull`, or name another agent's folder with --data-dir",
        data_dir.display()
    )
}

/// Says what to type next.
fn hint(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Unknown { .. } => anyhow!("{error}; `bourse images` lists those that are"),
        error => error.into(),
    }
}

fn list(store: &Store, format: Format) -> anyhow::Result<()> {
    let rows: Vec<ImageRow> = store.list()?.into_iter().map(ImageRow::from).collect();
    print_rows(format, &rows)
}

fn show(store: &Store, name: &Reference, format: Format) -> anyhow::Result<()> {
    let image = store.image(name).map_err(hint)?;
    let config = image.config.clone();
    let shown = ShownImage {
        name: name.whole(),
        digest: image.digest.to_string(),
        entrypoint: config.entrypoint,
        command: config.command,
        environment: config.environment.iter().map(|(key, to)| format!("{key}={to}")).collect(),
        user: config.user,
        working_directory: config.working_directory,
        stop_signal: config.stop_signal,
        labels: config.labels,
        layers: image.layers.clone(),
    };
    print_one(format, &shown, || {
        let or = |text: String, none: &str| if text.is_empty() { none.to_owned() } else { text };
        let lines = [
            ("name", shown.name.clone()),
            ("digest", shown.digest.clone()),
            ("entry point", or(shown.entrypoint.join(" "), "–")),
            ("command", or(shown.command.join(" "), "–")),
            ("environment", or(shown.environment.join(" "), "–")),
            ("user", or(shown.user.clone(), "root")),
            ("directory", shown.working_directory.display().to_string()),
            ("stop signal", shown.stop_signal.clone().unwrap_or_else(|| "SIGTERM".to_owned())),
            ("layers", shown.layers.len().to_string()),
        ];
        let line = |(title, text): &(&str, String)| {
            format!("{title:<12} {}\n", crate::output::table::escape(text))
        };
        lines.iter().map(line).collect()
    })
}
