//! What is fed: one file per target or family of targets, each with the properties that it holds.

mod agent;
mod decode;
mod jail_plan;
mod journal;
mod kernel_files;
mod ledger;
mod log_file;
mod master;
mod path_lookup;
mod peers;
mod resources;
mod settings;
mod snapshot;
mod traces;
mod unpack_archive;

use crate::{
    Target,
    mutate::Form,
    schema::Inventor,
    wire::{self, Field},
};
use std::path::Path;

/// All of them.
pub const TARGETS: &[Target] = &[
    target("decode_framework_call", decode::framework_call, decode::framework_calls, 4_000, 100),
    target("decode_agent_message", decode::agent_message, decode::agent_messages, 3_000, 80),
    target("decode_operator_call", decode::operator_call, decode::operator_calls, 6_000, 150),
    target("decode_peer", decode::peer, decode::peers, 3_000, 10),
    target("ledger_commands", ledger::commands, ledger::command_seeds, 600, 60),
    target("master_inputs", master::inputs, master::input_seeds, 200, 110),
    target("agent_inputs", agent::inputs, agent::input_seeds, 800, 50),
    target("journal_recover", journal::recover, journal::recover_seeds, 700, 50),
    target("snapshot_open", snapshot::open, snapshot::open_seeds, 300, 25),
    Target {
        form: Form::Bytes,
        ..target("wal_recover", log_file::recover, log_file::recover_seeds, 150, 4)
    },
    Target {
        form: Form::Bytes,
        ..target("resources_arithmetic", resources::arithmetic, resources::pairs, 4_000, 20)
    },
    Target {
        form: Form::Text,
        ..target("cgroup_files", kernel_files::cgroup_files, kernel_files::cgroup_seeds, 200, 8)
    },
    Target {
        form: Form::Text,
        ..target("mountinfo", kernel_files::mountinfo, kernel_files::mountinfo_seeds, 4_000, 8)
    },
    Target {
        form: Form::Text,
        ..target("proc_stat", kernel_files::proc_stat, kernel_files::proc_stat_seeds, 4_000, 3)
    },
    Target {
        form: Form::Json,
        ..target("jail_plan", jail_plan::read, jail_plan::seeds, 3_000, 20)
    },
    Target {
        form: Form::Text,
        ..target("config_and_flags", settings::read, settings::seeds, 500, 30)
    },
    Target { form: Form::Text, ..target("trace_text", traces::text, traces::text_seeds, 300, 120) },
    Target {
        form: Form::Bytes,
        ..target("trace_parquet", traces::parquet, traces::parquet_seeds, 300, 15)
    },
    Target { form: Form::Bytes, ..target("trace_own", traces::own, traces::own_seeds, 600, 30) },
    target("peer_messages", peers::talk, peers::seeds, 150, 25),
    target("path_lookup", path_lookup::look, path_lookup::seeds, 600, 12),
    Target {
        needs_root: true,
        ..target("unpack_archive", unpack_archive::unpack, unpack_archive::seeds, 250, 12)
    },
];

const fn target(
    name: &'static str,
    run: fn(&[u8]),
    seeds: fn() -> Vec<Vec<u8>>,
    executions: u64,
    situations_min: usize,
) -> Target {
    let (form, needs_root) = (Form::Wire, false);
    Target { name, run, seeds, form, executions, situations_min, needs_root }
}

/// A folder that is gone when it is let go; in memory where there is such a place.
fn scratch() -> tempfile::TempDir {
    const MEMORY: &str = "/dev/shm";
    let made = match Path::new(MEMORY).is_dir() {
        true => tempfile::tempdir_in(MEMORY),
        false => tempfile::tempdir(),
    };
    made.expect("a folder for a test")
}

/// A part of an input: which of so many kinds its number stands for.
fn kind_of(number: u64, kinds: usize) -> usize {
    usize::try_from((number - 1) % kinds as u64).expect("below a length")
}

/// A part of an input: a kind, from 0, and what it says.
fn part(kind: usize, bytes: Vec<u8>) -> Field {
    wire::bytes(kind as u64 + 1, bytes)
}

/// So many inputs for each of these kinds of message, of one part each.
fn one_of_each(messages: &[&str], count: u64) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    for seed in 0..count {
        let mut inventor = Inventor::new(seed);
        for (kind, name) in messages.iter().enumerate() {
            inputs.push(wire::write(&[part(kind, inventor.message(name))]));
        }
    }
    inputs
}
