//! What a watcher may not ask for.

use super::{accept, check};
use proto::{
    convert::watch::read_watch_filter,
    model::{Reason::InvalidField as Invalid, Reason::LimitExceeded as Limit},
    wire::v1,
};

#[test]
fn watch_filters() {
    let good = v1::WatchFilter {
        kinds: vec![v1::WatchKind::Task.into(), v1::WatchKind::Offer.into()],
        framework_id: "framework-1".to_owned(),
        agent_id: "a".to_owned(),
        role: "eng/batch".to_owned(),
    };
    check(
        &good,
        read_watch_filter,
        &[
            (|f| f.kinds.push(v1::WatchKind::Task.into()), "kinds[2]", Invalid),
            (|f| f.kinds[1] = 0, "kinds[1]", Invalid),
            (|f| f.kinds[0] = 77, "kinds[0]", Invalid),
            (|f| f.kinds = vec![1; 7], "kinds", Limit),
            (|f| f.framework_id = "nobody".to_owned(), "framework_id", Invalid),
            (|f| f.agent_id = "a b".to_owned(), "agent_id", Invalid),
            (|f| f.role = "eng/".to_owned(), "role", Invalid),
            (|f| f.role = "x".repeat(129), "role", Limit),
        ],
    );
    accept(&good, read_watch_filter, &[|f| *f = v1::WatchFilter::default()]);
}
