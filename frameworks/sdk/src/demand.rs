//! Saying what is wanted, step by step.

use crate::model::{
    Constraint, ConstraintError, DemandId, DomainSpread, Duration, IdError, Priority, Resources,
    SpreadError, StatedDemand,
};

/// Why a demand cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// The id breaks the rule for ids.
    #[error("the demand's id {id:?} is malformed")]
    Id {
        /// The text.
        id: String,
        /// What is wrong with it.
        #[source]
        source: IdError,
    },
    /// A constraint cannot be read.
    #[error("a constraint of the demand is malformed")]
    Constraint(#[source] ConstraintError),
    /// A spread cannot be read.
    #[error("a spread of the demand is malformed")]
    Spread(#[source] SpreadError),
}

/// Describes one entry of a demand; give a list of them to [`crate::Calls::state_demand`].
///
/// ```
/// use bourse_sdk::{DemandBuilder, model::{Duration, Resources}};
/// let trainers = DemandBuilder::new("trainers", Resources::cpus_mem(4_000, 8_192), 16)
///     .constraint("gpu-model in a100,h100")
///     .constraint("maintenance-group absent")
///     .per_agent_max(2)
///     .gang(Duration::from_seconds(600))
///     .build()?;
/// assert_eq!(trainers.constraints.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DemandBuilder {
    id: String,
    shape: Resources,
    count: u32,
    constraints: Vec<String>,
    per_agent_max: Option<u32>,
    spread: Vec<String>,
    gang_timeout: Option<Duration>,
    priority: Priority,
    revocable: bool,
}

impl DemandBuilder {
    /// So many pieces of this shape; the id is unique in the role, and offers carry it.
    pub fn new(id: impl Into<String>, shape: Resources, count: u32) -> Self {
        Self {
            id: id.into(),
            shape,
            count,
            constraints: Vec::new(),
            per_agent_max: None,
            spread: Vec::new(),
            gang_timeout: None,
            priority: Priority::DEFAULT,
            revocable: false,
        }
    }

    /// Only on agents like this: `rack in r1,r2`, `hostname not in h7`, `generation >= 7`,
    /// `ssd exists`, `gpu absent`. All constraints must hold.
    pub fn constraint(mut self, text: impl Into<String>) -> Self {
        self.constraints.push(text.into());
        self
    }

    /// Spreads the pieces: no more than so many on one agent.
    pub fn per_agent_max(mut self, count: u32) -> Self {
        self.per_agent_max = Some(count);
        self
    }

    /// Spreads the pieces over fault domains: `at most 3 per level 2`, `even over level 1`. Levels
    /// are counted from the outside: in `eu/eu-1/r7` the second is `eu/eu-1`.
    pub fn spread(mut self, text: impl Into<String>) -> Self {
        self.spread.push(text.into());
        self
    }

    /// All pieces at once or none; given up with [`crate::Event::DemandFailed`] after this time.
    pub fn gang(mut self, timeout: Duration) -> Self {
        self.gang_timeout = Some(timeout);
        self
    }

    /// Who goes first; give the tasks that are launched for it the same.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Also what is lent: what is promised to others, who do not use it now. Its offers, and what
    /// is launched with them, are revocable: it ends, after its notice, when others have a claim.
    pub fn revocable(mut self) -> Self {
        self.revocable = true;
        self
    }

    /// The demand.
    pub fn build(self) -> Result<StatedDemand, DemandError> {
        let id = DemandId::new(&self.id)
            .map_err(|source| DemandError::Id { id: self.id.clone(), source })?;
        let constraints = self.constraints.iter().map(|text| text.parse::<Constraint>());
        let spread = self.spread.iter().map(|text| text.parse::<DomainSpread>());
        Ok(StatedDemand {
            id,
            shape: self.shape,
            count: self.count,
            constraints: constraints.collect::<Result<_, _>>().map_err(DemandError::Constraint)?,
            per_agent_max: self.per_agent_max,
            spread: spread.collect::<Result<_, _>>().map_err(DemandError::Spread)?,
            gang_timeout: self.gang_timeout,
            priority: self.priority,
            revocable: self.revocable,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_that_cannot_be_is_not_built() {
        let whole = || DemandBuilder::new("a", Resources::cpus_mem(100, 32), 3);
        let built = whole().constraint("rack in r1").build().unwrap();
        assert_eq!((built.count, built.constraints.len(), built.gang_timeout), (3, 1, None));
        let bad = DemandBuilder::new("a b", Resources::cpus_mem(100, 32), 3).build();
        assert!(matches!(bad, Err(DemandError::Id { .. })));
        let built = whole().spread("even over level 1").spread("at most 2 per level 3").build();
        assert_eq!(built.unwrap().spread.len(), 2);
        assert!(matches!(whole().spread("evenly").build(), Err(DemandError::Spread(_))));
        let bad = whole().constraint("rack").build();
        assert!(matches!(bad, Err(DemandError::Constraint(_))));
    }
}
