//! How far does a master go? Ten thousand agents on real connections, hundreds of frameworks, a
//! hundred thousand tasks.
//!
//! The masters are processes of their own with their logs synced to disk; agents and frameworks
//! live in this one. One part per question; without a name all run. Nothing stays afterwards.
//!
//! ```text
//! cargo build --release -p bourse
//! cargo bench -p benches --bench load -- register --security plain
//! ```

mod arguments;
mod failover;
mod large;
mod one;
mod pollers;
mod register;
mod tasks;
mod world;

use arguments::{Arguments, Part};
use benches::{machine::sync_micros, report::Report};

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::of_process();
    if let Some(master) = &arguments.poll {
        return pollers::be_pollers(master, &arguments);
    }
    let mut report = Report::printed_as(
        "Load: masters as processes, emulated agents on real connections, frameworks on the SDK",
        arguments.output,
    );
    for part in arguments.parts() {
        match part {
            Part::Register => register::measure(&arguments, &mut report)?,
            Part::Tasks => tasks::measure(&arguments, &mut report)?,
            Part::One => one::measure(&arguments, &mut report)?,
            Part::Pollers => pollers::measure(&arguments, &mut report)?,
            Part::Failover => failover::measure(&arguments, &mut report)?,
            Part::Large => large::measure(&arguments, &mut report)?,
        }
    }
    let folder = tempfile::tempdir()?;
    report.figure("one 4 KiB write and sync here", sync_micros(folder.path(), 300)?, "µs");
    report.note("Agents, frameworks and pollers share the processors with the masters.");
    report.print();
    Ok(())
}
