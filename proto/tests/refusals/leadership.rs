//! What a master may not answer when it is asked who leads.

use super::{accept, check};
use proto::{
    convert::masters::read_leadership,
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit},
    wire::v1,
};

#[test]
fn leaderships() {
    let good = v1::FindLeaderResponse {
        cluster_id: "test".to_owned(),
        term: 3,
        leader_address: "m1.example:5050".to_owned(),
    };
    check(
        &good,
        read_leadership,
        &[
            (|l| l.cluster_id.clear(), "cluster_id", Invalid),
            (|l| l.cluster_id = "a b".to_owned(), "cluster_id", Invalid),
            (|l| l.leader_address = "m1".to_owned(), "leader_address", Invalid),
            (|l| l.leader_address = "m1:0".to_owned(), "leader_address", Invalid),
            (|l| l.leader_address = "x".repeat(262), "leader_address", Limit),
        ],
    );
    accept(&good, read_leadership, &[|l| l.leader_address.clear(), |l| l.term = 0]);
}
