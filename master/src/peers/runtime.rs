//! One thread for all that masters say to each other.
//!
//! What they say decides who leads and what is committed. When ten thousand agents come back at
//! once, because a leader has ended, every other thread has seconds of work: votes and
//! acknowledgements must not stand in that queue.

use std::{io, thread};
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

/// Starts the thread; it runs until `stop`, and takes with it what still runs there.
pub(crate) fn start(stop: CancellationToken) -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    let thread = thread::Builder::new().name("bourse-peers".to_owned());
    thread.spawn(move || runtime.block_on(stop.cancelled()))?;
    Ok(handle)
}
