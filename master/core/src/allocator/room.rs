//! What is there to be asked for by amount: scalars, numbers of things such as ports, and devices,
//! of which a part is never split over two.
//!
//! A room is filled piece by piece, each taking of devices what [`Devices::pick`] says, so that
//! what is counted to fit is what [`cut`] cuts out of the same bundle afterwards.

use super::{Amounts, bundle::Bundle};
use proto::model::{Devices, Milli, ResourceName, Resources, Value, devices::Ask};
use std::ops::Deref;

/// How much there is of everything; reads as amounts, of devices all together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    amounts: Amounts,
    devices: Vec<(ResourceName, Devices)>,
}

/// Devices of one resource while pieces are taken out.
struct Rack<'a> {
    name: &'a ResourceName,
    left: Devices,
}

impl Room {
    /// All of a bundle.
    pub fn of(bundle: &Bundle) -> Self {
        let devices = bundle.iter().filter_map(|(name, value)| match value {
            Value::Devices(own) => Some((name.clone(), own.clone())),
            Value::Scalar(_) | Value::Ranges(_) | Value::Set(_) => None,
        });
        Self { amounts: bundle.amounts().clone(), devices: devices.collect() }
    }

    /// No more of one resource than this.
    pub fn cap(&mut self, name: &ResourceName, most: u128) {
        self.amounts.set(name, most);
    }

    /// How often a piece fits; the largest number for nothing.
    pub fn holds_times(&self, piece: &Amounts) -> u128 {
        let times = self.amounts.holds_times(piece);
        if self.devices.is_empty() || times == 0 {
            return times;
        }
        let racks = self.devices.iter().map(|(name, devices)| match ask_of(piece.get(name)) {
            None => 0,
            Some(Ask::Nothing) => u128::MAX,
            Some(Ask::Part(part)) => {
                let parts = devices.iter().map(|(_, left)| left.0 / part);
                u128::try_from(parts.sum::<i64>()).expect("not negative")
            }
            Some(Ask::Whole(count)) => {
                let whole = devices.iter().filter(|(_, left)| left.0 == WHOLE).count();
                whole as u128 / u128::from(count)
            }
        });
        racks.fold(times, u128::min)
    }

    /// Whether a piece fits.
    pub fn contains(&self, piece: &Amounts) -> bool {
        self.holds_times(piece) > 0
    }

    /// Takes pieces, which must fit.
    ///
    /// # Panics
    /// When they do not.
    pub fn take(&mut self, piece: &Amounts, count: u32) {
        self.amounts.take(piece, count);
        for (name, devices) in &mut self.devices {
            let ask = ask_of(piece.get(name)).expect("the pieces fit");
            for _ in 0..count {
                let picked = devices.pick(ask).expect("the pieces fit");
                *devices = devices.checked_sub(&picked).expect("a part of what is there");
            }
        }
    }

    /// What a task had is here again.
    ///
    /// # Panics
    /// When there would be more of a device than a whole one.
    pub fn give(&mut self, bundle: &Bundle) {
        let given = Room::of(bundle);
        self.amounts.add(&given.amounts);
        for (name, devices) in given.devices {
            match self.devices.iter_mut().find(|(own, _)| *own == name) {
                Some((_, own)) => {
                    *own = own.checked_add(&devices).expect("no more than a whole one")
                }
                None => self.devices.push((name, devices)),
            }
        }
    }

    /// What there is of devices by name of a resource; `None` when its devices have no names.
    pub fn devices(&self, name: &ResourceName) -> Option<&Devices> {
        self.devices.iter().find(|(own, _)| own == name).map(|(_, devices)| devices)
    }

    /// The device that stands there in what [`Self::each`] gives of this room as the total.
    pub fn device(&self, name: &ResourceName, position: usize) -> Option<&str> {
        let devices = self.devices(name)?;
        devices.iter().nth(position).map(|(device, _)| device.as_str())
    }

    /// Free thousandths of each device of a resource of which `total` is all that there is; without
    /// devices by name, whole ones first and then what is left.
    pub fn each(&self, name: &ResourceName, total: &Room) -> Vec<u64> {
        let known = |room: &Room| room.devices(name).cloned();
        if let Some(all) = known(total) {
            let free = known(self).unwrap_or_default();
            let left = |device| free.iter().find(|(own, _)| *own == device).map_or(0, |it| it.1.0);
            let left = all.iter().map(|(device, _)| left(device).unsigned_abs());
            return left.collect();
        }
        let whole = u128::from(WHOLE.unsigned_abs());
        let count = total.get(name).div_ceil(whole).min(NUMBERED_MAX);
        let mut left = self.get(name);
        let device = |_| {
            let free = left.min(whole);
            left -= free;
            u64::try_from(free).expect("no more than a whole one")
        };
        (0..count).map(device).collect()
    }
}

