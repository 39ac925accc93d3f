//! Resources and attributes as text: `cpus:4;mem:2048;ports:[31000-32000]`, `rack:r1;ssd:yes`.
//!
//! The form is the one in which they are shown everywhere, and Mesos' own. In braces stands a set,
//! or, where every item is `DEVICE:THOUSANDTHS`, devices that can be shared:
//! `gpus:{gpu0:1000,gpu1:1000}`.

use super::{Malformed, Problem};
use proto::{
    convert,
    model::{
        Attribute, AttributeValue, Devices, Milli, Ranges, ResourceName, Resources, Value,
        resources::ResourceError,
    },
};

const RESOURCE_FORM: &str =
    "NAME:AMOUNT, NAME:[BEGIN-END,…], NAME:{ITEM,…} or NAME:{DEVICE:THOUSANDTHS,…}";
const ATTRIBUTE_FORM: &str = "NAME:VALUE";

/// Reads resources.
pub fn resources_from_text(text: &str) -> Result<Resources, Problem> {
    let mut list = Vec::new();
    for entry in entries(text) {
        let wrong = || Malformed::Entry { entry: entry.to_owned(), form: RESOURCE_FORM };
        let (name, value) = entry.split_once(':').ok_or_else(wrong)?;
        let name = ResourceName::new(name.trim())?;
        let value = value.trim();
        let value = if let Some(inside) = between(value, '[', ']') {
            let ranges = ranges(inside).ok_or_else(wrong)?;
            Value::Ranges(Ranges::new(ranges).map_err(|_| wrong())?)
        } else if let Some(inside) = between(value, '{', '}') {
            match devices(inside) {
                Some(list) => Value::Devices(Devices::new(list).map_err(|source| {
                    ResourceError::Devices { name: name.clone(), source: source.into() }
                })?),
                None => Value::Set(inside.split(',').map(|item| item.trim().into()).collect()),
            }
        } else {
            Value::Scalar(value.parse()?)
        };
        list.push((name, value));
    }
    let resources = Resources::from_entries(list)?;
    // The limits of the wire hold here too, so that a registration is never refused for its form.
    let written = convert::resources::write_resources(&resources);
    convert::resources::read_resources(written)
        .map_err(|refusal| Problem::Refused { problem: refusal.to_string() })
}

/// Reads attributes. A value in brackets is ranges, a decimal number is a number, the rest is text.
pub fn attributes_from_text(text: &str) -> Result<Vec<Attribute>, Problem> {
    let mut list = Vec::new();
    for entry in entries(text) {
        let wrong = || Malformed::Entry { entry: entry.to_owned(), form: ATTRIBUTE_FORM };
        let (name, value) = entry.split_once(':').ok_or_else(wrong)?;
        let value = value.trim();
        let value = if let Some(inside) = between(value, '[', ']') {
            let ranges = ranges(inside).ok_or_else(wrong)?;
            AttributeValue::Ranges(Ranges::new(ranges).map_err(|_| wrong())?)
        } else if let Ok(number) = value.parse::<Milli>() {
            AttributeValue::Scalar(number)
        } else {
            AttributeValue::Text(value.to_owned())
        };
        list.push(Attribute { name: name.trim().to_owned(), value });
    }
    list.sort();
    let written = convert::resources::write_attributes(&list);
    convert::resources::read_attributes(written)
        .map_err(|refusal| Problem::Refused { problem: refusal.to_string() })
}

/// `gpu0:1000,gpu1:1000`; `None` when some item is of another form.
fn devices(inside: &str) -> Option<Vec<(String, Milli)>> {
    let device = |item: &str| {
        let (name, milli) = item.split_once(':')?;
        Some((name.trim().to_owned(), Milli(milli.trim().parse().ok()?)))
    };
    inside.split(',').map(device).collect()
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|entry| !entry.is_empty())
}

fn between(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

fn ranges(inside: &str) -> Option<Vec<(u64, u64)>> {
    let range = |part: &str| {
        let (begin, end) = part.trim().split_once('-')?;
        Some((begin.trim().parse().ok()?, end.trim().parse().ok()?))
    };
    inside.split(',').map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_stand_in_braces_with_how_much_of_each() {
        let text = "gpus:{gpu1:1000,gpu0:500};nics:{a,b}";
        let resources = resources_from_text(text).unwrap();
        assert_eq!(resources.to_string(), "gpus:{gpu0:500,gpu1:1000};nics:{a,b}");
        assert!(matches!(resources.get(&ResourceName::GPUS), Some(Value::Devices(_))));
        for bad in ["gpus:{gpu0:0}", "gpus:{gpu0:1001}", "gpus:{gpu0:1,gpu0:1}"] {
            assert!(resources_from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_can_be_read() {
        let text = "cpus:1.5;disks:{a,b};mem:2048;ports:[1-2,31000-32000]";
        let resources = resources_from_text(text).expect("good text");
        assert_eq!(resources.to_string(), text);
        assert_eq!(resources.scalar(&ResourceName::CPUS), Milli(1_500));
        let text = "cores:[0-3];rack:r1;slots:4;ssd:yes";
        let attributes = attributes_from_text(text).expect("good text");
        let shown: Vec<String> = attributes.iter().map(ToString::to_string).collect();
        assert_eq!(shown.join(";"), text);
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in ["cpus", "cpus:-1", "cpus:1;cpus:2", "ports:[5-1]", "ports:[a]", "c pus:1"] {
            assert!(resources_from_text(bad).is_err(), "{bad}");
        }
        for bad in ["rack", ":r1", "rack:a;rack:b", "bell:\u{7}"] {
            assert!(attributes_from_text(bad).is_err(), "{bad}");
        }
    }
}
