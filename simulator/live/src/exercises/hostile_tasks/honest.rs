//! Honest tasks: they work for as long as they may, and write down how far they are.

use crate::{
    home::{Home, processes_of_task},
    patience::{eventually, pause_until},
    process::processor_time,
    squad::Wanted,
    witness,
};
use std::{
    fs,
    ops::AddAssign,
    time::{Duration, Instant},
};

/// How many there are.
pub(super) const TASKS: usize = 10;
const MEM_MIB: u32 = 32;

/// All of them, as processes of this host.
#[derive(Debug)]
pub(super) struct Honest<'a> {
    home: &'a Home,
    pids: Vec<u32>,
}

/// What they have done in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Done {
    /// Rounds of their loops.
    pub(super) units: u64,
    /// What processors have spent on them.
    pub(super) processor: Duration,
    /// What passed meanwhile.
    pub(super) time: Duration,
}

/// Tasks that work with these thousandths of a processor each.
pub(super) fn tasks(cpus_milli: i64) -> Vec<Wanted> {
    // A unit is some milliseconds of a processor, so that writing is no part of the work.
    let script = format!(
        "work=${{BOURSE_SANDBOX%%/agent-*}}/{}/$BOURSE_TASK_ID; units=0\n\
         while :; do\n\
           n=0; while [ $n -lt 5000 ]; do n=$((n + 1)); done\n\
           units=$((units + 1)); echo $units >> $work\n\
         done",
        witness::FOLDER
    );
    let task = |name| Wanted { name, cpus_milli, mem_mib: MEM_MIB, script: script.clone() };
    names().map(task).collect()
}

/// How they are called.
pub(super) fn names() -> impl Iterator<Item = String> {
    (1..=TASKS).map(|number| format!("honest-{number}"))
}

impl<'a> Honest<'a> {
    /// Those that run in the cluster of this home, once all have begun to work.
    pub(super) fn find(home: &'a Home) -> anyhow::Result<Self> {
        let begun = |name: String| {
            let what = format!("{name} works");
            eventually(&what, || {
                (units(home, &name) > 0).then(|| processes_of_task(home.path(), &name))
            })
        };
        let pids = names().map(begun).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { home, pids: pids.into_iter().flatten().collect() })
    }

    /// What they do in so long.
    pub(super) fn in_time(&self, window: Duration) -> Done {
        let (begun, units, processor) = (Instant::now(), self.units(), self.processor());
        pause_until(begun + window);
        Done {
            units: self.units() - units,
            processor: self.processor().saturating_sub(processor),
            time: begun.elapsed(),
        }
    }

    fn units(&self) -> u64 {
        names().map(|name| units(self.home, &name)).sum()
    }

    fn processor(&self) -> Duration {
        self.pids.iter().filter_map(|pid| processor_time(*pid)).sum()
    }
}

/// The last whole line of what a task has written.
fn units(home: &Home, task: &str) -> u64 {
    let path = home.path().join(witness::FOLDER).join(task);
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.rsplit('\n').next().and_then(|line| line.parse().ok()).unwrap_or_default()
}

impl Done {
    /// Units per second.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
    pub(super) fn pace(&self) -> f64 {
        self.units as f64 / self.time.as_secs_f64()
    }

    /// Units per second of a processor.
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
    pub(super) fn speed(&self) -> f64 {
        self.units as f64 / self.processor.as_secs_f64()
    }

    /// Processors that they had at a time.
    pub(super) fn processors(&self) -> f64 {
        self.processor.as_secs_f64() / self.time.as_secs_f64()
    }
}

impl AddAssign for Done {
    fn add_assign(&mut self, more: Self) {
        self.units += more.units;
        self.processor += more.processor;
        self.time += more.time;
    }
}
