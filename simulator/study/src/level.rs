//! A number that changes over time, with its integral: means over time are exact, not sampled.

use simulator::engine::Time;

/// A number over time.
#[derive(Debug, Default)]
pub(crate) struct Level {
    value: u128,
    since: Time,
    /// In units times nanoseconds.
    integral: u128,
}

impl Level {
    /// It is another number from now on.
    pub(crate) fn becomes(&mut self, now: Time, value: u128) {
        self.integral += self.value * u128::from((now - self.since).0);
        self.since = now;
        self.value = value;
    }

    /// It is more by so much.
    pub(crate) fn grows(&mut self, now: Time, by: u128) {
        self.becomes(now, self.value + by);
    }

    /// It is less by so much.
    ///
    /// # Panics
    /// Below nothing.
    pub(crate) fn shrinks(&mut self, now: Time, by: u128) {
        self.becomes(now, self.value.checked_sub(by).expect("it was there"));
    }

    /// What it was before a time does not count.
    pub(crate) fn count_from(&mut self, at: Time) {
        *self = Self { value: self.value, since: at, integral: 0 };
    }

    /// The time is over.
    pub(crate) fn end(&mut self, until: Time) {
        self.becomes(until.max(self.since), self.value);
    }

    /// The mean from the start until a time that is not over yet, as a part of something.
    pub(crate) fn mean(&self, until: Time, whole: u128) -> f64 {
        let since = self.value * u128::from(until.0.saturating_sub(self.since.0));
        (self.integral + since) as f64 / (whole.max(1) as f64 * until.0.max(1) as f64)
    }
}
