//! Who has gone quiet, and what falls due when. Knows times and names, no connections and no
//! messages; the master tells it who was heard and asks it what is due.

pub mod deadlines;
pub mod detector;
pub mod rate_limit;

pub use deadlines::Deadlines;
pub use detector::Detector;
pub use rate_limit::RateLimit;
