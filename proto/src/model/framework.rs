//! What a framework says of itself when it subscribes.

use super::{agent_life::DisruptionBudget, offer_terms::OfferTerms, role::Role, time::Duration};

/// A framework as its author describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameworkInfo {
    /// For people.
    pub name: String,
    /// Ordered, at least one.
    pub roles: Vec<Role>,
    /// How long its tasks outlive a lost connection; zero ends them with it.
    pub failover_timeout: Duration,
    /// Keys and values, shown and not interpreted.
    pub labels: Vec<(String, String)>,
    /// How many of its tasks the cluster may be ending at once; `None` sets no bound.
    pub disruption_budget: Option<DisruptionBudget>,
    /// Which plain offers it wants, ordered by role; roles without terms take any.
    pub offer_terms: Vec<OfferTerms>,
}
