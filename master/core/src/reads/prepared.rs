//! A read that may be answered, with the state that answers it: on any thread, at any time.
//!
//! The state is that of the moment in which the read became possible and shares its rows with the
//! live one, which goes on changing. So whoever reads everything costs the core some pointers for
//! each page, and what it changes meanwhile a copy; finding rows, filtering and writing them as
//! messages happens elsewhere. Does not know where.

use super::{Viewer, listings};
use crate::{
    Ledger,
    input::{CallId, OperatorCall},
    ledger::digest,
    master::figures::CommitFigures,
    offers::{Shown, inverse::Asked},
    outbox::{Answer, ReadAnswer},
    table::CopyOnWrite,
};
use proto::{
    model::{FrameworkId, Instant, Refusal},
    wire::v1,
};
use std::{collections::BTreeMap, sync::Arc};

/// The state as of one moment.
#[derive(Debug)]
pub(crate) struct Moment {
    pub(crate) ledger: Ledger,
    /// Nothing where nobody leads.
    pub(crate) offers: Shown,
    /// Of frameworks of shared roles, since the leader leads.
    pub(crate) commits: CopyOnWrite<BTreeMap<FrameworkId, CommitFigures>>,
    /// Who was asked to leave which agent.
    pub(crate) asked: CopyOnWrite<Asked>,
    /// What frameworks are charged for what they kept.
    pub(crate) holds: BTreeMap<FrameworkId, v1::HoldCharge>,
    /// On the cluster's clock.
    pub(crate) time: Instant,
    /// How far behind the leader this may be; `None` where it is not.
    pub(crate) age: Option<v1::ListingAge>,
}

/// A read that may be answered.
#[derive(Debug)]
pub struct PreparedRead {
    call: CallId,
    question: Question,
    moment: Arc<Moment>,
}

#[derive(Debug)]
enum Question {
    Rows(Viewer, OperatorCall),
    /// All but what takes a pass over the state.
    Cluster(Box<v1::GetClusterResponse>),
}

impl PreparedRead {
    pub(crate) fn rows(
        call: CallId,
        viewer: Viewer,
        request: OperatorCall,
        moment: &Arc<Moment>,
    ) -> Self {
        Self { call, question: Question::Rows(viewer, request), moment: Arc::clone(moment) }
    }

    pub(crate) fn cluster(
        call: CallId,
        cluster: v1::GetClusterResponse,
        moment: &Arc<Moment>,
    ) -> Self {
        Self { call, question: Question::Cluster(Box::new(cluster)), moment: Arc::clone(moment) }
    }

    /// Whose it is.
    pub fn call(&self) -> CallId {
        self.call
    }

    /// Answers it.
    pub fn answer(self) -> Result<Answer, Refusal> {
        let moment = &*self.moment;
        match self.question {
            Question::Rows(viewer, request) => listings::answer(moment, &viewer, &request),
            Question::Cluster(cluster) => {
                let digest = digest::digest(&moment.ledger);
                let cluster =
                    v1::GetClusterResponse { ledger_digest: format!("{digest:032x}"), ..*cluster };
                Ok(Answer::Read(Box::new(ReadAnswer::Cluster(cluster))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        input::{AgentFilter, Page},
        ledger::{Command, Stamp},
    };
    use proto::model::{AgentInfo, ClusterId, Resources};

    fn register(ledger: &mut Ledger, index: u64, id: &str) {
        let info = AgentInfo {
            reservations: Vec::new(),
            id: id.parse().unwrap(),
            hostname: format!("{id}.example"),
            address: String::new(),
            resources: Resources::cpus_mem(1_000, 64),
            attributes: vec![],
            domain: None,
            version: String::new(),
        };
        let command =
            Command::RegisterAgent { info, incarnation: 1, tasks: vec![], volumes: vec![] };
        let stamp = Stamp { index, term: 1, ..Stamp::default() };
        ledger.apply(stamp, &command, &mut Vec::new()).unwrap();
        ledger.set_applied(stamp);
    }

    #[test]
    fn what_comes_later_is_not_in_the_answer() {
        let mut ledger = Ledger::new(ClusterId::new("c").unwrap());
        register(&mut ledger, 1, "a");
        let moment = Arc::new(Moment {
            ledger: ledger.clone(),
            offers: Shown::default(),
            commits: CopyOnWrite::default(),
            asked: CopyOnWrite::default(),
            holds: BTreeMap::new(),
            time: Instant::default(),
            age: None,
        });
        let page = Page { size: 10, after: None };
        let request = OperatorCall::ListAgents { page, filter: AgentFilter::default() };
        let read = PreparedRead::rows(CallId(1), Viewer::Operator, request, &moment);
        let cluster = v1::GetClusterResponse::default();
        let cluster = PreparedRead::cluster(CallId(2), cluster, &moment);
        let before = digest::digest(&ledger);
        register(&mut ledger, 2, "b");
        fn may_be_answered_elsewhere<T: Send + 'static>(read: T) -> T {
            read
        }
        let (read, cluster) = may_be_answered_elsewhere((read, cluster));
        let answered = (read.answer(), cluster.answer());
        let (Ok(Answer::Read(rows)), Ok(Answer::Read(cluster))) = answered else {
            panic!("{answered:?}");
        };
        let ReadAnswer::Agents(rows) = *rows else { panic!("{rows:?}") };
        assert_eq!(rows.agents.len(), 1);
        let ReadAnswer::Cluster(cluster) = *cluster else { panic!("{cluster:?}") };
        assert_eq!(cluster.ledger_digest, format!("{before:032x}"));
        assert_ne!(digest::digest(&ledger), before);
    }
}
