//! The number of processes in version 1: the same files as in version 2.

use std::path::Path;

use crate::cgroups::{CgroupError, Controller, ControllerName, Usage, v2};
use crate::plan::Limits;

#[derive(Debug)]
pub(in crate::cgroups) struct Pids;

impl Controller for Pids {
    fn name(&self) -> ControllerName {
        ControllerName::Pids
    }

    fn wanted(&self, limits: &Limits, unified: bool) -> bool {
        v2::pids::Pids.wanted(limits, unified)
    }

    fn apply(&self, dir: &Path, limits: &Limits) -> Result<(), CgroupError> {
        v2::pids::Pids.apply(dir, limits)
    }

    fn stats(&self, dir: &Path, usage: &mut Usage) -> Result<(), CgroupError> {
        v2::pids::Pids.stats(dir, usage)
    }
}
