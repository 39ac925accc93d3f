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

/// Fields that do not go with the others of a message: one of the lists is left out of it.
const APART: &[(&str, &[&[&str]])] = &[(
    "bourse.v1.AcceptRequest",
    &[
        &["role", "tasks", "conflict_detection", "decided_on"],
        &["role", "tasks", "conflict_detection", "decided_on"],
        &["role", "operations", "conflict_detection", "decided_on", "partial"],
        &["offer_ids", "tasks", "filters", "refuse_ms"],
    ],
)];
/// A repeated field of these makes sense only as a whole.
const RESOURCE: &str = ".bourse.v1.Resource";
/// So often is it tried to make a message that is believed.
const BELIEVED_TRIES_MAX: usize = 6;
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
    ("role", &["eng", "eng/batch", "*", "ops"]),
    ("roles", &["eng", "eng/batch", "*", "ops"]),
    ("suppressed_roles", &["eng", "ops"]),
    ("address", &["127.0.0.1:5051", "host-1.example:5050"]),
    ("hostname", &["host-1.example", "host-2.example"]),
    ("principal", &["alice", "bob"]),
    ("domain", &["zone-1/rack-1", "zone-1/rack-2"]),
    ("path", &["data", "data/more"]),
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

/// Fields without which a message is refused, or is of little use.
const NEEDED: &[&str] = &[
    "accept_offers",
    "from",
    "members",
    "path",
    "reservation",
    "agent",
    "agent_id",
    "arguments",
    "cluster_id",
    "command",
    "commands",
    "container_id",
    "duration",
    "epoch",
    "framework",
    "framework_id",
    "framework_info",
    "group",
    "group_id",
    "heartbeat_interval_ms",
    "hostname",
    "id",
    "incarnation",
    "info",
    "key",
    "main",
    "member",
    "milli",
    "name",
    "offer_ids",
    "operation",
    "operations",
    "owner_id",
    "peer_address",
    "address",
    "plan",
    "proposed",
    "request_id",
    "reservation_id",
    "resources",
    "role",
    "roles",
    "sequence",
    "session",
    "size",
    "source",
    "state",
    "status",
    "task",
    "task_id",
    "tasks",
    "term",
    "value",
    "version",
    "volume",
    "volume_id",
    "boot_id",
    "begin",
    "end",
    "node_id",
    "selector",
    "duration_ms",
    "order",
    "message",
    "part",
    "tasks_info",
    "parts",
    "unix_ms",
];

/// Makes messages.
#[derive(Debug)]
pub struct Inventor {
    chance: Chance,
    /// With little more than what is needed; such messages are mostly believed.
    is_plain: bool,
}

impl Inventor {
    /// Decided by the seed.
    pub fn new(seed: u64) -> Self {
        Self { chance: Chance::new(seed, 2), is_plain: false }
    }

    /// A message of the kind with this full name, such as `bourse.v1.TaskInfo`.
    ///
    /// # Panics
    /// If no schema declares it.
    pub fn message(&mut self, name: &str) -> Vec<u8> {
        self.is_plain = self.chance.per_mille(750);
        wire::write(&self.fields(name, 0))
    }

