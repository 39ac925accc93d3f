//! What is missing on an agent for a piece: amounts, and of devices so much of this one or that.
//!
//! A part of a device is no help on another, so each way in which a piece could be had from devices
//! is a list of needs of its own. It knows neither priorities nor claims.

use crate::allocator::{Amounts, room::Room};
use proto::model::{Milli, ResourceName, devices::Ask};
use std::collections::BTreeMap;

/// Ways that are looked at for one piece on one agent.
const WAYS_MAX: usize = 64;

/// Something of which there must be enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// So much of a resource, whichever part of it.
    Amount(ResourceName),
    /// So much of one device.
    Device(ResourceName, String),
}

/// What is missing, of each so much.
pub(super) type Needs = Vec<(Need, u128)>;

impl Need {
    /// How much of it there is.
    pub(super) fn of(&self, room: &Room) -> u128 {
        match self {
            Need::Amount(name) => room.get(name),
            Need::Device(name, device) => {
                let devices = room.devices(name).into_iter().flat_map(|devices| devices.iter());
                let own = devices.filter(|(own, _)| own.as_str() == device);
                own.map(|(_, milli)| u128::from(milli.0.unsigned_abs())).sum()
            }
        }
    }
}

/// The ways in which a piece could be had of what is free and of what tasks hold. None when their
/// devices would not do.
pub(super) fn ways(shape: &Amounts, free: &Room, tasks: &[&Room]) -> Vec<Needs> {
    let missing = |(name, milli): (&ResourceName, u128)| {
        (Need::Amount(name.clone()), milli.saturating_sub(free.get(name)))
    };
    let mut ways: Vec<Needs> = vec![shape.iter().map(missing).collect()];
    for (name, milli) in shape.iter() {
        let Some(options) = devices(name, milli, free, tasks) else { continue };
        let each = |way: Needs| options.iter().map(move |it| [way.clone(), it.clone()].concat());
        ways = ways.into_iter().flat_map(each).take(WAYS_MAX).collect();
    }
    ways
}

/// The ways to have so much of one resource's devices; `None` when it has none by name.
fn devices(name: &ResourceName, milli: u128, free: &Room, tasks: &[&Room]) -> Option<Vec<Needs>> {
    let mut all: BTreeMap<&str, u128> = BTreeMap::new();
    let racks = [free].into_iter().chain(tasks.iter().copied());
    for (device, held) in racks.filter_map(|room| room.devices(name)).flat_map(|it| it.iter()) {
        *all.entry(device.as_str()).or_default() += u128::from(held.0.unsigned_abs());
    }
    if all.is_empty() {
        return None;
    }
    let ask = i64::try_from(milli).ok().and_then(|milli| Ask::of(Milli(milli)));
    let (most, count) = match ask {
        None => return Some(Vec::new()),
        Some(Ask::Nothing) => return None,
        Some(Ask::Part(part)) => (part.unsigned_abs(), 1),
        Some(Ask::Whole(count)) => (WHOLE, usize::try_from(count).unwrap_or(usize::MAX)),
    };
    let need = |device: &str| {
        let need = Need::Device(name.clone(), device.to_owned());
        let missing = u128::from(most).saturating_sub(need.of(free));
        (need, missing)
    };
    let enough = all.iter().filter(|(_, held)| **held >= u128::from(most));
    let mut enough: Needs = enough.map(|(device, _)| need(device)).collect();
    // Those of which least is missing come first.
    enough.sort_by_key(|(_, missing)| *missing);
    Some(match count {
        1 => enough.into_iter().map(|need| vec![need]).collect(),
        _ if enough.len() < count => Vec::new(),
        _ => vec![enough.into_iter().take(count).collect()],
    })
}

/// All of one device.
const WHOLE: u64 = proto::model::devices::WHOLE_MILLI.unsigned_abs();

#[cfg(test)]
mod tests {
    use super::{Needs, ways};
    use crate::allocator::{Amounts, bundle::Bundle, room::Room};
    use proto::model::{Devices, Milli, ResourceName, Resources, Value};

    fn room(gpus: &[(&str, i64)]) -> Room {
        let gpus = gpus.iter().map(|(name, milli)| (*name, Milli(*milli)));
        let gpus = Value::Devices(Devices::new(gpus).expect("devices"));
        let all = Resources::from_entries([(ResourceName::GPUS, gpus)]).expect("resources");
        Room::of(&Bundle::new(all))
    }

    fn missing(asked: u128, free: &Room, tasks: &[Room]) -> Vec<Vec<u128>> {
        let mut shape = Amounts::new();
        shape.set(&ResourceName::GPUS, asked);
        let ways = ways(&shape, free, &tasks.iter().collect::<Vec<_>>());
        let amounts = |way: Needs| way.iter().map(|(_, missing)| *missing).collect();
        ways.into_iter().map(amounts).collect()
    }

    #[test]
    fn parts_of_two_devices_are_no_whole_one() {
        let free = room(&[("gpu0", 500), ("gpu1", 500)]);
        assert_eq!(missing(1_000, &free, &[]), Vec::<Vec<u128>>::new(), "nobody can give it");
        // Enough of gpus in all; of gpu1, 500 thousandths more are needed.
        let held = room(&[("gpu1", 500)]);
        assert_eq!(missing(1_000, &free, &[held]), [[0, 500]]);
    }

    #[test]
    fn a_part_may_be_had_of_any_device_that_holds_it_and_the_nearest_comes_first() {
        let free = room(&[("gpu0", 100), ("gpu1", 300)]);
        let tasks = [room(&[("gpu0", 900)]), room(&[("gpu1", 200)]), room(&[("gpu2", 1_000)])];
        assert_eq!(missing(500, &free, &tasks), [[100, 200], [100, 400], [100, 500]]);
        assert_eq!(missing(600, &free, &tasks), [[200, 500], [200, 600]], "gpu1 holds 500");
    }

    #[test]
    fn of_whole_ones_there_have_to_be_enough() {
        let tasks = [room(&[("gpu0", 1_000)]), room(&[("gpu1", 400)]), room(&[("gpu2", 1_000)])];
        let free = room(&[("gpu1", 600)]);
        assert_eq!(missing(2_000, &free, &tasks), [[1_400, 400, 1_000]]);
        assert_eq!(missing(4_000, &free, &tasks), Vec::<Vec<u128>>::new());
        assert_eq!(missing(1_500, &free, &tasks), Vec::<Vec<u128>>::new(), "not to be asked for");
    }
}
