//! Devices that are not believed.

use super::{accept, check};
use proto::{
    convert::resources::read_resources,
    model::{
        Reason::{InvalidField as Invalid, LimitExceeded as Limit},
        limits,
    },
    wire::v1::{self, devices::Device},
};

fn device(name: &str, milli: i64) -> Device {
    Device { device_id: name.to_owned(), milli }
}

fn resources(devices: Vec<Device>) -> Vec<v1::Resource> {
    let value = Some(v1::resource::Value::Devices(v1::Devices { devices }));
    vec![v1::Resource { name: "gpus".to_owned(), value }]
}

#[test]
fn devices() {
    let good = resources(vec![device("gpu0", 1_000), device("gpu1", 1)]);
    check(
        &good,
        read_resources,
        &[
            (|r| *r = resources(vec![device("", 1)]), "[0].devices", Invalid),
            (|r| *r = resources(vec![device("a,b", 1)]), "[0].devices", Invalid),
            (|r| *r = resources(vec![device("a:b", 1)]), "[0].devices", Invalid),
            (|r| *r = resources(vec![device(&"x".repeat(65), 1)]), "[0].devices", Invalid),
            (|r| *r = resources(vec![device("gpu0", 0)]), "[0].devices", Invalid),
            (|r| *r = resources(vec![device("gpu0", -1)]), "[0].devices", Invalid),
            (|r| *r = resources(vec![device("gpu0", 1_001)]), "[0].devices", Invalid),
            (|r| *r = resources(vec![device("gpu0", i64::MAX)]), "[0].devices", Invalid),
            (|r| *r = resources(vec![device("a", 1), device("a", 1)]), "[0].devices", Invalid),
            (
                |r| *r = resources(vec![device("a", 1); limits::DEVICES_MAX + 1]),
                "[0].devices",
                Limit,
            ),
        ],
    );
    accept(&good, read_resources, &[|r| *r = resources(vec![])]);
}
