//! Quotas that are not believed.

use super::check;
use proto::{
    convert::quota::read_quota, model::Reason, model::Reason::InvalidField as Invalid, wire::v1,
};

const LIMIT: Reason = Reason::LimitExceeded;

fn amount(name: &str, milli: i64) -> v1::Resource {
    let value = Some(v1::resource::Value::Scalar(v1::Scalar { milli }));
    v1::Resource { name: name.to_owned(), value }
}

fn ports() -> v1::Resource {
    let ranges = vec![v1::Range { begin: 1, end: 2 }];
    let value = Some(v1::resource::Value::Ranges(v1::Ranges { ranges }));
    v1::Resource { name: "ports".to_owned(), value }
}

#[test]
fn quotas() {
    let good = v1::Quota {
        guarantee: vec![amount("cpus", 8_000), amount("mem", 1_000)],
        limit: vec![amount("cpus", 8_000), amount("gpus", 0)],
        shape: vec![amount("cpus", 4_000), amount("mem", 500)],
    };
    check(
        &good,
        read_quota,
        &[
            (|q| *q = v1::Quota::default(), "", Invalid),
            (|q| q.guarantee.push(amount("cpus", 1)), "guarantee[2].name", Invalid),
            (|q| q.guarantee.push(ports()), "guarantee", Invalid),
            (|q| q.guarantee[1] = amount("mem", -1), "guarantee[1].scalar", Invalid),
            (|q| q.guarantee[0] = amount("cpus", 8_001), "guarantee", Invalid),
            (|q| q.limit.push(amount("cpus", 9_000)), "limit", Invalid),
            (|q| q.limit.push(ports()), "limit[2].value", Invalid),
            (|q| q.limit[0].value = None, "limit[0].value", Invalid),
            (|q| q.limit[0].name.clear(), "limit[0].name", Invalid),
            (|q| q.limit[1] = amount("gpus", -1), "limit[1].scalar", Invalid),
            (|q| q.limit = vec![amount("cpus", 9_000); 33], "limit", LIMIT),
            (|q| q.shape[0] = amount("cpus", 3_000), "shape", Invalid),
            (|q| q.shape[0] = amount("cpus", 0), "shape", Invalid),
            (|q| q.shape[1] = ports(), "shape", Invalid),
            (|q| q.guarantee.clear(), "shape", Invalid),
        ],
    );
}
