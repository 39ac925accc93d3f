//! Sandboxes: where tasks work, how long what they left is kept, and who may read it.
//!
//! ```text
//! DATA/sandboxes/FRAMEWORK/TASK/CONTAINER/         a task's files, `stdout` among them
//! DATA/sandboxes/FRAMEWORK/TASK/CONTAINER.ended    its age is how long ago that container ended
//! DATA/sandboxes/FRAMEWORK/TASK/CONTAINER.owner    who may read it besides operators
//! ```

pub(crate) mod beneath;
mod janitor;
mod owner;
mod reader;
mod service;
mod tree;

pub(crate) use janitor::keep_tidy;
pub(crate) use service::SandboxService;
pub(crate) use tree::SandboxTree;
