//! Updates: numbered per task, journaled, sent until committed, then forgotten.

pub(crate) mod retire;
pub(crate) mod retry;
pub(crate) mod stream;

pub(crate) use retry::Delivery;
