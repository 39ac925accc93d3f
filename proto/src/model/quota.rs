//! Quota: what a role is promised, and what it may never exceed. All of it are amounts: of what
//! agents have by number or by name, such as ports, how many, since which ones is a question of
//! each agent.

use super::limits;
use super::resources::{Milli, ResourceName, Resources, Value};

/// What a role and all roles below it are promised together, and may use at most together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    guarantee: Resources,
    /// Ordered by name; zero is a limit like any other, so that these are no [`Resources`].
    limit: Vec<(ResourceName, Milli)>,
    shape: Option<Resources>,
}

/// Why parts are not a quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// Neither a guarantee nor a limit.
    #[error("has neither a guarantee nor a limit; to end a quota, remove it")]
    Empty,
    /// Ranges or a set.
    #[error("{name} is not an amount; quota is of amounts, of ports and named things how many")]
    NotScalar {
        /// Which part of the quota.
        part: Part,
        /// Which resource.
        name: ResourceName,
    },
    /// A limit out of range.
    #[error("{name} is {milli} thousandths; the range is 0 to {}", limits::MILLI_MAX)]
    Amount {
        /// Which resource.
        name: ResourceName,
        /// The amount.
        milli: i64,
    },
    /// The same resource twice in the limit.
    #[error("{name} is given twice")]
    Duplicate {
        /// Which resource.
        name: ResourceName,
    },
    /// More resources than a quota may name.
    #[error("names {count} resources, more than {limit}")]
    TooMany {
        /// Resources named.
        count: usize,
        /// Resources allowed.
        limit: usize,
    },
    /// More is promised than allowed.
    #[error("{name}: {guarantee} is promised and no more than {limit} allowed")]
    GuaranteeAboveLimit {
        /// Which resource.
        name: ResourceName,
        /// What is promised.
        guarantee: Milli,
        /// What is allowed.
        limit: Milli,
    },
    /// A shape without a guarantee to cut into shapes.
    #[error("there is no guarantee to be placed in pieces of this shape")]
    ShapeOfNothing,
    /// A shape of nothing.
    #[error("is empty; leave it out when any pieces will do")]
    ShapeEmpty,
    /// The guarantee is no whole number of shapes.
    #[error("the guarantee {guarantee} is not a whole number of pieces of {shape}")]
    ShapeUneven {
        /// What is promised.
        guarantee: Box<Resources>,
        /// In which pieces.
        shape: Box<Resources>,
    },
}

/// A part of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is promised.
    Guarantee,
    /// What is allowed.
    Limit,
    /// In which pieces the guarantee is.
    Shape,
}

impl Part {
    /// The part's field on the wire.
    pub fn field(self) -> &'static str {
        match self {
            Part::Guarantee => "guarantee",
            Part::Limit => "limit",
            Part::Shape => "shape",
        }
    }
}

impl QuotaError {
    /// The part that is wrong; none when it is the whole.
    pub fn part(&self) -> Option<Part> {
        match self {
            QuotaError::Empty => None,
            QuotaError::NotScalar { part, .. } => Some(*part),
            QuotaError::GuaranteeAboveLimit { .. } => Some(Part::Guarantee),
            QuotaError::Amount { .. }
            | QuotaError::Duplicate { .. }
            | QuotaError::TooMany { .. } => Some(Part::Limit),
            QuotaError::ShapeOfNothing
            | QuotaError::ShapeEmpty
            | QuotaError::ShapeUneven { .. } => Some(Part::Shape),
        }
    }
}

impl Quota {
    /// Checks the parts. A resource that the limit does not name is unlimited.
    pub fn new(
        guarantee: Resources,
        limit: Vec<(ResourceName, Milli)>,
        shape: Option<Resources>,
    ) -> Result<Self, QuotaError> {
        check_scalars(&guarantee, Part::Guarantee)?;
        let limit = check_limit(limit)?;
        if guarantee.is_empty() && limit.is_empty() {
            return Err(QuotaError::Empty);
        }
        for (name, most) in &limit {
            let promised = guarantee.scalar(name);
            if promised > *most {
                let (name, limit) = (name.clone(), *most);
                return Err(QuotaError::GuaranteeAboveLimit { name, guarantee: promised, limit });
            }
        }
        if let Some(shape) = &shape {
            check_scalars(shape, Part::Shape)?;
            check_shape(&guarantee, shape)?;
        }
        Ok(Self { guarantee, limit, shape })
    }

    /// What is promised.
    pub fn guarantee(&self) -> &Resources {
        &self.guarantee
    }

    /// What is allowed of one resource; `None` means without limit.
    pub fn limit(&self, name: &ResourceName) -> Option<Milli> {
        let index = self.limit.binary_search_by(|(other, _)| other.cmp(name)).ok()?;
        Some(self.limit[index].1)
    }

    /// Every limit, by name.
    pub fn limits(&self) -> impl ExactSizeIterator<Item = (&ResourceName, Milli)> {
        self.limit.iter().map(|(name, most)| (name, *most))
    }

    /// In which pieces the guarantee must be placeable; `None` means that any pieces will do.
    pub fn shape(&self) -> Option<&Resources> {
        self.shape.as_ref()
    }

