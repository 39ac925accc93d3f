//! Resources and attributes.

use super::{
    form::{self, Read},
    text,
};
use crate::model::{
    Attribute, AttributeValue, Devices, Milli, Ranges, Refusal, ResourceName, Resources, Value,
    limits, ranges::RangesError, resources::ResourceError,
};
use crate::wire::v1;
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Reads a list of resources; entries of nothing are left out.
pub fn read_resources(list: Vec<v1::Resource>) -> Result<Resources, Refusal> {
    read_resources_within(list, limits::RANGES_MAX)
}

/// As [`read_resources`], for what the master says is left: taking some can leave more ranges than
/// anybody may name.
pub(super) fn read_resources_within(
    list: Vec<v1::Resource>,
    ranges_limit: usize,
) -> Read<Resources> {
    let read = |resource| read_resource(resource, ranges_limit);
    let entries = form::each("", list, limits::RESOURCES_MAX, read)?;
    form::distinct(&entries, |(name, _)| name, |index| format!("[{index}].name"))?;
    Resources::from_entries(entries).map_err(|error| Refusal::invalid("", error))
}

/// Writes a list of resources, ordered by name.
pub fn write_resources(resources: &Resources) -> Vec<v1::Resource> {
    resources.iter().map(write_resource).collect()
}

/// Reads attributes and orders them by name.
pub fn read_attributes(list: Vec<v1::Attribute>) -> Result<Vec<Attribute>, Refusal> {
    let mut attributes = form::each("", list, limits::ATTRIBUTES_MAX, read_attribute)?;
    form::distinct(&attributes, |attribute| &attribute.name, |index| format!("[{index}].name"))?;
    attributes.sort();
    Ok(attributes)
}

/// Writes attributes.
pub fn write_attributes(attributes: &[Attribute]) -> Vec<v1::Attribute> {
    attributes.iter().map(write_attribute).collect()
}

fn read_resource(resource: v1::Resource, ranges_limit: usize) -> Read<(ResourceName, Value)> {
    let name = read_name(&resource.name)?;
    let value = match form::required("value", resource.value)? {
        v1::resource::Value::Scalar(scalar) => Value::Scalar(read_scalar(scalar)?),
        v1::resource::Value::Ranges(ranges) => {
            let ranges = read_ranges(ranges, ranges_limit)?;
            check_milli("ranges", Value::Ranges(ranges.clone()).milli())?;
            Value::Ranges(ranges)
        }
        v1::resource::Value::Set(set) => Value::Set(read_set(set)?),
        v1::resource::Value::Devices(devices) => Value::Devices(read_devices(devices)?),
    };
    Ok((name, value))
}

fn write_resource((name, value): (&ResourceName, &Value)) -> v1::Resource {
    let value = match value {
        Value::Scalar(milli) => v1::resource::Value::Scalar(v1::Scalar { milli: milli.0 }),
        Value::Ranges(ranges) => v1::resource::Value::Ranges(write_ranges(ranges)),
        Value::Set(items) => {
            let items = items.iter().map(SmolStr::to_string).collect();
            v1::resource::Value::Set(v1::Set { items })
        }
        Value::Devices(devices) => v1::resource::Value::Devices(write_devices(devices)),
    };
    v1::Resource { name: name.to_string(), value: Some(value) }
}

fn read_devices(devices: v1::Devices) -> Read<Devices> {
    form::at_most("devices", devices.devices.len(), limits::DEVICES_MAX)?;
    let device = |device: v1::devices::Device| (device.device_id, Milli(device.milli));
    let list = devices.devices.into_iter().map(device);
    Devices::new(list).map_err(|no| Refusal::invalid("devices", no))
}

fn write_devices(devices: &Devices) -> v1::Devices {
    let device = |(name, Milli(milli)): (&SmolStr, Milli)| v1::devices::Device {
        device_id: name.to_string(),
        milli,
    };
    v1::Devices { devices: devices.iter().map(device).collect() }
}

fn read_attribute(attribute: v1::Attribute) -> Read<Attribute> {
    let name = read_name(&attribute.name)?.to_string();
    let value = match form::required("value", attribute.value)? {
        v1::attribute::Value::Text(text) => AttributeValue::Text(text::read_line("text", text)?),
        v1::attribute::Value::Scalar(scalar) => AttributeValue::Scalar(read_scalar(scalar)?),
        v1::attribute::Value::Ranges(ranges) => {
            AttributeValue::Ranges(read_ranges(ranges, limits::RANGES_MAX)?)
        }
    };
    Ok(Attribute { name, value })
}

fn write_attribute(attribute: &Attribute) -> v1::Attribute {
    let value = match &attribute.value {
        AttributeValue::Text(text) => v1::attribute::Value::Text(text.clone()),
        AttributeValue::Scalar(milli) => {
            v1::attribute::Value::Scalar(v1::Scalar { milli: milli.0 })
        }
        AttributeValue::Ranges(ranges) => v1::attribute::Value::Ranges(write_ranges(ranges)),
    };
    v1::Attribute { name: attribute.name.clone(), value: Some(value) }
}

pub(super) fn read_name(text: &str) -> Read<ResourceName> {
    ResourceName::new(text).map_err(|error: ResourceError| Refusal::invalid("name", error))
}

fn read_scalar(scalar: v1::Scalar) -> Read<Milli> {
    check_milli("scalar", Milli(scalar.milli))
}

fn check_milli(field: &str, milli: Milli) -> Read<Milli> {
    match (0..=limits::MILLI_MAX).contains(&milli.0) {
        true => Ok(milli),
        false => {
            let (Milli(milli), limit) = (milli, limits::MILLI_MAX);
            let problem = format!("is {milli} thousandths; the range is 0 to {limit}");
            Err(Refusal::invalid(field, problem))
        }
    }
}

fn read_ranges(ranges: v1::Ranges, limit: usize) -> Read<Ranges> {
    let list = ranges.ranges.into_iter().map(|range| (range.begin, range.end)).collect();
    Ranges::within(list, limit).map_err(|error| match error {
        RangesError::TooMany { count, limit } => Refusal::limit("ranges", count, limit),
        other => Refusal::invalid("ranges", other),
    })
}

fn write_ranges(ranges: &Ranges) -> v1::Ranges {
    let ranges = ranges.iter().map(|(begin, end)| v1::Range { begin, end }).collect();
    v1::Ranges { ranges }
}

fn read_set(set: v1::Set) -> Read<BTreeSet<SmolStr>> {
    let field = "set.items";
    let items =
        form::each(field, set.items, limits::SET_ITEMS_MAX, |item| match item.is_empty() {
            true => Err(Refusal::invalid("", "is empty")),
            false => text::read_line("", item).map(SmolStr::from),
        })?;
    form::distinct(&items, |item| item, |index| format!("{field}[{index}]"))?;
    Ok(items.into_iter().collect())
}
