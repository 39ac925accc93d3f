//! What was once written to disk is readable for ever: golden files of the log and the journal.
//!
//! Each file under `tests/compat` was written by a released format. It must decode to the value
//! that is spelled out here, and that value must encode to the same bytes, so that replicas of
//! different versions agree on digests. With `BOURSE_WRITE_GOLDEN=1` missing files are written; one
//! that exists is never replaced, since a changed file would hide what it is there to find. For a
//! new format add a value and a file.

use crate::compat_values::{self, journal_volumes};
use prost::Message;
use std::{env, fmt::Debug, fs, path::PathBuf};

fn check<W: Message + Default + PartialEq + Debug>(name: &str, value: &W) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/compat").join(name);
    if env::var_os("BOURSE_WRITE_GOLDEN").is_some_and(|wish| wish == "1") && !path.exists() {
        fs::write(&path, value.encode_to_vec()).expect("the folder is writable");
    }
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let decoded = W::decode(bytes.as_slice()).expect("an old file decodes");
    assert_eq!(decoded, *value, "{name} means something else now");
    assert_eq!(value.encode_to_vec(), bytes, "{name} is written differently now");
}

#[test]
fn log_batches() {
    check("log_batch.bin", &compat_values::batch());
    check("log_batch_accept.bin", &compat_values::accept_batch());
    check("log_batch_directives.bin", &compat_values::directives_batch());
    check("log_batch_roles.bin", &compat_values::roles_batch());
    check("log_batch_role_settings.bin", &compat_values::role_settings_batch());
}

#[test]
fn snapshot_records() {
    for (name, record) in compat_values::records() {
        check(name, &record);
    }
}

#[test]
fn journal_rows() {
    check("journal_identity.bin", &compat_values::identity());
    check("journal_task_row.bin", &compat_values::task_row());
    check("journal_owned_task_row.bin", &compat_values::owned_task_row());
    check("journal_limited_task_row.bin", &compat_values::limited_task_row());
    check("journal_resizing_task_row.bin", &compat_values::resizing_task_row());
    check("journal_grouped_task_row.bin", &compat_values::grouped_task_row());
    check("journal_mounting_task_row.bin", &journal_volumes::mounting_task_row());
    check("journal_shrinking_volume_row.bin", &journal_volumes::shrinking_volume_row());
    check("journal_failed_volume_row.bin", &journal_volumes::failed_volume_row());
}
