//! What needs which version of the log: whatever commands are made, what a software of version 1
//! would leave out without a word says that it needs more.
//!
//! `log-v1.descriptors.bin` is the schema of version 1, frozen: a command that claims to need no
//! more is read by it, field by field. So a field that is added to a command and forgotten in
//! [`Command::since`] is found by the first history that fills it.

use crate::generate::{Action, Draw, commands};
use master_core::ledger::{
    Command, Ledger, LogVersion, Stamp,
    codec::{Batch, encode_batch},
};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, MessageDescriptor, ReflectMessage as _, Value,
};
use proto::model::{ClusterId, Instant, WallTime};

/// Before it stand version and checksum.
const HEADER_BYTES: usize = 5;

fn schema_of_version_1() -> MessageDescriptor {
    let bytes = include_bytes!("../compat/log-v1.descriptors.bin");
    let pool = DescriptorPool::decode(bytes.as_slice()).expect("descriptors");
    pool.get_message_by_name("bourse.log.v1.Batch").expect("it has batches")
}

fn encoded(command: &Command) -> Vec<u8> {
    let commands = vec![command.clone()];
    encode_batch(&Batch { time: Instant(1), wall: WallTime(2), commands })
}

/// The first thing in a message that its schema does not know.
fn unknown_in(message: &DynamicMessage) -> Option<String> {
    let name = message.descriptor().name().to_owned();
    let field = message.unknown_fields().next().map(|field| field.number());
    let unknown = field.map(|number| format!("field {number} of {name}"));
    unknown.or_else(|| message.fields().find_map(|(field, value)| unknown_value(&field, value)))
}

fn unknown_value(field: &FieldDescriptor, value: &Value) -> Option<String> {
    match value {
        Value::Message(message) => unknown_in(message),
        Value::List(values) => values.iter().find_map(|value| unknown_value(field, value)),
        Value::EnumNumber(number) => {
            let kind = field.kind();
            let kind = kind.as_enum().expect("an enum's number");
            let known = kind.get_value(*number).is_some();
            (!known).then(|| format!("value {number} of {}", kind.name()))
        }
        _ => None,
    }
}

#[test]
fn what_version_1_cannot_read_says_so() {
    let schema = schema_of_version_1();
    for seed in 0..150 {
        let mut ledger = Ledger::new(ClusterId::new("c").expect("an id"));
        let mut draw = Draw(seed);
        let mut stamp =
            Stamp { index: 0, term: 1, time: Instant(1_000), wall: WallTime::default() };
        for _ in 0..80 {
            let action: Action = (draw.below(256) as u8, draw.next());
            for command in commands(&ledger, action) {
                stamp.index += 1;
                stamp.time.0 += 100;
                let bytes = encoded(&command);
                let version = LogVersion::from_number(bytes[0].into());
                assert_eq!(version, command.since(), "an entry says what its commands need");
                if version == LogVersion::OLDEST {
                    let read = DynamicMessage::decode(schema.clone(), &bytes[HEADER_BYTES..]);
                    let unknown = unknown_in(&read.expect("protobuf"));
                    assert_eq!(unknown, None, "{command:?} needs a newer version");
                }
                let _ = ledger.apply(stamp, &command, &mut Vec::new());
                ledger.set_applied(stamp);
            }
        }
    }
}