    /// The same, mostly one that `is_believed`.
    pub fn believed(&mut self, name: &str, is_believed: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let mut message = self.message(name);
        for _ in 0..BELIEVED_TRIES_MAX {
            if is_believed(&message) {
                break;
            }
            message = self.message(name);
        }
        message
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
            let absent = if self.is_plain { 900 } else { 400 };
            let is_absent = part.name().starts_with('_') && self.chance.per_mille(absent);
            chosen.insert(index, (!is_absent).then(|| self.chance.index(count)));
        }
        let lists = APART.iter().find(|(apart, _)| *apart == name).map(|(_, lists)| *lists);
        let left_out = lists.and_then(|lists| self.chance.pick(lists)).filter(|_| self.is_plain);
        let mut seen: BTreeMap<i32, usize> = BTreeMap::new();
        for field in &message.field {
            if let Some(part) = field.oneof_index {
                let place = seen.entry(part).or_default();
                *place += 1;
                if chosen[&part] != Some(*place - 1) {
                    continue;
                }
            }
            if left_out.is_some_and(|names| names.contains(&field.name())) {
                continue;
            }
            if field.type_name() == RESOURCE && self.is_plain {
                let number = u64::try_from(field.number()).expect("positive");
                fields.extend(self.amounts(number));
                continue;
            }
            let is_needed = NEEDED.contains(&field.name()) || field.oneof_index.is_some();
            let count = match (field.label(), self.is_plain, is_needed) {
                (Label::Repeated, true, true) => 1 + u64::from(self.chance.per_mille(150)),
                (_, true, true) => 1,
                (_, true, false) => u64::from(self.chance.per_mille(120)),
                (Label::Repeated, ..) => self.chance.below(3),
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

    /// What a task may well ask for, and an agent have.
    fn amounts(&mut self, number: u64) -> Vec<Field> {
        let scale = self.chance.between(1, 4);
        let names: &[(&str, u64)] = &[("cpus", 250), ("mem", 32_000), ("disk", 16_000)];
        let count = 2 + usize::from(self.chance.per_mille(300));
        let one = |(name, milli): &(&str, u64)| {
            let scalar = Value::Message(vec![wire::varint(1, milli * scale)]);
            let name = Value::Bytes((*name).into());
            let fields = vec![Field { number: 1, value: name }, Field { number: 2, value: scalar }];
            Field { number, value: Value::Message(fields) }
        };
        names.iter().take(count).map(one).collect()
    }

    fn text(&mut self, name: &str) -> &'static str {
        let of_name = TEXTS.iter().find(|(end, _)| name == *end || name.ends_with(end));
        let words = of_name.map_or(WORDS, |(_, words)| words);
        // Messages that speak of the same things are more than strangers.
        match self.is_plain && of_name.is_some() && self.chance.per_mille(500) {
            true => words[0],
            false => self.chance.pick(words).expect("there are words"),
        }
    }

    fn variant(&mut self, name: &str) -> u64 {
        let Some(declared) = schemas().enums.get(name) else { panic!("no schema has {name}") };
        let mut values = declared.value.as_slice();
        if self.is_plain {
            // The first says nothing.
            values = values.get(1..).filter(|more| !more.is_empty()).unwrap_or(values);
        }
        let value = self.chance.pick(values).expect("an enum has values");
        u64::try_from(value.number()).expect("enums count from 0")
    }

    fn amount(&mut self, name: &str) -> u64 {
        match name {
            "milli" => 500 * self.chance.between(1, 4),
            "epoch" | "incarnation" | "sequence" | "version" | "size_version" => {
                self.chance.between(1, 2)
            }
            "begin" => 31_000 + self.chance.below(4),
            "end" => 31_004 + self.chance.below(4),
            _ if !self.is_plain && self.chance.per_mille(100) => u64::MAX >> self.chance.below(64),
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
    use proto::{
        convert::{body::read_body, calls, orders, task},
        model::Refusal,
        wire::v1,
    };

    /// How many of a thousand are believed.
    fn believed(name: &str, read: impl Fn(&[u8]) -> Result<(), Refusal>) -> usize {
        let mut inventor = Inventor::new(1);
        let mut refused: BTreeMap<String, usize> = BTreeMap::new();
        let is_believed = |bytes: Vec<u8>| match read(&bytes) {
            Ok(()) => true,
            Err(no) => {
                *refused.entry(no.to_string()).or_default() += 1;
                false
            }
        };
        let count = (0..1_000).map(|_| inventor.message(name)).map(is_believed);
        let count = count.filter(|is_believed| *is_believed).count();
        let mut refused: Vec<_> = refused.into_iter().map(|(why, count)| (count, why)).collect();
        refused.sort_by(|a, b| b.cmp(a));
        refused.truncate(12);
        println!("{name}: {count} of 1000; {refused:#?}");
        count
    }

    /// Inputs that are refused at the door find nothing behind it.
    #[test]
    fn many_of_the_messages_are_believed() {
        let task = believed("bourse.v1.TaskInfo", |bytes| {
            read_body(bytes).and_then(task::read_task_info).map(drop)
        });
        let accept = believed("bourse.v1.AcceptRequest", |bytes| {
            read_body(bytes).and_then(calls::read_accept).map(drop)
        });
        let subscribe = believed("bourse.v1.SubscribeRequest", |bytes| {
            read_body(bytes).and_then(calls::read_subscribe).map(drop)
        });
        let agent = believed("bourse.v1.AgentMessage", |bytes| {
            read_body(bytes).and_then(orders::read_agent_message).map(drop)
        });
        let order = believed("bourse.v1.MasterMessage", |bytes| {
            read_body(bytes).and_then(orders::read_master_message).map(drop)
        });
        let least = [task, accept, subscribe, agent, order].into_iter().min();
        assert!(least >= Some(200), "{task} {accept} {subscribe} {agent} {order}");
    }

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
