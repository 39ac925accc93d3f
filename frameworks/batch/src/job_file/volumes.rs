//! `volumes = [{ name = "data", path = "data" }]`: volumes of a task in a job file.

use super::{JobFileProblem, Problem};
use crate::volumes::{VolumeSelector, VolumeSpec};
use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VolumeTable {
    name: Option<Spanned<String>>,
    id: Option<Spanned<String>>,
    path: String,
    #[serde(default)]
    read_only: bool,
}

pub(super) fn volume_spec(table: Spanned<VolumeTable>) -> Result<VolumeSpec, Problem> {
    let span = table.span();
    let VolumeTable { name, id, path, read_only } = table.into_inner();
    let malformed = |text: &Spanned<String>, source| {
        let volume = text.get_ref().chars().take(80).collect();
        (text.span(), JobFileProblem::Volume { volume, source })
    };
    let volume = match (name, id) {
        (Some(name), None) => {
            let read = name.get_ref().parse().map(VolumeSelector::Name);
            read.map_err(|source| malformed(&name, source))?
        }
        (None, Some(id)) => {
            let read = id.get_ref().parse().map(VolumeSelector::Id);
            read.map_err(|source| malformed(&id, source))?
        }
        _ => {
            let message = "a volume is given by its `name` or by its `id`".to_owned();
            return Err((span, JobFileProblem::Form { message }));
        }
    };
    Ok(VolumeSpec { volume, path, read_only })
}