    /// How many pieces of its shape the guarantee is; 0 without a shape.
    pub fn shapes(&self) -> u64 {
        self.shape.as_ref().map_or(0, |shape| {
            let (name, _) = shape.iter().next().expect("a shape is not empty");
            let pieces = self.guarantee.scalar(name).0 / shape.scalar(name).0;
            u64::try_from(pieces).expect("amounts are not negative")
        })
    }
}

fn check_scalars(resources: &Resources, part: Part) -> Result<(), QuotaError> {
    let odd = resources.iter().find(|(_, value)| !matches!(value, Value::Scalar(_)));
    match odd {
        None => Ok(()),
        Some((name, _)) => Err(QuotaError::NotScalar { part, name: name.clone() }),
    }
}

fn check_limit(
    mut limit: Vec<(ResourceName, Milli)>,
) -> Result<Vec<(ResourceName, Milli)>, QuotaError> {
    if limit.len() > limits::RESOURCES_MAX {
        return Err(QuotaError::TooMany { count: limit.len(), limit: limits::RESOURCES_MAX });
    }
    limit.sort();
    if let Some((name, milli)) = limit.iter().find(|(_, milli)| !milli.is_amount()) {
        return Err(QuotaError::Amount { name: name.clone(), milli: milli.0 });
    }
    match limit.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(limit),
        Some(pair) => Err(QuotaError::Duplicate { name: pair[0].0.clone() }),
    }
}

fn check_shape(guarantee: &Resources, shape: &Resources) -> Result<(), QuotaError> {
    if guarantee.is_empty() {
        return Err(QuotaError::ShapeOfNothing);
    }
    let Some((first, _)) = shape.iter().next() else { return Err(QuotaError::ShapeEmpty) };
    let pieces = guarantee.scalar(first).0 / shape.scalar(first).0;
    let same_kinds = guarantee.iter().count() == shape.iter().count();
    let whole = |name| shape.scalar(name).0.checked_mul(pieces) == Some(guarantee.scalar(name).0);
    match pieces > 0 && same_kinds && shape.iter().all(|(name, _)| whole(name)) {
        true => Ok(()),
        false => Err(QuotaError::ShapeUneven {
            guarantee: Box::new(guarantee.clone()),
            shape: Box::new(shape.clone()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ranges;

    fn cpus(units: i64) -> (ResourceName, Milli) {
        (ResourceName::CPUS, Milli(units * 1_000))
    }

    fn ports() -> Resources {
        let ranges = Ranges::new(vec![(1, 2)]).unwrap();
        Resources::from_entries([(ResourceName::PORTS, Value::Ranges(ranges))]).unwrap()
    }

    #[test]
    fn a_quota_promises_no_more_than_it_allows() {
        let guarantee = Resources::cpus_mem(4_000, 1_024);
        let quota = Quota::new(guarantee.clone(), vec![cpus(4)], None).unwrap();
        assert_eq!(quota.limit(&ResourceName::CPUS), Some(Milli(4_000)));
        assert_eq!(quota.limit(&ResourceName::MEM), None, "not named, not limited");
        let error = Quota::new(guarantee, vec![cpus(3)], None).unwrap_err();
        assert_eq!(error.part(), Some(Part::Guarantee));
        assert_eq!(error.to_string(), "cpus: 4 is promised and no more than 3 allowed");
    }

    #[test]
    fn zero_is_a_limit() {
        let quota = Quota::new(Resources::new(), vec![cpus(0)], None).unwrap();
        assert_eq!(quota.limit(&ResourceName::CPUS), Some(Milli(0)));
        assert_eq!(Quota::new(Resources::new(), vec![], None), Err(QuotaError::Empty));
    }

    #[test]
    fn limits_are_amounts_and_named_once() {
        let new = |limit| Quota::new(Resources::new(), limit, None).unwrap_err();
        assert!(matches!(new(vec![cpus(1), cpus(2)]), QuotaError::Duplicate { .. }));
        assert!(matches!(new(vec![cpus(-1)]), QuotaError::Amount { .. }));
        assert!(matches!(new(vec![cpus(1); 33]), QuotaError::TooMany { .. }));
        let error = Quota::new(ports(), vec![], None).unwrap_err();
        assert_eq!(error.part(), Some(Part::Guarantee));
    }

    #[test]
    fn a_guarantee_is_a_whole_number_of_shapes() {
        let guarantee = Resources::cpus_mem(40_000, 8_192);
        let with =
            |guarantee: &Resources, shape| Quota::new(guarantee.clone(), vec![], Some(shape));
        assert_eq!(with(&guarantee, Resources::cpus_mem(10_000, 2_048)).unwrap().shapes(), 4);
        assert_eq!(with(&guarantee, guarantee.clone()).unwrap().shapes(), 1);
        let uneven = [(10_000, 4_096), (80_000, 8_192), (0, 8_192), (15_000, 3_072)];
        for (cpus, mem) in uneven {
            let error = with(&guarantee, Resources::cpus_mem(cpus, mem)).unwrap_err();
            assert!(matches!(error, QuotaError::ShapeUneven { .. }), "{cpus} {mem}: {error}");
        }
        assert_eq!(with(&guarantee, Resources::new()), Err(QuotaError::ShapeEmpty));
        let limit_only = Quota::new(Resources::new(), vec![cpus(1)], Some(guarantee.clone()));
        assert_eq!(limit_only, Err(QuotaError::ShapeOfNothing));
        assert_eq!(with(&guarantee, ports()).unwrap_err().part(), Some(Part::Shape));
    }
}
