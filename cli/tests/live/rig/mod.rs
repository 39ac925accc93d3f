//! What every live test stands on: real processes of the real binary, found, watched and removed.
//!
//! Everything a test starts lives below one folder of its own. The environment of each process
//! names that folder, so that whatever is left of it afterwards, processes included, can be found.
//! How a page of metrics is read, and what has to do with a folder, the exercises know as well.

mod clerk;
mod cluster;
mod command;
mod daemon;
mod leftovers;
mod operator;
mod patience;
mod pki;

pub(crate) use clerk::Clerk;
pub(crate) use cluster::{Cluster, Isolation, Node, Shape};
pub(crate) use command::{Outcome, bourse, run};
pub(crate) use daemon::Daemon;
pub(crate) use leftovers::{Home, cgroup_parent, cgroups_of, processes_of_task};
pub(crate) use live::metrics_page::{labelled as metric, read as metrics_page};
pub(crate) use operator::{Operator, Security, channel, refusal_of};
pub(crate) use patience::{PATIENCE, eventually, holds, may_be_root, skip};
pub(crate) use pki::Pki;
