//! Launches: an instance may have several, one after the other, and an answer is to one of them.

use super::{InstanceId, Queue};

/// One launch of an instance.
///
/// An instance's end may be heard before the answer to the call that launched it, when that call
/// was in doubt and is made again; by then it may be launched anew. What is said of the launch
/// before is said of nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    id: InstanceId,
    /// As in `TaskRow::launch_number`.
    number: Option<u32>,
}

impl Queue {
    /// The last launch of an instance.
    pub fn last_launch(&self, id: InstanceId) -> Launch {
        Launch { id, number: self.instance(id).launch_number }
    }

    /// The instance of a launch, unless it was launched anew since.
    pub fn launched_by(&self, launch: Launch) -> Option<InstanceId> {
        (self.last_launch(launch.id) == launch).then_some(launch.id)
    }
}
