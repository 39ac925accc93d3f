//! Who is harmed: the one master or the one agent, and how to know that it is well.

use crate::{
    cluster::{Cluster, is_registered},
    node::Node,
    tracer::Tracer,
};
use anyhow::Context as _;

/// A kind of node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Master,
    Agent,
}

pub(super) const PARTIES: [Party; 2] = [Party::Master, Party::Agent];

impl Party {
    /// Also that of its log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Master => "master-1",
            Self::Agent => "agent-1",
        }
    }

    pub(super) fn node(self, cluster: &mut Cluster) -> anyhow::Result<&mut Node> {
        let node = match self {
            Self::Master => cluster.masters.get_mut(&1),
            Self::Agent => cluster.agents.get_mut(self.name()),
        };
        node.with_context(|| format!("there is no {}", self.name()))
    }

    pub(super) fn tracer(self, cluster: &mut Cluster) -> anyhow::Result<Tracer> {
        let data_dir = self.node(cluster)?.data_dir.clone();
        Ok(Tracer::new(&cluster.home, &data_dir))
    }

    /// Whether it serves.
    pub(super) fn is_up(self, cluster: &Cluster) -> bool {
        match self {
            Self::Master => cluster.operator.cluster_now().is_some(),
            Self::Agent => cluster.agents.get(self.name()).is_some_and(is_registered),
        }
    }
}
