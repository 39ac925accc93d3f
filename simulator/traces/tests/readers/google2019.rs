//! Extracts of Google's traces of 2019.

use crate::kit::{added, all, complaints, file, line, notes};
use traces::formats::google2019::{hosts, requests};

#[test]
fn shapes_have_counts_and_unknown_ones_are_left_out() {
    let (events, reader) = all(hosts, file("google2019_hosts.csv"));
    let shapes: Vec<_> = events.iter().map(|it| (added(it).count, added(it).capacity.0)).collect();
    let expected = [(120, [1_000_000, 500_000, 0, 0, 0]), (7, [591_797, 166_748, 0, 0, 0])];
    assert_eq!(shapes, expected);
    assert_eq!(notes(&reader), ["1 skipped: its shape is unknown"]);
}

#[test]
fn requests_keep_the_order_of_the_file() {
    let (arrivals, reader) = all(requests, file("google2019_requests.csv"));
    let lines: Vec<_> = arrivals.iter().map(|it| line(it, reader.names())).collect();
    let expected = [
        "11 at 900000: 1 x [250000, 20, 0, 0, 0] for - of -, batch 0, ann in -",
        "12 at 100000: 1 x [0, 500000, 0, 0, 0] for - of -, service 0, bob in -",
    ];
    assert_eq!(lines, expected);
    assert_eq!(reader.notes().skipped(), 1);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let head = "time,user,collection_id,instance_index,cpus,ram,collection_type\n";
    let row = |row: &str| format!("{head}{row}\n");
    let cases = [
        (
            row("1,a,1,0,1,1,2"),
            "it:2, column `collection_type`: `2` is not 0 (a job) or 1 (an alloc set)",
        ),
        (row(",a,1,0,1,1,0"), "it:2, column `time`: `` is not a number of microseconds"),
        (
            row("1,a,1,0,-1,1,0"),
            "it:2, column `cpus`: `-1` is not a part of the largest machine, at least 0",
        ),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    complaints(requests, &cases);
    let wrong = "cpus,ram,machine_count\n1,1,many\n";
    let message = "it:2, column `machine_count`: `many` is not a number of machines";
    complaints(hosts, &[(wrong, message)]);
}
