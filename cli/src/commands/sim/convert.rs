//! `bourse sim trace convert` and `sample`: a trace, or some of its jobs, in one of our own forms.

use super::trace::InputArgs;
use anyhow::{Context as _, bail};
use std::{
    fs::Permissions,
    num::NonZeroU64,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;
use traces::{
    Arrivals,
    open::Opened,
    own::{BinaryWriter, JsonWriter, Of, Write},
    transform::{PerMille, Transform, apply},
};

/// Flags of `bourse sim trace convert`.
#[derive(Debug, clap::Args)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    out: OutArgs,
}

/// Flags of `bourse sim trace sample`.
#[derive(Debug, clap::Args)]
pub(crate) struct SampleArgs {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    size: SizeArgs,
    /// Which jobs: the same seed takes the same ones
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How many jobs.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct SizeArgs {
    /// So many jobs, or all if there are fewer; holds them in memory
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroU64>,
    /// Each job with this chance, of a thousand
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    per_mille: Option<u16>,
}

/// The file that is written.
#[derive(Debug, clap::Args)]
struct OutArgs {
    /// Where to; replaced when all is written
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// The form [default: json if OUT ends in .json or .jsonl, else binary]
    #[arg(long, value_enum, value_name = "FORM")]
    to: Option<Form>,
}

/// One of our own forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A line of JSON for each row
    Json,
    /// Blocks of columns with checksums
    Binary,
}

pub(super) fn convert(args: &ConvertArgs) -> anyhow::Result<()> {
    let opened = args.input.open()?;
    write(&args.input, opened, &args.out)
}

pub(super) fn sample(args: &SampleArgs) -> anyhow::Result<()> {
    let Opened::Arrivals(arrivals) = args.input.open()? else {
        bail!("{} holds machines; only jobs are sampled", args.input.file.display());
    };
    let per_mille = args.size.per_mille.and_then(PerMille::new);
    let step = match (args.size.jobs, per_mille) {
        (Some(jobs), _) => Transform::SampleJobs { jobs },
        (None, Some(per_mille)) => Transform::Sample { per_mille },
        (None, None) => bail!("say how many: --jobs or --per-mille"),
    };
    let sampled: Arrivals = apply(&[step], args.seed, arrivals);
    write(&args.input, Opened::Arrivals(sampled), &args.out)
}

/// Writes beside the file, and puts it in place once it is whole.
fn write(input: &InputArgs, opened: Opened, out: &OutArgs) -> anyhow::Result<()> {
    let path = out.out.as_path();
    let context = || format!("{} cannot be written", path.display());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // As any new file; the umask takes off what it takes off others.
    let temporary = tempfile::Builder::new()
        .prefix(".bourse-trace-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .with_context(context)?;
    rows(input, opened, &temporary, out.form()).with_context(context)?;
    temporary.as_file().sync_all().with_context(context)?;
    temporary.persist(path).with_context(context)?;
    Ok(())
}

fn rows(input: &InputArgs, opened: Opened, file: &NamedTempFile, form: Form) -> anyhow::Result<()> {
    let of = match &opened {
        Opened::Arrivals(_) => Of::Arrivals,
        Opened::Machines(_) => Of::Machines,
    };
    let file = file.as_file();
    let mut writer: Box<dyn Write + '_> = match form {
        Form::Json => Box::new(JsonWriter::new(file, of)),
        Form::Binary => Box::new(BinaryWriter::new(file, of)),
    };
    let mut bar = input.bar();
    match opened {
        Opened::Arrivals(mut arrivals) => {
            while let Some(arrival) = arrivals.next() {
                writer.arrival(&arrival?, arrivals.names())?;
                bar.row();
            }
            writer.finish(arrivals.names())?;
        }
        Opened::Machines(mut machines) => {
            while let Some(event) = machines.next() {
                writer.machine(&event?, machines.names())?;
                bar.row();
            }
            writer.finish(machines.names())?;
        }
    }
    Ok(())
}

impl OutArgs {
    fn form(&self) -> Form {
        let ending = self.out.extension().and_then(|ending| ending.to_str());
        self.to.unwrap_or(match ending {
            Some("json" | "jsonl") => Form::Json,
            _ => Form::Binary,
        })
    }
}