impl Deref for Room {
    type Target = Amounts;

    fn deref(&self) -> &Amounts {
        &self.amounts
    }
}

/// All of one device.
const WHOLE: i64 = proto::model::devices::WHOLE_MILLI;

/// Devices without names that are looked at one by one.
const NUMBERED_MAX: u128 = 1_024;

fn ask_of(milli: u128) -> Option<Ask> {
    i64::try_from(milli).ok().and_then(|milli| Ask::of(Milli(milli)))
}

/// The part of a bundle that pieces are: of numbered and named things the first ones; of devices
/// what each piece gets, in order.
pub fn cut(bundle: &Bundle, pieces: &[(&Amounts, u32)]) -> Bundle {
    let mut sum = Amounts::new();
    pieces.iter().for_each(|(piece, count)| sum.add_times(piece, *count));
    let entries = bundle.iter().map(|(name, value)| {
        let value = match value {
            Value::Devices(own) => {
                let rack = Rack { name, left: own.clone() };
                Value::Devices(rack.take(pieces))
            }
            other => part_of(other, sum.get(name)),
        };
        (name.clone(), value)
    });
    Bundle::new(Resources::from_entries(entries).expect("a part of what was checked"))
}

/// The bundle with other devices of one resource.
pub fn with_devices(bundle: &Bundle, name: &ResourceName, devices: Devices) -> Bundle {
    let entries = bundle.iter().map(|(own, value)| match own == name {
        true => (own.clone(), Value::Devices(devices.clone())),
        false => (own.clone(), value.clone()),
    });
    Bundle::new(Resources::from_entries(entries).expect("as many as before"))
}

/// A part of what is there: no more than allowed. Of ports and named things the first ones, and
/// none of which only a part is allowed.
pub fn clip(bundle: &Bundle, allowed: &Amounts) -> Bundle {
    let entries = bundle.iter().map(|(name, value)| {
        let milli = || Milli(i64::try_from(allowed.get(name)).expect("no more than is free"));
        let value = match value {
            Value::Scalar(_) => Value::Scalar(milli()),
            Value::Devices(own) => Value::Devices(own.first(milli())),
            Value::Ranges(_) | Value::Set(_) => first_of(value, allowed.get(name) / 1_000),
        };
        (name.clone(), value)
    });
    Bundle::new(Resources::from_entries(entries).expect("a part of what was checked"))
}

impl Rack<'_> {
    fn take(mut self, pieces: &[(&Amounts, u32)]) -> Devices {
        let mut taken = Devices::default();
        for (piece, count) in pieces {
            let asked = piece.get(self.name);
            for _ in 0..*count {
                let picked = ask_of(asked).and_then(|ask| self.left.pick(ask));
                // Where a whole piece is not there, as much as there is.
                let some = || self.left.first(Milli(i64::try_from(asked).unwrap_or(i64::MAX)));
                let picked = picked.unwrap_or_else(some);
                self.left = self.left.checked_sub(&picked).expect("a part of what is there");
                taken = taken.checked_add(&picked).expect("no more than there was");
            }
        }
        taken
    }
}

/// What pieces are of a value that has no devices; half a port is a port.
fn part_of(value: &Value, milli: u128) -> Value {
    match value {
        Value::Scalar(_) | Value::Devices(_) => {
            Value::Scalar(Milli(i64::try_from(milli).expect("no more than there is")))
        }
        Value::Ranges(_) | Value::Set(_) => first_of(value, milli.div_ceil(1_000)),
    }
}

/// The first so many numbers or names; of what is measured, all.
fn first_of(value: &Value, count: u128) -> Value {
    match value {
        Value::Scalar(_) | Value::Devices(_) => value.clone(),
        Value::Set(items) => {
            let count = usize::try_from(count).expect("no more than there is");
            Value::Set(items.iter().take(count).cloned().collect())
        }
        Value::Ranges(ranges) => {
            Value::Ranges(ranges.first(u64::try_from(count).expect("no more than there is")))
        }
    }
}
