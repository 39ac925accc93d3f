//! When to stop: an interrupt or TERM, once.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves when the process is asked to end, from this call on: to be called before anything is
/// started that must be ended in good order.
pub(crate) fn asked() -> impl Future<Output = ()> + Send + 'static {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            // Without handlers the signals end the process by themselves.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}
