//! Connections break and stall; what is there already is gone on with.

use crate::{
    fake::{Asked, Fault},
    kit::{Made, kit, noise, read},
};
use registry::PullError;
use std::{fs, time::Duration};

const LENGTH: usize = 50_000;

fn made() -> Made {
    Made::new(&[("file", &noise(7, LENGTH))])
}

/// From which bytes the archive was asked for.
fn ranges(asked: &[Asked], made: &Made) -> Vec<Option<String>> {
    let archive = images::Digest::of(&made.layers[0]).to_string();
    let of_archive = asked.iter().filter(|asked| asked.path.ends_with(&archive));
    of_archive.map(|asked| asked.range.clone()).collect()
}

#[tokio::test]
async fn what_broke_off_is_gone_on_with() {
    let Some(kit) = kit("what broke off").await else { return };
    let made = made();
    kit.push("tool", "v1", &made);
    // More breaks than tries: each brings something.
    kit.fake.change(|it| it.faults = vec![Fault::Cut(4_096); 7].into());
    kit.pull("tool:v1").await.unwrap();
    assert_eq!(read(&kit.image("tool:v1"), 0, "file"), noise(7, LENGTH));
    let ranges = ranges(&kit.fake.asked(), &made);
    assert_eq!((ranges.len(), &ranges[0]), (8, &None));
    assert!(ranges[1..].iter().all(Option::is_some), "{ranges:?}");
}

#[tokio::test]
async fn what_stalls_is_asked_for_again_and_given_up_at_last() {
    let Some(kit) = kit("what stalls").await else { return };
    let made = made();
    kit.push("tool", "v1", &made);
    kit.fake.change(|it| it.faults = vec![Fault::Hang(0); 5].into());
    let error = kit.refused("tool:v1").await;
    let PullError::GivenUp(cause) = error else { panic!("{error:?}") };
    assert!(matches!(*cause, PullError::Unreachable { .. }), "{cause:?}");
    kit.fake.change(|it| it.faults = [Fault::Hang(10_000), Fault::Status(503)].into());
    kit.pull("tool:v1").await.unwrap();
}

#[tokio::test]
async fn a_registry_without_ranges_begins_again() {
    let Some(kit) = kit("a registry without ranges").await else { return };
    let made = made();
    kit.push("tool", "v1", &made);
    kit.fake.change(|it| it.faults = [Fault::Cut(9_000), Fault::NoRange].into());
    kit.pull("tool:v1").await.unwrap();
    assert_eq!(read(&kit.image("tool:v1"), 0, "file"), noise(7, LENGTH));
}

#[tokio::test]
async fn a_registry_that_leads_in_a_circle_is_given_up() {
    let Some(kit) = kit("a registry that leads in a circle").await else { return };
    kit.push("tool", "v1", &made());
    // Part of it, then there is no such range, then the same part: as often as anybody asks.
    let circle = [Fault::Cut(4_096), Fault::Status(416)];
    kit.fake.change(|it| it.faults = circle.into_iter().cycle().take(100).collect());
    let error = kit.refused("tool:v1").await;
    assert!(matches!(error, PullError::GivenUp(_)), "{error:?}");
    kit.fake.change(|it| it.faults = [Fault::Cut(4_096), Fault::Status(416)].into());
    kit.pull("tool:v1").await.unwrap();
}

#[tokio::test]
async fn a_pull_goes_on_where_one_that_was_dropped_stopped() {
    let Some(kit) = kit("a pull that was dropped").await else { return };
    let made = made();
    kit.push("tool", "v1", &made);
    kit.fake.change(|it| it.faults = [Fault::Hang(20_480)].into());
    let patient = kit.client(|access| access.patience.stall = Duration::from_secs(600));
    let archive = kit.path("store/downloads").join(images::Digest::of(&made.layers[0]).hex());
    let has_grown = async {
        while !fs::metadata(&archive).is_ok_and(|found| found.len() == 20_480) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = kit.pull_with(&patient, "tool:v1") => panic!("it hangs"),
        () = has_grown => {}
    }
    kit.fake.asked();
    kit.pull("tool:v1").await.unwrap();
    assert_eq!(ranges(&kit.fake.asked(), &made), [Some("bytes=20480-".to_owned())]);
}

#[tokio::test]
async fn leftovers_that_are_wrong_are_fetched_anew() {
    let Some(kit) = kit("leftovers that are wrong").await else { return };
    let made = made();
    let archive = kit.path("store/downloads").join(images::Digest::of(&made.layers[0]).hex());
    // Part of it, all of it, and more than it: of other bytes.
    for (number, length) in [1_000, made.layers[0].len(), LENGTH * 2].into_iter().enumerate() {
        let tag = format!("v{number}");
        kit.push("tool", &tag, &made);
        fs::write(&archive, vec![b'x'; length]).unwrap();
        kit.pull(&format!("tool:{tag}")).await.unwrap();
        kit.store.remove(&kit.name(&format!("tool:{tag}"))).unwrap();
        kit.store.collect().unwrap();
        assert_eq!(kit.downloads(), 0);
    }
}
