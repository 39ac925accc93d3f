//! What all tables of text have in common: quotes, line ends, marks, limits.

use crate::kit::{all, complaint, lines, text};
use traces::{
    formats::{google2019::requests, openb::nodes},
    limits::LINE_BYTES_MAX,
    model::Names,
};

#[test]
fn quotes_marks_carriage_returns_and_empty_lines_are_read() {
    let odd = "\u{feff}time,\"user\",collection_id,cpus,ram\r\n\r\n\
               1,\"a, \"\"b\"\"\",2,1,1\r\n \n3,,4,1,1";
    let expected = [
        "2 at 1000: 1 x [1000000, 1000000, 0, 0, 0] for - of -, batch 0, a, \"b\" in -",
        "4 at 3000: 1 x [1000000, 1000000, 0, 0, 0] for - of -, batch 0, - in -",
    ];
    assert_eq!(lines(requests, text(odd)), expected);
}

#[test]
fn lines_that_cannot_be_split_are_errors() {
    let head = "sn,cpu_milli,memory_mib,gpu\n";
    for row in ["\"a,1,1,1", "\"a\"b,1,1,1"] {
        let message = complaint(nodes, &format!("{head}{row}\n"));
        assert_eq!(message, "it:2: a quote that does not end, or does not end its field");
    }
    let long = format!("{head}{}", "x".repeat(LINE_BYTES_MAX + 1));
    assert_eq!(complaint(nodes, &long), "it:2: longer than 1 MiB");
    let many = format!("{head}{}", ",".repeat(4_096));
    assert_eq!(complaint(nodes, &many), "it:2: more than 4096 fields");
}

#[test]
fn long_values_are_cut_and_names_must_be_text() {
    let head = "sn,cpu_milli,memory_mib,gpu\n";
    let message = complaint(nodes, &format!("{head}a,{},1,1", "y".repeat(200)));
    let shown = format!("`{}…`", "y".repeat(80));
    assert!(message.contains(&shown), "{message}");
    let message = complaint(nodes, &format!("{head}{},1,1,1", "n".repeat(5_000)));
    assert!(message.ends_with("is not a name in UTF-8 of at most 4096 bytes"), "{message}");
}

#[test]
fn long_lines_and_many_lines_come_whole_through_the_buffer() {
    let name = |row: usize| format!("{row}-{}", "z".repeat(row * 37 % 4_000));
    let mut long = String::from("sn,cpu_milli,memory_mib,gpu\n");
    for row in 0..3_000 {
        long += &format!("{},{row},1,0\n", name(row));
    }
    let (events, reader) = all(nodes, text(&long));
    assert_eq!(events.len(), 3_000);
    for (row, event) in events.iter().enumerate() {
        let machine = crate::kit::added(event);
        assert_eq!(reader.names().get(machine.name.unwrap()), name(row));
        assert_eq!(machine.capacity.0[0], row as u64);
    }
}

#[test]
fn a_table_of_names_refuses_what_is_too_much() {
    let mut names = Names::with_max(10);
    for number in 0..10 {
        assert!(names.intern(&number.to_string()).is_some());
    }
    assert_eq!(names.intern("one more"), None);
    assert_eq!(names.intern("7"), names.find("7"));
    let text = text("sn,cpu_milli,memory_mib,gpu\nfresh,1,1,1\n");
    let error = nodes(text, names).unwrap().next().unwrap().unwrap_err();
    let message = "it:2, column `sn`: more than 10 different names";
    assert_eq!(error.to_string(), message);
}
