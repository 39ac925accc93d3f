//! Jobs derived from Philly, and its active nodes.

use crate::kit::{all, complaints, file, lines};
use traces::{
    formats::philly::{jobs, nodes},
    model::Change,
};

#[test]
fn jobs_are_gangs_of_cards_with_deadlines() {
    let expected = [
        "5 at 900000000000: 4 x [0, 0, 1000, 0, 0] for 96000000000 of -, batch 1, vc_a in soft, \
         gang, until 1059000000000",
        "6 at 30000000000: 1 x [0, 0, 1000, 0, 0] for 106000000000 of -, batch 2, vc_b in strict, \
         until 265000000000",
        "7 at 40000000000: 1 x [0, 0, 0, 0, 0] for 33000000000 of -, batch 0, vc_b in best",
    ];
    assert_eq!(lines(jobs, file("philly.csv")), expected);
}

#[test]
fn active_nodes_change_over_a_leap_day() {
    let (events, _) = all(nodes, file("philly_nodes.csv"));
    let counts: Vec<_> = events
        .iter()
        .map(|event| match &event.change {
            Change::Add(machine) | Change::Update(machine) => (event.at_ns, machine.count),
            change => panic!("{change:?}"),
        })
        .collect();
    assert_eq!(counts, [(0, 10), (86_490_000_000_000, 12)]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let head = "job_id,num_gpu,submit_time,duration,expect_time_list,job_type\n";
    let row = |row: &str| format!("{head}{row}\n");
    let cases = [
        (
            row("1,1,1,1,5,hard"),
            "it:2, column `job_type`: `hard` is not `strict`, `soft` or `best`",
        ),
        (
            row("1,1,1,1,x-5,soft"),
            "it:2, column `expect_time_list`: `x-5` is not a number of slots from 0 to 18 billion",
        ),
    ];
    let cases: Vec<(&str, &str)> = cases.iter().map(|(a, b)| (a.as_str(), *b)).collect();
    complaints(jobs, &cases);
    for date in ["2020-13-01 00:00:00", "2020-01-01", "x", "2020-01-01 24:00:00", "20-1-1 1:1:1:1"]
    {
        let message =
            format!("it:2, column `time`: `{date}` is not a date as in 2017-10-03 00:00:00");
        complaints(nodes, &[(&format!("time,active\n{date},1\n"), &message)]);
    }
    let back = "time,active\n2020-01-02 00:00:00,1\n2020-01-01 00:00:00,2\n";
    let message = "it:3, column `time`: `2020-01-01 00:00:00` is not a date after the first row's";
    complaints(nodes, &[(back, message)]);
}
