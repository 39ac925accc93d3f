//! Quota, and the weights of roles.

use super::{
    form::{self, Read},
    resources::{read_resources, write_resources},
};
use crate::model::{
    Milli, Quota, Refusal, ResourceName, limits,
    quota::{Part, QuotaError},
};
use crate::wire::v1;

/// Reads a quota.
pub fn read_quota(quota: v1::Quota) -> Result<Quota, Refusal> {
    let guarantee = read_resources(quota.guarantee).map_err(|no| no.under("guarantee"))?;
    let limit = form::each("limit", quota.limit, limits::RESOURCES_MAX, read_limit)?;
    let shape = match quota.shape.is_empty() {
        true => None,
        false => Some(read_resources(quota.shape).map_err(|no| no.under("shape"))?),
    };
    Quota::new(guarantee, limit, shape).map_err(|error| {
        let field = error.part().map_or("", Part::field);
        Refusal::invalid(field, error)
    })
}

/// Writes a quota.
pub fn write_quota(quota: &Quota) -> v1::Quota {
    let write_limit = |(name, most): (&ResourceName, Milli)| v1::Resource {
        name: name.to_string(),
        value: Some(v1::resource::Value::Scalar(v1::Scalar { milli: most.0 })),
    };
    v1::Quota {
        guarantee: write_resources(quota.guarantee()),
        limit: quota.limits().map(write_limit).collect(),
        shape: quota.shape().map(write_resources).unwrap_or_default(),
    }
}

/// Reads a role's weight; absent means the configuration's.
pub fn read_weight(field: &str, milli: Option<i64>) -> Result<Option<Milli>, Refusal> {
    let read = |milli: i64| match (1..=limits::MILLI_MAX).contains(&milli) {
        true => Ok(Milli(milli)),
        false => {
            let limit = limits::MILLI_MAX;
            let problem = format!("is {milli} thousandths; the range is 1 to {limit}");
            Err(Refusal::invalid(field, problem))
        }
    };
    milli.map(read).transpose()
}

/// Not read as resources are, because a limit of zero is one.
fn read_limit(resource: v1::Resource) -> Read<(ResourceName, Milli)> {
    let name = ResourceName::new(&resource.name).map_err(|no| Refusal::invalid("name", no))?;
    match form::required("value", resource.value)? {
        v1::resource::Value::Scalar(scalar) => match Milli(scalar.milli) {
            milli if milli.is_amount() => Ok((name, milli)),
            Milli(milli) => Err(Refusal::invalid("scalar", QuotaError::Amount { name, milli })),
        },
        _ => {
            let part = Part::Limit;
            Err(Refusal::invalid("value", QuotaError::NotScalar { part, name }))
        }
    }
}
