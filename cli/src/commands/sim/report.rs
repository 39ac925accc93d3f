//! `bourse sim report`: tables, charts and the page again, from what was kept.

use crate::output::{Format, print_one};
use anyhow::Context as _;
use serde::Serialize;
use std::{fs, path::PathBuf, process::ExitCode};
use study::report::{self, Summary};

/// Flags of `bourse sim report`.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// What `bourse sim run --out` wrote, or a directory with several of them, which are compared
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

#[derive(Debug, Serialize)]
struct Written {
    files: Vec<PathBuf>,
}

pub(super) fn report(args: &ReportArgs, format: Format) -> anyhow::Result<ExitCode> {
    let directory = &args.directory;
    let shown = || directory.display().to_string();
    let files = if directory.join("summary.json").exists() {
        Summary::read(directory)?.draw(directory).with_context(shown)?
    } else {
        let mut studies = Vec::new();
        for entry in fs::read_dir(directory).with_context(shown)? {
            let path = entry?.path();
            if path.join("summary.json").exists() {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                studies.push((name, Summary::read(&path)?));
            }
        }
        anyhow::ensure!(
            !studies.is_empty(),
            "no summary.json in {0} or in a directory of it: `bourse sim run STUDY --out {0}` \
             writes one",
            directory.display()
        );
        studies.sort_by(|one, other| one.0.cmp(&other.0));
        let page = directory.join("report.html");
        fs::write(&page, report::comparison(&studies)).with_context(shown)?;
        vec![page]
    };
    let written = Written { files };
    print_one(format, &written, || {
        let page = directory.join("report.html");
        format!("{} files written; see {}\n", written.files.len(), page.display())
    })?;
    Ok(ExitCode::SUCCESS)
}
