//! Sandboxes: where tasks work, how long what they left is kept, and who may read it.
//!
//! ```text
//! DATA/sandboxes/FRAMEWORK/TASK/CONTAINER/         a task's files, `stdout` among them
//! DATA/sandboxes/FRAMEWORK/TASK/CONTAINER.ended    its age is how long ago that container ended
//! ```

mod beneath;
mod janitor;
mod service;
mod tree;

pub(crate) use janitor::keep_tidy;
pub(crate) use service::SandboxService;
pub(crate) use tree::SandboxTree;
