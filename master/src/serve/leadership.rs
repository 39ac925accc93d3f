//! The `Leadership` service: who leads, as far as this member knows.
//!
//! The core is not asked: it may be the one that hangs. What it said last about its role is enough,
//! and a question that waits for news costs nothing but its place on the connection.

use super::gateway::Gateway;
use crate::peers::roster::Roster;
use master_core::outbox::RoleChange;
use proto::{
    convert::masters::write_leadership,
    model::{Leadership, NodeId, limits},
    wire::v1::{self, leadership_server::Leadership as Service},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time};
use tonic::{Request, Response, Status};

const NEWS_WAIT: Duration = Duration::from_millis(limits::LEADER_NEWS_WAIT.as_ms());

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct LeadershipService {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) role: watch::Receiver<RoleChange>,
}

#[tonic::async_trait]
impl Service for LeadershipService {
    async fn find_leader(
        &self,
        request: Request<v1::FindLeaderRequest>,
    ) -> Result<Response<v1::FindLeaderResponse>, Status> {
        let above_term = request.into_inner().above_term;
        let node = self.gateway.node;
        let mut role = self.role.clone();
        let news = role.wait_for(|role| is_news(role, above_term, node));
        // Without news, and when this member stops, the answer is what is known.
        let _ = time::timeout(NEWS_WAIT, news).await;
        let known = *role.borrow();
        let leader = leader(&known, node).and_then(|leader| self.roster.api_address(leader));
        let leadership =
            Leadership { cluster: self.gateway.cluster.clone(), term: known.term, leader };
        Ok(Response::new(write_leadership(&leadership)))
    }
}

fn is_news(role: &RoleChange, above_term: u64, node: NodeId) -> bool {
    role.term > above_term && leader(role, node).is_some()
}

/// Nobody goes over to a leader that does not serve yet: of itself a member knows.
fn leader(role: &RoleChange, node: NodeId) -> Option<NodeId> {
    role.leader.filter(|leader| *leader != node || role.serving)
}
