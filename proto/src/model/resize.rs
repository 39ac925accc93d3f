//! Another size for a task that runs: what may change, and what is held while it does.
//!
//! Only what a container can be given and taken without being set up anew: `cpus` and `mem`. What
//! else a task holds (ports, devices, disk space, whatever an operator named) is as it was
//! launched with.

use super::{
    ids::TaskId,
    resources::{ResourceError, ResourceName, Resources, Value},
};

/// What a task is to hold from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resize {
    /// Which task; it runs.
    pub task: TaskId,
    /// Everything that it is to hold, not only what changes.
    pub resources: Resources,
}

/// Why a task cannot get a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` cannot change while a task runs, only the amounts of cpus and mem that it has can"
)]
pub struct ResizeError {
    /// What would change.
    pub name: ResourceName,
}

/// Whether a task can go from one size to another while it runs.
pub fn check_resize(from: &Resources, to: &Resources) -> Result<(), ResizeError> {
    let names = from.iter().chain(to.iter()).map(|(name, _)| name);
    for name in names {
        let may_change = [ResourceName::CPUS, ResourceName::MEM].contains(name);
        match (from.get(name), to.get(name)) {
            (Some(Value::Scalar(_)), Some(Value::Scalar(_))) if may_change => {}
            (old, new) if old == new => {}
            _ => return Err(ResizeError { name: name.clone() }),
        }
    }
    Ok(())
}

/// The least that holds both sizes: what a task takes while it goes from one to the other.
///
/// The sizes must have passed [`check_resize`].
pub fn larger(from: &Resources, to: &Resources) -> Result<Resources, ResourceError> {
    let value = |name: &ResourceName, value: &Value| match (value, to.get(name)) {
        (Value::Scalar(old), Some(Value::Scalar(new))) => Value::Scalar(*old.max(new)),
        (old, _) => old.clone(),
    };
    Resources::from_entries(from.iter().map(|(name, old)| (name.clone(), value(name, old))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Milli, Ranges};

    fn bag(cpus: i64, mem: i64, port: u64) -> Resources {
        let ports = Ranges::new(vec![(port, port)]).expect("a range");
        Resources::cpus_mem(cpus, mem)
            .checked_add(
                &Resources::from_entries([
                    (ResourceName::PORTS, Value::Ranges(ports)),
                    (ResourceName::DISK, Value::Scalar(Milli(5_000))),
                ])
                .expect("resources"),
            )
            .expect("resources")
    }

    #[test]
    fn amounts_of_cpus_and_mem_may_change() {
        let old = bag(1_000, 64, 80);
        for new in [bag(1, 1, 80), bag(2_000, 64, 80), bag(500, 128, 80), old.clone()] {
            assert_eq!(check_resize(&old, &new), Ok(()));
        }
        let sum = larger(&bag(1_000, 64, 80), &bag(500, 128, 80)).expect("resources");
        assert_eq!(sum, bag(1_000, 128, 80));
    }

    #[test]
    fn nothing_else_may() {
        let old = bag(1_000, 64, 80);
        let more_disk = old
            .checked_add(
                &Resources::from_entries([(ResourceName::DISK, Value::Scalar(Milli(1)))])
                    .expect("resources"),
            )
            .expect("resources");
        let without = |name: ResourceName| {
            let left = old.iter().filter(|(other, _)| **other != name);
            Resources::from_entries(left.map(|(name, value)| (name.clone(), value.clone())))
                .expect("resources")
        };
        let wrong = [
            (bag(1_000, 64, 81), ResourceName::PORTS),
            (more_disk, ResourceName::DISK),
            (without(ResourceName::PORTS), ResourceName::PORTS),
            (without(ResourceName::MEM), ResourceName::MEM),
        ];
        for (new, name) in wrong {
            let error = Err(ResizeError { name: name.clone() });
            assert_eq!(check_resize(&old, &new), error);
            assert_eq!(check_resize(&new, &old), error, "and the other way");
        }
    }
}
