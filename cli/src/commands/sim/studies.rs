//! `bourse sim studies` and `bourse sim show`: what comes with the program.

use super::text;
use crate::output::{Format, Row, print_rows, print_text};
use anyhow::Context as _;
use serde::Serialize;
use std::process::ExitCode;
use study::plan::expand;

/// Flags of `bourse sim show`.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// A study's name, or a file
    #[arg(value_name = "STUDY")]
    study: String,
}

/// A study in a list.
#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    title: String,
    source: String,
    runs: usize,
    expectations: usize,
}

impl Row for Listed {
    const TITLES: &'static [&'static str] = &["name", "title", "runs", "after"];

    fn cells(&self) -> Vec<String> {
        let runs = self.runs.to_string();
        vec![self.name.to_owned(), self.title.clone(), runs, self.source.clone()]
    }
}

pub(super) fn list(format: Format) -> anyhow::Result<ExitCode> {
    let listed = study::studies::ALL.iter().map(|built_in| {
        let points = expand(built_in.text).context(built_in.name)?;
        let study = &points.first().context("a study without runs")?.study;
        Ok(Listed {
            name: built_in.name,
            title: study.title.clone(),
            source: study.source.clone(),
            runs: points.len(),
            expectations: study.expect.len(),
        })
    });
    print_rows(format, &listed.collect::<anyhow::Result<Vec<_>>>()?)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    print_text(&text(&args.study)?)?;
    Ok(ExitCode::SUCCESS)
}
