//! Messages out of the schemas themselves: every field of every kind of message, also of those
//! that are declared after this was written.
//!
//! Values are guessed from the names of fields: few ids, so that messages speak of the same things;
//! amounts that can be had; now and then a number at an end.

use crate::wire::{self, Field, Value};
use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use proto::wire::DESCRIPTORS;
use simulator::engine::Chance;
use std::{collections::BTreeMap, sync::OnceLock};

/// Messages within messages; deeper ones are left out.
const DEPTH_MAX: usize = 7;

/// Ends of names, and what such a field may hold.
const TEXTS: &[(&str, &[&str])] = &[
    ("agent_id", &["a1", "a2", "a3"]),
    ("agent_ids", &["a1", "a2", "a3"]),
    ("framework_id", &["framework-1", "framework-2", "framework-3"]),
    ("task_id", &["t1", "t2", "t3", "t4"]),
    ("task_ids", &["t1", "t2", "t3"]),
    ("group_id", &["g1", "g2"]),
    ("offer_id", &["offer-1-1", "offer-1-2", "offer-1-3"]),
    ("offer_ids", &["offer-1-1", "offer-1-2", "offer-1-3"]),
    ("request_id", &["request-00000001", "request-00000002", "request-00000003"]),
    ("reservation_id", &["reservation-1", "reservation-2"]),
    ("volume_id", &["volume-1", "volume-2"]),
    ("window_id", &["window-1", "window-2"]),
    ("container_id", &["c1-t1", "c2-t2"]),
    ("cluster_id", &["fuzz"]),
    ("owner_id", &["owner-1"]),
    ("demand_id", &["d1", "d2"]),
    ("boot_id", &["boot-1", "boot-2"]),
    ("role", &["*", "eng", "eng/batch", "ops"]),
    ("roles", &["*", "eng", "eng/batch", "ops"]),
    ("suppressed_roles", &["eng", "ops"]),
    ("address", &["127.0.0.1:5051", "host-1.example:5050"]),
    ("hostname", &["host-1.example", "host-2.example"]),
    ("principal", &["alice", "bob"]),
    ("domain", &["zone-1/rack-1", "zone-1/rack-2"]),
    ("container_path", &["data", "data/more"]),
];
/// What any other text may be; names of resources among them.
const WORDS: &[&str] =
    &["cpus", "mem", "disk", "ports", "gpus", "cpus", "mem", "sleep", "rack", "r1", "alice", ""];

/// What the schemas declare, by full name.
#[derive(Debug)]
struct Schemas {
    messages: BTreeMap<String, DescriptorProto>,
    enums: BTreeMap<String, EnumDescriptorProto>,
}

/// Makes messages.
#[derive(Debug)]
pub struct Inventor {
    chance: Chance,
}

impl Inventor {
    /// Decided by the seed.
    pub fn new(seed: u64) -> Self {
        Self { chance: Chance::new(seed, 2) }
    }

    /// A message of the kind with this full name, such as `bourse.v1.TaskInfo`.
    ///
    /// # Panics
    /// If no schema declares it.
    pub fn message(&mut self, name: &str) -> Vec<u8> {
        wire::write(&self.fields(name, 0))
    }

    fn fields(&mut self, name: &str, depth: usize) -> Vec<Field> {
        let Some(message) = schemas().messages.get(name) else { panic!("no schema has {name}") };
        let mut fields = Vec::new();
        let mut chosen = BTreeMap::new();
        for (index, part) in message.oneof_decl.iter().enumerate() {
            let index = i32::try_from(index).expect("few parts");
            let of_it = |field: &&FieldDescriptorProto| field.oneof_index == Some(index);
            let count = message.field.iter().filter(of_it).count().max(1);
            // What is optional is a part of its own with an underscore; it is often absent.
            let is_absent = part.name().starts_with('_') && self.chance.per_mille(400);
            chosen.insert(index, (!is_absent).then(|| self.chance.index(count)));
        }
        let mut seen: BTreeMap<i32, usize> = BTreeMap::new();
        for field in &message.field {
            if let Some(part) = field.oneof_index {
                let place = seen.entry(part).or_default();
                *place += 1;
                if chosen[&part] != Some(*place - 1) {
                    continue;
                }
            }
            let count = match field.label() {
                Label::Repeated => self.chance.below(3),
                _ => u64::from(!self.chance.per_mille(100)),
            };
            (0..count).for_each(|_| fields.extend(self.field(field, depth)));
        }
        fields
    }

    fn field(&mut self, field: &FieldDescriptorProto, depth: usize) -> Option<Field> {
        let name = field.name();
        let value = match field.r#type() {
            Type::Message if depth >= DEPTH_MAX => return None,
            Type::Message => Value::Message(self.fields(&field.type_name()[1..], depth + 1)),
            Type::String => Value::Bytes(self.text(name).into()),
            Type::Bytes => Value::Bytes(vec![1, 2, 3]),
            Type::Enum => Value::Varint(self.variant(&field.type_name()[1..])),
            Type::Bool => Value::Varint(self.chance.below(2)),
            _ => Value::Varint(self.amount(name)),
        };
        Some(Field { number: u64::try_from(field.number()).expect("positive"), value })
    }

    fn text(&mut self, name: &str) -> &'static str {
        let of_name = TEXTS.iter().find(|(end, _)| name == *end || name.ends_with(end));
        let words = of_name.map_or(WORDS, |(_, words)| words);
        self.chance.pick(words).expect("there are words")
    }

    fn variant(&mut self, name: &str) -> u64 {
        let Some(declared) = schemas().enums.get(name) else { panic!("no schema has {name}") };
        let value = self.chance.pick(&declared.value).expect("an enum has values");
        u64::try_from(value.number()).expect("enums count from 0")
    }

    fn amount(&mut self, name: &str) -> u64 {
        match name {
            "milli" => 500 * self.chance.between(1, 4),
            "epoch" | "incarnation" | "sequence" => self.chance.between(1, 2),
            "begin" => 31_000 + self.chance.below(4),
            "end" => 31_004 + self.chance.below(4),
            _ if self.chance.per_mille(100) => u64::MAX >> self.chance.below(64),
            _ if name.ends_with("_ms") => 1_000 * self.chance.below(20),
            _ => self.chance.below(4),
        }
    }
}

fn schemas() -> &'static Schemas {
    static SCHEMAS: OnceLock<Schemas> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let set = FileDescriptorSet::decode(DESCRIPTORS).expect("our own schemas");
        let mut schemas = Schemas { messages: BTreeMap::new(), enums: BTreeMap::new() };
        for file in &set.file {
            schemas.add(file.package(), &file.message_type, &file.enum_type);
        }
        schemas
    })
}

impl Schemas {
    fn add(&mut self, under: &str, messages: &[DescriptorProto], enums: &[EnumDescriptorProto]) {
        for message in messages {
            let name = format!("{under}.{}", message.name());
            self.add(&name, &message.nested_type, &message.enum_type);
            self.messages.insert(name, message.clone());
        }
        let named = |declared: &EnumDescriptorProto| {
            (format!("{under}.{}", declared.name()), declared.clone())
        };
        self.enums.extend(enums.iter().map(named));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::wire::v1;

    #[test]
    fn what_is_made_can_be_decoded() {
        let mut inventor = Inventor::new(1);
        for _ in 0..200 {
            let bytes = inventor.message("bourse.v1.AcceptRequest");
            let accept = v1::AcceptRequest::decode(bytes.as_slice()).expect("by the schema");
            assert!(accept.offer_ids.iter().all(|id| id.starts_with("offer-1-")));
        }
    }
}
