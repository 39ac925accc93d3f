//! Watches the disk under the data directory.
//!
//! Below one mark launches are refused and the reserve is given up, so that what runs can still end
//! in order; above another, higher one, all is as before.

use super::journal_file::{give_up_reserve, keep_reserve};
use agent_core::Input;
use std::{path::PathBuf, time::Duration};
use tokio::sync::mpsc;

const INTERVAL: Duration = Duration::from_secs(5);
const LOW_BYTES: u64 = 64 << 20;
const ENOUGH_BYTES: u64 = 2 * LOW_BYTES;

/// How the disk was, last time.
#[derive(Debug, Default)]
pub(crate) struct Space {
    low: bool,
}

impl Space {
    /// What to tell the core, when there is news.
    fn news(&mut self, free_bytes: u64) -> Option<bool> {
        let low = match self.low {
            false => free_bytes < LOW_BYTES,
            true => free_bytes < ENOUGH_BYTES,
        };
        (low != std::mem::replace(&mut self.low, low)).then_some(low)
    }
}

/// Looks at the disk again and again, for ever.
pub(crate) async fn watch_space(data_dir: PathBuf, mut space: Space, inputs: mpsc::Sender<Input>) {
    let mut interval = tokio::time::interval(INTERVAL);
    let reserved = |result: std::io::Result<()>, what| {
        if let Err(error) = result {
            tracing::warn!(%error, "cannot {what} the journal's reserve");
        }
    };
    let mut first = true;
    loop {
        interval.tick().await;
        let Ok(disk) = rustix::fs::statvfs(&data_dir) else { continue };
        let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
        let news = space.news(free_bytes);
        match news {
            Some(true) => {
                tracing::warn!(free_bytes, "the disk is nearly full: launches are refused");
                reserved(give_up_reserve(&data_dir), "give up");
            }
            Some(false) => {
                tracing::info!(free_bytes, "the disk has room again");
                reserved(keep_reserve(&data_dir), "keep");
            }
            None if first => reserved(keep_reserve(&data_dir), "keep"),
            None => {}
        }
        first = false;
        if let Some(low) = news
            && inputs.send(Input::JournalSpace { low }).await.is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_marks_keep_it_from_flapping() {
        let mut space = Space::default();
        assert_eq!(space.news(LOW_BYTES), None);
        assert_eq!(space.news(LOW_BYTES - 1), Some(true));
        assert_eq!(space.news(LOW_BYTES + 1), None, "not enough yet");
        assert_eq!(space.news(ENOUGH_BYTES), Some(false));
        assert_eq!(space.news(LOW_BYTES + 1), None);
    }
}
