//! Tables of Google's trace of 2011.

use crate::kit::{all, complaints, file, lines, notes};
use traces::{
    formats::google2011::{
        Event, job_events, machine_attributes, machine_events, task_events, task_usage, tasks,
    },
    model::Change,
};

#[test]
fn machines_come_change_and_go() {
    let (events, reader) = all(machine_events, file("machine_events.csv"));
    let shape = |index: usize| match &events[index].change {
        Change::Add(machine) | Change::Update(machine) => machine.capacity.0,
        change => panic!("{change:?}"),
    };
    assert_eq!(shape(0), [500_000, 249_300, 0, 0, 0]);
    assert!(matches!(events[1].change, Change::Update(_)));
    assert_eq!(shape(1), [1_000_000, 500_000, 0, 0, 0]);
    assert_eq!((events[2].at_ns, &events[2].change), (800_000_000_000, &Change::Remove));
    let expected = [
        "1 skipped: the machine's shape is unknown",
        "1 skipped: it happens after the trace's end",
    ];
    assert_eq!(notes(&reader), expected);
}

#[test]
fn attributes_have_values_until_they_are_deleted() {
    let (events, reader) = all(machine_attributes, file("machine_attributes.csv"));
    let texts: Vec<_> = events
        .iter()
        .map(|event| match event.change {
            Change::Attribute { name, value } => {
                (reader.names().get(name), value.map(|value| reader.names().get(value)))
            }
            _ => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(texts, [("kernel", Some("2")), ("kernel", None)]);
}

#[test]
fn tasks_arrive_when_they_end_and_have_the_duration_of_their_last_run() {
    let expected = [
        "1 at 0: 1 x [250000, 74460, 0, 424, 0] for 11500000000 of -, service 9, ann in 3, \
         at most 1 of Job",
        "3 at 640000000000: 1 x [500000, 250000, 0, 100000, 0] for - of -, batch 4, bob in 1",
        "2 at 630000000000: 1 x [500000, 250000, 0, 0, 0] for - of -, batch 0, bob in 0",
    ];
    assert_eq!(lines(tasks, file("task_events.csv")), expected);
    let (_, reader) = all(tasks, file("task_events.csv"));
    let expected = [
        "1 repaired: it was never submitted: it is by its first event",
        "1 repaired: it ended and had not begun: without a duration",
        "1 skipped: it is not known what it asks for",
    ];
    assert_eq!(notes(&reader), expected);
}

#[test]
fn rows_of_events_and_use_are_as_they_stand() {
    let (events, _) = all(task_events, file("task_events.csv"));
    assert_eq!(events.len(), 9);
    assert_eq!((events[3].event, events[3].machine), (Event::Evict, Some(77)));
    assert_eq!(events[0].request, None);
    let (events, reader) = all(job_events, file("job_events.csv"));
    assert_eq!((events[1].at_ns, events[1].event), (600_000_001_000, Event::Finish));
    assert_eq!(reader.names().get(events[1].logical_name.unwrap()), "y");
    let (rows, _) = all(task_usage, file("task_usage.csv"));
    let row = &rows[0];
    assert_eq!((row.cpus_mean, row.memory_assigned), (Some(1_562), Some(75_680)));
    assert_eq!((row.cpus_max, row.disk_mean), (Some(39_670), Some(187)));
    assert_eq!(row.end_ns - row.begin_ns, 300_000_000_000);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        ("0,,1,0,,9,u,0,0,,,,\n", "it:1, column `event type (6)`: `9` is not an event from 0 to 8"),
        (
            "0,,1,0,,0,u,4,0,,,,\n",
            "it:1, column `scheduling class (8)`: `4` is not a scheduling class from 0 to 3",
        ),
        (
            "0,,1,0,,0,u,0,12,,,,\n",
            "it:1, column `priority (9)`: `12` is not a priority from 0 to 11",
        ),
        ("0,,1,0,,0,u,0,0,,,,2\n", "it:1, column `different machines (13)`: `2` is not 0 or 1"),
        ("0,,1\n", "it:1: 3 fields, 13 expected"),
    ];
    complaints(tasks, &cases);
    complaints(task_events, &cases);
    let message = "it:1, column `event type (3)`: `7` is not 0 (add), 1 (remove) or 2 (update)";
    complaints(machine_events, &[("0,1,7,p,1,1\n", message)]);
    let message = "it:1, column `attribute deleted (5)`: `x` is not 0 or 1";
    complaints(machine_attributes, &[("0,1,a,b,x\n", message)]);
}
