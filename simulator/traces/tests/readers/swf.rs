//! The Standard Workload Format, MetaCentrum's fields, and clusters.

use crate::kit::{added, all, complaints, file, lines, notes};
use traces::formats::swf::{jobs, machines};

#[test]
fn fields_fall_back_and_unknown_ones_are_none() {
    let expected = [
        "1 at 0: 8 x [1000, 2000, 0, 0, 0] for 100500000000 of 120250000000, batch 0, 3 in 2, gang",
        "2 at 10000000000: 2 x [1000, 0, 0, 0, 0] for - of -, batch 0, - in 4, gang",
        "3 at 20000000000: 6 x [1000, 0, 0, 0, 0] for 30000000000 of 30000000000, batch 0, 3 in -, \
         gang",
    ];
    assert_eq!(lines(jobs, file("log.swf")), expected);
    let (_, reader) = all(jobs, file("log.swf"));
    let expected = [
        "1 repaired: it is not known how long it ran: without a duration",
        "1 skipped: it is not known how many processors it asks for",
        "1 skipped: it is not known when it was submitted",
    ];
    assert_eq!(notes(&reader), expected);
}

#[test]
fn metacentrum_asks_for_nodes() {
    let expected = [
        "0 at 0: 1 x [64000, 65536000, 0, 0, 0] for 500000000000 of 86400000000000, batch 0, \
         62 in q_2w, +x86_64, +cl_big, exclusive",
        "1 at 60500000000: 1 x [1000, 400000, 0, 0, 0] for 500000000000 of 500000000000, batch 0, \
         62 in q_1d, gang, more",
        "1 at 60500000000: 2 x [2000, 400000, 0, 0, 0] for 500000000000 of 500000000000, batch 0, \
         62 in q_1d, gang, -node3.example, +cl_big",
        "2 at 0: 1 x [1500, 3072000, 0, 0, 0] for - of 86400000000000, batch 0, 7 in q_1d, \
         +node4.example",
        "3 at 100000000000: 2 x [1000, 1000, 0, 0, 0] for 9000000000 of 86400000000000, batch 0, \
         7 in q_1d, gang",
    ];
    assert_eq!(lines(jobs, file("metacentrum.swf")), expected);
}

#[test]
fn clusters_have_an_attribute_of_their_name() {
    let (events, reader) = all(machines, file("log.machines"));
    let machine = added(&events[1]);
    assert_eq!((machine.count, machine.capacity.0), (48, [12_000, 91_832_000, 0, 0, 0]));
    assert_eq!(reader.names().get(machine.attributes[0].0), "cl_small");
    assert_eq!(events[1].machine, 1);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cases = [
        ("1 2 3\n", "it:1: 3 fields, 18 expected"),
        (
            ";\n1 x 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n",
            "it:2, column `submitted (2)`: `x` is not a number of seconds from 0 to 18 billion",
        ),
        (
            "1 2 3 -4x 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n",
            "it:1, column `ran (4)`: `-4x` is not a number of seconds from 0 to 18 billion",
        ),
        (
            "1 2 3 4 5 6 7 8.5 9 10 11 12 13 14 15 16 17 18\n",
            "it:1, column `processors requested (8)`: `8.5` is not a number of processors, or -1",
        ),
    ];
    complaints(jobs, &cases);
    let requests = [
        ("0:ppn=1", "the number of nodes must be from 1 to 4294967295"),
        ("1:ppn=0", "`ppn` must be a number of cores above 0"),
        ("1:mem=3xb", "`mem` must be a number with b, kb, mb, gb or tb"),
        ("1::a", "a word is empty"),
        ("", "a word is empty"),
    ];
    for (request, message) in requests {
        let request = format!("{request}#excl");
        let row = format!("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 {{1}} q {request}\n");
        let place = format!("it:1, column `request (21)`: `{request}` is not a PBS request: ");
        complaints(jobs, &[(&row, &(place + message))]);
    }
    let message = "it:1, column `machines (3)`: `0` is not a number of machines above 0";
    complaints(
        machines,
        &[("0\ta\t0\t1\t1\t1\n", message), ("0 a 1\n", "it:1: 1 fields, 6 expected")],
    );
}
