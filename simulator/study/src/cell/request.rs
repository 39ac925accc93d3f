//! What a task asks of a machine. Many tasks ask for the same, so that a request has a number, and
//! what is worked out for it is worked out once.

use super::Rules;
use master_core::{
    allocator::Amounts,
    placement::{
        Models,
        devices::{self, Ask},
    },
};
use proto::model::ResourceName;
use std::collections::BTreeMap;

/// What a task asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How much of everything, GPUs in thousandths with the rest.
    pub shape: Amounts,
    /// What of that is asked of GPUs.
    pub ask: Ask,
    /// Which models of GPUs will do.
    pub models: Models,
    /// What else is said of machines; most say nothing.
    pub rules: Option<Box<Rules>>,
}

/// What tells requests apart.
type Key = (Amounts, Models, Option<Box<Rules>>);

/// A request by its number, from 0.
pub type RequestId = u32;

/// All different requests of a study.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    all: Vec<Request>,
    numbers: BTreeMap<Key, RequestId>,
}

impl Request {
    /// A request for any model; `None` when it asks for GPUs as no machine can give them: one and a
    /// half.
    pub fn new(shape: Amounts) -> Option<Self> {
        let ask = devices::ask(shape.get(&ResourceName::GPUS))?;
        Some(Self { shape, ask, models: Models::ANY, rules: None })
    }
}

impl Requests {
    /// No request yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of a request that somebody has asked for before.
    pub fn find(&self, request: &Request) -> Option<RequestId> {
        let key = (request.shape.clone(), request.models, request.rules.clone());
        self.numbers.get(&key).copied()
    }

    /// The number of a request; a new one when nobody has asked for that before.
    ///
    /// # Panics
    /// Beyond 2^32 different requests.
    pub fn number(&mut self, request: Request) -> RequestId {
        let next = u32::try_from(self.all.len()).expect("requests are numbered");
        let key = (request.shape.clone(), request.models, request.rules.clone());
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.all.push(request);
        }
        number
    }

    /// A request.
    pub fn get(&self, number: RequestId) -> &Request {
        &self.all[number as usize]
    }

    /// How many different ones there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}
