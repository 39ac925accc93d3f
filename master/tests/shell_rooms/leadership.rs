//! Who leads, as every master says it: at once what is known, and after a wait what is news.

use crate::{
    group::{end, leader, start_all},
    masters::{connect, eventually, group},
};
use master::Running;
use proto::{
    convert::masters::read_leadership,
    model::Leadership,
    wire::v1::{FindLeaderRequest, leadership_client::LeadershipClient},
};

async fn ask(master: &Running, above_term: u64) -> Leadership {
    let mut client = LeadershipClient::new(connect(master.api_address).await);
    let answer = client.find_leader(FindLeaderRequest { above_term }).await;
    read_leadership(answer.unwrap().into_inner()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_finds_the_leader_and_waits_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut masters = start_all(&group(folder.path(), 3)).await;
    let first = leader(&masters).await;
    let address = masters[first].api_address.to_string();
    let mut term = 0;
    for master in &masters {
        // Whoever has just begun has not heard of everybody.
        let named = async || Some(ask(master, 0).await).filter(|answer| answer.leader.is_some());
        let answer = eventually("the leader's address", named).await;
        assert_eq!(answer.leader, Some(address.clone()));
        assert_eq!(answer.cluster.as_str(), "test");
        term = answer.term;
    }
    assert!(term > 0);
    let gone = masters.remove(first);
    // Asked again as long as the election takes; each question waits for its end by itself.
    let succeeded = async || {
        let answer = ask(&masters[0], term).await;
        (answer.term > term && answer.leader.is_some()).then_some(answer)
    };
    let (answer, ()) = tokio::join!(eventually("a next leader", succeeded), async {
        gone.shutdown();
        gone.join().await.unwrap();
    });
    let next = leader(&masters).await;
    assert_eq!(answer.leader, Some(masters[next].api_address.to_string()));
    end(masters).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_leader_nobody_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let masters = start_all(&group(folder.path(), 3)[..1]).await;
    assert_eq!(ask(&masters[0], 0).await.leader, None);
    end(masters).await;
}
