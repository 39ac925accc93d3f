//! Who watches a trial. Oracles see what an outsider could see, and the disks; each is named after
//! the promise it guards, ends the trial when that is broken, and shares no code with what it
//! judges.

mod a2_disjoint_offers;
mod a3_newest_instance;
mod a5_role_limits;
mod c1_one_leader;
mod c2_log_matching;
mod c3_leader_completeness;
mod c4_equal_digests;
mod c5_monotone;
mod c6_durable_promises;
mod c7_reads;
mod n5_losses_per_minute;
mod t3_one_container;
pub(crate) mod t6_losses;
mod u2_updates;
mod u2_watches;

pub(crate) use a2_disjoint_offers::AcceptName;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Oracles {
    pub(crate) offers: a2_disjoint_offers::DisjointOffers,
    pub(crate) one_leader: c1_one_leader::OneLeader,
    pub(crate) log_matching: c2_log_matching::LogMatching,
    pub(crate) completeness: c3_leader_completeness::LeaderCompleteness,
    pub(crate) digests: c4_equal_digests::EqualDigests,
    pub(crate) monotone: c5_monotone::Monotone,
    pub(crate) promises: c6_durable_promises::DurablePromises,
    pub(crate) losses_per_minute: n5_losses_per_minute::LossesPerMinute,
    pub(crate) containers: t3_one_container::OneContainer,
    pub(crate) updates: u2_updates::Updates,
    pub(crate) instances: a3_newest_instance::NewestInstance,
    pub(crate) limits: a5_role_limits::RoleLimits,
    pub(crate) reads: c7_reads::Reads,
    pub(crate) losses: t6_losses::Losses,
    pub(crate) watches: u2_watches::Watches,
}

/// An accept's name: its request id, or the call when it has none.
pub(crate) fn accept_name(request: Option<&proto::model::RequestId>, call: u64) -> AcceptName {
    match request {
        Some(request) => AcceptName::Request(request.clone()),
        None => AcceptName::Call(call),
    }
}
